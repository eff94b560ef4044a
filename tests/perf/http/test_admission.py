"""The middlewares that let in: rate limits and load shedding before applications of both kinds."""

import asyncio
import json

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask
from starlette.responses import StreamingResponse

from mestres_perf import AdaptiveLimit, AdmissionMiddleware, RateLimit, WSGIAdmissionMiddleware
from mestres_perf.errors import ConfigurationError
from mestres_perf.http._clients import Clients
from mestres_perf.resilience import Outcome
from perf.http.served import served_by_waitress
from perf.http.sites import eventually
from perf.resilience.clocks import Clock


def fastapi_app():
    app, inner, outer = FastAPI(), APIRouter(), APIRouter()

    @inner.get("/items/{number}")
    def item(number: int):
        return {"number": number}

    @inner.get("/stream")
    def stream():
        return StreamingResponse(iter([b"a", b"b", b"c"]))

    @app.get("/health/live")
    def live():
        return {}

    outer.include_router(inner, prefix="/v1")
    app.include_router(outer, prefix="/api")
    mounted = FastAPI()
    mounted.include_router(inner)
    app.mount("/mounted", mounted)
    return app


def flask_app():
    app = Flask(__name__)

    @app.get("/api/v1/items/<int:number>")
    def item(number):
        return {"number": number}

    @app.get("/api/v1/stream")
    def stream():
        return iter([b"a", b"b", b"c"])

    @app.get("/health/live")
    def live():
        return {}

    return app


def ask_asgi(app, *paths, client=("203.0.113.7", 1), headers=None, method="GET"):
    async def main():
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as browser:
            return [await browser.request(method, path, headers=headers) for path in paths]

    return asyncio.run(main())


def ask_wsgi(app, *paths, client=("203.0.113.7", 1), headers=None, method="GET"):
    transport = httpx.WSGITransport(app, remote_addr=client[0])
    with httpx.Client(transport=transport, base_url="http://shop") as browser:
        return [browser.request(method, path, headers=headers) for path in paths]


def asgi(**options):
    return AdmissionMiddleware(fastapi_app(), **options)


def wsgi(**options):
    return WSGIAdmissionMiddleware(flask_app().wsgi_app, **options)


KINDS = pytest.mark.parametrize(("make", "ask"), [(asgi, ask_asgi), (wsgi, ask_wsgi)], ids=["asgi", "wsgi"])


@KINDS
def test_a_client_has_its_rate(make, ask):
    """Beyond its rate a client gets 429 with Retry-After and the application is not asked; another is not touched."""
    app = make(rate=RateLimit("1/h; burst 2", clock=Clock()))
    replies = ask(app, *["/api/v1/items/5"] * 3)

    assert [each.status_code for each in replies] == [200, 200, 429]
    assert [each.headers["ratelimit-remaining"] for each in replies] == ["1", "0", "0"]
    assert [each.headers.get("retry-after") for each in replies] == [None, None, "3600"]
    assert replies[0].json() == {"number": 5}
    assert json.loads(replies[2].text)["status"] == 429
    assert replies[2].headers["content-type"] == "application/problem+json"
    assert ask(app, "/api/v1/items/5", client=("203.0.113.8", 1))[0].status_code == 200
    head = ask(app, "/api/v1/items/5", method="HEAD")[0]
    assert (head.status_code, head.content) == (429, b"")


@pytest.mark.scenario("L6")
@pytest.mark.parametrize("path", ["/api/v1/items/5", "/mounted/items/5", "/nowhere", "/api/v1/items/x"])
def test_every_route_is_limited(path):
    """Routes of included and mounted routers are limited like others, and so are addresses that no route knows."""
    app = asgi(rate=RateLimit("1/h; burst 1", clock=Clock()))
    first, second = ask_asgi(app, path, path)
    assert first.status_code != 429
    assert second.status_code == 429


@pytest.mark.scenario("L7")
def test_a_stream_has_one_start():
    """A streamed response passes message by message: one start, which carries the limit's headers, and every chunk."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/stream", "raw_path": b"/api/v1/stream", "headers": [],
        "query_string": b"", "client": ("203.0.113.7", 1), "root_path": "", "scheme": "http", "server": ("shop", 80),
        "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    asyncio.run(asgi(rate=RateLimit("5/s"), load=AdaptiveLimit())(scope, receive, send))

    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1
    assert (b"ratelimit-remaining", b"4") in starts[0]["headers"]
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b"abc"
    assert len(sent) > 3


@pytest.mark.scenario("L8")
@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a stranger may write what he likes
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what he wrote himself stands further left
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, junk, 10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("::1", "2001:db8::1", "2001:db8::/64"),
        ("", "198.51.100.1", ""),
        ("unix:", "198.51.100.1", "unix:"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),  # a socket for both versions of the protocol
        ("::ffff:203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, ::ffff:10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:5555", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:5555, 10.2.3.4:80", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:5555", "2001:db8::/64"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::/64"),
        ("10.0.0.1", "[2001:db8::1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:http", "10.0.0.1"),
        ("2001:db8:0:1:a:b:c:d", "", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
    ],
)
def test_who_the_client_is(peer, forwarded, client):
    """The client is the nearest address that no trusted proxy has; only what trusted proxies wrote is believed."""
    assert Clients(["10.0.0.0/8", "::1"]).name(peer, forwarded) == client
    assert Clients(["::ffff:10.0.0.0/104", "::1"]).name(peer, forwarded) == client
    assert Clients().name(peer, forwarded) == Clients().name(peer, "")


@pytest.mark.scenario("L8")
@pytest.mark.parametrize("peer", ["", "unix:", "localhost"])
def test_a_proxy_behind_a_unix_socket(peer):
    """A peer without an address is believed when Unix sockets are trusted; one with an address is not for that."""
    clients = Clients(["unix"])
    assert clients.name(peer, "6.6.6.6, 198.51.100.1") == "198.51.100.1"
    assert clients.name(peer, "") == peer
    assert clients.name("203.0.113.7", "198.51.100.1") == "203.0.113.7"


@KINDS
@pytest.mark.scenario("L8")
def test_many_addresses_are_one_client(make, ask):
    """Who asks from each address of his IPv6 network in turn has one rate."""
    app = make(rate=RateLimit("1/h; burst 1", clock=Clock()))
    peers = ["2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:1::1"]
    assert [ask(app, "/nowhere", client=(peer, 1))[0].status_code for peer in peers] == [404, 429, 404]


@KINDS
@pytest.mark.scenario("L8")
def test_the_proxys_word(make, ask):
    """Behind a trusted proxy each client is limited by itself; without trust the header changes nothing."""
    headers = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.1")]
    if ask is ask_wsgi:  # a WSGI server joins them
        headers = [("X-Forwarded-For", "6.6.6.6,198.51.100.1")]
    for trusted, status in ((("10.0.0.0/8",), 429), ((), 200)):
        app = make(rate=RateLimit("1/h; burst 1", clock=Clock()), trusted_proxies=trusted)
        ask(app, "/nowhere", client=("198.51.100.1", 1))
        reply = ask(app, "/api/v1/items/5", client=("10.0.0.1", 1), headers=headers)[0]
        assert reply.status_code == status


@KINDS
def test_too_much_load_is_shed(make, ask):
    """When as many requests are under way as can be served well, the next gets 503 with Retry-After, at once."""
    load = AdaptiveLimit(min=1, max=1, retry_after=2.5)
    app = make(load=load)
    assert ask(app, "/api/v1/items/5")[0].status_code == 200
    assert load.under_way == 0

    load.acquire()
    reply = ask(app, "/api/v1/items/5")[0]

    assert (reply.status_code, reply.headers["retry-after"]) == (503, "3")
    assert load.under_way == 1


@KINDS
@pytest.mark.scenario("A4")
def test_health_checks_always_pass(make, ask):
    """Health checks are answered under any load, use no rate, and their quick answers teach the limit nothing."""
    load = AdaptiveLimit(min=1, max=1)
    app = make(load=load, rate=RateLimit("1/h; burst 1", clock=Clock()))
    load.acquire()

    assert [each.status_code for each in ask(app, *["/health/live"] * 30)] == [200] * 30
    assert ask(app, "/healthy")[0].status_code == 503  # not below /health
    assert load._took == []
    assert load._learner.baseline is None


@KINDS
def test_counted_out_once_however_it_ends(make, ask):
    """Streams, errors and unknown paths leave nobody under way, and only what was served teaches how long it takes."""
    seen = []

    class Watched(AdaptiveLimit):
        def release(self, began, outcome=Outcome.SERVED):
            seen.append(outcome)
            super().release(began, outcome)

    load = Watched()
    app = make(load=load)
    assert ask(app, "/api/v1/stream")[0].content == b"abc"
    ask(app, "/nowhere")
    assert seen == [Outcome.SERVED] * 2
    assert load.under_way == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RuntimeError(), Outcome.SILENT),
        (TimeoutError(), Outcome.DROPPED),
        (asyncio.CancelledError(), Outcome.CANCELLED),
    ],
)
def test_what_an_error_says(error, outcome):
    """An application that fails is counted out, what it raised is raised on, and says of the load what it says."""
    seen = []

    class Watched(AdaptiveLimit):
        def release(self, began, outcome=Outcome.SERVED):
            seen.append(outcome)
            super().release(began, outcome)

    async def broken(scope, receive, send):
        raise error

    def broken_too(environ, start_response):
        raise error

    load = Watched()
    scope = {"type": "http", "path": "/", "method": "GET", "headers": []}
    with pytest.raises(type(error)):
        asyncio.run(AdmissionMiddleware(broken, load=load)(scope, None, None))
    with pytest.raises(type(error)):
        WSGIAdmissionMiddleware(broken_too, load=load)({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, None)
    assert seen == [outcome] * 2
    assert load.under_way == 0


def test_a_body_that_nobody_reads_to_its_end():
    """A WSGI body that is closed early is closed inside too, and its request is no longer under way."""
    closed = []

    class Body:
        def __iter__(self):
            yield b"a"
            yield b"b"

        def close(self):
            closed.append(1)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    load = AdaptiveLimit()
    body = WSGIAdmissionMiddleware(app, load=load)({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *_: None)
    assert next(iter(body)) == b"a"
    assert load.under_way == 1
    body.close()
    assert (closed, load.under_way) == ([1], 0)


def test_a_body_of_no_known_length_has_none():
    """A server asks a body how many chunks it has only when the application's own would answer."""

    def asked(body):
        def app(environ, start_response):
            start_response("200 OK", [])
            return body

        app = WSGIAdmissionMiddleware(app, load=AdaptiveLimit())
        return app({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *_: None)

    assert not hasattr(asked(iter([b"a", b"b"])), "__len__")
    assert len(asked([b"a", b"b"])) == 2


def test_a_stream_under_waitress():
    """A generator without a length goes through a real server, which asks every body for its length."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        yield b"b"

    load = AdaptiveLimit()
    with served_by_waitress(WSGIAdmissionMiddleware(app, load=load)) as port:
        reply = httpx.get(f"http://127.0.0.1:{port}/")
    assert (reply.status_code, reply.content) == (200, b"ab")
    eventually(lambda: load.under_way == 0)  # the server closes the body after its last byte


@pytest.mark.parametrize("skin", [AdmissionMiddleware, WSGIAdmissionMiddleware])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "nothing to admit by"),
        ({"rate": RateLimit("1/s"), "trusted_proxies": ["proxy.local"]}, "trusted_proxies"),
        ({"rate": RateLimit("1/s"), "trusted_proxies": "10.0.0.0/8"}, "must be several"),
        ({"rate": RateLimit("1/s"), "exclude": "/health"}, "must be paths"),
        ({"rate": RateLimit("1/s"), "exclude": ["health"]}, "must be paths"),
    ],
)
def test_arguments_that_make_no_sense(skin, options, says):
    """The message says what was wrong and what would be right."""
    with pytest.raises(ConfigurationError, match=says):
        skin(None, **options)
