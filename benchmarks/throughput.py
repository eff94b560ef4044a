"""How many requests uvicorn answers with and without middleware: `make throughput`, which writes docs/metrics.md.

One worker (uvloop, httptools) on one processor, a client with keep-alive connections on another, short rounds by
turns over all; with rounds of a second or more (ARGS="--rounds 5 --seconds 4") `wrk` is the client, if installed.
Servers are started anew several times: where a process happens to have its objects is some percent, too.
Counted are requests for each second of the server's processor time: when nothing else runs that is requests a second,
and where something does, its turns are not ours. The application is Starlette's small JSON. Exit code 1 when a share of
the bare application is below its limit.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from tqdm import tqdm

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
PATH = "/shop5/items/17"
CONNECTIONS = 16
TIMES = 5
LIMITS = {"metrics": 0.92, "everything": 0.80}
NAMES = {
    "bare": "the application alone",
    "passing": "a middleware that hands on each message",
    "headers": "the same, with ten headers for the response",
    "metrics": "`PerformanceMiddleware`",
    "everything": "and request ids, deadlines, security headers, limits of bodies, rates and load, compression",
    "cached": "and `CacheMiddleware`, which answers",
    "instrumentator": "prometheus-fastapi-instrumentator",
    "exporter": "starlette-exporter",
}


def application() -> Starlette:
    """Ten routes, of which one is asked."""

    async def endpoint(request):
        return JSONResponse({"number": request.path_params["number"], "name": "Cerrado", "price": 4990})

    return Starlette(routes=[Route(f"/shop{n}/items/{{number}}", endpoint) for n in range(10)])


def bare():
    return application()


class Passing:
    """The least that a middleware can be which sees the response: what is below it is the server's and Python's."""

    def __init__(self, app, headers=()):
        self.app = app
        self.headers = headers

    async def __call__(self, scope, receive, send):
        async def told(message):
            if self.headers and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self.headers]}
            await send(message)

        await self.app(scope, receive, told)


def passing():
    app = application()
    app.add_middleware(Passing)
    return app


def headers():
    """As many as `everything` adds: an id, six for security, three of the rate limit."""
    app = application()
    app.add_middleware(
        Passing,
        headers=[(b"x-header-%d" % number, b"some forty letters, as they are sent now") for number in range(10)],
    )
    return app


def metrics():
    from mestres_perf import Metrics, instrument

    return instrument(application(), metrics=Metrics())


def everything(app=None):
    """What a careful shop would put around it, the outermost last."""
    import mestres_perf as perf

    app = app or application()
    app.add_middleware(perf.CompressionMiddleware)
    app.add_middleware(perf.AdmissionMiddleware, rate=perf.RateLimit("1000000/s"), load=perf.AdaptiveLimit())
    app.add_middleware(perf.BodyLimitMiddleware)
    app.add_middleware(perf.DeadlineMiddleware, seconds=10.0)
    app.add_middleware(perf.SecurityHeadersMiddleware)
    app.add_middleware(perf.RequestIdMiddleware)
    return perf.instrument(app, metrics=perf.Metrics())


def cached():
    import mestres_perf as perf

    app = application()
    app.add_middleware(perf.CacheMiddleware, cache=perf.Cache("pages"), default_ttl=60)
    return everything(app)


def instrumentator():
    from prometheus_fastapi_instrumentator import Instrumentator

    app = application()
    Instrumentator().instrument(app)
    return app


def exporter():
    from starlette_exporter import PrometheusMiddleware

    app = application()
    app.add_middleware(PrometheusMiddleware)
    return app


MADE = {"bare": bare, "passing": passing, "headers": headers, "metrics": metrics, "everything": everything,
        "cached": cached, "instrumentator": instrumentator, "exporter": exporter}  # fmt: skip


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int

    def seconds(self) -> float:
        """Processor time until now."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def serve(name: str, descriptor: int, processor: int) -> None:
    import uvicorn

    os.sched_setaffinity(0, {processor})
    config = uvicorn.Config(MADE[name](), loop="uvloop", http="httptools", log_level="error", access_log=False)
    # With `fd=` it is taken for a Unix socket: without TCP_NODELAY each answer waits 40 ms, and the server sleeps.
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


@contextmanager
def running(name: str, processor: int) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor = listening.fileno()
        command = [sys.executable, __file__, "--serve", name, str(descriptor), str(processor)]
        process = subprocess.Popen(command, pass_fds=[descriptor])
        port = listening.getsockname()[1]
    try:
        ask(port, 0.5, CONNECTIONS)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait()


def ask(port: int, seconds: float, connections: int) -> int:
    """Requests that were answered in so many seconds: each connection has one under way."""
    request = f"GET {PATH} HTTP/1.1\r\nHost: shop\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    poll, sockets = select.epoll(), {}
    with ExitStack() as stack:
        for _ in range(connections):
            each = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sockets[each.fileno()] = each
            poll.register(each, select.EPOLLIN)
            each.send(request)
        answered, until = 0, time.perf_counter() + seconds
        first = True
        while time.perf_counter() < until or first:
            for descriptor, _ in poll.poll(5):
                answer = sockets[descriptor].recv(65536)
                if not answer.startswith((b"HTTP/1.1 200", b"{")):
                    raise RuntimeError(f"the server said {answer[:80]!r}")
                if not answer.endswith(b"}"):  # the head alone
                    continue
                sockets[descriptor].send(request)
                answered += 1
                first = False
    return answered


def asked_by_wrk(port: int, seconds: float, connections: int) -> int:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", f"http://127.0.0.1:{port}{PATH}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    return int(re.search(r"(\d+) requests in", said)[1])


def measure(names: list[str], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Requests for each second of the server's processor time, by round."""
    processors = sorted(os.sched_getaffinity(0))
    load = asked_by_wrk if seconds >= 1 and shutil.which("wrk") else ask
    found: dict[str, list[float]] = {name: [] for name in names}
    for round_ in tqdm(range(TIMES), desc="starts", leave=False, file=sys.stderr):
        os.sched_setaffinity(0, processors)
        with ExitStack() as stack:
            servers = {name: stack.enter_context(running(name, processors[0])) for name in names}
            os.sched_setaffinity(0, {processors[-1]})
            for _ in range(round_, rounds, TIMES):
                for name, server in servers.items():
                    before = server.seconds()
                    answered = load(server.port, seconds, CONNECTIONS)
                    found[name].append(answered / (server.seconds() - before))
    return found


def table(found: dict[str, list[float]]) -> tuple[str, bool]:
    """As Markdown, and whether every limit is kept. Shares are medians over rounds, each with its own bare round."""
    lines = [
        "| around the application | requests/s | of the application alone | more for a request, µs |",
        "| --- | ---: | ---: | ---: |",
    ]
    fine = True
    for name, rates in found.items():
        pairs = list(zip(rates, found["bare"], strict=True))
        share = statistics.median(rate / alone for rate, alone in pairs)
        more = statistics.median(1e6 / rate - 1e6 / alone for rate, alone in pairs)
        limit = LIMITS.get(name)
        fine &= limit is None or share >= limit
        lines.append(f"| {NAMES[name]} | {statistics.median(rates):,.0f} | {100 * share:.0f} % | {more:.0f} |")
    return "\n".join(lines), fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--only", nargs="+", choices=MADE, help="no table is written then")
    options = parser.parse_args()
    if options.serve:
        name, descriptor, processor = options.serve
        serve(name, int(descriptor), int(processor))
        return 0
    names = ["bare", *(name for name in options.only or MADE if name != "bare")]
    found = measure(names, options.rounds, options.seconds)
    text, fine = table(found)
    print(text)
    print(
        f"\nlimits: {', '.join(f'{name} {share:.0%}' for name, share in LIMITS.items())}: {'ok' if fine else 'MISSED'}"
    )
    if not options.only:
        begin, end = "<!-- throughput: made by `make throughput` -->", "<!-- end of throughput -->"
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(begin)
        PAGE.write_text(f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
