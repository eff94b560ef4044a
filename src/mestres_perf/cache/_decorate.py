"""The decorated function: a hit first, then everything else that can be done with what it remembers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from asgiref.sync import markcoroutinefunction

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._entry import Explanation
from mestres_perf.cache._keys import Instances, Key, binder
from mestres_perf.cache._memory import Stats
from mestres_perf.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")
TTL = float | Adaptive
Tags = Iterable[str] | Callable[..., Iterable[str]]


class Remembers(Protocol):
    """The cache, as far as a decorated function needs it."""

    def lifetime(self, ttl: TTL | None) -> TTL: ...
    def get_or_load(self, key: Any, loader: Any, *, ttl: TTL | None, tags: Iterable[str]) -> Any: ...
    async def aget_or_load(self, key: Any, loader: Any, *, ttl: TTL | None, tags: Iterable[str]) -> Any: ...
    def peek(self, key: Any) -> Any: ...
    def explain(self, key: Any) -> Explanation: ...
    def delete(self, key: Any) -> None: ...
    async def adelete(self, key: Any) -> None: ...
    def stats(self) -> Stats: ...


class Decorator:
    """`@cache.cached` and `@cache.cached(ttl=..., tags=...)`."""

    def __init__(self, cache: Remembers) -> None:
        self._cache = cache

    @overload
    def __call__(self, function: Callable[P, R], /) -> Cached[P, R]: ...
    @overload
    def __call__(
        self, function: None = None, /, *, ttl: TTL | None = None, tags: Tags = ()
    ) -> Callable[[Callable[P, R]], Cached[P, R]]: ...
    def __call__(self, function: Any = None, /, *, ttl: TTL | None = None, tags: Tags = ()) -> Any:
        """Remember what the function returns, by its arguments.

        `ttl` in seconds or `Adaptive()` (default: the cache's); `tags` a list, or a function of the same arguments that
        gives one. Raises ConfigurationError for generators, which cannot be remembered.
        """

        def decorate(function: Callable[..., Any]) -> Cached[Any, Any]:
            return Cached(self._cache, function, ttl, tags)

        return decorate if function is None else decorate(function)


class Cached(Generic[P, R]):
    """A function that remembers. It is called as before, and an async function is awaited as before."""

    def __init__(self, cache: Remembers, function: Callable[P, R], ttl: TTL | None, tags: Tags) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(f"{function.__qualname__} is a generator: return a list to have it remembered")
        if not callable(function):
            raise ConfigurationError("put @staticmethod and @classmethod above @cached, not below")
        functools.update_wrapper(self, function)
        self.uncached = function
        self._cache = cache
        self._ttl = cache.lifetime(ttl)  # checked once, and not at each call
        self._tags = tags
        self._bind = binder(function)
        self._is_async = inspect.iscoroutinefunction(function)
        self._instances = Instances()
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """The remembered value, or what the function returns."""
        return self._call(None, arguments, named)  # type: ignore[no-any-return]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else Bound(self, instance)

    def key(self, *arguments: P.args, **named: P.kwargs) -> Hashable:
        """The key of a call, as `cache.get` and `cache.delete` take it."""
        return self._key(None, arguments, named)

    def invalidate(self, *arguments: P.args, **named: P.kwargs) -> None:
        """Forget what this call returned. In async code on Redis use `ainvalidate`, which does not block."""
        self._cache.delete(self.key(*arguments, **named))

    async def ainvalidate(self, *arguments: P.args, **named: P.kwargs) -> None:
        """`invalidate` for async code."""
        await self._cache.adelete(self.key(*arguments, **named))

    def refresh(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Forget and load again; of an async function the result is awaited."""
        return self._refresh(None, arguments, named)  # type: ignore[no-any-return]

    def warm(self, *arguments: P.args, **named: P.kwargs) -> bool:
        """Load what this call returns unless it is remembered; whether it had to be. Not for async functions."""
        if self._is_async:
            raise ConfigurationError(f"{self.uncached.__qualname__} is async: await it to have it remembered")
        loaded = False

        def load() -> Any:
            nonlocal loaded
            loaded = True
            return self.uncached(*arguments, **named)

        tags = self._tags(*arguments, **named) if callable(self._tags) else self._tags
        self._cache.get_or_load(self.key(*arguments, **named), load, ttl=self._ttl, tags=tags)
        return loaded

    def peek(self, *arguments: P.args, **named: P.kwargs) -> Any:
        """What is remembered in this process, or MISS; nothing is loaded and nothing counted."""
        return self._cache.peek(self.key(*arguments, **named))

    def explain(self, *arguments: P.args, **named: P.kwargs) -> Explanation:
        """Where the value is, its age, what is left of it."""
        return self._cache.explain(self.key(*arguments, **named))

    def many(self, calls: Iterable[tuple[Any, ...]]) -> Any:
        """The results of many calls, each given as a tuple of arguments, in order; awaited for an async function."""
        given = list(calls)
        if self._is_async:
            return self._amany(given)
        return [self._call(None, arguments, {}) for arguments in given]

    async def _amany(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        return [await self._call(None, arguments, {}) for arguments in calls]

    def stats(self) -> Stats:
        """The statistics of the cache that remembers."""
        return self._cache.stats()

    def _key(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Hashable:
        if instance is None:
            return self._bind(arguments, named)
        return Key((self._instances.name(instance), self._bind((None, *arguments), named)))

    def _call(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        key = self._key(instance, arguments, named)
        full = arguments if instance is None else (instance, *arguments)
        get = self._cache.aget_or_load if self._is_async else self._cache.get_or_load
        tags = self._tags(*full, **named) if callable(self._tags) else self._tags
        loader: Callable[[], Any] = functools.partial(self.uncached, *full, **named)
        return get(key, loader, ttl=self._ttl, tags=tags)

    def _refresh(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        if self._is_async:
            return self._arefresh(instance, arguments, named)
        self._cache.delete(self._key(instance, arguments, named))
        return self._call(instance, arguments, named)

    async def _arefresh(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        await self._cache.adelete(self._key(instance, arguments, named))
        return await self._call(instance, arguments, named)


class Bound:
    """A cached method of one object, which the cache does not keep alive."""

    def __init__(self, cached: Cached[Any, Any], instance: Any) -> None:
        functools.update_wrapper(self, cached.uncached)
        self._cached = cached
        self._instance = instance
        if cached._is_async:  # noqa: SLF001 - two halves of one thing
            markcoroutinefunction(self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The remembered value, or what the method returns."""
        return self._cached._call(self._instance, arguments, named)  # noqa: SLF001

    def key(self, *arguments: Any, **named: Any) -> Hashable:
        """The key of a call."""
        return self._cached._key(self._instance, arguments, named)  # noqa: SLF001

    def invalidate(self, *arguments: Any, **named: Any) -> None:
        """Forget what this call returned."""
        self._cached._cache.delete(self.key(*arguments, **named))  # noqa: SLF001

    async def ainvalidate(self, *arguments: Any, **named: Any) -> None:
        """`invalidate` for async code."""
        await self._cached._cache.adelete(self.key(*arguments, **named))  # noqa: SLF001

    def refresh(self, *arguments: Any, **named: Any) -> Any:
        """Forget and load again."""
        return self._cached._refresh(self._instance, arguments, named)  # noqa: SLF001

    def peek(self, *arguments: Any, **named: Any) -> Any:
        """What is remembered in this process, or MISS."""
        return self._cached._cache.peek(self.key(*arguments, **named))  # noqa: SLF001

    def explain(self, *arguments: Any, **named: Any) -> Explanation:
        """Where the value is, its age, what is left of it."""
        return self._cached._cache.explain(self.key(*arguments, **named))  # noqa: SLF001

    def uncached(self, *arguments: Any, **named: Any) -> Any:
        """The method itself."""
        return self._cached.uncached(self._instance, *arguments, **named)
