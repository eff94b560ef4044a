"""The windows of a breaker: which share of the last calls has failed or was slow."""

import threading
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf import CircuitBreaker
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import CountWindow, State, TimeWindow
from mestres_perf.resilience import _windows as windows
from mestres_perf.resilience._windows import CountRing, Limits, Tally, TimeBuckets


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def call(breaker, *, fails=False):
    with breaker.acquire() as permit:
        permit.failure() if fails else permit.success()


@pytest.mark.scenario("B9")
@pytest.mark.parametrize("window", [CountWindow(100), TimeWindow(10)])
def test_the_least_number_of_calls(clock, window):
    """49 failures among 99 calls open nothing; the hundredth call makes half of them failures, and opens."""
    breaker = CircuitBreaker("n", failure_rate=0.5, window=window, min_calls=100, clock=clock)
    for number in range(99):
        call(breaker, fails=number < 49)
    assert breaker.state is State.CLOSED
    call(breaker, fails=True)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("window", [CountWindow(10), TimeWindow(10)])
def test_a_success_may_be_the_call_that_opens(clock, window):
    """When the least number of calls is reached by a success, also by a decorated one, the share is looked at."""
    breaker = CircuitBreaker("n", failure_rate=0.5, window=window, min_calls=10, clock=clock)
    for _ in range(9):
        call(breaker, fails=True)
    assert breaker.state is State.CLOSED

    assert breaker(lambda x: x)(1) == 1
    assert breaker.state is State.OPEN


@pytest.mark.scenario("B9")
def test_old_seconds_leave(clock):
    """After ten idle seconds the failures from before count no more, and fewer calls than the least open nothing."""
    breaker = CircuitBreaker("n", failure_rate=0.5, window=TimeWindow(10), min_calls=10, clock=clock)
    for _ in range(9):
        call(breaker, fails=True)
    clock.now += 10
    call(breaker, fails=True)

    now = breaker.snapshot()
    assert (now.state, now.window_calls, now.window_failures) == (State.CLOSED, 1, 1)


def test_successes_that_leave_raise_the_share(clock):
    """When the second with the successes has left, the next call sees what is left of the failures."""
    breaker = CircuitBreaker("n", failure_rate=0.5, window=TimeWindow(10), min_calls=5, clock=clock)
    work = breaker(lambda x: x)
    for _ in range(20):
        work(1)
    clock.now += 5
    for _ in range(9):
        call(breaker, fails=True)
    assert breaker.state is State.CLOSED
    clock.now += 5
    work(1)
    assert breaker.state is State.OPEN


@pytest.mark.scenario("B8")
@pytest.mark.parametrize("jump", [100.0, 1e9, -3600.0])
def test_jumps_of_the_clock(clock, jump):
    """A clock that jumps ahead empties the window in one step, one that goes back leaves it; no count is negative."""
    window = TimeBuckets(10, Limits(5, 0.5, None), clock.now)
    for _ in range(4):
        window.record(clock.now, failed=True, slow=False)
    clock.now += jump
    window.record(clock.now, failed=False, slow=True)
    seen = window.shares(clock.now)

    assert (seen.calls, seen.failed, seen.slow) == ((1, 0, 1) if jump > 0 else (5, 4, 1))
    assert len(window._buckets) == 1


@pytest.mark.scenario("B10")
@pytest.mark.parametrize("window", [CountWindow(10), TimeWindow(10)])
def test_slow_calls_open(clock, window):
    """Successes that take `slow_after` seconds or longer open when they are half of the calls."""
    breaker = CircuitBreaker("n", slow_rate=0.5, slow_after=2.0, window=window, min_calls=4, clock=clock)

    @breaker
    def work(seconds):
        clock.now += seconds

    for seconds in (0.1, 1.9, 2.0):
        work(seconds)
    assert breaker.state is State.CLOSED
    work(2.0)

    assert breaker.state is State.OPEN
    assert (breaker.snapshot().slow, breaker.snapshot().successes) == (2, 4)


def test_a_slow_probe_opens_again(clock):
    """A probe that succeeds slowly has found the dependency still slow."""
    breaker = CircuitBreaker("n", failure_threshold=1, slow_after=2.0, reset_timeout=60, clock=clock)
    call(breaker, fails=True)
    clock.now += 60
    permit = breaker.acquire()
    clock.now += 2
    permit.success()
    assert breaker.state is State.OPEN


def test_either_rule_opens(clock):
    """With a share and failures in a row, whichever comes first."""
    breaker = CircuitBreaker("n", failure_threshold=3, failure_rate=0.9, clock=clock)
    for _ in range(3):
        call(breaker, fails=True)
    assert breaker.state is State.OPEN


@pytest.mark.scenario("B4")
def test_late_results_stay_out_of_the_next_window(clock):
    """Calls of the period before, decorated ones too, are counted in all but not in the window."""
    breaker = CircuitBreaker("n", failure_rate=0.5, window=CountWindow(4), min_calls=2, clock=clock)
    begun, go = threading.Barrier(3), threading.Event()

    @breaker
    def slow():
        begun.wait(10)
        go.wait(10)

    threads = [threading.Thread(target=slow) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    breaker.reset()
    call(breaker)
    go.set()
    for thread in threads:
        thread.join(10)

    now = breaker.snapshot()
    assert (now.successes, now.window_calls) == (3, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.data())
def test_a_ring_knows_the_last_calls(size, calls, data):
    """Up to the call that opens the ring says the same as a list of the last calls, whichever way they took."""
    least = data.draw(st.integers(1, size))
    ring, last = CountRing(size, Limits(least, 0.5, 0.7)), deque(maxlen=size)
    for failed, slow in calls:
        last.append((failed, slow))
        too_much = step(ring, 0.0, failed, slow)
        seen = ring.shares(0.0)
        assert (seen.calls, seen.failed, seen.slow) == sums(last)
        assert too_much == is_too_much(last, least)
        if too_much:
            return


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 6),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 3)), max_size=60),
)
def test_buckets_know_the_last_seconds(seconds, least, calls):
    """Up to the call that opens the buckets say the same as a list of calls with times, whichever way they took."""
    now, past = 1000.0, []
    window = TimeBuckets(seconds, Limits(least, 0.5, 0.7), now)
    for failed, slow, pause in calls:
        now += pause
        past.append((int(now), failed, slow))
        last = [(f, s) for second, f, s in past if second > int(now) - seconds]
        too_much = step(window, now, failed, slow)
        seen = window.shares(now)
        assert (seen.calls, seen.failed, seen.slow) == sums(last)
        assert too_much == is_too_much(last, least)
        if too_much:
            return


def step(window, now, failed, slow):
    """A call as the breaker makes it: without the lock when nothing asks for it."""
    if failed or slow or now >= window.ends:
        return window.record(now, failed=failed, slow=slow)
    number = next(window.numbers)
    return number >= window.edge and window.weigh(number)


def sums(last):
    return len(last), sum(failed for failed, _ in last), sum(slow for _, slow in last)


def is_too_much(last, least):
    calls, failed, slow = sums(last)
    return calls >= least and (failed >= 0.5 * calls or slow >= 0.7 * calls)


def test_a_success_that_draws_while_the_second_turns():
    """Whoever draws a number while another call moves the floor finds itself beyond the edge, and weighs."""
    beyond = []

    class Turning(TimeBuckets):
        def _turn(self, second, number):
            beyond.append(next(self.numbers) >= self.edge)
            super()._turn(second, number)

    window = Turning(1, Limits(2, 0.5, None), 0.0)
    for now in (0.0, 0.1, 1.0):
        window.record(now, failed=False, slow=False)
    assert beyond == [True]


def test_a_tally_can_be_read():
    """Reading a counter changes nothing and says how many steps there were."""
    tally = Tally()
    for _ in range(12):
        next(tally.numbers)
    assert (tally.read(), tally.read(), next(tally.numbers)) == (12, 12, 12)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "10"])
def test_bad_windows(wrong):
    """A window of no calls or no seconds is refused."""
    for kind in (CountWindow, TimeWindow):
        with pytest.raises(ConfigurationError):
            kind(wrong)


@pytest.mark.parametrize("window", [CountWindow(4), TimeWindow(10)])
def test_numbers_beyond_the_far_edge(clock, window, monkeypatch):
    """When numbers reach the edge that is meant to be far, nothing opens for that, and failures open as before."""
    monkeypatch.setattr(windows, "_FAR", 10)
    breaker = CircuitBreaker("n", failure_rate=0.7, slow_after=5.0, window=window, min_calls=4, clock=clock)
    fine = breaker(lambda: None)
    for _ in range(40):
        fine()
    assert (breaker.state, breaker.snapshot().successes) == (State.CLOSED, 40)
    assert breaker._machine.window.edge == windows._FURTHER

    while breaker.state is State.CLOSED:
        call(breaker, fails=True)
    seen = breaker.snapshot().failures
    assert seen == (3 if isinstance(window, CountWindow) else 94)
