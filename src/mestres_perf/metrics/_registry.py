"""Metrics: what one application counts, and the page that Prometheus reads.

Invariants: a metric never has more than `max_series` label sets, whatever the labels are; beyond that everything is
counted under `__overflow__`, requests by the class of their status. What `child` gives out stays good for ever. Making
a second Metrics never clashes with the first. A page has no series twice, and there is a page whatever a collector, a
cache or another part of the application raises.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from mestres_perf._kernel import forks
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _caches as caches
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _readings as read
from mestres_perf.metrics import _resilience as resilience
from mestres_perf.metrics._book import Book
from mestres_perf.metrics._caches import ACache, Watched
from mestres_perf.metrics._catalogue import Metric, overflow
from mestres_perf.metrics._cells import KINDS
from mestres_perf.metrics._counted import Counted
from mestres_perf.metrics._directory import Directory
from mestres_perf.metrics._readings import ABreaker, APool, Readings
from mestres_perf.metrics._sheet import Labels, Reading, Table, as_shown
from mestres_perf.metrics._system import System
from mestres_perf.metrics._text import CONTENT_TYPE, Writer
from mestres_perf.resilience import CircuitBreaker
from mestres_perf.settings import MetricsSettings

__all__ = ["CONTENT_TYPE", "Metrics", "Series", "default_metrics"]

_LOGGED_EVERY = 60.0
_log = logging.getLogger(__name__)


class Metrics:
    """The metrics of one application. Share one object between its middleware, caches, breakers and engine.

    `system` is where processor, memory, disk and network are read; pass one to name the disk and the link's speed.
    `registry` is for collectors of your own, from prometheus_client: what they collect is on the page, too. Looked at
    as a whole it is the whole page.

    With a `directory` (default: MESTRES_METRICS_DIR, if set) all processes that are given the same one are on the page
    of each, and so is what those have counted that are dead. It is made where there is none, and belongs to one
    application on one machine. `clock` is in seconds and the same for all of them.

    Raises ConfigurationError for a `max_series` below 1, and for a directory that cannot be used.
    """

    def __init__(
        self,
        *,
        max_series: int = 2000,
        system: System | None = None,
        directory: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if max_series < 1:
            raise ConfigurationError(f"max_series={max_series!r}: must be at least 1")
        if directory is None:
            directory = MetricsSettings.from_environment().dir or None
        self.registry = _Registry(self)
        self.system = system or System()
        readings = Readings(self.failed, is_shared=directory is not None)
        self.caches, self.breakers = readings.caches, readings.breakers
        self.pools, self.parts = readings.pools, readings.parts
        self._before: list[Callable[[], None]] = []
        self.clock = clock
        self._lock = threading.Lock()
        self._max_series = max_series
        self._logged = float("-inf")
        self._series: dict[str, Series] = {}
        self._book = Book(
            None if directory is None else Directory(directory, max_series),
            self._read,
            clock,
            readings=readings,
            move=self._move,
        )
        self._writer = Writer()
        self._dropped = self.series(catalogue.DROPPED)
        self._errors = self.series(catalogue.METRICS_ERRORS).child()
        self.requests = self.series(catalogue.REQUESTS)
        self.duration = self.series(catalogue.DURATION)
        self.first_byte = self.series(catalogue.FIRST_BYTE)
        self.broken = self.series(catalogue.BROKEN)
        self.queries = self.series(catalogue.QUERIES)
        self.calls = self.series(catalogue.CALLS)
        self.call_duration = self.series(catalogue.CALL_DURATION)
        self.in_progress = self.series(catalogue.IN_PROGRESS).child()
        for metric in (*read.METRICS, *resilience.METRICS):
            self._book.sheet.declare(metric)
            self.registry.reserve(metric)
        for metric in (catalogue.HIT_RATE, *catalogue.SYSTEM.values()):
            self.registry.reserve(metric)
        self.system.readings()  # the first ones only say from where to count
        self._enter()
        forks.follow(self)

    @property
    def book(self) -> Book:
        """Where it is counted: who counts very often looks at its `due` before every `tick`."""
        return self._book

    @property
    def max_series(self) -> int:
        """How many label sets a metric may have."""
        return self._max_series

    def render(self) -> bytes:
        """The page that Prometheus reads."""
        return self.text().encode("utf-8", "replace") + self.registry.render_theirs()

    def text(self) -> str:
        """The page without what the user's own collectors have."""
        return self._writer.write(self._shown())

    def counted(self) -> Counted:
        """Every series, and what pools, caches and breakers say now; of all processes, where there is a directory."""
        forks.check()
        return self._book.counted()

    def table(self) -> Table:
        """The series of `counted`."""
        return self.counted().table

    def tick(self, now: float) -> None:
        """Call it when a request has ended at `now`, before it is counted. Nearly always there is nothing to do.

        Where none ends for long, such as in a worker that serves none, `publish` shows others what there is to see.
        """
        if now >= self._book.due:
            forks.check()
            self._book.tick(now)

    def publish(self) -> None:
        """Have other processes see what this one's pools, caches and breakers say now."""
        forks.check()
        self._book.publish()

    def watch_cache(self, *those: ACache) -> None:
        """Show what these caches count; nothing is added to the cost of a hit."""
        for cache in those:
            if all(watched.cache is not cache for watched in self.caches):
                self.caches.append(Watched(cache))
        self._book.readings.begin()

    def watch_breaker(self, *breakers: ABreaker) -> None:
        """Show these breakers' states and counts; nothing is added to the cost of a call."""
        self.breakers.extend(breaker for breaker in breakers if breaker not in self.breakers)
        self._book.readings.begin()

    def watch(self, *parts: object) -> None:
        """Show what breakers, retries, bulkheads, limits, timeouts and policies of them count, at no cost to calls.

        Raises ConfigurationError for anything else; then none of them is watched.
        """
        found = resilience.flat(parts)
        self.watch_breaker(*(part for part in found if isinstance(part, CircuitBreaker)))
        self.parts.extend(part for part in found if all(part is not known for known in self.parts))
        self._book.readings.begin()

    def before_reading(self, settle: Callable[[], None]) -> None:
        """Call this whenever somebody is about to look."""
        self._before.append(settle)

    def watch_pool(self, pool: APool) -> None:
        """Show a database pool's connections."""
        self.pools.append(pool)

    def series(self, metric: Metric) -> Series:
        """The series of a metric, made when first asked for."""
        with self._lock:
            if metric.name not in self._series:
                self.registry.reserve(metric)
                bounded = metric is not catalogue.DROPPED  # whose labels are the names of the others
                dropped = partial(self._drop, metric.name) if bounded else None
                self._series[metric.name] = Series(metric, self._book, self._max_series, dropped)
            return self._series[metric.name]

    def connections_in_use(self) -> int | None:
        """Database connections in use over all pools; None when none is watched."""
        return read.connections_in_use(self.table())

    def hit_rate(self) -> float | None:
        """Hits of all requests to all caches, 0 to 1; None before the first."""
        return caches.hit_rate(self.table())

    def locks(self) -> Sequence[forks.Lock]:
        """For a fork."""
        return [self._lock, *self._book.locks]

    def start_anew(self) -> None:
        """In a forked child: with a directory it counts from zero, in a file of its own."""
        if self._book.is_shared:
            self._book.start_anew()

    def _enter(self) -> None:
        try:
            self._book.enter()
        except OSError as error:
            raise ConfigurationError(f"directory: cannot be used ({error})") from error

    def _move(self) -> None:
        for series in self._series.values():
            series.move()

    def failed(self) -> None:
        """For an `except`: what could not be read or shown is counted as that, and logged once a minute."""
        self._errors.inc()
        now = self.clock()
        if now - self._logged >= _LOGGED_EVERY:
            self._logged = now
            _log.exception("something could not be counted or shown as it should be")

    def _read(self) -> Iterable[Reading]:
        for settle in tuple(self._before):
            try:
                settle()
            except Exception:  # noqa: BLE001 - whatever it was, the others are read
                self.failed()
        yield from self._book.readings.all()

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
    """A metric with labels: its cells are looked up once and then kept. None is ever taken away.

    There are at most `max_series`, and those of the overflow: one, or, of a metric with a status, one for each class of
    statuses, so an error stays one; `dropped` is called for each label set that did not fit.
    Without it there is no limit.
    """

    def __init__(self, metric: Metric, book: Book, max_series: int, dropped: Callable[[], None] | None) -> None:
        self._metric = metric
        self._book = book
        self._dropped = dropped
        self._max = max_series
        self._cells: dict[Labels, Any] = {}
        book.sheet.declare(metric)
        if not metric.labels:
            self.child()

    def child(self, *labels: str) -> Any:
        """The cell for these labels, to `inc` or to `observe`; that of the overflow when there are too many.

        Raises ConfigurationError when there are more or fewer than the metric has. Whoever has a cell may keep it.
        """
        found = self._cells.get(labels)
        return found if found is not None else self._add(labels)

    def _add(self, labels: Labels) -> Any:
        if len(labels) != len(self._metric.labels):
            names = ", ".join(self._metric.labels) or "none"
            raise ConfigurationError(f"{self._metric.name}: has the labels {names}, not {len(labels)} of them")
        labels = as_shown(tuple(map(str, labels)))
        with self._book.sheet.lock:
            if self._dropped is not None and labels not in self._cells and not self._has_room(labels):
                self._dropped()
                labels = overflow(self._metric, labels)
            if labels not in self._cells:
                values = self._book.sheet.row(self._metric, labels)
                self._cells.setdefault(labels, KINDS[self._metric.kind](self._metric, values))
            return self._cells[labels]

    def move(self) -> None:
        """Have every cell count in the sheet that the book has now."""
        for labels, cell in self._cells.items():
            cell.move(self._book.sheet.row(self._metric, labels))

    def _has_room(self, labels: Labels) -> bool:
        return len(self._cells) < self._max and self._book.sheet.has_room(labels)


class _Registry(CollectorRegistry):
    """Collectors of the user's own. Whoever collects from it gets the whole page: a push gateway, or a test."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterable[Family]:
        """All families: ours and the user's."""
        yield from text_string_to_metric_families(self._metrics.text())
        for families in self._theirs():
            yield from families

    def render_theirs(self) -> bytes:
        """What the user's own collectors have, as text."""
        pages = []
        for families in self._theirs():
            try:
                pages.append(generate_latest(_Theirs(families)))
            except Exception:  # noqa: BLE001 - such as a value that is no number
                self._metrics.failed()
        return b"".join(pages)

    def _theirs(self) -> Iterable[list[Family]]:
        """The families of each of the user's collectors: one that raises, or repeats another's, costs only its own."""
        if self.get_target_info():
            yield [self._target_info_metric()]  # type: ignore[no-untyped-call]
        with self._lock:
            collectors = [each for each in self._collector_to_names if not isinstance(each, _Name)]
            owners: dict[str, object] = dict(self._names_to_collectors)
        for collector in collectors:
            shown = []
            try:
                for family in collector.collect():
                    names = {family.name, *(sample.name for sample in family.samples)}
                    if any(owners.setdefault(name, collector) is not collector for name in names):
                        raise ValueError(f"{family.name}: another collector has that")  # noqa: TRY301 - as any other error
                    shown.append(family)
            except Exception:  # noqa: BLE001 - a user's own object may raise anything
                self._metrics.failed()
            yield shown

    def reserve(self, metric: Metric) -> None:
        """No collector may have a metric of this name: a page with a series twice is refused."""
        self.register(_Name(metric))


class _Theirs(CollectorRegistry):
    def __init__(self, families: list[Family]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


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
