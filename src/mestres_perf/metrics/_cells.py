"""Cells: where one series is counted. A counter is one number, a histogram one for each bucket and the sum.

Invariants: no update is lost, however many threads count. A cell outlives a fork: it is told where to count from then
on, so whoever keeps one need not ask for it again.

Under CPython's GIL a cell needs no lock. `values[i] += x` is a handful of instructions, and it changes threads, runs
signal handlers and finalizers only at calls and at jumps back, of which there is none among them. Without the GIL each
cell has a lock, which a finalizer may take again, and which is a new one wherever the cell is moved.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

from mestres_perf.metrics._catalogue import Metric

Values: TypeAlias = "list[float] | memoryview[float]"
"""Numbers in this process's memory, or in a file that other processes read."""


def width(metric: Metric) -> int:
    """How many numbers a series of this metric is. A histogram: one for each bucket, one beyond the last, the sum."""
    return len(metric.buckets) + 2 if metric.kind == "histogram" else 1


class Counter:
    """One number that only grows."""

    __slots__ = ("_values",)

    def __init__(self, metric: Metric, values: Values) -> None:  # noqa: ARG002 - as with a histogram
        self._values = values

    def move(self, values: Values) -> None:
        """Count here from now on."""
        self._values = values

    def inc(self, amount: float = 1.0) -> None:
        """Count; `amount` is not below zero."""
        self._values[0] += amount


class Gauge(Counter):
    """One number that comes and goes."""

    __slots__ = ()

    def dec(self, amount: float = 1.0) -> None:
        """Take away what `inc` has added."""
        self.inc(-amount)


class Histogram(Counter):
    """How many values fell into each bucket, and their sum. A bucket's bound belongs to it."""

    __slots__ = ("_bounds",)

    def __init__(self, metric: Metric, values: Values) -> None:
        super().__init__(metric, values)
        self._bounds: Sequence[float] = metric.buckets

    def observe(self, value: float) -> None:
        """Count one value, such as the seconds that something took. NaN is none."""
        index = bisect_left(self._bounds, value)
        if not index and value != value:  # noqa: PLR0124 - NaN, of which a sum would never recover; it belongs nowhere
            return
        values = self._values  # after the call: who moves the cell comes before both numbers, or after them
        values[index] += 1.0
        values[-1] += value


class LockedCounter(Counter):
    """For an interpreter without the GIL."""

    __slots__ = ("_lock",)

    def __init__(self, metric: Metric, values: Values) -> None:
        super().__init__(metric, values)
        self._lock = threading.RLock()

    def move(self, values: Values) -> None:
        """Count here from now on. Who held the lock when the process was forked is not here to give it back."""
        self._lock = threading.RLock()
        super().move(values)

    def inc(self, amount: float = 1.0) -> None:
        """Count; `amount` is not below zero."""
        with self._lock:
            self._values[0] += amount


class LockedGauge(LockedCounter, Gauge):
    """For an interpreter without the GIL."""

    __slots__ = ()


class LockedHistogram(Histogram):
    """For an interpreter without the GIL."""

    __slots__ = ("_lock",)

    def __init__(self, metric: Metric, values: Values) -> None:
        super().__init__(metric, values)
        self._lock = threading.RLock()

    def move(self, values: Values) -> None:
        """Count here from now on. Who held the lock when the process was forked is not here to give it back."""
        self._lock = threading.RLock()
        super().move(values)

    def observe(self, value: float) -> None:
        """Count one value, such as the seconds that something took. NaN is none."""
        with self._lock:
            super().observe(value)


LOCKED: dict[str, type[Counter]] = {"counter": LockedCounter, "gauge": LockedGauge, "histogram": LockedHistogram}
UNLOCKED: dict[str, type[Counter]] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
_HAS_GIL = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
KINDS = UNLOCKED if _HAS_GIL else LOCKED
"""The cell of each kind of metric."""
