"""A TTL that follows demand."""

import asyncio
import sys
import threading

import pytest

from mestres_perf import Adaptive, Cache, Memory, Redis
from mestres_perf.cache._adaptive import Requests
from mestres_perf.errors import ConfigurationError


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def adaptive(clock):
    """A cache whose TTL is the specification's table."""
    return Cache(ttl=Adaptive(), clock=clock)


def _left(cache, key):
    return cache.explain(key).ttl_left


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(1, 300), (10, 300), (11, 600), (50, 600), (51, 1800), (100, 1800), (101, 3600), (5000, 3600)],
)
def test_the_table_of_the_specification(adaptive, requests, seconds):
    """More than 100 requests in the last hour give 3600 s, more than 50 1800, more than 10 600, all others 300."""
    for _ in range(requests):
        adaptive.get("unknown")

    adaptive.set("unknown", 1)

    assert _left(adaptive, "unknown") == seconds


def test_hits_in_memory_are_counted(clock):
    """A function that is found in memory a hundred times is kept for an hour when it is next loaded."""
    cache = Cache(clock=clock)

    @cache.cached(ttl=Adaptive())
    def answer(number):
        return number

    answer(1)
    assert answer.explain(1).ttl_left == 300
    for _ in range(100):
        answer(1)
    clock.now += 301
    answer(1)
    answer(2)

    assert answer.explain(1).ttl_left == 3600
    assert answer.explain(2).ttl_left == 300


@pytest.mark.parametrize("request_", ["get", "get_or_load", "get_many", "aget", "aget_or_load", "aget_many"])
def test_every_way_to_ask_counts(adaptive, request_):
    """Plain and async, one key and many: each request counts once, found or loaded."""

    async def later():
        return 1

    async def many(keys):
        return dict.fromkeys(keys, 1)

    asks = {
        "get": lambda: adaptive.get("k"),
        "get_or_load": lambda: adaptive.get_or_load("k", lambda: 1),
        "get_many": lambda: adaptive.get_many(["k", "other"], lambda keys: dict.fromkeys(keys, 1)),
        "aget": lambda: asyncio.run(adaptive.aget("k")),
        "aget_or_load": lambda: asyncio.run(adaptive.aget_or_load("k", later)),
        "aget_many": lambda: asyncio.run(adaptive.aget_many(["k", "other"], many)),
    }
    for _ in range(11):
        asks[request_]()

    assert adaptive.core.requests.of("k") == 11


def test_a_ttl_for_each_key_of_a_batch(adaptive):
    """In one batch each key gets the TTL of its own demand."""
    for _ in range(60):
        adaptive.get("wanted")

    adaptive.get_many(["wanted", "other"], lambda keys: dict.fromkeys(keys, 1))

    assert (_left(adaptive, "wanted"), _left(adaptive, "other")) == (1800, 300)


def test_get_counts_a_key_that_was_set_with_an_adaptive_ttl(clock):
    """In a cache with a fixed TTL, a key counts once somebody has asked for it adaptively, and no other does."""
    cache = Cache(clock=clock)
    cache.get_or_load("k", lambda: 1, ttl=Adaptive())
    for _ in range(20):
        cache.get("k")
        cache.get_or_load("fixed", lambda: 1)
    cache.set("k", 2, ttl=Adaptive())

    assert _left(cache, "k") == 600
    assert _left(cache, "fixed") == 300
    assert len(cache.core.requests) == 1


def test_what_is_an_hour_old_does_not_count(adaptive, clock):
    """The demand of the last hour only: after a quiet one the TTL is the shortest again."""
    for _ in range(200):
        adaptive.get("k")
    clock.now += 3600
    adaptive.set("k", 1)

    assert _left(adaptive, "k") == 300


def test_the_hour_slides(adaptive, clock):
    """One request a minute is sixty an hour, however long it goes on; nothing is reset on the hour."""
    for _ in range(300):
        adaptive.get("k")
        clock.now += 60
    assert 55 <= adaptive.core.requests.of("k") <= 60


def test_memory_is_bounded(clock):
    """Never more counters than the memory may hold values, and each of a fixed size."""
    cache = Cache(memory=Memory(max_items=100), ttl=Adaptive(), clock=clock)
    for number in range(5000):
        cache.get(number)
    assert len(cache.core.requests) == 100

    counter = next(iter(cache.core.requests._counters.values()))
    before = sys.getsizeof(counter.buckets)
    for _ in range(10_000):
        cache.get(4999)
    assert sys.getsizeof(counter.buckets) == before


def test_a_scan_does_not_wash_out_the_popular(clock):
    """A key in demand is still known after ten times more keys than fit have been asked for once."""
    requests = Requests(100, clock)
    for _ in range(150):
        requests.count("popular")
    for number in range(1000):
        requests.count(number)

    assert requests.of("popular") == 150


def test_threads_lose_no_request(adaptive):
    """Requests of many threads at once are all counted."""
    gate = threading.Barrier(8)

    def ask():
        gate.wait()
        for _ in range(2000):
            adaptive.get_or_load("k", lambda: 1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert adaptive.core.requests.of("k") == 16_000


def test_redis_keeps_it_as_long(redis_db):
    """The adaptive TTL is that of the value in Redis too."""
    cache = Cache("adaptive", redis=Redis(redis_db, timeout=2.0), ttl=Adaptive())
    for _ in range(60):
        cache.get("k")
    cache.get_or_load("k", lambda: 1)
    cache.close()

    import redis

    with redis.Redis.from_url(redis_db) as client:
        (name,) = client.keys("{adaptive:*}:v")
        assert 1795 < client.ttl(name) <= 1800


def test_a_table_of_ones_own(clock):
    """The table can be another one."""
    cache = Cache(ttl=Adaptive(table=((2, 20),), otherwise=5), clock=clock)
    cache.get_or_load("rare", lambda: 1)
    for _ in range(3):
        cache.get("often")
    cache.set("often", 1)

    assert (_left(cache, "rare"), _left(cache, "often")) == (5, 20)


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": ((10, 600), (100, 3600))},
        {"table": ((10, 600), (10, 300))},
        {"table": ((-1, 600),)},
        {"table": ((10, 0),)},
        {"otherwise": -1},
        {"otherwise": True},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(wrong):
    """A table that does not go down, or seconds that are none, are refused when it is made."""
    with pytest.raises(ConfigurationError, match="Adaptive"):
        Adaptive(**wrong)


def test_a_fixed_ttl_counts_nothing(clock):
    """A cache without an adaptive TTL keeps no counters."""
    cache = Cache(clock=clock)
    cache.get_or_load("k", lambda: 1, ttl=10)
    cache.get("k")

    assert cache.core.requests is None
