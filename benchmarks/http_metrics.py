"""What metrics add to a request beside other exporters, as ratios of one run: `make http-metrics`.

Added is what a request takes with a middleware less what it takes without, in process, without a server. Rounds are
short and interleaved; each figure is the least of many rounds. Exit code 1 when a ratio is above its limit; rows
without a limit are for information.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import prometheus_client
from flask import Flask, jsonify
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_flask_exporter import PrometheusMetrics
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette_exporter import PrometheusMiddleware
from tqdm import tqdm

from mestres_perf import Metrics, instrument

CALLS = 20
Round = Callable[[], float]


@dataclass
class Row:
    """What `ours` adds to a request, and what `theirs` does. `most` is the highest ratio."""

    name: str
    ours: tuple[Round, Round]
    theirs: tuple[Round, Round]
    most: float | None = None
    best: dict[Round, float] = field(default_factory=dict)


def starlette(routes: int) -> Starlette:
    async def endpoint(request):
        return JSONResponse({"number": request.path_params["number"]})

    return Starlette(routes=[Route(f"/shop{n}/items/{{number}}", endpoint) for n in range(routes)])


def asgi(app, routes: int, loop: asyncio.AbstractEventLoop) -> Round:
    """Seconds for a request to the route in the middle."""
    path = f"/shop{routes // 2}/items/17"
    fixed = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"shop")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        pass

    async def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            await app(fixed.copy(), receive, send)
        return (time.perf_counter() - began) / CALLS

    return lambda: loop.run_until_complete(go())


def flask(wrap: Callable[[Flask], object] = id) -> Round:
    """Seconds for a request to one of ten routes."""
    app = Flask("shop")
    for n in range(10):
        app.add_url_rule(f"/shop{n}/items/<int:number>", f"items{n}", lambda number: jsonify(number=number))
    wrap(app)
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/shop5/items/17", "QUERY_STRING": "", "SERVER_NAME": "shop",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
        "wsgi.multiprocess": False, "wsgi.run_once": False, "HTTP_HOST": "shop",
    }  # fmt: skip

    def start(status, headers, exc_info=None):
        pass

    def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            body = app(environ.copy(), start)
            for _chunk in body:
                pass
            body.close()
        return (time.perf_counter() - began) / CALLS

    return go


def pfi(app: Starlette) -> Starlette:
    Instrumentator(registry=prometheus_client.CollectorRegistry()).instrument(app)
    return app


def exporter(app: Starlette) -> Starlette:
    app.add_middleware(PrometheusMiddleware)
    return app


def rows(loop: asyncio.AbstractEventLoop) -> list[Row]:
    bare, ours, theirs, others = {}, {}, {}, {}
    for n in (10, 100, 300):
        bare[n] = asgi(starlette(n), n, loop)
        ours[n] = asgi(instrument(starlette(n), metrics=Metrics()), n, loop)
        theirs[n] = asgi(pfi(starlette(n)), n, loop)
    for n in (10, 100):
        others[n] = asgi(exporter(starlette(n)), n, loop)
    plain = flask()
    watched = flask(lambda app: instrument(app, metrics=Metrics()))
    peer = flask(
        lambda app: PrometheusMetrics(app, group_by="url_rule", registry=prometheus_client.CollectorRegistry())
    )
    pairs = [(f"ASGI, {n} routes / instrumentator", n, theirs, 0.15) for n in (10, 100, 300)]
    pairs += [(f"ASGI, {n} routes / starlette-exporter", n, others, None) for n in (10, 100)]
    return [
        *(Row(name, (bare[n], ours[n]), (bare[n], those[n]), most) for name, n, those, most in pairs),
        Row("ASGI, 300 routes / 10 routes", (bare[300], ours[300]), (bare[10], ours[10]), 2.0),
        Row("Flask / prometheus-flask-exporter", (plain, watched), (plain, peer), 0.20),
    ]


def measure(rows: list[Row], rounds: int) -> dict[Round, float]:
    """The least of many rounds of each."""
    every = dict.fromkeys(each for row in rows for each in (*row.ours, *row.theirs))
    best = dict.fromkeys(every, float("inf"))
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for go in every:
            best[go] = min(best[go], go())
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    loop = asyncio.new_event_loop()
    all_rows = rows(loop)
    best = measure(all_rows, options.rounds)
    loop.close()
    print(f"{'':40}{'bare, us':>10}{'added, us':>12}{'theirs, us':>12}{'ratio':>8}{'limit':>8}")
    failed = False
    for row in all_rows:
        ours, theirs = (best[with_it] - best[bare] for bare, with_it in (row.ours, row.theirs))
        ratio = ours / theirs
        failed |= row.most is not None and ratio > row.most
        limit = "" if row.most is None else f"{row.most:.2f}"
        figures = f"{1e6 * best[row.ours[0]]:10.1f}{1e6 * ours:12.2f}{1e6 * theirs:12.2f}"
        print(f"{row.name:40}{figures}{ratio:8.3f}{limit:>8}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
