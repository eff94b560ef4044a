"""A cache's part of Redis, as plans: what to ask next, not how. Both colours perform the same plans.

Invariant: a value reaches Redis only under the lease that its load was given, and is read only while every tag has the
version that it had before the load began. An invalidation, in any process, takes leases and versions away.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mestres_perf._kernel.effects import Ask, Effect, Fetch, Sleep
from mestres_perf.cache import _codec, _frame
from mestres_perf.cache._backplane import BUMP, CLEAR, DROP
from mestres_perf.cache._frame import Frame
from mestres_perf.cache._loading import Loading
from mestres_perf.errors import BackendUnavailable, CodecError

LEASE = 10.0
_FIRST_WAIT, _LONGEST_WAIT, _SHARE = 0.002, 0.05, 0.08
_TAG_LIFE = 30 * 24 * 3600
_FILLED, _LEASED = 1, 2
_MOST_DEBTS = 10_000
_MOST_PARTS = 500
_KEPT = 20_000
"""So many messages are kept in Redis for who was away."""

_EVERYTHING = ""


@dataclass(frozen=True, slots=True)
class Names:
    """How things are called in Redis. All begin with the cache's own name, so that caches may share a database.

    In a Redis Cluster a value and its lease lie together; tags lie anywhere.
    """

    cache: str

    def value(self, key: str) -> str:
        """Where a value is."""
        return f"{{{self.cache}:{key}}}:v"

    def lease(self, key: str) -> str:
        """Who is loading it."""
        return f"{{{self.cache}:{key}}}:l"

    def tag(self, tag: str) -> str:
        """Where the version of a tag is."""
        return f"{self.cache}:t:{tag}"

    @property
    def sequence(self) -> str:
        """The number of the last message to other processes."""
        return f"{{{self.cache}}}:q"

    @property
    def stream(self) -> str:
        """The last messages to other processes."""
        return f"{{{self.cache}}}:s"

    @property
    def bumps(self) -> str:
        """Another word whenever a tag has been given a new version."""
        return f"{self.cache}:n"


@dataclass(slots=True)
class Found:
    """A value: its seconds of freshness (below zero: stale), its age, how long its load took, its stamp and tags.

    `checked` is a moment of the clock at which it was true, None for now.
    `keep` is False for what may be given to those who asked and to nobody else.
    """

    value: Any
    left: float
    age: float = 0.0
    took: float = 0.0
    stamp: bytes = b""
    tags: tuple[str, ...] = ()
    checked: float | None = None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What Redis said of a key: the value that holds, the stamp of whatever is there, the versions of its tags."""

    found: Found | None
    stamp: bytes
    versions: dict[str, bytes]
    bumps: bytes | None


class Debts:
    """What Redis could not be told while it was away. Until it has been, nothing is read from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._tags: set[str] = set()
        self._everything = False
        self._paying = False

    @property
    def is_due(self) -> bool:
        """Whether there is any."""
        return bool(self._keys or self._tags or self._everything)

    def owe(self, *, keys: Iterable[str] = (), tags: Iterable[str] = (), everything: bool = False) -> None:
        """Remember an invalidation that did not arrive; very many become one of everything."""
        with self._lock:
            self._keys.update(keys)
            self._tags.update(tags)
            self._everything |= everything or len(self._keys) + len(self._tags) > _MOST_DEBTS

    def pay(self, tell: Tell) -> Generator[Effect, Any, None]:
        """Tell Redis now. Raises BackendUnavailable when it is still away, or somebody else is just telling it."""
        if not self.is_due:
            return
        with self._lock:
            if self._paying:
                raise BackendUnavailable("Redis is being told what it has missed")
            self._paying = True
            keys, tags, everything = tuple(self._keys), tuple(self._tags), self._everything
        try:
            yield from tell(keys, tags, everything)
            with self._lock:
                self._keys.difference_update(keys)
                self._tags.difference_update(tags)
                self._everything = self._everything and not everything
        finally:
            self._paying = False


Loader = Callable[[], Generator[Effect, Any, Found]]
Tell = Callable[[Sequence[str], Sequence[str], bool], Generator[Effect, Any, None]]


class Shared:
    """Reading and writing through Redis. `origin` names this process in the messages to others."""

    def __init__(self, cache: str, *, is_cluster: bool = False) -> None:
        self.names = Names(cache)
        self._is_cluster = is_cluster
        self.origin = secrets.token_hex(8)
        self._debts = Debts()

    @property
    def owes(self) -> bool:
        """Whether there is something that Redis could not be told yet."""
        return self._debts.is_due

    def settle(self) -> Generator[Effect, Any, bool]:
        """Whether Redis knows of every invalidation; what it does not know it is told now."""
        try:
            yield from self._debts.pay(self._tell)
        except BackendUnavailable:
            return False
        return True

    def read(self, name: str, tags: Sequence[str] = ()) -> Generator[Effect, Any, Found | None]:
        """What Redis has, without loading; stale values too. One round trip when the value has no tags but these."""
        try:
            yield from self._debts.pay(self._tell)
            return (yield from self._see(name, tags)).found
        except BackendUnavailable:
            return None

    def read_many(self, wanted: Sequence[str]) -> Generator[Effect, Any, list[Found | None]]:
        """The same for many, in two round trips at most."""
        try:
            yield from self._debts.pay(self._tell)
            values = [self.names.value(name) for name in wanted]
            commands = [command for value in values for command in (("GET", value), ("PTTL", value))]
            replies = yield Fetch(tuple(commands))
            frames = [_frame_of(raw) for raw in replies[::2]]
            tags = dict.fromkeys(tag for frame in frames if frame for tag in frame.versions)
            versions = yield from self._versions(tags)
        except BackendUnavailable:
            return [None] * len(wanted)
        return [_holds(frame, left, versions) for frame, left in zip(frames, replies[1::2], strict=True)]

    def read_through(
        self,
        name: str,
        loading: Loading,
        tags: Sequence[str],
        load: Loader,
        *,
        stale: float,
        but: bytes = b"",
        still: float = 0.0,
    ) -> Generator[Effect, Any, Found]:
        """What Redis has; if nothing, what `load` gives, once over all processes as long as Redis answers.

        A value with the stamp `but` does not count, nor one with less than `still` seconds left (below zero: a stale
        one will do). `stale` are the seconds after its TTL that Redis keeps it.
        """
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                yield from self._debts.pay(self._tell)
                seen = yield from self._see(name, tags)
                if seen.found is not None and seen.found.left > still and seen.stamp != but:
                    return seen.found
                versions = yield from self._every_version(seen.versions, tags)
                reply, token = yield from self._lease(name, seen.stamp)
            except BackendUnavailable:
                return (yield from load())  # this process alone: its memory holds it while it is trusted
            if reply == _LEASED:
                lease = _Lease(name, token, versions, seen.bumps)
                return (yield from self._load_under(lease, loading, load, stale))
            if reply == _FILLED:
                continue
            if waited > LEASE:  # whoever holds the lease does not come to an end: load beside it, store nothing
                found = yield from load()
                found.keep = False
                return found
            yield Sleep(wait)
            # In step with how long it has taken: nobody comes later than a small part of the loader's own time.
            waited, wait = waited + wait, min(max(_FIRST_WAIT, (waited + wait) * _SHARE), _LONGEST_WAIT)

    def lease_many(self, wanted: Sequence[str], tags: Sequence[str]) -> Generator[Effect, Any, dict[str, _Lease]]:
        """Leases for what of a batch nobody else is loading."""
        granted: dict[str, _Lease] = {}
        try:
            replies = yield Fetch((("GET", self.names.bumps),))
            versions = yield from self._every_version({}, tags)
            for name in wanted:
                reply, token = yield from self._lease(name, b"")
                if reply == _LEASED:
                    granted[name] = _Lease(name, token, versions, replies[0])
        except BackendUnavailable:
            pass
        return granted

    def fill(self, lease: _Lease, found: Found, loading: Loading, *, stale: float) -> Generator[Effect, Any, bool]:
        """Whether Redis took the value; it refuses when it was invalidated since the lease was granted."""
        names = self.names
        try:
            versions = yield from self._unchanged(lease, tuple(loading.added))
            if versions is None:
                yield from self.release(lease)
                return False
            found.stamp = _frame.new_stamp()
            data = _pack(found, versions, stale)
            keys = (names.value(lease.name), names.lease(lease.name))
            return bool((yield Ask("fill", keys, (lease.token, data, _ms(found.left + stale)))))
        except BackendUnavailable:
            return False

    def _unchanged(self, lease: _Lease, added: Sequence[str]) -> Generator[Effect, Any, dict[str, bytes] | None]:
        """The versions to store a value with; None when something was invalidated since the lease was given.

        Redis could take the value all the same, and nobody would ever be given it; but memory would hold it a while.
        """
        wanted = [tag for tag in lease.versions if tag != _EVERYTHING]
        added_versions = (yield from self._every_version({}, added)) if added else {}
        asked = (_EVERYTHING, *wanted)
        commands = (("GET", self.names.tag(tag)) for tag in asked)
        bumps, *replies = yield Fetch((("GET", self.names.bumps), *commands))
        if any(lease.versions[tag] != reply for tag, reply in zip(asked, replies, strict=True)):
            return None
        if added and bumps != lease.bumps:  # a tag that was not known before the load may have been bumped during it
            return None
        return {**added_versions, **lease.versions}

    def release(self, lease: _Lease) -> Generator[Effect, Any, bool]:
        """Give a lease back: the load has failed."""
        return (yield from _told(_ask(Ask("release", (self.names.lease(lease.name),), (lease.token,)))))

    def write(self, name: str, found: Found, tags: Sequence[str], *, stale: float) -> Generator[Effect, Any, None]:
        """Put a value that was not loaded: it replaces whatever is there and voids the load that is under way."""
        names = self.names
        payload = _codec.encode(found.value)  # a value that cannot go through Redis changes nothing
        found.stamp = _frame.new_stamp()
        with self._owing(keys=(name,)):
            yield from self._debts.pay(self._tell)
            versions = yield from self._every_version({}, tags)
            data = Frame(found.stamp, 0, int(stale * 1000), 0, versions, payload).pack()
            yield Ask("set", (names.value(name), names.lease(name)), (data, _ms(found.left + stale)))
            yield from self._announce(DROP, (name,))

    def invalidate(self, wanted: Sequence[str]) -> Generator[Effect, Any, None]:
        """Drop values and the leases of their loads."""
        with self._owing(keys=wanted):
            yield from self._tell(wanted, (), everything=False)

    def invalidate_tags(self, tags: Sequence[str]) -> Generator[Effect, Any, None]:
        """Give the tags new versions."""
        with self._owing(tags=tags):
            yield from self._tell((), tags, everything=False)

    def clear(self) -> Generator[Effect, Any, None]:
        """Give everything a new version."""
        with self._owing(everything=True):
            yield from self._tell((), (), everything=True)

    @contextmanager
    def _owing(
        self, *, keys: Iterable[str] = (), tags: Iterable[str] = (), everything: bool = False
    ) -> Generator[None, None, None]:
        """Redis is told what is untrue: now, or later when it is away, or when a task was cancelled in the middle."""
        try:
            yield
        except BackendUnavailable:
            self._debts.owe(keys=keys, tags=tags, everything=everything)
        except Exception:
            raise
        except BaseException:
            self._debts.owe(keys=keys, tags=tags, everything=everything)
            raise

    def _tell(self, keys: Sequence[str], tags: Sequence[str], everything: bool) -> Generator[Effect, Any, None]:
        """Redis first, then the other processes: whoever hears it finds nothing old in Redis any more."""
        if everything:
            yield from _bump(self.names, (_EVERYTHING,))
            yield from self._announce(CLEAR, ())
            return
        yield from _drop(self.names, keys)
        yield from _bump(self.names, tags)
        yield from self._announce(DROP, keys)
        yield from self._announce(BUMP, tags)

    def _announce(self, kind: str, parts: Sequence[str]) -> Generator[Effect, Any, None]:
        places = (self.names.sequence, self.names.stream)
        for start in range(0, len(parts) or 1, _MOST_PARTS):
            told = "\n".join(parts[start : start + _MOST_PARTS])
            if told or kind == CLEAR:
                yield Ask("announce", places, (_KEPT, self.origin, kind, told))

    def _see(self, name: str, tags: Sequence[str]) -> Generator[Effect, Any, Seen]:
        """Value and versions in one round trip, as long as the value has no other tags than are asked for."""
        names, asked = self.names, (_EVERYTHING, *tags)
        value = names.value(name)
        places = (value, names.bumps, *(names.tag(tag) for tag in asked))
        if self._is_cluster:  # the places lie on several nodes
            left, *replies = yield Fetch((("PTTL", value), *(("GET", place) for place in places)))
        else:
            left, replies = yield Fetch((("PTTL", value), ("MGET", *places)))
        known = {tag: reply for tag, reply in zip(asked, replies[2:], strict=True) if reply is not None}
        frame, stamp = _frame_of(replies[0]), (replies[0] or b"")[2:10]  # as the script `lease` reads it
        others = [tag for tag in frame.versions if tag not in asked] if frame else []
        if others:
            known.update((yield from self._versions(others)))
        return Seen(_holds(frame, left, known), stamp, known, replies[1])

    def _versions(self, tags: Iterable[str]) -> Generator[Effect, Any, dict[str, bytes]]:
        wanted = tuple(tags)
        if not wanted:
            return {}
        replies = yield Fetch(tuple(("GET", self.names.tag(tag)) for tag in wanted))
        return {tag: reply for tag, reply in zip(wanted, replies, strict=True) if reply is not None}

    def _every_version(
        self, known: Mapping[str, bytes], tags: Sequence[str]
    ) -> Generator[Effect, Any, dict[str, bytes]]:
        """The versions of these tags, and of everything; one that Redis has forgotten begins anew."""
        versions = {tag: known[tag] for tag in (_EVERYTHING, *tags) if tag in known}
        missing = [tag for tag in dict.fromkeys((_EVERYTHING, *tags)) if tag not in versions]
        if missing:
            places = [self.names.tag(tag) for tag in missing]
            fresh = (("SET", place, _frame.new_version(), "NX", "EX", _TAG_LIFE) for place in places)
            replies = yield Fetch((*fresh, *(("GET", place) for place in places)))
            versions.update(zip(missing, replies[len(missing) :], strict=True))
        return versions

    def _lease(self, name: str, stamp: bytes) -> Generator[Effect, Any, tuple[int, str]]:
        token = secrets.token_hex(8)
        keys = (self.names.value(name), self.names.lease(name))
        reply = yield Ask("lease", keys, (token, _ms(LEASE), stamp))
        return int(reply), token

    def _load_under(self, lease: _Lease, loading: Loading, load: Loader, stale: float) -> Generator[Effect, Any, Found]:
        try:
            found = yield from load()
            if loading.keep:
                found.keep = yield from self.fill(lease, found, loading, stale=stale)
            else:
                yield from self.release(lease)
        except GeneratorExit:
            raise
        except BaseException:  # a cancelled leader, too, gives the lease back: others would wait for it to run out
            yield from self.release(lease)
            raise
        return found


@dataclass(frozen=True, slots=True)
class _Lease:
    """The right to load `name`, and the versions that its tags had when it was given."""

    name: str
    token: str
    versions: Mapping[str, bytes]
    bumps: bytes | None


def _drop(names: Names, wanted: Iterable[str]) -> Generator[Effect, Any, None]:
    commands = tuple(("DEL", names.value(name), names.lease(name)) for name in wanted)
    if commands:
        yield Fetch(commands)


def _bump(names: Names, tags: Sequence[str]) -> Generator[Effect, Any, None]:
    if not tags:
        return
    # Before the versions: whoever reads those after has seen it. No count: one that was lost would come to the same.
    yield Fetch((("SET", names.bumps, _frame.new_version()),))
    # A tag without a version needs none: no value that has it holds, and no load under way was given one.
    yield Fetch(tuple(("SET", names.tag(tag), _frame.new_version(), "XX", "EX", _TAG_LIFE) for tag in tags))


def _ask(ask: Ask) -> Generator[Effect, Any, None]:
    yield ask


def _told(plan: Generator[Effect, Any, None]) -> Generator[Effect, Any, bool]:
    try:
        yield from plan
    except BackendUnavailable:
        return False
    return True


def _frame_of(raw: bytes | None) -> Frame | None:
    if raw is None:
        return None
    try:
        return _frame.unpack(raw)
    except CodecError:
        return None  # another version's: load it anew


def _holds(frame: Frame | None, left: int, versions: Mapping[str, bytes]) -> Found | None:
    """The value of a frame, when all that it depends on is what it was."""
    if frame is None or any(versions.get(tag) != version for tag, version in frame.versions.items()):
        return None
    try:
        value = _codec.decode(frame.payload)
    except CodecError:
        return None
    tags = tuple(tag for tag in frame.versions if tag != _EVERYTHING)
    left_fresh = (max(left, 0) - frame.stale) / 1000
    return Found(value, left_fresh, took=frame.took / 1000, stamp=frame.stamp, tags=tags)


def _pack(found: Found, versions: Mapping[str, bytes], stale: float) -> bytes:
    payload = _codec.encode(found.value)
    return Frame(found.stamp, 0, int(stale * 1000), int(found.took * 1000), versions, payload).pack()


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
