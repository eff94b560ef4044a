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
from mestres_perf.http._ending import is_file, within
from mestres_perf.http._paths import excluded, path_of
from mestres_perf.resilience import deadline
from mestres_perf.resilience._deadline import HEADER, bound, checked
from mestres_perf.resilience._part import seconds_of

_LATE = problem(HTTPStatus.GATEWAY_TIMEOUT)
_RAW = HEADER.lower().encode()
_VARIABLE = f"HTTP_{HEADER.upper().replace('-', '_')}"


class _Times:
    """What both skins share."""

    def __init__(self, seconds: float, most: float | None, exclude: Iterable[str], *, trust_incoming: bool) -> None:
        self.trusts = trust_incoming
        self._seconds = seconds_of("seconds", seconds, above=True)
        self._most = self._seconds if most is None else seconds_of("most", most, above=True)
        if self._most < self._seconds:
            raise ConfigurationError(f"most={most!r}: must be at least seconds={seconds!r}")
        if most is not None and not trust_incoming:
            raise ConfigurationError(f"most={most!r}: must be left out, or come with trust_incoming=True")
        self.excluded = excluded(exclude)

    def of(self, asked: str) -> deadline:
        """The deadline of a request whose caller asks for this one."""
        if not (asked and self.trusts):
            return checked(self._seconds)
        return deadline.from_headers({HEADER: asked}, most=self._most, usual=self._seconds)


class DeadlineMiddleware:
    """Gives each request to an ASGI application a deadline: `seconds`.

    With `trust_incoming` it is what X-Request-Deadline says where there is one, up to `most` (`seconds` by default):
    for an application that only services of your own can reach, or behind a proxy that takes the header away from all
    others. By default the header is ignored: a stranger would choose at which step work is cut off.

    An application that has not begun to answer by then is cancelled; its client gets 504 (a problem document), as where
    it lets DeadlineExceeded out itself. What has begun to answer goes on; what it calls still sees that the time is
    over. Paths below those in `exclude` have no deadline.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        seconds: float = 30.0,
        most: float | None = None,
        exclude: Iterable[str] = (),
        trust_incoming: bool = False,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._times = _Times(seconds, most, exclude, trust_incoming=trust_incoming)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._times.excluded:
            await self.app(scope, receive, send)
            return
        limit = self._times.of(header(scope, _RAW) if self._times.trusts else "")
        with limit:
            left = limit.left()
            if left <= 0:
                await aanswer(_LATE, scope["method"], send)
                return
            answering = _Answering(left, send)
            try:
                await self.app(scope, receive, answering.send)
            except BaseException as error:
                is_cut = answering.ended(error)
                if answering.has_begun or not (is_cut or _is_late(error)):
                    raise
            else:
                answering.ended(None)
                return
        await aanswer(_LATE, scope["method"], send)


def _is_late(error: BaseException) -> bool:
    """Whether nothing else has gone wrong, in a task or in several at once."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_late, error.exceptions))
    return isinstance(error, DeadlineExceeded)


class _Answering(Cut):
    """A response that has to begin in time; what has begun goes on."""

    __slots__ = ("_send", "has_begun")

    def __init__(self, seconds: float, send: Send) -> None:
        super().__init__(seconds)
        self.has_begun = False
        self._send = send

    async def send(self, message: Message) -> None:
        """A message of the application's."""
        if not self.has_begun and message["type"] == "http.response.start":
            self.has_begun = True
            self.lift()
        await self._send(message)


class WSGIDeadlineMiddleware:
    """The twin of DeadlineMiddleware for a WSGI application, with the same options.

    Nobody can stop a plain function from outside: one that asks `deadline.remaining()`, or is called through Retry,
    Timeout or Bulkhead, raises DeadlineExceeded itself. Until its first chunk has gone out that becomes a 504.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        seconds: float = 30.0,
        most: float | None = None,
        exclude: Iterable[str] = (),
        trust_incoming: bool = False,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._times = _Times(seconds, most, exclude, trust_incoming=trust_incoming)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if path_of(environ) in self._times.excluded:
            return self.app(environ, start_response)
        response = _Response(environ["REQUEST_METHOD"], start_response)

        def call() -> Iterable[bytes]:
            deadline.check()
            return self.app(environ, response.start)

        try:
            body = within(environ, bound(self._times.of(environ.get(_VARIABLE, ""))), call)
        except DeadlineExceeded:
            return response.late()
        return body if isinstance(body, (list, tuple)) or is_file(environ, body) else _Body(body, response)


class _Response:
    """A response to a request that has a deadline, until its first chunk has gone out."""

    def __init__(self, method: str, start_response: StartResponse) -> None:
        self._method = method
        self._start_response = start_response
        self._is_started = False

    def start(self, status: str, headers: Headers, *exc_info: Any) -> Any:
        """The application's `start_response`."""
        self._is_started = True
        return self._start_response(status, headers, *exc_info)

    def late(self) -> list[bytes]:
        """Say 504, in place of what the application has begun."""
        begun = (sys.exc_info(),) if self._is_started else ()
        self._start_response(line_of(_LATE.status), _LATE.all_headers(), *begun)
        return [] if self._method == "HEAD" else [_LATE.body]


class _Body:
    """The application's body, or that of the 504 when nothing of it has gone out."""

    def __init__(self, body: Iterable[bytes], response: _Response) -> None:
        self._body = body
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        has_begun = False
        try:
            for chunk in self._body:
                has_begun = has_begun or bool(chunk)
                yield chunk
        except DeadlineExceeded:
            if has_begun:
                raise
            yield from self._response.late()

    def close(self) -> None:
        """The server is done."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
