"""The two middlewares, around real applications of both kinds."""

import asyncio
import contextlib
import io
import json

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI
from flask import Flask, Response
from starlette.responses import StreamingResponse

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware, instrument


def fastapi_app(metrics):
    app = FastAPI()
    router = APIRouter()

    @router.get("/items/{number}")
    def item(number: int):
        return {"number": number}

    @router.get("/boom")
    def boom():
        raise RuntimeError("boom")

    @router.get("/later")
    async def later(tasks: BackgroundTasks):
        tasks.add_task(asyncio.sleep, 0.05)
        return {}

    @router.get("/broken")
    def broken():
        def chunks():
            yield b"first"
            raise RuntimeError("broken")

        return StreamingResponse(chunks())

    outer = APIRouter()
    outer.include_router(router, prefix="/v1")
    app.include_router(outer, prefix="/api")
    return instrument(app, metrics=metrics)


def flask_app(metrics):
    app = Flask(__name__)

    @app.get("/api/v1/items/<int:number>")
    def item(number):
        return {"number": number}

    @app.get("/api/v1/boom")
    def boom():
        raise RuntimeError("boom")

    @app.get("/api/v1/broken")
    def broken():
        def chunks():
            yield b"first"
            raise RuntimeError("broken")

        return Response(chunks())

    app.testing = False
    return instrument(app, metrics=metrics)


class Site:
    """One application and a client that speaks to it in process."""

    def __init__(self, kind):
        self.metrics = Metrics(max_series=50)
        self.kind = kind
        self.app = {"asgi": fastapi_app, "wsgi": flask_app}[kind](self.metrics)

    def get(self, path, method="GET"):
        async def ask():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.request(method, path)

        if self.kind == "asgi":
            return asyncio.run(ask())
        transport = httpx.WSGITransport(self.app, raise_app_exceptions=False)
        with httpx.Client(transport=transport, base_url="http://shop") as client:
            return client.request(method, path)

    def series(self, name):
        """{labels without their names: value} of one metric."""
        return {
            tuple(sample.labels.values()): sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and sample.value
        }


@pytest.fixture(params=["asgi", "wsgi"])
def site(request):
    return Site(request.param)


def test_requests_are_counted_by_template(site):
    """The label is the whole template, prefixes included, however many paths there are."""
    for number in range(20):
        assert site.get(f"/api/v1/items/{number}").status_code == 200

    labels = ("GET", "/api/v1/items/{number}", "200")
    assert {labels: 20} == site.series("http_requests_total")
    assert {labels[:2]: 20} == site.series("http_request_duration_seconds_count")
    assert site.series("http_requests_in_progress") == {}


def test_what_nobody_knows_is_one_series(site):
    """A thousand invented paths and methods make one endpoint and one method."""
    for number in range(30):
        site.get(f"/wp-admin/{number}.php")
        site.get("/nowhere", method=f"HACK{number}")

    assert site.series("http_requests_total") == {
        ("GET", "__unmatched__", "404"): 30,
        ("_OTHER", "__unmatched__", "404"): 30,
    }


def test_an_exception_is_a_500_once(site):
    """An exception before the answer counts as one 500."""
    assert site.get("/api/v1/boom").status_code == 500

    assert site.series("http_requests_total") == {("GET", "/api/v1/boom", "500"): 1}


def test_a_response_that_breaks_off(site):
    """An exception in the middle of a body is counted as such; the status that was sent stays."""
    with contextlib.suppress(RuntimeError):
        site.get("/api/v1/broken")

    assert site.series("http_requests_total") == {("GET", "/api/v1/broken", "200"): 1}
    assert site.series("http_requests_failed_mid_response_total") == {("GET", "/api/v1/broken"): 1}
    assert site.series("http_requests_in_progress") == {}


def test_background_tasks_are_not_the_requests_time():
    """The time ends with the last byte, not with what is done afterwards."""
    site = Site("asgi")
    site.get("/api/v1/later")

    assert site.series("http_request_duration_seconds_sum")["GET", "/api/v1/later"] < 0.05


def test_metrics_page(site):
    """/metrics has the specification's names, and is not counted itself."""
    site.get("/api/v1/items/1")
    page = site.get("/metrics")

    assert page.headers["content-type"].startswith("text/plain")
    for name in ("http_requests_total", "http_request_duration_seconds_bucket"):
        assert f"\n{name}" in page.text
    for name in ("database_connections_active", "database_connections_max", "system_disk_usage_ratio"):
        assert f"\n{name} " in page.text
    assert "\ncache_hit_rate " not in page.text  # nobody has asked a cache
    assert sum(site.series("http_requests_total").values()) == 1


def test_health_pages(site):
    """live answers, performance has what the contract says, and nothing is a number that JSON does not know."""
    assert site.get("/health/live").json() == {"status": "alive"}
    quiet = site.get("/health/performance").json()
    site.get("/api/v1/items/1")
    busy = json.loads(site.get("/health/performance").text, parse_constant=pytest.fail)

    assert quiet["metrics"]["response_time_p95"] is None
    assert quiet["status"] == "healthy"
    assert {
        "response_time_p50", "response_time_p95", "response_time_p99", "error_rate", "requests_per_second",
        "database_connections", "cache_hit_rate", "memory_usage", "cpu_usage", "disk_usage", "network_usage",
    } == busy["metrics"].keys()  # fmt: skip
    assert {"status", "metrics", "system", "thresholds", "timestamp"} == busy.keys()
    assert 0 < busy["metrics"]["response_time_p95"] < 10_000


def test_too_many_labels_overflow(site):
    """A metric has no more series than allowed; what does not fit is counted as overflow."""
    for number in range(80):
        site.metrics.calls.child(f"function{number}", "success").inc()
    counted = site.series("function_calls_total")

    assert len(counted) == 51
    assert counted["__overflow__", "__overflow__"] == 30


def bare(ready):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    return instrument(app, metrics=Metrics(), ready=ready)


def ask(app, path, messages=()):
    sent = []
    waiting = list(messages)

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent


def test_readiness():
    """/health/ready is 503 until the application says that it may be used; a check that fails says no."""
    state = [False]
    app = bare(lambda: state[0])

    assert ask(app, "/health/ready")[0]["status"] == 503
    state[0] = True
    assert ask(app, "/health/ready")[0]["status"] == 200
    assert ask(bare(lambda: 1 / 0), "/health/ready")[0]["status"] == 503


def test_a_client_that_goes_away_is_a_499():
    """Cancellation is the client's doing, not the application's: 499, and nothing stays in progress."""
    metrics = Metrics()

    async def app(scope, receive, send):
        await asyncio.sleep(30)

    watched = PerformanceMiddleware(app, metrics=metrics)

    async def main():
        task = asyncio.create_task(watched({"type": "http", "method": "GET", "path": "/", "headers": []}, None, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    samples = {s.name: s for f in metrics.registry.collect() for s in f.samples if s.name.startswith("http_requests_")}

    assert samples["http_requests_total"].labels["status"] == "499"
    assert samples["http_requests_in_progress"].value == 0


def test_other_protocols_pass_untouched():
    """Websockets and lifespan reach the application as they came."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], receive, send))

    watched = PerformanceMiddleware(app, metrics=Metrics())
    for kind in ("websocket", "lifespan"):
        asyncio.run(watched({"type": kind}, "receive", "send"))

    assert seen == [("websocket", "receive", "send"), ("lifespan", "receive", "send")]


def test_wsgi_close_is_passed_on():
    """`close` of the application's body is called once, and a body that was not read to its end is a 499."""
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            closed.append(1)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    metrics = Metrics()
    watched = WSGIPerformanceMiddleware(app, metrics=metrics)
    body = watched({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
    assert next(iter(body)) == b"a"
    body.close()
    statuses = [
        sample.labels["status"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "http_requests_total" and sample.value
    ]

    assert (closed, statuses) == ([1], ["499"])


def test_made_twice():
    """Two applications with metrics of their own do not clash."""
    bare(None)
    bare(None)


def test_a_stream_behind_a_server_that_asks_for_lengths():
    """A body without a length has none behind the middleware: a server that asks how long it is must not be misled."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: app.response_class(chunk for chunk in ("one", "two")))
    told = []

    def start(status, headers, exc_info=None):
        told.append(status)

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "80",
               "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}  # fmt: skip
    body = WSGIPerformanceMiddleware(app, metrics=Metrics())(environ, start)
    assert not hasattr(body, "__len__")
    assert b"".join(body) == b"onetwo"
    assert told == ["200 OK"]
    sized = WSGIPerformanceMiddleware(lambda environ, start: [b"1", b"2"], metrics=Metrics())(environ, start)
    assert len(sized) == 2
