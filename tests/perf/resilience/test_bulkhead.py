"""The bulkhead: never more than so many, first come first served, and no place is ever lost."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mestres_perf import Bulkhead, BulkheadFull, DeadlineExceeded, deadline
from mestres_perf.errors import ConfigurationError

PATIENT = 30.0


async def until(condition):
    """Let the other tasks work until it is so."""
    async with asyncio.timeout(PATIENT):
        while not condition():  # noqa: ASYNC110 - there is no event for a number
            await asyncio.sleep(0)


def eventually(condition):
    """Let the other threads work until it is so."""
    pause = threading.Event()
    for _ in range(30_000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("it never was")


@pytest.mark.scenario("K1")
def test_cancelled_waiters_keep_no_place():
    """After two that waited were cancelled the whole of the limit is there for others."""

    async def main():
        bulkhead = Bulkhead(3, queue=10, wait=PATIENT)
        go = asyncio.Event()
        inside = [asyncio.create_task(bulkhead.acall(go.wait)) for _ in range(3)]
        waiting = [asyncio.create_task(bulkhead.acall(go.wait)) for _ in range(4)]
        await until(lambda: bulkhead.waiting == 4)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.wait(waiting[:2])
        assert all(task.cancelled() for task in waiting[:2])
        go.set()
        await asyncio.gather(*inside, *waiting[2:])
        assert (bulkhead.under_way, bulkhead.waiting) == (0, 0)
        for _ in range(3):
            await bulkhead.aacquire()
        assert bulkhead.under_way == 3

    asyncio.run(main())


@pytest.mark.scenario("K1")
def test_cancelled_with_the_place_in_hand():
    """Who is cancelled after he was given a place, and before he knew, hands it to the next in line."""

    async def main():
        bulkhead = Bulkhead(1, queue=10, wait=PATIENT)
        await bulkhead.aacquire()
        first = asyncio.create_task(bulkhead.aacquire())
        second = asyncio.create_task(bulkhead.aacquire())
        await until(lambda: bulkhead.waiting == 2)
        bulkhead.release()  # it is the first's now, who has not run since
        first.cancel()
        await second
        assert first.cancelled()
        assert (bulkhead.under_way, bulkhead.waiting) == (1, 0)
        bulkhead.release()
        assert bulkhead.under_way == 0

    asyncio.run(main())


@pytest.mark.scenario("K2")
def test_a_full_queue_refuses_at_once():
    """Nobody waits when the line is full: he is told which bulkhead it was and how many it lets in."""
    bulkhead = Bulkhead(2, name="stock")
    called = []
    with bulkhead, bulkhead, pytest.raises(BulkheadFull, match="stock: 2 calls are under way") as refused:
        bulkhead.call(called.append, 1)
    assert (refused.value.limit, called) == (2, [])

    async def main():
        async with bulkhead, bulkhead:
            with pytest.raises(BulkheadFull):
                await bulkhead.aacquire()

    asyncio.run(main())
    assert bulkhead.under_way == 0


@pytest.mark.scenario("K2")
def test_a_wait_ends():
    """Who has waited for `wait` seconds, or until his deadline, is refused and stands in line no more."""
    bulkhead = Bulkhead(1, queue=5, wait=0.01)
    bulkhead.acquire()
    with pytest.raises(BulkheadFull):
        bulkhead.acquire()
    patient = Bulkhead(1, queue=5, wait=PATIENT * 10)
    patient.acquire()
    with deadline(0.01), pytest.raises(BulkheadFull):
        patient.acquire()
    with deadline(0), pytest.raises(DeadlineExceeded):
        patient.acquire()

    async def main():
        with pytest.raises(BulkheadFull):
            await bulkhead.aacquire()
        with deadline(0.01), pytest.raises(BulkheadFull):
            await patient.aacquire()

    asyncio.run(main())
    assert (bulkhead.waiting, patient.waiting) == (0, 0)
    bulkhead.release()
    assert bulkhead.under_way == 0


@pytest.mark.scenario("K2")
@pytest.mark.scenario("K4")
def test_first_come_first_served_across_colours():
    """Threads and tasks of two loops stand in one line and are served in the order they came."""
    bulkhead = Bulkhead(1, queue=30, wait=PATIENT)
    bulkhead.acquire()
    order = []

    def as_thread(number):
        with bulkhead:
            order.append(number)

    async def as_task(number):
        async with bulkhead:
            order.append(number)

    loops = [asyncio.new_event_loop() for _ in range(2)]
    threads = [threading.Thread(target=loop.run_forever) for loop in loops]
    for thread in threads:
        thread.start()
    ends = []
    with ThreadPoolExecutor(10) as pool:
        for number in range(15):
            if number % 3 == 0:
                ends.append(pool.submit(as_thread, number))
            else:
                ends.append(asyncio.run_coroutine_threadsafe(as_task(number), loops[number % 2]))
            eventually(lambda so_many=number + 1: bulkhead.waiting == so_many)
        bulkhead.release()
        for end in ends:
            end.result(PATIENT)
    for loop, thread in zip(loops, threads, strict=True):
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert order == list(range(15))
    assert bulkhead.under_way == 0


def test_no_newcomer_goes_first():
    """A place that ends belongs to the first in line already: a newcomer does not get it, though nobody uses it yet."""

    async def main():
        bulkhead = Bulkhead(1, queue=1, wait=PATIENT)
        await bulkhead.aacquire()
        first = asyncio.create_task(bulkhead.aacquire())
        await until(lambda: bulkhead.waiting == 1)
        bulkhead.release()
        assert not first.done()
        newcomer = asyncio.create_task(bulkhead.aacquire())
        await first
        assert not newcomer.done()
        bulkhead.release()
        await newcomer

    asyncio.run(main())


def test_a_loop_that_is_gone_keeps_no_place():
    """Who waited in a loop that was closed under him is passed over."""
    bulkhead = Bulkhead(1, queue=5, wait=PATIENT)
    bulkhead.acquire()
    loop = asyncio.new_event_loop()
    waiting = bulkhead.aacquire()
    task = loop.create_task(waiting)
    loop.run_until_complete(asyncio.sleep(0))
    task._log_destroy_pending = False
    loop.close()
    assert bulkhead.waiting == 1

    bulkhead.release()

    waiting.close()
    assert (bulkhead.waiting, bulkhead.under_way) == (0, 0)


@pytest.mark.scenario("K3")
def test_an_error_gives_the_place_back():
    """Whatever ends a call, an exception, an interruption or a cancellation, ends its place."""
    bulkhead = Bulkhead(1)

    def fail(error):
        raise error

    for error in (OSError(), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            bulkhead.call(fail, error)

    async def main():
        task = asyncio.create_task(bulkhead.acall(asyncio.Event().wait))
        await until(lambda: bulkhead.under_way == 1)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert bulkhead.under_way == 0


@pytest.mark.scenario("K4")
def test_never_more_than_the_limit():
    """Threads and tasks at once: at no moment are more than `limit` inside, and at the end none is."""
    bulkhead = Bulkhead(3, queue=100, wait=PATIENT)
    lock, inside, seen = threading.Lock(), [0], []

    def step(change):
        with lock:
            inside[0] += change
            seen.append(inside[0])

    @bulkhead
    def plain():
        step(1)
        threading.Event().wait(0.0005)
        step(-1)

    @bulkhead
    async def later():
        step(1)
        await asyncio.sleep(0.0005)
        step(-1)

    async def tasks():
        await asyncio.gather(*(later() for _ in range(40)))

    with ThreadPoolExecutor(8) as pool:
        ends = [pool.submit(asyncio.run, tasks())] + [pool.submit(plain) for _ in range(60)]
        for end in ends:
            end.result(PATIENT)
    assert max(seen) <= 3
    assert len(seen) == 200
    assert (bulkhead.under_way, bulkhead.waiting) == (0, 0)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child leaves at once
def test_a_child_process_begins_with_nobody():
    """After a fork the child's bulkhead is empty, whatever the parent was doing."""
    bulkhead = Bulkhead(1)
    with bulkhead:
        child = os.fork()
        if not child:
            os._exit(0 if bulkhead.under_way == 0 and bulkhead.call(lambda: True) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    "arguments", [{"limit": 0}, {"limit": 1.5}, {"limit": 1, "queue": -1}, {"limit": 1, "queue": 1, "wait": -1}]
)
def test_arguments_that_make_no_sense(arguments):
    """A bulkhead that lets nobody in is a mistake."""
    with pytest.raises(ConfigurationError, match="must be a"):
        Bulkhead(**arguments)
