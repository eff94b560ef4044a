"""What a cache does for a request that memory could not answer at once, as plans: both colours perform the same.

Invariant: after `delete`, `invalidate`, `invalidate_tags` or `clear` has returned, no load that was under way, in this
process or in another on the same Redis, in the foreground or not, can put the old value back, and no later caller in
this process is given it.
"""

from __future__ import annotations

import copy
import math
import random
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Hashable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import IOBase
from typing import Any

from mestres_perf._kernel import forks
from mestres_perf._kernel.effects import TIMED_OUT, Effect, Load, Spawn, Wait
from mestres_perf.cache._adaptive import Adaptive, Changes, Requests
from mestres_perf.cache._backplane import Follower
from mestres_perf.cache._entry import GONE, MISS, Entry, Failure
from mestres_perf.cache._events import Kind
from mestres_perf.cache._flight import HAND_OVER, Flight, Flights, waiting
from mestres_perf.cache._memory import Seen, Store
from mestres_perf.cache._options import Options
from mestres_perf.cache._shared import Found, Shared
from mestres_perf.cache._shared import Seen as There
from mestres_perf.cache._stats import Counts
from mestres_perf.errors import LoadTimeout, UncacheableError

Steps = Generator[Effect, Any, Any]
_ONCE_ONLY = (Iterator, AsyncIterator, Awaitable, IOBase)
_LONGEST_EARLY = 10.0
"""So many loads' time before a value expires nobody renews it early: the chance is below one in 20,000."""

_MOST_TAGS_SEEN = 10_000
_RETRY = 1.0
"""After a load has failed and a stale value was given out instead, it is given out for so long without another try."""


@dataclass(slots=True)
class Request:
    """Somebody wants a key; `family` is what its changes are counted under, `name` what Redis calls it.

    Nobody changes it; it is not frozen because making a frozen one takes three times as long.
    """

    key: Hashable
    name: str
    family: str
    options: Options
    tags: Callable[[], tuple[str, ...]]
    is_async: bool


class Core:
    """One cache's memory, loads under way, and part of Redis."""

    def __init__(self, store: Store, shared: Shared | None, options: Options, trust: float) -> None:
        self.store = store
        self.events = store.events
        self.flights = Flights(store)
        self.shared = shared
        self.options = options
        self.counts = Counts()
        self.requests: Requests | None = None  # until a TTL depends on them
        self.changes: Changes | None = None
        self.trust = trust
        self.dice: Callable[[], float] = random.random
        self.follower: Follower | None = None
        if shared is not None:
            self.follower = Follower(self.flights, shared.origin, trust, store.clock)
            self.flights.is_trusted = self.is_trusted
            self.flights.void = shared.give_up
        self.listen: Callable[[], None] = _nothing
        self._tags_seen: dict[str, tuple[str, ...]] = {}
        self.copied: Callable[[Any], Any] = copy.deepcopy if store.memory.copies else _same
        forks.follow(self)

    def locks(self) -> list[threading.Lock]:
        """All of them, in the order in which they are taken."""
        outer = [] if self.shared is None or self.follower is None else [self.shared.lock, self.follower.lock]
        inner = [counter.lock for counter in (self.requests, self.changes) if counter is not None]
        return [*outer, self.flights.lock, self.store.lock, *inner]

    def start_anew(self) -> None:
        """In a forked child: it is a process of its own, and the threads that were loading are not in it.

        What memory holds stays; what depends on Redis is compared with it before it is given out.
        """
        self.flights.start_anew()
        if self.shared is not None and self.follower is not None:
            self.shared.start_anew()
            self.follower.start_anew(self.shared.origin)

    def answer(self, request: Request) -> Steps:
        """The value, whatever it takes. Raises what the loader raises, LoadTimeout, RecursiveLoadError."""
        seen = self.usable(request)
        if seen is None:
            first = None
            if self.shared is not None and not self.flights.has(request.key):
                first = yield from self._glance(self.shared, request, request.tags(), but=self._due_stamp(request))
                if first is not None and first.found is not None and first.found.checked is not None:
                    self.answered(request, found_in="redis")
                    return first.found.value
                if first is not None and first.found is not None:
                    first = None  # what may have been invalidated since is no value for a flight that begins only now
            led: list[Flight] = []
            try:
                return (yield from self._load(request, led, first))
            finally:
                self.answered(request, found_in=led[-1].layer if led else "")
        if self.is_due(seen, request):
            yield from self._renew(request)
            self.events.tell()
        return given(seen.value)

    def answered(self, request: Request, *, found_in: str) -> None:
        """Count a request that memory could not answer: a hit when Redis could."""
        if found_in:
            self.counts.hits += 1
            self.events.note("hit", request.key, layer=found_in)
        else:
            self.counts.misses += 1
            self.events.note("miss", request.key)
        self.events.tell()

    def lookup(self, request: Request) -> Steps:
        """The value as memory or Redis has it, fresh or usable as a stale one, or MISS. Nothing is loaded."""
        seen = self.usable(request)
        if seen is not None:
            return given(seen.value)
        if self.shared is not None:
            there = yield from self._glance(self.shared, request, self._known_tags(request))
            found = None if there is None else there.found
            if found is not None and found.left > -request.options.stale_while_revalidate:
                self.answered(request, found_in="redis")
                return found.value
        self.answered(request, found_in="")
        return MISS

    def _due_stamp(self, request: Request) -> bytes:
        """What Redis calls the value in memory, which is due: if that is all that Redis has, it is due there, too."""
        seen = self.store.look(request.key)
        return seen.stamp if seen is not None and self.is_trusted(seen.checked, self.store.clock()) else b""

    def _glance(
        self, shared: Shared, request: Request, tags: tuple[str, ...], *, but: bytes = b""
    ) -> Generator[Effect, Any, There | None]:
        """What Redis has. When it is fresh, and not what is stamped `but`, it is `checked` and put into memory.

        Most requests end here: no flight, nobody waits for anybody. Many who look at the same key at the same time all
        ask Redis; only one of them loads what is not there.
        """
        self.listen()
        ticket, asked = self.store.glance(), self.store.clock()
        there = yield from shared.look(request.name, tags)
        found = None if there is None else there.found
        if found is not None and found.left > 0 and (not but or found.stamp != but):
            found.checked = asked
            if found.tags != tags:
                self._remember_tags(request.name, found.tags)
            self.store.put(self._entry(request, found, found.tags), ticket)
        return there

    def _remember_tags(self, name: str, tags: tuple[str, ...]) -> None:
        """So that the next question for a value that memory had no room for takes one round trip, not two."""
        if len(self._tags_seen) >= _MOST_TAGS_SEEN:
            self._tags_seen.clear()
        self._tags_seen[name] = tags

    def _known_tags(self, request: Request) -> tuple[str, ...]:
        """The tags that the value had when it was last seen here: it will have them again."""
        seen = self.store.look(request.key)
        return self._tags_seen.get(request.name, ()) if seen is None else seen.tags

    def put(self, request: Request, value: Any) -> Steps:
        """A value that nobody loaded."""
        yield from self.put_many([(request, value)])

    def put_many(self, values: Sequence[tuple[Request, Any]]) -> Steps:
        """The same for many, whose options are the same."""
        for _, value in values:
            refuse_once_only(value)
        now = self.store.clock()
        found = [
            (each, Found(self.copied(value), self.lifetime(each, value), checked=now), each.tags())
            for each, value in values
        ]
        if self.shared is None:
            for request, one, tags in found:
                self.flights.replace(self._entry(request, one, tags), self.store.ticket())
        elif found:
            with ExitStack() as stack:
                tickets = [stack.enter_context(self.flights.writing(each.key, each.name)) for each, _, _ in found]
                stale = values[0][0].options.stale
                yield from self.shared.write({each.name: (one, tags) for each, one, tags in found}, stale=stale)
                for (request, one, tags), ticket in zip(found, tickets, strict=True):
                    self.flights.replace(self._entry(request, one, tags), ticket)
        self.events.tell()

    def forget(self, keys: Sequence[Hashable]) -> None:
        """In this process: let these keys go, and no load of theirs that is under way store."""
        self.flights.delete(keys)
        self.counts.invalidations += len(keys)
        for key in keys:
            self.events.note("invalidate", key, reason="here")
        self.events.tell()

    def forget_tags(self, tags: tuple[str, ...]) -> None:
        """The same for all that has one of these tags."""
        self.flights.bump(tags)
        self.counts.invalidations += len(tags)
        self.events.note("invalidate", tags=tags, reason="here")
        self.events.tell()

    def forget_all(self) -> None:
        """The same for everything."""
        self.flights.clear()
        self.counts.invalidations += 1
        self.events.note("invalidate", reason="here")
        self.events.tell()

    @contextmanager
    def timed(self, key: Hashable | None, tags: Iterable[str]) -> Iterator[None]:
        """Count and time a call of a loader, however it ends."""
        began = self.store.clock()
        self.counts.loads += 1
        try:
            yield
        except BaseException as error:
            self.counts.errors += 1
            self._timed("error", key, began, tags, error)
            raise
        self._timed("load", key, began, tags, None)

    def _timed(
        self, kind: Kind, key: Hashable | None, began: float, tags: Iterable[str], error: BaseException | None
    ) -> None:
        took = self.store.clock() - began
        self.counts.took(took)
        self.events.note(kind, key, seconds=took, error=error, tags=tuple(tags))

    def load(self, flight: Flight, request: Request) -> Generator[Effect, Any, Found]:
        """Call the loader, once."""
        began = self.store.clock()
        with self.timed(request.key, flight.tags):
            with self.flights.leading(flight):
                value = yield Load()
            refuse_once_only(value)
        took = self.store.clock() - began
        left = self.lifetime(request, value) if flight.loading.ttl is None else flight.loading.ttl
        return Found(value, left, took=took, checked=began, keep=flight.loading.keep)

    def lifetime(self, request: Request, value: Any) -> float:
        """For how many seconds a value that comes now will be fresh."""
        options = request.options
        if value is None and options.negative_ttl is not None:
            return options.jittered(options.negative_ttl)
        ttl = options.ttl
        if not isinstance(ttl, Adaptive):
            return options.jittered(ttl)
        if ttl.mode == "changes":
            assert self.changes is not None
            return options.jittered(ttl.by_changes(self.changes.of(request.family)))
        assert self.requests is not None
        return options.jittered(ttl.seconds(self.requests.follow(request.key)))

    def watch(self, ttl: float | Adaptive) -> None:
        """A TTL like this will be asked for: begin to count what it depends on."""
        if isinstance(ttl, Adaptive) and ttl.mode == "changes" and self.changes is None:
            self.changes = Changes()
        elif isinstance(ttl, Adaptive) and ttl.mode == "hits" and self.requests is None:
            self.requests = Requests(self.store.memory.max_items, self.store.clock)

    def count(self, request: Request) -> None:
        """Count a request for a key whose TTL depends on it. Others pay the question whether there is any such key."""
        ttl = request.options.ttl
        if self.requests is not None and (
            (isinstance(ttl, Adaptive) and ttl.mode == "hits") or request.key in self.requests
        ):
            self.requests.count(request.key)

    def is_trusted(self, checked: float, now: float) -> bool:
        """Whether what was known to be true at `checked` need not be asked of Redis again."""
        return now < self._trusted_until(checked)

    def _trusted_until(self, checked: float) -> float:
        if self.shared is None:
            return math.inf
        assert self.follower is not None
        return max(checked + self.trust, self.follower.horizon(checked))

    def usable(self, request: Request) -> Seen | None:
        """What memory has, if it may be given out now; counted as a use."""
        seen = self.store.look(request.key)
        if seen is None:
            return None
        now = self.store.clock()
        if not self.is_trusted(seen.checked, now):
            return None
        if now < seen.expires:
            self.store.extend(request.key, seen, self._soft(seen, request.options))
        elif now >= seen.expires + request.options.stale_while_revalidate or isinstance(seen.value, Failure):
            return None
        self.store.use(seen.entry)
        return seen

    def _soft(self, seen: Seen | Entry, options: Options) -> float:
        """Until when readers need not look twice."""
        if isinstance(seen.value, Failure) or self.store.touches:
            return GONE  # every reader comes this way
        early = _LONGEST_EARLY * options.early * seen.took
        return min(seen.expires - early, self._trusted_until(seen.checked))

    def is_due(self, seen: Seen, request: Request) -> bool:
        """Whether the value should be renewed: it is stale, or XFetch says so."""
        now, options = self.store.clock(), request.options
        if now >= seen.expires:
            self._gave_stale(request, "while it is renewed")
            return True
        if not options.early or isinstance(seen.value, Failure):
            return False
        drawn = -math.log(1.0 - self.dice())
        return now + options.early * seen.took * drawn >= seen.expires

    def _renew(self, request: Request) -> Steps:
        """In the background, unless somebody is at it."""
        flight = self.flights.claim(request.key, request.tags(), name=request.name, is_async=request.is_async)
        if flight is not None:
            self.counts.refreshes += 1
            self.events.note("refresh", request.key, tags=tuple(flight.tags))
            yield Spawn(self._lead(flight, request), abandoned=lambda: self.hand_over(flight))

    def reload(self, request: Request) -> Steps:
        """A newer value than the one that is there, however fresh that is: loaded, or had from whoever loads it.

        Until it has come, the old one stays where it is.
        """
        while True:
            flight = self.flights.claim(request.key, request.tags(), name=request.name, is_async=request.is_async)
            if flight is not None:
                return (yield from self._lead(flight, request))
            joined = self.flights.join(request.key, request.tags(), name=request.name, is_async=request.is_async)
            if isinstance(joined, Entry):
                return given(joined.value)  # it has just come
            if joined is None:
                return (yield from self._load_alone(request, request.tags()))
            if joined.take():
                return (yield from self._lead(joined, request))
            answer = yield from self.wait(joined, request)
            if answer is not HAND_OVER:
                return answer

    def _gave_stale(self, request: Request, reason: str, error: Exception | None = None) -> None:
        self.counts.stale += 1
        self.events.note("stale", request.key, error=error, reason=reason)

    def _load(self, request: Request, led: list[Flight], first: There | None) -> Steps:
        tags = request.tags()
        while True:
            joined = self.flights.join(request.key, tags, name=request.name, is_async=request.is_async)
            if isinstance(joined, Entry):
                return given(joined.value)
            if joined is None:
                return (yield from self._load_alone(request, tags))
            if joined.take():
                led.append(joined)
                if not request.options.timed:
                    return (yield from self._lead(joined, request, first))
                self.flights.promise(joined)
                yield self._begun(joined, request, first)
            first = None  # whoever waits does not see what is there when he is woken
            answer = yield from self.wait(joined, request)
            if answer is not HAND_OVER:
                return answer

    def _begun(self, flight: Flight, request: Request, first: There | None) -> Spawn:
        """A load that goes on whoever gives up waiting for it."""
        return Spawn(self._lead(flight, request, first), at_once=True, abandoned=lambda: self.hand_over(flight))

    def _load_alone(self, request: Request, tags: tuple[str, ...]) -> Steps:
        """For one caller, when to wait would be to wait for ever."""
        return (yield from self.load(self.flights.alone(request.key, tags), request)).value

    def wait(self, flight: Flight, request: Request) -> Steps:
        """What the leader finds; what is stale, when he takes too long. HAND_OVER: look again."""
        with self.waiting(flight) as may_wait:
            if not may_wait:
                return HAND_OVER
            answer = yield from self._wait_patiently(flight, request)
        if answer is not TIMED_OUT:
            return given(answer)
        stale = self._fallback(request)
        if stale is None:
            limit = request.options.hard_timeout
            raise LoadTimeout(f"the loader of {request.key!r} has not ended after {limit} s")
        self._gave_stale(request, "while its loader takes long")
        return stale.value

    def _wait_patiently(self, flight: Flight, request: Request) -> Steps:
        """Until there is a value, or a stale one will do, or time is up."""
        soft, hard = request.options.soft_timeout, request.options.hard_timeout
        assert flight.future is not None
        if soft is not None and (hard is None or soft < hard) and self._fallback(request) is not None:
            answer = yield Wait(flight.future, soft)
            if answer is not TIMED_OUT or self._fallback(request) is not None:
                return answer
            hard = None if hard is None else hard - soft  # what was stale has been invalidated meanwhile
        return (yield Wait(flight.future, hard))

    @contextmanager
    def waiting(self, flight: Flight) -> Iterator[bool]:
        """While the block runs, its caller waits for somebody else's load; False: he must not."""
        self.counts.waiting += 1
        try:
            with waiting(flight) as may_wait:
                yield may_wait
        finally:
            self.counts.waiting -= 1

    def _fallback(self, request: Request) -> Seen | None:
        """A stale value that is better than none.

        One that was invalidated is not there any more; one that others may have invalidated unheard does not count.
        """
        seen, now = self.store.look(request.key), self.store.clock()
        if seen is None or isinstance(seen.value, Failure) or not self.is_trusted(seen.checked, now):
            return None
        return seen if now < seen.expires + request.options.stale else None

    def _lead(self, flight: Flight, request: Request, first: There | None = None) -> Steps:
        seen = self.store.look(request.key)
        if seen is not None:
            self.remind(flight, seen)
        try:
            found = yield from self._obtain(flight, request, first)
            if self.changes is not None and seen is not None:
                self.compare(request, seen, found)
            self.land(flight, request, found)
        except Exception as error:
            stale = self.failed(flight, request, error)
            if stale is None:
                raise
            return stale.value
        except BaseException:  # cancelled or interrupted: that is the leader's own affair, somebody else leads now
            self.hand_over(flight)
            raise
        if found.left <= 0:
            yield from self._renew(request)
        return found.value

    def _obtain(self, flight: Flight, request: Request, first: There | None) -> Generator[Effect, Any, Found]:
        if self.shared is None:
            return (yield from self.load(flight, request))
        self.listen()
        options, asked = request.options, self.store.clock()
        found = yield from self.shared.read_through(
            request.name,
            flight.loading,
            flight.tags,
            lambda: self.load(flight, request),
            stale=options.stale,
            but=self._due_stamp(request),
            still=-options.stale_while_revalidate,
            first=first,
        )
        if found.checked is None:
            found.checked = asked
            flight.layer = "redis"
        elif found.stamp:  # Redis took it after its load had ended, and only because nothing had made it untrue by then
            found.checked += found.took
        return found

    def remind(self, flight: Flight, seen: Seen) -> None:
        """Let the loader know the value that is to be replaced."""
        if not isinstance(seen.value, Failure):
            flight.loading.stale = seen.value

    def land(self, flight: Flight, request: Request, found: Found) -> None:
        """The load has ended well: store the value, if it may be, before anybody is told."""
        if found.keep:
            self._store(flight, request, found)
        elif flight.loading.keep:
            self.counts.refused += 1
            self.events.note("refuse", request.key, tags=tuple(flight.tags), reason="Redis did not take it")
        self.flights.leave(flight)
        late = [tag for tag in (*flight.loading.added, *found.tags) if tag not in flight.tags]
        # Of tags that nobody knew the flight would have, one may have been invalidated before somebody joined.
        flight.tell(HAND_OVER if late and self.store.has_bumped(late, flight.ticket) else found.value)
        self.events.tell()

    def _store(self, flight: Flight, request: Request, found: Found) -> None:
        tags, added = flight.tags, flight.loading.added
        if added or found.tags != tags:
            tags = tuple(dict.fromkeys((*tags, *added, *found.tags)))
        self.store.put(self._entry(request, found, tags), flight.ticket)

    def _entry(self, request: Request, found: Found, tags: tuple[str, ...]) -> Entry:
        now = self.store.clock()
        entry = Entry(request.key, found.value, expires=now + found.left, stored=now - found.age)
        entry.checked = now if found.checked is None else found.checked
        entry.took, entry.stamp = found.took, found.stamp
        entry.name, entry.tags = request.name, tags
        entry.soft = self._soft(entry, request.options)
        return entry

    def failed(self, flight: Flight, request: Request, error: Exception) -> Seen | None:
        """The load has ended badly: whoever waits is told, or given what is stale when that may be."""
        seen, now = self._fallback(request), self.store.clock()
        forgiven = seen is not None and now < seen.expires + request.options.stale_if_error and not flight.ticket.void
        if seen is not None and forgiven:
            until = min(seen.expires + request.options.stale_if_error, now + _RETRY, self._trusted_until(seen.checked))
            self.store.extend(request.key, seen, until)
            self._gave_stale(request, "because its loader failed", error)
            self.flights.leave(flight)
            flight.tell(seen.value)
            self.events.tell()
            return seen
        ttl = request.options.error_ttl(error)
        if ttl is not None:
            self._store(flight, request, Found(Failure(error), ttl))
        self.flights.leave(flight)
        flight.fail(error)
        self.events.tell()
        return None

    def hand_over(self, flight: Flight) -> None:
        """End a flight that found nothing; those who wait lead it themselves."""
        self.flights.leave(flight)
        flight.tell(HAND_OVER)
        self.events.tell()

    def compare(self, request: Request, seen: Seen, found: Found) -> None:
        """Count whether the value had changed since it was loaded last."""
        assert self.changes is not None
        elapsed = self.store.clock() - seen.stored
        if elapsed > 0 and not isinstance(seen.value, Failure):
            self.changes.observe(request.family, elapsed, changed=bool(seen.value != found.value))


def _nothing() -> None:
    pass


def _same(value: Any) -> Any:
    return value


def given(value: Any) -> Any:
    """A value as callers are given it: an error that is remembered is raised."""
    if isinstance(value, Failure):
        raise value.copy()
    return value


def refuse_once_only(value: Any) -> None:
    """Raises UncacheableError for what could be used by one reader only: iterators, open files among them."""
    if isinstance(value, _ONCE_ONLY):
        raise UncacheableError(
            f"a {type(value).__name__} can be used only once: return a list, or await before returning"
        )
