"""Bulkhead: so many calls at the same time, and so many that wait for their turn.

Invariants: at most `limit` calls are under way, threads and tasks of every loop together; whoever came first goes
first; a place that ends is handed to the next in line, so that no newcomer takes it; whoever gives up waiting, or is
cancelled, keeps no place.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from mestres_perf.errors import BulkheadFull
from mestres_perf.resilience._deadline import deadline
from mestres_perf.resilience._part import Part, renewed_in_child, seconds_of, whole

R = TypeVar("R")


class _Waiter(ABC):
    """Somebody in line. `is_served` is written under the bulkhead's lock only."""

    is_served = False

    @abstractmethod
    def wake(self) -> bool:
        """Tell him that he has a place; False when nobody is there any more."""


class _Thread(_Waiter):
    def __init__(self) -> None:
        self.turn = threading.Event()

    def wake(self) -> bool:
        self.turn.set()
        return True


class _Task(_Waiter):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.turn: asyncio.Future[None] = self._loop.create_future()

    def wake(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._set)
        except RuntimeError:  # his loop is closed: he will never come back
            return False
        return True

    def _set(self) -> None:
        if not self.turn.done():
            self.turn.set_result(None)


W = TypeVar("W", bound=_Waiter)


class Bulkhead(Part):
    """At most `limit` calls at the same time; `queue` more wait up to `wait` seconds each, in the order they came.

    The others are refused with BulkheadFull. A `deadline` shortens the wait. Threads and tasks share the one limit.
    It is a decorator, has `call` and `acall`, and is a context manager of both colours. A call inside of a call takes
    a place of its own.
    """

    def __init__(self, limit: int, *, queue: int = 0, wait: float = 1.0, name: str = "bulkhead") -> None:
        """Raises ConfigurationError for a limit below 1, a queue or a time below 0."""
        self.limit = whole("limit", limit, 1)
        self.queue = whole("queue", queue, 0)
        self.wait = seconds_of("wait", wait)
        self.name = name
        self._rejected = 0
        self.start_anew()
        renewed_in_child(self)

    def __repr__(self) -> str:
        waiting = f", queue={self.queue}, wait={self.wait:g}" if self.queue else ""
        return f"Bulkhead({self.limit}{waiting})"

    @property
    def under_way(self) -> int:
        """How many calls have a place now."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many stand in line now."""
        return len(self._line)

    @property
    def rejected(self) -> int:
        """How many calls were refused."""
        return self._rejected

    def longest(self, inner: float) -> float:
        """The wait, if there is a line, and the call."""
        return inner + (self.wait if self.queue else 0.0)

    def acquire(self) -> None:
        """Take a place, or wait for one in this thread. Raises BulkheadFull, and DeadlineExceeded before it waits."""
        waiter = self._enter(_Thread)
        if waiter is None:
            return
        ended = False
        try:
            waiter.turn.wait(_shortened(self.wait))
            ended = True
        finally:  # also when it is interrupted
            served = self._leave(waiter, takes_it=ended)
        if not served:
            raise BulkheadFull(self.name, self.limit)

    async def aacquire(self) -> None:
        """Take a place, or wait for one in this task. Raises BulkheadFull, and DeadlineExceeded before it waits."""
        waiter = self._enter(_Task)
        if waiter is None:
            return
        ended = False
        try:
            await asyncio.wait((waiter.turn,), timeout=_shortened(self.wait))
            ended = True
        finally:  # also when it is cancelled
            served = self._leave(waiter, takes_it=ended)
        if not served:
            raise BulkheadFull(self.name, self.limit)

    def release(self) -> None:
        """Give a place back: to the first in line."""
        with self._lock:
            self._pass_on()

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it in a place of its own. Raises BulkheadFull."""
        self.acquire()
        try:
            return function(*arguments, **named)
        finally:
            self.release()

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it in a place of its own. Raises BulkheadFull."""
        await self.aacquire()
        try:
            return await function(*arguments, **named)
        finally:
            self.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    async def __aenter__(self) -> Self:
        await self.aacquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.release()

    def _enter(self, kind: type[W]) -> W | None:
        """None: a place has been taken. Else how to wait for one."""
        with self._lock:
            if self._taken < self.limit:
                self._taken += 1
                return None
            if len(self._line) >= self.queue:
                self._rejected += 1
                raise BulkheadFull(self.name, self.limit)
            deadline.check()
            waiter = kind()
            self._line.append(waiter)
            return waiter

    def _leave(self, waiter: _Waiter, *, takes_it: bool) -> bool:
        """The end of a wait: whether he has a place. One that came too late for him goes to the next."""
        with self._lock:
            if not waiter.is_served:
                with contextlib.suppress(ValueError):  # passed over, because his loop was gone
                    self._line.remove(waiter)
                self._rejected += takes_it  # who was cancelled was not
                return False
            if not takes_it:
                self._pass_on()
            return takes_it

    def _pass_on(self) -> None:
        while self._line:
            waiter = self._line.popleft()
            waiter.is_served = waiter.wake()
            if waiter.is_served:
                return
        self._taken -= 1

    def start_anew(self) -> None:
        """In a child process nobody is under way: the parent's threads are not there."""
        self._lock = threading.RLock()  # the collector may end a waiting coroutine while this thread holds it
        self._line: deque[_Waiter] = deque()
        self._taken = 0


def _shortened(wait: float) -> float:
    left = deadline.remaining()
    return wait if left is None else min(wait, left)
