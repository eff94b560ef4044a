"""The cache: a memory layer, and Redis behind it when there is one. See `_core` for what it does and promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from typing_extensions import Unpack

from mestres_perf._kernel.drive import Plan, arun, run
from mestres_perf.cache._batch import Batch
from mestres_perf.cache._core import Core, Request
from mestres_perf.cache._decorate import Decorator
from mestres_perf.cache._entry import MISS, Explanation, Failure
from mestres_perf.cache._events import Events, Kind, Listener
from mestres_perf.cache._explain import explain
from mestres_perf.cache._keys import freeze, name_of
from mestres_perf.cache._leases import Leases
from mestres_perf.cache._loading import tags_of
from mestres_perf.cache._memory import Memory, Store
from mestres_perf.cache._options import TTL, Keep, Options, seconds
from mestres_perf.cache._seal import Secret
from mestres_perf.cache._serializer import COMPRESS_OVER, Serializer
from mestres_perf.cache._shared import Shared
from mestres_perf.cache._stats import Stats
from mestres_perf.errors import ConfigurationError
from mestres_perf.typing import SharedLayer

R = TypeVar("R")
TagsByKey = Iterable[str] | Callable[[Any], Iterable[str]]


class Cache:
    """Remember answers, and know when they stop being true.

    `ttl` is seconds, or `Adaptive()`; the other options are those of `Options`, and hold where a call or a decorator
    says nothing else. With `redis`, what another process invalidates is heard within milliseconds (`backplane`); where
    nothing can be heard, values in memory are compared with Redis every `trust` seconds. One process at a time may load
    a key: it holds a lease, renewed while its loader runs, and free `lease` seconds after it was killed. The methods
    with an `a` in front are for async code; both colours share everything.

    What travels through Redis: `types` are the dataclasses, enums and NamedTuples that may, besides plain data. With a
    `secret` (16 bytes or more; of several the first one signs, all are believed) only what was signed with it is read.
    `codec="pickle"` carries any object and needs a secret. Values of more than `compress_over` bytes are compressed,
    None for never.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        memory: Memory | None = None,
        redis: SharedLayer | None = None,
        trust: float = 1.0,
        backplane: bool = True,
        lease: float = 10.0,
        codec: Literal["json", "pickle"] = "json",
        secret: Secret | Sequence[Secret] | None = None,
        compress_over: int | None = COMPRESS_OVER,
        types: Iterable[type] = (),
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[Keep],
    ) -> None:
        """Raises ConfigurationError for a name, a duration, a secret, a type or an option that makes no sense."""
        if not name or any(letter in name for letter in "{}\n") or ":t:" in f"{name}:":
            raise ConfigurationError(f"a cache's name is text without braces and without ':t:', not {name!r}")
        self.name = name
        chosen = Options().but(options)
        serializer, leases = (
            Serializer(codec, secret=secret, compress_over=compress_over, types=types),
            Leases(lease, redis),
        )
        is_cluster = getattr(redis, "is_cluster", False)
        shared = None if redis is None else Shared(name, leases, serializer, is_cluster=is_cluster)
        self._redis = redis
        self._core = Core(Store(memory or Memory(), clock, Events(name)), shared, chosen, seconds("trust", trust))
        self._core.watch(chosen.ttl)
        self._listener = self._listen(redis) if backplane else None
        self._entries = self._core.store.nodes.get
        self._clock = clock

    @property
    def ttl(self) -> TTL:
        """What a value's TTL is when nothing else is said."""
        return self._core.options.ttl

    def get(self, key: Any, default: Any = MISS) -> Any:
        """The value of `key`, or `default`; nothing is loaded. Raises an error that is remembered for the key."""
        frozen = freeze(key)
        entry = self._entries(frozen)
        if entry is not None:
            value = entry.value
            if entry.soft > self._clock() and self._core.requests is None:
                return self._hit(entry, value)
        request = self._request(frozen, is_async=False)
        self._core.count(request)
        value = self._run(self._core.lookup(request))
        return default if value is MISS else self._core.copied(value)

    async def aget(self, key: Any, default: Any = MISS) -> Any:
        """`get` for async code."""
        frozen = freeze(key)
        entry = self._entries(frozen)
        if entry is not None:
            value = entry.value
            if entry.soft > self._clock() and self._core.requests is None:
                return self._hit(entry, value)
        request = self._request(frozen, is_async=True)
        self._core.count(request)
        value = await self._arun(self._core.lookup(request))
        return default if value is MISS else self._core.copied(value)

    def set(self, key: Any, value: Any, *, tags: Iterable[str] = (), **options: Unpack[Keep]) -> None:
        """Put a value in. Raises UncacheableError, ConfigurationError; CodecError when it cannot go through Redis."""
        request = self._request(freeze(key), tags, options, is_async=False)
        self._run(self._core.put(request, value))

    async def aset(self, key: Any, value: Any, *, tags: Iterable[str] = (), **options: Unpack[Keep]) -> None:
        """`set` for async code."""
        request = self._request(freeze(key), tags, options, is_async=True)
        await self._arun(self._core.put(request, value))

    def set_many(self, values: Mapping[Any, Any], *, tags: TagsByKey = (), **options: Unpack[Keep]) -> None:
        """`set` for many, in two round trips; when one cannot be put in, none is. `tags` as for `get_many`."""
        wanted = self._wanted(values, tags, options, is_async=False)
        self._run(self._core.put_many([(wanted[key], value) for key, value in values.items()]))

    async def aset_many(self, values: Mapping[Any, Any], *, tags: TagsByKey = (), **options: Unpack[Keep]) -> None:
        """`set_many` for async code."""
        wanted = self._wanted(values, tags, options, is_async=True)
        await self._arun(self._core.put_many([(wanted[key], value) for key, value in values.items()]))

    def delete(self, key: Any) -> None:
        """Forget `key`, everywhere."""
        self.delete_many((key,))

    async def adelete(self, key: Any) -> None:
        """`delete` for async code."""
        await self.adelete_many((key,))

    def delete_many(self, keys: Iterable[Any]) -> None:
        """Forget these keys, everywhere, in one round trip."""
        frozen = [freeze(key) for key in keys]
        names = [] if self._core.shared is None else [name_of(key) for key in frozen]
        try:
            if self._core.shared is not None and names:
                self._run(self._core.shared.invalidate(names))
        finally:  # interrupted, too
            self._core.forget(frozen)

    async def adelete_many(self, keys: Iterable[Any]) -> None:
        """`delete_many` for async code."""
        frozen = [freeze(key) for key in keys]
        names = [] if self._core.shared is None else [name_of(key) for key in frozen]
        try:
            if self._core.shared is not None and names:
                await self._arun(self._core.shared.invalidate(names))
        finally:  # cancelled, too
            self._core.forget(frozen)

    def get_or_load(self, key: Any, loader: Callable[[], R], *, tags: Iterable[str] = (), **options: Unpack[Keep]) -> R:
        """The value of `key`; when there is none, what `loader()` returns, called once for all who ask meanwhile.

        Inside the loader `loading()` gives what may be said of the value. Raises what the loader raises, to everybody
        who waited for it; LoadTimeout, RecursiveLoadError, UncacheableError.
        """
        frozen = freeze(key)
        entry = self._entries(frozen)
        if entry is not None:
            value = entry.value
            if entry.soft > self._clock() and self._core.requests is None:
                return self._hit(entry, value)  # type: ignore[no-any-return]
        return self.load(self._request(frozen, tags, options, is_async=False), loader)  # type: ignore[no-any-return]

    async def aget_or_load(
        self, key: Any, loader: Callable[[], Awaitable[R]], *, tags: Iterable[str] = (), **options: Unpack[Keep]
    ) -> R:
        """`get_or_load` for async code: `loader` is an async function without arguments."""
        frozen = freeze(key)
        entry = self._entries(frozen)
        if entry is not None:
            value = entry.value
            if entry.soft > self._clock() and self._core.requests is None:
                return self._hit(entry, value)  # type: ignore[no-any-return]
        return await self.aload(self._request(frozen, tags, options, is_async=True), loader)  # type: ignore[no-any-return]

    def get_many(
        self,
        keys: Iterable[Any],
        batch_loader: Callable[[list[Any]], Mapping[Any, Any]],
        *,
        tags: TagsByKey = (),
        **options: Unpack[Keep],
    ) -> dict[Any, Any]:
        """Values by key; those that are missing come from one `batch_loader(missing keys)`, which returns a mapping.

        What somebody else is loading just now is waited for. A key that the loader leaves out is left out of the
        result and not remembered. `tags` are those of every key, or a function of one. In the loader `loading()`
        speaks of all keys, `loading().of(key)` of one. Raises what the loader raises, an error that is remembered for
        one of the keys, LoadTimeout, RecursiveLoadError, UncacheableError.
        """
        return self.load_many(self._wanted(keys, tags, options, is_async=False), batch_loader)

    async def aget_many(
        self,
        keys: Iterable[Any],
        batch_loader: Callable[[list[Any]], Awaitable[Mapping[Any, Any]]],
        *,
        tags: TagsByKey = (),
        **options: Unpack[Keep],
    ) -> dict[Any, Any]:
        """`get_many` for async code."""
        return await self.aload_many(self._wanted(keys, tags, options, is_async=True), batch_loader)

    def invalidate_tags(self, *tags: str) -> None:
        """Every value with one of these tags is forgotten, everywhere."""
        named = tags_of(tags)
        try:
            if self._core.shared is not None:
                self._run(self._core.shared.invalidate_tags(named))
        finally:  # interrupted, too
            self._core.forget_tags(named)

    async def ainvalidate_tags(self, *tags: str) -> None:
        """`invalidate_tags` for async code."""
        named = tags_of(tags)
        try:
            if self._core.shared is not None:
                await self._arun(self._core.shared.invalidate_tags(named))
        finally:  # cancelled, too
            self._core.forget_tags(named)

    def clear(self) -> None:
        """Forget everything of this cache, and nothing else in its Redis."""
        try:
            if self._core.shared is not None:
                self._run(self._core.shared.clear())
        finally:  # interrupted, too
            self._core.forget_all()

    async def aclear(self) -> None:
        """`clear` for async code."""
        try:
            if self._core.shared is not None:
                await self._arun(self._core.shared.clear())
        finally:  # cancelled, too
            self._core.forget_all()

    def settle(self) -> bool:
        """Tell Redis what it could not be told while it was away; False when it still cannot be.

        Reading does this by itself. It is for whoever must know that an invalidation has arrived.
        """
        return self._core.shared is None or self._run(self._core.shared.settle())

    async def asettle(self) -> bool:
        """`settle` for async code."""
        return self._core.shared is None or await self._arun(self._core.shared.settle())

    def close(self) -> None:
        """Give the connections of threads back, and stop listening to other processes."""
        if self._listener is not None:
            self._listener.close()
        if self._redis is not None:
            self._redis.close()

    async def aclose(self) -> None:
        """Give the connections of this loop, and those of threads, back, and stop listening to other processes."""
        if self._listener is not None:
            await asyncio.to_thread(self._listener.close)
        if self._redis is not None:
            await self._redis.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def stats(self) -> Stats:
        """What has been asked and done so far, here. Reading it changes nothing and waits for nobody.

        It looks at every entry for the hits: some 10 ms for 100,000.
        """
        counts, store, follower = self._core.counts, self._core.store, self._core.follower
        return Stats(
            hits=store.hits + counts.hits,
            redis_hits=counts.hits,
            misses=counts.misses,
            loads=counts.loads,
            errors=counts.errors,
            load_seconds=counts.load_seconds,
            load_times=counts.load_times,
            stale=counts.stale,
            refreshes=counts.refreshes,
            rejected=0 if self._core.shared is None else self._core.shared.serializer.rejected,
            evictions=store.evictions,
            refused=counts.refused + store.refused,
            invalidations=counts.invalidations,
            heard=0 if follower is None else follower.others,
            gaps=0 if follower is None else follower.gaps,
            redis_failures=getattr(self._redis, "failures", 0),
            redis_away=getattr(self._redis, "away", 0.0),
            size=len(store),
            bytes=store.bytes,
            waiting=counts.waiting,
            loading=len(self._core.flights),
        )

    def subscribe(self, listener: Listener, *kinds: Kind) -> Callable[[], None]:
        """Call `listener(event)` for each `Event` of these kinds, all kinds when none are named. Returns what ends it.

        It is called by a thread or task that uses the cache: it must be quick, and is no async function. What it raises
        is logged, once, and reaches nobody. Hits in memory are counted, never told. Raises ConfigurationError.
        """
        return self._core.events.subscribe(listener, kinds)

    @property
    def hit_rate(self) -> float | None:
        """Hits of all requests, 0 to 1; None before the first."""
        return self.stats().hit_rate

    def peek(self, key: Any) -> Any:
        """What this process holds under `key` and would give without asking anybody, or MISS; nothing is counted."""
        core, seen = self._core, self._core.store.look(freeze(key))
        now = self._clock()
        if seen is None or now >= seen.expires or not core.is_trusted(seen.checked, now):
            return MISS
        return MISS if isinstance(seen.value, Failure) else core.copied(seen.value)

    def explain(self, key: Any, **options: Unpack[Keep]) -> Explanation:
        """What a reader of `key` would be given now, and why; `print` it. `options` are those that he reads with.

        Redis is asked too, in one round trip or two. Nothing is loaded, counted or changed, except that Redis itself
        sees a read. Raises ConfigurationError.
        """
        return self.explained(self._request(freeze(key), (), options, is_async=False))

    async def aexplain(self, key: Any, **options: Unpack[Keep]) -> Explanation:
        """`explain` for async code."""
        return await self.aexplained(self._request(freeze(key), (), options, is_async=True))

    def explained(self, request: Request) -> Explanation:
        """`explain`, for the decorators of this package."""
        return self._with_rest(self._run(explain(self._core, request)))

    async def aexplained(self, request: Request) -> Explanation:
        """`explained` for async code."""
        return self._with_rest(await self._arun(explain(self._core, request)))

    def _with_rest(self, explanation: Explanation) -> Explanation:
        rests = getattr(self._redis, "rests", 0.0)
        return replace(explanation, redis_rests=rests) if rests else explanation

    @property
    def cached(self) -> Decorator:
        """Decorate a function, plain or async: `@cache.cached(ttl=60, tags=lambda sku: [f"product:{sku}"])`."""
        return Decorator(self)

    @property
    def core(self) -> Core:
        """What the decorators and batches of this package work with."""
        return self._core

    def at_hand(self, key: str) -> Any:
        """The value, where it is a plain hit in memory, which is counted; else MISS: somebody has to look further."""
        entry = self._entries(key)
        if entry is not None:
            value = entry.value
            if entry.soft > self._clock() and self._core.requests is None:
                return self._hit(entry, value)
        return MISS

    def perform(self, plan: Plan[R]) -> R:
        """What comes of a plan that loads nothing. For the rooms of this package that have plans of their own."""
        return self._run(plan)

    async def aperform(self, plan: Plan[R]) -> R:
        """`perform` for async code."""
        return await self._arun(plan)

    def load(self, request: Request, loader: Callable[[], Any]) -> Any:
        """The value of a request that was not a plain hit. For the decorators of this package."""
        self._core.count(request)
        return self._core.copied(self._run(self._core.answer(request), loader))

    async def aload(self, request: Request, loader: Callable[[], Awaitable[Any]]) -> Any:
        """`load` for async code."""
        self._core.count(request)
        return self._core.copied(await self._arun(self._core.answer(request), loader))

    def load_many(
        self, requests: Mapping[Any, Request], loader: Callable[[list[Any]], Mapping[Any, Any]]
    ) -> dict[Any, Any]:
        """The values of many requests, as `get_many`. For the decorators of this package."""
        return self._run(Batch(self._core, requests).plan(), loader)

    async def aload_many(
        self, requests: Mapping[Any, Request], loader: Callable[[list[Any]], Awaitable[Mapping[Any, Any]]]
    ) -> dict[Any, Any]:
        """`load_many` for async code."""
        return await self._arun(Batch(self._core, requests).plan(), loader)

    def prefetch(self, requests: Mapping[Any, Request]) -> None:
        """Put into memory what Redis has of these. For the decorators of this package."""
        if self._core.shared is not None:
            self._run(Batch(self._core, requests).prefetch(self._core.shared))

    async def aprefetch(self, requests: Mapping[Any, Request]) -> None:
        """`prefetch` for async code."""
        if self._core.shared is not None:
            await self._arun(Batch(self._core, requests).prefetch(self._core.shared))

    def lifetime(self, ttl: TTL | None) -> TTL:
        """A TTL as it will be used: the cache's own for None. Raises ConfigurationError."""
        return self.options({"ttl": ttl}).ttl

    def options(self, changes: Mapping[str, Any]) -> Options:
        """The options of the cache with some others. Raises ConfigurationError."""
        chosen = self._core.options.but(changes)
        if chosen is not self._core.options:
            self._core.watch(chosen.ttl)
        return chosen

    def name_in_redis(self, key: Hashable) -> str:
        """What Redis calls a key; nothing without Redis. Raises KeyArgumentError."""
        return "" if self._redis is None else name_of(key)

    def _request(
        self,
        key: Hashable,
        tags: Iterable[str] = (),
        options: Mapping[str, Any] | Options | None = None,
        *,
        is_async: bool,
    ) -> Request:
        if isinstance(options, Options):
            chosen = options
        else:
            chosen = self._core.options if not options else self.options(options)
        named = tags_of(tags)
        return Request(key, self.name_in_redis(key), self.name, chosen, lambda: named, is_async)

    def _listen(self, redis: SharedLayer | None) -> Any:
        """Who hears what other processes invalidate; he begins when something is kept that they may invalidate."""
        core = self._core
        begin = getattr(redis, "listener", None)
        if core.shared is None or begin is None:
            return None
        names = core.shared.names
        listener = begin(names.sequence, names.stream, core.follower)
        core.listen = listener.ensure
        return listener

    def _wanted(
        self, keys: Iterable[Any], tags: TagsByKey, options: Mapping[str, Any], *, is_async: bool
    ) -> dict[Any, Request]:
        chosen = self.options(options)
        return {
            key: self._request(freeze(key), tags(key) if callable(tags) else tags, chosen, is_async=is_async)
            for key in dict.fromkeys(keys)
        }

    def _hit(self, entry: Any, value: Any) -> Any:
        entry.hits += 1
        return self._core.copied(value)

    def _run(self, plan: Plan[R], loader: Callable[..., Any] | None = None) -> R:
        return run(plan, None if self._redis is None else self._redis.blocking, loader or _no_loader)

    async def _arun(self, plan: Plan[R], loader: Callable[..., Awaitable[Any]] | None = None) -> R:
        return await arun(plan, None if self._redis is None else self._redis.awaiting, loader or _no_aloader)


def _no_loader() -> Any:
    raise AssertionError("this plan loads nothing")


async def _no_aloader() -> Any:
    raise AssertionError("this plan loads nothing")
