"""Filling a cache before the first visitor comes.

A run is one book of what is still to be done, and the workers' plan: threads and tasks perform the same.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mestres_perf._kernel.calls import Colour, colour_of
from mestres_perf._kernel.drive import arun, run
from mestres_perf._kernel.effects import Effect, Load, Sleep
from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._cache import Cache
from mestres_perf.cache._decorate import Cached
from mestres_perf.cache._hot import HotCalls
from mestres_perf.cache._options import seconds
from mestres_perf.errors import ConfigurationError

Keys = Iterable[Any] | Callable[[], Iterable[Any]] | Callable[[], Awaitable[Iterable[Any]]]
Progress = Callable[[int, int], None]
Tags = Iterable[str] | Callable[[Any], Iterable[str]]
_ERRORS_KEPT = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(slots=True)
class WarmedEntry:
    """What became of one entry: how many keys were loaded, there already, failed, or not had in time.

    `errors` are the first few.
    """

    name: str
    loaded: int = 0
    present: int = 0
    failed: int = 0
    skipped: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WarmReport:
    """What a run did, entry by entry and in total; `seconds` is how long it took."""

    entries: tuple[WarmedEntry, ...]
    seconds: float

    @property
    def loaded(self) -> int:
        """Keys that had to be loaded."""
        return sum(entry.loaded for entry in self.entries)

    @property
    def present(self) -> int:
        """Keys that were there already."""
        return sum(entry.present for entry in self.entries)

    @property
    def failed(self) -> int:
        """Keys that could not be loaded."""
        return sum(entry.failed for entry in self.entries)

    @property
    def skipped(self) -> int:
        """Keys that were not warm when the time was over, those being loaded then included."""
        return sum(entry.skipped for entry in self.entries)


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    keys: Keys
    warm: Callable[[Any], Any]
    is_async: bool


class CacheWarmer:
    """Loads what has been declared, several at a time.

        warmer = CacheWarmer(cache, deadline=30)
        warmer.add("products", ["A1", "B2"], load_product, tags=lambda sku: [f"product:{sku}"])
        warmer.start()
        app = instrument(app, ready=warmer.ready)

    At most `concurrency` loaders run at once, so that visitors who come meanwhile are not kept waiting. `deadline` is
    how many seconds a run may take: what is not warm then counts as skipped; no loader is begun any more, a thread that
    is loading is left alone and ends by itself, a task is cancelled. A key that fails is tried `retries` times more,
    after a short pause. `ready()` turns true when `ready_at`, a share, of all keys is warm.

    `file` is where `save` puts the hottest calls; without it they go to the Redis of the cache.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        concurrency: int = 4,
        deadline: float | None = None,
        retries: int = 0,
        ready_at: float = 0.95,
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Raises ConfigurationError for a concurrency below one, a wrong deadline, number of retries, or share."""
        if type(concurrency) is not int or concurrency < 1:
            raise ConfigurationError(f"concurrency must be a whole number of at least 1, not {concurrency!r}")
        if type(retries) is not int or retries < 0:
            raise ConfigurationError(f"retries must be a whole number of at least 0, not {retries!r}")
        if type(ready_at) not in (int, float) or not 0 <= ready_at <= 1:
            raise ConfigurationError(f"ready_at is a share from 0 to 1, not {ready_at!r}")
        self._cache = cache
        self._concurrency = concurrency
        self._deadline = None if deadline is None else seconds("deadline", deadline)
        self._retries = retries
        self._ready_at = ready_at
        self._declared: list[_Declared] = []
        self._hot = HotCalls(cache, None if file is None else Path(file))
        self._run: _Run | None = None

    def add(
        self,
        name: str,
        keys: Keys,
        loader: Callable[[Any], Any],
        *,
        ttl: float | Adaptive | None = None,
        tags: Tags = (),
    ) -> None:
        """Declare values: `cache.get(key)` will find what `loader(key)` returns.

        `keys` is an iterable or a function that gives one, called when the warming begins; so are `tags`, by key. With
        an async loader the warming is awaited: `awarm`.
        """
        cache = self._cache
        cache.lifetime(ttl)

        def warm(key: Any) -> bool:
            loads: list[None] = []

            def load() -> Any:
                loads.append(None)
                return loader(key)

            cache.get_or_load(key, load, ttl=ttl, tags=_of(tags, key))
            return bool(loads)

        async def awarm(key: Any) -> bool:
            loads: list[None] = []

            async def load() -> Any:
                loads.append(None)
                return await loader(key)

            await cache.aget_or_load(key, load, ttl=ttl, tags=_of(tags, key))
            return bool(loads)

        is_async = colour_of(loader) is Colour.ASYNC
        self._declare(name, keys, awarm if is_async else warm, is_async=is_async)

    def visit(self, name: str, keys: Keys, visit: Callable[[Any], bool]) -> None:
        """Declare calls that fill the cache by themselves; `visit(key)` says whether it had to load.

        This is how what reads through the cache is warmed, for instance a page by requesting it.
        """
        self._declare(name, keys, visit, is_async=False)

    def avisit(self, name: str, keys: Keys, visit: Callable[[Any], Awaitable[bool]]) -> None:
        """`visit` for what is awaited, for instance an async decorated function's `warm`."""
        self._declare(name, keys, visit, is_async=True)

    def hot(self, function: Cached[Any, Any], *, most: int = 1000) -> None:
        """Declare the calls of a decorated function that were the hottest in the last life: those that `save` kept.

        Only calls with plain arguments (text, numbers, None, dates, UUIDs) can be replayed. Raises ConfigurationError.
        """
        name, calls = self._hot.follow(function, most)

        def warm(call: Any) -> Any:
            return function.warm(*call[0], **call[1])

        self._declare(name, calls, warm, is_async=colour_of(function) is Colour.ASYNC)

    def save(self) -> int:
        """Keep which calls are the hottest now, for the next life to begin with; returns how many.

        A function that has been called too little to have any keeps what it had. Call it when the application stops,
        and now and then. A file is replaced as a whole. Raises OSError when it cannot be; ConfigurationError when there
        is neither a file nor a Redis.
        """
        return self._hot.save()

    def warm(self, progress: Progress | bool = False) -> WarmReport:
        """Load everything that is not there.

        An error fails its key, never the rest; the report has it. `progress` is told (done, total) after each key; True
        shows a bar. Raises ConfigurationError when something declared has to be awaited.
        """
        return self._warm(self._begin(), progress)

    def _warm(self, book: _Run, progress: Progress | bool) -> WarmReport:
        try:
            run(book.prepare(), None, _call)
            with _shown(progress, book.total) as show:
                book.show = show
                workers = [
                    threading.Thread(target=run, args=(book.work(), None, _call), name=f"warm-{number}", daemon=True)
                    for number in range(min(self._concurrency, book.total))
                ]
                for worker in workers:
                    worker.start()
                book.ended.wait(book.left())
                book.close()
        finally:
            book.close()
        return book.report()

    def _warm_behind(self, book: _Run) -> None:
        with suppress(BaseException):  # the report raises it
            self._warm(book, progress=False)

    async def awarm(self, progress: Progress | bool = False) -> WarmReport:
        """`warm` for async code, and for what has to be awaited; what is plain is called in threads."""
        book = self._begin(is_async=True)
        try:
            await arun(book.prepare(), None, _acall)
            with _shown(progress, book.total) as show:
                book.show = show
                workers = [
                    asyncio.create_task(arun(book.work(), None, _acall))
                    for _ in range(min(self._concurrency, book.total))
                ]
                try:
                    if workers:
                        await asyncio.wait(workers, timeout=book.left())
                finally:
                    book.close()
                    for worker in workers:
                        worker.cancel()
                    await asyncio.gather(*workers, return_exceptions=True)
        finally:
            book.close()
        return book.report()

    def start(self) -> None:
        """`warm` in a thread; `wait` gives its report.

        The thread is a daemon: a program that ends does not wait for it. It belongs to this process: where workers are
        forked, each of them starts its own. Raises ConfigurationError when something declared has to be awaited, or
        when the warming is under way.
        """
        if self._is_mine() and self._run is not None and not self._run.ended.is_set():
            raise ConfigurationError("the warming is under way: wait() for it")
        book = self._begin()
        threading.Thread(target=self._warm_behind, args=(book,), name="warm", daemon=True).start()

    def wait(self, timeout: float | None = None) -> WarmReport | None:
        """The report of what was started, when it has ended; None when it has not after `timeout` seconds.

        Raises ConfigurationError when nothing was started in this process.
        """
        book = self._run
        if book is None or not self._is_mine():
            raise ConfigurationError("nothing was started in this process: call start() first, after the fork")
        return book.report() if book.ended.wait(timeout) else None

    @property
    def is_ready(self) -> bool:
        """Whether enough is warm, or the run has ended, or its time is over.

        What failed would not become warm by waiting: a run that has ended has done what it could.
        """
        return self._run is not None and self._is_mine() and self._run.is_ready(self._ready_at)

    def ready(self) -> bool:
        """`is_ready`, as a function: `instrument(app, ready=warmer.ready)`."""
        return self.is_ready

    def _declare(self, name: str, keys: Keys, warm: Callable[[Any], Any], *, is_async: bool) -> None:
        if any(entry.name == name for entry in self._declared):
            raise ConfigurationError(f"there is an entry {name!r} already: give each its own name")
        self._declared.append(_Declared(name, keys, warm, is_async))

    def _begin(self, *, is_async: bool = False) -> _Run:
        awaited = [one.name for one in self._declared if one.is_async]
        if awaited and not is_async:
            raise ConfigurationError(f"{', '.join(awaited)}: has to be awaited; call awarm()")
        self._run = _Run(self._declared, self._deadline, self._retries)
        return self._run

    def _is_mine(self) -> bool:
        return self._run is None or self._run.process == os.getpid()


@dataclass(slots=True)
class _Job:
    entry: WarmedEntry
    warm: Callable[[Any], Any]
    is_async: bool
    key: Any
    is_done: bool = False


class _Run:
    """One warming: the keys still to come, and what became of the others. After `close` nothing is counted any more."""

    def __init__(self, declared: Iterable[_Declared], deadline: float | None, retries: int) -> None:
        self.process = os.getpid()
        self.ended = threading.Event()
        self.show: Progress = _nothing
        self.total = 0
        self._declared = tuple(declared)
        self._retries = retries
        self._began = time.monotonic()
        self._until = None if deadline is None else self._began + deadline
        self._seconds = 0.0
        self._lock = threading.Lock()
        self._entries: list[WarmedEntry] = []
        self._jobs: list[_Job] | None = None
        self._next: Iterator[_Job] = iter(())
        self._done = 0
        self._broken: BaseException | None = None

    def left(self) -> float | None:
        """Seconds until the time is over; None when it never is."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def prepare(self) -> Generator[Effect, Any, None]:
        """Find out what there is to do."""
        jobs: list[_Job] = []
        for one in self._declared:
            entry = WarmedEntry(one.name)
            self._entries.append(entry)
            try:
                keys = (yield Load((one.keys, False))) if callable(one.keys) else one.keys
                jobs += [_Job(entry, one.warm, one.is_async, key) for key in keys]
            except Exception as error:  # noqa: BLE001 - the other entries go on
                _failed(entry, "its keys", error)
        with self._lock:
            self._jobs, self._next, self.total = jobs, iter(jobs), len(jobs)
        if not jobs:
            self.close()

    def work(self) -> Generator[Effect, Any, None]:
        """Take one key after the other until there is none. What is no failure of a key ends the run: see `report`."""
        try:
            while (job := self._take()) is not None:
                yield from self._do(job)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - raised again by `report`
            self._broken = error
            self.close()

    def _do(self, job: _Job) -> Generator[Effect, Any, None]:
        for attempt in range(self._retries + 1):
            try:
                outcome = yield Load((job.warm, job.is_async, job.key))
            except Exception as error:  # noqa: BLE001 - the other keys go on
                outcome = error
            if not isinstance(outcome, Exception) or attempt == self._retries:
                break
            left = self.left()
            if left == 0.0 or self.ended.is_set():
                return
            pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
            yield Sleep(pause if left is None else min(pause, left))
        self._note(job, outcome)

    def _take(self) -> _Job | None:
        with self._lock:
            return None if self.ended.is_set() or self.left() == 0.0 else next(self._next, None)

    def _note(self, job: _Job, outcome: Any) -> None:
        with self._lock:
            if self.ended.is_set():  # too late: it has been counted as skipped
                return
            self._done += 1
            job.is_done = True
            if isinstance(outcome, Exception):
                _failed(job.entry, repr(job.key), outcome)
            elif outcome:
                job.entry.loaded += 1
            else:
                job.entry.present += 1
            self.show(self._done, self.total)
            is_last = self._done == self.total
        if is_last:
            self.close()

    def close(self) -> None:
        """The end: what is not done by now is skipped."""
        with self._lock:
            if self.ended.is_set():
                return
            for job in self._jobs or ():
                job.entry.skipped += not job.is_done
            self._seconds = time.monotonic() - self._began
            self.ended.set()

    def is_ready(self, share: float) -> bool:
        """Whether such a share is warm, or nothing more will come."""
        if self.ended.is_set() or self.left() == 0.0:
            return True
        with self._lock:
            warm = sum(entry.loaded + entry.present for entry in self._entries)
            return self._jobs is not None and warm >= share * self.total

    def report(self) -> WarmReport:
        """What became of everything; of a run that has ended it never changes. Raises what ended the run early."""
        if self._broken is not None:
            raise self._broken
        with self._lock:
            entries = tuple(replace(entry, errors=list(entry.errors)) for entry in self._entries)
        return WarmReport(entries, self._seconds)


def _call(work: Callable[..., Any], _is_async: bool, *arguments: Any) -> Any:
    return work(*arguments)


async def _acall(work: Callable[..., Any], is_async: bool, *arguments: Any) -> Any:
    """Awaited is what is async; what is plain would block the loop."""
    if is_async or colour_of(work) is Colour.ASYNC:
        found = work(*arguments)
        return await found if inspect.isawaitable(found) else found
    return await asyncio.to_thread(work, *arguments)


def _of(tags: Tags, key: Any) -> Iterable[str]:
    return tags(key) if callable(tags) else tags


def _failed(entry: WarmedEntry, what: str, error: Exception) -> None:
    entry.failed += 1
    if len(entry.errors) < _ERRORS_KEPT:
        entry.errors.append(f"{what}: {type(error).__name__}: {error}")


def _nothing(_done: int, _total: int) -> None:
    pass


def _move(bar: Any, done: int) -> None:
    bar.update(done - bar.n)


@contextmanager
def _shown(progress: Progress | bool, total: int) -> Iterator[Progress]:
    if callable(progress):
        yield progress
    elif progress:
        from tqdm import tqdm  # noqa: PLC0415 - only who watches pays for it

        with tqdm(total=total, desc="cache", unit=" keys", leave=False) as bar:
            yield lambda done, _total: _move(bar, done)
    else:
        yield _nothing
