"""Middlewares that look at the start of a response only: both skins, around a function from headers to headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from mestres_perf.http._answers import (
    AsgiApp,
    Environ,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    StartResponse,
    WsgiApp,
    raw,
    text,
)
from mestres_perf.http._bodies import header
from mestres_perf.http._paths import path_of

Head = Callable[[int, Headers], Headers]
"""From status and headers of the application to those that are sent: the same list where nothing changes."""


class Visitor(NamedTuple):
    """What a request says of who makes it."""

    has_authorization: bool
    has_cookies: bool


class Heads(Protocol):
    """What a middleware does with the starts of responses."""

    def of(self, method: str, path: str, scheme: str, visitor: Visitor) -> Head | None:
        """What is to be done for this request; None for nothing."""
        ...


async def serve(app: AsgiApp, heads: Heads, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve an ASGI connection."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    visitor = Visitor(bool(header(scope, b"authorization")), bool(header(scope, b"cookie")))
    head = heads.of(scope["method"], scope["path"], scope.get("scheme", "http"), visitor)
    if head is None:
        await app(scope, receive, send)
        return

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = text(message.get("headers", ()))
            sent = head(message["status"], given)
            if sent is not given:
                message = {**message, "headers": raw(sent)}
        await send(message)

    await app(scope, receive, told)


def respond(app: WsgiApp, heads: Heads, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Serve a WSGI request."""
    visitor = Visitor("HTTP_AUTHORIZATION" in environ, bool(environ.get("HTTP_COOKIE")))
    scheme = environ.get("wsgi.url_scheme", "http")
    head = heads.of(environ["REQUEST_METHOD"], path_of(environ), scheme, visitor)
    if head is None:
        return app(environ, start_response)

    def told(status: str, headers: Headers, *exc_info: Any) -> Any:
        return start_response(status, head(int(status[:3]), headers), *exc_info)

    return app(environ, told)
