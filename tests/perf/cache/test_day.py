"""A day of traffic in compressed time."""

import contextlib
import random
import tracemalloc

import pytest

from mestres_perf import Adaptive, Cache, Memory
from mestres_perf.testing import MemoryRedis

DAY, REQUESTS, PLACES = 86_400.0, 30_000, 500


class Day:
    """Requests for popular keys and others, with renewals, errors, batches, invalidations by tag and of everything."""

    def __init__(self, *, shared):
        self.dice, self.now = random.Random(24), 0.0
        self.redis = MemoryRedis(lambda: self.now) if shared else None
        self.cache = Cache(
            "day",
            memory=Memory(max_items=PLACES),
            redis=self.redis,
            clock=lambda: self.now,
            ttl=300,
            errors={LookupError: 30},
        )
        modes = ("hits", "changes")
        self.adaptive = [self.cache.cached(ttl=Adaptive(mode=mode))(lambda key: key) for mode in modes]

    def pass_by(self, requests):
        for number in requests:
            self.now += DAY / REQUESTS
            key = f"k{int(self.dice.paretovariate(0.6)) % 20_000}"
            with contextlib.suppress(LookupError, OSError):
                self.request(number, key)
            if number % 50 == 0:
                self.cache.invalidate_tags(f"tag:{key}")
            if number % 5000 == 0:
                self.cache.clear()

    def request(self, number, key):
        if number % 10 == 0:
            self.dice.choice(self.adaptive)(key)
        elif number % 17 == 0:
            self.cache.get_many([key, "other"], lambda keys: dict.fromkeys(keys, 1), tags=["many"])
        else:
            self.cache.get_or_load(key, self.load, tags=[f"tag:{key}", "all"])

    def load(self):
        if self.dice.random() < 0.02:
            raise self.dice.choice((LookupError, OSError))("away")
        return None if self.dice.random() < 0.1 else [self.dice.random()] * 20


@pytest.mark.parametrize("shared", [False, True])
def test_a_day(shared):
    """After a day nothing is left over: no load, no lease, no debt, no tag without a value; memory has not grown."""
    day = Day(shared=shared)
    tracemalloc.start()
    day.pass_by(range(REQUESTS // 2))
    half = tracemalloc.get_traced_memory()[0]
    day.pass_by(range(REQUESTS // 2, REQUESTS))
    grown = tracemalloc.get_traced_memory()[0] / half
    tracemalloc.stop()

    core = day.cache.core
    assert len(core.store) <= PLACES
    assert len(core.flights) == 0
    assert len(core.requests) <= PLACES
    assert set().union(*core.store._tagged.values(), set()) <= set(core.store.nodes.values())
    if shared:
        assert not core.shared.owes
        assert not [key for key in day.redis._values if key.endswith(":l")]
    assert grown < (3 if shared else 1.5), grown  # what expires in MemoryRedis stays there until it is asked for
