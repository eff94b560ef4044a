"""A line in the log for each request: what it says, how often it comes, and what it never says."""

import asyncio
import io
import json
import logging
from wsgiref.util import FileWrapper

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask

from mestres_perf import (
    AccessLogMiddleware,
    JsonFormatter,
    RequestIdMiddleware,
    WSGIAccessLogMiddleware,
    WSGIRequestIdMiddleware,
)
from mestres_perf.errors import ConfigurationError
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)


def stack(face, reply, **options):
    layers = [
        (RequestIdMiddleware, WSGIRequestIdMiddleware, {"make": lambda: "the-id"}),
        (AccessLogMiddleware, WSGIAccessLogMiddleware, options),
    ]
    return Stack(face, reply, *layers)


@pytest.fixture
def lines():
    """What has been logged, as data."""
    logger, stream = logging.getLogger("mestres_perf.access"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def told(line):
    return {name: line[name] for name in ("method", "route", "status", "bytes", "level")}


@FACE
def test_a_line_for_each_request(face, lines):
    """Method, template, status, seconds, bytes and the request's id, once, when the last byte has gone."""
    during = []

    def reply(asked):
        def second():
            during.append(lines())
            return b"67"

        return Reply([b"12345", second])

    stack(face, reply, route=lambda _: "/items/{id}").ask("/items/5")
    (line,) = lines()
    assert told(line) == {"method": "GET", "route": "/items/{id}", "status": 200, "bytes": 7, "level": "INFO"}
    assert (line["logger"], line["request_id"]) == ("mestres_perf.access", "the-id")
    assert line["message"] == "GET /items/{id} 200"
    assert 0 <= line["seconds"] < 60
    assert "broken_off" not in line
    assert during == [[]]


@FACE
def test_errors(face, lines):
    """An error of the application is a 500 and a warning, whether it answers so or raises."""

    def reply(asked):
        raise RuntimeError("boom")

    stack(face, Reply(status=503)).ask()
    with pytest.raises(RuntimeError):
        stack(face, reply).ask()
    assert [(line["status"], line["level"]) for line in lines()] == [(503, "WARNING"), (500, "WARNING")]


@FACE
def test_a_response_that_breaks_off(face, lines):
    """What fails in the middle keeps its status, is a warning, and is said to be broken off."""

    def reply(asked):
        def second():
            raise RuntimeError("boom")

        return Reply([b"123", second])

    with pytest.raises(RuntimeError):
        stack(face, reply).ask()
    (line,) = lines()
    assert told(line) == {"method": "GET", "route": "__unmatched__", "status": 200, "bytes": 3, "level": "WARNING"}
    assert line["broken_off"] is True


def test_clients_that_go_away(lines):
    """A client that is gone before there is an answer is a 499; one that goes in the middle breaks the response off."""

    async def waits(scope, receive, send):
        await asyncio.Event().wait()

    async def main():
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.create_task(AccessLogMiddleware(waits)(scope, None, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    app = WSGIAccessLogMiddleware(lambda environ, start: start("200 OK", []) or iter([b"1", b"2"]))
    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, headers: None)
    next(iter(body))
    body.close()
    body.close()
    first, second = lines()
    assert (first["status"], first["level"]) == (499, "INFO")
    assert (second["status"], second["bytes"], second["broken_off"]) == (200, 1, True)


@FACE
def test_what_is_not_logged(face, lines):
    """Health checks are not logged, nor paths below them; the path, and what a made-up method says, are in no line."""
    stack(face, Reply()).ask("/health/live")
    stack(face, Reply()).ask("/metrics")
    assert lines() == []
    stack(face, Reply()).ask("/secret-token", method="BREW")
    (line,) = lines()
    assert "secret" not in json.dumps(line)
    assert (line["method"], line["route"]) == ("_OTHER", "__unmatched__")


def test_files_that_a_wsgi_server_sends(lines):
    """A file wrapper reaches the server as it is, and counts as long as it says that it is."""
    file = FileWrapper(io.BytesIO(b"file"))
    app = WSGIAccessLogMiddleware(lambda environ, start: start("200 OK", [("Content-Length", "4")]) or file)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.file_wrapper": FileWrapper}
    assert app(environ, lambda status, headers: None) is file
    (line,) = lines()
    assert (line["bytes"], line["status"]) == (4, 200)
    assert "broken_off" not in line


@pytest.mark.parametrize(
    ("messages", "size"),
    [
        ([{"type": "http.response.zerocopysend", "file": 3, "count": 7}], 7),
        ([{"type": "http.response.zerocopysend", "file": 3}], 0),
        (
            [
                {"type": "http.response.zerocopysend", "file": 3, "count": 7, "more_body": True},
                {"type": "http.response.zerocopysend", "file": 4, "count": 2, "more_body": True},
                {"type": "http.response.body", "body": b"end"},
            ],
            12,
        ),
        ([{"type": "http.response.pathsend", "path": "/tmp/x"}], 9),
    ],
    ids=["zero copy", "to its end", "pieces", "path"],
)
def test_files_that_an_asgi_server_sends(lines, messages, size):
    """What a server copies from a file is one line at its last piece, with as many bytes as are told of it."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        for message in messages:
            assert lines() == []
            await send(message)
        assert len(lines()) == 1  # what runs in the background afterwards is no part of it

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(AccessLogMiddleware(app)(scope, None, send))
    (line,) = lines()
    assert (line["status"], line["bytes"]) == (200, size)
    assert "broken_off" not in line
    assert sent[1:] == messages


def test_the_templates_of_frameworks(lines):
    """FastAPI's and Flask's templates are in the line, written alike."""
    fast, flask = FastAPI(), Flask(__name__)

    @fast.get("/items/{number}")
    def item(number: int):
        return number

    @flask.get("/items/<int:number>")
    def another(number):
        return str(number)

    async def main():
        transport = httpx.ASGITransport(AccessLogMiddleware(fast))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await client.get("/items/5")

    asyncio.run(main())
    flask.wsgi_app = WSGIAccessLogMiddleware(flask.wsgi_app)
    assert flask.test_client().get("/items/5").data == b"5"
    assert [line["route"] for line in lines()] == ["/items/{number}"] * 2


@pytest.mark.parametrize("skin", [AccessLogMiddleware, WSGIAccessLogMiddleware])
@pytest.mark.parametrize("options", [{"logger": ""}, {"logger": None}, {"exclude": "/health"}])
def test_arguments_that_make_no_sense(skin, options):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="must be"):
        skin(None, **options)


@pytest.mark.parametrize("exclude", [("/",), ["/health", "//"]])
def test_every_path_excluded(exclude):
    """Excluding the path that all others are below of is told as what it is."""
    with pytest.raises(ConfigurationError, match="'/' is every path, and leaves the middleware nothing to do"):
        AccessLogMiddleware(None, exclude=exclude)
