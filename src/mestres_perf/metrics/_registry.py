"""Metrics: the prometheus registry of one application, with what prometheus_client leaves to its users.

Invariants: a metric never has more than `max_series` label sets, whatever the labels are; beyond that everything is
counted under `__overflow__`. Making a second Metrics never clashes with the first.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from mestres_perf.metrics import _caches as caches
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._caches import ACache, Watched
from mestres_perf.metrics._catalogue import OVERFLOW, Metric
from mestres_perf.metrics._system import System

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ABreaker(Protocol):
    """A breaker, as far as metrics are concerned."""

    name: str

    def snapshot(self) -> Any:
        """State and counts."""
        ...


class APool(Protocol):
    """A database pool, as far as metrics are concerned."""

    @property
    def most(self) -> float:
        """How many connections there can be; infinite where nothing bounds them."""
        ...

    def active(self) -> int:
        """How many connections are in use now."""
        ...


class Metrics:
    """The metrics of one application. Share one object between its middleware, caches, breakers and engine.

    `system` is where processor, memory, disk and network are read; pass one to name the disk and the link's speed.
    """

    def __init__(self, *, max_series: int = 2000, system: System | None = None) -> None:
        self.registry = CollectorRegistry()
        self.system = system or System()
        self.caches: list[Watched] = []
        self.breakers: list[ABreaker] = []
        self.pools: list[APool] = []
        self._lock = threading.Lock()
        self._max_series = max_series
        self._extra: dict[str, Series] = {}
        self._dropped = self._make(catalogue.DROPPED)
        self.requests = Series(self, catalogue.REQUESTS, max_series)
        self.duration = Series(self, catalogue.DURATION, max_series)
        self.first_byte = Series(self, catalogue.FIRST_BYTE, max_series)
        self.broken = Series(self, catalogue.BROKEN, max_series)
        self.queries = Series(self, catalogue.QUERIES, max_series)
        self.calls = Series(self, catalogue.CALLS, max_series)
        self.call_duration = Series(self, catalogue.CALL_DURATION, max_series)
        self.in_progress = self._make(catalogue.IN_PROGRESS)
        self.registry.register(_Readings(self))
        self.system.readings()  # the first ones only say from where to count

    def render(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)

    def watch_cache(self, *those: ACache) -> None:
        """Show what these caches count; nothing is added to the cost of a hit."""
        for cache in those:
            if all(watched.cache is not cache for watched in self.caches):
                self.caches.append(Watched(cache))

    def watch_breaker(self, *breakers: ABreaker) -> None:
        """Show these breakers' states and counts; nothing is added to the cost of a call."""
        self.breakers.extend(breaker for breaker in breakers if breaker not in self.breakers)

    def watch_pool(self, pool: APool) -> None:
        """Show a database pool's connections."""
        self.pools.append(pool)

    def series(self, metric: Metric) -> Series:
        """The series of a metric that not every application has, made when first asked for."""
        with self._lock:
            if metric.name not in self._extra:
                self._extra[metric.name] = Series(self, metric, self._max_series)
            return self._extra[metric.name]

    def connections_in_use(self) -> int | None:
        """Database connections in use over all pools; None when none is watched."""
        return sum(pool.active() for pool in self.pools) if self.pools else None

    def hit_rate(self) -> float | None:
        """Hits of all requests to all caches, 0 to 1; None before the first."""
        return caches.hit_rate(watched.stats() for watched in self.caches)

    def dropped(self, metric: str) -> None:
        """Count a label set that did not fit."""
        self._dropped.labels(metric).inc()

    def _make(self, metric: Metric) -> Any:
        labels = metric.labels
        if metric.kind == "counter":
            return Counter(metric.name, metric.help, labels, registry=self.registry)
        if metric.kind == "gauge":
            return Gauge(metric.name, metric.help, labels, registry=self.registry)
        return Histogram(metric.name, metric.help, labels, buckets=metric.buckets, registry=self.registry)


class Series:
    """A metric with labels: its children are looked up once and then kept, up to a limit."""

    def __init__(self, metrics: Metrics, metric: Metric, max_series: int) -> None:
        self._metrics = metrics
        self._name = metric.name
        self._parent = metrics._make(metric)
        self._overflow = (OVERFLOW,) * len(metric.labels)
        self._max = max_series
        self._children: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def child(self, *labels: str) -> Any:
        """The counter or histogram for these labels; that of the overflow when there are too many."""
        found = self._children.get(labels)
        return found if found is not None else self._add(labels)

    def _add(self, labels: tuple[str, ...]) -> Any:
        with self._lock:
            if len(self._children) >= self._max and labels not in self._children:
                self._metrics.dropped(self._name)
                labels = self._overflow
            if labels not in self._children:
                self._children[labels] = self._parent.labels(*labels) if labels else self._parent
            return self._children[labels]


class _Readings(Collector):
    """What is read from pools, caches and breakers when somebody asks, and costs nothing until then."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Family]:
        return []

    def collect(self) -> Iterable[Family]:
        yield from self._pool_families()
        yield from caches.families(tuple(self._metrics.caches))
        yield from self._breaker_families()
        yield from self._system_families()

    def _pool_families(self) -> Iterable[Family]:
        in_use, most = catalogue.CONNECTIONS, catalogue.CONNECTIONS_MAX
        yield GaugeMetricFamily(in_use.name, in_use.help, value=self._metrics.connections_in_use() or 0)
        yield GaugeMetricFamily(most.name, most.help, value=sum(pool.most for pool in self._metrics.pools))

    def _breaker_families(self) -> Iterable[Family]:
        states = GaugeMetricFamily(
            catalogue.BREAKER_STATE.name, catalogue.BREAKER_STATE.help, labels=catalogue.BREAKER_STATE.labels
        )
        calls = CounterMetricFamily(
            catalogue.BREAKER_CALLS.name, catalogue.BREAKER_CALLS.help, labels=catalogue.BREAKER_CALLS.labels
        )
        for breaker in self._metrics.breakers:
            now = breaker.snapshot()
            for state in type(now.state):
                states.add_metric((breaker.name, state.value), float(state is now.state))
            for outcome in ("successes", "failures", "rejections"):
                calls.add_metric((breaker.name, outcome), getattr(now, outcome))
        yield states
        yield calls

    def _system_families(self) -> Iterable[Family]:
        for name, percent in self._metrics.system.readings().items():
            metric = catalogue.SYSTEM[name]
            yield GaugeMetricFamily(metric.name, metric.help, value=None if percent is None else percent / 100)


@functools.cache
def default_metrics() -> Metrics:
    """The Metrics that is used where none is given."""
    return Metrics()
