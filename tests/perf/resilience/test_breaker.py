"""The circuit breaker: right under concurrency, and out of the way otherwise."""

import asyncio
import contextlib
import inspect
import pickle
import threading
import time

import pytest

from mestres_perf import CircuitBreaker, CircuitOpenError
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import State
from mestres_perf.resilience._states import TRANSITIONS


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker("payments", failure_threshold=3, reset_timeout=60, clock=clock)


def fail():
    raise OSError("down")


def trip(breaker):
    while breaker.state is State.CLOSED:
        with pytest.raises(OSError, match="down"):
            breaker.call(fail)


def test_opens_after_failures_in_a_row(breaker):
    """The third failure in a row opens; the caller of the fourth is refused without a call, and told for how long."""
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            breaker.call(fail)
    breaker.call(lambda: None)
    trip(breaker)
    assert breaker.snapshot().failures == 5
    called = []

    with pytest.raises(CircuitOpenError) as refused:
        breaker.call(called.append, 1)

    assert called == []
    assert refused.value.retry_after == 60
    assert (refused.value.name, breaker.snapshot().rejections) == ("payments", 1)


def test_async_functions_trip_it_too(clock):
    """What an async function raises is counted when it is awaited."""
    breaker = CircuitBreaker("a", failure_threshold=2, clock=clock)

    @breaker
    async def afail():
        raise OSError("down")

    async def main():
        for _ in range(2):
            with pytest.raises(OSError, match="down"):
                await afail()
        with pytest.raises(CircuitOpenError):
            await afail()

    asyncio.run(main())


def test_one_probe(breaker, clock):
    """Of fifty callers at once after the open time exactly one is let through."""
    trip(breaker)
    clock.now += 61
    start, go = threading.Barrier(51), threading.Event()
    outcomes = []

    def probe():
        go.wait(10)
        return "passed"

    def caller():
        start.wait(10)
        try:
            outcomes.append(breaker.call(probe))
        except CircuitOpenError:
            outcomes.append("refused")
            if len(outcomes) == 49:
                go.set()

    threads = [threading.Thread(target=caller) for _ in range(50)]
    for thread in threads:
        thread.start()
    start.wait(10)
    for thread in threads:
        thread.join(10)

    assert sorted(outcomes) == ["passed"] + ["refused"] * 49
    assert breaker.state is State.CLOSED


def test_one_probe_among_tasks(breaker, clock):
    """The same for fifty tasks."""
    trip(breaker)
    clock.now += 61
    ran = []

    async def probe():
        ran.append(1)
        await asyncio.sleep(0.01)

    async def main():
        return await asyncio.gather(*(breaker.acall(probe) for _ in range(50)), return_exceptions=True)

    results = asyncio.run(main())

    assert len(ran) == 1
    assert sum(isinstance(result, CircuitOpenError) for result in results) == 49


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_results_from_before_count_for_nothing(breaker, clock, outcome):
    """A call that began while closed and ends while a probe is out neither closes nor opens anything."""
    slow = breaker.acquire()
    trip(breaker)
    clock.now += 61
    probe = breaker.acquire()
    slow.success() if outcome == "success" else slow.failure()

    assert breaker.state is State.HALF_OPEN
    probe.success()
    assert breaker.state is State.CLOSED


def test_a_probe_that_never_comes_back(breaker, clock):
    """After the probe time another probe is let through, and what the first one found no longer counts."""
    trip(breaker)
    clock.now += 61
    lost = breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    clock.now += 61
    second = breaker.acquire()
    lost.failure(OSError())

    assert breaker.state is State.HALF_OPEN
    second.success()
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit, ValueError])
def test_what_counts_neither_way(clock, error):
    """Interruption, cancellation and what `ignore` names are raised on and not counted; a probe is given back."""
    breaker = CircuitBreaker("n", failure_threshold=1, ignore=(ValueError,), clock=clock)

    def interrupted():
        raise error

    for _ in range(3):
        with pytest.raises(error):
            breaker.call(interrupted)
    assert breaker.state is State.CLOSED

    trip(breaker)
    clock.now += 61
    with pytest.raises(error):
        breaker.call(interrupted)
    assert breaker.call(lambda: "probe") == "probe"


def test_calls_run_side_by_side(breaker):
    """The protected function does not run under a lock: eight calls that wait for each other all end."""
    together = threading.Barrier(8)
    threads = [threading.Thread(target=breaker.call, args=(together.wait, 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert breaker.snapshot().successes == 8


def test_generators(breaker):
    """A failure in the middle of a generator counts once; sent values and the return value pass through."""

    @breaker
    def numbers():
        got = yield 1
        yield got
        return "end"

    @breaker
    def broken():
        yield 1
        raise OSError("down")

    generator = numbers()
    assert (next(generator), generator.send("sent")) == (1, "sent")
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"
    with pytest.raises(OSError, match="down"):
        list(broken())
    assert (breaker.snapshot().successes, breaker.snapshot().failures) == (1, 1)


def test_async_generators(breaker):
    """The same for async generators."""

    @breaker
    async def numbers(fails):
        yield 1
        yield 2
        if fails:
            raise OSError("down")

    async def main():
        assert [number async for number in numbers(fails=False)] == [1, 2]
        with pytest.raises(OSError, match="down"):
            [number async for number in numbers(fails=True)]

    asyncio.run(main())
    assert (breaker.snapshot().successes, breaker.snapshot().failures) == (1, 1)


def test_what_is_sent_and_thrown_into_an_async_generator(breaker):
    """Sent values and thrown errors reach the generator inside, and closing it early counts for nothing."""
    closed = []

    @breaker
    async def echo():
        got = None
        try:
            while True:
                try:
                    got = yield got
                except KeyError:
                    got = "caught"
        finally:
            closed.append(1)

    async def main():
        generator = echo()
        assert await anext(generator) is None
        assert await generator.asend("sent") == "sent"
        assert await generator.athrow(KeyError()) == "caught"
        await generator.aclose()

    asyncio.run(main())
    assert closed == [1]
    assert (breaker.snapshot().successes, breaker.snapshot().failures) == (0, 0)


def test_context_managers(breaker):
    """`with` and `async with` count like calls, also when they are nested."""
    with breaker, breaker:
        pass
    with pytest.raises(OSError, match="down"), breaker:
        fail()

    async def main():
        async with breaker:
            pass

    asyncio.run(main())
    assert (breaker.snapshot().successes, breaker.snapshot().failures) == (3, 1)


def module_level(number: int) -> int:
    return number


def test_decorated_functions_stay_themselves(breaker):
    """Name, signature and colour are kept; methods, class methods and static methods work."""

    class Service:
        @breaker
        def method(self, x):
            return x

        @classmethod
        @breaker
        def of_class(cls, x):
            return x

        @staticmethod
        @breaker
        def plain(x):
            return x

    @breaker
    async def aplain():
        return 1

    decorated = breaker(module_level)

    assert (Service().method(1), Service.of_class(2), Service.plain(3)) == (1, 2, 3)
    assert ("module_level", inspect.signature(module_level)) == (decorated.__name__, inspect.signature(decorated))
    assert inspect.iscoroutinefunction(aplain)
    assert pickle.loads(pickle.dumps(module_level)) is module_level


def test_listeners(breaker):
    """A listener hears each transition outside the lock; one that raises changes nothing."""
    heard = []
    breaker.on_transition(lambda which, before, after: heard.append((which.state, before, after)))
    breaker.on_transition(lambda *_: 1 / 0)
    trip(breaker)
    breaker.reset()

    assert heard == [
        (State.OPEN, State.CLOSED, State.OPEN),
        (State.CLOSED, State.OPEN, State.CLOSED),
    ]


def test_by_hand(breaker, clock):
    """A breaker that was forced open stays so until it is reset."""
    breaker.force_open()
    clock.now += 10_000
    with pytest.raises(CircuitOpenError):
        breaker.call(lambda: None)
    breaker.reset()
    assert breaker.call(lambda: 1) == 1


def test_the_wall_clock_does_not_matter(monkeypatch):
    """Setting the machine's clock forward does not end the open time."""
    breaker = CircuitBreaker("w", failure_threshold=1)
    trip(breaker)
    monkeypatch.setattr(time, "time", lambda: 2e10)
    with pytest.raises(CircuitOpenError):
        breaker.call(lambda: None)


def test_every_state_can_be_reached_and_left():
    """The table of transitions has no dead end and no island."""
    reached = {target for targets in TRANSITIONS.values() for target in targets}

    assert set(State) == reached == set(TRANSITIONS)


def test_nothing_is_lost_under_load():
    """From eight threads with random outcomes every call is counted exactly once."""
    breaker = CircuitBreaker("busy", failure_threshold=2, reset_timeout=0.0001)

    def work(number):
        for turn in range(300):
            with contextlib.suppress(OSError, CircuitOpenError):
                breaker.call(fail if (turn + number) % 3 == 0 else int)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = breaker.snapshot()

    assert now.successes + now.failures + now.rejections == 2400


@pytest.mark.parametrize("wrong", [{"failure_threshold": 0}, {"reset_timeout": -1}, {"reset_timeout": "60"}])
def test_bad_input(wrong):
    """A wrong setting is refused when the breaker is made."""
    with pytest.raises(ConfigurationError):
        CircuitBreaker("x", **wrong)
