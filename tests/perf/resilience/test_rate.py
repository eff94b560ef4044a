"""The rate limit."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_perf import RateLimit
from mestres_perf.errors import ConfigurationError


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_burst_and_then_an_even_flow():
    """The burst is admitted at once, then one call an interval; the wait that is named is exactly enough."""
    clock = Clock()
    limit = RateLimit("10/s", burst=3, clock=clock)
    assert [limit.acquire("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.acquire("a") == pytest.approx(0.1)
    clock.now += 0.05
    assert limit.acquire("a") == pytest.approx(0.05)
    clock.now += limit.acquire("a")
    assert limit.acquire("a") == 0.0
    assert limit.acquire("a") > 0


def test_keys_do_not_disturb_each_other():
    """What one key has used up another still has."""
    limit = RateLimit("1/h", burst=1, clock=Clock())
    assert (limit.acquire("a"), limit.acquire("b")) == (0.0, 0.0)
    assert limit.acquire("a") == pytest.approx(3600)


def test_a_refused_call_costs_nothing():
    """Who keeps knocking does not wait longer for it."""
    clock = Clock()
    limit = RateLimit("60/m", burst=1, clock=clock)
    limit.acquire()
    waits = [limit.acquire() for _ in range(50)]
    assert waits == [pytest.approx(1.0)] * 50


@given(
    steps=st.lists(st.floats(0, 3), max_size=60), burst=st.integers(1, 5), rate=st.sampled_from(["1/s", "3/s", "30/m"])
)
def test_never_more_than_burst_plus_rate(steps, burst, rate):
    """Over every stretch of time a key is admitted at most burst + rate * seconds times."""
    clock = Clock()
    limit = RateLimit(rate, burst=burst, clock=clock)
    per_second = {"1/s": 1, "3/s": 3, "30/m": 0.5}[rate]
    admitted = []
    for step in steps:
        clock.now += step
        while limit.acquire("k") == 0.0:
            admitted.append(clock.now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            assert last - first + 1 <= burst + per_second * (admitted[last] - admitted[first]) + 1e-6


def test_threads_share_one_count():
    """Sixteen threads at once get no more than one would."""
    limit = RateLimit("1/h", burst=100)
    admitted = []

    def knock():
        admitted.extend(0.0 for _ in range(50) if limit.acquire("k") == 0.0)

    threads = [threading.Thread(target=knock) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 100


def test_memory_is_bounded():
    """A flood of keys stays within the limit, and forgets the idle ones first."""
    clock = Clock()
    limit = RateLimit("1/s", burst=1, max_keys=100, clock=clock)
    for number in range(1000):
        clock.now += 0.1
        limit.acquire(number)
    assert len(limit._cells) <= 100
    assert limit.acquire(999) > 0


@pytest.mark.parametrize("rate", ["", "10", "10/d", "0/s", "-1/s", "ten/s", 10, None])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    """The message shows what a rate looks like."""
    with pytest.raises(ConfigurationError, match="such as '10/s'"):
        RateLimit(rate)


@pytest.mark.parametrize("arguments", [{"burst": 0}, {"burst": -1}, {"max_keys": 0}])
def test_bounds_that_make_no_sense_are_refused(arguments):
    """A limit that would admit nothing, or remember nobody, is a mistake."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        RateLimit("1/s", **arguments)
