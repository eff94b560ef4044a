"""Reading and writing through Redis, as plans: what to ask next, not how. Both colours perform the same plans.

Invariant: a value reaches Redis only under the lease that its load was given, and only while every tag it was loaded
under still has the version that it had then. An invalidation, in any process, takes lease and versions away.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mestres_perf._kernel.effects import Ask, Effect, Load, Sleep
from mestres_perf.cache import _codec
from mestres_perf.errors import BackendUnavailable, CodecError

_LEASE = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.05
_HIT, _LEASED = 1, 2
_MOST_DEBTS = 10_000


@dataclass(frozen=True, slots=True)
class Names:
    """How things are called in Redis. All begin with the cache's own name, so that caches may share a database."""

    cache: str

    def value(self, key: str) -> str:
        """Where a value is."""
        return f"{{{self.cache}}}:v:{key}"

    def lease(self, key: str) -> str:
        """Who is loading it."""
        return f"{{{self.cache}}}:l:{key}"

    @property
    def tags(self) -> str:
        """What the tags' versions begin with."""
        return f"{{{self.cache}}}:t:"

    @property
    def epoch(self) -> str:
        """The version of everything."""
        return f"{{{self.cache}}}:e"


@dataclass(frozen=True, slots=True)
class Found:
    """A value, how many seconds it may still be kept, whether it was loaded now, and whether Redis has it too."""

    value: Any
    ttl: float
    loaded: bool
    shared: bool


class Debts:
    """What Redis could not be told while it was away. Until it has been, nothing is read from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._tags: set[str] = set()
        self._everything = False
        self._paying = False

    def owe(self, *, keys: Iterable[str] = (), tags: Iterable[str] = (), everything: bool = False) -> None:
        """Remember an invalidation that did not arrive; very many become one of everything."""
        with self._lock:
            self._keys.update(keys)
            self._tags.update(tags)
            self._everything |= everything or len(self._keys) + len(self._tags) > _MOST_DEBTS

    def pay(self, names: Names) -> Generator[Effect, Any, None]:
        """Tell Redis now. Raises BackendUnavailable when it is still away, or somebody else is just telling it."""
        if not (self._keys or self._tags or self._everything):
            return
        with self._lock:
            if self._paying:
                raise BackendUnavailable("Redis is being told what it has missed")
            self._paying = True
            keys, tags, everything = tuple(self._keys), tuple(self._tags), self._everything
        try:
            if everything:
                yield _clear(names)
            if keys and not everything:
                yield _invalidate(names, keys)
            if tags and not everything:
                yield _bump(names, tags)
            with self._lock:
                self._keys.difference_update(keys)
                self._tags.difference_update(tags)
                self._everything = self._everything and not everything
        finally:
            self._paying = False


def settle(names: Names, debts: Debts) -> Generator[Effect, Any, bool]:
    """Whether Redis knows of every invalidation; what it does not know it is told now."""
    try:
        yield from debts.pay(names)
    except BackendUnavailable:
        return False
    return True


def read(names: Names, debts: Debts, key: str) -> Generator[Effect, Any, Found | None]:
    """What Redis has, without loading."""
    try:
        yield from debts.pay(names)
        reply = yield Ask("get", (names.value(key), names.epoch), (names.tags,))
    except BackendUnavailable:
        return None
    return _found(reply)


def read_through(
    names: Names, debts: Debts, key: str, tags: tuple[str, ...], ttl: float
) -> Generator[Effect, Any, Found]:
    """What Redis has; if nothing, what the loader gives, once over all processes as long as Redis answers."""
    waited, wait = 0.0, _FIRST_WAIT
    while True:
        try:
            yield from debts.pay(names)
            token = secrets.token_hex(8)
            reply = yield _ask_or_lease(names, key, tags, token)
        except BackendUnavailable:
            value = yield Load()
            return Found(value, ttl, loaded=True, shared=True)  # this process alone: its memory holds it for `trust`
        found = _found(reply)
        if found is not None:
            return found
        if reply[0] == _LEASED:
            return (yield from _load_under_lease(names, Lease(key, tags, ttl, token, reply)))
        if waited > _LEASE:  # whoever holds the lease does not come to an end: load beside it, store nothing
            value = yield Load()
            return Found(value, ttl, loaded=True, shared=False)
        yield Sleep(wait)
        waited, wait = waited + wait, min(wait * 1.5, _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease under which something is loaded: its token, and what Redis said when it granted it."""

    key: str
    tags: tuple[str, ...]
    ttl: float
    token: str
    reply: Any


@dataclass(frozen=True, slots=True)
class Leases:
    """What Redis had of a batch, and what it let us load: {key: (name, token, its answer)}."""

    found: dict[Any, Found]
    granted: dict[Any, tuple[str, str, Any]]


def lease_many(
    names: Names, debts: Debts, wanted: Mapping[Any, str], tags: tuple[str, ...]
) -> Generator[Effect, Any, Leases]:
    """Ask for every key of a batch; what others are loading is neither found nor granted."""
    leases = Leases({}, {})
    try:
        yield from debts.pay(names)
        for key, name in wanted.items():
            token = secrets.token_hex(8)
            reply = yield _ask_or_lease(names, name, tags, token)
            found = _found(reply)
            if found is not None:
                leases.found[key] = found
            elif reply[0] == _LEASED:
                leases.granted[key] = (name, token, reply)
    except BackendUnavailable:
        pass
    return leases


def load_many(
    names: Names, leases: Leases, tags: tuple[str, ...], ttls: Mapping[Any, float]
) -> Generator[Effect, Any, dict[Any, Found]]:
    """Load what is missing at once, and fill in what a lease was granted for; `ttls` are seconds by key."""
    try:
        loaded: Mapping[Any, Any] = yield Load()
    except Exception:
        for name, token, _ in leases.granted.values():
            yield from _tell(_release(names, name, token))
        raise
    result = {key: Found(value, ttls[key], loaded=True, shared=False) for key, value in loaded.items() if key in ttls}
    for key, (name, token, reply) in leases.granted.items():
        if key in loaded:
            shared = yield from _fill(names, Lease(name, tags, ttls[key], token, reply), loaded[key])
            result[key] = Found(loaded[key], ttls[key], loaded=True, shared=shared)
        else:
            yield from _tell(_release(names, name, token))
    return result


def write(  # noqa: PLR0917 - a plan has no keyword arguments to read better by
    names: Names, debts: Debts, key: str, value: Any, tags: tuple[str, ...], ttl: float
) -> Generator[Effect, Any, None]:
    """Put a value that was not loaded: it replaces whatever is there and voids the load that is under way."""
    versions = [secrets.token_hex(8) for _ in tags]
    arguments = (names.tags, _ms(ttl), _codec.encode(value), *_interleave(tags, versions))
    try:
        yield from debts.pay(names)
        yield Ask("set", (names.value(key), names.lease(key), names.epoch), arguments)
    except BackendUnavailable:
        debts.owe(keys=(key,))


def invalidate(names: Names, debts: Debts, keys: tuple[str, ...]) -> Generator[Effect, Any, None]:
    """Drop values and the leases of their loads."""
    if not (yield from _tell(_invalidate(names, keys))):
        debts.owe(keys=keys)


def invalidate_tags(names: Names, debts: Debts, tags: tuple[str, ...]) -> Generator[Effect, Any, None]:
    """Give the tags new versions."""
    if not (yield from _tell(_bump(names, tags))):
        debts.owe(tags=tags)


def clear(names: Names, debts: Debts) -> Generator[Effect, Any, None]:
    """Give everything a new version."""
    if not (yield from _tell(_clear(names))):
        debts.owe(everything=True)


def _invalidate(names: Names, keys: tuple[str, ...]) -> Ask:
    return Ask("invalidate", tuple(place for key in keys for place in (names.value(key), names.lease(key))), ())


def _bump(names: Names, tags: tuple[str, ...]) -> Ask:
    versions = [secrets.token_hex(8) for _ in tags]
    return Ask("tags", (), (names.tags, *_interleave(tags, versions)))


def _clear(names: Names) -> Ask:
    return Ask("clear", (names.epoch,), (secrets.token_hex(8),))


def _release(names: Names, key: str, token: str) -> Ask:
    return Ask("release", (names.lease(key),), (token,))


def _tell(ask: Ask) -> Generator[Effect, Any, bool]:
    try:
        yield ask
    except BackendUnavailable:
        return False
    return True


def _ask_or_lease(names: Names, key: str, tags: tuple[str, ...], token: str) -> Ask:
    keys = (names.value(key), names.lease(key), names.epoch)
    fresh = [secrets.token_hex(8) for _ in tags]
    return Ask("get_or_lease", keys, (names.tags, token, _ms(_LEASE), *_interleave(tags, fresh)))


def _load_under_lease(names: Names, lease: Lease) -> Generator[Effect, Any, Found]:
    try:
        value = yield Load()
        shared = yield from _fill(names, lease, value)
    except GeneratorExit:
        raise
    except BaseException:  # a cancelled leader, too, gives the lease back: others would wait for it to run out
        yield from _tell(_release(names, lease.key, lease.token))
        raise
    return Found(value, lease.ttl, loaded=True, shared=shared)


def _fill(names: Names, lease: Lease, value: Any) -> Generator[Effect, Any, bool]:
    """Whether Redis took the value; it refuses when something was invalidated since the lease was granted."""
    epoch, versions = lease.reply[1], lease.reply[2:]
    keys = (names.value(lease.key), names.lease(lease.key), names.epoch)
    payload = _codec.encode(value)
    arguments = (names.tags, lease.token, epoch, _ms(lease.ttl), payload, *_interleave(lease.tags, versions))
    try:
        return bool((yield Ask("fill", keys, arguments)))
    except BackendUnavailable:
        return False


def _found(reply: Any) -> Found | None:
    if not reply or reply[0] != _HIT:
        return None
    try:
        value = _codec.decode(reply[1])
    except CodecError:
        return None  # another version's: load it anew
    return Found(value, max(int(reply[2]), 0) / 1000, loaded=False, shared=True)


def _interleave(tags: tuple[str, ...], versions: Any) -> tuple[str | bytes, ...]:
    return tuple(part for pair in zip(tags, versions, strict=True) for part in pair)


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
