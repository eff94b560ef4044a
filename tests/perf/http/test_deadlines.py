"""A deadline for each request: how long it is, who sees it, and what a client is told when it is over."""

import asyncio
import json
import threading

import pytest

from mestres_perf import (
    Cache,
    CacheMiddleware,
    DeadlineMiddleware,
    WSGICacheMiddleware,
    WSGIDeadlineMiddleware,
    deadline,
)
from mestres_perf.errors import ConfigurationError, DeadlineExceeded
from perf.http.sites import Clock, eventually, fresh
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)


def stack(face, reply, **options):
    return Stack(face, reply, (DeadlineMiddleware, WSGIDeadlineMiddleware, options))


def refused(answer):
    return answer.status, answer.headers["content-type"], json.loads(answer.body)["status"]


LATE = (504, "application/problem+json", 504)


@FACE
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 30), ("5", 5), ("500", 60), ("0.5", 0.5), ("soon", 30), ("nan", 30), ("inf", 30), ("", 30)],
)
def test_how_long_it_is(face, asked, seconds):
    """The caller's wish up to `most`, `seconds` where there is none or nonsense; none is left behind."""
    seen = []

    def reply(asked):
        seen.append(deadline.remaining())
        return Reply()

    headers = {} if asked is None else {"X-Request-Deadline": asked}
    assert stack(face, reply, seconds=30, most=60, trust_incoming=True).ask("/", headers).status == 200
    assert seconds / 2 < seen[0] <= seconds
    assert deadline.remaining() is None


@FACE
def test_the_wish_is_no_longer_than_usual(face):
    """Without `most` a caller can only ask for less than `seconds`."""
    seen = []

    def reply(asked):
        seen.append(deadline.remaining())
        return Reply()

    stack(face, reply, seconds=10, trust_incoming=True).ask("/", {"X-Request-Deadline": "500"})
    assert 5 < seen[0] <= 10


@FACE
@pytest.mark.parametrize("wish", ["0", "0.001", "1", "500"])
def test_strangers_have_no_wish(face, wish):
    """By default nobody outside says how long it is."""
    seen = []

    def reply(asked):
        seen.append(deadline.remaining())
        return Reply()

    assert stack(face, reply, seconds=10).ask("/", {"X-Request-Deadline": wish}).status == 200
    assert 5 < seen[0] <= 10


@FACE
@pytest.mark.parametrize("wish", ["0", "-1"])
def test_who_waits_no_longer_is_not_served(face, wish):
    """A request whose time was over when it came does not reach the application."""
    served = stack(face, Reply(), trust_incoming=True)
    assert refused(served.ask("/", {"X-Request-Deadline": wish})) == LATE
    assert served.asked == []


@FACE
def test_an_application_that_lets_it_out(face):
    """DeadlineExceeded before the start becomes 504; HEAD has no body; afterwards there is no deadline."""

    def reply(asked):
        raise DeadlineExceeded

    assert refused(stack(face, reply).ask()) == LATE
    head = stack(face, reply).ask(method="HEAD")
    assert (head.status, head.body) == (504, b"")
    assert deadline.remaining() is None


@FACE
def test_several_tasks_that_are_late_together(face):
    """A group of nothing but DeadlineExceeded is 504 as well; where something else went wrong too it is raised on."""

    def reply(asked):
        raise ExceptionGroup("late", [DeadlineExceeded(), *others])

    others = []
    if face == "asgi":
        assert refused(stack(face, reply).ask()) == LATE
    others.append(RuntimeError("boom"))
    with pytest.raises(ExceptionGroup):
        stack(face, reply).ask()


@FACE
def test_other_errors_go_on(face):
    """Errors of other kinds are raised on, a TimeoutError of the application's own too."""
    for error in (RuntimeError, TimeoutError):

        def reply(asked, error=error):
            raise error("boom")

        with pytest.raises(error, match="boom"):
            stack(face, reply).ask()


@FACE
def test_after_the_start_it_is_too_late_to_say(face):
    """When a part of the body has gone out, DeadlineExceeded is raised on: the response breaks off."""

    def reply(asked):
        def second():
            raise DeadlineExceeded("later")

        return Reply([b"first", second])

    served = stack(face, reply)
    with pytest.raises(DeadlineExceeded, match="later"):
        served.ask()
    assert served.got == [b"first"]


def test_wsgi_until_the_first_chunk():
    """Where start_response was called and nothing was sent yet there is still a 504, and the body is closed."""
    closed = []

    class Body:
        def __iter__(self):
            raise DeadlineExceeded

        def close(self):
            closed.append(1)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    served = Stack("wsgi", None)
    served.app = WSGIDeadlineMiddleware(app)
    assert refused(served.ask()) == LATE
    assert closed == [1]
    assert deadline.remaining() is None


@pytest.mark.parametrize("body", [[b"a"], (b"a",), "a generator"])
def test_wsgi_servers_that_forget_to_close(body):
    """A server that has taken everything, and does not close the body, leaves no deadline to the next request."""

    def app(environ, start_response):
        start_response("200 OK", [])
        return body if not isinstance(body, str) else iter([b"a"])

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    assert list(WSGIDeadlineMiddleware(app)(environ, lambda status, headers: None)) == [b"a"]
    assert deadline.remaining() is None


def test_wsgi_close_without_reading():
    """A body that is closed before it was read is closed within its deadline, of which its server has nothing."""
    left = []

    class Body:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            left.append(deadline.remaining() is not None)

    app = WSGIDeadlineMiddleware(lambda environ, start: start("200 OK", []) or Body())
    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, headers: None)
    assert deadline.remaining() is None
    body.close()
    assert left == [True]
    assert deadline.remaining() is None


def left_open(taken):
    """An application that answers in three chunks; and its first response of which so many are taken, not closed."""
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [])

        def chunks():
            for _ in range(3):
                seen.append(deadline.remaining())
                yield b"a"

        return chunks()

    site = WSGIDeadlineMiddleware(app, seconds=30, trust_incoming=True)
    body = site({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_DEADLINE": "1"}, lambda *_: None)
    chunks = iter(body)
    for _ in range(taken):
        next(chunks)
    return site, seen, (body, chunks)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_wsgi_what_a_body_that_stays_open_leaves(taken):
    """A body that is neither read to its end nor closed takes no time of the next request in its thread."""
    site, seen, _body = left_open(taken)
    assert deadline.remaining() is None
    site({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None).__iter__().__next__()
    assert seen[-1] > 5
    assert len(seen) == taken + 1


def test_wsgi_a_body_that_is_read_elsewhere():
    """Each chunk is made within the deadline, in whichever thread the server asks for it, and leaves none there."""
    _, seen, (_, chunks) = left_open(1)

    def read():
        next(chunks)
        seen.append(deadline.remaining())

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(20)
    assert 0 <= seen[1] <= 1
    assert seen[2] is None


def test_wsgi_deadlines_of_the_body_itself():
    """A shorter deadline that a body has set for several of its chunks holds in each of them, and only there."""
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [])

        def chunks():
            with deadline(5):
                for _ in range(3):
                    seen.append(deadline.remaining())
                    yield b"a"
            seen.append(deadline.remaining())

        return chunks()

    for _ in WSGIDeadlineMiddleware(app, seconds=30)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None):
        assert deadline.remaining() is None
    assert max(seen[:3]) <= 5 < seen[3] <= 30


def test_asgi_work_is_cut_off():
    """An application that waits for something that never comes is cancelled at its deadline, and 504 is told."""
    cancelled = []

    async def reply():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    served = stack("asgi", lambda asked: reply(), seconds=0.02)
    assert refused(served.ask()) == LATE
    assert cancelled == [1]


def test_asgi_streams_are_not_cut_off():
    """What has begun to answer goes on beyond its deadline, and still sees that the time is over."""
    left = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.05)  # beyond the deadline, and the loop has turned
        left.append(deadline.remaining())
        await send({"type": "http.response.body", "body": b"all of it"})

    served = Stack("asgi", None)
    served.app = DeadlineMiddleware(app, seconds=0.02)
    assert served.ask().body == b"all of it"
    assert left == [0.0]


def test_cancelled_from_outside_stays_cancelled():
    """A cancellation that is not the deadline's own is no 504."""

    async def main():
        task = asyncio.create_task(DeadlineMiddleware(app)({"type": "http", "path": "/", "headers": []}, None, None))
        await begun.wait()
        task.cancel()
        await task

    async def app(scope, receive, send):
        begun.set()
        await asyncio.Event().wait()

    begun = asyncio.Event()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


@FACE
def test_what_is_renewed_for_nobody_has_no_deadline(face):
    """A stale response, and a stale value, are renewed for everybody: not held to the time of who happened to ask."""
    clock, left = Clock(), {}
    cache = Cache("renewed", clock=clock, stale_while_revalidate=60)

    def reply(asked):
        left.setdefault("response", []).append(deadline.remaining())
        return fresh(seconds=10)

    layers = [
        (DeadlineMiddleware, WSGIDeadlineMiddleware, {"seconds": 30}),
        (CacheMiddleware, WSGICacheMiddleware, {"cache": cache, "clock": clock, "stale_while_revalidate": 60}),
    ]
    served = Stack(face, reply, *layers)
    serve = served.app

    async def aserve(scope, receive, send):  # the renewal is a task of this loop
        await serve(scope, receive, send)
        async with asyncio.timeout(20):
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    if face == "asgi":
        served.app = aserve
    served.ask("/", {"Host": "shop.example"})
    clock.now += 20
    assert served.ask("/", {"Host": "shop.example"}).cache == "stale"
    eventually(lambda: len(left["response"]) == 2)
    assert left["response"][0] is not None
    assert left["response"][1] is None


def test_a_value_that_is_refreshed_for_nobody_has_no_deadline():
    """A value that is refreshed behind a reader's back is not held to his time; one that he waits for is."""
    clock, left, done = Clock(), [], threading.Event()
    cache = Cache("refreshed", clock=clock, ttl=10, stale_while_revalidate=60)

    def load():
        left.append(deadline.remaining())
        if len(left) == 2:
            done.set()
        return len(left)

    with deadline(30):
        assert cache.get_or_load("a", load) == 1
        clock.now += 20
        assert cache.get_or_load("a", load) == 1
        assert done.wait(20)
    assert left[0] is not None
    assert left[1] is None
    cache.close()


@FACE
def test_excluded_paths_have_none(face):
    """Where a path is excluded nobody holds it to a time."""
    seen = []

    def reply(asked):
        seen.append(deadline.remaining())
        return Reply()

    stack(face, reply, exclude=["/events"]).ask("/events/orders")
    assert seen == [None]


@pytest.mark.parametrize("skin", [DeadlineMiddleware, WSGIDeadlineMiddleware])
@pytest.mark.parametrize(
    "options",
    [{"seconds": 0}, {"seconds": "5"}, {"most": 60}, {"most": 5, "trust_incoming": True}, {"exclude": "/events"}],
)
def test_arguments_that_make_no_sense(skin, options):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="must be"):
        skin(None, **options)
