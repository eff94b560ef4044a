"""What caches have counted, as readings for the page. It costs a hit nothing: caches are asked when somebody looks.

Invariant: the number of series depends on the number of caches and on nothing that they hold; no lock is taken that a
reader of a cache may need. A cache of very many values takes long to count its hits, and is asked the less often.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._sheet import Reading, Table

_MOST = 0.01
"""At most this share of the time goes into asking one cache, once asking it takes longer than `_LITTLE` seconds."""

_LITTLE = 0.002


class CacheStats(Protocol):
    """What a cache says of itself; more of it is shown when there is more."""

    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...


class ACache(Protocol):
    """A cache, as far as metrics are concerned."""

    name: str

    def stats(self) -> Any:
        """Hits and misses so far; the other fields of `mestres_perf.Stats` when there are any."""
        ...


class Watched:
    """A cache, and what it said last."""

    def __init__(self, cache: ACache, clock: Callable[[], float] = time.perf_counter) -> None:
        self.cache = cache
        self._clock = clock
        self._stats: Any = None
        self._good_until = 0.0

    def stats(self) -> Any:
        """What it says now, or, when it takes long to say it, what it said a short while ago."""
        began = self._clock()
        if self._stats is not None and began < self._good_until:
            return self._stats
        stats = self.cache.stats()
        now = self._clock()
        took = now - began
        self._stats, self._good_until = stats, now + took / _MOST if took > _LITTLE else 0.0
        return stats


def readings(watched: Watched) -> Iterable[Reading]:
    """What one cache has counted, for one question. It is this process's own, and may be added up."""
    name, stats = watched.cache.name, watched.stats()
    yield from _split(catalogue.CACHE_REQUESTS, name, stats, {"hit": "hits", "miss": "misses"})
    yield from _split(catalogue.CACHE_HITS, name, stats, {"memory": "memory_hits", "redis": "redis_hits"})
    yield from _split(catalogue.CACHE_INVALIDATIONS, name, stats, {"here": "invalidations", "heard": "heard"})
    for field, metric in catalogue.CACHE_COUNTS.items():
        value = getattr(stats, field, None)
        if value is not None:
            yield metric, (name,), [value]
    if getattr(stats, "load_times", ()):
        yield catalogue.CACHE_LOAD_TIME, (name,), [*_by_bucket(stats.load_times), stats.load_seconds]


def hit_rate(table: Table) -> float | None:
    """Hits of all requests to all caches, 0 to 1; None before the first."""
    counts = {"hit": 0.0, "miss": 0.0}
    for (_, outcome), values in table.get(catalogue.CACHE_REQUESTS, {}).items():
        counts[outcome] += values[0]
    requests = counts["hit"] + counts["miss"]
    return counts["hit"] / requests if requests else None


def _split(metric: Metric, name: str, stats: Any, fields: dict[str, str]) -> Iterable[Reading]:
    """A metric with a second label, whose values stand for fields."""
    for value, field in fields.items():
        counted = getattr(stats, field, None)
        if counted is not None:
            yield metric, (name, value), [counted]


def _by_bucket(load_times: Iterable[tuple[float, int]]) -> list[float]:
    """What is in each bucket and not in those below it."""
    bounds = catalogue.CACHE_LOAD_TIME.buckets
    buckets, below = [0.0] * (len(bounds) + 1), 0
    for most, count in sorted(load_times):
        buckets[bisect_left(bounds, most)] += count - below
        below = count
    return buckets
