"""One set of verbs for both colours of a cache, so that a test is written once and run for threads and for tasks."""

import asyncio
import inspect
import threading
from collections.abc import Callable

from mestres_perf import Cache


class Threads:
    """The plain methods, as threads call them."""

    name = "threads"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def __getattr__(self, verb: str) -> Callable[..., object]:
        return getattr(self.cache, verb)

    def call(self, function, *arguments, **named):
        """A decorated function."""
        return function(*arguments, **named)

    def decorate(self, function, **options):
        """`@cache.cached(...)`."""
        return self.cache.cached(**options)(function)

    def close(self):
        self.cache.close()


class Tasks:
    """The methods with an `a` in front, as tasks of one loop call them; loaders are plain and run in threads."""

    name = "tasks"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def __getattr__(self, verb: str) -> Callable[..., object]:
        method = getattr(self.cache, f"a{verb}", None)
        if method is None:
            return getattr(self.cache, verb)

        def call(*arguments, **named):
            return self.wait(method(*(later(each) for each in arguments), **named))

        return call

    def call(self, function, *arguments, **named):
        """A decorated function."""
        return self.wait(function(*arguments, **named))

    def decorate(self, function, **options):
        """`@cache.cached(...)` on an async function that runs the plain one in a thread."""
        later_one = later(function)
        later_one.__qualname__, later_one.__module__ = function.__qualname__, function.__module__
        later_one.__signature__ = inspect.signature(function)
        return self.cache.cached(**options)(later_one)

    def wait(self, awaitable):
        """The result of something awaitable, from any thread."""
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(30)

    def close(self):
        self.wait(_end_all())  # first: what goes on in the background would connect again
        self.wait(self.cache.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


FACES = (Threads, Tasks)


async def _end_all():
    while others := asyncio.all_tasks() - {asyncio.current_task()}:  # one that ends may begin another
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def later(function):
    """An async function that runs a plain one in a thread; anything else as it is."""
    if not callable(function):
        return function

    async def run(*arguments, **named):
        return await asyncio.to_thread(function, *arguments, **named)

    return run
