"""The cache: a memory layer, and Redis behind it when there is one.

Invariant: after `delete`, `invalidate`, `invalidate_tags` or `clear` has returned, no load that was under way, in this
process or in another on the same Redis, can put the old value back, and no later caller in this process is given it.
Another process may hold a value in its memory for at most `trust` seconds longer.
"""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from mestres_perf._kernel.drive import Plan, arun, run
from mestres_perf.cache import _plans
from mestres_perf.cache._adaptive import Adaptive, Requests
from mestres_perf.cache._decorate import Decorator
from mestres_perf.cache._entry import MISS, Entry, Explanation
from mestres_perf.cache._flight import HAND_OVER, Flight, Flights
from mestres_perf.cache._keys import freeze, name_of
from mestres_perf.cache._memory import Memory, Stats, Store
from mestres_perf.errors import ConfigurationError, UncacheableError
from mestres_perf.typing import SharedLayer

R = TypeVar("R")
TTL = float | Adaptive
_ONCE_ONLY = (inspect.isgenerator, inspect.isasyncgen, inspect.iscoroutine, inspect.isawaitable)


class Cache:
    """Remember answers, and know when they stop being true.

    `ttl` is seconds, or `Adaptive()`; with `redis`, values in memory are compared with Redis every `trust` seconds.
    The methods with an `a` in front are for async code; both colours share everything.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        memory: Memory | None = None,
        redis: SharedLayer | None = None,
        ttl: TTL = 300.0,
        trust: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for a TTL or trust that is not above zero."""
        if not name or any(letter in name for letter in "{}\n"):
            raise ConfigurationError(f"a cache's name is text without braces, not {name!r}")
        self.name = name
        self._bounds = memory or Memory()
        self._store = Store(self._bounds, clock)
        self._requests: Requests | None = None  # until a TTL depends on them
        self.ttl = self.lifetime(ttl)
        self._trust = _seconds("trust", trust)
        self._flights = Flights(self._store)
        self._redis = redis
        self._names = _plans.Names(name)
        self._debts = _plans.Debts()
        self._hits, self._misses, self._loads, self._errors = (itertools.count() for _ in range(4))

    def get(self, key: Any, default: Any = MISS) -> Any:
        """The value of `key`, or `default`; nothing is loaded."""
        frozen = freeze(key)
        entry = self._store.get(frozen)
        if entry is None and self._redis is not None:
            flight = self._flights.join(frozen, (), is_async=False)
            if isinstance(flight, Flight) and flight.take():
                try:
                    self._keep(flight, run(self._read(frozen), self._redis.blocking, _no_loader))
                finally:
                    self._give_up(flight)
            entry = self._store.get(frozen)
        return self._counted(frozen, entry, default)

    async def aget(self, key: Any, default: Any = MISS) -> Any:
        """`get` for async code."""
        frozen = freeze(key)
        entry = self._store.get(frozen)
        if entry is None and self._redis is not None:
            flight = self._flights.join(frozen, (), is_async=True)
            if isinstance(flight, Flight) and flight.take():
                try:
                    self._keep(flight, await arun(self._read(frozen), self._redis.awaiting, _no_aloader))
                finally:
                    self._give_up(flight)
            entry = self._store.get(frozen)
        return self._counted(frozen, entry, default)

    def set(self, key: Any, value: Any, *, ttl: TTL | None = None, tags: Iterable[str] = ()) -> None:
        """Put a value in. Raises UncacheableError, ConfigurationError; CodecError when it cannot go through Redis."""
        frozen, named = freeze(key), _tags(tags)
        seconds = self._seconds_of(frozen, ttl)
        _refuse_once_only(value)
        if self._redis is not None:
            plan = _plans.write(self._names, self._debts, name_of(frozen), value, named, seconds)
            run(plan, self._redis.blocking, _no_loader)
        self._flights.replace(frozen, value, ttl=self._memory_ttl(seconds), tags=named)

    async def aset(self, key: Any, value: Any, *, ttl: TTL | None = None, tags: Iterable[str] = ()) -> None:
        """`set` for async code."""
        frozen, named = freeze(key), _tags(tags)
        seconds = self._seconds_of(frozen, ttl)
        _refuse_once_only(value)
        if self._redis is not None:
            plan = _plans.write(self._names, self._debts, name_of(frozen), value, named, seconds)
            await arun(plan, self._redis.awaiting, _no_aloader)
        self._flights.replace(frozen, value, ttl=self._memory_ttl(seconds), tags=named)

    def delete(self, key: Any) -> None:
        """Forget `key`, everywhere."""
        self._drop((freeze(key),))

    async def adelete(self, key: Any) -> None:
        """`delete` for async code."""
        await self._adrop((freeze(key),))

    def get_or_load(self, key: Any, loader: Callable[[], R], *, ttl: TTL | None = None, tags: Iterable[str] = ()) -> R:
        """The value of `key`; when there is none, what `loader()` returns, called once for all who ask meanwhile.

        Raises what the loader raises, to everybody who waited for it; RecursiveLoadError, UncacheableError.
        """
        frozen = freeze(key)
        entry = self._store.get(frozen)
        if self._requests is not None or isinstance(ttl, Adaptive):
            self._request(frozen, ttl)
        if entry is not None:
            next(self._hits)
            return entry.value  # type: ignore[no-any-return]
        return self._load(frozen, loader, self._seconds_of(frozen, ttl), _tags(tags))  # type: ignore[no-any-return]

    async def aget_or_load(
        self, key: Any, loader: Callable[[], Awaitable[R]], *, ttl: TTL | None = None, tags: Iterable[str] = ()
    ) -> R:
        """`get_or_load` for async code: `loader` is an async function without arguments."""
        frozen = freeze(key)
        entry = self._store.get(frozen)
        if self._requests is not None or isinstance(ttl, Adaptive):
            self._request(frozen, ttl)
        if entry is not None:
            next(self._hits)
            return entry.value  # type: ignore[no-any-return]
        return await self._aload(frozen, loader, self._seconds_of(frozen, ttl), _tags(tags))  # type: ignore[no-any-return]

    def get_many(
        self,
        keys: Iterable[Any],
        batch_loader: Callable[[list[Any]], Mapping[Any, Any]],
        *,
        ttl: TTL | None = None,
        tags: Iterable[str] = (),
    ) -> dict[Any, Any]:
        """Values by key; those that are missing come from one `batch_loader(missing keys)`, which returns a mapping.

        A key that the loader leaves out is left out of the result and not remembered.
        """
        batch = _Batch(self, keys, ttl, _tags(tags), is_async=False)
        try:
            if self._redis is None:
                batch.take(batch_loader(batch.missing) if batch.missing else {})
            else:
                run(batch.plan(), self._redis.blocking, lambda: batch_loader(batch.missing))
        finally:
            batch.end()
        return batch.found

    async def aget_many(
        self,
        keys: Iterable[Any],
        batch_loader: Callable[[list[Any]], Awaitable[Mapping[Any, Any]]],
        *,
        ttl: TTL | None = None,
        tags: Iterable[str] = (),
    ) -> dict[Any, Any]:
        """`get_many` for async code."""
        batch = _Batch(self, keys, ttl, _tags(tags), is_async=True)
        try:
            if self._redis is None:
                batch.take(await batch_loader(batch.missing) if batch.missing else {})
            else:
                await arun(batch.plan(), self._redis.awaiting, lambda: batch_loader(batch.missing))
        finally:
            batch.end()
        return batch.found

    def invalidate_tags(self, *tags: str) -> None:
        """Every value with one of these tags is forgotten, everywhere."""
        named = _tags(tags)
        if self._redis is not None:
            run(_plans.invalidate_tags(self._names, self._debts, named), self._redis.blocking, _no_loader)
        self._flights.bump(named)

    async def ainvalidate_tags(self, *tags: str) -> None:
        """`invalidate_tags` for async code."""
        named = _tags(tags)
        if self._redis is not None:
            await arun(_plans.invalidate_tags(self._names, self._debts, named), self._redis.awaiting, _no_aloader)
        self._flights.bump(named)

    def clear(self) -> None:
        """Forget everything of this cache, and nothing else in its Redis."""
        if self._redis is not None:
            run(_plans.clear(self._names, self._debts), self._redis.blocking, _no_loader)
        self._flights.clear()

    async def aclear(self) -> None:
        """`clear` for async code."""
        if self._redis is not None:
            await arun(_plans.clear(self._names, self._debts), self._redis.awaiting, _no_aloader)
        self._flights.clear()

    def settle(self) -> bool:
        """Tell Redis what it could not be told while it was away; False when it still cannot be.

        Reading does this by itself. It is for whoever must know that an invalidation has arrived.
        """
        if self._redis is None:
            return True
        return run(_plans.settle(self._names, self._debts), self._redis.blocking, _no_loader)

    def close(self) -> None:
        """Give the connections of threads back."""
        if self._redis is not None:
            self._redis.close()

    async def aclose(self) -> None:
        """Give the connections of this loop, and those of threads, back."""
        if self._redis is not None:
            await self._redis.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def stats(self) -> Stats:
        """What has been asked and done so far; reading it changes nothing."""
        return Stats(
            hits=_read(self._hits),
            misses=_read(self._misses),
            loads=_read(self._loads),
            errors=_read(self._errors),
            evictions=self._store.evictions,
            size=len(self._store),
        )

    @property
    def hit_rate(self) -> float | None:
        """Hits of all requests, 0 to 1; None before the first."""
        return self.stats().hit_rate

    def peek(self, key: Any) -> Any:
        """What this process holds under `key`, or MISS; nothing is asked, loaded or counted."""
        entry = self._store.peek(freeze(key))
        return MISS if entry is None else entry.value

    def explain(self, key: Any) -> Explanation:
        """What this process knows of `key`; nothing is loaded and nothing counted."""
        frozen = freeze(key)
        entry = self._store.peek(frozen)
        loading = self._flights.has(frozen)
        if entry is None:
            return Explanation(frozen, None, None, None, (), loading)
        now = self._store.clock()
        tags = tuple(tag for tag, _ in entry.versions)
        return Explanation(frozen, "memory", now - entry.stored, entry.expires - now, tags, loading)

    @property
    def cached(self) -> Decorator:
        """Decorate a function, plain or async: `@cache.cached(ttl=60, tags=lambda sku: [f"product:{sku}"])`."""
        return Decorator(self)

    def _load(self, key: Hashable, loader: Callable[[], Any], ttl: float, tags: tuple[str, ...]) -> Any:
        next(self._misses)
        while True:
            joined = self._flights.join(key, tags, is_async=False)
            if isinstance(joined, Entry):
                return joined.value
            if joined is None:
                return self._call(loader)
            if joined.take():
                return self._lead(joined, loader, ttl, tags)
            value = self._flights.wait(joined)
            if value is not HAND_OVER:
                return value

    async def _aload(
        self, key: Hashable, loader: Callable[[], Awaitable[Any]], ttl: float, tags: tuple[str, ...]
    ) -> Any:
        next(self._misses)
        while True:
            joined = self._flights.join(key, tags, is_async=True)
            if isinstance(joined, Entry):
                return joined.value
            if joined is None:
                return await self._acall(loader)
            if joined.take():
                return await self._alead(joined, loader, ttl, tags)
            value = await self._flights.await_(joined)
            if value is not HAND_OVER:
                return value

    def _lead(self, flight: Flight, loader: Callable[[], Any], ttl: float, tags: tuple[str, ...]) -> Any:
        try:
            with self._flights.leading(flight):
                if self._redis is None:
                    found = _plans.Found(self._call(loader), ttl, loaded=True, shared=True)
                else:
                    plan = _plans.read_through(self._names, self._debts, name_of(flight.key), tags, ttl)
                    found = run(plan, self._redis.blocking, lambda: self._call(loader))
            self._keep(flight, found)
        except BaseException as error:
            self._fail(flight, error)
            raise
        return found.value

    async def _alead(
        self, flight: Flight, loader: Callable[[], Awaitable[Any]], ttl: float, tags: tuple[str, ...]
    ) -> Any:
        try:
            with self._flights.leading(flight):
                if self._redis is None:
                    found = _plans.Found(await self._acall(loader), ttl, loaded=True, shared=True)
                else:
                    plan = _plans.read_through(self._names, self._debts, name_of(flight.key), tags, ttl)
                    found = await arun(plan, self._redis.awaiting, lambda: self._acall(loader))
            self._keep(flight, found)
        except BaseException as error:
            self._fail(flight, error)
            raise
        return found.value

    def _call(self, loader: Callable[[], Any]) -> Any:
        next(self._loads)
        try:
            value = loader()
            _refuse_once_only(value)
        except BaseException:
            next(self._errors)
            raise
        return value

    async def _acall(self, loader: Callable[[], Awaitable[Any]]) -> Any:
        next(self._loads)
        try:
            value = await loader()
            _refuse_once_only(value)
        except BaseException:
            next(self._errors)
            raise
        return value

    def _keep(self, flight: Flight, found: _plans.Found | None) -> None:
        """The load has ended well: store it, if it may be, before anybody is told."""
        if found is not None and found.shared and found.ttl > 0:
            self._store.put(flight.key, found.value, ttl=self._memory_ttl(found.ttl), ticket=flight.ticket)
        self._flights.leave(flight)
        flight.future.set_result(HAND_OVER if found is None else found.value)

    def _fail(self, flight: Flight, error: BaseException) -> None:
        self._flights.leave(flight)
        if isinstance(error, Exception):
            flight.future.set_exception(error)
        else:  # cancelled or interrupted: that is the leader's own affair, somebody else leads now
            flight.future.set_result(HAND_OVER)

    def _give_up(self, flight: Flight) -> None:
        """End a flight that has not ended; those who wait lead it themselves."""
        if not flight.future.done():
            self._flights.leave(flight)
            flight.future.set_result(HAND_OVER)

    def _drop(self, keys: tuple[Hashable, ...]) -> None:
        if self._redis is not None:
            names = tuple(map(name_of, keys))
            run(_plans.invalidate(self._names, self._debts, names), self._redis.blocking, _no_loader)
        self._flights.delete(keys)

    async def _adrop(self, keys: tuple[Hashable, ...]) -> None:
        if self._redis is not None:
            names = tuple(map(name_of, keys))
            await arun(_plans.invalidate(self._names, self._debts, names), self._redis.awaiting, _no_aloader)
        self._flights.delete(keys)

    def _read(self, key: Hashable) -> Plan[_plans.Found | None]:
        return _plans.read(self._names, self._debts, name_of(key))

    def _counted(self, key: Hashable, entry: Entry | None, default: Any) -> Any:
        if self._requests is not None:
            self._request(key, None)
        next(self._misses if entry is None else self._hits)
        return default if entry is None else entry.value

    def lifetime(self, ttl: TTL | None) -> TTL:
        """A TTL as it will be used: the cache's own for None. Raises ConfigurationError."""
        if ttl is None:
            return self.ttl
        if isinstance(ttl, Adaptive):
            if self._requests is None:
                self._requests = Requests(self._bounds.max_items, self._store.clock)
            return ttl
        return _seconds("ttl", ttl)

    def _seconds_of(self, key: Hashable, ttl: TTL | None) -> float:
        """How long the value of this key will hold from now."""
        chosen = self.lifetime(ttl)
        if isinstance(chosen, Adaptive):
            assert self._requests is not None
            return chosen.seconds(self._requests.follow(key))
        return chosen

    def _request(self, key: Hashable, ttl: TTL | None) -> None:
        """Count a request for a key whose TTL depends on it. Others pay the question whether there is any such key."""
        chosen = self.lifetime(ttl)
        assert self._requests is not None
        if isinstance(chosen, Adaptive) or key in self._requests:
            self._requests.count(key)

    def _memory_ttl(self, ttl: float) -> float:
        return ttl if self._redis is None else min(ttl, self._trust)


class _Batch:
    """One `get_many`: what was found, what is missing, and the flights that this call leads."""

    def __init__(
        self, cache: Cache, keys: Iterable[Any], ttl: TTL | None, tags: tuple[str, ...], *, is_async: bool
    ) -> None:
        cache.lifetime(ttl)  # a wrong one is refused also when nothing is missing
        self.found: dict[Any, Any] = {}
        self.missing: list[Any] = []
        self._cache = cache
        self._ttls: dict[Any, float] = {}
        self._tags = tags
        self._mine: dict[Any, Flight] = {}
        for key in dict.fromkeys(keys):
            frozen = freeze(key)
            if cache._requests is not None:  # noqa: SLF001 - a part of the cache
                cache._request(frozen, ttl)  # noqa: SLF001
            joined = cache._flights.join(frozen, tags, is_async=is_async)  # noqa: SLF001
            if isinstance(joined, Entry):
                self.found[key] = joined.value
                next(cache._hits)  # noqa: SLF001
                continue
            next(cache._misses)  # noqa: SLF001
            self._ttls[key] = cache._seconds_of(frozen, ttl)  # noqa: SLF001
            self.missing.append(key)  # who is loading it elsewhere is not waited for: one batch, one wait
            if joined is not None and joined.take():
                self._mine[key] = joined
        if self.missing:
            next(cache._loads)  # noqa: SLF001

    def plan(self) -> Plan[None]:
        """Ask Redis for what is missing, load the rest at once, give Redis what it has granted a lease for."""
        cache = self._cache
        names = {key: name_of(freeze(key)) for key in self.missing}
        leases = yield from _plans.lease_many(cache._names, cache._debts, names, self._tags)  # noqa: SLF001
        for key, found in leases.found.items():
            self.missing.remove(key)
            self._settle(key, found)
        if self.missing:
            loaded = yield from _plans.load_many(cache._names, leases, self._tags, self._ttls)  # noqa: SLF001
            for key, found in loaded.items():
                self._settle(key, found)

    def take(self, loaded: Mapping[Any, Any]) -> None:
        """What the batch loader has found, without Redis."""
        for key in self.missing:
            if key in loaded:
                _refuse_once_only(loaded[key])
                self._settle(key, _plans.Found(loaded[key], self._ttls[key], loaded=True, shared=True))

    def end(self) -> None:
        """Whoever waits for a key that has not come loads it himself."""
        for flight in self._mine.values():
            self._cache._give_up(flight)  # noqa: SLF001

    def _settle(self, key: Any, found: _plans.Found) -> None:
        self.found[key] = found.value
        flight = self._mine.get(key)
        if flight is not None:
            self._cache._keep(flight, found)  # noqa: SLF001


def _no_loader() -> Any:
    raise AssertionError("this plan loads nothing")


async def _no_aloader() -> Any:
    raise AssertionError("this plan loads nothing")


def _refuse_once_only(value: Any) -> None:
    if any(test(value) for test in _ONCE_ONLY):
        raise UncacheableError(
            f"a {type(value).__name__} can be used only once: return a list, or await before returning"
        )


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(f"{name} must be a number of seconds above zero, not {value!r}")
    return float(value)


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    named = (tags,) if isinstance(tags, str) else tuple(dict.fromkeys(tags))
    for tag in named:
        if not isinstance(tag, str) or not tag or "\n" in tag:
            raise ConfigurationError(f"a tag is text without line breaks, not {tag!r}")
    return named


def _read(counter: itertools.count[int]) -> int:
    """How often the counter was moved: its repr says so without moving it, and moving it takes no lock."""
    return int(repr(counter)[6:-1])
