"""Deadlines and timeouts: carried through every layer, and never taken for a cancellation."""

import asyncio
import contextvars
import threading

import pytest

from mestres_perf import CallTimeout, DeadlineExceeded, Timeout, deadline
from mestres_perf.errors import ConfigurationError
from perf.resilience.clocks import Clock


async def for_ever():
    await asyncio.Event().wait()


def test_carried_and_taken_back():
    """Inside the block every layer sees what is left; outside there is no deadline."""
    clock = Clock()
    assert deadline.remaining() is None
    with deadline(2.0, clock=clock):
        clock.now += 0.5
        assert deadline.remaining() == pytest.approx(1.5)
        clock.now += 5
        assert deadline.remaining() == 0.0
        with pytest.raises(DeadlineExceeded):
            deadline.check()
    assert deadline.remaining() is None
    deadline.check()


def test_the_nearer_one_holds():
    """A deadline inside of another shortens the time and never makes it longer; then the outer one holds again."""
    clock = Clock()
    with deadline(2.0, clock=clock):
        with deadline(1.0, clock=clock):
            assert deadline.remaining() == pytest.approx(1.0)
        with deadline(100.0, clock=clock):
            assert deadline.remaining() == pytest.approx(2.0)
        assert deadline.remaining() == pytest.approx(2.0)


def test_goes_with_the_context():
    """A task and a copied context have the deadline of whoever began them; another thread has none."""
    seen = []

    async def main():
        with deadline(50):
            seen.append(await asyncio.create_task(ask()))
            seen.append(await asyncio.to_thread(deadline.remaining))

    async def ask():
        return deadline.remaining()

    asyncio.run(main())
    with deadline(50):
        seen.append(contextvars.copy_context().run(deadline.remaining))
        thread = threading.Thread(target=lambda: seen.append(deadline.remaining()))
        thread.start()
        thread.join()
    assert [each is not None for each in seen] == [True, True, True, False]


@pytest.mark.scenario("T7")
def test_async_with_stops_what_it_surrounds():
    """`async with` stops its block when the time is over, and says so with an error that is a TimeoutError."""

    async def main():
        async with deadline(0.01):
            await for_ever()

    with pytest.raises(DeadlineExceeded) as raised:
        asyncio.run(main())
    assert isinstance(raised.value, TimeoutError)


@pytest.mark.scenario("T7")
@pytest.mark.parametrize("cut", ["deadline", "timeout"])
def test_a_cancellation_stays_one(cut):
    """Whoever is cancelled from outside while time is left is cancelled, and not timed out."""

    async def block():
        if cut == "timeout":
            return await Timeout(60).acall(for_ever)
        async with deadline(60):
            return await for_ever()

    async def main():
        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())


@pytest.mark.scenario("T7")
@pytest.mark.parametrize("cut", ["deadline", "timeout"])
def test_a_timeout_of_the_body_is_its_own(cut):
    """A TimeoutError that the body raises in time comes out as the very same object."""
    own = TimeoutError("the database's")

    async def body():
        raise own

    async def main():
        if cut == "timeout":
            return await Timeout(60).acall(body)
        async with deadline(60):
            return await body()

    with pytest.raises(TimeoutError) as raised:
        asyncio.run(main())
    assert raised.value is own


@pytest.mark.scenario("T7")
def test_a_timeout_says_which_time_was_over():
    """CallTimeout when the call's own time is over, DeadlineExceeded when the time of the whole is."""

    async def main():
        with pytest.raises(CallTimeout, match=r"0\.01 s"):
            await Timeout(0.01).acall(for_ever)
        with deadline(60), pytest.raises(CallTimeout):
            await Timeout(0.01).acall(for_ever)
        with deadline(0.01), pytest.raises(DeadlineExceeded):
            await Timeout(60).acall(for_ever)

    asyncio.run(main())


@pytest.mark.scenario("T1")
def test_a_plain_function_is_told_and_not_killed():
    """A plain function has a deadline to ask for; when it takes longer all the same, its result is returned."""
    clock = Clock()

    @Timeout(1.0, clock=clock)
    def slow():
        left = deadline.remaining()
        clock.now += 5
        return left, deadline.remaining()

    assert slow() == (pytest.approx(1.0), 0.0)
    assert deadline.remaining() is None


def test_nothing_begins_after_the_deadline():
    """A Timeout whose deadline is over calls nothing."""
    clock, called = Clock(), []

    async def acall():
        called.append(1)

    with deadline(0, clock=clock):
        with pytest.raises(DeadlineExceeded):
            Timeout(1.0).call(lambda: called.append(1))
        with pytest.raises(DeadlineExceeded):
            asyncio.run(Timeout(1.0).acall(acall))
    assert called == []


def test_goes_over_the_wire():
    """The header carries the seconds that are left, and the other side gives them to its own work."""
    clock = Clock()
    assert deadline.headers() == {}
    with deadline(2.0, clock=clock):
        clock.now += 0.75
        sent = deadline.headers()
    assert sent == {"X-Request-Deadline": "1.250"}
    with deadline.from_headers(sent, most=30, clock=clock):
        assert deadline.remaining() == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("sent", "given"),
    [("1.5", 1.5), ("100", 30.0), ("-3", 0.0), ("nan", 30.0), ("inf", 30.0), ("soon", 30.0), ("", 30.0), (None, 30.0)],
)
def test_a_caller_cannot_ask_for_more(sent, given):
    """What a stranger sends can only shorten the time; nonsense is as if he had sent nothing."""
    clock = Clock()
    headers = {} if sent is None else {"x-request-deadline": sent}
    with deadline.from_headers(headers, most=30, clock=clock):
        assert deadline.remaining() == pytest.approx(given)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "2", None, True])
def test_times_that_make_no_sense(seconds):
    """A time is a number of seconds; a timeout of none would let nothing through."""
    with pytest.raises(ConfigurationError, match="must be a number of seconds"):
        deadline(seconds)
    with pytest.raises(ConfigurationError, match="above 0"):
        Timeout(seconds)
    with pytest.raises(ConfigurationError, match="above 0"):
        Timeout(0)
