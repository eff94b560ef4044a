"""A cache's part of Redis, as plans: what to ask next, not how. Both colours perform the same plans.

Invariant: a value reaches Redis only under the lease that its load was given, and is read only while every tag has the
version that it had before the load began. An invalidation, in any process, takes leases and versions away.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mestres_perf._kernel.effects import Ask, Effect, Fetch, Sleep
from mestres_perf.cache import _frame
from mestres_perf.cache._backplane import BUMP, CLEAR, DROP
from mestres_perf.cache._debts import Debts
from mestres_perf.cache._frame import Frame
from mestres_perf.cache._leases import Leases
from mestres_perf.cache._loading import Loading
from mestres_perf.cache._serializer import Content, Serializer
from mestres_perf.errors import BackendUnavailable, CodecError

_FIRST_WAIT, _LONGEST_WAIT, _SHARE = 0.002, 0.05, 0.04
_TAG_LIFE = 30 * 24 * 3600
_FILLED, _LEASED = 1, 2
_CENTURY = 100 * 365 * 24 * 3600.0  # as long as Redis can count, and as good as for ever
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
class Wanted:
    """What of a batch is to be had from Redis: the tags that the value will have, and which value does not count.

    None with the stamp `but`, and none with less than `still` seconds left (below zero: a stale one will do).
    """

    tags: tuple[str, ...] = ()
    but: bytes = b""
    still: float = 0.0


@dataclass(slots=True)
class Seen:
    """What Redis said of a key: the value that holds, the stamp of what is there, the versions that were asked for."""

    found: Found | None
    stamp: bytes
    asked: Sequence[str]
    replies: Sequence[bytes | None]
    bumps: bytes | None

    @property
    def versions(self) -> dict[str, bytes]:
        """By tag, as far as Redis has them."""
        return {tag: reply for tag, reply in zip(self.asked, self.replies, strict=True) if reply is not None}


@dataclass(frozen=True, slots=True)
class Inspected:
    """What lies in Redis under a key, whether it holds or not: `found` is the value that holds.

    `left` are the seconds of freshness, `leased` those since a process was given the lease to load it, `versions` those
    that the tags have now. `is_owed`: an invalidation of it could not be told to Redis yet.
    """

    frame: Frame | None
    found: Found | None
    left: float
    leased: float | None
    versions: Mapping[str, bytes]
    is_owed: bool


_Command = tuple[str | bytes | int, ...]
Loader = Callable[[], Generator[Effect, Any, Found]]


def pauses(longest: float) -> Iterator[float]:
    """How long to wait, again and again, for what another process is loading; they end after `longest` seconds.

    In step with how long it has taken: nobody comes later than a small part of the loader's own time.
    """
    waited, wait = 0.0, _FIRST_WAIT
    while waited <= longest:
        yield wait
        waited, wait = waited + wait, min(max(_FIRST_WAIT, (waited + wait) * _SHARE), _LONGEST_WAIT)


class Shared:
    """Reading and writing through Redis. `origin` names this process in the messages to others."""

    def __init__(
        self, cache: str, leases: Leases, serializer: Serializer | None = None, *, is_cluster: bool = False
    ) -> None:
        self.names = Names(cache)
        self.leases = leases
        self.serializer = serializer or Serializer()
        self._is_cluster = is_cluster
        self.origin = secrets.token_hex(8)
        self._debts = Debts()

    @property
    def lock(self) -> threading.Lock:
        """What guards the debts."""
        return self._debts.lock

    def give_up(self, names: Iterable[str]) -> None:
        """The loads of these keys are void: whoever comes now shall not wait for them."""
        self.leases.give_up([self.names.lease(name) for name in names])

    def start_anew(self) -> None:
        """In a forked child: under the name of its parent neither would hear what the other invalidates."""
        self.origin = secrets.token_hex(8)
        self._debts.start_anew()

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

    def look(self, name: str, tags: Sequence[str] = ()) -> Generator[Effect, Any, Seen | None]:
        """What Redis has, stale values too; None when it does not answer.

        One round trip when the value has no tags but these.
        """
        try:
            if self._debts.is_due:
                yield from self._debts.pay(self._tell)
            return (yield from self._see(name, tags))
        except BackendUnavailable:
            return None

    def inspect(self, name: str, tags: Sequence[str]) -> Generator[Effect, Any, Inspected | None]:
        """What is there and why; nothing is paid, leased or written. None when Redis does not answer."""
        value, asked = self.names.value(name), (_EVERYTHING, *tags)
        times = (("PTTL", value), ("PTTL", self.names.lease(name)))
        gets = (("GET", value), *(("GET", self.names.tag(tag)) for tag in asked))
        try:
            left, leased, raw, *replies = yield Fetch((*times, *gets))
            known = {tag: reply for tag, reply in zip(asked, replies, strict=True) if reply is not None}
            frame = self.serializer.unpack(value, raw)
            if frame is not None:
                known.update((yield from self._versions(tag for tag in frame.versions if tag not in asked)))
        except BackendUnavailable:
            return None
        return Inspected(
            frame=frame,
            found=self._holds(frame, left, known),
            left=0.0 if frame is None else (max(left, 0) - frame.stale) / 1000,
            leased=self.leases.seconds - leased / 1000 if leased > 0 else None,
            versions=known,
            is_owed=self._debts.covers(name, () if frame is None else frame.versions),
        )

    def read_many(self, wanted: Sequence[str]) -> Generator[Effect, Any, list[Found | None]]:
        """The same for many, in two round trips at most."""
        try:
            yield from self._debts.pay(self._tell)
            return [seen.found for seen in (yield from self._see_many(wanted, ()))]
        except BackendUnavailable:
            return [None] * len(wanted)

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
        first: Seen | None = None,
    ) -> Generator[Effect, Any, Found]:
        """What Redis has; if nothing, what `load` gives, once over all processes as long as Redis answers.

        A value with the stamp `but` does not count, nor one with less than `still` seconds left (below zero: a stale
        one will do). `stale` are the seconds after its TTL that Redis keeps it. `first` is what was seen just now.
        """
        pause = pauses(self.leases.longest)
        while True:
            try:
                yield from self._debts.pay(self._tell)
                seen, first = (yield from self._see(name, tags)) if first is None else first, None
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
            wait = next(pause, None)
            if wait is None:  # somebody else's key, for ever: load beside it, store nothing
                found = yield from load()
                found.keep = False
                return found
            yield Sleep(wait)

    def obtain_many(
        self, wanted: Mapping[str, Wanted]
    ) -> Generator[Effect, Any, tuple[dict[str, Found], dict[str, _Lease]]]:
        """What Redis has of a batch, and leases for what it has not; what is in neither somebody else is loading.

        Two or three round trips, however many there are. Raises BackendUnavailable.
        """
        yield from self._debts.pay(self._tell)
        tags = tuple(dict.fromkeys(tag for one in wanted.values() for tag in one.tags))
        seen = dict(zip(wanted, (yield from self._see_many(tuple(wanted), tags)), strict=True))
        found = {
            name: one.found
            for name, one in seen.items()
            if one.found is not None and one.found.left > wanted[name].still and one.stamp != wanted[name].but
        }
        missing = [name for name in wanted if name not in found]
        return found, (yield from self._lease_many(missing, wanted, seen, tags) if missing else _none())

    def _lease_many(
        self, missing: Sequence[str], wanted: Mapping[str, Wanted], seen: Mapping[str, Seen], tags: Sequence[str]
    ) -> Generator[Effect, Any, dict[str, _Lease]]:
        """Versions and leases in one round trip; the versions are as old as the leases, or older."""
        known = seen[missing[0]].versions
        unknown = [tag for tag in (_EVERYTHING, *tags) if tag not in known]
        begun = self._begin_versions(unknown)
        asks = [self._ask_lease(name, seen[name].stamp) for name in missing]
        try:
            replies = yield Fetch((*begun, *asks))
        except (GeneratorExit, BackendUnavailable):
            raise
        except BaseException:  # cancelled: they may have been granted all the same
            yield from self.release(
                *(_Lease(name, str(ask.arguments[0]), {}, None) for name, ask in zip(missing, asks, strict=True))
            )
            raise
        versions = {**known, **dict(zip(unknown, replies[len(unknown) : len(begun)], strict=True))}
        granted: dict[str, _Lease] = {}
        for name, ask, reply in zip(missing, asks, replies[len(begun) :], strict=True):
            if int(reply) == _LEASED:
                token = str(ask.arguments[0])
                self.leases.hold(token, ask.keys[1])
                own = {tag: versions[tag] for tag in dict.fromkeys((_EVERYTHING, *wanted[name].tags))}
                granted[name] = _Lease(name, token, own, seen[name].bumps)
        return granted

    def fill_many(self, filled: Sequence[Filled]) -> Generator[Effect, Any, list[bool]]:
        """Of each whether Redis took it, as `fill`; two round trips, one more when the loader has added tags."""
        self.leases.drop(*(one.lease.token for one in filled))
        try:
            versions = yield from self._unchanged([(one.lease, tuple(one.loading.added)) for one in filled])
            asks = [
                Ask("release", (self.names.lease(one.lease.name),), (one.lease.token,))
                if own is None
                else self._ask_fill(one, own)
                for one, own in zip(filled, versions, strict=True)
            ]
            replies = (yield Fetch(tuple(asks))) if asks else []
        except BackendUnavailable:
            yield from self.release(*(one.lease for one in filled))  # others would wait for them to run out
            return [False] * len(filled)
        return [own is not None and bool(reply) for own, reply in zip(versions, replies, strict=True)]

    def _ask_fill(self, filled: Filled, versions: Mapping[str, bytes]) -> Ask:
        lease, found, names = filled.lease, filled.found, self.names
        found.stamp = _frame.new_stamp()
        data = self._pack(lease.name, found, self.serializer.encode(found.value), versions, filled.stale)
        return Ask(
            "fill",
            (names.value(lease.name), names.lease(lease.name)),
            (lease.token, data, _ms(found.left) + _ms(filled.stale)),
        )

    def fill(self, lease: _Lease, found: Found, loading: Loading, *, stale: float) -> Generator[Effect, Any, bool]:
        """Whether Redis took the value; it refuses when it was invalidated since the lease was granted."""
        return (yield from self.fill_many([Filled(lease, found, loading, stale)]))[0]

    def _unchanged(
        self, leases: Sequence[tuple[_Lease, Sequence[str]]]
    ) -> Generator[Effect, Any, list[dict[str, bytes] | None]]:
        """The versions to store each value with, given its lease and the tags that its loader has added.

        None when something was invalidated since the lease was given: Redis could take the value all the same, and
        nobody would ever be given it; but memory would hold it a while.
        """
        added = tuple(dict.fromkeys(tag for _, own in leases for tag in own))
        begun = (yield from self._every_version({}, added)) if added else {}
        asked = tuple(dict.fromkeys(tag for lease, _ in leases for tag in lease.versions))
        bumps, *replies = yield Fetch((("GET", self.names.bumps), *(("GET", self.names.tag(tag)) for tag in asked)))
        now = dict(zip(asked, replies, strict=True))
        return [
            # A tag that was not known before the load may have been bumped during it.
            None
            if any(now[tag] != version for tag, version in lease.versions.items()) or (own and bumps != lease.bumps)
            else {**lease.versions, **{tag: begun[tag] for tag in own if tag not in lease.versions}}
            for lease, own in leases
        ]

    def release(self, *leases: _Lease) -> Generator[Effect, Any, bool]:
        """Give leases back, in one round trip: the load has failed."""
        self.leases.drop(*(lease.token for lease in leases))
        asks = tuple(Ask("release", (self.names.lease(lease.name),), (lease.token,)) for lease in leases)
        return not asks or (yield from _told(_fetch(asks)))

    def write(self, values: Mapping[str, tuple[Found, Sequence[str]]], *, stale: float) -> Generator[Effect, Any, None]:
        """Put values that were not loaded, each with its tags, in two round trips.

        They replace whatever is there and void the loads that are under way.
        """
        # A value that cannot go through Redis changes nothing.
        contents = {name: self.serializer.encode(found.value) for name, (found, _) in values.items()}
        with self._owing(keys=values):
            yield from self._debts.pay(self._tell)
            tags = tuple(dict.fromkeys(tag for _, own in values.values() for tag in own))
            known = yield from self._every_version({}, tags)
            asks = []
            for name, (found, own) in values.items():
                found.stamp = _frame.new_stamp()
                versions = {tag: known[tag] for tag in (_EVERYTHING, *own)}
                data = self._pack(name, found, contents[name], versions, stale)
                places = (self.names.value(name), self.names.lease(name))
                asks.append(Ask("set", places, (data, _ms(found.left) + _ms(stale))))
            yield from self._in_turn(asks, self._announcements(DROP, tuple(values)))

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
        except CodecError:  # nothing was told at all
            raise
        except BaseException:
            self._debts.owe(keys=keys, tags=tags, everything=everything)
            raise

    def _tell(self, keys: Sequence[str], tags: Sequence[str], everything: bool) -> Generator[Effect, Any, None]:
        """Redis first, then the other processes: whoever hears it finds nothing old in Redis any more."""
        if everything:
            yield from self._in_turn(*_bump(self.names, (_EVERYTHING,)), self._announcements(CLEAR, ()))
            return
        told = (*self._announcements(DROP, keys), *self._announcements(BUMP, tags))
        yield from self._in_turn(_drop(self.names, keys), *_bump(self.names, tags), told)

    def _in_turn(self, *steps: Sequence[_Command | Ask]) -> Generator[Effect, Any, None]:
        """One after the other: in one round trip, unless the places lie on several nodes, which keep no order."""
        for step in steps if self._is_cluster else (tuple(itertools.chain(*steps)),):
            if step:
                yield Fetch(tuple(step))

    def _announcements(self, kind: str, parts: Sequence[str]) -> list[Ask]:
        places = (self.names.sequence, self.names.stream)
        told = ["\n".join(parts[start : start + _MOST_PARTS]) for start in range(0, len(parts) or 1, _MOST_PARTS)]
        return [Ask("announce", places, (_KEPT, self.origin, kind, each)) for each in told if each or kind == CLEAR]

    def _see_many(self, wanted: Sequence[str], tags: Sequence[str]) -> Generator[Effect, Any, list[Seen]]:
        """The same as `_see` for many: one round trip, two when values have other tags than are asked for."""
        asked, count = (_EVERYTHING, *tags), 2 * len(wanted)
        values = [self.names.value(name) for name in wanted]
        replies = yield Fetch(
            (
                *(command for value in values for command in (("PTTL", value), ("GET", value))),
                ("GET", self.names.bumps),
                *(("GET", self.names.tag(tag)) for tag in asked),
            )
        )
        lefts, raws, bumps = replies[0:count:2], replies[1:count:2], replies[count]
        versions = replies[count + 1 :]
        known = Seen(None, b"", asked, versions, bumps).versions
        frames = [self.serializer.unpack(*each) for each in zip(values, raws, strict=True)]
        others = dict.fromkeys(tag for frame in frames if frame for tag in frame.versions if tag not in asked)
        all_known = {**known, **(yield from self._versions(others))}
        return [
            Seen(self._holds(frame, left, all_known), (raw or b"")[2:10], asked, versions, bumps)
            for frame, left, raw in zip(frames, lefts, raws, strict=True)
        ]

    def _see(self, name: str, tags: Sequence[str]) -> Generator[Effect, Any, Seen]:
        """Value and versions in one round trip, as long as the value has no other tags than are asked for."""
        names = self.names
        value = names.value(name)
        places = (value, names.bumps, names.tag(_EVERYTHING), *map(names.tag, tags))
        if self._is_cluster:  # the places lie on several nodes
            left, *replies = yield Fetch((("PTTL", value), *(("GET", place) for place in places)))
        else:
            left, replies = yield Fetch((("PTTL", value), ("MGET", *places)))
        raw, bumps, *versions = replies
        seen = Seen(None, b"", (_EVERYTHING, *tags), versions, bumps)
        if raw is None:
            return seen
        seen.stamp = raw[2:10]  # as the script `lease` reads it
        seen.found = self._quickly(raw, left, tags, versions)
        if seen.found is None:
            frame, known = self.serializer.unpack(value, raw), seen.versions
            if frame is not None and frame.versions.keys() != known.keys():
                others = [tag for tag in frame.versions if tag != _EVERYTHING and tag not in tags]
                known.update((yield from self._versions(others)))
            seen.found = self._holds(frame, left, known)
        return seen

    def _quickly(self, raw: bytes, left: int, tags: Sequence[str], versions: Sequence[bytes | None]) -> Found | None:
        """The value, when it has these tags and holds; None: look at it with care."""
        if self.serializer.is_sealed:
            return None
        names = "\n".join((_EVERYTHING, *tags)).encode("utf-8", "surrogatepass") if tags else b""
        quick = _frame.quick(raw, names, versions)
        if quick is None:
            return None
        stamp, flags, codec, stale, took, at = quick
        try:
            value = self.serializer.value(flags, codec, raw[at:])
        except CodecError:
            return None
        return Found(value, (max(left, 0) - stale) / 1000, 0.0, took / 1000, stamp, tuple(tags))

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
            replies = yield Fetch(tuple(self._begin_versions(missing)))
            versions.update(zip(missing, replies[len(missing) :], strict=True))
        return {tag: versions[tag] for tag in (_EVERYTHING, *tags)}  # in this order: see `_frame.quick`

    def _holds(self, frame: Frame | None, left: int, versions: Mapping[str, bytes]) -> Found | None:
        """The value of a frame, when all that it depends on is what it was."""
        if frame is None or not (frame.versions == versions or frame.versions.items() <= versions.items()):
            return None
        try:
            value = self.serializer.decode(frame)
        except CodecError:
            return None  # other code's: load it anew
        tags = tuple(filter(None, frame.versions))  # without the one that stands for everything
        return Found(value, (max(left, 0) - frame.stale) / 1000, 0.0, frame.took / 1000, frame.stamp, tags)

    def _pack(self, name: str, found: Found, content: Content, versions: Mapping[str, bytes], stale: float) -> bytes:
        place = self.names.value(name)
        return self.serializer.pack(place, content, stamp=found.stamp, versions=versions, stale=stale, took=found.took)

    def _begin_versions(self, tags: Sequence[str]) -> list[_Command]:
        """As many commands that give a version to what has none, and as many that read it."""
        places = [self.names.tag(tag) for tag in tags]
        begun: list[_Command] = [("SET", place, _frame.new_version(), "NX", "EX", _TAG_LIFE) for place in places]
        return [*begun, *(("GET", place) for place in places)]

    def _lease(self, name: str, stamp: bytes) -> Generator[Effect, Any, tuple[int, str]]:
        ask = self._ask_lease(name, stamp)
        token = str(ask.arguments[0])
        try:
            reply = int((yield ask))
        except (GeneratorExit, BackendUnavailable):
            raise
        except BaseException:  # cancelled: it may have been granted all the same
            yield from self.release(_Lease(name, token, {}, None))
            raise
        if reply == _LEASED:
            self.leases.hold(token, ask.keys[1])
        return reply, token

    def _ask_lease(self, name: str, stamp: bytes) -> Ask:
        keys = (self.names.value(name), self.names.lease(name))
        return Ask("lease", keys, (secrets.token_hex(8), _ms(self.leases.seconds), stamp))

    def _load_under(self, lease: _Lease, loading: Loading, load: Loader, stale: float) -> Generator[Effect, Any, Found]:
        try:
            found = yield from load()
            if loading.keep:
                found.keep = yield from self.fill(lease, found, loading, stale=stale)
            else:
                yield from self.release(lease)
        except GeneratorExit:
            self.leases.drop(lease.token)  # it runs out by itself
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


@dataclass(frozen=True, slots=True)
class Filled:
    """A value that was loaded under a lease; Redis is to keep it `stale` seconds after its TTL."""

    lease: _Lease
    found: Found
    loading: Loading
    stale: float


def _drop(names: Names, wanted: Iterable[str]) -> list[_Command]:
    return [("DEL", names.value(name), names.lease(name)) for name in wanted]


def _bump(names: Names, tags: Sequence[str]) -> tuple[list[_Command], list[_Command]]:
    """Two steps: the word before the versions, so that whoever reads those after has seen it.

    No count: one that Redis lost could come to the same number again. A tag without a version needs none: no value that
    has it holds, and no load under way was given one.
    """
    fresh: list[_Command] = [("SET", names.tag(tag), _frame.new_version(), "XX", "EX", _TAG_LIFE) for tag in tags]
    return [("SET", names.bumps, _frame.new_version())] if tags else [], fresh


def _fetch(asks: tuple[Ask, ...]) -> Generator[Effect, Any, None]:
    yield Fetch(asks)


def _none() -> Generator[Effect, Any, dict[str, _Lease]]:
    return {}
    yield


def _told(plan: Generator[Effect, Any, None]) -> Generator[Effect, Any, bool]:
    try:
        yield from plan
    except BackendUnavailable:
        return False
    return True


def _ms(seconds: float) -> int:
    return max(1, int(min(seconds, _CENTURY) * 1000)) if seconds else 0
