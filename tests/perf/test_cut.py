"""A time limit for the rest of a task, beside other cancellations."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from mestres_perf._kernel.cut import Cut, _timers


def test_what_takes_too_long_is_cut():
    """The task is cancelled once, and afterwards nobody wants it to end."""

    async def main():
        cut = Cut(0.0)
        with pytest.raises(asyncio.CancelledError) as caught:
            await asyncio.sleep(60)
        return cut.ended(caught.value), asyncio.current_task().cancelling()

    assert asyncio.run(main()) == (True, 0)


def test_what_ends_in_time_or_was_lifted_is_not():
    """Neither what has ended before its time nor what was let go is cancelled later."""

    async def main():
        early, lifted = Cut(60.0), Cut(0.0)
        lifted.lift()
        ended = early.ended(None)
        await asyncio.sleep(0.01)
        return ended, lifted.ended(None), early.is_made, lifted.is_made

    assert asyncio.run(main()) == (False, False, False, False)


def test_the_cancellation_of_somebody_else_stays_one():
    """A task that somebody wants to end is not said to have been cut, also when both came at once."""

    async def work(said):
        cut = Cut(0.0)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            said.append((cut.is_made, cut.ended(error)))
            raise

    async def main(*, both):
        said = []
        task = asyncio.create_task(work(said))
        await asyncio.sleep(0)
        if both:
            asyncio.get_running_loop().call_later(0.0, task.cancel)  # in the turn of the cut, and after it
        else:
            task.cancel()
        await asyncio.wait([task])
        return said, task.cancelled()

    assert asyncio.run(main(both=True)) == ([(True, False)], True)
    assert asyncio.run(main(both=False)) == ([(False, False)], True)


def test_a_loop_has_one_timer_for_all():
    """However many limits are set and lifted, the loop is asked for one timer."""

    async def main():
        loop, asked = asyncio.get_running_loop(), []
        call_later = loop.call_later
        loop.call_later = lambda *arguments: asked.append(arguments[0]) or call_later(*arguments)
        for _ in range(1000):
            Cut(60.0).lift()
        return len(asked)

    assert asyncio.run(main()) == 1


def test_each_is_made_in_its_own_time():
    """A limit is made though a longer one was set before it, and so is the next; what has longer goes on."""
    order = []

    async def work(name, seconds):
        cut = Cut(seconds)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            order.append((name, cut.ended(error)))

    async def main():
        longest = asyncio.create_task(work("longest", 60.0))
        await asyncio.sleep(0)
        await asyncio.gather(work("second", 0.05), work("first", 0.0))
        await asyncio.gather(work("third", 0.0))  # the timer is set for the longest again
        assert not longest.done()
        longest.cancel()
        await longest

    asyncio.run(main())
    assert order == [("first", True), ("second", True), ("third", True), ("longest", False)]


def test_loops_in_several_threads_have_their_own():
    """A task is cancelled by its own loop, whatever other threads' loops do; closed ones are forgotten."""

    async def main():
        cut = Cut(0.0)
        with pytest.raises(asyncio.CancelledError) as caught:
            await asyncio.sleep(60)
        return cut.ended(caught.value)

    for _ in range(3):
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(lambda _: asyncio.run(main()), range(8)))
    asyncio.run(main())
    assert len([loop for loop in _timers if loop.is_closed()]) == 1  # this one, until another comes
