"""A name for each request, the same in the response, in every log record and in what is asked of other services."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from mestres_perf._kernel.current import REQUEST_ID, Bound
from mestres_perf.errors import ConfigurationError
from mestres_perf.http._answers import (
    AsgiApp,
    Environ,
    Message,
    Receive,
    Scope,
    Send,
    StartResponse,
    WsgiApp,
    by_name,
)
from mestres_perf.http._ending import within
from mestres_perf.http._stored import NOT_STORED

KEY: Final = "mestres.request_id"
"""Where the id is in an ASGI scope and in a WSGI environ."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._~:@+/=-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_AT_ONCE = 64
_ends: list[str] = []
"""The random ends of the next ids: to ask the system for them costs more than the rest. Each is used once."""
os.register_at_fork(after_in_child=_ends.clear)
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""RFC 9562, section 4.1: two bits of this digit are given."""
_begun = (0, "")
"""A millisecond and how its ids begin; replaced as a whole, so that every thread reads what belongs together."""


def request_id() -> str:
    """The id of the request that is being served here; empty outside of one."""
    return REQUEST_ID.get()


def new_request_id() -> str:
    """A UUID of version 7 (RFC 9562): later ones sort behind earlier ones, and nobody can guess one."""
    global _begun  # noqa: PLW0603
    moment = time.time_ns() // 1_000_000
    before, begin = _begun
    if moment != before:
        digits = f"{moment:012x}"
        begin = f"{digits[:8]}-{digits[8:]}-7"
        _begun = moment, begin
    try:
        return begin + _ends.pop()
    except IndexError:
        first, *others = map(_end, os.urandom(10 * _AT_ONCE).hex(" ", 10).split())
        _ends.extend(others)
        return begin + first


def _end(noise: str) -> str:
    return f"{noise[:3]}-{_VARIANT[noise[3]]}{noise[4:7]}-{noise[7:19]}"


class _Ids:
    """What both skins share."""

    def __init__(self, header: str, *, trust_incoming: bool, make: Callable[[], str]) -> None:
        if not isinstance(header, str) or not _NAME.fullmatch(header):
            raise ConfigurationError(f"header={header!r}: must be the name of a header, such as 'X-Request-ID'")
        if not callable(make):
            raise ConfigurationError(f"make={make!r}: must be a function that returns an id")
        self.header = header
        self.raw = header.lower().encode()
        NOT_STORED.add(header.lower())  # an id is of one request, and a response cache may be around this
        self.variable = f"HTTP_{header.upper().replace('-', '_')}"
        self._trusts = trust_incoming
        self._make = make

    def put(self, own: tuple[bytes, bytes], headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """ASGI's headers with this id, and without any other."""
        made = [*headers]
        known = by_name(made)
        if known is None or self.raw in known:
            made = [each for each in made if bytes(each[0]).lower() != self.raw]
        made.append(own)
        return made

    def of(self, given: str) -> str:
        """The id of a request that brings this one."""
        return given if given and self._trusts and _WELL_FORMED.fullmatch(given) else self._make()


class RequestIdMiddleware:
    """Gives each request to an ASGI application an id, and its client the same in the response header `header`.

    With `trust_incoming` a request keeps the id that it brings, when that has 1 to 128 letters, digits and `._~:@+/=-`:
    for an application behind a proxy or another service that makes them. Any other id is replaced by one of `make()`.
    The application finds it in `scope["mestres.request_id"]` and in the request's own header, all code in
    `mestres_perf.request_id()`, and log records have it too.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        header: str = "X-Request-ID",
        trust_incoming: bool = False,
        make: Callable[[], str] = new_request_id,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._ids = _Ids(header, trust_incoming=trust_incoming, make=make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        ids = self._ids
        headers, given = scope["headers"], ""
        if ids.raw in dict(headers):
            given = ",".join(str(value, "latin-1") for name, value in headers if name == ids.raw)
            headers = [each for each in headers if each[0] != ids.raw]
        own = ids.of(given)
        named = (ids.raw, own.encode("latin-1"))
        scope[KEY] = own
        scope["headers"] = [*headers, named]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": ids.put(named, message.get("headers", ()))}
            await send(message)

        token = REQUEST_ID.set(own)
        try:
            await self.app(scope, receive, told)
        except Exception as error:
            error.add_note(f"{ids.header}: {own}")  # the server logs it when the id is no longer known
            raise
        finally:
            REQUEST_ID.reset(token)


class WSGIRequestIdMiddleware:
    """The twin of RequestIdMiddleware for a WSGI application: the id is in `environ["mestres.request_id"]`.

    Code of the application has it, until its body is closed; the server's thread never does.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        header: str = "X-Request-ID",
        trust_incoming: bool = False,
        make: Callable[[], str] = new_request_id,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._ids = _Ids(header, trust_incoming=trust_incoming, make=make)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        ids = self._ids
        own = environ[KEY] = ids.of(environ.get(ids.variable, ""))
        environ[ids.variable] = own
        low = ids.header.lower()

        def told(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            others = [each for each in headers if each[0].lower() != low]
            return start_response(status, [*others, (ids.header, own)], *exc_info)

        def call() -> Iterable[bytes]:
            try:
                return self.app(environ, told)
            except Exception as error:
                error.add_note(f"{ids.header}: {own}")  # the server logs it when the id is no longer known
                raise

        return within(environ, Bound(REQUEST_ID, own), call)
