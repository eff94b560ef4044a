"""The response cache itself, for WSGI and ASGI alike: what a request is given, and what becomes of a response.

Invariants: what is for one client is given to nobody else; a response that was being made while its URL or one of its
tags was invalidated is not stored, and whoever asks after that is not given it; one request at a time asks the
application for what can be shared, and nobody waits in a row for what cannot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from mestres_perf.cache import MISS, Cache, Options
from mestres_perf.cache._core import Request
from mestres_perf.cache._loading import tags_of
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _freshness as rules
from mestres_perf.http._fills import Fill, Steps, attempt
from mestres_perf.http._stored import Stored, index_of, pack_index, unpack
from mestres_perf.http._urls import PREFIX, Urls

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
PHRASES: Final = {int(each): each.phrase for each in HTTPStatus}
_INDEX_TTL = 24 * 3600.0
_FORGIVES = 1.0
"""After the application has failed and a stale response was given out instead, it is not asked again for so long."""

_MOST_TURNS = 8
_MOST_NOTES = 10_000
_OPTIONS = Options(ttl=_INDEX_TTL)


class Outcome(Enum):
    """What a request is given that is neither a stored response nor the lead of a load."""

    PASS = "PASS"  # noqa: S105 - no secret
    """It is for the application alone."""
    NOT_CACHED = "NOT_CACHED"
    """It wants what is stored, and nothing is: 504."""


@dataclass(slots=True)
class Asked:
    """A GET or HEAD request. `header` gives a header by its name in lower case, or nothing."""

    key: str
    path: str
    is_head: bool
    authorized: bool
    wish: rules.Wish
    header: Callable[[str], str]

    @property
    def only_looks(self) -> bool:
        """Whether nothing is loaded for it."""
        return self.is_head or self.wish.only_if_cached

    @property
    def is_conditional(self) -> bool:
        """Whether the client may have the response already."""
        return bool(self.header("if-none-match") or self.header("if-modified-since"))

    def has(self, headers: Mapping[str, str]) -> bool:
        """Whether the client has the response with these headers already."""
        return rules.not_modified(self.header("if-none-match"), self.header("if-modified-since"), headers)


@dataclass(slots=True)
class Hit:
    """A stored response to give out. A stale one is to be renewed under `renew`, unless that is None."""

    stored: Stored
    age: int
    is_stale: bool = False
    renew: str | None = None

    @property
    def label(self) -> str:
        """What X-Cache says of it."""
        return "stale" if self.is_stale else "hit"


@dataclass(slots=True)
class Lead:
    """The caller is to ask the application, for all who wait for `fill`.

    `stale` is what is there: the application may say that it holds still. `names` are the headers by which responses
    of this URL are known to vary.
    """

    fill: Fill
    stale: Stored | None = None
    names: tuple[str, ...] = ()


class Notes:
    """Until when something holds, by key; at most so many, and the oldest are forgotten first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def holds(self, key: str) -> bool:
        """Whether it does now."""
        return self._until.get(key, 0.0) > self._clock()

    def note(self, key: str, seconds: float) -> None:
        """It holds for so long."""
        with self._lock:
            self._until.pop(key, None)
            while len(self._until) >= _MOST_NOTES:
                del self._until[next(iter(self._until))]
            self._until[key] = self._clock() + seconds

    def drop(self, key: str) -> None:
        """It does not hold any more."""
        if key in self._until:
            with self._lock:
                self._until.pop(key, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How responses are cached. The options of the two middlewares, which say what they mean."""

    default_ttl: float | None = None
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    max_body: int = 1024 * 1024
    max_variants: int = 32
    remember_uncacheable: float = 10.0
    patience: float = 5.0
    tag_header: str = "cache-tag"
    tags: Callable[[str], Iterable[str]] | None = None
    defaults: rules.Defaults = field(init=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        for name in ("stale_while_revalidate", "stale_if_error", "remember_uncacheable", "patience"):
            _check(name, getattr(self, name), at_least=0)
        if self.default_ttl is not None and (not _is_number(self.default_ttl) or not self.default_ttl > 0):
            raise ConfigurationError(
                f"default_ttl is a number of seconds above zero, or None, not {self.default_ttl!r}"
            )
        for name in ("max_body", "max_variants"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")
        if not isinstance(self.tag_header, str) or not self.tag_header:
            raise ConfigurationError(f"tag_header is the name of a header, not {self.tag_header!r}")
        if self.tags is not None and not callable(self.tags):
            raise ConfigurationError(f"tags is a function of a path, such as '/products/7', not {self.tags!r}")
        object.__setattr__(self, "tag_header", self.tag_header.lower())
        windows = (self.stale_while_revalidate, self.stale_if_error)
        object.__setattr__(self, "defaults", rules.Defaults(self.default_ttl, *windows))


class Responses:
    """The responses in one cache, for one middleware. `clock` gives seconds since 1970."""

    def __init__(self, cache: Cache, urls: Urls, policy: Policy, clock: Callable[[], float], *, is_async: bool) -> None:
        if not isinstance(cache, Cache):
            raise ConfigurationError(f"cache is a mestres_perf.Cache, not {cache!r}")
        self.cache = cache
        self.urls = urls
        self.policy = policy
        self.clock = clock
        self.passing = Notes(clock)
        self._is_async = is_async
        self._forgiven = Notes(clock)
        self._renewing: set[str] = set()
        self._variants: dict[str, dict[str, float]] = {}
        self._lock = Lock()

    def at_hand(self, asked: Asked) -> Hit | None:
        """What memory can give at once."""
        value = self.cache.at_hand(asked.key)
        if value is MISS:
            return None
        stored, key = unpack(value), asked.key
        if stored is None:
            names = index_of(value)
            if names is None:
                return None
            key = variant(asked, names)
            stored = unpack(self.cache.at_hand(key))
        return None if stored is None else self._judge(stored, key, asked)

    def find(self, asked: Asked) -> Steps:
        """A Hit, a Lead, or an Outcome."""
        key = asked.key
        names: tuple[str, ...] = ()
        for _ in range(_MOST_TURNS):
            value = yield from self._value(key, asked)
            if isinstance(value, Fill):
                return Lead(value, None, names)
            index = index_of(value)
            if index is not None and key == asked.key:
                key, names = variant(asked, index), index
                continue
            stored = unpack(value)
            if stored is None:
                break
            hit = self._judge(stored, key, asked)
            if hit is not None:
                return hit
            if asked.only_looks or (asked.authorized and not stored.for_anybody):
                break
            return (yield from self._newer(stored, key, names, asked))
        return Outcome.NOT_CACHED if asked.wish.only_if_cached else Outcome.PASS

    def _value(self, key: str, asked: Asked) -> Steps:
        """What is stored under a key; a Fill, where the caller is to load it; anything else: there is nothing."""
        if self.passing.holds(_mark(key, asked)):
            return self.cache.peek(key)
        request = self._request(key, asked)
        if asked.only_looks:
            return (yield from self.cache.core.lookup(request))
        return (yield from attempt(key, self.cache.core.answer(request), self.policy.patience))

    def _newer(self, stale: Stored, key: str, names: tuple[str, ...], asked: Asked) -> Steps:
        """The same for what is there, and not fresh enough."""
        plan = self.cache.core.reload(self._request(key, asked))
        value = yield from attempt(key, plan, self.policy.patience)
        if isinstance(value, Fill):
            return Lead(value, stale, names)
        stored = unpack(value)
        if stored is None:
            return Outcome.PASS
        came = asked if stored.born == stale.born else _patient(asked)  # it was loaded for a request like this one
        return self._judge(stored, key, came) or Outcome.PASS

    def renewal(self, hit: Hit, asked: Asked) -> Steps:
        """The Lead of a renewal in the background; None when somebody else is at it, or has just been."""
        key = str(hit.renew)
        now_there = unpack(self.cache.peek(key))
        if now_there is not None and now_there.born != hit.stored.born:
            return None
        value = yield from attempt(key, self.cache.core.reload(self._request(key, asked)), 0.0)
        if not isinstance(value, Fill):
            return None
        index = None if key == asked.key else index_of(self.cache.peek(asked.key))
        return Lead(value, hit.stored, index or ())

    def begins_renewal(self, key: str) -> bool:
        """True for the first who asks, until `ends_renewal`."""
        with self._lock:
            begins = key not in self._renewing
            self._renewing.add(key)
            return begins

    def ends_renewal(self, key: str) -> None:
        """Somebody else may begin."""
        with self._lock:
            self._renewing.discard(key)

    def _judge(self, stored: Stored, key: str, asked: Asked) -> Hit | None:
        """Whether a stored response will do for this request."""
        if asked.authorized and not stored.for_anybody:
            return None
        now, wish = self.clock(), asked.wish
        age, fresh = stored.age(now), stored.fresh
        if age < fresh:
            return Hit(stored, int(age)) if wish is rules.CONTENT or wish.accepts(age, fresh) else None
        if stored.strict or wish.no_cache or age > wish.max_age:
            return None
        if not wish.is_demanding and age < fresh + stored.stale_while_revalidate:
            return Hit(stored, int(age), is_stale=True, renew=None if self._forgiven.holds(key) else key)
        if self._forgiven.holds(key) and age < fresh + stored.stale_if_error:
            return Hit(stored, int(age), is_stale=True)
        return Hit(stored, int(age), is_stale=True) if wish.accepts(age, fresh) else None

    def forgives(self, stale: Stored | None, key: str, asked: Asked) -> Stored | None:
        """What is given out in place of an error of the application; nothing to who wants no less than the newest."""
        if stale is None or stale.strict or asked.wish.is_demanding:
            return None
        if self.clock_age(stale) >= stale.fresh + stale.stale_if_error:
            return None
        self._forgiven.note(key, _FORGIVES)
        return stale

    def clock_age(self, stored: Stored) -> float:
        """The age of a response now."""
        return stored.age(self.clock())

    def open_variant(self, asked: Asked, names: tuple[str, ...]) -> Steps:
        """The Fill of the variant that answers this request; None when there are too many, or somebody has it."""
        key = variant(asked, names)
        if not self.has_room(asked.key, key):
            return None
        found = yield from attempt(key, self.cache.core.answer(self._request(key, asked)), 0.0)
        return found if isinstance(found, Fill) else None

    def has_room(self, url: str, key: str) -> bool:
        """Whether one more variant of this URL may be stored. Those count that this process has stored lately."""
        now = self.clock()
        with self._lock:
            known = self._variants.get(url, {})
            if key in known or len(known) < self.policy.max_variants:
                return True
            for each in [each for each, until in known.items() if until <= now]:
                del known[each]
            return len(known) < self.policy.max_variants

    def count_variant(self, url: str, key: str, kept: float) -> None:
        """A variant is stored for so many seconds."""
        with self._lock:
            while len(self._variants) >= _MOST_NOTES:
                del self._variants[next(iter(self._variants))]
            self._variants.setdefault(url, {})[key] = self.clock() + kept

    def finish_varying(self, asked: Asked, names: tuple[str, ...], whole: Fill, tags: tuple[str, ...]) -> Steps:
        """End the load of a URL whose responses vary; whether nothing was invalidated since it began."""
        index = pack_index(names)
        yield from whole.finish(index, _INDEX_TTL, tags)
        return self.cache.peek(asked.key) is index

    def widen(self, asked: Asked, names: Iterable[str]) -> Steps:
        """The responses of a URL vary by more than was known."""
        yield from self.cache.core.put(self._request(asked.key, asked), pack_index(sorted(set(names))))

    def forget(self, key: str) -> Steps:
        """What is there does not count any more."""
        core = self.cache.core
        if core.shared is not None:
            yield from core.shared.invalidate([self.cache.name_in_redis(key)])
        core.forget([key])

    def refused(self, key: str, asked: Asked) -> None:
        """What is there cannot be shared: for a while nobody waits for it."""
        self.passing.note(_mark(key, asked), self.policy.remember_uncacheable)

    def watched(self, asked: Asked, status: int, headers: rules.Headers) -> None:
        """A response has passed by. If it can be shared after all, the next one is."""
        key = asked.key
        if not asked.is_head and isinstance(self.terms(asked, status, rules.combined(headers)), rules.Terms):
            index = index_of(self.cache.peek(key))
            self.passing.drop(_mark(key, asked))
            if index is not None:
                self.passing.drop(_mark(variant(asked, index), asked))

    def terms(self, asked: Asked, status: int, headers: Mapping[str, str]) -> rules.Terms | str:
        """On what terms a response is stored, or why it is not."""
        return rules.terms(
            status, headers, authorized=asked.authorized, now=self.clock(), defaults=self.policy.defaults
        )

    def told(self, headers: rules.Headers) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """The headers for the client, and the tags for the cache, which are not for him."""
        name = self.policy.tag_header
        tags = [value for header, value in headers if header.lower() == name]
        if not tags:
            return list(headers), ()
        named = tuple(
            dict.fromkeys(
                tag for value in tags for each in value.split(",") if (tag := each.strip()) and tag.isprintable()
            )
        )
        return [header for header in headers if header[0].lower() != name], named

    def changed(self, key: str, status: int, headers: rules.Headers) -> tuple[str, ...]:
        """The tags of what a request has changed that is not safe (RFC 9111, section 4.4)."""
        if not 200 <= status < 400:  # noqa: PLR2004 - the classes of success and of redirection
            return ()
        links = (value for name, value in headers if name.lower() in {"location", "content-location"})
        others = (self.urls.linked(key, link) for link in links)
        return tuple(dict.fromkeys(tag_of(each) for each in (key, *others) if each is not None))

    def _request(self, key: str, asked: Asked) -> Request:
        name = self.cache.name_in_redis(key)
        tags = tuple(self._tags(asked))
        return Request(key, name, self.cache.name, _OPTIONS, lambda: tags, self._is_async)

    def _tags(self, asked: Asked) -> Iterator[str]:
        yield tag_of(asked.key)
        if self.policy.tags is not None:
            yield from tags_of(self.policy.tags(asked.path))


def tag_of(key: str) -> str:
    """The tag of all responses of a URL."""
    return f"url:{key.removeprefix(PREFIX)}"


def variant(asked: Asked, names: Iterable[str]) -> str:
    """The key of the response to this request among those that vary by these headers."""
    chosen = "\0".join(f"{name}\0{rules.selecting(name, asked.header(name))}" for name in names)
    return f"{asked.key} {hashlib.blake2b(chosen.encode('utf-8', 'surrogateescape'), digest_size=16).hexdigest()}"


def entity_tag(body: bytes) -> str:
    """A strong entity tag: another one for every other body."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def _mark(key: str, asked: Asked) -> str:
    """Requests with Authorization are refused for reasons of their own: they say nothing of others."""
    return f"{key} authorized" if asked.authorized else key


def _patient(asked: Asked) -> Asked:
    return Asked(asked.key, asked.path, asked.is_head, asked.authorized, rules.CONTENT, asked.header)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check(name: str, value: Any, *, at_least: float) -> None:
    if not _is_number(value) or not value >= at_least:
        raise ConfigurationError(f"{name} must be a number of at least {at_least}, not {value!r}")
