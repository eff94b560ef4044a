"""What a response is remembered under: scheme, host, path and query of its request, and nothing else that it says.

Ways to write the same are one key: the case of the host and of percent-encodings, the scheme's own port, characters
that need no encoding. X-Forwarded-Host and its kin have no say: whoever trusts a proxy lets the server rewrite the
request itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from mestres_perf.errors import ConfigurationError

PREFIX: Final = "mestres_perf.http "
_LONGEST = 2048
_REMEMBERED = 4096
_HOST = re.compile(r"[a-z0-9._~-]+(?::\d*)?|\[[0-9a-f:.]+\](?::\d*)?")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_PLAIN = "!$&'()*+,-./:;=@_~"
_AS_SENT = _PLAIN + '%?"<>[]\\^`{|}'
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_OWN_PORTS = {"http": ":80", "https": ":443"}


class Urls:
    """Keys by URL. `ignore_query` are patterns of parameters that change nothing, such as `utm_*`.

    With `sort_query` the order of parameters of different names changes nothing; that of equal names always counts.
    """

    def __init__(self, *, ignore_query: Iterable[str] = (), sort_query: bool = False) -> None:
        """Raises ConfigurationError."""
        self._ignored = (ignore_query,) if isinstance(ignore_query, str) else tuple(ignore_query)
        if not all(isinstance(each, str) and each for each in self._ignored):
            raise ConfigurationError(f"ignore_query has names such as 'utm_*', not {ignore_query!r}")
        self._sorts = sort_query
        self._key = lru_cache(_REMEMBERED)(self._made)

    def key(self, scheme: str, host: str, path: str, query: str) -> str | None:
        """The key of a URL whose path and query are written as they were sent; None for one that has none.

        That is one without a proper host, or a very long one.
        """
        if len(host) + len(path) + len(query) > _LONGEST:
            return None
        return self._key(scheme, host, path, query)

    def _made(self, scheme: str, host: str, path: str, query: str) -> str | None:
        scheme, host = scheme.lower(), host.strip().lower().removesuffix(_OWN_PORTS.get(scheme.lower(), ":"))
        if _HOST.fullmatch(host) is None:
            return None
        asked = self._chosen(_same(query)) if query else ""
        return f"{PREFIX}{scheme}://{host}{_same(path) or '/'}{'?' if asked else ''}{asked}"

    def _chosen(self, query: str) -> str:
        """The parameters that count. A `;` separates nothing: it is part of a value, as browsers see it."""
        if not self._ignored and not self._sorts:
            return query
        parts = [part for part in query.split("&") if not self._is_ignored(part.partition("=")[0])]
        return "&".join(sorted(parts, key=lambda part: part.partition("=")[0]) if self._sorts else parts)

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._ignored)

    def linked(self, key: str, link: str) -> str | None:
        """The key of what a response at `key` speaks of, when that is of the same origin."""
        base = key.removeprefix(PREFIX)
        try:
            here, there = urlsplit(base), urlsplit(urljoin(base, link.strip()))
        except ValueError:
            return None
        found = self.key(there.scheme, there.netloc, there.path, there.query)
        origin = f"{PREFIX}{here.scheme}://{here.netloc}"
        return found if found is not None and found.startswith((f"{origin}/", f"{origin}?")) else None


@lru_cache(_REMEMBERED)
def written(path: str, encoding: str) -> str:
    """A decoded path as it would be sent: ASGI's is decoded as UTF-8, that of WSGI as Latin-1."""
    return quote(path.encode(encoding, "surrogateescape"), safe=_PLAIN)


def _same(text: str) -> str:
    """Percent-encodings in capitals, none where none is needed, and one where it is."""
    if "%" in text:
        text = _ENCODED.sub(_one, text)
    return quote(text.encode("latin-1", "replace"), safe=_AS_SENT)


def _one(match: re.Match[str]) -> str:
    letter = chr(int(match[0][1:], 16))
    return letter if letter in _UNRESERVED else match[0].upper()
