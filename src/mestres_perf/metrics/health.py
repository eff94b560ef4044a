"""How the application is doing now: the last minute, judged by the specification's thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mestres_perf.metrics import _window as window
from mestres_perf.metrics._caches import hit_rate
from mestres_perf.metrics._catalogue import BUCKETS
from mestres_perf.metrics._readings import connections_in_use
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics._system import System
from mestres_perf.metrics._thresholds import ERROR_RATE_CRITICAL, RESPONSE_TIME_P95, SYSTEM

_FEWEST = 20

THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "response_time_p95": {"degraded": 1000 * RESPONSE_TIME_P95},
    "error_rate": {"unhealthy": 100 * ERROR_RATE_CRITICAL},
    **{
        f"{name}_usage": {"warning": 100 * levels.warning, "critical": 100 * levels.critical}
        for name, levels in SYSTEM.items()
    },
}
"""Milliseconds and percent. Beyond the first two the status changes; the others only show under `system`."""


class Health:
    """Judges the last minute of requests, of all processes that share the metrics. It costs no request anything."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        system: System | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._metrics = metrics
        self._system = system or metrics.system
        self._now = now
        self._system.readings()  # the first ones only say from where to count

    def report(self) -> dict[str, Any]:
        """`/health/performance`: status, metrics (milliseconds, percent, 0 to 1), system, thresholds, timestamp.

        `system` says for cpu, memory, disk and network `ok`, `warning` or `critical`, or None where nobody knows. It
        does not change the status, which is about what users get: a busy machine that answers in time is well used.
        Nothing is asked but counters: neither the database nor Redis.
        """
        counted, now = self._metrics.counted(), self._metrics.clock()
        minute = window.recent(counted.slices, now)
        figures: window.Figures = [sum(column) for column in zip(*minute.values(), strict=True)] or [0.0]
        counts, errors = figures[:-1], figures[-1]
        total = sum(counts)
        system = self._system.readings()
        metrics = {
            "response_time_p50": _quantile(counts, 0.50),
            "response_time_p95": _quantile(counts, 0.95),
            "response_time_p99": _quantile(counts, 0.99),
            "error_rate": _rounded(100 * min(1.0, errors / total)) if total else None,
            "requests_per_second": _rounded(total / window.elapsed(minute, counted.began, now)) if total else None,
            "database_connections": connections_in_use(counted.table),
            "cache_hit_rate": _rounded(hit_rate(counted.table), 4),
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


def _judge(metrics: Mapping[str, float | None], total: float) -> str:
    if total < _FEWEST:
        return "healthy"
    if (metrics["error_rate"] or 0.0) > THRESHOLDS["error_rate"]["unhealthy"]:
        return "unhealthy"
    if (metrics["response_time_p95"] or 0.0) > THRESHOLDS["response_time_p95"]["degraded"]:
        return "degraded"
    return "healthy"


def _quantile(counts: list[float], share: float) -> float | None:
    """Milliseconds within which `share` of the requests were answered, by proportion within their bucket."""
    total = sum(counts)
    if not total:
        return None
    wanted, seen = share * total, 0.0
    for index, count in enumerate(counts):
        if seen + count >= wanted and count:
            low = BUCKETS[index - 1] if index else 0.0
            high = BUCKETS[index] if index < len(BUCKETS) else BUCKETS[-1]
            return _rounded(1000 * (low + (high - low) * (wanted - seen) / count))
        seen += count
    return None


def _rounded(value: float | None, places: int = 2) -> float | None:
    return None if value is None else round(value, places)
