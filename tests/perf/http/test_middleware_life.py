"""The life of one request: when its time begins and ends, and what becomes of those that end badly."""

import asyncio
import contextlib
import contextvars
import gc
import http
import io
import threading

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware, instrument
from perf.http.watched import KINDS, Boom, ask_asgi, ask_wsgi, environ, scope, series, site
from perf.resilience.clocks import Clock

REQUESTS = "http_requests_total"
BROKEN = "http_requests_failed_mid_response_total"
SECONDS = "http_request_duration_seconds_sum"
FIRST = "http_response_start_seconds_sum"
UNDER_WAY = "http_requests_in_progress"


@pytest.fixture(params=KINDS)
def shop(request):
    return site(request.param)


def statuses(metrics):
    """{status: requests}."""
    return {status: value for (*_, status), value in series(metrics, REQUESTS).items()}


@pytest.mark.scenario("H7")
def test_work_after_the_answer_is_not_its_time(shop):
    """What is done when the answer has gone out, by a background task or on closing, is not the request's time."""
    began = shop.clock.now
    assert shop.ask("/api/v1/later") == 200

    assert shop.clock.now - began == pytest.approx(0.3)
    assert shop.series(SECONDS) == {}
    assert shop.series("http_request_duration_seconds_count") == {("GET", "/api/v1/later"): 1}


@pytest.mark.scenario("H8")
def test_a_stream_is_timed_to_its_last_byte(shop):
    """The time of a stream is that of all its chunks; that to its first byte is a histogram of its own."""
    assert shop.ask("/api/v1/stream") == 200

    assert shop.series(SECONDS) == {("GET", "/api/v1/stream"): pytest.approx(0.3)}
    assert shop.series("http_response_start_seconds_count") == {("GET", "/api/v1/stream"): 1}
    assert all(seconds < 0.05 for seconds in shop.series(FIRST).values())


@pytest.mark.scenario("H9")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Django leaves a file open
def test_a_response_that_breaks_off(shop):
    """An exception in the middle of a body is counted as such; the status that was sent stays."""
    with pytest.raises((Boom, ExceptionGroup)):
        shop.ask("/api/v1/broken")
    gc.collect()

    assert shop.series(REQUESTS) == {("GET", "/api/v1/broken", "200"): 1}
    assert shop.series(BROKEN) == {("GET", "/api/v1/broken"): 1}
    assert shop.series(UNDER_WAY) == {}


@pytest.mark.scenario("H10")
def test_an_exception_is_a_500_once(shop):
    """An exception before the answer is one 500, and whoever is to see it does."""
    try:
        status = shop.ask("/api/v1/boom")
    except Boom:
        status = 500

    assert status == 500
    assert shop.series(REQUESTS) == {("GET", "/api/v1/boom", "500"): 1}
    assert shop.series(BROKEN) == {}


@pytest.mark.scenario("H10")
@pytest.mark.parametrize("error", [Boom("x"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_comes_out_unchanged(error):
    """The very same exception reaches the server, of whatever kind."""

    async def app(scope, receive, send):
        raise error

    def wsgi(environ, start_response):
        raise error

    for watched, ask in ((PerformanceMiddleware(app), ask_asgi), (WSGIPerformanceMiddleware(wsgi), ask_wsgi)):
        watched.metrics.requests.child("GET", "__unmatched__", "500")
        before = series(watched.metrics, REQUESTS).get(("GET", "__unmatched__", "500"), 0)
        with pytest.raises(type(error)) as caught:
            ask(watched, "/")
        assert caught.value is error
        assert series(watched.metrics, REQUESTS)["GET", "__unmatched__", "500"] == before + 1


def run(watched, receive, send, path="/"):
    asyncio.run(watched(scope(path), receive, send))


async def nothing(message):
    pass


@pytest.mark.scenario("H11")
def test_a_cancelled_request_is_a_499():
    """Cancellation is the client's doing, before the answer and in its middle: 499, and nothing stays under way."""
    metrics = Metrics()

    async def app(scope, receive, send):
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def main(path):
        task = asyncio.create_task(PerformanceMiddleware(app, metrics=metrics)(scope(path), None, nothing))
        await asyncio.sleep(0)
        assert series(metrics, UNDER_WAY) == {(): 1}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for path in ("/", "/begun"):
        asyncio.run(main(path))

    assert statuses(metrics) == {"499": 2}
    assert series(metrics, UNDER_WAY) == {}
    assert series(metrics, BROKEN) == {}


@pytest.mark.scenario("H11")
@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_client_that_leaves_a_stream_is_a_499(version):
    """Whether the server says so by a message or by an OSError: Starlette's stream ends, and it is a 499."""
    metrics = Metrics()

    async def many():
        while True:
            yield b"x"
            await asyncio.sleep(0)

    async def endpoint(request):
        return StreamingResponse(many())

    app = instrument(Starlette(routes=[Route("/", endpoint)]), metrics=metrics)
    chunks, enough = [], asyncio.Event()

    async def receive():
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.body":
            chunks.append(1)
            if len(chunks) > 2 and version == "2.4":
                raise OSError
            if len(chunks) > 2:
                enough.set()

    where = scope("/")
    where["asgi"] = {"version": "3.0", "spec_version": version}
    with contextlib.suppress(ClientDisconnect):
        asyncio.run(app(where, receive, send))

    assert statuses(metrics) == {"499": 1}
    assert series(metrics, UNDER_WAY) == {}


@pytest.mark.scenario("H11")
def test_an_error_because_the_client_has_gone():
    """Whatever an application raises when it has been told that the client is gone, it is a 499."""
    metrics = Metrics()

    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ConnectionResetError

    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(ConnectionResetError):
        run(PerformanceMiddleware(app, metrics=metrics), receive, nothing)
    assert statuses(metrics) == {"499": 1}


@pytest.mark.scenario("H11")
@pytest.mark.parametrize("ending", ["body", "trailers", "none"])
def test_an_answer_to_a_client_that_has_gone(ending):
    """An endpoint that stops early because it was told that the client is gone, and answers something, is a 499."""
    metrics = Metrics()

    async def app(scope, receive, send):
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": ending == "trailers"})
        if ending != "none":
            await send({"type": "http.response.body", "body": b"stopped"})
        if ending == "trailers":
            await send({"type": "http.response.trailers", "headers": []})

    async def receive():
        return {"type": "http.disconnect"}

    run(PerformanceMiddleware(app, metrics=metrics), receive, nothing)
    assert statuses(metrics) == {"499": 1}
    assert series(metrics, BROKEN) == series(metrics, UNDER_WAY) == {}


@pytest.mark.scenario("H9")
@pytest.mark.parametrize("sent", ["start", "more to come", "no trailers"])
def test_an_application_that_returns_before_the_end(sent):
    """Who returns without a last chunk, or without the trailers that it promised, has broken off its answer."""
    metrics = Metrics()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": sent == "no trailers"})
        if sent != "start":
            await send({"type": "http.response.body", "body": b"a", "more_body": sent == "more to come"})

    run(PerformanceMiddleware(app, metrics=metrics), None, nothing)
    assert statuses(metrics) == {"200": 1}
    assert series(metrics, BROKEN) == {("GET", "__unmatched__"): 1}
    assert series(metrics, UNDER_WAY) == {}


@pytest.mark.scenario("H11")
def test_an_oserror_of_the_application_is_its_own():
    """An OSError that does not come from sending, such as that of a database, is a 500."""
    metrics = Metrics()

    async def app(scope, receive, send):
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        run(PerformanceMiddleware(app, metrics=metrics), None, nothing)
    assert statuses(metrics) == {"500": 1}


@pytest.mark.scenario("H11")
def test_a_loop_that_ends_in_the_middle():
    """A request whose coroutine is thrown away is a 499, not an error of the application's."""
    metrics = Metrics()

    async def app(scope, receive, send):
        await receive()

    class Never:
        def __await__(self):
            yield

    async def receive():
        await Never()

    request = PerformanceMiddleware(app, metrics=metrics)(scope("/"), receive, nothing)
    request.send(None)
    request.close()
    assert statuses(metrics) == {"499": 1}
    assert series(metrics, UNDER_WAY) == {}


def answering(body, status="200 OK", headers=()):
    """A WSGI application; `body` may be a function of the environ."""

    def app(environ, start_response):
        start_response(status, list(headers))
        return body(environ) if callable(body) else body

    return app


def wsgi(app, metrics=None):
    return WSGIPerformanceMiddleware(app, metrics=metrics or Metrics())


@pytest.mark.scenario("H11")
def test_a_wsgi_client_that_leaves():
    """A body that is closed before its end is a 499, and the application is told."""
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            closed.append(1)

    watched = wsgi(answering(Body()))
    body = watched(environ("/"), lambda *_: None)
    assert next(iter(body)) == b"a"
    body.close()

    assert (closed, statuses(watched.metrics)) == ([1], {"499": 1})


@pytest.mark.scenario("H12")
@pytest.mark.parametrize(
    ("body", "headers", "taken", "status"),
    [
        ([b"a", b"b"], [], 2, "200"),
        ([b"a", b"b"], [], 1, "499"),
        (lambda environ: iter([b"ab", b"c"]), [("content-length", "3")], 2, "200"),
        (lambda environ: iter([b"ab", b"c"]), [("Content-Length", "3")], 1, "499"),
        (lambda environ: iter([b"ab", b"c"]), [("Content-Length", "three")], 2, "499"),
        (lambda environ: iter([b"ab", b"c"]), [], 2, "499"),
    ],
)
def test_a_server_that_stops_at_the_last_chunk(body, headers, taken, status):
    """A server that has all bytes that were announced, or all chunks of a list, need not ask whether there are more."""
    watched = wsgi(answering(body, headers=headers))
    served = watched(environ("/"), lambda *_: None)
    chunks = iter(served)
    for _ in range(taken):
        next(chunks)
    served.close()

    assert statuses(watched.metrics) == {status: 1}
    assert series(watched.metrics, UNDER_WAY) == {}


@pytest.mark.scenario("H12")
def test_a_body_without_close():
    """An iterable that has no close, such as a list, is counted at its end."""
    watched = wsgi(answering([b"a", b"b"], "201 Created"))
    assert ask_wsgi(watched, "/") == 201
    body = watched(environ("/"), lambda *_: None)
    assert list(body) == [b"a", b"b"]

    assert statuses(watched.metrics) == {"201": 2}


@pytest.mark.scenario("H12")
def test_start_response_twice():
    """The second time it brings an error page: its status counts, and the server gets what it was given."""
    told = []

    def app(environ, start_response):
        start_response("200 OK", [])
        start_response("503 Service Unavailable", [("X", "1")], (Boom, Boom(), None))
        return [b"sorry"]

    watched = wsgi(app)
    list(watched(environ("/"), lambda *arguments: told.append(arguments)))

    assert [len(arguments) for arguments in told] == [2, 3]
    assert told[1][:2] == ("503 Service Unavailable", [("X", "1")])
    assert statuses(watched.metrics) == {"503": 1}


@pytest.mark.scenario("H12")
def test_start_response_too_late():
    """When the headers have gone out the server raises what it was given: the first status counts, as broken off."""

    def app(environ, start_response):
        start_response("200 OK", [])("first")
        start_response("500 Oh", [], (Boom, Boom(), None))

    def start(status, headers, exc_info=None):
        if exc_info:
            raise exc_info[1]
        return lambda data: None

    watched = wsgi(app)
    with pytest.raises(Boom):
        watched(environ("/"), start)

    assert statuses(watched.metrics) == {"200": 1}
    assert series(watched.metrics, BROKEN) == {("GET", "__unmatched__"): 1}


@pytest.mark.scenario("H12")
def test_write():
    """The old `write` is the server's own."""
    written = []

    def app(environ, start_response):
        start_response("200 OK", [])(b"old")
        return []

    watched = wsgi(app)
    list(watched(environ("/"), lambda *_: written.append))

    assert written == [b"old"]
    assert statuses(watched.metrics) == {"200": 1}


@pytest.mark.scenario("H12")
def test_a_server_that_never_closes():
    """A body that is dropped in its middle is over when nobody has it any more."""
    watched = wsgi(answering(iter([b"a", b"b"])))
    body = watched(environ("/"), lambda *_: None)
    next(body)
    assert series(watched.metrics, UNDER_WAY) == {(): 1}
    del body
    gc.collect()

    assert statuses(watched.metrics) == {"499": 1}
    assert series(watched.metrics, UNDER_WAY) == {}


@pytest.mark.scenario("H12")
def test_the_file_wrapper_is_kept():
    """A file goes to the server as the application made it, so that the server may send it itself."""

    class Wrapper:
        def __init__(self, file):
            self.file = file

    watched = wsgi(answering(lambda environ: environ["wsgi.file_wrapper"](io.BytesIO(b"file"))))
    body = watched({**environ("/"), "wsgi.file_wrapper": Wrapper}, lambda *_: None)

    assert type(body) is Wrapper
    assert statuses(watched.metrics) == {"200": 1}


@pytest.mark.scenario("H12")
def test_lengths_are_those_of_the_application():
    """A body that has a length has one behind the middleware; one that has none has none."""
    sized = wsgi(answering([b"1", b"2"]))(environ("/"), lambda *_: None)
    assert len(sized) == 2
    streamed = wsgi(answering(iter([b"1"])))(environ("/"), lambda *_: None)
    assert not hasattr(streamed, "__len__")


@pytest.mark.scenario("H12")
def test_an_application_that_is_a_generator():
    """`start_response` may be called with the first chunk; an exception before it is a 500."""

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/boom":
            raise Boom
        start_response("202 Accepted", [])
        yield b"x"

    watched = wsgi(app)
    assert list(watched(environ("/"), lambda *_: None)) == [b"x"]
    with pytest.raises(Boom):
        list(watched(environ("/boom"), lambda *_: None))

    assert statuses(watched.metrics) == {"202": 1, "500": 1}


@pytest.mark.scenario("H13")
def test_other_protocols_pass_untouched():
    """Websockets and lifespan reach the application as they came, and are not counted."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    watched = PerformanceMiddleware(app, metrics=Metrics())
    given = [({"type": kind}, object(), object()) for kind in ("websocket", "lifespan")]
    for each in given:
        asyncio.run(watched(*each))

    assert all(a is b for arrived, sent in zip(seen, given, strict=True) for a, b in zip(arrived, sent, strict=True))
    assert statuses(watched.metrics) == {}


@pytest.mark.scenario("H13")
@pytest.mark.parametrize(
    "last",
    [
        [{"type": "http.response.pathsend", "path": "/tmp/x"}],
        [{"type": "http.response.zerocopysend", "file": 3}],
        [{"type": "http.response.body", "body": b""}, {"type": "http.response.trailers", "headers": []}],
        [
            {"type": "http.response.body", "body": b""},
            {"type": "http.response.trailers", "headers": [], "more_trailers": True},
            {"type": "http.response.trailers", "headers": []},
        ],
    ],
    ids=["pathsend", "zerocopysend", "trailers", "more trailers"],
)
def test_extensions_pass(last):
    """Early hints, pushes, files and trailers are the very messages; the time ends with the last of them."""
    clock, sent = Clock(), []
    metrics = Metrics(clock=clock)
    start = {"type": "http.response.start", "status": 200, "headers": [], "trailers": len(last) > 1}
    messages = [{"type": "http.response.early_hint", "links": []}, start, *last]

    async def app(scope, receive, send):
        for message in messages:
            clock.now += 1
            await send(message)
        clock.now += 5

    async def send(message):
        sent.append(message)

    run(PerformanceMiddleware(app, metrics=metrics), None, send)

    assert all(a is b for a, b in zip(sent, messages, strict=True))
    assert series(metrics, SECONDS) == {("GET", "__unmatched__"): len(messages)}
    assert statuses(metrics) == {"200": 1}


@pytest.mark.parametrize("status", [99, -1, 0, 600, 1000, 10**9])
def test_a_status_that_is_none(status):
    """A number that HTTP does not know is one value of the label, and the answer is counted."""
    metrics = Metrics()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    run(PerformanceMiddleware(app, metrics=metrics), None, nothing)
    assert statuses(metrics) == {"_OTHER": 1}


@pytest.mark.scenario("H14")
def test_context_variables_come_out():
    """What an endpoint sets in a context variable is there for whatever is around the middleware."""
    user = contextvars.ContextVar("user", default=None)

    async def endpoint(request):
        user.set("ana")
        return JSONResponse({})

    app = instrument(Starlette(routes=[Route("/", endpoint)]), metrics=Metrics())
    seen = []

    async def outer(scope, receive, send):
        await app(scope, receive, send)
        seen.append(user.get())

    ask_asgi(outer, "/")
    assert seen == ["ana"]

    def view(environ, start_response):
        user.set("eva")
        start_response("200 OK", [])
        return [b"x"]

    contextvars.copy_context().run(lambda: (ask_wsgi(wsgi(view), "/"), seen.append(user.get())))
    assert seen == ["ana", "eva"]


@pytest.mark.scenario("H15")
def test_statuses_are_digits():
    """A status that is an HTTPStatus is counted by its number; one that is none at all is not a series."""
    metrics = Metrics()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": http.HTTPStatus.OK, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert ask_asgi(PerformanceMiddleware(app, metrics=metrics), "/") == 200
    list(wsgi(answering([b"x"], "bad"), metrics)(environ("/"), lambda *_: None))

    assert statuses(metrics) == {"200": 1}
    assert series(metrics, "metrics_errors_total") == {(): 1}


def break_everything(metrics, where, monkeypatch):
    def fail(*arguments):
        raise Boom("metrics")

    if where == "labels":
        monkeypatch.setattr(type(metrics.requests), "child", fail)
    elif where == "cells":
        monkeypatch.setattr(metrics.in_progress, "_values", None)
    elif where == "ticks":
        monkeypatch.setattr(metrics._book, "tick", fail)
        metrics._book.due = 0.0


@pytest.mark.scenario("H16")
@pytest.mark.parametrize("where", ["labels", "cells", "ticks"])
def test_an_error_in_counting_never_reaches_the_answer(where, monkeypatch, caplog):
    """Whatever fails in the metrics, the answer is what it would have been, and somebody can see that it failed."""
    for kind in ("fastapi", "flask", "asgi", "wsgi"):
        shop = site(kind)
        shop.ask("/nowhere")
        with monkeypatch.context() as patch:
            break_everything(shop.metrics, where, patch)
            assert shop.ask("/api/v1/items/1") == 200
            assert shop.ask("/api/v1/stream") == 200
            with pytest.raises((Boom, ExceptionGroup), match=r"^(?!metrics)"):
                shop.ask("/api/v1/broken")
        if where == "ticks":
            assert shop.series("metrics_errors_total") == {(): 3}
            assert shop.series(UNDER_WAY) == {}

    assert "could not be counted" in caplog.text


@pytest.mark.scenario("H16")
def test_a_route_function_that_fails():
    """A request whose `route` raises is counted all the same, as unmatched, and so is the error."""

    def fail(carrier):
        raise Boom

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for make in (
        lambda metrics: (PerformanceMiddleware(app, metrics=metrics, route=fail), ask_asgi),
        lambda metrics: (
            WSGIPerformanceMiddleware(answering([b""]), metrics=metrics, route=fail),
            ask_wsgi,
        ),
    ):
        metrics = Metrics()
        watched, ask = make(metrics)
        for _ in range(5):
            assert ask(watched, "/") == 200
        assert series(metrics, REQUESTS) == {("GET", "__unmatched__", "200"): 5}
        assert series(metrics, "metrics_errors_total") == {(): 5}


@pytest.mark.scenario("H16")
def test_errors_are_logged_once_a_minute(caplog):
    """A metric that always fails does not fill the log."""
    clock = Clock()

    def fail(carrier):
        raise Boom

    watched = WSGIPerformanceMiddleware(answering([b""]), metrics=Metrics(clock=clock), route=fail)
    for _ in range(100):
        clock.now += 0.9
        ask_wsgi(watched, "/")

    assert caplog.text.count("could not be counted") == 2


@pytest.mark.scenario("H11")
def test_threads_leave_nothing_under_way():
    """Requests of many threads at once, ended in every way, leave nothing under way and lose no count."""
    shop = site("flask")
    paths = ["/api/v1/items/1", "/api/v1/boom", "/api/v1/stream", "/nowhere"]
    times = 50
    threads = [threading.Thread(target=lambda path=path: [shop.ask(path) for _ in range(times)]) for path in paths * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(shop.series(REQUESTS).values()) == times * len(threads)
    assert shop.series(UNDER_WAY) == {}
