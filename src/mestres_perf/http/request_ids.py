"""A name for each request, the same in the response, in every log record and in what is asked of other services."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from mestres_perf._kernel.current import REQUEST_ID
from mestres_perf.errors import ConfigurationError
from mestres_perf.http._answers import AsgiApp, Environ, Message, Receive, Scope, Send, StartResponse, WsgiApp
from mestres_perf.http._ending import Ending

KEY: Final = "mestres.request_id"
"""Where the id is in an ASGI scope and in a WSGI environ."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._~:@+/=-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_RANDOM_BITS = 74
_HALF = 62


def request_id() -> str:
    """The id of the request that is being served here; empty outside of one."""
    return REQUEST_ID.get()


def new_request_id() -> str:
    """A UUID of version 7 (RFC 9562): later ones sort behind earlier ones, and nobody can guess one."""
    noise = secrets.randbits(_RANDOM_BITS)
    number = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80
    number |= 0x7 << 76 | noise >> _HALF << 64 | 0b10 << _HALF | noise & (1 << _HALF) - 1
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class _Ids:
    """What both skins share."""

    def __init__(self, header: str, *, trust_incoming: bool, make: Callable[[], str]) -> None:
        if not isinstance(header, str) or not _NAME.fullmatch(header):
            raise ConfigurationError(f"header={header!r}: must be the name of a header, such as 'X-Request-ID'")
        if not callable(make):
            raise ConfigurationError(f"make={make!r}: must be a function that returns an id")
        self.header = header
        self.raw = header.lower().encode()
        self.variable = f"HTTP_{header.upper().replace('-', '_')}"
        self._trusts = trust_incoming
        self._make = make

    def of(self, given: str) -> str:
        """The id of a request that brings this one."""
        return given if self._trusts and _WELL_FORMED.fullmatch(given) else self._make()


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
        own = ids.of(",".join(value.decode("latin-1") for name, value in scope["headers"] if name == ids.raw))
        named = (ids.raw, own.encode("latin-1"))
        scope[KEY] = own
        scope["headers"] = [*(each for each in scope["headers"] if each[0] != ids.raw), named]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [each for each in message.get("headers", ()) if bytes(each[0]).lower() != ids.raw]
                message = {**message, "headers": [*others, named]}
            await send(message)

        token = REQUEST_ID.set(own)
        try:
            await self.app(scope, receive, told)
        finally:
            REQUEST_ID.reset(token)


class WSGIRequestIdMiddleware:
    """The twin of RequestIdMiddleware for a WSGI application: the id is in `environ["mestres.request_id"]`.

    It holds until the server closes the body.
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

        before = REQUEST_ID.get()
        REQUEST_ID.set(own)

        def end() -> None:
            REQUEST_ID.set(before)

        return Ending(environ, end).of(lambda: self.app(environ, told))
