"""One loader per key: threads and tasks that ask for a key while it is being loaded wait for that load.

Invariants: at most one load per key is joined by newcomers; a load that was invalidated is joined by nobody any more; a
leader that fails tells those who waited and leaves nothing behind; one that is cancelled hands over; nobody waits for
himself.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

from mestres_perf.cache import _loading
from mestres_perf.cache._entry import Entry, Failure
from mestres_perf.cache._loading import Loading
from mestres_perf.cache._memory import Store, Ticket
from mestres_perf.errors import RecursiveLoadError

HAND_OVER: Final = object()
"""What waiters are given when the leader was cancelled: one of them leads next."""


class Chain:
    """A load among those that lead to one another: f(a) loads by calling g(b), whose chain has that of f(a) as parent.

    `leading` is what is loaded here, `waiting` whose loads are waited for here or further down. Two loads that one
    loader has begun side by side have chains of their own: one may wait for the other.
    """

    __slots__ = ("leading", "parent", "waiting")

    def __init__(self, parent: Chain | None = None) -> None:
        self.parent = parent
        self.leading: list[Hashable] = []
        self.waiting: list[Flight] = []

    def upwards(self) -> Iterator[Chain]:
        """From here to the load that it is part of, and so on."""
        chain: Chain | None = self
        while chain is not None:
            yield chain
            chain = chain.parent


_chain: ContextVar[Chain | None] = ContextVar("mestres_perf_chain", default=None)
_waits = threading.Lock()  # one for all caches: loads of several may wait for one another


def _renew_lock() -> None:
    global _waits  # noqa: PLW0603 - in a forked child nobody is left who could give the old one back
    _waits = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class Flight:
    """One load under way. `name` is the key's in Redis, `loading` what the loader has to say; `layer` had the value.

    `parent` is the load that it is part of, if any. It has a `chain` of its own once its loader is called: before that
    it waits for nobody.
    """

    __slots__ = (
        "began",
        "chain",
        "future",
        "is_async",
        "key",
        "layer",
        "loading",
        "loop",
        "name",
        "parent",
        "tags",
        "taken",
        "thread",
        "ticket",
    )

    def __init__(
        self,
        key: Hashable,
        tags: tuple[str, ...],
        ticket: Ticket,
        *,
        name: str = "",
        is_async: bool = False,
        began: float = 0.0,
    ) -> None:
        self.key = key
        self.began = began
        self.name = name
        self.layer = ""
        self.tags = tags
        self.ticket = ticket
        self.parent = _chain.get()
        self.chain: Chain | None = None
        self.loading = Loading()
        self.is_async = is_async
        self.loop = asyncio.get_running_loop() if is_async else None
        self.thread = threading.get_ident()
        self.taken = False
        self.future: Future[Any] | None = None  # until somebody waits

    def promise(self) -> Future[Any]:
        """What to wait for. Only under the lock of the flights, as long as the flight is among them."""
        if self.future is None:
            self.future = Future()
            self.future.set_running_or_notify_cancel()  # no waiter that gives up can cancel it for the others
        return self.future

    def tell(self, value: Any) -> None:
        """Give those who wait the value; after the flight has been left, when nobody can join any more."""
        if self.future is not None and not self.future.done():
            self.future.set_result(value)

    def fail(self, error: Exception) -> None:
        """Tell those who wait, as a Failure: each raises a copy, for one error raised by all would grow by all."""
        self.tell(Failure(error))

    def take(self) -> bool:
        """True once, for the one for whom it was made, and who leads it.

        Others of his thread come after him, for he asks at once; those of other threads, which may come before, are
        told by their thread.
        """
        if self.taken or self.thread != threading.get_ident():
            return False
        self.taken = True
        return True


class Flights:
    """The loads under way in one cache, and the only way to what its store holds while they are.

    An invalidation changes the store and voids the flights in one step, under the lock under which newcomers look at
    both: nobody can join a load, or find a value, that was invalidated before he came.
    """

    def __init__(self, store: Store) -> None:
        self.is_trusted: Callable[[float, float], bool] = _always
        self.void: Callable[[list[str]], None] = _nothing  # told the names of keys whose loads have become so
        self.events = store.events
        self._store = store
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Flight] = {}
        self._writes: dict[Hashable, list[tuple[str, Ticket]]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    def start_anew(self) -> None:
        """In a forked child: those who lead are not in it, and nobody would ever be told."""
        self._flights.clear()
        self._writes.clear()

    def join(self, key: Hashable, tags: tuple[str, ...], *, name: str = "", is_async: bool) -> Entry | Flight | None:
        """The entry, if it has come meanwhile; or a flight, to lead by whoever can `take` it, to wait for otherwise.

        None: load without any, because waiting would never end. Raises RecursiveLoadError when the caller is itself
        part of loading this key.
        """
        chain = _chain.get()
        with self._lock:
            flight = self._under_way(key)
            # What began so long ago that an invalidation by others may have been missed is nothing for newcomers.
            if flight is None or not self.is_trusted(flight.began, self._store.clock()):
                entry = self._store.fresh(key)
                if entry is not None and self.is_trusted(entry.checked, self._store.clock()):
                    return entry
                self._refuse_recursion(key, chain)  # its own load may have been invalidated: it goes on all the same
                return self._begin(key, tags, name=name, is_async=is_async)
            self._refuse_recursion(key, chain)
            own_loop = flight.is_async and not is_async and flight.thread == threading.get_ident()
            if own_loop or (chain is not None and _waits_for(flight, chain)):
                return None
            flight.promise()
            return flight

    def _refuse_recursion(self, key: Hashable, chain: Chain | None) -> None:
        if chain is not None and any((id(self), key) in each.leading for each in chain.upwards()):
            raise RecursiveLoadError(f"the loader of {key!r} asks for {key!r}")

    def alone(self, key: Hashable, tags: tuple[str, ...]) -> Flight:
        """A flight that nobody joins, and nobody can find: any key that is deleted meanwhile may be its own."""
        return Flight(key, tags, self._store.glance())

    def claim(self, key: Hashable, tags: tuple[str, ...], *, name: str = "", is_async: bool) -> Flight | None:
        """A flight to lead in the background; None when the key is being loaded already."""
        with self._lock:
            if self._under_way(key) is not None:
                return None
            flight = self._begin(key, tags, name=name, is_async=is_async)
            flight.take()
            flight.parent = None  # nobody waits for it to go on
            return flight

    def _under_way(self, key: Hashable) -> Flight | None:
        """The load of a key; not one whose loop was closed before it had ended, which it never will."""
        flight = self._flights.get(key)
        if flight is not None and flight.loop is not None and flight.loop.is_closed():
            del self._flights[key]
            flight.ticket.void = True
            return None
        return flight

    def _begin(self, key: Hashable, tags: tuple[str, ...], *, name: str, is_async: bool) -> Flight:
        began, ticket = self._store.clock(), self._store.ticket()
        before = self._flights.get(key)
        if before is not None:  # nobody could tell it any more that its key was invalidated
            before.ticket.void = True
        flight = self._flights[key] = Flight(key, tags, ticket, name=name, is_async=is_async, began=began)
        return flight

    def promise(self, flight: Flight) -> Future[Any]:
        """What the flight's own leader waits for, when somebody else is to lead it."""
        with self._lock:
            return flight.promise()

    def has(self, key: Hashable) -> bool:
        """Whether the key is being loaded."""
        return key in self._flights

    def since(self, key: Hashable) -> float | None:
        """When the load of the key began, on the store's clock; None when it is not being loaded."""
        flight = self._flights.get(key)
        return None if flight is None else flight.began

    def leave(self, flight: Flight) -> None:
        """The load has ended."""
        with self._lock:
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def delete(self, keys: Iterable[Hashable]) -> None:
        """Forget these keys, and let no load of theirs that is under way store or be joined."""
        with self._lock:
            self._delete(keys)

    def forget(self, names: Iterable[str]) -> tuple[Hashable, ...]:
        """The same for keys as Redis knows them. Returns those that were here."""
        gone = set(names)
        with self._lock:
            self._store.void_glances()  # first: what is put from now on is found below, or is refused
            keys = {flight.key: None for flight in self._flights.values() if flight.name in gone}
            keys.update((key, None) for key, all_of in self._writes.items() if any(name in gone for name, _ in all_of))
            keys.update((key, None) for key in map(self._store.key_of, gone) if key is not None)
            self._delete(keys)
        return tuple(keys)

    def bump(self, tags: Iterable[str]) -> None:
        """The same for all that has one of these tags. What a loader adds meanwhile the store looks after."""
        named = frozenset(tags)
        with self._lock:
            self._store.bump(named)
            self._void([f for f in self._flights.values() if not named.isdisjoint(f.tags)])

    def clear(self) -> None:
        """The same for everything."""
        with self._lock:
            self._store.clear()
            self._void(list(self._flights.values()))

    @contextmanager
    def writing(self, key: Hashable, name: str) -> Iterator[Ticket]:
        """While the block runs, a value that nobody loaded is put into Redis; `replace` it here under the ticket.

        Of two that do so at once nobody here knows which was the second: neither is stored here. One that is cancelled
        does not know whether it has done anything: nothing is believed here.
        """
        with self._lock:
            ticket = self._store.ticket()
            writes = self._writes.setdefault(key, [])
            for _, other in writes:
                other.void = ticket.void = True
            writes.append((name, ticket))
        try:
            yield ticket
        except Exception:
            raise
        except BaseException:
            self.delete((key,))
            raise
        finally:
            with self._lock:
                writes.remove((name, ticket))
                if not writes:
                    self._writes.pop(key, None)

    def replace(self, entry: Entry, ticket: Ticket) -> None:
        """Store a value that nobody loaded; a load under way may neither store nor be joined."""
        with self._lock:
            flight = self._flights.pop(entry.key, None)
            if flight is not None:
                flight.ticket.void = True
            self._store.void_glances()
            if not self._store.put(entry, ticket):
                self._store.delete(entry.key)

    def _delete(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            flight = self._flights.pop(key, None)
            if flight is not None:
                flight.ticket.void = True
            for _, ticket in self._writes.get(key, ()):
                ticket.void = True
            self._store.delete(key)

    def _void(self, flights: list[Flight]) -> None:
        for flight in flights:
            flight.ticket.void = True
            del self._flights[flight.key]
        if flights:
            self.void([flight.name for flight in flights])

    @contextmanager
    def leading(self, flight: Flight) -> Iterator[None]:
        """While the block runs, loads inside it know that they are part of this one, and `loading()` what is loaded."""
        mark = (id(self), flight.key)
        if flight.chain is None:
            flight.chain = Chain(flight.parent)
        chain, told = _chain.set(flight.chain), _loading.current.set(flight.loading)
        flight.chain.leading.append(mark)
        try:
            yield
        finally:
            flight.chain.leading.remove(mark)
            with suppress(ValueError):  # nobody awaits the leader any more: it ends where it is collected
                _loading.current.reset(told)
                _chain.reset(chain)

    @contextmanager
    def leading_many(self, flights: Mapping[Any, Flight]) -> Iterator[Loading]:
        """The same for the loads of one batch, by the names that its loader has for them."""
        whole = Loading()
        whole.parts = {name: flight.loading for name, flight in flights.items()}
        chain = Chain(next(iter(flights.values())).parent)
        with ExitStack() as stack:
            for flight in flights.values():
                flight.chain = chain
                stack.enter_context(self.leading(flight))
            told = _loading.current.set(whole)
            try:
                yield whole
            finally:
                with suppress(ValueError):  # as above
                    _loading.current.reset(told)


@contextmanager
def waiting(flight: Flight) -> Iterator[bool]:
    """While the block runs, the caller's own loads are known to wait for this one.

    False: it must not wait, because this load has come to wait for one of them.
    """
    mine = _chain.get()
    if mine is None:
        yield True
        return
    with _waits:  # to ask and to say so is one step: of two that turn to each other the second is told
        may_wait = not _waits_for(flight, mine)
        if may_wait:
            for each in mine.upwards():
                each.waiting.append(flight)
    try:
        yield may_wait
    finally:
        if may_wait:
            with _waits:
                for each in mine.upwards():
                    each.waiting.remove(flight)


def _nothing(_names: list[str]) -> None:
    pass


def _always(_began: float, _now: float) -> bool:
    return True


def _waits_for(flight: Flight, chain: Chain) -> bool:
    """Whether the flight's leader waits, directly or through others, for `chain` or what it is part of."""
    mine = set(map(id, chain.upwards()))
    seen: set[int] = set()
    ahead = [flight.chain]
    while ahead:
        other = ahead.pop()
        if id(other) in mine:
            return True
        if other is not None and id(other) not in seen:
            seen.add(id(other))
            ahead.extend(waited.chain for waited in list(other.waiting))
    return False
