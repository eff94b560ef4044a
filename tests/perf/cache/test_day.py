"""A day of traffic in compressed time."""

import contextlib
import gc
import random
import time
import tracemalloc
import weakref

import pytest

from mestres_perf import Adaptive, Cache, Memory
from mestres_perf._kernel.background import THREADS
from mestres_perf.testing import MemoryRedis

DAY, REQUESTS, PLACES = 86_400.0, 12_000, 100


class Day:
    """Requests for popular keys and others, with renewals, errors, batches, methods of objects that come and go, tags
    that loaders add, invalidations by key, by tag and of everything, and hours without Redis."""

    def __init__(self, *, shared):
        self.dice, self.now = random.Random(24), 0.0
        self.redis = MemoryRedis(lambda: self.now) if shared else None
        self.cache = Cache(
            "day",
            memory=Memory(max_items=PLACES),
            redis=self.redis,
            clock=lambda: self.now,
            ttl=300,
            stale_while_revalidate=200,
            stale_if_error=600,
            early=1.0,
            errors={LookupError: 30},
            trust=600,
        )
        self.alone = Cache("alone", memory=Memory(max_items=PLACES), clock=lambda: self.now, ttl=300)
        modes = ("hits", "changes")
        self.adaptive = [self.cache.cached(ttl=Adaptive(mode=mode))(lambda key: key) for mode in modes]
        self.shops = []

        class Shop:
            @self.alone.cached(tags=lambda _, key: [f"tag:{key}"])
            def title(self, key):
                return key

        self.kind = Shop

    def pass_by(self, requests):
        for number in requests:
            self.now += DAY / REQUESTS
            key = f"k{int(self.dice.paretovariate(0.6)) % 5000}"
            if self.redis is not None:
                self.redis.is_down = 4000 < number % 6000 < 4400
            with contextlib.suppress(LookupError, OSError):
                self.request(number, key)
            self.untrue(number, key)

    def request(self, number, key):
        if number % 10 == 0:
            self.dice.choice(self.adaptive)(key)
        elif number % 17 == 0:
            self.cache.get_many([key, "other"], lambda keys: dict.fromkeys(keys, 1), tags=["many"])
        elif number % 13 == 0:
            shop = self.kind()
            self.shops.append(weakref.ref(shop))
            assert shop.title(key) == key
        elif number % 11 == 0:
            self.cache.set(key, number, tags=[f"tag:{key}"])
        else:
            self.cache.get_or_load(key, self.load, tags=[f"tag:{key}", "all"])

    def untrue(self, number, key):
        if number % 50 == 0:
            self.cache.invalidate_tags(f"tag:{key}")
            self.alone.invalidate_tags(f"tag:{key}")
        if number % 70 == 0:
            self.cache.delete(key)
        if number % 2000 == 0:
            self.cache.clear()

    def load(self):
        if self.dice.random() < 0.02:
            raise self.dice.choice((LookupError, OSError))("away")
        if self.dice.random() < 0.3:
            from mestres_perf import loading

            loading().tag(f"found:{self.dice.randrange(1000)}")
        return None if self.dice.random() < 0.1 else [self.dice.random()] * 20

    def rest(self):
        """The renewals that are under way end."""
        deadline = time.monotonic() + 30
        while len(self.cache.core.flights) or not THREADS._queue.empty():
            assert time.monotonic() < deadline, "a renewal has not ended"
            time.sleep(0.001)


def assert_nothing_is_left(cache):
    """Every index leads to what memory holds, and to nothing else."""
    store, entries = cache.core.store, set(cache.core.store.nodes.values())
    assert len(store) <= PLACES
    assert len(cache.core.flights) == 0
    assert set().union(*store._tagged.values(), set()) <= entries
    assert {entry for entry in entries if entry.tags} == set().union(*store._tagged.values(), set())
    assert set(store._named.values()) == {entry for entry in entries if entry.name}
    assert len(store._bumped) <= REQUESTS // 25  # so many tags were invalidated; a hundred thousand at most
    assert len(store._ended) <= len(store) + 128  # what was deleted is held by its queue until its turn
    policy = store._policy
    assert sum(node.alive for queue in (policy._small, policy._main) for node in queue) == len(entries)
    assert len(policy._small) + len(policy._main) <= 2 * PLACES + 64
    assert len(policy._ghost) <= PLACES


@pytest.mark.parametrize("shared", [False, True])
def test_a_day(shared):
    """After a day nothing is left over: no load, no lease, no debt, no index or counter without a value, no object
    whose methods were remembered; memory has not grown since noon."""
    day = Day(shared=shared)
    tracemalloc.start()
    day.pass_by(range(REQUESTS // 2))
    day.rest()
    half = tracemalloc.get_traced_memory()[0]
    day.pass_by(range(REQUESTS // 2, REQUESTS))
    day.rest()
    grown = tracemalloc.get_traced_memory()[0] / half
    tracemalloc.stop()

    core, stats = day.cache.core, day.cache.stats()
    assert min(stats.refreshes, stats.stale, stats.errors, stats.evictions) > 20  # all of it did happen
    for cache in (day.cache, day.alone):
        assert_nothing_is_left(cache)
    assert 0 < len(core.requests) <= PLACES
    assert 0 < len(core.changes) <= 1000
    gc.collect()
    assert [each for each in day.shops if each() is not None] == []
    assert len(day.kind.title._remembered.instances._names) == 0
    if shared:
        assert day.cache.settle()
        assert not core.shared.owes
        assert not [key for key in day.redis._values if key.endswith(":l") and day.redis._get(key)]
        assert len(day.redis.messages) <= 20_000
    assert grown < (3 if shared else 1.5), grown  # what expires in MemoryRedis stays there until it is asked for
