"""Performance middleware for Python web projects, WSGI and ASGI.

Names are looked up when they are first used: importing the package loads no client, no framework, no metrics library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mestres_perf._stack import instrument
    from mestres_perf.backends.redis import Redis
    from mestres_perf.cache import MISS, Cache, Memory, Stats
    from mestres_perf.errors import CircuitOpenError, MestresPerfError
    from mestres_perf.http import PerformanceMiddleware, WSGIPerformanceMiddleware
    from mestres_perf.metrics import MESTRES_CAFE_SLA, Health, Metrics, Slo, track_performance
    from mestres_perf.resilience import CircuitBreaker, RateLimit

_HOMES = {
    "Cache": "mestres_perf.cache",
    "CircuitBreaker": "mestres_perf.resilience",
    "CircuitOpenError": "mestres_perf.errors",
    "Health": "mestres_perf.metrics",
    "MESTRES_CAFE_SLA": "mestres_perf.metrics",
    "MISS": "mestres_perf.cache",
    "Memory": "mestres_perf.cache",
    "MestresPerfError": "mestres_perf.errors",
    "Metrics": "mestres_perf.metrics",
    "PerformanceMiddleware": "mestres_perf.http",
    "RateLimit": "mestres_perf.resilience",
    "Redis": "mestres_perf.backends.redis",
    "Slo": "mestres_perf.metrics",
    "Stats": "mestres_perf.cache",
    "WSGIPerformanceMiddleware": "mestres_perf.http",
    "instrument": "mestres_perf._stack",
    "track_performance": "mestres_perf.metrics",
}

__all__ = [
    "MESTRES_CAFE_SLA",
    "MISS",
    "Cache",
    "CircuitBreaker",
    "CircuitOpenError",
    "Health",
    "Memory",
    "MestresPerfError",
    "Metrics",
    "PerformanceMiddleware",
    "RateLimit",
    "Redis",
    "Slo",
    "Stats",
    "WSGIPerformanceMiddleware",
    "instrument",
    "track_performance",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
