"""What a handler works with: one call of one route, already parsed, and the ways to read through a cache."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mestres_core.contrib.http.messages import Document, Reply, Request
from mestres_core.contrib.http.problems import Refusal

if TYPE_CHECKING:
    from mestres_core.commerce import Commerce


Read = tuple[str, Sequence[str], Callable[[], Document]]
"""A key, the tags whose change makes the document untrue, and how to make it."""


class Reads(Protocol):
    """Where documents come from: straight from the shop, or through a cache."""

    def fetch(self, key: str, tags: Sequence[str], load: Callable[[], Document]) -> tuple[Document, str | None]:
        """The document, and `hit` or `miss`; None when nothing is cached here."""
        ...


class Direct:
    """Every read asks the shop."""

    def fetch(self, _key: str, _tags: Sequence[str], load: Callable[[], Document]) -> tuple[Document, str | None]:
        """Load it."""
        return load(), None


class Slugs:
    """Which product a slug names, for those that were looked up."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._ids: dict[str, int] = {}

    def get(self, slug: str) -> int | None:
        """The product's id, if the slug was looked up before."""
        return self._ids.get(slug)

    def learn(self, slug: str, product_id: int) -> None:
        """Keep what a look-up found."""
        if len(self._ids) >= self._limit:
            self._ids.clear()
        self._ids[slug] = product_id


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a route: its path parameters, its parsed query and body (None where the route takes none)."""

    shop: Commerce
    reads: Reads
    slugs: Slugs
    admin_token: str
    request: Request
    params: Mapping[str, str]
    query: Any = None
    body: Any = None

    def cached(self, key: str, tags: Sequence[str], load: Callable[[], Document]) -> Reply:
        """A document read through the cache, saying so in X-Cache."""
        document, state = self.reads.fetch(key, tags, load)
        reply = document.reply()
        return reply if state is None else reply.with_headers(("X-Cache", state))

    def bearer(self) -> str:
        """The token of the Authorization header (RFC 6750). Without one the call is refused with 401."""
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal(401, ("WWW-Authenticate", "Bearer"))
        return token.strip()

    def require_admin(self) -> None:
        """Let only the administrator go on: 401 without a token, 403 with another one."""
        if not self.is_admin(self.bearer()):
            raise Refusal(403)

    def is_admin(self, token: str) -> bool:
        """Whether this is the administrator's token. Without a configured one nobody is."""
        return bool(self.admin_token) and same(token, self.admin_token)


def same(given: str, expected: str) -> bool:
    """Compare two secrets in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
