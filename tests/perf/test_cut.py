"""A time limit for the rest of a task, beside other cancellations."""

import asyncio

import pytest

from mestres_perf._kernel.cut import Cut


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
