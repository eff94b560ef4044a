"""One loader per key: threads and tasks that ask for a key while it is being loaded wait for that load.

Invariants: at most one load per key is joined by newcomers; a load that was invalidated is joined by nobody any more; a
leader that fails tells those who waited and leaves nothing behind; one that is cancelled hands over; nobody waits for
himself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Iterable
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from mestres_perf.cache._memory import Ticket
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

    __slots__ = ("chain", "future", "is_async", "key", "thread", "ticket")

    def __init__(self, key: Hashable, ticket: Ticket, chain: Chain, *, is_async: bool) -> None:
        self.key = key
        self.ticket = ticket
        self.chain = chain
        self.is_async = is_async
        self.thread = threading.get_ident()
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()  # no waiter that gives up can cancel it for the others


class Flights:
    """The loads under way in one cache."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: Hashable, ticket: Ticket, *, is_async: bool) -> tuple[Flight | None, bool]:
        """(flight, leads): lead this flight, or wait for it; None: load without any, for waiting would never end.

        Raises RecursiveLoadError when the caller is itself part of loading this key.
        """
        mine = _chain.get()
        with self._lock:
            flight = self._flights.get(key)
            if mine is not None and (id(self), key) in mine.leading and flight is not None:
                raise RecursiveLoadError(f"the loader of {key!r} asks for {key!r}")
            if flight is None:
                flight = Flight(key, ticket, mine or Chain(), is_async=is_async)
                self._flights[key] = flight
                return flight, True
            own_loop = flight.is_async and not is_async and flight.thread == threading.get_ident()
            if own_loop or (mine is not None and _waits_for(flight, mine)):
                return None, True
            return flight, False

    def leave(self, flight: Flight) -> None:
        """The load has ended."""
        with self._lock:
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def void(self, keys: Iterable[Hashable]) -> None:
        """These keys were invalidated: their loads may not store, and newcomers do not join them."""
        with self._lock:
            for key in keys:
                flight = self._flights.pop(key, None)
                if flight is not None:
                    flight.ticket.void = True

    def void_tags(self, tags: Iterable[str]) -> None:
        """The same for all loads with one of these tags."""
        named = set(tags)
        with self._lock:
            hit = [key for key, flight in self._flights.items() if any(tag in named for tag, _ in flight.ticket.versions)]
        self.void(hit)

    def void_all(self) -> None:
        """The same for every load."""
        with self._lock:
            hit = list(self._flights)
        self.void(hit)

    @contextmanager
    def leading(self, flight: Flight) -> Any:
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
def _waiting(flight: Flight) -> Any:
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
