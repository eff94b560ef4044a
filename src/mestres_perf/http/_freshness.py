"""What HTTP says about keeping responses, as functions of values (RFC 9111; RFC 5861; RFC 9110, section 13).

Header names are in lower case; of a header that was sent several times the values are joined by commas, as the standard
allows. Times are seconds since 1970, durations seconds. Nothing here raises for what a client or an application sends:
what makes no sense is read in the way in which less is stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

Headers = Sequence[tuple[str, str]]

LONGEST: Final = 365 * 24 * 3600
"""A year: nothing is fresh for longer, and RFC 2616 asked that nobody says more."""

UNDERSTOOD: Final = frozenset({200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 501})
"""The statuses that are stored when the response says for how long it is fresh."""

BY_DEFAULT: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Those to which a time of the cache's own choice may be given (RFC 9110, section 15.1)."""

FORGIVEN: Final = frozenset({500, 502, 503, 504})
"""The statuses for which `stale-if-error` gives the last good response instead."""

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_THE_BODY = frozenset({"content-encoding", "content-language", "content-length", "content-range", "content-type"})
_MOST_DIGITS = 10
_DIRECTIVE = re.compile(r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?""")
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_SPACES = re.compile(r"[ \t]*,[ \t]*")
_CODINGS = frozenset({"br", "compress", "deflate", "gzip", "x-gzip", "zstd"})


def combined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case."""
    found: dict[str, str] = {}
    for name, value in headers:
        low = name.lower()
        found[low] = f"{found[low]}, {value}" if low in found else value
    return found


def directives(text: str) -> dict[str, str | None]:
    """A Cache-Control header. A directive that is said twice has the smaller number, which allows less."""
    found: dict[str, str | None] = {}
    for match in _DIRECTIVE.finditer(text):
        name, quoted, plain = match.groups()
        name, value = name.lower(), quoted if quoted is not None else plain
        if name in found and delta(found[name]) <= delta(value):
            continue
        found[name] = value
    return found


def delta(value: str | None) -> int:
    """A number of seconds; 0, which is stale, for what is none."""
    if value is None or not value.isascii() or not value.isdigit():
        return 0
    return LONGEST if len(value.lstrip("0")) > _MOST_DIGITS else min(int(value), LONGEST)


def moment(text: str) -> float | None:
    """An HTTP-date; None for what is none."""
    try:
        found = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
    return found if math.isfinite(found) else None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a response says nothing: its freshness (None: it is not stored) and how stale it may become."""

    ttl: float | None = None
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a response is stored.

    `age` is its age when it came, `fresh` the age at which it becomes stale; it may be given out for
    `stale_while_revalidate` and `stale_if_error` after that. `for_anybody`: also to requests with Authorization. A
    `strict` one is never given out when it is stale, whoever asks for it.
    """

    age: float
    fresh: float
    stale_while_revalidate: float
    stale_if_error: float
    for_anybody: bool
    strict: bool

    @property
    def kept(self) -> float:
        """For how long it is of any use, from now on."""
        return self.fresh - self.age + max(self.stale_while_revalidate, self.stale_if_error)


def terms(  # noqa: PLR0911 - one answer for each rule of section 3
    status: int, headers: Mapping[str, str], *, authorized: bool, now: float, defaults: Defaults
) -> Terms | str:
    """On what terms a shared cache stores the response to a GET, or why it does not (RFC 9111, sections 3 and 4.2)."""
    said = directives(headers.get("cache-control", ""))
    for_anybody = not said.keys().isdisjoint({"public", "s-maxage", "must-revalidate"})
    if status not in UNDERSTOOD:
        return f"status {status} is not stored"
    if "set-cookie" in headers:
        return "Set-Cookie is for one client"
    for each in ("no-store", "private", "no-cache"):
        if each in said:
            return f"Cache-Control: {each}"
    if authorized and not for_anybody:
        return "the request has Authorization, and the response does not say that it is for others too"
    if "content-range" in headers:
        return "only a part"
    if varies(headers.get("vary", "")) is None:
        return "Vary: *"
    fresh = _lifetime(said, headers, now)
    if fresh is None:
        fresh = defaults.ttl if status in BY_DEFAULT else None
    if fresh is None:
        return "it does not say for how long it is fresh"
    age = _age_on_arrival(headers, now)
    found = Terms(age, fresh, *_windows(said, defaults), for_anybody, _is_strict(said))
    return found if found.kept > 0 and fresh > 0 else "stale when it came"


def _lifetime(said: Mapping[str, str | None], headers: Mapping[str, str], now: float) -> float | None:
    """s-maxage, then max-age, then Expires (section 4.2.1); None where nothing is said."""
    for each in ("s-maxage", "max-age"):
        if each in said:
            return delta(said[each])
    if "expires" not in headers:
        return None
    expires, date = moment(headers["expires"]), moment(headers.get("date", ""))
    return 0.0 if expires is None else min(max(0.0, expires - (now if date is None else date)), LONGEST)


def _age_on_arrival(headers: Mapping[str, str], now: float) -> float:
    """Section 4.2.3; to ask the application takes no time worth counting."""
    date = moment(headers.get("date", ""))
    return max(0.0, 0.0 if date is None else now - date, delta(headers.get("age", "").strip()))


def _is_strict(said: Mapping[str, str | None]) -> bool:
    """must-revalidate and proxy-revalidate say so; so does s-maxage (section 5.2.2.10) where it is alone."""
    windows = {"stale-while-revalidate", "stale-if-error"}
    return not said.keys().isdisjoint({"must-revalidate", "proxy-revalidate"}) or (
        "s-maxage" in said and said.keys().isdisjoint(windows)
    )


def _windows(said: Mapping[str, str | None], defaults: Defaults) -> tuple[float, float]:
    """How long it may be given out while it is renewed, and when that fails. Beside s-maxage only its own count."""
    if _is_strict(said):
        return 0.0, 0.0
    strict = "s-maxage" in said
    chosen = {
        "stale-while-revalidate": 0.0 if strict else defaults.stale_while_revalidate,
        "stale-if-error": 0.0 if strict else defaults.stale_if_error,
    }
    renewed, failed = (float(delta(said[name])) if name in said else own for name, own in chosen.items())
    return renewed, failed


def varies(text: str) -> tuple[str, ...] | None:
    """The names in a Vary header, in order; None for `*`: no other request is ever known to be the same."""
    names = {name.strip().lower() for name in text.split(",")} - {""}
    return None if any("*" in name for name in names) else tuple(sorted(names))


def selecting(name: str, value: str) -> str:
    """The value of a header that responses vary by; what means the same is the same (section 4.1)."""
    plain = _SPACES.sub(",", value.strip())
    if name == "accept-encoding":
        return _codings(plain.lower())
    return plain.lower() if name in {"accept", "accept-charset", "accept-language"} else plain


def _codings(text: str) -> str:
    """The codings that a client accepts. One that speaks of what others need not mention is taken as it is."""
    accepted = set()
    for part in filter(None, text.split(",")):
        coding, _, weight = part.partition(";")
        coding = coding.strip()
        if coding in {"*", "identity"}:
            return text
        if coding in _CODINGS and weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            accepted.add(coding)
    return ",".join(sorted(accepted))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request's Cache-Control asks for (section 5.2.1)."""

    no_store: bool = False
    no_cache: bool = False
    only_if_cached: bool = False
    max_age: float = math.inf
    min_fresh: float = 0.0
    max_stale: float = 0.0

    @property
    def is_demanding(self) -> bool:
        """Whether it wants more than what is given to everybody."""
        return self.no_cache or self.max_age < math.inf or self.min_fresh > 0

    def accepts(self, age: float, fresh: float) -> bool:
        """Whether a response of this age will do, without asking the application."""
        if self.no_cache or age > self.max_age:
            return False
        return age + self.min_fresh <= fresh + self.max_stale if self.max_stale else age + self.min_fresh < fresh


CONTENT = Wish()
"""Of a request that says nothing."""


def wish(control: str, pragma: str = "") -> Wish:
    """What a request asks for. Pragma counts where there is no Cache-Control."""
    said = directives(control)
    if not said:
        return Wish(no_cache=True) if "no-cache" in pragma.lower() else CONTENT
    stale = said.get("max-stale", "0")
    return Wish(
        no_store="no-store" in said,
        no_cache="no-cache" in said,
        only_if_cached="only-if-cached" in said,
        max_age=delta(said["max-age"]) if "max-age" in said else math.inf,
        min_fresh=delta(said.get("min-fresh")),
        max_stale=math.inf if stale is None else delta(stale),
    )


def is_tag(text: str) -> bool:
    """Whether it is one entity tag."""
    return _TAG.fullmatch(text) is not None


def not_modified(if_none_match: str, if_modified_since: str, headers: Mapping[str, str]) -> bool:
    """Whether the client has this response already (RFC 9110, section 13.2.2).

    Entity tags are compared weakly. If-Modified-Since does not count where there is an If-None-Match.
    """
    if if_none_match:
        if if_none_match.strip() == "*":
            return True
        own = headers.get("etag", "")
        return is_tag(own) and own.removeprefix("W/") in {
            each.removeprefix("W/") for each in _TAG.findall(if_none_match)
        }
    since, last = moment(if_modified_since), moment(headers.get("last-modified", ""))
    return since is not None and last is not None and last <= since


def without_body(headers: Headers) -> list[tuple[str, str]]:
    """The headers of a 304: those that it must have, and none that describe a body (RFC 9110, section 15.4.5)."""
    has_tag = any(name == "etag" for name, _ in headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _OF_THE_BODY and not (has_tag and name == "last-modified")
    ]


def freshened(stored: Headers, newer: Headers) -> list[tuple[str, str]]:
    """The headers of a stored response, updated by those of a 304 (section 3.2)."""
    update = [(name, value) for name, value in end_to_end(newer) if name not in _OF_THE_BODY]
    names = {name for name, _ in update}
    return [each for each in stored if each[0] not in names] + update


def end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """Headers without those that are for one connection only (section 3.1)."""
    named = {
        each.strip().lower() for name, value in headers if name.lower() == "connection" for each in value.split(",")
    }
    return [(low, value) for name, value in headers if (low := name.lower()) not in HOP_BY_HOP and low not in named]
