"""For how long responses may be kept, by their path and kind: CacheControlMiddleware and its WSGI twin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mestres_perf._kernel.web import HASHED_NAME
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _heads
from mestres_perf.http._answers import AsgiApp, Environ, Headers, Receive, Scope, Send, StartResponse, WsgiApp
from mestres_perf.http._freshness import combined, directives
from mestres_perf.http._heads import Head, Visitor

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For what never changes under its name."""

NO_STORE: Final = "no-store"
"""For what nobody may keep."""

HASHED: Final = re.compile(f".*{HASHED_NAME}")
"""Paths of names with their content's hash in them (app.3f9c2b71.js), as nginx.conf knows them, too."""

_NOT_MODIFIED = 304
_SAFE = frozenset({"GET", "HEAD"})
_KEPT = frozenset({200, 203, 204, 206, 300, 301, 304, 308})
_SAID = frozenset({"cache-control", "expires", "pragma"})
_SHARED = frozenset({"public", "s-maxage"})
_STRICT = frozenset({"no-cache", "no-store"})
_NUMBERS = frozenset({"max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"})
_WORDS = frozenset(
    {"immutable", "must-revalidate", "must-understand", "no-transform", "private", "proxy-revalidate", "public"}
)


@dataclass(frozen=True)
class CacheRule:
    """What Cache-Control says of responses at these paths, and of these media types where some are given.

    `path` is a pattern (`*` stands for any letters, `/` too; every other sign for itself), or a compiled regular
    expression for the whole path. With `ignore_cookies` these responses are the same for all, whatever cookies a
    visitor sends, as those that are `immutable` always are.
    """

    policy: str
    path: str | re.Pattern[str] = "*"
    types: Sequence[str] = ()
    ignore_cookies: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a policy that contradicts itself, or that nobody knows."""
        if (
            not isinstance(self.policy, str)
            or not self.policy.strip()
            or not self.policy.isprintable()
            or not self.policy.isascii()
        ):
            raise ConfigurationError(f"policy={self.policy!r}: must be a Cache-Control, such as 'public, max-age=60'")
        for name, value in self._directives.items():
            if name not in _NUMBERS | _WORDS | _STRICT:
                raise ConfigurationError(f"policy={self.policy!r}: {name!r} is no directive of a response")
            if name in _NUMBERS and not (value or "").isdigit():
                raise ConfigurationError(f"policy={self.policy!r}: {name} must be a number of seconds")
        if "no-store" in self._directives and len(self._directives) > 1:
            raise ConfigurationError(f"policy={self.policy!r}: beside no-store nothing else has a meaning")
        if "private" in self._directives and not _SHARED.isdisjoint(self._directives):
            raise ConfigurationError(f"policy={self.policy!r}: must be private or for all, not both")
        if not isinstance(self.path, (str, re.Pattern)) or not self.path:
            raise ConfigurationError(f"path={self.path!r}: must be a pattern such as '/static/*'")
        if isinstance(self.types, str) or not all(
            isinstance(each, str) and each.count("/") == 1 for each in self.types
        ):
            raise ConfigurationError(f"types={self.types!r}: must be media types, such as ('text/css',)")

    @cached_property
    def _directives(self) -> dict[str, str | None]:
        return directives(self.policy)

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        return self.path if isinstance(self.path, re.Pattern) else _pattern(self.path)

    @cached_property
    def _types(self) -> list[re.Pattern[str]]:
        return [_pattern(each.lower()) for each in self.types]

    @property
    def ignores_cookies(self) -> bool:
        """Whether a visitor's cookies make no response of his own."""
        return self.ignore_cookies or "immutable" in self._directives

    def is_for(self, path: str) -> bool:
        """Whether it speaks of this path."""
        return self._paths.fullmatch(path) is not None

    def fits(self, kind: str) -> bool:
        """Whether it speaks of this media type."""
        return not self.types or any(each.fullmatch(kind) for each in self._types)

    def may_be_said(self, status: int, *, is_personal: bool) -> bool:
        """Whether it may be said of a response, which is `is_personal` where it is made for one visitor.

        An error is not kept, and what is for one visitor only by himself. That nothing is kept can be said of anything.
        """
        if not _STRICT.isdisjoint(self._directives):
            return True
        return status in _KEPT and (not is_personal or "private" in self._directives)


def _pattern(text: str) -> re.Pattern[str]:
    """Only `*` has a meaning: paths may have any other sign in them."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


class _Rules:
    """What both skins share."""

    def __init__(self, rules: Iterable[CacheRule]) -> None:
        self._rules = () if isinstance(rules, CacheRule) else tuple(rules)
        if not self._rules or not all(isinstance(each, CacheRule) for each in self._rules):
            raise ConfigurationError(f"rules={rules!r}: must be several CacheRule(...); the first that fits counts")

    def of(self, method: str, path: str, _scheme: str, visitor: Visitor) -> Head | None:
        """What is to be done for this request."""
        if method not in _SAFE:
            return None
        rules = [each for each in self._rules if each.is_for(path)]
        if not rules:
            return None

        def head(status: int, headers: Headers) -> Headers:
            known = combined(headers)
            if not _SAID.isdisjoint(known):
                return headers
            kind = known.get("content-type", "").partition(";")[0].strip().lower()
            # A 304 names no type: the first rule that asks for one may be meant, or not.
            is_unnamed = status == _NOT_MODIFIED and not kind
            rule = next((each for each in rules if each.fits(kind) or (is_unnamed and each.types)), None)
            if rule is None or (is_unnamed and rule.types):
                return headers
            is_personal = visitor.has_authorization or "set-cookie" in known
            if not rule.ignores_cookies:
                is_personal = is_personal or visitor.has_cookies or "cookie" in known.get("vary", "").lower()
            if not rule.may_be_said(status, is_personal=is_personal):
                return headers
            return [*headers, ("Cache-Control", rule.policy)]

        return head


class CacheControlMiddleware:
    """Says Cache-Control where an ASGI application says nothing: of its `rules` the first that fits counts.

    Only for GET and HEAD, and never where there is a Cache-Control, Expires or Pragma. A rule that lets a response be
    kept counts for successes and permanent redirects only; and for what is made for one visitor, to requests with
    Authorization or a cookie or with Set-Cookie, only when it says `private`: a session sends its cookie once, and its
    pages are one visitor's ever after. One with no-store or no-cache counts for everything, errors too.
    """

    def __init__(self, app: AsgiApp, rules: Iterable[CacheRule]) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._rules = _Rules(rules)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await _heads.serve(self.app, self._rules, scope, receive, send)


class WSGICacheControlMiddleware:
    """The twin of CacheControlMiddleware for a WSGI application."""

    def __init__(self, app: WsgiApp, rules: Iterable[CacheRule]) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._rules = _Rules(rules)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return _heads.respond(self.app, self._rules, environ, start_response)
