"""Metrics: what one application counts, and the page that Prometheus reads.

Invariants: a metric never has more than `max_series` label sets, whatever the labels are; beyond that everything is
counted under `__overflow__`. What `child` gives out stays good for ever. Making a second Metrics never clashes with the
first.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _caches as caches
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _readings as read
from mestres_perf.metrics._caches import ACache, Watched
from mestres_perf.metrics._catalogue import OVERFLOW, Metric
from mestres_perf.metrics._cells import KINDS
from mestres_perf.metrics._readings import ABreaker, APool
from mestres_perf.metrics._sheet import Labels, Sheet, Table
from mestres_perf.metrics._system import System
from mestres_perf.metrics._text import CONTENT_TYPE, Writer

__all__ = ["CONTENT_TYPE", "Metrics", "Series", "default_metrics"]


class Metrics:
    """The metrics of one application. Share one object between its middleware, caches, breakers and engine.

    `system` is where processor, memory, disk and network are read; pass one to name the disk and the link's speed.
    `registry` is for collectors of your own, from prometheus_client: what they collect is on the page, too. Looked at
    as a whole it is the whole page. Raises ConfigurationError for a `max_series` below 1.
    """

    def __init__(self, *, max_series: int = 2000, system: System | None = None) -> None:
        if max_series < 1:
            raise ConfigurationError(f"max_series={max_series!r}: must be at least 1")
        self.registry = _Registry(self)
        self.system = system or System()
        self.caches: list[Watched] = []
        self.breakers: list[ABreaker] = []
        self.pools: list[APool] = []
        self._lock = threading.Lock()
        self._max_series = max_series
        self._sheet = Sheet()
        self._writer = Writer()
        self._series: dict[str, Series] = {}
        self._dropped = self.series(catalogue.DROPPED)
        self.requests = self.series(catalogue.REQUESTS)
        self.duration = self.series(catalogue.DURATION)
        self.first_byte = self.series(catalogue.FIRST_BYTE)
        self.broken = self.series(catalogue.BROKEN)
        self.queries = self.series(catalogue.QUERIES)
        self.calls = self.series(catalogue.CALLS)
        self.call_duration = self.series(catalogue.CALL_DURATION)
        self.in_progress = self.series(catalogue.IN_PROGRESS).child()
        for metric in read.METRICS:
            self._sheet.declare(metric)
            self.registry.reserve(metric)
        for metric in (catalogue.HIT_RATE, *catalogue.SYSTEM.values()):
            self.registry.reserve(metric)
        self.system.readings()  # the first ones only say from where to count

    def render(self) -> bytes:
        """The page that Prometheus reads."""
        return self.text().encode("utf-8", "replace") + self.registry.render_theirs()

    def text(self) -> str:
        """The page without what the user's own collectors have."""
        return self._writer.write(self._shown())

    def table(self) -> Table:
        """Every series that is counted, and what pools, caches and breakers say now."""
        self._sheet.put(read.readings(self.pools, tuple(self.caches), tuple(self.breakers)))
        return self._sheet.table()

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
        """The series of a metric, made when first asked for."""
        with self._lock:
            if metric.name not in self._series:
                self.registry.reserve(metric)
                most = sys.maxsize if metric is catalogue.DROPPED else self._max_series  # its labels are ours
                self._series[metric.name] = Series(metric, self._sheet, partial(self._drop, metric.name), most)
            return self._series[metric.name]

    def connections_in_use(self) -> int | None:
        """Database connections in use over all pools; None when none is watched."""
        return sum(pool.active() for pool in self.pools) if self.pools else None

    def hit_rate(self) -> float | None:
        """Hits of all requests to all caches, 0 to 1; None before the first."""
        return caches.hit_rate(self.table())

    def _drop(self, name: str) -> None:
        self._dropped.child(name).inc()

    def _shown(self) -> Table:
        table = self.table()
        rate = caches.hit_rate(table)
        # Before the first request there is no rate: 0 would call somebody.
        alone: dict[Metric, float | None] = {catalogue.HIT_RATE: rate}
        for name, percent in self.system.readings().items():
            alone[catalogue.SYSTEM[name]] = None if percent is None else percent / 100
        return {**table, **{metric: {} if value is None else {(): [value]} for metric, value in alone.items()}}


class Series:
    """A metric with labels: its cells are looked up once and then kept, up to a limit. None is ever taken away."""

    def __init__(self, metric: Metric, sheet: Sheet, dropped: Callable[[], None], max_series: int) -> None:
        self._metric = metric
        self._sheet = sheet
        self._dropped = dropped
        self._overflow = (OVERFLOW,) * len(metric.labels)
        self._max = max_series
        self._cells: dict[Labels, Any] = {}
        self._lock = threading.RLock()  # as that of a sheet
        sheet.declare(metric)
        if not metric.labels:
            self.child()

    def child(self, *labels: str) -> Any:
        """The cell for these labels, to `inc` or to `observe`; that of the overflow when there are too many.

        Raises ConfigurationError when there are more or fewer than the metric has. Whoever has a cell may keep it.
        """
        found = self._cells.get(labels)
        return found if found is not None else self._add(labels)

    def _add(self, labels: Labels) -> Any:
        if len(labels) != len(self._overflow):
            names = ", ".join(self._metric.labels) or "none"
            raise ConfigurationError(f"{self._metric.name}: has the labels {names}, not {len(labels)} of them")
        labels = tuple(map(str, labels))
        with self._lock:
            if len(self._cells) >= self._max and labels not in self._cells:
                self._dropped()
                labels = self._overflow
            if labels not in self._cells:
                values = self._sheet.row(self._metric, labels)
                self._cells.setdefault(labels, KINDS[self._metric.kind](self._metric, values))
            return self._cells[labels]


class _Registry(CollectorRegistry):
    """Collectors of the user's own. Whoever collects from it gets the whole page: a push gateway, or a test."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterable[Family]:
        """All families: ours and the user's."""
        yield from text_string_to_metric_families(self._metrics.text())
        yield from super().collect()

    def render_theirs(self) -> bytes:
        """What the user's own collectors have, as text."""
        return generate_latest(_Theirs(super().collect))

    def reserve(self, metric: Metric) -> None:
        """No collector may have a metric of this name: a page with a series twice is refused."""
        self.register(_Name(metric))


class _Theirs:
    def __init__(self, collect: Any) -> None:
        self.collect = collect


class _Name(Collector):
    """Takes a name and has nothing to show."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def describe(self) -> Iterable[Family]:
        return [Family(self._metric.name.removesuffix("_total"), self._metric.help, self._metric.kind)]

    def collect(self) -> Iterable[Family]:
        return []


@functools.cache
def default_metrics() -> Metrics:
    """The Metrics that is used where none is given."""
    return Metrics()
