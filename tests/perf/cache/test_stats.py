"""What a cache counts: exact, whoever asks, and read by nobody's leave."""

import contextlib
import random
import threading
from collections import deque

import pytest

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf.cache import Stats
from mestres_perf.errors import RecursiveLoadError
from mestres_perf.testing import MemoryRedis


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Server(MemoryRedis):
    """One that does one thing at a time, as Redis does."""

    def __init__(self):
        super().__init__()
        self._turn = threading.Lock()

    def ask(self, effect):
        with self._turn:
            return super().ask(effect)


class Shoppers:
    """They do everything with a cache that they can, and count what they have asked for."""

    def __init__(self, cache):
        self.cache = cache
        self.requests = []
        self.wrong = []
        self.double = cache.cached(lambda number: number * 2)

    def load(self):
        """One time in ten it fails."""
        if random.random() < 0.1:
            raise LookupError
        return 1

    def shop(self, seed):
        """Some turns of everything."""
        dice = random.Random(seed)
        for turn in range(200):
            key = dice.randrange(40)
            self.double(key)
            self.cache.get(key)
            with contextlib.suppress(LookupError):  # of a load that it has joined
                self.cache.get_many([key, key + 1], lambda keys: dict.fromkeys(keys, 1))
            with contextlib.suppress(LookupError):
                self.cache.get_or_load(key, self.load, tags=["t"])
            if turn % 50 == 0:
                self.cache.invalidate_tags("t")
                self.cache.delete(key)
            self.requests.append(5)

    def watch(self, until):
        """What is counted never falls, however entries come and go meanwhile."""
        last = self.cache.stats()
        while not until.wait(0.001):
            now = self.cache.stats()
            if now.hits < last.hits or now.misses < last.misses:
                self.wrong.append((last, now))
            last = now


@pytest.mark.parametrize("policy", ["s3fifo", "tinylfu", "lru"])
@pytest.mark.parametrize("layers", ["memory", "redis"])
def test_every_request_is_a_hit_or_a_miss(layers, policy):
    """Eight threads read, load, fail, evict and invalidate: no request is lost or counted twice."""
    redis = Server() if layers == "redis" else None
    cache = Cache(memory=Memory(max_items=20, policy=policy), redis=redis, trust=1e-4)
    shoppers, done = Shoppers(cache), threading.Event()
    watcher = threading.Thread(target=shoppers.watch, args=(done,))
    threads = [threading.Thread(target=shoppers.shop, args=(seed,)) for seed in range(8)]
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    stats = cache.stats()

    assert shoppers.wrong == []
    assert stats.hits + stats.misses == sum(shoppers.requests) == 8 * 200 * 5
    assert stats.invalidations == 8 * 4 * 2
    assert (stats.waiting, stats.loading) == (0, 0)
    assert stats.load_times[-1] == (float("inf"), stats.loads)
    assert stats == cache.stats()


def test_a_late_reader_is_counted():
    """A reader who holds an entry that goes is counted, however much goes after it; what nobody holds is let go."""
    cache = Cache(memory=Memory(max_items=10))
    cache.set("k", 1)
    held = cache.core.store.nodes["k"]
    for _ in range(100):
        for number in range(20):
            cache.set(number, 1)
        cache.clear()
    before = cache.stats().hits
    held.hits += 1

    assert cache.stats().hits == before + 1
    assert held in cache.core.store._ended
    assert len(cache.core.store._ended) < 30


def test_reading_changes_nothing():
    """Statistics may be read as often as one likes, while the store's lock is held, and say the same."""
    cache = Cache(memory=Memory(max_items=10, max_bytes=10_000_000))
    for number in range(20):
        cache.get_or_load(number % 12, lambda: 1)
    found = []
    with cache.core.store._lock, cache.core.flights._lock:
        reader = threading.Thread(target=lambda: found.extend(cache.stats() for _ in range(3)))
        reader.start()
        reader.join(20)

    assert len(found) == 3
    assert set(found) == {cache.stats()}
    assert found[0].bytes > 0
    assert hash(found[0])


def test_load_times():
    """Loads are counted by how long they took, those that fail too; the last bound has them all."""
    clock = Clock()
    cache = Cache(clock=clock)

    def load(seconds, error=None):
        clock.now += seconds
        if error is not None:
            raise error

    for number, seconds in enumerate((0.0, 0.25, 0.26, 3.0, 100.0)):
        cache.get_or_load(number, lambda seconds=seconds: load(seconds))
    with pytest.raises(OSError):
        cache.get_or_load("bad", lambda: load(0.5, OSError()))
    stats = cache.stats()
    times = dict(stats.load_times)

    assert (times[0.001], times[0.1], times[0.25], times[0.5], times[2.5], times[5.0]) == (1, 1, 2, 4, 4, 5)
    assert (times[10.0], times[float("inf")], stats.loads, stats.errors) == (5, 6, 6, 1)
    assert stats.load_seconds == pytest.approx(104.01)


def test_a_loader_that_asks_for_its_own_key():
    """Such a request counts as a miss too, in a batch as well, and the batch leaves no load behind."""
    cache = Cache()

    def load():
        return cache.get_or_load("k", load)

    def batch():
        return cache.get_many(["other", "k"], lambda keys: dict.fromkeys(keys, 1))

    with pytest.raises(RecursiveLoadError):
        cache.get_or_load("k", load)
    assert cache.stats().misses == 2
    with pytest.raises(RecursiveLoadError):
        cache.get_or_load("k", batch)
    assert (cache.stats().misses, cache.stats().loading) == (5, 0)


class Moving(deque):
    """The entries that have ended, one of which ends just after they were looked at."""

    deed = None

    def __iter__(self):
        seen = list(super().__iter__())
        if self.deed is not None:
            deed, self.deed = self.deed, None
            deed()
        return iter(seen)


def test_hits_never_fall():
    """An entry that goes while hits are counted is not missed: Prometheus would take less than before for a restart."""
    cache = Cache()
    cache.set("k", 1)
    for _ in range(5):
        cache.get("k")
    cache.core.store._ended = moving = Moving()
    assert cache.stats().hits == 5
    moving.deed = lambda: cache.delete("k")

    assert cache.stats().hits == 5
    assert moving.deed is None
    assert cache.stats().hits == 5


def test_clearing_keeps_the_hits():
    """What has been counted stays counted when its entries go, however they go."""
    cache = Cache(memory=Memory(max_items=100))
    for _ in range(3):
        for number in range(200):
            cache.set(number, 1)
            cache.get(number)
        cache.clear()

    assert cache.stats().hits == 600


def test_redis_that_fails(redis_db):
    """Failures are counted, and the time that Redis is left alone grows until it answers again, and then no more."""
    clock = Clock()
    redis = Redis(redis_db, rest=2.0, timeout=2.0, clock=clock)
    with Cache("shop", redis=redis, clock=clock, backplane=False) as cache:
        assert MISS is cache.get("k")
        assert (cache.stats().redis_failures, cache.stats().redis_away) == (0, 0.0)
        redis.failed(OSError("cut"))
        clock.now += 1
        assert MISS is cache.get("k")
        assert (cache.stats().redis_failures, cache.stats().redis_away) == (1, 1.0)
        assert redis.rests == 1.0
        clock.now += 2
        assert MISS is cache.get("k")
        clock.now += 5
        assert (cache.stats().redis_failures, cache.stats().redis_away, redis.rests) == (1, 3.0, 0.0)


def test_fields():
    """The names that were there stay, in their places; the new ones follow and have values of their own."""
    assert Stats(1, 2, 3, 4, 5, 6) == Stats(hits=1, misses=2, loads=3, errors=4, evictions=5, size=6)
    assert Stats(3, 1, 1, 0, 0, 2, redis_hits=1).memory_hits == 2
