"""One loader per key: threads and tasks that ask for a key while it is being loaded wait for that load.

Invariants: at most one load per key is joined by newcomers; a load that was invalidated is joined by nobody any more; a
leader that fails tells those who waited and leaves nothing behind; one that is cancelled hands over; nobody waits for
himself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from mestres_perf.cache._entry import Entry
from mestres_perf.cache._memory import Store, Ticket
from mestres_perf.errors import RecursiveLoadError

HAND_OVER: Final = object()
"""What waiters are given when the leader was cancelled: one of them leads next."""


class Chain:
    """The loads that lead to one another in one context: f(a) loads by calling g(b), which loads by calling ..."""

    __slots__ = ("leading", "waiting")

    def __init__(self) -> None:
        self.leading: list[Hashable] = []
        self.waiting: list[Flight] = []


_chain: ContextVar[Chain | None] = ContextVar("mestres_perf_chain", default=None)


class Flight:
    """One load under way."""

    __slots__ = ("chain", "future", "is_async", "key", "taken", "thread", "ticket")

    def __init__(self, key: Hashable, ticket: Ticket, chain: Chain, *, is_async: bool) -> None:
        self.key = key
        self.ticket = ticket
        self.chain = chain
        self.is_async = is_async
        self.thread = threading.get_ident()
        self.taken = False
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()  # no waiter that gives up can cancel it for the others

    def take(self) -> bool:
        """True for whoever asks first: the one for whom it was made, and who leads it."""
        taken, self.taken = self.taken, True
        return not taken


class Flights:
    """The loads under way in one cache, and the only way to what its store holds while they are.

    An invalidation changes the store and voids the flights in one step, under the lock under which newcomers look at
    both: nobody can join a load, or find a value, that was invalidated before he came.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: Hashable, tags: Sequence[str], *, is_async: bool) -> Entry | Flight | None:
        """The entry, if it has come meanwhile; or a flight, to lead when its `mine` is true, to wait for otherwise.

        None: load without any, because waiting would never end. Raises RecursiveLoadError when the caller is itself
        part of loading this key.
        """
        chain = _chain.get()
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                entry = self._store.get(key)
                if entry is not None:
                    return entry
                flight = Flight(key, self._store.ticket(tags), chain or Chain(), is_async=is_async)
                self._flights[key] = flight
                return flight
            if chain is not None and (id(self), key) in chain.leading:
                raise RecursiveLoadError(f"the loader of {key!r} asks for {key!r}")
            own_loop = flight.is_async and not is_async and flight.thread == threading.get_ident()
            return None if own_loop or (chain is not None and _waits_for(flight, chain)) else flight

    def has(self, key: Hashable) -> bool:
        """Whether the key is being loaded."""
        return key in self._flights

    def leave(self, flight: Flight) -> None:
        """The load has ended."""
        with self._lock:
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def delete(self, keys: Iterable[Hashable]) -> None:
        """Forget these keys, and let no load of theirs that is under way store or be joined."""
        with self._lock:
            for key in keys:
                flight = self._flights.pop(key, None)
                if flight is not None:
                    flight.ticket.void = True
                self._store.delete(key)

    def bump(self, tags: Iterable[str]) -> None:
        """The same for all that has one of these tags."""
        named = frozenset(tags)
        with self._lock:
            self._store.bump(named)
            self._void([f for f in self._flights.values() if any(tag in named for tag, _ in f.ticket.versions)])

    def clear(self) -> None:
        """The same for everything."""
        with self._lock:
            self._store.clear()
            self._void(list(self._flights.values()))

    def replace(self, key: Hashable, value: Any, *, ttl: float, tags: Sequence[str]) -> None:
        """Store a value that nobody loaded; a load under way may neither store nor be joined."""
        with self._lock:
            flight = self._flights.pop(key, None)
            if flight is not None:
                flight.ticket.void = True
            self._store.put(key, value, ttl=ttl, ticket=self._store.ticket(tags))

    def _void(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            flight.ticket.void = True
            del self._flights[flight.key]

    @contextmanager
    def leading(self, flight: Flight) -> Iterator[None]:
        """While the block runs, loads inside it know that they are part of this one."""
        mark = (id(self), flight.key)
        token = _chain.set(flight.chain)
        flight.chain.leading.append(mark)
        try:
            yield
        finally:
            flight.chain.leading.remove(mark)
            _chain.reset(token)

    def wait(self, flight: Flight) -> Any:
        """What the leader finds, for a thread. Raises what it raised."""
        with _waiting(flight):
            return flight.future.result()

    async def await_(self, flight: Flight) -> Any:
        """What the leader finds, for a task. Its cancellation is its own affair."""
        with _waiting(flight):
            return await asyncio.wrap_future(flight.future)


@contextmanager
def _waiting(flight: Flight) -> Iterator[None]:
    mine = _chain.get()
    if mine is None:
        yield
        return
    mine.waiting.append(flight)
    try:
        yield
    finally:
        mine.waiting.remove(flight)


def _waits_for(flight: Flight, chain: Chain) -> bool:
    """Whether the flight's leader waits, directly or through others, for a load of `chain`."""
    seen: set[int] = set()
    ahead = [flight.chain]
    while ahead:
        other = ahead.pop()
        if other is chain:
            return True
        if id(other) not in seen:
            seen.add(id(other))
            ahead.extend(waited.chain for waited in list(other.waiting))
    return False
