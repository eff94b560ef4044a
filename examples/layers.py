"""What stands around both example apps, from the application outwards; docs/web.md says why in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from mestres_core.contrib.http import MAX_BODY
from mestres_perf import (
    AccessLogMiddleware,
    BodyLimitMiddleware,
    CacheControlMiddleware,
    CacheRule,
    CompressionMiddleware,
    DeadlineMiddleware,
    RequestIdMiddleware,
    SecurityHeadersMiddleware,
    WSGIAccessLogMiddleware,
    WSGIBodyLimitMiddleware,
    WSGICacheControlMiddleware,
    WSGICompressionMiddleware,
    WSGIDeadlineMiddleware,
    WSGIRequestIdMiddleware,
    WSGISecurityHeadersMiddleware,
)

A = TypeVar("A")
Layer = tuple[Any, Any, Mapping[str, Any]]
"""A middleware for ASGI, its twin for WSGI, and the options of both."""

# The application says of all its pages and files how long they may be kept. What it says nothing of is kept by nobody.
_RULES = (CacheRule("no-store"),)
# The application refuses a body of more than one MAX_BODY in its own words. Beyond this nothing is read at all.
_MOST_BODY = 16 * MAX_BODY
# A form with the visitor's own words in it beside what only he may know: its length is nobody's business (BREACH).
_WITH_SECRETS = ("/admin", "/checkout", "/pedido")

INNER: tuple[Layer, ...] = (
    (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": _RULES}),
    (CompressionMiddleware, WSGICompressionMiddleware, {"exclude": _WITH_SECRETS}),
    (DeadlineMiddleware, WSGIDeadlineMiddleware, {"seconds": 30.0}),
    (BodyLimitMiddleware, WSGIBodyLimitMiddleware, {"most": _MOST_BODY}),
    (SecurityHeadersMiddleware, WSGISecurityHeadersMiddleware, {}),
)
"""What is within the metrics, the innermost first."""

OUTER: tuple[Layer, ...] = (
    (AccessLogMiddleware, WSGIAccessLogMiddleware, {}),
    (RequestIdMiddleware, WSGIRequestIdMiddleware, {}),
)
"""What is around them: so that the log knows each request, and each line its id."""


def surrounded(app: A, layers: tuple[Layer, ...]) -> A:
    """A FastAPI or Flask application, with these around it."""
    target: Any = app
    for asgi, wsgi, options in layers:
        if hasattr(target, "wsgi_app"):
            target.wsgi_app = wsgi(target.wsgi_app, **options)
        else:
            target.add_middleware(asgi, **options)
    return app
