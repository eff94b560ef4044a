"""The circuit breaker: right under concurrency, and out of the way otherwise."""

import asyncio
import contextlib
import functools
import inspect
import itertools
import logging
import os
import pickle
import random
import sys
import threading
import time
from collections import Counter

import pytest

from mestres_perf import CircuitBreaker, CircuitOpenError, DeadlineExceeded, deadline
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import CountWindow, OpenTime, State, TimeWindow
from mestres_perf.resilience._states import TRANSITIONS

ROUNDS = 20_000 if os.environ.get("MESTRES_STRESS") == "long" else 500


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


@pytest.mark.scenario("B2")
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


@pytest.mark.scenario("B3")
@pytest.mark.parametrize("probes", [1, 3])
def test_so_many_probes(clock, probes):
    """Of fifty threads at once after the open time exactly `probes` are let through."""
    breaker = CircuitBreaker("payments", probes=probes, clock=clock)
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
            if len(outcomes) == 50 - probes:
                go.set()

    threads = [threading.Thread(target=caller) for _ in range(50)]
    for thread in threads:
        thread.start()
    start.wait(10)
    for thread in threads:
        thread.join(10)

    assert sorted(outcomes) == ["passed"] * probes + ["refused"] * (50 - probes)
    assert breaker.state is State.CLOSED


@pytest.mark.scenario("B3")
@pytest.mark.parametrize("probes", [1, 3])
def test_so_many_probes_among_tasks(clock, probes):
    """The same for fifty tasks; those refused are told how long at most the probes may take."""
    breaker = CircuitBreaker("payments", probes=probes, probe_timeout=7, clock=clock)
    trip(breaker)
    clock.now += 61
    ran = []

    async def main():
        go = asyncio.Event()

        async def probe():
            ran.append(1)
            await go.wait()

        tasks = [asyncio.create_task(breaker.acall(probe)) for _ in range(50)]
        await asyncio.sleep(0)  # each task has begun, and is refused or waits
        go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    refused = [result.retry_after for result in asyncio.run(main()) if isinstance(result, CircuitOpenError)]

    assert len(ran) == probes
    assert refused == [7] * (50 - probes)
    assert breaker.state is State.CLOSED


@pytest.mark.scenario("B4")
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


@pytest.mark.scenario("B5")
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


@pytest.mark.scenario("B6")
@pytest.mark.scenario("B7")
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


@pytest.mark.scenario("B1")
def test_calls_run_side_by_side(breaker):
    """The protected function does not run under a lock: eight calls that wait for each other all end."""
    together = threading.Barrier(8)
    threads = [threading.Thread(target=breaker.call, args=(together.wait, 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert breaker.snapshot().successes == 8


@pytest.mark.scenario("B12")
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


@pytest.mark.scenario("B12")
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


@pytest.mark.scenario("B12")
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


@pytest.mark.scenario("B16")
@pytest.mark.scenario("B17")
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


@pytest.mark.scenario("B13")
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


@pytest.mark.scenario("B14")
def test_by_hand(breaker, clock):
    """A breaker that was forced open stays so until it is reset."""
    breaker.force_open()
    clock.now += 10_000
    with pytest.raises(CircuitOpenError):
        breaker.call(lambda: None)
    breaker.reset()
    assert breaker.call(lambda: 1) == 1


@pytest.mark.scenario("B7")
def test_a_caller_without_time_opens_nothing(clock):
    """What ends because the caller brought too little time counts neither way; what overran its own fails."""
    breaker = CircuitBreaker("payments", failure_threshold=2, clock=clock)

    def ask():
        deadline.check()

    async def aask():
        deadline.check()

    for _ in range(5):
        with deadline(0.0), pytest.raises(DeadlineExceeded):
            breaker.call(ask)
        with deadline(0.0), pytest.raises(DeadlineExceeded):
            asyncio.run(breaker.acall(aask))
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().ignored == 10

    def overrun():
        with deadline(0.0):
            deadline.check()

    for _ in range(2):
        with deadline(60.0), pytest.raises(DeadlineExceeded):
            breaker.call(overrun)
    assert breaker.state is State.OPEN


@pytest.mark.scenario("B8")
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


@pytest.fixture
def often():
    """Threads are switched a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.scenario("B18")
@pytest.mark.parametrize(
    "rules",
    [
        {"failure_threshold": 2},
        {"failure_rate": 0.4, "window": CountWindow(10), "min_calls": 5},
        {"failure_rate": 0.4, "slow_after": 1e-4, "window": TimeWindow(1), "min_calls": 5, "failure_threshold": 3},
        {"failure_threshold": 3, "failure_if": lambda result: result == 1, "probes": 3},
    ],
)
def test_nothing_is_lost_under_load(often, rules):
    """From sixteen threads with random outcomes every call is counted exactly once, and no transition is made up."""
    breaker = CircuitBreaker("busy", reset_timeout=0.0005, **rules)
    moves, ended = [], []
    breaker.on_transition(lambda _, before, after: moves.append((before, after)))

    @breaker
    def work(kind):
        if kind == "fails":
            raise OSError
        return 0

    def many(number):
        chance, mine = random.Random(number), Counter()
        for _ in range(ROUNDS):
            try:
                work("fails" if chance.random() < 0.3 else "passes")
                mine["successes"] += 1
            except OSError:
                mine["failures"] += 1
            except CircuitOpenError:
                mine["rejections"] += 1
        ended.append(mine)

    threads = [threading.Thread(target=many, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now, seen = breaker.snapshot(), sum(ended, Counter())

    assert len(ended) == 16
    assert (now.successes, now.failures, now.rejections) == (
        seen["successes"],
        seen["failures"],
        seen["rejections"],
    )
    assert now.opened > 0
    assert all(after in TRANSITIONS[before] for before, after in moves)
    assert all(first[1] is second[0] for first, second in itertools.pairwise(moves))


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"failure_threshold": True},
        {"reset_timeout": -1},
        {"reset_timeout": "60"},
        {"reset_timeout": float("inf")},
        {"failure_rate": 0},
        {"failure_rate": 1.1},
        {"slow_rate": 0.5},
        {"slow_after": 0},
        {"failure_rate": 0.5, "window": 10},
        {"failure_rate": 0.5, "window": CountWindow(10), "min_calls": 11},
        {"probes": 0},
        {"probe_timeout": 0},
        {"record": (KeyboardInterrupt,)},
        {"ignore": ("OSError",)},
        {"failure_if": 503},
    ],
)
def test_bad_input(wrong):
    """A wrong setting is refused when the breaker is made."""
    with pytest.raises(ConfigurationError):
        CircuitBreaker("x", **wrong)


@pytest.mark.scenario("B5")
def test_probes_that_are_lost_are_given_up_together(clock):
    """When one of three probes does not come back, the next round needs three of its own."""
    breaker = CircuitBreaker("n", probes=3, probe_timeout=5, clock=clock)
    trip(breaker)
    clock.now += 61
    early, lost = breaker.acquire(), breaker.acquire()
    early.success()
    clock.now += 5
    others = [breaker.acquire() for _ in range(3)]
    lost.success()
    for other in others[:2]:
        other.success()

    assert breaker.state is State.HALF_OPEN
    others[2].success()
    assert breaker.state is State.CLOSED


@pytest.mark.scenario("B6")
def test_a_cancelled_probe_leaves_its_place(breaker, clock):
    """A task that is cancelled while it is the only probe has found nothing out: the next caller is one."""
    trip(breaker)
    clock.now += 61

    async def main():
        begun = asyncio.Event()

        @breaker
        async def hangs():
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(hangs())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await breaker.acall(asyncio.sleep, 0, "probe")

    before = breaker.snapshot()
    assert asyncio.run(main()) == "probe"
    after = breaker.snapshot()
    assert (after.failures, after.ignored) == (before.failures, before.ignored + 1)


@pytest.mark.scenario("B7")
def test_a_server_side_timeout_is_a_failure(clock):
    """TimeoutError says that the dependency did not answer: it counts."""
    breaker = CircuitBreaker("n", failure_threshold=1, clock=clock)

    def late():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        breaker.call(late)
    assert breaker.state is State.OPEN


def test_only_what_is_recorded_is_a_failure(clock):
    """An error that is not among `record` is an answer: it ends the failures in a row."""
    breaker = CircuitBreaker("n", failure_threshold=2, record=(OSError,), clock=clock)
    for error in (OSError, ValueError, OSError):
        with pytest.raises(error), breaker:
            raise error

    assert breaker.state is State.CLOSED
    assert (breaker.snapshot().failures, breaker.snapshot().successes) == (2, 1)


@pytest.mark.scenario("B11")
def test_a_result_may_be_a_failure(clock, caplog):
    """What `failure_if` calls a failure counts as one and is returned; an error of its own counts neither way."""
    breaker = CircuitBreaker("n", failure_threshold=2, failure_if=lambda status: status >= 500, clock=clock)

    @breaker
    async def astatus(value):
        return value

    assert breaker.call(lambda: 503) == 503
    with caplog.at_level(logging.ERROR):
        assert breaker.call(lambda: "no number") == "no number"
    assert asyncio.run(astatus(503)) == 503

    assert breaker.state is State.OPEN
    assert (breaker.snapshot().failures, breaker.snapshot().ignored) == (2, 1)
    assert "failure_if of breaker n failed" in caplog.text


def test_the_open_time_grows(clock):
    """Each failed probe makes the next open time longer, up to a bound; closing begins again with the first."""
    breaker = CircuitBreaker("n", failure_threshold=1, reset_timeout=OpenTime(5, factor=3, most=40), clock=clock)
    times = []
    for _ in range(4):
        with pytest.raises(OSError, match="down"):
            breaker.call(fail)
        times.append(breaker.snapshot().retry_after)
        clock.now += times[-1]
    breaker.call(int)
    trip(breaker)

    assert times == [5, 15, 40, 40]
    assert breaker.snapshot().retry_after == 5
    assert OpenTime(1, factor=10, most=9).after(10**9) == 9


@pytest.mark.scenario("B14")
def test_manual_states(breaker, clock):
    """Forced open no late success closes; metrics_only counts and never refuses; disabled counts nothing."""
    late = breaker.acquire()
    breaker.force_open()
    late.success()
    assert breaker.state is State.FORCED_OPEN

    breaker.metrics_only()
    for _ in range(9):
        with pytest.raises(OSError, match="down"):
            breaker.call(fail)
    assert (breaker.state, breaker.snapshot().failures) == (State.METRICS_ONLY, 9)

    breaker.disable()
    before = breaker.snapshot()
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)
    assert breaker.call(int) == 0
    assert breaker.snapshot() == before

    breaker.reset()
    trip(breaker)


def test_reset_forgets(breaker):
    """Closing what is closed begins to count from nothing, and is no transition."""
    heard = []
    breaker.on_transition(lambda *moved: heard.append(moved))
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            breaker.call(fail)
    breaker.reset()
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)

    assert (breaker.state, heard) == (State.CLOSED, [])


@pytest.mark.scenario("B13")
def test_a_listener_may_use_the_breaker(breaker):
    """A listener that moves the breaker on does not wait for itself; every listener hears both moves in order."""
    heard = []

    def first(which, before, after):
        which.snapshot()
        if after is State.OPEN:
            which.force_open()

    breaker.on_transition(first)
    breaker.on_transition(lambda _, before, after: heard.append(after))
    trip(breaker)

    assert heard == [State.OPEN, State.FORCED_OPEN]


def test_permits_settle_once(breaker):
    """The first word about a permit counts; what follows changes nothing."""
    permit = breaker.acquire()
    permit.release()
    permit.failure()
    with breaker.acquire() as other:
        other.failure(OSError())

    now = breaker.snapshot()
    assert (now.successes, now.failures, now.ignored) == (0, 1, 1)


def test_halves_in_two_contexts(breaker, clock):
    """A block that is left in another context than it was entered in is counted while the breaker is closed."""
    from contextvars import copy_context

    copy_context().run(breaker.__enter__)
    copy_context().run(breaker.__exit__, OSError, OSError(), None)
    copy_context().run(breaker.__enter__)
    copy_context().run(breaker.__exit__, None, None, None)

    assert (breaker.snapshot().failures, breaker.snapshot().successes) == (1, 1)


@pytest.mark.scenario("B15")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system, Windows for one, cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("was", [State.CLOSED, State.HALF_OPEN])
def test_a_child_has_its_own_lock(breaker, clock, was):
    """A child made while the lock is held, or a probe is out, decides for itself and waits for nobody."""
    if was is State.HALF_OPEN:
        trip(breaker)
        clock.now += 61
        breaker.acquire()
    with breaker._machine._lock:
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                fine = breaker.call(int) == 0 and breaker.state is State.CLOSED
                trip(breaker)
                code = 0 if fine and breaker.state is State.OPEN else 2
            os._exit(code)
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, 9)
        ended = os.waitpid(child, 0)

    assert ended[1] == 0
    assert breaker.state is was


guarding = CircuitBreaker("module")


@guarding
def picklable(number: int, /, other: int = 2, *, third: int = 3) -> int:
    return number + other + third


@pytest.mark.scenario("B16")
def test_what_is_decorated_can_be_pickled(breaker):
    """A decorated function of a module is pickled by its name, a refusal with its name and time."""
    refusal = pickle.loads(pickle.dumps(CircuitOpenError("n", 2.5)))

    assert pickle.loads(pickle.dumps(picklable)) is picklable
    assert (refusal.name, refusal.retry_after, str(refusal)) == (
        "n",
        2.5,
        "circuit 'n' is open; try again in 2.5 s",
    )


@pytest.mark.scenario("B17")
def test_everything_that_can_be_called(breaker):
    """Both orders with classmethod and staticmethod, partials, callable objects and singledispatch work."""

    class Service:
        @breaker
        @classmethod
        def above(cls, x):
            return cls, x

        @classmethod
        @breaker
        def below(cls, x):
            return cls, x

        @breaker
        @staticmethod
        async def plain(x):
            return x

        async def __call__(self, x):
            return x

    async def adds(x, y):
        return x + y

    @functools.singledispatch
    async def kind(value):
        return "any"

    @kind.register
    async def _(value: int):
        return "int"

    made = [breaker(functools.partial(adds, 1)), breaker(Service()), breaker(kind), Service.plain]

    assert Service.above(1) == Service().above(1) == Service.below(1) == (Service, 1)
    assert all(inspect.iscoroutinefunction(each) for each in made)
    assert [asyncio.run(each(2)) for each in made] == [3, 2, "int", 2]
    assert breaker.snapshot().successes == 7


@pytest.mark.scenario("B17")
def test_arguments_go_through_as_they_are(breaker):
    """All kinds of parameters, defaults and stars; a call that cannot be made is no failure of the dependency."""

    @breaker
    def stars(first, *rest, named=1, **more):
        return first, rest, named, more

    @breaker
    def underscored(_period, next=2):  # noqa: A002 - a name that the wrapper might have used
        return _period, next

    @functools.wraps(module_level)
    def injected(*arguments):
        return module_level(1, *arguments)

    assert picklable(1) == 6
    assert picklable(1, 1, third=1) == picklable(1, other=1, third=1) == 3
    assert stars(1, 2, named=3, x=4) == (1, (2,), 3, {"x": 4})
    assert underscored(1) == (1, 2)
    assert breaker(injected)() == 1
    assert inspect.signature(picklable) == inspect.signature(picklable.__wrapped__)
    with pytest.raises(TypeError, match="picklable"):
        picklable()
    assert guarding.snapshot().failures == 0


def test_call_refuses_what_has_to_be_awaited(breaker):
    """An async function given to `call` would never be counted: that is said at once."""

    async def later():
        pass

    with pytest.raises(ConfigurationError, match="acall"):
        breaker.call(later)


@pytest.mark.scenario("B19")
def test_the_caller_sees_the_error_itself(clock):
    """The call that opens the breaker raises the very object that the function raised."""
    breaker = CircuitBreaker("n", failure_threshold=1, clock=clock)
    original = OSError("down")

    def raises():
        raise original

    for way in (lambda: breaker.call(raises), breaker(raises)):
        breaker.reset()
        with pytest.raises(OSError, match="down") as caught:
            way()
        assert caught.value is original
        assert breaker.state is State.OPEN


@pytest.mark.scenario("B12")
def test_a_generator_that_is_closed_early(breaker):
    """Closing a generator early counts neither way; a failure at the second item counts once; nothing is replayed."""
    ran = []

    @breaker
    def items():
        ran.append(1)
        yield 1
        raise OSError("down")

    generator = items()
    next(generator)
    generator.close()
    with pytest.raises(OSError, match="down"):
        list(items())

    now = breaker.snapshot()
    assert (now.successes, now.failures, now.ignored, len(ran)) == (0, 1, 1, 2)
