"""Filling a cache before the first visitor comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._cache import Cache
from mestres_perf.errors import ConfigurationError

Keys = Iterable[Any] | Callable[[], Iterable[Any]]
Progress = Callable[[int, int], None]
Tags = Iterable[str] | Callable[[Any], Iterable[str]]
_ERRORS_KEPT = 5


@dataclass(slots=True)
class WarmedEntry:
    """What became of one entry: how many keys were loaded, there already, failed; `errors` are the first few."""

    name: str
    loaded: int = 0
    present: int = 0
    failed: int = 0
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


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    keys: Keys
    warm: Callable[[Any], bool]


class CacheWarmer:
    """Loads what has been declared, several at a time.

        warmer = CacheWarmer(cache)
        warmer.add("products", ["A1", "B2"], load_product, tags=lambda sku: [f"product:{sku}"])
        report = warmer.warm(progress=True)

    At most `concurrency` loaders run at once, in threads.
    """

    def __init__(self, cache: Cache, *, concurrency: int = 4) -> None:
        """Raises ConfigurationError for a concurrency below one."""
        if type(concurrency) is not int or concurrency < 1:
            raise ConfigurationError(f"concurrency must be a whole number of at least 1, not {concurrency!r}")
        self._cache = cache
        self._concurrency = concurrency
        self._declared: list[_Declared] = []

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

        `keys` is an iterable or a function that gives one, called when the warming begins; so are `tags`, by key.
        """
        cache = self._cache
        cache.lifetime(ttl)

        def warm(key: Any) -> bool:
            loaded = False

            def load() -> Any:
                nonlocal loaded
                loaded = True
                return loader(key)

            cache.get_or_load(key, load, ttl=ttl, tags=tags(key) if callable(tags) else tags)
            return loaded

        self.visit(name, keys, warm)

    def visit(self, name: str, keys: Keys, visit: Callable[[Any], bool]) -> None:
        """Declare calls that fill the cache by themselves; `visit(key)` says whether it had to load.

        This is how what reads through the cache is warmed, for instance a page by requesting it.
        """
        if any(entry.name == name for entry in self._declared):
            raise ConfigurationError(f"there is an entry {name!r} already: give each its own name")
        self._declared.append(_Declared(name, keys, visit))

    def warm(self, progress: Progress | bool = False) -> WarmReport:
        """Load everything that is not there.

        An error fails its key, never the rest; the report has it. `progress` is told (done, total) after each key; True
        shows a bar.
        """
        began = time.monotonic()
        run = _Run(self._declared)
        with _shown(progress, run.total) as show, ThreadPoolExecutor(self._concurrency, "warm") as pool:
            for worker in [pool.submit(run.work, show) for _ in range(self._concurrency)]:
                worker.result()
        return WarmReport(tuple(run.entries), time.monotonic() - began)


class _Run:
    """One warming: the keys still to come, and what became of the others."""

    def __init__(self, declared: Iterable[_Declared]) -> None:
        self.entries: list[WarmedEntry] = []
        self._lock = threading.Lock()
        self._done = 0
        jobs: list[tuple[WarmedEntry, Callable[[Any], bool], Any]] = []
        for one in declared:
            entry = WarmedEntry(one.name)
            self.entries.append(entry)
            try:
                keys = list(one.keys() if callable(one.keys) else one.keys)
            except Exception as error:  # noqa: BLE001 - the other entries go on
                _failed(entry, "its keys", error)
            else:
                jobs += [(entry, one.warm, key) for key in keys]
        self.total = len(jobs)
        self._jobs: Iterator[tuple[WarmedEntry, Callable[[Any], bool], Any]] = iter(jobs)

    def work(self, show: Progress) -> None:
        """Take one key after the other until there is none."""
        while True:
            with self._lock:
                job = next(self._jobs, None)
            if job is None:
                return
            entry, warm, key = job
            try:
                loaded: bool | Exception = warm(key)
            except Exception as error:  # noqa: BLE001 - the other keys go on
                loaded = error
            with self._lock:
                self._done += 1
                if isinstance(loaded, Exception):
                    _failed(entry, repr(key), loaded)
                elif loaded:
                    entry.loaded += 1
                else:
                    entry.present += 1
                show(self._done, self.total)


def _failed(entry: WarmedEntry, what: str, error: Exception) -> None:
    entry.failed += 1
    if len(entry.errors) < _ERRORS_KEPT:
        entry.errors.append(f"{what}: {type(error).__name__}: {error}")


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
        yield lambda _done, _total: None
