"""The pages that the two middlewares answer themselves, over HTTP clients of both kinds."""

import asyncio
import io
import json

import httpx
import pytest
from flask import Flask

from mestres_perf import Metrics, WSGIPerformanceMiddleware, instrument
from perf.http import watched


@pytest.fixture(params=["fastapi", "flask"])
def site(request):
    return watched.site(request.param)


def get(site, path):
    async def ask():
        transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path)

    if site.is_asgi:
        return asyncio.run(ask())
    transport = httpx.WSGITransport(site.app, raise_app_exceptions=False)
    with httpx.Client(transport=transport, base_url="http://shop") as client:
        return client.get(path)


def test_metrics_page(site):
    """/metrics has the specification's names, and is not counted itself."""
    get(site, "/api/v1/items/1")
    page = get(site, "/metrics")

    assert page.headers["content-type"].startswith("text/plain")
    for name in ("http_requests_total", "http_request_duration_seconds_bucket"):
        assert f"\n{name}" in page.text
    for name in ("database_connections_active", "database_connections_max"):
        assert f'\n{name}{{pool=""}} 0' in page.text
    assert "\nsystem_disk_usage_ratio " in page.text
    assert "\ncache_hit_rate " not in page.text  # nobody has asked a cache
    assert sum(site.series("http_requests_total").values()) == 1


def test_health_pages(site):
    """live answers, performance has what the contract says, and nothing is a number that JSON does not know."""
    assert get(site, "/health/live").json() == {"status": "alive"}
    quiet = get(site, "/health/performance").json()
    get(site, "/api/v1/items/1")
    busy = json.loads(get(site, "/health/performance").text, parse_constant=pytest.fail)

    assert quiet["metrics"]["response_time_p95"] is None
    assert quiet["status"] == "healthy"
    assert {
        "response_time_p50", "response_time_p95", "response_time_p99", "error_rate", "requests_per_second",
        "database_connections", "cache_hit_rate", "memory_usage", "cpu_usage", "disk_usage", "network_usage",
    } == busy["metrics"].keys()  # fmt: skip
    assert {"status", "metrics", "system", "thresholds", "timestamp"} == busy.keys()
    assert 0 < busy["metrics"]["response_time_p95"] < 10_000


def bare(ready):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    return instrument(app, metrics=Metrics(), ready=ready)


def test_readiness():
    """/health/ready is 503 until the application says that it may be used; a check that fails says no."""
    state = [False]
    app = bare(lambda: state[0])

    assert watched.ask_asgi(app, "/health/ready") == 503
    state[0] = True
    assert watched.ask_asgi(app, "/health/ready") == 200
    assert watched.ask_asgi(bare(lambda: 1 / 0), "/health/ready") == 503


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
