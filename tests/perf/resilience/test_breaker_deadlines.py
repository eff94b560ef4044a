"""Calls that the deadline of their caller has cut off: a dependency that hangs is one that fails."""

import asyncio
import contextlib
import threading

import pytest

from mestres_perf import CircuitBreaker, CircuitOpenError, DeadlineExceeded, DeadlineMiddleware, deadline
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import CountWindow, State, TimeWindow

RULES = {
    "in a row": {"failure_threshold": 3},
    "by share": {"failure_rate": 0.5, "window": CountWindow(4), "min_calls": 3},
    "by time": {"failure_rate": 0.5, "window": TimeWindow(1000), "min_calls": 3},
    "both": {"failure_threshold": 3, "failure_rate": 1.0, "min_calls": 3},
}
KIND = pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
pytestmark = pytest.mark.scenario("B7")


class Clock:
    """Seconds, and how often anybody has looked."""

    def __init__(self):
        self.now = 1000.0
        self.looked = 0

    def __call__(self):
        self.looked += 1
        return self.now


@pytest.fixture
def clock():
    return Clock()


def by_call(breaker, work):
    breaker.call(work)


def by_acall(breaker, work):
    async def awork():
        work()

    asyncio.run(breaker.acall(awork))


def by_decoration(breaker, work):
    breaker(work)()


def by_block(breaker, work):
    with breaker:
        work()


def by_permit(breaker, work):
    with breaker.acquire():
        work()


WAYS = pytest.mark.parametrize("way", [by_call, by_acall, by_decoration, by_block, by_permit])


def ask(breaker, clock, *, before=0.0, takes=30.0, has=30.0, way=by_call):
    """A caller who has so much time, and calls after so much of it what answers only after so long."""

    def work():
        clock.now += min(takes, has - before)
        deadline.check()

    with deadline(has, clock=clock):
        clock.now += before
        way(breaker, work)


@KIND
@WAYS
def test_a_dependency_that_hangs_opens_it(clock, rules, way):
    """Calls that had most of their caller's time and no answer are failures, from the second on: the first is timed."""
    breaker = CircuitBreaker("rates", clock=clock, **rules)
    for _ in range(4):
        assert breaker.state is State.CLOSED
        with pytest.raises(DeadlineExceeded):
            ask(breaker, clock, way=way)
    assert breaker.state is State.OPEN
    assert (breaker.snapshot().ignored, breaker.snapshot().failures) == (1, 3)
    with pytest.raises(CircuitOpenError):
        ask(breaker, clock, way=way)


@KIND
@WAYS
def test_callers_who_come_too_late_open_nothing(clock, rules, way):
    """Whoever calls with five milliseconds left has found nothing out, however long his request was."""
    breaker = CircuitBreaker("rates", clock=clock, **rules)
    for _ in range(50):
        with pytest.raises(DeadlineExceeded):
            ask(breaker, clock, before=29.995, way=way)
        with pytest.raises(DeadlineExceeded):
            ask(breaker, clock, has=0.005, way=way)
    assert breaker.state is State.CLOSED
    assert (breaker.snapshot().ignored, breaker.snapshot().failures) == (100, 0)


@pytest.mark.parametrize("way", [by_call, by_acall, by_decoration])
def test_it_looks_at_the_clock_only_while_it_must(clock, way):
    """From a call that was cut off until one that succeeds calls are timed; before and afterwards none is."""
    breaker, other = CircuitBreaker("rates", clock=clock), Clock()

    def looks(**options):
        clock.looked = 0
        with contextlib.suppress(DeadlineExceeded):
            ask(breaker, other, way=way, **options)
        return clock.looked

    assert looks(takes=0.0) == 0
    assert looks(has=0.005) == 0
    assert looks(has=0.005) == 2
    assert looks(takes=0.0) == 2
    assert looks(takes=0.0) == 0
    assert breaker.snapshot().successes == 3


def test_an_answer_ends_a_row(clock):
    """Calls that hang with answers between them are no failures in a row."""
    breaker = CircuitBreaker("rates", failure_threshold=2, clock=clock)
    for _ in range(6):
        with pytest.raises(DeadlineExceeded):
            ask(breaker, clock)
        ask(breaker, clock, takes=0.0)
    assert breaker.state is State.CLOSED
    assert (breaker.snapshot().ignored, breaker.snapshot().successes) == (6, 6)


@pytest.mark.parametrize("window", [CountWindow(100), TimeWindow(10_000)], ids=["calls", "seconds"])
def test_a_share_that_hangs_opens_it(clock, window):
    """Where one call in four hangs a breaker opens whose `failure_rate` that is, though the others are answered."""
    breaker = CircuitBreaker("rates", failure_rate=0.24, window=window, min_calls=40, clock=clock)
    with pytest.raises(CircuitOpenError):
        for number in range(48):
            with contextlib.suppress(DeadlineExceeded):
                ask(breaker, clock, takes=0.0 if number % 4 else 30.0)


@pytest.mark.parametrize(("options", "least"), [({}, 1.0), ({"hung_after": 0.2}, 0.2), ({"slow_after": 3.0}, 3.0)])
def test_how_long_is_long(clock, options, least):
    """A second by default, `slow_after` where that is said, and `hung_after` above all."""
    for has, state in ((least * 0.99, State.CLOSED), (least * 1.01, State.OPEN)):
        breaker = CircuitBreaker("rates", failure_threshold=2, clock=clock, **options)
        for _ in range(4):
            with pytest.raises((DeadlineExceeded, CircuitOpenError)):
                ask(breaker, clock, has=has)
        assert breaker.state is state


def test_what_is_ignored_stays_ignored(clock):
    """A breaker that is told to ignore deadlines ignores them however long they were."""
    breaker = CircuitBreaker("rates", failure_threshold=1, ignore=(DeadlineExceeded,), clock=clock)
    for _ in range(5):
        with pytest.raises(DeadlineExceeded):
            ask(breaker, clock)
    assert breaker.state is State.CLOSED


def test_a_probe_that_hangs_has_failed(clock):
    """Half-open, a probe that had enough time opens it again; one with too little leaves its place to the next."""
    breaker = CircuitBreaker("rates", failure_threshold=1, reset_timeout=60, probe_timeout=600, clock=clock)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    clock.now += 61
    with pytest.raises(DeadlineExceeded):
        ask(breaker, clock, has=0.005)
    assert breaker.state is State.HALF_OPEN
    with pytest.raises(DeadlineExceeded):
        ask(breaker, clock)
    assert breaker.state is State.OPEN


def test_behind_a_middleware():
    """The deadline of a request cancels the call: that opens the breaker, and a client who goes away does not."""
    breaker = CircuitBreaker("rates", failure_threshold=2, hung_after=0.01)

    async def hang():
        await asyncio.Event().wait()

    async def app(scope, receive, send):
        await breaker.acall(hang)

    site = DeadlineMiddleware(app, seconds=0.05)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def send(message):
        pass

    async def gone():
        task = asyncio.create_task(DeadlineMiddleware(app)(scope, None, send))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])

    async def main():
        for _ in range(3):
            await gone()
        assert breaker.state is State.CLOSED
        for _ in range(3):
            await site(scope, None, send)
        assert breaker.state is State.OPEN
        with pytest.raises(CircuitOpenError):
            await site(scope, None, send)

    asyncio.run(main())


@KIND
def test_nothing_is_lost_between_the_two_ways(rules):
    """Threads whose calls are cut off and succeed side by side are all counted, timed or not."""
    rules = rules | ({"failure_threshold": 1000} if "failure_threshold" in rules else {}) | {"hung_after": 100.0}
    breaker = CircuitBreaker("rates", **rules)
    guarded, rounds = breaker(deadline.check), 300

    def work():
        for _ in range(rounds):
            guarded()
            with deadline(0.0), pytest.raises(DeadlineExceeded):
                guarded()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    now = breaker.snapshot()
    assert (now.successes, now.ignored, now.failures) == (4 * rounds, 4 * rounds, 0)
    assert now.state is State.CLOSED


@pytest.mark.parametrize("given", [0, -1, "1", True, float("inf"), float("nan")])
def test_a_time_that_makes_no_sense(given):
    """The message says what would be right."""
    with pytest.raises(ConfigurationError, match="hung_after must be seconds above zero"):
        CircuitBreaker("rates", hung_after=given)
