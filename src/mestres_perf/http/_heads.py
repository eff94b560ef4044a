"""Middlewares that look at the start of a response only: both skins, around a function from headers to headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

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

Head = Callable[[int, Headers], Headers]
"""From status and headers of the application to those that are sent: the same list where nothing changes."""


class Heads(Protocol):
    """What a middleware does with the starts of responses."""

    def of(self, method: str, path: str, scheme: str, *, is_known: bool) -> Head | None:
        """What is to be done for this request; None for nothing. `is_known`: it has Authorization."""
        ...


async def serve(app: AsgiApp, heads: Heads, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve an ASGI connection."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    is_known = bool(header(scope, b"authorization"))
    head = heads.of(scope["method"], scope["path"], scope.get("scheme", "http"), is_known=is_known)
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
    scheme, is_known = environ.get("wsgi.url_scheme", "http"), "HTTP_AUTHORIZATION" in environ
    head = heads.of(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), scheme, is_known=is_known)
    if head is None:
        return app(environ, start_response)

    def told(status: str, headers: Headers, *exc_info: Any) -> Any:
        return start_response(status, head(int(status[:3]), headers), *exc_info)

    return app(environ, told)
