"""Everything that waits for something other than the database, in a thread or in an event loop.

The services are written once, as plain functions. In a thread they run as they are. Behind `shop.aio` they run in a
greenlet of SQLAlchemy's: the database's drivers hand each wait to the event loop, and so do the functions here. Which
of the two it is they ask the greenlet that they are called in.

Invariant: nothing here blocks an event loop; what `to_the_end` does is done whole, whoever is cancelled meanwhile.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy.util import concurrency

T = TypeVar("T")
_await: Callable[[Any], Any] = getattr(concurrency, "await_", None) or concurrency.await_only  # its name until 2.1


def in_event_loop() -> bool:
    """Whether the caller runs behind `shop.aio`."""
    return "greenlet" in sys.modules and bool(concurrency.in_greenlet())


def spawn(call: Callable[..., T], *arguments: Any, **named: Any) -> Coroutine[Any, Any, T]:
    """Run a plain function so that its waits are the event loop's."""
    return concurrency.greenlet_spawn(call, *arguments, **named)


def wait_for(awaitable: Awaitable[T]) -> T:
    """What the awaitable gives; only behind `shop.aio`."""
    return cast("T", _await(awaitable))


def is_done_at_once(work: Coroutine[Any, Any, object]) -> bool:
    """Do what has nothing to wait for without a turn of the event loop; what has is given up, and False."""
    try:
        work.send(None)
    except StopIteration:
        return True
    work.close()
    return False


def pause(seconds: float) -> None:
    """Sleep."""
    if in_event_loop():
        wait_for(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def ask(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call something of the host's that may wait for a network: a payment provider, a notifier, a subscriber.

    In an event loop an async function is awaited, and a plain one runs in a thread. Raises TypeError for an async one
    where there is no event loop.
    """
    if in_event_loop():
        return wait_for(_answer(call, *arguments, **named))
    answer = call(*arguments, **named)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(f"{call!r} is async: only shop.aio can await it")
    return answer


async def _answer(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    answer = call(*arguments, **named) if is_async(call) else await asyncio.to_thread(call, *arguments, **named)
    return await answer if inspect.isawaitable(answer) else answer


def is_async(call: Any) -> bool:
    """Whether calling this gives something to be awaited."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - it is not asked whether it can be called


def to_the_end(call: Callable[[], T]) -> T:
    """Do this whole, even if the task that waits for it is cancelled meanwhile; the cancellation comes after it."""
    return wait_for(finished(spawn(call))) if in_event_loop() else call()


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, which is done to its end; a cancellation of whoever waits for it comes after that."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        waiter = loop.create_future()
        task.add_done_callback(partial(_wake, waiter))
        try:
            await waiter
        except asyncio.CancelledError as error:
            cancelled = error  # once or often: some frameworks repeat it until they are obeyed
    if cancelled is not None:
        raise cancelled from (None if task.cancelled() else task.exception())
    return task.result()


def _wake(waiter: asyncio.Future[None], _task: asyncio.Task[Any]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Aside:
    """Work that nobody waits for, in a thread or in a task of the event loop."""

    def __init__(self, call: Callable[[], object], *, name: str) -> None:
        """It begins at once; `call` raises nothing."""
        self._work: asyncio.Task[object] | threading.Thread
        if in_event_loop():
            self._work = asyncio.get_running_loop().create_task(spawn(call), name=name)
        else:
            self._work = threading.Thread(target=call, name=name, daemon=True)
            self._work.start()

    def is_under_way(self) -> bool:
        """Whether it goes on; what was left in an event loop that is closed does not."""
        if isinstance(self._work, threading.Thread):
            return self._work.is_alive()
        return not self._work.done() and not self._work.get_loop().is_closed()

    def wait(self) -> None:
        """Until it is done."""
        if isinstance(self._work, threading.Thread):
            self._work.join()
        elif self.is_under_way():
            wait_for(asyncio.wait((self._work,)))


class LoopLock:
    """A lock between tasks of one event loop, given in the order of asking."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock for the length of a with block."""
        wait_for(self._lock.acquire())
        try:
            yield
        finally:
            self._lock.release()
