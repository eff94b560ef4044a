"""Spans for requests, loads and breakers, as OpenTelemetry's own SDK sees them."""

import asyncio
import json
import logging
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mestres_perf import Cache, CircuitBreaker, JsonFormatter
from mestres_perf._kernel.current import TRACE_ID
from mestres_perf.contrib.opentelemetry import TracingMiddleware, WSGITracingMiddleware, trace_breaker, trace_cache
from mestres_perf.errors import ConfigurationError
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A provider, and the spans that have ended."""

    def __init__(self):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self):
        return self._exporter.get_finished_spans()


@pytest.fixture
def traced():
    traced = Traced()
    yield traced
    traced.provider.shutdown()


def stack(face, reply, traced, **options):
    return Stack(face, reply, (TracingMiddleware, WSGITracingMiddleware, {"provider": traced.provider, **options}))


@FACE
def test_a_span_for_each_request(face, traced):
    """Named by method and template, a child of its caller's; what runs within is in it, and nothing afterwards."""
    within = []

    def reply(asked):
        within.append(trace.get_current_span().get_span_context().span_id)
        return Reply([b"1", lambda: within.append(len(traced.spans)) or b"2"], 201)

    stack(face, reply, traced, route=lambda _: "/items/{id}").ask("/items/5", {"traceparent": CALLER})
    (span,) = traced.spans
    assert (span.name, span.kind) == ("GET /items/{id}", trace.SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "http.route": "/items/{id}",
        "url.scheme": "http",
    }
    assert (f"{span.parent.span_id:016x}", f"{span.context.trace_id:032x}") == tuple(reversed(CALLER.split("-")[1:3]))
    assert within == [span.context.span_id, 0]
    assert not trace.get_current_span().get_span_context().is_valid
    assert TRACE_ID.get() == ""


def test_a_body_that_nobody_closes_leaves_no_span_behind(traced):
    """A body that stays open is in its span when it is asked, and the server's thread never is."""
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [])
        return (b"%d" % (seen.append(TRACE_ID.get()) or 1) for _ in range(2))

    site = WSGITracingMiddleware(app, provider=traced.provider)
    chunks = iter(site({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_TRACEPARENT": CALLER}, lambda *_: None))
    for _ in range(2):
        assert TRACE_ID.get() == ""
        assert not trace.get_current_span().get_span_context().is_valid
        next(chunks)
    assert seen == [CALLER.split("-")[1]] * 2
    assert not trace.get_current_span().get_span_context().is_valid


@FACE
def test_the_trace_is_in_the_logs(face, traced):
    """A record that is logged within a request has its trace."""
    lines = []

    def reply(asked):
        lines.append(json.loads(JsonFormatter().format(logging.makeLogRecord({"msg": "hello"}))))
        return Reply()

    stack(face, reply, traced).ask("/", {"traceparent": CALLER})
    assert lines[0]["trace_id"] == CALLER.split("-")[1]


@FACE
def test_errors(face, traced):
    """A 5xx and an exception are errors; the exception is recorded and raised on."""

    def reply(asked):
        raise RuntimeError("boom")

    stack(face, Reply(status=503), traced).ask()
    stack(face, Reply(status=404), traced).ask()
    with pytest.raises(RuntimeError):
        stack(face, reply, traced).ask()
    busy, missing, broken = traced.spans
    assert [span.status.status_code.name for span in (busy, missing, broken)] == ["ERROR", "UNSET", "ERROR"]
    assert broken.attributes["error.type"] == "RuntimeError"
    assert [event.name for event in broken.events] == ["exception"]


@FACE
def test_paths_without_a_span(face, traced):
    """Health checks have none; a path that no route knows, and a method that is made up, name none."""
    stack(face, Reply(), traced).ask("/health/live")
    assert traced.spans == ()
    stack(face, Reply(), traced).ask("/nowhere", method="BREW")
    assert traced.spans[0].name == "_OTHER"
    with pytest.raises(ConfigurationError):
        stack(face, Reply(), traced, exclude="/health")


def test_the_templates_of_frameworks(traced):
    """FastAPI's and Flask's templates name their spans, written alike."""
    fast, flask = FastAPI(), Flask(__name__)

    @fast.get("/items/{number}")
    def item(number: int):
        return number

    @flask.get("/items/<int:number>")
    def another(number):
        return str(number)

    async def main():
        transport = httpx.ASGITransport(TracingMiddleware(fast, provider=traced.provider))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await client.get("/items/5")

    asyncio.run(main())
    flask.wsgi_app = WSGITracingMiddleware(flask.wsgi_app, provider=traced.provider)
    flask.test_client().get("/items/5").close()
    assert [span.name for span in traced.spans] == ["GET /items/{number}"] * 2


@FACE
def test_loads_and_breakers(face, traced):
    """A load is a span below its request's, an error marks it, a hit has none; a breaker's transition is an event."""
    cache, breaker = Cache("traced"), CircuitBreaker("payments", failure_threshold=1)
    end = trace_cache(cache, provider=traced.provider)
    trace_breaker(breaker)

    def fails():
        raise RuntimeError("boom")

    def reply(asked):
        for _ in range(2):
            cache.get_or_load("a", lambda: 1)
        for failing in (lambda: cache.get_or_load("b", fails), lambda: breaker.call(fails)):
            with pytest.raises(RuntimeError):
                failing()
        return Reply()

    stack(face, reply, traced).ask()
    loaded, failed, request = traced.spans
    assert [span.name for span in (loaded, failed)] == ["cache load traced"] * 2
    assert {span.parent.span_id for span in (loaded, failed)} == {request.context.span_id}
    assert [span.status.is_ok for span in (loaded, failed)] == [True, False]
    (event,) = request.events
    assert dict(event.attributes) == {
        "breaker.name": "payments",
        "breaker.before": "closed",
        "breaker.after": "open",
    }
    end()
    cache.get_or_load("c", lambda: 1)
    assert len(traced.spans) == 3
    cache.close()


def test_without_opentelemetry():
    """Where it is not installed the module says what to install, and the rest of the package does without."""
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import mestres_perf.http, mestres_perf.logs\n"
        "try:\n    import mestres_perf.contrib.opentelemetry\n"
        "except ModuleNotFoundError as missing:\n    print(missing)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'mestres[otel]'" in run.stdout
