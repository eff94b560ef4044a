"""Compressed responses: what is compressed, how, and what is never touched, before applications of both kinds."""

import asyncio
import gzip
import http.client
import io
import sys
import zlib
from wsgiref.util import FileWrapper

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from flask import Flask, make_response, stream_with_context
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf import (
    Cache,
    CacheMiddleware,
    CompressionMiddleware,
    WSGICacheMiddleware,
    WSGICompressionMiddleware,
)
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _compressors, _encoding
from mestres_perf.http._encoding import chosen
from perf.http.served import served_by_uvicorn, served_by_waitress
from perf.http.stack import FACES, Reply, Stack

TEXT = b"the same words, again and again; " * 100
HTML = ("Content-Type", "text/html; charset=utf-8")
ACCEPTS = {"Accept-Encoding": "gzip"}
FACE = pytest.mark.parametrize("face", FACES)


def compression(**options):
    return (CompressionMiddleware, WSGICompressionMiddleware, options)


def cache():
    return (CacheMiddleware, WSGICacheMiddleware, {"cache": Cache("compressed")})


def ask(face, reply, headers=ACCEPTS, *, method="GET", path="/", **options):
    return Stack(face, reply, compression(**options)).ask(path, headers, method)


def html(body=TEXT, **headers):
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Reply(body, headers=[HTML, ("Content-Length", str(len(body))), *more])


def vary(answer):
    return [value for name, value in answer.pairs if name.lower() == "vary"]


def unzstd(data):
    try:
        from compression import zstd
    except ModuleNotFoundError:  # before Python 3.14
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return zstd.ZstdDecompressor().decompress(data)


@FACE
@pytest.mark.scenario("G1")
def test_a_response_in_one_piece(face):
    """A page becomes gzip with its exact length, one Content-Length, one Vary, and decodes to what it was."""
    answer = ask(face, html())
    assert answer.headers["content-encoding"] == "gzip"
    lengths = [value for name, value in answer.pairs if name.lower() == "content-length"]
    assert lengths == [str(len(answer.body))]
    assert len(answer.body) < len(TEXT) / 10
    assert gzip.decompress(answer.body) == TEXT
    assert vary(answer) == ["Accept-Encoding"]


@FACE
def test_the_level(face):
    """Level 6 by default, and another when it is asked for: the bytes are those that zlib makes at that level."""
    for options, level in (({}, 6), ({"level": 1}, 1)):
        packer = zlib.compressobj(level, zlib.DEFLATED, 31)
        assert ask(face, html(), **options).body == packer.compress(TEXT) + packer.flush()


@FACE
@pytest.mark.scenario("G1")
def test_each_chunk_can_be_read_at_once(face):
    """When a stream's second chunk is made, its client can already read the whole first one; no length is told."""
    seen = []

    def reply(asked):
        def second():
            seen.append(zlib.decompressobj(31).decompress(b"".join(asked.got)))
            return b"second"

        return Reply([b"first", second, b"third"], headers=[("Content-Type", "text/plain")])

    answer = ask(face, reply)
    assert seen == [b"first"]
    assert gzip.decompress(answer.body) == b"firstsecondthird"
    assert "content-length" not in answer.headers


@FACE
@pytest.mark.scenario("G1")
def test_zstd_where_it_is_installed(face):
    """A client that takes both gets zstd, of pages and of streams chunk by chunk; with zstd=False gzip."""
    headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    answer = ask(face, html(), headers)
    assert answer.headers["content-encoding"] == "zstd"
    assert unzstd(answer.body) == TEXT
    seen = []

    def reply(asked):
        def second():
            seen.append(unzstd(b"".join(asked.got)))
            return b"second"

        return Reply([b"first", second], headers=[("Content-Type", "text/plain")])

    assert unzstd(ask(face, reply, headers).body) == b"firstsecond"
    assert seen == [b"first"]
    assert ask(face, html(), headers, zstd=False).headers["content-encoding"] == "gzip"


def test_without_any_zstd(monkeypatch):
    """Where no zstd is installed gzip is offered alone, and to insist on zstd is refused with what to install."""
    for name in ("zstandard", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    answer = ask("asgi", html(), {"Accept-Encoding": "zstd, gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    with pytest.raises(ConfigurationError, match=r"pip install 'mestres\[zstd\]'"):
        CompressionMiddleware(None, zstd=True)


@FACE
@pytest.mark.scenario("G1")
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(html(Cache_Control="public, No-Transform"), id="no-transform"),
        pytest.param(Reply(TEXT, 206, [HTML, ("Content-Range", "bytes 0-9/10")]), id="206"),
        pytest.param(html(Content_Range="bytes 0-9/10"), id="content-range"),
        pytest.param(html(Content_Encoding="br"), id="encoded"),
        pytest.param(html(Content_Encoding="identity"), id="identity"),
        pytest.param(html(Content_Digest="sha-256=:x:"), id="digest"),
        pytest.param(Reply(b"", 204, []), id="204"),
        pytest.param(Reply(b"", 304, [("ETag", '"a"')]), id="304"),
        pytest.param(
            Reply([b"data: 1\n\n", b"data: 2\n\n"], headers=[("Content-Type", "text/event-stream")]), id="sse"
        ),
        pytest.param(Reply(TEXT, headers=[("Content-Type", "image/png")]), id="image"),
        pytest.param(Reply(TEXT, headers=[("Content-Type", "application/zip")]), id="zip"),
        pytest.param(Reply(TEXT, headers=[("Content-Type", "font/woff2")]), id="font"),
        pytest.param(Reply(TEXT), id="untyped"),
        pytest.param(html(b"x" * 499), id="short"),
    ],
)
def test_what_is_never_touched(face, reply):
    """Status, headers and every chunk come through as the application sent them."""
    answer = ask(face, reply, types=("text/*", "application/json"))
    assert answer.status == reply.status
    assert [(name.lower(), value) for name, value in answer.pairs] == [
        (name.lower(), value) for name, value in reply.headers
    ]
    assert answer.chunks == [chunk for chunk in reply.chunks if chunk]


@FACE
@pytest.mark.scenario("G1")
def test_head_and_what_others_would_get(face):
    """HEAD and clients that accept nothing are sent what there is; Vary says that others may be sent other bytes."""
    head = ask(face, Reply(b"", headers=[HTML, ("Content-Length", "3300"), ("ETag", '"a"')]), method="HEAD")
    assert (head.headers["content-length"], head.headers["etag"], head.body) == ("3300", '"a"', b"")
    assert "content-encoding" not in head.headers
    plain = ask(face, html(ETag='"a"'), {})
    assert (plain.body, plain.headers["etag"], plain.headers["content-length"]) == (TEXT, '"a"', str(len(TEXT)))
    assert vary(head) == vary(plain) == ["Accept-Encoding"]


@FACE
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ((), ["Accept-Encoding"]),
        (("Cookie",), ["Cookie, Accept-Encoding"]),
        (("accept-encoding, Cookie",), ["accept-encoding, Cookie"]),
        (("Cookie", "Origin"), ["Cookie, Origin, Accept-Encoding"]),
        (("*",), ["*"]),
    ],
)
@pytest.mark.scenario("G1")
def test_vary_is_merged_once(face, given, sent):
    """Accept-Encoding is named once beside what the application varies by."""
    reply = Reply(TEXT, headers=[HTML, *(("Vary", value) for value in given)])
    assert vary(ask(face, reply)) == sent


@FACE
@pytest.mark.scenario("G1")
def test_entity_tags_become_weak(face):
    """A strong tag becomes weak, a weak one stays, and ranges are no longer offered."""
    answer = ask(face, html(ETag='"a"', Accept_Ranges="bytes"))
    assert answer.headers["etag"] == 'W/"a"'
    assert "accept-ranges" not in answer.headers
    assert ask(face, html(ETag='W/"a"')).headers["etag"] == 'W/"a"'


@FACE
@pytest.mark.scenario("G1")
def test_a_304_has_the_tag_that_the_client_knows(face):
    """Who asks with the weak tag is told 304 with it; who asks with the strong one has the plain body, and its tag."""
    reply = Reply(b"", 304, [("ETag", '"a"')])
    for tag, told in (('W/"a"', 'W/"a"'), ('"b", W/"a"', 'W/"a"'), ('"a"', '"a"')):
        answer = ask(face, reply, {**ACCEPTS, "If-None-Match": tag})
        assert (answer.status, answer.headers["etag"]) == (304, told)


@FACE
def test_lengths(face):
    """Bodies below `minimum_size` are not touched, whole ones without a length neither; what grows is sent as it is."""
    assert "content-encoding" not in ask(face, Reply(b"x" * 499, headers=[HTML])).headers
    assert "content-encoding" in ask(face, Reply(b"x" * 500, headers=[HTML])).headers
    assert "content-encoding" not in ask(face, Reply(b"x" * 500, headers=[HTML]), minimum_size=501).headers
    noise = zlib.compress(TEXT)
    answer = ask(face, html(noise), minimum_size=1)
    assert (answer.body, answer.headers["content-length"]) == (noise, str(len(noise)))


@FACE
@pytest.mark.scenario("G1")
def test_secrets_are_not_compressed(face):
    """Against BREACH: excluded paths and responses that opt out are plain, and the header for it reaches nobody."""
    for path, is_plain in (("/login", True), ("/login/again", True), ("/logins", False)):
        assert ("content-encoding" not in ask(face, html(), path=path, exclude=["/login"]).headers) is is_plain
    answer = ask(face, html(X_No_Compression="1"))
    assert answer.body == TEXT
    assert {"content-encoding", "x-no-compression"}.isdisjoint(answer.headers)


@FACE
@pytest.mark.parametrize("outside", ["cache", "compression"])
@pytest.mark.scenario("G1")
def test_beside_the_response_cache(face, outside):
    """Around the cache or within it: each client can read its answer, hits are hits, and its own tag brings a 304."""
    reply = html(Cache_Control="max-age=60", ETag='"v1"')
    layers = [cache(), compression()]
    stack = Stack(face, reply, *(layers if outside == "cache" else layers[::-1]))
    for accepts in (ACCEPTS, {}, ACCEPTS, {}):
        answer = stack.ask("/", {"Host": "shop.example", **accepts})
        is_packed = answer.headers.get("content-encoding") == "gzip"
        assert is_packed is bool(accepts)
        assert (gzip.decompress(answer.body) if is_packed else answer.body) == TEXT
        assert answer.headers["etag"] == ('W/"v1"' if is_packed else '"v1"')
        asked = {"Host": "shop.example", "If-None-Match": answer.headers["etag"], **accepts}
        again = stack.ask("/", asked)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert answer.cache == "hit"
    assert len(stack.asked) == (2 if outside == "cache" else 1)


WEIGHTS = st.one_of(st.just(""), st.sampled_from([";q=0", ";q=0.5", "; Q=1.0", ";q=0.001", ";q=2", ";q=x", ";level=1"]))
CODINGS = st.sampled_from(["gzip", "x-gzip", "GZIP", "zstd", "br", "identity", "*", ""])


@given(st.lists(st.tuples(CODINGS, WEIGHTS), max_size=5))
@settings(max_examples=200, deadline=None)
@pytest.mark.scenario("G1")
def test_the_choice_is_one_that_the_client_accepts(parts):
    """What is chosen has a weight above zero by the client's own words, no offer has a higher one, nor has identity."""
    header = ", ".join(name + weight for name, weight in parts)
    words = {";q=0": 0.0, ";q=0.5": 0.5, "; Q=1.0": 1.0, ";q=0.001": 0.001, "": 1.0}
    said = {}
    for name, weight in parts:
        low = name.lower().replace("x-gzip", "gzip")
        if low:
            said.setdefault(low, []).append(words.get(weight, 0.0))
    weights = {name: min(given) for name, given in said.items()}

    def weight(name):
        return weights.get(name, weights.get("*", 0.0))

    choice = chosen(header, ("zstd", "gzip"))
    if choice:
        assert weight(choice) > 0
        assert weight(choice) >= max(weight("zstd"), weight("gzip"), weight("identity"))
        assert choice == "zstd" or weight("zstd") < weight("gzip")
    else:
        best = max(weight("zstd"), weight("gzip"))
        assert best == 0 or best < weight("identity")


@pytest.mark.parametrize(
    ("accepts", "choice"),
    [
        ("", ""),
        ("gzip;q=0", ""),
        ("*;q=0", ""),
        ("*", "zstd"),
        ("gzip, *;q=0", "gzip"),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"),
        ("identity;q=1, gzip;q=0.5", ""),
        ("gzip;q=0.5, zstd;q=0.4", "gzip"),
        ("gzip;q=0, gzip", ""),
        ("gzip;q=1.5", ""),
        ("deflate, br", ""),
        ("\u00e9;q=\u00e9,,;,gzip", "gzip"),
    ],
)
@pytest.mark.scenario("G1")
def test_accept_encoding(accepts, choice):
    """The cases of RFC 9110, section 12.5.3, and of those who do not keep to it."""
    assert chosen(accepts, ("zstd", "gzip")) == choice


def test_long_headers_are_not_kept():
    """What no browser sends is read as ever, and not remembered: it may be as long as a header can be."""
    before = _encoding._remembered.cache_info().currsize
    for number in range(5):
        assert chosen(f"gzip, x{number}{' ' * 10_000}", ("zstd", "gzip")) == "gzip"
    assert _encoding._remembered.cache_info().currsize == before


@FACE
@pytest.mark.parametrize(("coding", "head"), [("gzip", 18 + 5), ("zstd", 18)])
def test_what_short_chunks_cost(face, coding, head):
    """Each chunk can be read at once, however short: a stream of single letters grows by ten bytes a chunk at most."""
    body = [bytes([97 + number % 26]) for number in range(200)]
    answer = ask(face, Reply(body, headers=[HTML]), {"Accept-Encoding": coding}, minimum_size=0)
    assert answer.headers["content-encoding"] == coding
    assert len(answer.body) <= head + 11 * len(body)
    words = [b"<li>coffee number %d" % number for number in range(200)]
    assert len(ask(face, Reply(words, headers=[HTML]), {"Accept-Encoding": coding}).body) < len(b"".join(words))


CHUNKS = st.lists(st.binary(max_size=200), min_size=1, max_size=6)


@given(CHUNKS, st.sampled_from(["gzip", "zstd"]), st.sampled_from(FACES), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_comes_out_is_what_went_in(chunks, coding, face, has_length):
    """However a body is cut into chunks, with a Content-Length or without: its client decodes exactly that body."""
    headers = [HTML, *([("Content-Length", str(sum(map(len, chunks))))] if has_length else [])]
    answer = ask(face, Reply(list(chunks), headers=headers), {"Accept-Encoding": coding}, minimum_size=0)
    body = answer.body
    if "content-encoding" in answer.headers:
        body = gzip.decompress(body) if coding == "gzip" else unzstd(body)
    assert body == b"".join(chunks)
    if "content-length" in answer.headers:
        assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
def test_files_that_an_asgi_server_sends(kind):
    """A file that the server is to send by itself is left to it, start and all."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": kind, "path": "/etc/hostname"})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
    asyncio.run(CompressionMiddleware(app)(scope, None, send))
    assert [message["type"] for message in sent] == ["http.response.start", kind]
    assert b"content-encoding" not in dict(sent[0]["headers"])


def test_sockets_and_lifespan_pass():
    """A websocket and the lifespan reach the application as they are."""
    given = []

    async def app(*arguments):
        given.append(arguments)

    for kind in ("websocket", "lifespan"):
        scope = {"type": kind}
        asyncio.run(CompressionMiddleware(app)(scope, None, None))
        assert given[-1][0] is scope


def test_old_ways_of_wsgi():
    """`write`, a file wrapper and a second start after an error work; a body is closed even when nobody reads it."""

    def writes(environ, start_response):
        write = start_response("200 OK", [HTML])
        write(b"written ")
        return [b"returned"]

    def repents(environ, start_response):
        start_response("200 OK", [HTML])
        start_response("500 Sorry", [HTML], (RuntimeError, RuntimeError("boom"), None))
        return [b"sorry"]

    for app, expected in ((writes, (200, b"written returned")), (repents, (500, b"sorry"))):
        stack = Stack("wsgi", None)
        stack.app = WSGICompressionMiddleware(app, minimum_size=0)
        answer = stack.ask("/", ACCEPTS)
        is_packed = "content-encoding" in answer.headers
        assert (answer.status, gzip.decompress(answer.body) if is_packed else answer.body) == expected

    file = FileWrapper(io.BytesIO(TEXT))
    app = WSGICompressionMiddleware(lambda environ, start: start("200 OK", [HTML]) and file)
    environ = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT_ENCODING": "gzip", "wsgi.file_wrapper": FileWrapper}
    assert app(environ, lambda status, headers, *_: print) is file

    closed = []

    class Body:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            closed.append(1)

    app = WSGICompressionMiddleware(lambda environ, start: start("200 OK", [HTML]) and Body())
    app({"REQUEST_METHOD": "GET", "HTTP_ACCEPT_ENCODING": "gzip"}, lambda status, headers, *_: print).close()
    assert closed == [1]


def test_long_bodies_are_compressed_beside_the_loop(monkeypatch):
    """While a long body is compressed the loop goes on with other work."""
    import threading

    threads = []
    whole = _compressors._Gzip.end

    def end(self, data=b""):
        threads.append(threading.current_thread() is threading.main_thread())
        return whole(self, data)

    monkeypatch.setattr(_compressors._Gzip, "end", end)
    for body in (TEXT, TEXT * 50):
        assert gzip.decompress(ask("asgi", html(body)).body) == body
    assert threads == [True, False]


@pytest.mark.parametrize("skin", [CompressionMiddleware, WSGICompressionMiddleware])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"minimum_size": -1}, "minimum_size=-1"),
        ({"minimum_size": True}, "number of bytes"),
        ({"level": 0}, "from 1 to 9"),
        ({"level": 10}, "from 1 to 9"),
        ({"zstd_level": 20}, "from 1 to 19"),
        ({"types": "text/html"}, "media types"),
        ({"types": ()}, "media types"),
        ({"types": ["html"]}, "media types"),
        ({"exclude": "/login"}, "must be paths"),
        ({"exclude": ["login"]}, "must be paths"),
        ({"opt_out_header": " "}, "name of a header"),
    ],
)
def test_arguments_that_make_no_sense(skin, options, says):
    """The message says what was wrong and what would be right."""
    with pytest.raises(ConfigurationError, match=says):
        skin(None, **options)


def flask_site():
    app = Flask(__name__)

    @app.get("/page")
    def page():
        return make_response(TEXT, {"ETag": '"a"'})

    @app.get("/stream")
    def stream():
        return app.response_class(stream_with_context(iter([TEXT, b"end"])), mimetype="text/plain")

    return WSGICompressionMiddleware(app)


def fastapi_site():
    app = FastAPI()

    @app.get("/page")
    def page():
        return Response(TEXT, media_type="text/html", headers={"ETag": '"a"'})

    @app.get("/stream")
    def stream():
        return StreamingResponse(iter([TEXT, b"end"]), media_type="text/plain")

    return CompressionMiddleware(app)


@pytest.mark.parametrize(("made", "served"), [(flask_site, served_by_waitress), (fastapi_site, served_by_uvicorn)])
@pytest.mark.scenario("G1")
def test_on_a_real_server(made, served):
    """Over one kept connection: pages with their exact length, streams without one, HEAD; all can be decoded."""
    with served(made()) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(2):
            connection.request("GET", "/page", headers=ACCEPTS)
            page = connection.getresponse()
            body = page.read()
            assert (page.headers["Content-Encoding"], page.headers["ETag"]) == ("gzip", 'W/"a"')
            assert (gzip.decompress(body), page.headers["Content-Length"]) == (TEXT, str(len(body)))
            connection.request("GET", "/stream", headers=ACCEPTS)
            stream = connection.getresponse()
            assert gzip.decompress(stream.read()) == TEXT + b"end"
            assert "Content-Length" not in stream.headers
        connection.request("HEAD", "/page", headers=ACCEPTS)
        assert connection.getresponse().read() == b""
        connection.close()


@FACE
def test_a_page_is_excluded_by_the_path_that_people_write(face):
    """A path beyond ASCII is the same for both kinds of servers: one with a secret on it must not be compressed."""
    path = "/größe" if face == "asgi" else "/größe".encode().decode("latin-1")
    assert "content-encoding" not in ask(face, html(), path=path, exclude=("/größe",)).headers


@FACE
def test_a_length_is_not_said_beside_a_transfer_encoding(face):
    """Where the application says how its body is framed no length is added: both at once are an error."""
    answer = ask(face, Reply(TEXT, headers=[HTML, ("Transfer-Encoding", "chunked")]))
    assert answer.headers["content-encoding"]
    assert "content-length" not in answer.headers


def test_a_list_that_wants_to_be_closed_is():
    """A body that is more than a list is closed when the server is done with it."""
    closed = []

    class Body(list):
        def close(self):
            closed.append(1)

    def app(environ, start_response):
        start_response("200 OK", [HTML])
        return Body([TEXT])

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_ACCEPT_ENCODING": "gzip"}
    body = WSGICompressionMiddleware(app)(environ, lambda *_: None)
    assert b"".join(body)
    body.close()
    assert closed == [1]
