"""Work that nobody waits for: threads for plain code, tasks for async code.

Threads are daemons: a program that ends does not wait for them. After a fork the child starts its own. Work goes on in
its caller's context, but for what ends with the caller, such as the time that he has.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import queue
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

_MOST_THREADS = 8
_IDLE = 5.0
_tasks: set[asyncio.Task[Any]] = set()  # a loop keeps only weak references to its tasks
_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


_callers_own: list[contextvars.ContextVar[Any]] = []


def ends_with_its_caller(variable: contextvars.ContextVar[Any]) -> None:
    """See that background work finds None in this variable, whatever its caller has there."""
    _callers_own.append(variable)


def _context() -> contextvars.Context:
    context = contextvars.copy_context()
    for variable in _callers_own:
        context.run(variable.set, None)
    return context


class Threads:
    """At most so many threads, begun when there is work and ended when there has been none for a while."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def submit(self, work: Callable[[], Any]) -> None:
        """Do this soon, in the caller's context. What it raises is lost: whoever cares catches it in `work`."""
        context = _context()
        self._queue.put(lambda: context.run(work))
        with self._lock:
            if self._idle < self._queue.qsize() and self._running < self._most:
                thread = threading.Thread(target=self._work, name="mestres-background", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads: those that there are will come to it
                    if not self._running:
                        self._queue.get_nowait()
                        raise
                else:
                    self._running += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                work = self._queue.get(timeout=_IDLE)
            except queue.Empty:
                work = None
            with self._lock:
                self._idle -= 1
                if work is None and self._queue.empty():
                    self._running -= 1
                    return
            if work is not None:
                _quietly(work)

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = 0
        self._idle = 0


THREADS = Threads(_MOST_THREADS)


def spawn(work: Callable[[], Any], *, at_once: bool = False) -> None:
    """Do this in a thread; in one of its own when `at_once`.

    Somebody waits for such work, perhaps in one of the threads that take turns: if it had to wait for its turn, both
    might for ever. His time is the work's, too.
    """
    if at_once:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(_quietly, work), name="mestres-background", daemon=True).start()
    else:
        THREADS.submit(work)


def _quietly(work: Callable[[], Any]) -> None:
    with contextlib.suppress(Exception):
        work()


def aspawn(work: Coroutine[Any, Any, Any], ended: Callable[[], object] = object, *, at_once: bool = False) -> None:
    """Do this in a task of the running loop; somebody waits for it when `at_once`.

    `ended` is called when it has come to its end, or never began.
    """
    loop = asyncio.get_running_loop()
    if loop not in _loops:  # once for each loop: those that were closed before do not end their tasks any more
        _loops.add(loop)
        _tasks.difference_update([task for task in tuple(_tasks) if task.get_loop().is_closed()])
    task = loop.create_task(work, context=None if at_once else _context())
    _tasks.add(task)
    task.add_done_callback(_ended)
    task.add_done_callback(lambda _: ended())


def _ended(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if not task.cancelled():
        task.exception()  # has been told to whoever waits; asking keeps asyncio from warning
