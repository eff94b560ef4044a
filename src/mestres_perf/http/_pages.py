"""What the middleware answers itself: /metrics, /health/*, and web vitals where they are wanted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from mestres_perf.http._beacon import Beacon, Vitals
from mestres_perf.http._page import Page
from mestres_perf.metrics._registry import CONTENT_TYPE, Metrics
from mestres_perf.metrics.health import Health

METRICS, LIVE, READY, PERFORMANCE = "/metrics", "/health/live", "/health/ready", "/health/performance"
_JSON = "application/json"
_log = logging.getLogger(__name__)


class Pages:
    """The pages by path. `ready` says whether the application may be sent requests, `vitals` where beacons go.

    `prepare` is called before /metrics is rendered.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        ready: Callable[[], bool] | None,
        vitals: str | Vitals | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        options = Vitals(vitals) if isinstance(vitals, str) else vitals
        self._metrics = metrics
        self._health = health
        self._ready = ready or (lambda: True)
        self._prepare = prepare
        self._pages: dict[str, Callable[[], Page]] = {
            METRICS: self._metrics_page,
            LIVE: lambda: _json(200, {"status": "alive"}),
            READY: self._ready_page,
            PERFORMANCE: self._performance_page,
        }
        self._beacons = {} if options is None else {options.path: Beacon(options, metrics)}
        self.by_path = frozenset({*self._pages, *self._beacons})
        """Where all of them are: one look tells that a request is the application's."""

    def find(self, method: str, path: str) -> Callable[[], Page] | None:
        """The page for this request, or None when it is the application's."""
        return self._pages.get(path) if method in ("GET", "HEAD") else None

    def beacon(self, path: str) -> Beacon | None:
        """Who takes the web vitals that are sent to this path, or None when it is the application's."""
        return self._beacons.get(path)

    def _metrics_page(self) -> Page:
        self._prepare()
        return Page(200, CONTENT_TYPE, self._metrics.render())

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
    return Page(status, _JSON, json.dumps(content).encode())
