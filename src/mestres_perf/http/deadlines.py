"""A deadline for each request: what is called on its behalf knows how long anybody still waits for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from mestres_perf._kernel.cut import Cut
from mestres_perf.errors import ConfigurationError, DeadlineExceeded
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
    aanswer,
    line_of,
    problem,
)
from mestres_perf.http._bodies import header
from mestres_perf.http._ending import Watched, is_file
from mestres_perf.http._paths import excluded, path_of
from mestres_perf.resilience import deadline
from mestres_perf.resilience._deadline import HEADER, checked
from mestres_perf.resilience._part import seconds_of

_LATE = problem(HTTPStatus.GATEWAY_TIMEOUT)
_RAW = HEADER.lower().encode()
_VARIABLE = f"HTTP_{HEADER.upper().replace('-', '_')}"


class _Times:
    """What both skins share."""

    def __init__(self, seconds: float, most: float | None, exclude: Iterable[str]) -> None:
        self._seconds = seconds_of("seconds", seconds, above=True)
        self._most = self._seconds if most is None else seconds_of("most", most, above=True)
        if self._most < self._seconds:
            raise ConfigurationError(f"most={most!r}: must be at least seconds={seconds!r}")
        self.excluded = excluded(exclude)

    def of(self, asked: str) -> deadline:
        """The deadline of a request whose caller asks for this one."""
        if not asked:
            return checked(self._seconds)
        return deadline.from_headers({HEADER: asked}, most=self._most, usual=self._seconds)


class DeadlineMiddleware:
    """Gives each request to an ASGI application a deadline: `seconds`, or what X-Request-Deadline says, up to `most`.

    An application that has not begun to answer by then is cancelled; its client gets 504 (a problem document), as where
    it lets DeadlineExceeded out itself. What has begun to answer goes on; what it calls still sees that the time is
    over. Paths below those in `exclude` have no deadline.
    """

    def __init__(
        self, app: AsgiApp, *, seconds: float = 30.0, most: float | None = None, exclude: Iterable[str] = ()
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._times = _Times(seconds, most, exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._times.excluded:
            await self.app(scope, receive, send)
            return
        limit = self._times.of(header(scope, _RAW))
        with limit:
            left = limit.left()
            if left <= 0:
                await aanswer(_LATE, scope["method"], send)
                return
            answering = _Answering(left, send)
            try:
                await self.app(scope, receive, answering.send)
            except BaseException as error:
                is_cut = answering.cut.ended(error)
                if answering.has_begun or not (is_cut or _is_late(error)):
                    raise
            else:
                answering.cut.ended(None)
                return
        await aanswer(_LATE, scope["method"], send)


def _is_late(error: BaseException) -> bool:
    """Whether nothing else has gone wrong, in a task or in several at once."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_late, error.exceptions))
    return isinstance(error, DeadlineExceeded)


class _Answering:
    """A response that has to begin in time; what has begun goes on."""

    __slots__ = ("_send", "cut", "has_begun")

    def __init__(self, seconds: float, send: Send) -> None:
        self.cut = Cut(seconds)
        self.has_begun = False
        self._send = send

    async def send(self, message: Message) -> None:
        """A message of the application's."""
        if not self.has_begun and message["type"] == "http.response.start":
            self.has_begun = True
            self.cut.lift()
        await self._send(message)


class WSGIDeadlineMiddleware:
    """The twin of DeadlineMiddleware for a WSGI application.

    Nobody can stop a plain function from outside: one that asks `deadline.remaining()`, or is called through Retry,
    Timeout or Bulkhead, raises DeadlineExceeded itself. Until its first chunk has gone out that becomes a 504.
    """

    def __init__(
        self, app: WsgiApp, *, seconds: float = 30.0, most: float | None = None, exclude: Iterable[str] = ()
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._times = _Times(seconds, most, exclude)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if path_of(environ) in self._times.excluded:
            return self.app(environ, start_response)
        limit = self._times.of(environ.get(_VARIABLE, ""))
        response = _Response(limit, environ["REQUEST_METHOD"], start_response)
        try:
            deadline.check()
            body = self.app(environ, response.start)
        except DeadlineExceeded:
            response.end()
            return response.late()
        except BaseException:
            response.end()
            raise
        if isinstance(body, (list, tuple)) or is_file(environ, body):
            response.end()
            return body
        return Watched(response.chunks(body), lambda: response.close(body))


class _Response:
    """A response to a request that has a deadline.

    It holds from here until the last chunk, at the latest until the server closes the body: a server that forgets to
    must not leave it to the next request of this thread.
    """

    def __init__(self, limit: deadline, method: str, start_response: StartResponse) -> None:
        self._limit: deadline | None = limit
        self._method = method
        self._start_response = start_response
        self._is_started = False
        limit.__enter__()

    def start(self, status: str, headers: Headers, *exc_info: Any) -> Any:
        """The application's `start_response`."""
        self._is_started = True
        return self._start_response(status, headers, *exc_info)

    def late(self) -> list[bytes]:
        """Say 504, in place of what the application has begun."""
        begun = (sys.exc_info(),) if self._is_started else ()
        self._start_response(line_of(_LATE.status), _LATE.all_headers(), *begun)
        return [] if self._method == "HEAD" else [_LATE.body]

    def chunks(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The application's body, or that of the 504 when nothing of it has gone out."""
        has_begun = False
        try:
            for chunk in body:
                has_begun = has_begun or bool(chunk)
                yield chunk
        except DeadlineExceeded:
            if has_begun:
                raise
            yield from self.late()
        finally:
            self.end()

    def close(self, body: Iterable[bytes]) -> None:
        """The server is done."""
        try:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        finally:
            self.end()

    def end(self) -> None:
        """End the deadline, once."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.__exit__(None, None, None)
