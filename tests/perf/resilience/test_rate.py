"""The rate limit."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_perf import RateLimit, RateLimited
from mestres_perf.errors import ConfigurationError
from perf.resilience.clocks import Clock


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


@pytest.mark.scenario("L1")
def test_a_burst_and_then_exactly_the_rate():
    """Asked a hundred thousand times in ten seconds, it admits the burst and ten a second: 120, to the call."""
    clock = Clock()
    limit = RateLimit("10/s; burst 20", clock=clock)
    admitted = 0
    for number in range(100_000):
        clock.now = 1000.0 + number / 10_000
        admitted += limit.acquire("k") == 0.0
    assert admitted == 20 + 99


@pytest.mark.scenario("L2")
def test_a_million_keys():
    """A flood of a million clients leaves the memory bounded, and does not free who is being refused all the while."""
    clock = Clock()
    limit = RateLimit("1/h", burst=1, max_keys=1000, clock=clock)
    assert limit.acquire("knocks") == 0.0
    let_in = 0
    for number in range(1_000_000):
        limit._cells.take(number)
        if number % 500 == 0:
            let_in += limit.acquire("knocks") == 0.0
    assert len(limit._cells) == 1000
    assert let_in == 0


@pytest.mark.scenario("L5")
def test_what_a_response_says():
    """The headers are whole numbers; while calls come, what remains only falls and what is to be waited only grows."""
    clock = Clock()
    limit = RateLimit("2/s; burst 5", clock=clock)
    said = [limit.check("k").headers() for _ in range(8)]

    assert [each["RateLimit-Remaining"] for each in said] == ["4", "3", "2", "1", "0", "0", "0", "0"]
    assert [each["RateLimit-Reset"] for each in said] == ["1", "1", "2", "2", "3", "3", "3", "3"]
    assert {each["RateLimit-Limit"] for each in said} == {"5"}
    assert [each.get("Retry-After") for each in said] == [None] * 5 + ["1"] * 3
    clock.now += 60
    assert limit.check("k").headers()["RateLimit-Remaining"] == "4"


def test_as_a_part():
    """As a decorator it refuses with RateLimited, by whatever `key` makes of the arguments, in both colours."""
    limit = RateLimit("1/min", key=lambda client, **_: client, clock=Clock())

    @limit
    def answer(client):
        return client

    @limit
    async def later(client):
        return client

    assert (answer("a"), answer("b")) == ("a", "b")
    assert asyncio.run(later("c")) == "c"
    for refused in (lambda: answer("a"), lambda: asyncio.run(later("b"))):
        with pytest.raises(RateLimited) as raised:
            refused()
        assert raised.value.retry_after == pytest.approx(60)
    everybody = RateLimit("1/min", clock=Clock())(lambda client: client)
    everybody("a")
    with pytest.raises(RateLimited, match=r"more than 1/min"):
        everybody("b")


@pytest.mark.parametrize(
    ("rate", "interval", "burst"),
    [
        ("100/s", 0.01, 100),
        ("10/min; burst 20", 6.0, 20),
        (" 90 / m ;burst  3 ", 60 / 90, 3),
        ("0.5/s", 2.0, 1),
        ("1000/h", 3.6, 1000),
    ],
)
def test_how_a_rate_is_written(rate, interval, burst):
    """A number by a unit, and the burst if it is another."""
    limit = RateLimit(rate)
    assert (limit._interval, limit.burst) == (pytest.approx(interval), burst)


def test_memory_is_bounded():
    """A flood of keys stays within the limit, and forgets the idle ones first."""
    clock = Clock()
    limit = RateLimit("1/s", burst=1, max_keys=100, clock=clock)
    for number in range(1000):
        clock.now += 0.1
        limit.acquire(number)
    assert len(limit._cells) <= 100
    assert limit.acquire(999) > 0


@pytest.mark.parametrize("rate", ["", "10", "10/d", "0/s", "-1/s", "ten/s", 10, None, "10/s; burst", "10/s burst 5"])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    """The message shows what a rate looks like."""
    with pytest.raises(ConfigurationError, match="such as '10/s'"):
        RateLimit(rate)


@pytest.mark.parametrize("arguments", [{"burst": 0}, {"burst": -1}, {"max_keys": 0}, {"workers": 0}])
def test_bounds_that_make_no_sense_are_refused(arguments):
    """A limit that would admit nothing, or remember nobody, is a mistake."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        RateLimit("1/s", **arguments)


def test_arguments_that_contradict_each_other():
    """A burst that is said twice, and workers that have nothing in common, are mistakes."""
    with pytest.raises(ConfigurationError, match="say the burst once"):
        RateLimit("10/s; burst 5", burst=5)
    with pytest.raises(ConfigurationError, match="only in Redis"):
        RateLimit("10/s", workers=4)
