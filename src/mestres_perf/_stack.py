"""The composition root: one call that puts metrics, health and what is to be watched around an application."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mestres_perf.http._beacon import Vitals
from mestres_perf.http._pages import Ready
from mestres_perf.http.asgi import PerformanceMiddleware
from mestres_perf.http.wsgi import WSGIPerformanceMiddleware
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics.health import Health

if TYPE_CHECKING:
    from mestres_perf.cache import Cache
    from mestres_perf.resilience import CircuitBreaker

A = TypeVar("A")


def instrument(
    app: A,
    *,
    metrics: Metrics | None = None,
    caches: Iterable[Cache] = (),
    breakers: Iterable[CircuitBreaker] = (),
    ready: Ready | None = None,
    vitals: str | Vitals | None = None,
    route: Callable[[Any], str] | None = None,
) -> A:
    """Count, time and watch an application, and have it answer /metrics and /health/*.

    A Flask, Starlette or FastAPI application is changed and returned; any other ASGI or WSGI callable comes back
    wrapped, such as what Django's `get_asgi_application()` or `get_wsgi_application()` gives. Their routes are known,
    behind other middlewares, too. For a callable whose routes are not, `route` says the template of a request, given
    its scope or environ, and nothing for what it does not know; otherwise all its requests are `__unmatched__`.

    `ready` says whether it may be sent requests; for ASGI it may be a coroutine function. `vitals` says to which path
    browsers post their web vitals, as "/api/v1/vitals" or as `Vitals`. For the database share a Metrics with
    `mestres_perf.contrib.sqlalchemy.instrument_engine(engine, metrics)`.

    Raises ConfigurationError for a coroutine function as `ready` of a WSGI application.
    """
    shared = metrics or Metrics()
    health = Health(shared)
    shared.watch_cache(*caches)
    shared.watch_breaker(*breakers)
    target: Any = app
    options: dict[str, Any] = {"metrics": shared, "health": health, "ready": ready, "vitals": vitals, "route": route}
    if hasattr(target, "wsgi_app"):
        target.wsgi_app = WSGIPerformanceMiddleware(target.wsgi_app, **options)
        return app
    if hasattr(target, "add_middleware") and hasattr(target, "router"):
        target.add_middleware(PerformanceMiddleware, **options)
        return app
    skin = PerformanceMiddleware if _is_asgi(target) else WSGIPerformanceMiddleware
    return cast("A", skin(target, **options))


def _is_asgi(app: Any) -> bool:
    call = app if inspect.isroutine(app) else getattr(app, "__call__", app)  # noqa: B004 - the method is wanted
    return inspect.iscoroutinefunction(call) or len(inspect.signature(call).parameters) == 3  # noqa: PLR2004
