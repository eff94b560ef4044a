"""The template of a request's route, for what tells of requests one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mestres_perf.http._asgi_routes import ASGIRoutes
from mestres_perf.http._routes import Given, Routes
from mestres_perf.http._wsgi_routes import WSGIRoutes
from mestres_perf.metrics._catalogue import METHODS, OTHER_METHOD, UNMATCHED

Route = Callable[[Any], str]


class Templates:
    """The routes of one application: those that are known of its framework, or what `route` says."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._begin: Callable[[Mapping[str, Any]], None] | None = getattr(routes, "begin", None)

    @classmethod
    def asgi(cls, app: Any, route: Route | None) -> Templates:
        """Of an ASGI application."""
        return cls(ASGIRoutes(app) if route is None else Given(route))

    @classmethod
    def wsgi(cls, app: Any, route: Route | None) -> Templates:
        """Of a WSGI application."""
        return cls(WSGIRoutes(app) if route is None else Given(route))

    def begin(self, scope: Mapping[str, Any]) -> None:
        """With the first request: the application around a middleware is in its scope."""
        if self._begin is not None:
            self._begin(scope)
            self._begin = None

    def of(self, carrier: Mapping[str, Any], method: str) -> str:
        """The template of the route that a request has taken, or `__unmatched__`. It never raises."""
        try:
            template, _ = self._routes.template(self._routes.place(carrier), carrier, method)
        except Exception:  # noqa: BLE001 - routes are the application's own objects
            return UNMATCHED
        return template


def method_label(method: str) -> str:
    """One of HTTP's methods, or `_OTHER`."""
    return method if method in METHODS else OTHER_METHOD
