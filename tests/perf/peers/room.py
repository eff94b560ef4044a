"""Where a claim is tried on one library: in threads for plain functions, on an event loop for async ones."""

import asyncio
import concurrent.futures
import functools
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

from perf.faces import later

DEADLINE = 5.0
"""Seconds within which what must happen has happened; a call that takes longer hangs."""
QUIET = 0.6
"""Seconds for which something is watched that must not happen."""


class Room:
    """A library, and one colour of functions. The same verbs work for both colours, and block."""

    def __init__(self, library: Any, colour: str, url: str) -> None:
        self.library = library
        self.colour = colour
        self.url = url
        self.is_async = colour == "tasks"
        if self.is_async:
            self.loop = asyncio.new_event_loop()
            threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def node(self, kind: str = "memory", **options: Any) -> "Node":
        """One cache, as one process would have it: "memory", "redis", "layered", or what else the library builds."""
        return Node(self, self.do(lambda: getattr(self.library, kind)(self, **options)))

    def do(self, function: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> Any:
        """Call; when the result can be awaited, wait for it. TimeoutError after so many seconds (default: DEADLINE)."""
        return self.start(function, *arguments).result(DEADLINE if seconds is None else seconds)

    def start(self, function: Callable[..., Any], *arguments: Any) -> "concurrent.futures.Future[Any]":
        """Call in a thread, or as a task, of its own."""
        if self.is_async:

            async def call() -> Any:
                result = function(*arguments)
                return await result if inspect.isawaitable(result) else result

            return asyncio.run_coroutine_threadsafe(call(), self.loop)
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def run() -> None:
            try:
                future.set_result(function(*arguments))
            except BaseException as error:  # noqa: BLE001 - whoever waits is told
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


class Node:
    """A library's cache and its abilities, called as the colour needs it."""

    def __init__(self, room: Room, cache: Any) -> None:
        self.room = room
        self.cache = cache

    def decorate(self, loader: Callable[..., Any], ability: str = "decorate", **options: Any) -> Callable[..., Any]:
        """The decorated loader as the library gives it; of a room of tasks, an async function."""
        function = loader
        if self.room.is_async and not inspect.iscoroutinefunction(loader):
            function = functools.wraps(loader)(later(loader))
        return self.room.do(lambda: getattr(self.cache, ability)(function, **options))

    def __getattr__(self, ability: str) -> Callable[..., Any]:
        return lambda *arguments: self.room.do(getattr(self.cache, ability), *arguments)


class Held:
    """A loader that counts its calls, and stops in the middle until it is released."""

    def __init__(self, *values: Any) -> None:
        """It returns the values one after another, and the last one for ever; errors are raised."""
        self.calls = 0
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()
        self._values = list(values)
        self._lock = threading.Lock()

    def run(self) -> Any:
        """The next value, once released; it is chosen before that, as by somebody who has read it already."""
        with self._lock:
            value = self._values[min(self.calls, len(self._values) - 1)]
            self.calls += 1
        self.entered.release()
        self.go.wait(4 * DEADLINE)
        if isinstance(value, BaseException):
            raise value
        return value

    def wait(self) -> None:
        """Until a call stands in the middle."""
        if not self.entered.acquire(timeout=DEADLINE):
            raise TimeoutError("the loader was not called")


def eventually(condition: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
