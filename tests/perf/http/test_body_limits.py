"""Bodies that are too large: refused by their length, or while they are read, whatever the application makes of it."""

import asyncio
import json
import socket

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from flask import Flask
from flask import request as flask_request

from mestres_perf import BodyLimitMiddleware, WSGIBodyLimitMiddleware
from mestres_perf.errors import ConfigurationError
from perf.http.served import served_by_uvicorn, served_by_waitress
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)


def stack(face, reply, **options):
    return Stack(face, reply, (BodyLimitMiddleware, WSGIBodyLimitMiddleware, options))


async def _echo(asked):
    return Reply(await asked.read())


def echo(asked):
    """An application that answers what it was sent."""
    return _echo(asked) if asyncio.iscoroutinefunction(asked.read) else Reply(asked.read())


def refused(answer):
    return answer.status, answer.headers.get("content-type"), json.loads(answer.body)["status"]


TOO_LARGE = (413, "application/problem+json", 413)


@FACE
def test_by_content_length_at_once(face):
    """A body that is announced as too large is refused without a call of the application; one that fits is served."""
    served = stack(face, echo, most=10)
    for length in ("11", "0" * 40 + "11", "9" * 40):
        assert refused(served.ask("/", {"Content-Length": length}, "POST", [b"x" * 11])) == TOO_LARGE
    assert served.asked == []
    assert served.ask("/", {"Content-Length": "10"}, "POST", [b"x" * 10]).body == b"x" * 10


@FACE
def test_by_counting(face):
    """A body without a length is refused as soon as one byte too much was read; the application gets none of that."""
    got = []

    async def gather(asked):
        got.append(await asked.read())
        return Reply()

    def reply(asked):
        if face == "asgi":
            return gather(asked)
        got.append(asked.read())
        return Reply()

    served = stack(face, reply, most=10)
    assert refused(served.ask("/", (), "POST", [b"x" * 5, b"y" * 6])) == TOO_LARGE
    assert got == []
    assert served.ask("/", (), "POST", [b"x" * 5, b"y" * 5]).status == 200
    assert got == [b"xxxxxyyyyy"]


@FACE
def test_whatever_the_application_makes_of_it(face):
    """An application that takes the cut for a bad request, and answers so, does not get through with that."""

    async def agathered(asked):
        try:
            await asked.read()
        except OSError:
            return Reply(b"bad", 400)

    def reply(asked):
        if face == "asgi":
            return agathered(asked)
        try:
            asked.read()
        except OSError:
            return Reply([b"bad", b"request"], 400)

    assert refused(stack(face, reply, most=10).ask("/", (), "POST", [b"x" * 11])) == TOO_LARGE


@FACE
def test_other_errors_go_on(face):
    """What the application raises for reasons of its own is raised on."""

    def reply(asked):
        raise OSError("a disk")

    with pytest.raises(OSError, match="a disk"):
        stack(face, reply, most=10).ask("/", (), "POST", [b"x"])


@FACE
@pytest.mark.parametrize(
    ("path", "limit"),
    [("/", 10), ("/upload", 100), ("/upload/a", 100), ("/uploads", 10), ("/upload/photos", 1000), ("/none", 0)],
)
def test_limits_by_path(face, path, limit):
    """The longest path that a request is below of has its say."""
    paths = {"/upload": 100, "/upload/photos/": 1000, "/none": 0}
    for size, status in ((limit, 200), (limit + 1, 413)):
        served = stack(face, Reply(), most=10, paths=paths)
        assert served.ask(path, {"Content-Length": str(size)}, "PUT", [b"x" * size]).status == status


@pytest.mark.parametrize(
    ("version", "headers", "body", "closes"),
    [
        ("1.1", {"Content-Length": "99"}, [b"x" * 99], True),
        ("1.0", {"Content-Length": "99"}, [b"x" * 99], True),
        ("2", {"Content-Length": "99"}, [b"x" * 99], False),
        ("1.1", {}, [b"x" * 99, b"y"], True),
    ],
)
def test_the_connection_ends_where_the_rest_is_unread(version, headers, body, closes):
    """HTTP/1 says Connection: close with a body that was not read; HTTP/2 has no such header."""
    answer = stack("asgi", echo, most=10).ask("/", headers, "POST", body, http_version=version)
    assert answer.status == 413
    assert (answer.headers.get("connection") == "close") is closes


def test_the_answer_comes_before_the_rest_is_read():
    """The whole refusal is with the server before anything more is read, and no more than so much is."""
    served = stack("asgi", echo, most=10)
    body = [b"x" * 65536] * 64
    served.ask("/", {"Content-Length": str(64 * 65536)}, "POST", body)
    kinds = [message.get("more_body") for message in served.messages]
    assert kinds == [None, True, False]
    assert served.taken == 16


def test_a_body_that_does_not_come_holds_nobody_up(monkeypatch):
    """A client that announces much and sends nothing has its answer, and is given up soon."""
    from mestres_perf.http import body_limits

    monkeypatch.setattr(body_limits, "_PATIENCE", 0.01)
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"99")]}
    asyncio.run(BodyLimitMiddleware(None, most=10)(scope, receive, send))
    assert [message.get("status") for message in sent] == [413, None, None]


def test_wsgi_in_every_way_of_reading():
    """Whether by lines, by pieces or by iterating: the limit holds, also for a response that is made lazily."""

    def lines(body):
        return b"".join(body)

    def pieces(body):
        return b"".join(iter(lambda: body.read(3), b""))

    ways = [lines, pieces, lambda body: b"".join(body.readlines()), lambda body: body.readline() + body.read(None)]
    for way in ways:

        def app(environ, start_response, way=way):
            data = way(environ["wsgi.input"])
            start_response("200 OK", [])
            yield data

        served = Stack("wsgi", None)
        served.app = WSGIBodyLimitMiddleware(app, most=10)
        assert served.ask("/", (), "POST", [b"ab\ncd\nefgh"]).body == b"ab\ncd\nefgh"
        assert refused(served.ask("/", (), "POST", [b"ab\ncd\nefghi"])) == TOO_LARGE


MALFORMED = ["+5", "-5", "5_0", " 5", "5 ", "0x5", "5.0", "5, 5", "five", "\u0665", "\u00b2", "\xb2"]


@FACE
@pytest.mark.parametrize("length", [each for each in MALFORMED if each.isascii() or ord(each) < 256])
def test_a_length_that_is_none(face, length):
    """A Content-Length that is no number of bytes is told as 400, and the application is not called."""
    served = stack(face, echo, most=10)
    assert refused(served.ask("/", {"Content-Length": length}, "POST", [b"x" * 5])) == (
        400,
        "application/problem+json",
        400,
    )
    assert served.asked == []


def test_wsgi_a_length_in_other_digits():
    """Digits of other scripts are none, though a server lets them through."""
    served = stack("wsgi", echo, most=10)
    for length in MALFORMED:
        assert served.ask("/", (), "POST", [b"x"], environ={"CONTENT_LENGTH": length}).status == 400


def test_asgi_two_lengths():
    """Two lengths are none: nobody can say which one the server has believed."""
    served = stack("asgi", echo, most=10)
    assert served.ask("/", [("Content-Length", "5"), ("Content-Length", "6")], "POST", [b"x" * 5]).status == 400


@FACE
def test_a_length_that_is_not_true(face):
    """What is read is counted, whatever was announced."""
    served = stack(face, echo, most=10)
    assert served.ask("/", {"Content-Length": "5"}, "POST", [b"x" * 10]).body == b"x" * 10
    assert refused(served.ask("/", {"Content-Length": "5"}, "POST", [b"x" * 11])) == TOO_LARGE


@pytest.mark.parametrize("environ", [{}, {"CONTENT_LENGTH": ""}], ids=["none", "empty"])
def test_wsgi_without_an_end(environ):
    """Where the server does not say that a body ends by itself it is counted all the same, and read only on demand."""
    environ = {"wsgi.input_terminated": False, **environ}
    served = stack("wsgi", echo, most=10)
    assert served.ask("/", (), "POST", [b"x" * 10], environ=environ).body == b"x" * 10
    assert refused(served.ask("/", (), "POST", [b"x" * 11], environ=environ)) == TOO_LARGE

    assert stack("wsgi", Reply(), most=10).ask("/", environ={**environ, "wsgi.input": Input()}).status == 200


class Input:
    """An input that nobody may read."""

    def read(self, size=-1):
        raise AssertionError("it would wait for ever")

    readline = read


def test_wsgi_a_response_that_has_begun_is_given_as_it_is():
    """Where nothing can be refused any more the server gets the application's own body, lists and files too."""
    body = iter([b"a"])
    site = WSGIBodyLimitMiddleware(lambda environ, start: (start("200 OK", []) and None) or body)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": Input()}
    assert site(environ, lambda *_: None) is body


@pytest.mark.parametrize("skin", [BodyLimitMiddleware, WSGIBodyLimitMiddleware])
@pytest.mark.parametrize(
    "options", [{"most": -1}, {"most": 1.5}, {"paths": {"upload": 1}}, {"paths": {"/a": -1}}, {"paths": ["/a"]}]
)
def test_arguments_that_make_no_sense(skin, options):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="must be"):
        skin(None, **options)


def flask_site():
    app = Flask(__name__)

    @app.post("/")
    def take():
        return str(len(flask_request.get_data()))

    return WSGIBodyLimitMiddleware(app, most=100_000)


def fastapi_site():
    app = FastAPI()

    @app.post("/")
    async def take(request: Request):
        return Response(str(len(await request.body())))

    return BodyLimitMiddleware(app, most=100_000)


@pytest.fixture(scope="module", params=["waitress", "uvicorn"])
def port(request):
    served, made = {
        "waitress": (served_by_waitress, flask_site),
        "uvicorn": (served_by_uvicorn, fastapi_site),
    }[request.param]
    with served(made()) as port:
        yield port


def test_on_a_real_server(port):
    """A client sees the refusal of a body with a length and of a chunked one, and goes on with what fits."""

    def chunks(count):
        yield from [b"x" * 10_000] * count

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for _ in range(2):
            assert client.post("/", content=b"x" * 100_000).text == "100000"
            assert client.post("/", content=b"x" * 300_000).status_code == 413
            assert client.post("/", content=chunks(9)).text == "90000"
            assert client.post("/", content=chunks(30)).status_code == 413


def test_a_large_body_is_refused_before_it_is_sent(port, request):
    """Whoever announces too much gets 413 before a byte of it was sent; waitress wants to have read it first."""
    if "waitress" in request.node.name:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
            assert b" 413 " in client.recv(100)
        return
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\nExpect: 100-continue\r\n\r\n")
        answer = b""
        while more := client.recv(4096):
            answer += more
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()
