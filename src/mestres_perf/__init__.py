"""Performance middleware for Python web projects, WSGI and ASGI.

Names are looked up when they are first used: importing the package loads no client, no framework, no metrics library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mestres_perf._caches import Caches, NamedCache
    from mestres_perf._stack import instrument
    from mestres_perf.backends.redis import Redis, RedisSessions
    from mestres_perf.cache import (
        MISS,
        Adaptive,
        Cache,
        CacheInvalidator,
        CacheWarmer,
        Event,
        Loading,
        Memory,
        Options,
        Stats,
        WarmReport,
        loading,
    )
    from mestres_perf.errors import (
        BackendUnavailable,
        BulkheadFull,
        CallTimeout,
        CircuitOpenError,
        DeadlineExceeded,
        MestresPerfError,
        Overloaded,
        RateLimited,
        Refused,
    )
    from mestres_perf.http import (
        AdmissionMiddleware,
        BodyLimitMiddleware,
        CacheMiddleware,
        CompressionMiddleware,
        DeadlineMiddleware,
        MemorySessions,
        PerformanceMiddleware,
        RequestIdMiddleware,
        Session,
        Sessions,
        WSGIAdmissionMiddleware,
        WSGIBodyLimitMiddleware,
        WSGICacheMiddleware,
        WSGICompressionMiddleware,
        WSGIDeadlineMiddleware,
        WSGIPerformanceMiddleware,
        WSGIRequestIdMiddleware,
        new_request_id,
        request_id,
    )
    from mestres_perf.metrics import MESTRES_CAFE_SLA, Health, Metrics, Slo, track_performance
    from mestres_perf.resilience import (
        AdaptiveLimit,
        Bulkhead,
        CircuitBreaker,
        Fallback,
        Policy,
        RateLimit,
        Retry,
        RetryBudget,
        Timeout,
        deadline,
    )
    from mestres_perf.settings import Settings

_HOMES = {
    "Adaptive": "mestres_perf.cache",
    "AdaptiveLimit": "mestres_perf.resilience",
    "AdmissionMiddleware": "mestres_perf.http",
    "BackendUnavailable": "mestres_perf.errors",
    "BodyLimitMiddleware": "mestres_perf.http",
    "Bulkhead": "mestres_perf.resilience",
    "BulkheadFull": "mestres_perf.errors",
    "Cache": "mestres_perf.cache",
    "CacheInvalidator": "mestres_perf.cache",
    "CacheMiddleware": "mestres_perf.http",
    "CacheWarmer": "mestres_perf.cache",
    "Caches": "mestres_perf._caches",
    "CallTimeout": "mestres_perf.errors",
    "CircuitBreaker": "mestres_perf.resilience",
    "CircuitOpenError": "mestres_perf.errors",
    "CompressionMiddleware": "mestres_perf.http",
    "DeadlineExceeded": "mestres_perf.errors",
    "DeadlineMiddleware": "mestres_perf.http",
    "Event": "mestres_perf.cache",
    "Fallback": "mestres_perf.resilience",
    "Health": "mestres_perf.metrics",
    "Loading": "mestres_perf.cache",
    "MESTRES_CAFE_SLA": "mestres_perf.metrics",
    "MISS": "mestres_perf.cache",
    "Memory": "mestres_perf.cache",
    "MemorySessions": "mestres_perf.http",
    "MestresPerfError": "mestres_perf.errors",
    "Metrics": "mestres_perf.metrics",
    "NamedCache": "mestres_perf._caches",
    "Options": "mestres_perf.cache",
    "Overloaded": "mestres_perf.errors",
    "PerformanceMiddleware": "mestres_perf.http",
    "Policy": "mestres_perf.resilience",
    "RateLimit": "mestres_perf.resilience",
    "RateLimited": "mestres_perf.errors",
    "Redis": "mestres_perf.backends.redis",
    "RedisSessions": "mestres_perf.backends.redis",
    "Refused": "mestres_perf.errors",
    "RequestIdMiddleware": "mestres_perf.http",
    "Retry": "mestres_perf.resilience",
    "RetryBudget": "mestres_perf.resilience",
    "Session": "mestres_perf.http",
    "Sessions": "mestres_perf.http",
    "Settings": "mestres_perf.settings",
    "Slo": "mestres_perf.metrics",
    "Stats": "mestres_perf.cache",
    "Timeout": "mestres_perf.resilience",
    "WSGIAdmissionMiddleware": "mestres_perf.http",
    "WSGIBodyLimitMiddleware": "mestres_perf.http",
    "WSGICacheMiddleware": "mestres_perf.http",
    "WSGICompressionMiddleware": "mestres_perf.http",
    "WSGIDeadlineMiddleware": "mestres_perf.http",
    "WSGIPerformanceMiddleware": "mestres_perf.http",
    "WSGIRequestIdMiddleware": "mestres_perf.http",
    "WarmReport": "mestres_perf.cache",
    "deadline": "mestres_perf.resilience",
    "instrument": "mestres_perf._stack",
    "loading": "mestres_perf.cache",
    "new_request_id": "mestres_perf.http",
    "request_id": "mestres_perf.http",
    "track_performance": "mestres_perf.metrics",
}

__all__ = [
    "MESTRES_CAFE_SLA",
    "MISS",
    "Adaptive",
    "AdaptiveLimit",
    "AdmissionMiddleware",
    "BackendUnavailable",
    "BodyLimitMiddleware",
    "Bulkhead",
    "BulkheadFull",
    "Cache",
    "CacheInvalidator",
    "CacheMiddleware",
    "CacheWarmer",
    "Caches",
    "CallTimeout",
    "CircuitBreaker",
    "CircuitOpenError",
    "CompressionMiddleware",
    "DeadlineExceeded",
    "DeadlineMiddleware",
    "Event",
    "Fallback",
    "Health",
    "Loading",
    "Memory",
    "MemorySessions",
    "MestresPerfError",
    "Metrics",
    "NamedCache",
    "Options",
    "Overloaded",
    "PerformanceMiddleware",
    "Policy",
    "RateLimit",
    "RateLimited",
    "Redis",
    "RedisSessions",
    "Refused",
    "RequestIdMiddleware",
    "Retry",
    "RetryBudget",
    "Session",
    "Sessions",
    "Settings",
    "Slo",
    "Stats",
    "Timeout",
    "WSGIAdmissionMiddleware",
    "WSGIBodyLimitMiddleware",
    "WSGICacheMiddleware",
    "WSGICompressionMiddleware",
    "WSGIDeadlineMiddleware",
    "WSGIPerformanceMiddleware",
    "WSGIRequestIdMiddleware",
    "WarmReport",
    "deadline",
    "instrument",
    "loading",
    "new_request_id",
    "request_id",
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
