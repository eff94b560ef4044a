"""A line in the log for each request: AccessLogMiddleware and its WSGI twin."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, Final

from mestres_perf.errors import ConfigurationError
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
    text,
)
from mestres_perf.http._encoding import length_of
from mestres_perf.http._ending import Ending, is_file
from mestres_perf.http._freshness import combined
from mestres_perf.http._paths import Paths, path_of
from mestres_perf.http._templates import Route, Templates, method_label
from mestres_perf.metrics._catalogue import UNMATCHED

LOGGER: Final = "mestres_perf.access"
EXCLUDED: Final = ("/health", "/metrics")
_CLIENT_GONE, _FAILED = 499, 500


class _Line:
    """One request, logged once, at its end."""

    __slots__ = ("_began", "_is_ended", "_log", "_method", "bytes", "route", "status")

    def __init__(self, log: logging.Logger, method: str) -> None:
        self._log = log
        self._method = method_label(method)
        self._began = time.perf_counter()
        self._is_ended = False
        self.bytes = 0
        self.route = UNMATCHED
        self.status = 0

    def end(self, *, failed: bool = False, gone: bool = False) -> None:
        """The last byte has gone out, or none will."""
        if self._is_ended:
            return
        self._is_ended = True
        status = self.status or (_CLIENT_GONE if gone and not failed else _FAILED)
        level = logging.WARNING if failed or status >= _FAILED else logging.INFO
        seen = {
            "method": self._method,
            "route": self.route,
            "status": int(status),
            "seconds": round(time.perf_counter() - self._began, 6),
            "bytes": self.bytes,
        }
        if self.status and (failed or gone):
            seen["broken_off"] = True
        self._log.log(level, "%s %s %s", self._method, self.route, int(status), extra=seen)


class AccessLogMiddleware:
    """Logs each request to an ASGI application when its last byte has gone out.

    The record has `method`, `route` (the template, never the path, of which there is no end, and which may be private),
    `status`, `seconds`, `bytes` of the body as it left here (of a file that the server sends by itself those of its
    Content-Length, or the `count` that it is told to send), and `broken_off` where a response did not come to its end.
    Without a response the status is 500, or 499 when the client has gone. Levels are INFO, and WARNING from 500. Paths
    below those in `exclude` are not logged. `route` says the template of a scope where the framework is not known.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        logger: str = LOGGER,
        exclude: Iterable[str] = EXCLUDED,
        route: Route | None = None,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._log = _logger(logger)
        self._excluded = Paths("exclude", exclude)
        self._templates = Templates.asgi(app, route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._excluded:
            await self.app(scope, receive, send)
            return
        self._templates.begin(scope)
        line, gone = _Line(self._log, scope["method"]), False
        started: Message = {}

        async def heard() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        async def told(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message
                line.status = message["status"]
                line.route = self._templates.of(scope, scope["method"])
            try:
                await send(message)
            except OSError:  # the server's way to say that the client has gone
                line.end(gone=True)
                raise
            line.bytes += len(message.get("body", b"")) + (message.get("count") or 0)
            is_body = message["type"] in {"http.response.body", "http.response.zerocopysend"}
            if message["type"] == "http.response.pathsend":
                line.bytes = length_of(combined(text(started.get("headers", ())))) or 0
                line.end()
            elif is_body and not message.get("more_body", False):
                line.end()

        try:
            await self.app(scope, heard, told)
        except asyncio.CancelledError:
            line.end(gone=True)
            raise
        except BaseException:
            line.end(failed=True)
            raise
        line.end(gone=gone, failed=not gone)


class WSGIAccessLogMiddleware:
    """The twin of AccessLogMiddleware for a WSGI application.

    Of a file that the server sends by itself the bytes are those of its Content-Length.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        logger: str = LOGGER,
        exclude: Iterable[str] = EXCLUDED,
        route: Route | None = None,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._log = _logger(logger)
        self._excluded = Paths("exclude", exclude)
        self._templates = Templates.wsgi(app, route)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if path_of(environ) in self._excluded:
            return self.app(environ, start_response)
        line, announced = _Line(self._log, environ["REQUEST_METHOD"]), 0

        def told(status: str, headers: Headers, *exc_info: Any) -> Any:
            nonlocal announced
            line.status = int(status[:3])
            announced = length_of(combined(headers)) or 0
            # Frameworks forget the route when they are done, before the body is sent.
            line.route = self._templates.of(environ, environ["REQUEST_METHOD"])
            return start_response(status, headers, *exc_info)

        def seen(chunk: bytes | Exception | None) -> None:
            if isinstance(chunk, bytes):
                line.bytes += len(chunk)
            else:
                line.end(failed=chunk is not None)

        def call() -> Iterable[bytes]:
            try:
                body = self.app(environ, told)
            except BaseException:
                line.end(failed=True)
                raise
            if is_file(environ, body):
                line.bytes = announced
            return body

        return Ending(environ, lambda: line.end(gone=True), seen).of(call)


def _logger(name: str) -> logging.Logger:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"logger={name!r}: must be the name of a logger")
    return logging.getLogger(name)
