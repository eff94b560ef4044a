"""Who is let in: a rate limit for each client and an adaptive limit for all, before an application of either kind.

Invariants: a refused request never reaches the application; an admitted one is counted out exactly once, when its last
byte has gone or it has ended otherwise; health checks are neither refused nor measured; the response of the application
passes message by message as it is, but for the headers of the limit in its first.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from mestres_perf.errors import ConfigurationError, Overloaded
from mestres_perf.http._answers import (
    AsgiApp,
    Environ,
    Message,
    Receive,
    Scope,
    Send,
    StartResponse,
    WsgiApp,
    aanswer,
    answer,
    problem,
)
from mestres_perf.http._clients import Clients
from mestres_perf.http._ending import Ending, is_file
from mestres_perf.http._page import Page
from mestres_perf.http._paths import excluded, path_of
from mestres_perf.resilience import AdaptiveLimit, Admission, Outcome, RateLimit

EXCLUDED = ("/health", "/metrics")
_FIRST_ERROR = 500


class _Gate:
    """What both skins share."""

    def __init__(
        self,
        *,
        rate: RateLimit | None,
        load: AdaptiveLimit | None,
        trusted_proxies: Iterable[str],
        exclude: Iterable[str],
    ) -> None:
        if rate is None and load is None:
            raise ConfigurationError(
                "there is nothing to admit by: give rate=RateLimit(...) or load=AdaptiveLimit(...)"
            )
        self.rate = rate
        self.load = load
        clients = Clients(trusted_proxies)
        self.client = clients.name
        """Whose rate is counted."""
        self.asks_proxies = clients.asks_proxies
        self.excluded = excluded(exclude)


class AdmissionMiddleware:
    """Refuses what is too much before an ASGI application sees it.

    With `rate` each client has its limit (429), and every response says what is left of it (`RateLimit-*`). With `load`
    no more requests are under way than are served well (503). Both come with `Retry-After`. Paths below those in
    `exclude` always pass. The client is the address of the connection, of IPv6 the network of 64 bits; X-Forwarded-For
    is believed only of `trusted_proxies`, which are addresses, networks, and "unix" for what comes over a Unix socket.
    Put it outside of routers: it knows nothing of routes, and so misses none.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        rate: RateLimit | None = None,
        load: AdaptiveLimit | None = None,
        trusted_proxies: Iterable[str] = (),
        exclude: Iterable[str] = EXCLUDED,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._gate = _Gate(rate=rate, load=load, trusted_proxies=trusted_proxies, exclude=exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        gate = self._gate
        if scope["type"] != "http" or scope["path"] in gate.excluded:
            await self.app(scope, receive, send)
            return
        admission = None
        if gate.rate is not None:
            peer = scope.get("client")
            client = gate.client(peer[0] if peer else "", _forwarded(scope) if gate.asks_proxies else "")
            admission = await gate.rate.acheck(client) if gate.rate.is_shared else gate.rate.check(client)
            if admission.retry_after > 0:
                await aanswer(problem(HTTPStatus.TOO_MANY_REQUESTS, admission.headers()), scope["method"], send)
                return
        try:
            began = 0.0 if gate.load is None else gate.load.acquire()
        except Overloaded as overloaded:
            await aanswer(_busy(overloaded, admission), scope["method"], send)
            return
        stay = _AsgiStay(gate.load, began, admission, send)
        try:
            await self.app(scope, receive, stay.send)
        except BaseException as error:
            stay.end(error)
            raise
        if not stay.is_over:
            stay.end()


class WSGIAdmissionMiddleware:
    """The twin of AdmissionMiddleware for a WSGI application."""

    def __init__(
        self,
        app: WsgiApp,
        *,
        rate: RateLimit | None = None,
        load: AdaptiveLimit | None = None,
        trusted_proxies: Iterable[str] = (),
        exclude: Iterable[str] = EXCLUDED,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._gate = _Gate(rate=rate, load=load, trusted_proxies=trusted_proxies, exclude=exclude)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        gate = self._gate
        if path_of(environ) in gate.excluded:
            return self.app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        admission: Admission | None = None
        if gate.rate is not None:
            forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
            admission = gate.rate.check(gate.client(environ.get("REMOTE_ADDR", ""), forwarded))
            if not admission.is_admitted:
                return answer(problem(HTTPStatus.TOO_MANY_REQUESTS, admission.headers()), method, start_response)
        try:
            began = 0.0 if gate.load is None else gate.load.acquire()
        except Overloaded as overloaded:
            return answer(_busy(overloaded, admission), method, start_response)
        return self._serve(environ, start_response, _Stay(gate.load, began), admission)

    def _serve(
        self, environ: Environ, start_response: StartResponse, stay: _Stay, admission: Admission | None
    ) -> Iterable[bytes]:
        said = {} if admission is None else admission.headers()

        def told_start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            stay.respond(int(status[:3]))
            headers = [*headers, *said.items()]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            body = self.app(environ, told_start)
        except BaseException as error:
            stay.end(error)
            raise
        if is_file(environ, body):
            stay.leave_early()
            return body
        return Ending(environ, stay.leave_early, stay.see).of(lambda: body)


class _Stay:
    """One admitted request, counted out once."""

    __slots__ = ("_began", "_failed", "_load", "is_over")

    def __init__(self, load: AdaptiveLimit | None, began: float) -> None:
        self._load = load
        self._began = began
        self._failed = False
        self.is_over = load is None

    def respond(self, status: int) -> None:
        """An answer that is an error of the server says nothing about how long answers take."""
        self._failed = status >= _FIRST_ERROR

    def end(self, error: BaseException | None = None) -> None:
        """The last byte has gone, or none will."""
        if self.is_over:
            return
        self.is_over = True
        assert self._load is not None
        if error is not None:
            self._load.release(self._began, self._load.outcome_of(error))
        elif self._failed:
            self._load.release(self._began, Outcome.SILENT)
        else:
            self._load.release(self._began)

    def see(self, chunk: bytes | Exception | None) -> None:
        """What the server takes of a body: None when it has taken all."""
        if not isinstance(chunk, bytes):
            self.end(chunk)

    def leave_early(self) -> None:
        """The client did not read it to its end."""
        self.end(asyncio.CancelledError())


class _AsgiStay(_Stay):
    """The same, with the `send` that the application is given."""

    __slots__ = ("_admission", "_send")

    def __init__(self, load: AdaptiveLimit | None, began: float, admission: Admission | None, send: Send) -> None:
        self._load = load  # and not by the other's `__init__`: it is done for each request
        self._began = began
        self._failed = False
        self.is_over = load is None
        self._admission = admission
        self._send = send

    async def send(self, message: Message) -> None:
        """A message of the application's."""
        kind = message["type"]
        if kind == "http.response.start":
            self._failed = message["status"] >= _FIRST_ERROR
            if self._admission is not None:
                message = {**message, "headers": [*message.get("headers", ()), *_raw(self._admission)]}
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body", False):
            self.end()  # what runs in the background afterwards is no part of it


def _raw(admission: Admission) -> tuple[tuple[bytes, bytes], ...]:
    """`Admission.headers` of an admitted request, as ASGI sends them."""
    limit, remaining, reset, _ = admission
    return (
        (b"ratelimit-limit", b"%d" % limit),
        (b"ratelimit-remaining", b"%d" % remaining),
        (b"ratelimit-reset", b"%d" % math.ceil(reset)),
    )


def _busy(overloaded: Overloaded, admission: Admission | None) -> Page:
    said = {} if admission is None else admission.headers()
    wait = str(max(1, math.ceil(overloaded.retry_after)))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, {**said, "Retry-After": wait})


def _forwarded(scope: Scope) -> str:
    """All X-Forwarded-For of a request as one: a proxy may add a line of its own below that of a stranger."""
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
