"""What the middleware answers itself: /metrics and /health/*."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from mestres_perf.metrics._registry import CONTENT_TYPE, Metrics
from mestres_perf.metrics.health import Health

METRICS, LIVE, READY, PERFORMANCE = "/metrics", "/health/live", "/health/ready", "/health/performance"
_JSON = "application/json"
_log = logging.getLogger(__name__)

Page = tuple[int, str, bytes]
"""Status, content type, body."""


class Pages:
    """The pages by path. `ready` says whether the application may be sent requests."""

    def __init__(self, metrics: Metrics, health: Health, ready: Callable[[], bool] | None) -> None:
        self._metrics = metrics
        self._health = health
        self._ready = ready or (lambda: True)
        self._pages: dict[str, Callable[[], Page]] = {
            METRICS: self._metrics_page,
            LIVE: lambda: _json(200, {"status": "alive"}),
            READY: self._ready_page,
            PERFORMANCE: self._performance_page,
        }

    def find(self, method: str, path: str) -> Callable[[], Page] | None:
        """The page for this request, or None when it is the application's."""
        return self._pages.get(path) if method in ("GET", "HEAD") else None

    def _metrics_page(self) -> Page:
        return 200, CONTENT_TYPE, self._metrics.render()

    def _ready_page(self) -> Page:
        try:
            ready = self._ready()
        except Exception:  # noqa: BLE001 - a check that fails says no
            _log.exception("the readiness check failed")
            ready = False
        return _json(200 if ready else 503, {"status": "ready" if ready else "starting"})

    def _performance_page(self) -> Page:
        report = self._health.report()
        return _json(503 if report["status"] == "unhealthy" else 200, report)


def _json(status: int, content: object) -> Page:
    return status, _JSON, json.dumps(content).encode()
