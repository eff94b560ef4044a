"""Request ids: made, taken over, and told to everybody who has to do with the request."""

import asyncio
import uuid

import pytest

from mestres_perf import (
    Cache,
    CacheMiddleware,
    RequestIdMiddleware,
    WSGICacheMiddleware,
    WSGIRequestIdMiddleware,
    new_request_id,
    request_id,
)
from mestres_perf.errors import ConfigurationError
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)


def stack(face, reply, **options):
    return Stack(face, reply, (RequestIdMiddleware, WSGIRequestIdMiddleware, options))


def ids(answer):
    return [value for name, value in answer.pairs if name.lower() == "x-request-id"]


@FACE
def test_everybody_is_told_the_same(face):
    """Response, application, request header, code below and the chunks of a stream: one id, and none afterwards."""
    seen, before = [], request_id()

    def reply(asked):
        seen.extend([asked.state["mestres.request_id"], asked.headers["x-request-id"], request_id()])

        def second():
            seen.append(request_id())
            return b"second"

        return Reply([b"first", second], headers=[("X-Request-ID", "the application's own")])

    answer = stack(face, reply).ask()
    assert len(ids(answer)) == 1
    assert seen == ids(answer) * 4
    assert request_id() == before


def test_an_id_is_a_uuid_in_time():
    """Ids are UUIDs of version 7 and differ; a later millisecond sorts behind."""
    made = [new_request_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    for text in made[:10]:
        number = uuid.UUID(text)
        assert (number.version, number.variant, str(number)) == (7, uuid.RFC_4122, text)
    assert [text[:13] for text in made] == sorted(text[:13] for text in made)


@FACE
@pytest.mark.parametrize("given", ["a", "0193-ab.c_d~e:f@g+h/i=j", "x" * 128])
def test_a_trusted_id_is_kept(face, given):
    """A well-formed id is taken over when that is trusted, and replaced when it is not."""
    asked = {"X-Request-ID": given}
    assert ids(stack(face, Reply(), trust_incoming=True).ask("/", asked)) == [given]
    assert ids(stack(face, Reply()).ask("/", asked)) != [given]


@FACE
@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "a\tb", "é", "a,b", "a\nb", "<script>", "a{b}"])
def test_a_malformed_id_is_replaced(face, given):
    """What is too long, or has other characters, is never taken over: not into a log, and not into a response."""
    (told,) = ids(stack(face, Reply(), trust_incoming=True).ask("/", {"X-Request-ID": given}))
    assert uuid.UUID(told).version == 7


@FACE
def test_two_ids_are_none(face):
    """Of a request that brings two ids neither gets to the application."""
    seen = []

    def reply(asked):
        seen.append(asked.headers["x-request-id"])
        return Reply()

    answer = stack(face, reply, trust_incoming=True).ask("/", [("X-Request-ID", "a"), ("X-Request-ID", "b")])
    assert seen == ids(answer)
    assert uuid.UUID(seen[0]).version == 7


@FACE
def test_another_header_and_other_ids(face):
    """The header's name and how ids are made are the user's."""
    answer = stack(face, Reply(), header="X-Trace", make=lambda: "mine").ask()
    assert answer.headers["x-trace"] == "mine"


@FACE
def test_an_error_goes_on_and_ends_the_id(face):
    """What the application raises is raised on; afterwards the id is what it was before."""
    before = request_id()

    def reply(asked):
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom") as caught:
        stack(face, reply, make=lambda: "mine").ask()
    assert caught.value.__notes__ == ["X-Request-ID: mine"]
    assert request_id() == before


def test_tasks_side_by_side():
    """Requests of one loop see each its own id."""
    seen, barrier = {}, asyncio.Barrier(2)

    async def app(scope, receive, send):
        seen[scope["path"]] = [request_id()]
        await barrier.wait()
        seen[scope["path"]].append(request_id())

    async def main():
        served = RequestIdMiddleware(app)
        scopes = [{"type": "http", "path": path, "headers": []} for path in "ab"]
        await asyncio.gather(*(served(scope, None, None) for scope in scopes))

    asyncio.run(main())
    assert seen["a"][0] == seen["a"][1] != seen["b"][0] == seen["b"][1]


@pytest.mark.parametrize("skin", [RequestIdMiddleware, WSGIRequestIdMiddleware])
@pytest.mark.parametrize("options", [{"header": "X Request"}, {"header": ""}, {"header": "é"}, {"make": "id"}])
def test_arguments_that_make_no_sense(skin, options):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="must be"):
        skin(None, **options)


@FACE
@pytest.mark.parametrize("header", ["X-Request-ID", "X-Trace"])
def test_a_stored_response_has_nobodys_id(face, header):
    """An id is of one request: under whatever header, it is not in a response that others are given."""
    layers = [
        (CacheMiddleware, WSGICacheMiddleware, {"cache": Cache("pages")}),
        (RequestIdMiddleware, WSGIRequestIdMiddleware, {"header": header}),
    ]
    served = Stack(face, Reply(b"page", headers=[("Cache-Control", "max-age=60"), ("X-Own", "kept")]), *layers)
    asked = {"Host": "shop.example"}
    first, second = served.ask("/", asked), served.ask("/", asked)
    assert (first.cache, second.cache) == ("miss", "hit")
    assert header.lower() in first.headers
    assert header.lower() not in second.headers
    assert second.headers["x-own"] == "kept"


class Lazy:
    """A body that says which id it sees: when it is begun, when it is read and when it is closed."""

    def __init__(self):
        self.seen = []

    def __iter__(self):
        for chunk in (b"a", b"b"):
            self.seen.append(request_id())
            yield chunk

    def close(self):
        self.seen.append(request_id())


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
@pytest.mark.parametrize("closes", [True, False])
def test_a_body_that_nobody_closes_leaves_no_id_behind(taken, closes):
    """Whatever a server takes of a body, and whether it closes it: the id is the body's, and never in its thread."""
    lazy, own = Lazy(), []

    def app(environ, start_response):
        start_response("200 OK", [])
        own.append(request_id())
        return lazy

    before = request_id()
    body = WSGIRequestIdMiddleware(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
    chunks = iter(body)
    for _ in range(taken):
        assert request_id() == before
        next(chunks, None)
    if closes:
        body.close()
    assert request_id() == before
    assert lazy.seen == own * (min(taken, 2) + closes)
    assert own != [before]


def test_a_list_is_given_to_the_server_as_it_is():
    """A server may tell the length of a body in one piece, and no code of the application's is left to know the id."""
    body = [b"a"]
    site = WSGIRequestIdMiddleware(lambda environ, start: start("200 OK", []) or body)
    assert site({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None) is body
