"""One request and its response, whatever the protocol: when it began, what it answered, how it ended."""

from __future__ import annotations

import logging
import time
from typing import Any

from mestres_perf.http._routes import method_label
from mestres_perf.metrics._registry import Metrics

CLIENT_GONE = 499
FAILED = 500
_log = logging.getLogger(__name__)


class Exchange:
    """Counted once, at its end; an error in counting is logged and never reaches the response."""

    __slots__ = ("_began", "_ended", "_first", "_method", "_metrics", "status")

    def __init__(self, metrics: Metrics, method: str) -> None:
        self._metrics = metrics
        self._method = method_label(method)
        self._began = time.perf_counter()
        self._first: float | None = None
        self._ended = False
        self.status: int | None = None
        metrics.in_progress.inc()

    def respond(self, status: int) -> None:
        """The status line has gone out."""
        self.status = status
        if self._first is None:
            self._first = time.perf_counter()

    def end(self, endpoint: Any, *, error: bool = False, gone: bool = False) -> None:
        """The last byte has gone out, or none will. `endpoint()` gives the route's template."""
        if self._ended:
            return
        self._ended = True
        ended = time.perf_counter()
        try:
            self._count(endpoint(), ended, error=error, gone=gone)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            _log.exception("a request could not be counted")
        finally:
            self._metrics.in_progress.dec()

    def _count(self, endpoint: str, ended: float, *, error: bool, gone: bool) -> None:
        metrics, method = self._metrics, self._method
        metrics.tick(ended)
        status = self.status
        if status is None or (gone and not error):
            status = FAILED if error or not gone else CLIENT_GONE
        elif error:
            metrics.broken.child(method, endpoint).inc()
        seconds = ended - self._began
        metrics.requests.child(method, endpoint, str(int(status))).inc()
        metrics.duration.child(method, endpoint).observe(seconds)
        if self._first is not None:
            metrics.first_byte.child(method, endpoint).observe(self._first - self._began)
