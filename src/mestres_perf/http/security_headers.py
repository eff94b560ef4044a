"""What browsers are told so that a page is not turned against its visitors: SecurityHeadersMiddleware and its twin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from mestres_perf._kernel.web import CONTENT_TYPE_OPTIONS, FRAME_OPTIONS
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _heads
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
    by_name,
    raw,
    text,
)
from mestres_perf.http._heads import Head, Visitor

_POLICY = "content-security-policy"
_FRAMES = "x-frame-options"


@dataclass(frozen=True, kw_only=True)
class SecurityHeaders:
    """The values of these headers; None where one is not to be sent. Each is sent where the application says nothing.

    The policy allows what comes from the site itself and no inline scripts or styles: a page that needs more gives its
    own. `strict_transport_security` goes out on https only; it binds a browser for that long, so begin with little.
    `frame_options` is not sent beside a policy of the application's that speaks of `frame-ancestors`.
    """

    content_security_policy: str | None = (
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    content_type_options: str | None = CONTENT_TYPE_OPTIONS
    cross_origin_opener_policy: str | None = "same-origin"
    frame_options: str | None = FRAME_OPTIONS
    permissions_policy: str | None = "camera=(), geolocation=(), microphone=()"
    referrer_policy: str | None = "strict-origin-when-cross-origin"
    strict_transport_security: str | None = "max-age=31536000"

    def __post_init__(self) -> None:
        """Raises ConfigurationError for what no header can be."""
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None:
                continue
            if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
                raise ConfigurationError(f"{one.name}={value!r}: must be one line of ASCII text, or None")

    def headers(self) -> dict[str, str]:
        """The headers by name in lower case, without that for https."""
        named = {
            _POLICY: self.content_security_policy,
            "x-content-type-options": self.content_type_options,
            "cross-origin-opener-policy": self.cross_origin_opener_policy,
            _FRAMES: self.frame_options,
            "permissions-policy": self.permissions_policy,
            "referrer-policy": self.referrer_policy,
        }
        return {name: value for name, value in named.items() if value is not None}


class _Heads:
    """What both skins share."""

    def __init__(self, settings: SecurityHeaders | None) -> None:
        chosen = SecurityHeaders() if settings is None else settings
        if not isinstance(chosen, SecurityHeaders):
            raise ConfigurationError(f"settings={settings!r}: must be SecurityHeaders(...)")
        plain = chosen.headers()
        strict = chosen.strict_transport_security
        self._plain = _Adding(plain)
        self._secure = self._plain if strict is None else _Adding({**plain, "strict-transport-security": strict})

    def adding(self, scheme: str) -> _Adding:
        """What is added to a response."""
        return self._secure if scheme == "https" else self._plain

    def of(self, _method: str, _path: str, scheme: str, _visitor: Visitor) -> Head | None:
        """What is to be done for this request."""
        return self.adding(scheme).text


class _Adding:
    """Adds what is not there."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._raw = raw(values.items())
        self._names = frozenset({_POLICY.encode(), *(name for name, _ in self._raw)})  # each may matter to another

    def text(self, _status: int, headers: Headers) -> Headers:
        """To headers as WSGI has them."""
        names = set()
        for name, value in headers:
            low = name.lower()
            names.add(low)
            if low == _POLICY and "frame-ancestors" in value.lower():
                names.add(_FRAMES)
        return [*headers, *((name, value) for name, value in self._values.items() if name not in names)]

    def raw(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """To headers as ASGI has them."""
        given = [*headers]
        known = by_name(given)
        if known is None or not self._names.isdisjoint(known):
            return raw(self.text(0, text(given)))
        return given + self._raw


class SecurityHeadersMiddleware:
    """Adds security headers to the responses of an ASGI application, and overwrites none of its own."""

    def __init__(self, app: AsgiApp, *, settings: SecurityHeaders | None = None) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._heads = _Heads(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        adding = self._heads.adding(scope.get("scheme", "http"))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": adding.raw(message.get("headers", ()))}
            await send(message)

        await self.app(scope, receive, told)


class WSGISecurityHeadersMiddleware:
    """The twin of SecurityHeadersMiddleware for a WSGI application."""

    def __init__(self, app: WsgiApp, *, settings: SecurityHeaders | None = None) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._heads = _Heads(settings)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return _heads.respond(self.app, self._heads, environ, start_response)
