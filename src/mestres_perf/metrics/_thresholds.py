"""From where on something is wrong: the specification's numbers, for health, alerts, dashboard and web vitals alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RESPONSE_TIME_P95 = 0.5
"""Seconds: above it an application is degraded, and HighResponseTime fires."""
ERROR_RATE_WARNING = 0.01
"""Share of the requests that end in a 5xx: above it HighErrorRate fires."""
ERROR_RATE_CRITICAL = 0.05
"""Share of the requests that end in a 5xx: above it an application is unhealthy."""
CONNECTION_POOL_USAGE = 0.8
"""Share of the connections that a pool may open: above it DatabaseConnectionsHigh fires."""
CACHE_HIT_RATE = 0.8
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


SYSTEM: Mapping[str, Levels] = {
    "cpu": Levels(0.70, 0.85),
    "memory": Levels(0.80, 0.90),
    "disk": Levels(0.80, 0.90),
    "network": Levels(0.80, 0.90),
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
    "FCP": Bounds(1.5, 3.0),
    "LCP": Bounds(2.5, 4.0),
    "INP": Bounds(0.2, 0.5),
    "FID": Bounds(0.1, 0.3),
    "CLS": Bounds(0.1, 0.25),
    "TTFB": Bounds(0.6, 1.8),
}
"""Good is the specification's target (FCP 1.5 s and TTFB 0.6 s are stricter than the 1.8 s and 0.8 s of the web-vitals
library); poor, and INP, which the specification does not name, are the library's."""
