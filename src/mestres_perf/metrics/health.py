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
from mestres_perf.metrics._thresholds import ERROR_RATE_CRITICAL, RESPONSE_TIME_P95, SYSTEM

WINDOW = 60.0
_SLICE = 1.0
_FEWEST = 20
_BOUNDS = (*BUCKETS, float("inf"))

THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "response_time_p95": {"degraded": 1000 * RESPONSE_TIME_P95},
    "error_rate": {"unhealthy": 100 * ERROR_RATE_CRITICAL},
    **{
        f"{name}_usage": {"warning": 100 * levels.warning, "critical": 100 * levels.critical}
        for name, levels in SYSTEM.items()
    },
}
"""Milliseconds and percent. Beyond the first two the status changes; the others only show under `system`."""


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
        self._system = system or metrics.system
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._slices: deque[_Slice] = deque()
        self._born = clock()
        self._system.readings()  # the first ones only say from where to count

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
        """`/health/performance`: status, metrics (milliseconds, percent, 0 to 1), system, thresholds, timestamp.

        `system` says for cpu, memory, disk and network `ok`, `warning` or `critical`, or None where nobody knows. It
        does not change the status, which is about what users get: a busy machine that answers in time is well used.
        """
        now = self._clock()
        with self._lock:
            self._drop_old(now)
            counts = [sum(column) for column in zip(*(one.counts for one in self._slices), strict=True)]
            errors = sum(one.errors for one in self._slices)
        total = sum(counts)
        rate = 100 * errors / total if total else None
        system = self._system.readings()
        metrics = {
            "response_time_p50": _quantile(counts, 0.50),
            "response_time_p95": _quantile(counts, 0.95),
            "response_time_p99": _quantile(counts, 0.99),
            "error_rate": _rounded(rate),
            "requests_per_second": _rounded(total / max(_SLICE, min(WINDOW, now - self._born))) if total else None,
            "database_connections": self._metrics.connections_in_use(),
            "cache_hit_rate": _rounded(self._metrics.hit_rate(), 4),
            **{f"{name}_usage": _rounded(percent) for name, percent in system.items()},
        }
        return {
            "status": _judge(metrics, total),
            "metrics": metrics,
            "system": {
                name: None if percent is None else SYSTEM[name].level(percent / 100) for name, percent in system.items()
            },
            "thresholds": {name: dict(limits) for name, limits in THRESHOLDS.items()},
            "timestamp": self._now().isoformat(),
        }

    def _drop_old(self, now: float) -> None:
        while self._slices and now - self._slices[0].began > WINDOW:
            self._slices.popleft()


def _judge(metrics: Mapping[str, float | None], total: int) -> str:
    if total < _FEWEST:
        return "healthy"
    if (metrics["error_rate"] or 0.0) > THRESHOLDS["error_rate"]["unhealthy"]:
        return "unhealthy"
    if (metrics["response_time_p95"] or 0.0) > THRESHOLDS["response_time_p95"]["degraded"]:
        return "degraded"
    return "healthy"


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
