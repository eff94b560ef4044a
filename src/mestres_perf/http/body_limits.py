"""Bodies of requests that are too large end early: BodyLimitMiddleware and its WSGI twin.

Invariants: an application is never given more than the limit; whatever it makes of a body that was cut off, its client
is told 413, unless a response had begun before.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
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
    answer,
    line_of,
    problem,
    raw,
)
from mestres_perf.http._encoding import length_of
from mestres_perf.http._ending import Watched, is_file
from mestres_perf.http._page import Page
from mestres_perf.http._paths import path_of

MOST: Final = 1024 * 1024
_MOST_LEFT, _PATIENCE = 1024 * 1024, 1.0
_CONNECTED = frozenset({"1.0", "1.1"})
_MALFORMED: Final = problem(HTTPStatus.BAD_REQUEST, detail="Content-Length must be one number of bytes, in digits.")


class _Limits:
    """What both skins share."""

    def __init__(self, most: int, paths: Mapping[str, int]) -> None:
        self._most = _size("most", most)
        if not isinstance(paths, Mapping) or not all(isinstance(path, str) and path.startswith("/") for path in paths):
            raise ConfigurationError(f"paths={paths!r}: must be limits by path, such as {{'/upload': 10_000_000}}")
        sizes = {path.rstrip("/"): _size(f"paths[{path!r}]", size) for path, size in paths.items()}
        self._paths = sorted(sizes.items(), key=lambda each: -len(each[0]))

    def of(self, path: str) -> int:
        """The limit of a path: that of the longest one in `paths` that it is, or is below of."""
        for own, size in self._paths:
            if path == own or path.startswith(f"{own}/"):
                return size
        return self._most


class BodyLimitMiddleware:
    """Answers 413 (a problem document) to requests whose body is larger than `most` bytes.

    By its Content-Length at once, before the application is called; and as soon as more has been read, whatever was
    announced. A Content-Length that is no number of bytes is 400. `paths` are other limits, for a path and all below
    it; the longest counts. Where the rest of a body was not read an HTTP/1 connection ends with the response.
    """

    def __init__(self, app: AsgiApp, *, most: int = MOST, paths: Mapping[str, int] | None = None) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._limits = _Limits(most, {} if paths is None else paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limits.of(scope["path"])
        if b"content-length" in dict(scope["headers"]):
            refusal = _refusal_of(_announced(scope), limit)
            if refusal is not None:
                await _refuse(scope, receive, send, refusal)
                return
        meter = _Meter(scope, receive, send, limit)
        try:
            await self.app(scope, meter.receive, meter.send)
        except Exception:
            if not meter.has_refused:  # else it comes of what was cut off
                raise


class _Meter:
    """What an ASGI application is given in place of the server's `receive` and `send`."""

    __slots__ = ("_has_begun", "_limit", "_read", "_receive", "_scope", "_send", "has_refused")

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.has_refused = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._read = 0
        self._has_begun = False

    async def receive(self) -> Message:
        if self.has_refused:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read <= self._limit:
            return message
        self.has_refused = not self._has_begun
        if self.has_refused:
            more = bool(message.get("more_body", False))
            await _refuse(self._scope, self._receive, self._send, _too_large(self._limit), has_more=more)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.has_refused:
            return
        if message["type"] == "http.response.start":
            self._has_begun = True
        await self._send(message)


def _announced(scope: Scope) -> str:
    """Content-Length; of one that comes twice both, which is none."""
    return ",".join([str(value, "latin-1") for name, value in scope["headers"] if name == b"content-length"])


async def _refuse(scope: Scope, receive: Receive, send: Send, page: Page, *, has_more: bool = True) -> None:
    """Say no at once; then take a little more, for a client that reads only when it has sent what it has.

    A connection that is closed while something unread lies in it is reset, and the answer may be lost with it.
    """
    headers = page.all_headers()
    if has_more and scope.get("http_version", "1.1") in _CONNECTED:
        headers.append(("Connection", "close"))
    await send({"type": "http.response.start", "status": page.status, "headers": raw(headers)})
    body = b"" if scope["method"] == "HEAD" else page.body
    await send({"type": "http.response.body", "body": body, "more_body": has_more})
    if has_more:
        await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    left = _MOST_LEFT
    try:
        async with asyncio.timeout(_PATIENCE):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        pass


class WSGIBodyLimitMiddleware:
    """The twin of BodyLimitMiddleware for a WSGI application, with the same options.

    What is read is counted on every server, whether it marks the end of a body (`wsgi.input_terminated`) or not. What
    becomes of the rest, and of the connection, is the server's to decide: no WSGI application may say. Most servers
    read a body that has no length to its end before the application is called.
    """

    def __init__(self, app: WsgiApp, *, most: int = MOST, paths: Mapping[str, int] | None = None) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._limits = _Limits(most, {} if paths is None else paths)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        limit = self._limits.of(path_of(environ))
        refusal = _refusal_of(environ.get("CONTENT_LENGTH") or "", limit)
        if refusal is not None:
            return answer(refusal, environ["REQUEST_METHOD"], start_response)
        measured = environ["wsgi.input"] = _Input(environ["wsgi.input"], limit)
        return _Cut(measured, environ, start_response).of(self.app)


class _Cut:
    """A response to a request whose body may turn out to be too large while it is read."""

    def __init__(self, measured: _Input, environ: Environ, start_response: StartResponse) -> None:
        self._environ = environ
        self._measured = measured
        self._start_response = start_response
        self._has_begun = False
        self._has_refused = False

    def of(self, app: WsgiApp) -> Iterable[bytes]:
        """Call the application, and give the server its response, or 413.

        Nothing is left to be refused of a response that has begun; one that has not is watched until it does.
        """
        try:
            body = app(self._environ, self._start)
        except Exception:
            if not self._may_refuse():
                raise
            return self._refuse(sys.exc_info())
        if self._has_begun or (not self._has_refused and is_file(self._environ, body)):
            return body
        return Watched(self._chunks(body), getattr(body, "close", list))

    def _start(self, status: str, headers: Headers, *exc_info: Any) -> Callable[[bytes], Any]:
        if self._may_refuse():
            self._refuse()
            return self._dropped
        self._has_begun = True
        writes: Callable[[bytes], Any] = self._start_response(status, headers, *exc_info)
        return writes

    def _may_refuse(self) -> bool:
        return self._measured.is_exceeded and not self._has_begun

    def _refuse(self, *exc_info: Any) -> list[bytes]:
        """Say 413, once; what its body is."""
        page = _too_large(self._measured.limit)
        if not self._has_refused:
            self._has_refused = True
            self._start_response(line_of(page.status), page.all_headers(), *exc_info)
        return [] if self._environ["REQUEST_METHOD"] == "HEAD" else [page.body]

    def _chunks(self, body: Iterable[bytes]) -> Iterator[bytes]:
        try:
            for chunk in body:
                if self._has_refused:
                    break
                yield chunk
        except Exception:
            if not self._may_refuse():
                raise
            self._refuse(sys.exc_info())
        if self._has_refused:
            yield from self._refuse()

    def _dropped(self, data: bytes) -> None:
        """What the application still writes."""


class _Input:
    """A body of which nobody is given more than the limit, whatever was announced: reading further raises OSError.

    It is read only as far as the application reads it: some servers would wait for ever. The error is what frameworks
    take for a client that has gone; whatever they answer, 413 is sent.
    """

    def __init__(self, body: Any, limit: int) -> None:
        self.limit = limit
        self.is_exceeded = False
        self._body = body
        self._left = limit

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or all."""
        return self._taken(self._body.read, size)

    def readline(self, size: int | None = -1) -> bytes:
        """Read one line."""
        return self._taken(self._body.readline, size)

    def readlines(self, _hint: int | None = -1) -> list[bytes]:
        """Read all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _taken(self, read: Callable[[int], bytes], size: int | None) -> bytes:
        most = self._left + 1  # one more tells that there is more
        data = read(most if size is None or size < 0 else min(size, most))
        self._left -= len(data)
        if self._left < 0 or self.is_exceeded:
            self.is_exceeded = True
            raise OSError(f"the body is larger than {self.limit} bytes")
        return data


def _refusal_of(announced: str, limit: int) -> Page | None:
    """What is answered to a Content-Length without reading anything."""
    length = length_of({"content-length": announced})
    if length is None:
        return _MALFORMED if announced else None
    return _too_large(limit) if length > limit else None


def _too_large(limit: int) -> Page:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=f"The body may have {limit} bytes at most.")


def _size(label: str, given: object) -> int:
    if type(given) is not int or given < 0:
        raise ConfigurationError(f"{label}={given!r}: must be a number of bytes of at least 0")
    return given
