"""A deadline for each request: how long it is, who sees it, and what a client is told when it is over."""

import asyncio
import json

import pytest

from mestres_perf import DeadlineMiddleware, WSGIDeadlineMiddleware, deadline
from mestres_perf.errors import ConfigurationError, DeadlineExceeded
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
    assert stack(face, reply, seconds=30, most=60).ask("/", headers).status == 200
    assert seconds / 2 < seen[0] <= seconds
    assert deadline.remaining() is None


@FACE
def test_the_wish_is_no_longer_than_usual(face):
    """Without `most` a caller can only ask for less than `seconds`."""
    seen = []

    def reply(asked):
        seen.append(deadline.remaining())
        return Reply()

    stack(face, reply, seconds=10).ask("/", {"X-Request-Deadline": "500"})
    assert 5 < seen[0] <= 10


@FACE
@pytest.mark.parametrize("wish", ["0", "-1"])
def test_who_waits_no_longer_is_not_served(face, wish):
    """A request whose time was over when it came does not reach the application."""
    served = stack(face, Reply())
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
            closed.append(deadline.remaining() is not None)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    served = Stack("wsgi", None)
    served.app = WSGIDeadlineMiddleware(app)
    assert refused(served.ask()) == LATE
    assert closed == [True]
    assert deadline.remaining() is None


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
    "options", [{"seconds": 0}, {"seconds": "5"}, {"most": 5}, {"most": -1}, {"exclude": "/events"}]
)
def test_arguments_that_make_no_sense(skin, options):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="must be"):
        skin(None, **options)
