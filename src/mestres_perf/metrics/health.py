"""How the application is doing now: the last minute, judged by the specification's thresholds."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mestres_perf.metrics._catalogue import BUCKETS
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics._system import System

WINDOW = 60.0
_SLICE = 1.0
_FEWEST = 20
_BOUNDS = (*BUCKETS, float("inf"))

THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "response_time_p95": {"degraded": 500.0},
    "error_rate": {"degraded": 5.0, "unhealthy": 10.0},
    "memory_usage": {"warning": 80.0, "degraded": 90.0},
    "cpu_usage": {"warning": 70.0, "degraded": 85.0},
}
"""Milliseconds and percent. Only errors make an application unhealthy: a busy one is still of use."""


@dataclass(slots=True)
class _Slice:
    """The requests of one second: how many fell into each bucket, and how many failed."""

    began: float
    counts: list[int]
    errors: int


class Health:
    """Watches requests over a sliding minute. `clock` is monotonic seconds."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        system: System | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._metrics = metrics
        self._system = system or System()
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._slices: deque[_Slice] = deque()
        self._born = clock()
        self._system.processor()  # the first reading only says from where to count

    def observe(self, seconds: float, *, failed: bool) -> None:
        """One request of so many seconds; `failed` when its status was 5xx."""
        bucket = next(index for index, bound in enumerate(_BOUNDS) if seconds <= bound)
        now = self._clock()
        with self._lock:
            if not self._slices or now - self._slices[-1].began >= _SLICE:
                self._slices.append(_Slice(now, [0] * len(_BOUNDS), 0))
                self._drop_old(now)
            self._slices[-1].counts[bucket] += 1
            self._slices[-1].errors += failed

    def report(self) -> dict[str, Any]:
        """`/health/performance`: status, metrics (milliseconds, percent, 0 to 1), thresholds, timestamp."""
        now = self._clock()
        with self._lock:
            self._drop_old(now)
            counts = [sum(column) for column in zip(*(one.counts for one in self._slices), strict=True)]
            errors = sum(one.errors for one in self._slices)
        total = sum(counts)
        rate = 100 * errors / total if total else None
        metrics = {
            "response_time_p50": _quantile(counts, 0.50),
            "response_time_p95": _quantile(counts, 0.95),
            "response_time_p99": _quantile(counts, 0.99),
            "error_rate": _rounded(rate),
            "requests_per_second": _rounded(total / max(_SLICE, min(WINDOW, now - self._born))) if total else None,
            "database_connections": self._metrics.connections_in_use(),
            "cache_hit_rate": _rounded(self._metrics.hit_rate(), 4),
            "memory_usage": _rounded(self._system.memory()),
            "cpu_usage": _rounded(self._system.processor()),
        }
        return {
            "status": _judge(metrics, total),
            "metrics": metrics,
            "thresholds": {name: dict(limits) for name, limits in THRESHOLDS.items()},
            "timestamp": self._now().isoformat(),
        }

    def _drop_old(self, now: float) -> None:
        while self._slices and now - self._slices[0].began > WINDOW:
            self._slices.popleft()


def _judge(metrics: Mapping[str, float | None], total: int) -> str:
    status = "healthy"
    for name, limits in THRESHOLDS.items():
        value = metrics[name]
        from_requests = name in ("response_time_p95", "error_rate")
        if value is None or (from_requests and total < _FEWEST):
            continue
        if value >= limits.get("unhealthy", float("inf")):
            return "unhealthy"
        if name == "response_time_p95" and value <= limits["degraded"]:
            continue
        if value >= limits.get("degraded", float("inf")):
            status = "degraded"
    return status


def _quantile(counts: list[int], share: float) -> float | None:
    """Milliseconds within which `share` of the requests were answered, by proportion within their bucket."""
    total = sum(counts)
    if not total:
        return None
    wanted, seen = share * total, 0
    for index, count in enumerate(counts):
        if seen + count >= wanted and count:
            low = BUCKETS[index - 1] if index else 0.0
            high = BUCKETS[index] if index < len(BUCKETS) else BUCKETS[-1]
            return _rounded(1000 * (low + (high - low) * (wanted - seen) / count))
        seen += count
    return None


def _rounded(value: float | None, places: int = 2) -> float | None:
    return None if value is None else round(value, places)
