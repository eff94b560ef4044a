"""What caches have counted, as families for Prometheus. It costs a hit nothing: caches are asked when somebody looks.

Invariant: the number of series depends on the number of caches and on nothing that they hold; no lock is taken that a
reader of a cache may need. A cache of very many values takes long to count its hits, and is asked the less often.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from mestres_perf.metrics import _catalogue as catalogue

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


def hit_rate(stats: Iterable[CacheStats]) -> float | None:
    """Hits of all requests to all caches, 0 to 1; None before the first."""
    asked = list(stats)
    hits, misses = sum(one.hits for one in asked), sum(one.misses for one in asked)
    return hits / (hits + misses) if hits + misses else None


def families(watched: Iterable[Watched]) -> Iterable[Family]:
    """Each cache is asked once, for all of them. They are this process's own: all but the rate may be added up."""
    asked = [(one.cache.name, one.stats()) for one in watched]
    # Before the first request there is no rate: 0 would call somebody.
    rate = hit_rate(stats for _, stats in asked)
    yield GaugeMetricFamily(catalogue.HIT_RATE.name, catalogue.HIT_RATE.help, value=rate)
    yield _split(catalogue.CACHE_REQUESTS, asked, {"hit": "hits", "miss": "misses"})
    yield _split(catalogue.CACHE_HITS, asked, {"memory": "memory_hits", "redis": "redis_hits"})
    yield _split(catalogue.CACHE_INVALIDATIONS, asked, {"here": "invalidations", "heard": "heard"})
    for field, metric in catalogue.CACHE_COUNTS.items():
        yield _family(metric, (((name,), getattr(stats, field, None)) for name, stats in asked))
    yield _load_times(asked)


_Asked = list[tuple[str, Any]]


def _split(metric: catalogue.Metric, asked: _Asked, fields: dict[str, str]) -> Family:
    """A family with a second label, whose values stand for fields."""
    return _family(
        metric,
        (((name, value), getattr(stats, field, None)) for name, stats in asked for value, field in fields.items()),
    )


def _family(metric: catalogue.Metric, samples: Iterable[tuple[tuple[str, ...], float | None]]) -> Family:
    """Caches of one name are added up: Prometheus takes a series once."""
    totals: dict[tuple[str, ...], float] = {}
    for labels, value in samples:
        if value is not None:
            totals[labels] = totals.get(labels, 0) + value
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, total in totals.items():
        family.add_metric(labels, total)
    return family


def _load_times(asked: _Asked) -> Family:
    metric = catalogue.CACHE_LOAD_TIME
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    known = [(name, stats) for name, stats in asked if getattr(stats, "load_times", ())]
    for name in dict.fromkeys(name for name, _ in known):
        own = [stats for other, stats in known if other == name]
        buckets: dict[float, int] = {}
        for bound, count in (each for stats in own for each in stats.load_times):
            buckets[bound] = buckets.get(bound, 0) + count
        named = [("+Inf" if bound == math.inf else str(bound), count) for bound, count in sorted(buckets.items())]
        family.add_metric((name,), named, sum(stats.load_seconds for stats in own))
    return family
