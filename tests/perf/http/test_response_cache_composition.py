"""The response cache around real applications, inside real servers, and beside the other middlewares."""

import asyncio
import http.client
import io
import threading
import time
from wsgiref.util import FileWrapper

import httpx
import pytest
from fastapi import FastAPI, Response
from flask import Flask, make_response, request, session, stream_with_context
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse

from mestres_perf import (
    Cache,
    CacheMiddleware,
    Metrics,
    PerformanceMiddleware,
    WSGICacheMiddleware,
    WSGIPerformanceMiddleware,
)
from mestres_perf.http.asgi_cache import _background
from perf.http.served import served_by_uvicorn, served_by_waitress
from perf.http.sites import PATIENCE


def flask_app(calls):
    app = Flask(__name__)
    app.secret_key = "known to the test alone"

    @app.get("/products/<int:number>")
    def product(number):
        calls.append(number)
        response = make_response({"number": number})
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Cache-Tag"] = f"product:{number}"
        return response

    @app.post("/products/<int:number>")
    def change(number):
        return "", 204

    @app.get("/basket")
    def basket():
        calls.append("basket")
        session["seen"] = True
        return "yours", {"Cache-Control": "max-age=60"}

    @app.get("/slow")
    def slow():
        def chunks():
            calls.append(request.path)
            yield "1"
            yield "2"

        return app.response_class(stream_with_context(chunks()), headers={"Cache-Control": "max-age=60"})

    return app


def fastapi_app(calls):
    app = FastAPI()

    @app.get("/products/{number}")
    def product(number: int, response: Response):
        calls.append(number)
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Cache-Tag"] = f"product:{number}"
        return {"number": number}

    @app.post("/products/{number}", status_code=204)
    async def change(number: int):
        return Response(status_code=204)

    @app.get("/basket")
    def basket(response: Response):
        calls.append("basket")
        response.headers["Cache-Control"] = "max-age=60"
        response.set_cookie("seen", "1")
        return "yours"

    @app.get("/slow")
    async def slow():
        async def chunks():
            calls.append("/slow")
            yield b"1"
            yield b"2"

        return StreamingResponse(chunks(), headers={"Cache-Control": "max-age=60"})

    return app


def ask(port, path, method="GET", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


SERVED = [
    pytest.param(WSGICacheMiddleware, flask_app, served_by_waitress, id="flask-waitress"),
    pytest.param(CacheMiddleware, fastapi_app, served_by_uvicorn, id="fastapi-uvicorn"),
]


@pytest.mark.scenario(67)
@pytest.mark.parametrize(("middleware", "made", "served"), SERVED)
def test_on_a_real_server(middleware, made, served):
    """Hits, conditional requests, HEAD, streams and invalidation, over real connections; one Age and one Date each."""
    calls, cache = [], Cache("pages")
    with served(middleware(made(calls), cache)) as port:
        first, body = ask(port, "/products/7")
        again, same = ask(port, "/products/7")
        assert (first.headers["X-Cache"], again.headers["X-Cache"], same) == ("miss", "hit", body)
        for answer in (first, again):
            assert len(answer.headers.get_all("Date")) == 1
            assert "Cache-Tag" not in answer.headers
        assert again.headers.get_all("Age") == ["0"]
        assert ask(port, "/products/7", headers={"If-None-Match": again.headers["ETag"]})[0].status == 304
        head, nothing = ask(port, "/products/7", method="HEAD")
        assert (head.headers["Content-Length"], nothing) == (str(len(body)), b"")
        assert calls == [7]
        cache.invalidate_tags("product:7")
        ask(port, "/products/7")
        ask(port, "/products/7", method="POST")
        ask(port, "/products/7")
        assert calls == [7] * 3
        assert [ask(port, "/slow")[1] for _ in range(2)] == [b"12"] * 2
        for _ in range(2):
            assert "X-Cache" not in ask(port, "/basket")[0].headers
        assert calls == [7, 7, 7, "/slow", "basket", "basket"]
    cache.close()


@pytest.mark.parametrize(("middleware", "made", "served"), SERVED)
def test_a_crowd_on_a_real_server(middleware, made, served):
    """Many connections at once on a cold URL make one call of the view."""
    calls, cache = [], Cache("pages")
    app = middleware(made(calls), cache)
    with served(app) as port:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(ask(port, "/products/1")[1])) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert len(answers) == 16
    assert len(set(answers)) == 1
    assert calls == [1]
    cache.close()


def counted(metrics):
    lines = metrics.render().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("http_requests_total{"))


@pytest.mark.parametrize("outside", ["metrics", "cache"])
@pytest.mark.parametrize("kind", ["flask", "fastapi"])
def test_beside_the_performance_middleware(kind, outside):
    """Around the cache every request is counted, within it only those that reach the application; both go on."""
    calls, cache, metrics = [], Cache("pages"), Metrics()
    if kind == "flask":
        app, measuring, caching = flask_app(calls), WSGIPerformanceMiddleware, WSGICacheMiddleware
    else:
        app, measuring, caching = fastapi_app(calls), PerformanceMiddleware, CacheMiddleware
    if outside == "metrics":
        app = measuring(caching(app, cache), metrics=metrics)
    else:
        app = caching(measuring(app, metrics=metrics), cache)
    transport = httpx.WSGITransport(app) if kind == "flask" else None
    if transport is None:

        async def ask_twice():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as client:
                return [(await client.get("/products/7")).headers["x-cache"] for _ in range(3)]

        labels = asyncio.run(ask_twice())
    else:
        with httpx.Client(transport=transport, base_url="http://shop.example") as client:
            labels = [client.get("/products/7").headers["x-cache"] for _ in range(3)]
    assert labels == ["miss", "hit", "hit"]
    assert counted(metrics) == (3 if outside == "metrics" else 1)
    assert "/products/" in metrics.render().decode()


@pytest.mark.scenario(66)
def test_sockets_and_lifespan_pass():
    """A websocket and the lifespan reach the application as they are: the same objects, and nothing else."""
    given = []

    async def app(*arguments):
        given.append(arguments)

    async def nothing(*_arguments):
        raise AssertionError("the cache has no business here")

    cached = CacheMiddleware(app, Cache("pages"))
    for kind in ("websocket", "lifespan"):
        scope = {"type": kind}
        asyncio.run(cached(scope, nothing, nothing))
        assert given[-1] == (scope, nothing, nothing)
        assert given[-1][0] is scope


@pytest.mark.scenario(66)
def test_compression_within():
    """Compressed and plain bodies of one URL are two variants."""
    calls = []
    inner = FastAPI()

    @inner.get("/")
    def page():
        calls.append(1)
        return Response("a" * 2000, headers={"Cache-Control": "max-age=60"})

    app = CacheMiddleware(GZipMiddleware(inner), Cache("pages"))

    async def main():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as client:
            for _ in range(2):
                for accepted in ("gzip", "identity"):
                    answer = await client.get("/", headers={"Accept-Encoding": accepted})
                    assert answer.text == "a" * 2000
                    assert answer.headers.get("content-encoding") == ("gzip" if accepted == "gzip" else None)

    asyncio.run(main())
    assert len(calls) == 2


def scope_of(path="/"):
    headers = [(b"host", b"shop.example")]
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": headers,
        "query_string": b"",
        "extensions": {"http.response.pathsend": {}},
        "app": object(),
        "state": {"own": 1},
    }


@pytest.mark.scenario(66)
@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend", "http.response.trailers"])
def test_files_that_the_server_sends(kind):
    """A file that the server is to send by itself is left to it, message by message, and nothing is stored."""
    sent = []
    start = {"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]}

    async def app(scope, receive, send):
        await send(dict(start))
        await send({"type": kind, "path": "/etc/hostname"})

    async def send(message):
        sent.append(message)

    async def main():
        cached = CacheMiddleware(app, Cache("pages"))
        for _ in range(2):
            await cached(scope_of(), None, send)

    asyncio.run(main())
    assert [message["type"] for message in sent] == ["http.response.start", kind] * 2
    assert sent[1]["path"] == "/etc/hostname"


@pytest.mark.scenario(66)
def test_a_file_wrapper_is_left_to_the_server():
    """wsgi.file_wrapper reaches the server as the same object, and nothing is stored."""
    made = []

    def app(environ, start_response):
        start_response("200 OK", [("Cache-Control", "max-age=60")])
        made.append(environ["wsgi.file_wrapper"](io.BytesIO(b"file")))
        return made[-1]

    cached = WSGICacheMiddleware(app, Cache("pages"))
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "HTTP_HOST": "shop.example",
        "wsgi.url_scheme": "http",
        "wsgi.file_wrapper": FileWrapper,
    }
    begun = []
    for _ in range(2):
        assert cached(dict(environ), lambda status, headers, exc_info=None: begun.append(status)) is made[-1]
    assert begun == ["200 OK"] * 2


def test_old_ways_of_wsgi():
    """`write`, and a second `start_response` after an error, work as they did; neither is stored."""

    def writes(environ, start_response):
        write = start_response("200 OK", [("Cache-Control", "max-age=60")])
        write(b"written ")
        return [b"returned"]

    def repents(environ, start_response):
        start_response("200 OK", [("Cache-Control", "max-age=60")])
        start_response("500 Sorry", [], (RuntimeError, RuntimeError("boom"), None))
        return [b"sorry"]

    for app, expected in ((writes, ("200 OK", b"written returned")), (repents, ("500 Sorry", b"sorry"))):
        cached = WSGICacheMiddleware(app, Cache("pages"))
        for _ in range(2):
            out, line = [], []

            def start_response(status, headers, exc_info=None, line=line, out=out):
                line[:] = [status]
                return out.append

            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "shop.example"}
            body = cached(environ, start_response)
            out.extend(body)
            assert (line[0], b"".join(out)) == expected


def test_a_body_that_nobody_takes_keeps_nobody_waiting():
    """A response that a server drops without closing it is given up where it is collected."""

    def app(environ, start_response):
        start_response("200 OK", [("Cache-Control", "max-age=60")])
        return (each for each in [b"1", b"2"])

    cached = WSGICacheMiddleware(app, Cache("pages"), patience=60.0)

    def environ():
        return {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "shop.example"}

    body = iter(cached(environ(), lambda status, headers, exc_info=None: None))
    next(body)
    del body
    began = time.monotonic()
    assert b"".join(cached(environ(), lambda status, headers, exc_info=None: None)) == b"12"
    assert time.monotonic() - began < 30


def test_the_scope_of_a_renewal():
    """It is a copy: what the application puts into it is not in that of the client, and it offers no extension."""
    scope = scope_of()
    copy = _background(scope)
    copy["state"]["own"] = 2
    copy["headers"].append((b"a", b"b"))
    assert scope["state"] == {"own": 1}
    assert len(scope["headers"]) == 1
    assert {"extensions", "app"}.isdisjoint(copy)
