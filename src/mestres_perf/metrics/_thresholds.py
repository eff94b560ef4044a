"""From where on something is wrong, for health, alerts, dashboard and web vitals: what MESTRES_CAFE_SLA promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mestres_perf.metrics._sla import Watched
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA

_APPLICATION, _PAGES = MESTRES_CAFE_SLA.application, MESTRES_CAFE_SLA.pages
RESPONSE_TIME_P95 = _APPLICATION.response_time.p95.threshold
"""Seconds: above it an application is degraded, and HighResponseTime fires."""
ERROR_RATE_WARNING = _APPLICATION.error_rate.warning.threshold
"""Share of the requests that end in a 5xx: above it HighErrorRate fires."""
ERROR_RATE_CRITICAL = _APPLICATION.error_rate.critical.threshold
"""Share of the requests that end in a 5xx: above it an application is unhealthy."""
CONNECTION_POOL_USAGE = _APPLICATION.database.connection_pool_usage.threshold
"""Share of the connections that a pool may open: above it DatabaseConnectionsHigh fires."""
CACHE_HIT_RATE = _APPLICATION.cache_hit_rate.threshold
"""Share of the cache requests that are hits: below it CacheHitRateLow fires."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Where warning and critical begin, as a share of what there is (0 to 1); the bound itself belongs to the level."""

    warning: float
    critical: float

    def level(self, share: float) -> str:
        """`ok`, `warning` or `critical`."""
        if share >= self.critical:
            return "critical"
        return "warning" if share >= self.warning else "ok"


def _levels(watched: Watched) -> Levels:
    return Levels(watched.warning.threshold, watched.critical.threshold)


SYSTEM: Mapping[str, Levels] = {
    "cpu": _levels(MESTRES_CAFE_SLA.system.cpu),
    "memory": _levels(MESTRES_CAFE_SLA.system.memory),
    "disk": _levels(MESTRES_CAFE_SLA.system.disk),
    "network": _levels(MESTRES_CAFE_SLA.system.network),
}
"""How much of the machine, or of its container, is in use."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Up to `good` a web vital is good, above `poor` it is poor; seconds, for CLS without a unit."""

    good: float
    poor: float

    def rating(self, value: float) -> str:
        """`good`, `needs_improvement` or `poor`."""
        if value <= self.good:
            return "good"
        return "needs_improvement" if value <= self.poor else "poor"


WEB_VITALS: Mapping[str, Bounds] = {
    "FCP": Bounds(_PAGES.first_contentful_paint.threshold, 3.0),
    "LCP": Bounds(_PAGES.largest_contentful_paint.threshold, 4.0),
    "INP": Bounds(0.2, 0.5),
    "FID": Bounds(_PAGES.first_input_delay.threshold, 0.3),
    "CLS": Bounds(_PAGES.cumulative_layout_shift.threshold, 0.25),
    "TTFB": Bounds(_PAGES.time_to_first_byte.threshold, 1.8),
}
"""Good is the specification's target (FCP 1.5 s and TTFB 0.6 s are stricter than the 1.8 s and 0.8 s of the web-vitals
library); poor, and INP, which the specification does not name, are the library's."""
