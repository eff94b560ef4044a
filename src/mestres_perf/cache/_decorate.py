"""The decorated function: a hit first, then everything else that can be done with what it remembers."""

from __future__ import annotations

import asyncio
import functools
import heapq
import inspect
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from typing_extensions import Unpack

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._compile import compiled
from mestres_perf.cache._core import Core, Request
from mestres_perf.cache._entry import MISS, Explanation, Failure
from mestres_perf.cache._keys import Instances, Key, binder, of_call, prefix_of, recaller
from mestres_perf.cache._loading import tags_of
from mestres_perf.cache._options import Keep, Options
from mestres_perf.cache._stats import Stats
from mestres_perf.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Loads = TypeVar("Loads", bound=Callable[..., Any])
Tags = Iterable[str] | Callable[..., Iterable[str]]
_AT_ONCE = 16
"""So many calls of an async function `many` has under way at once."""


class Remembers(Protocol):
    """The cache, as far as a decorated function needs it."""

    @property
    def core(self) -> Core: ...
    def options(self, changes: Mapping[str, Any]) -> Options: ...
    def name_in_redis(self, key: Hashable) -> str: ...
    def load(self, request: Request, loader: Callable[[], Any]) -> Any: ...
    async def aload(self, request: Request, loader: Callable[[], Awaitable[Any]]) -> Any: ...
    def load_many(self, requests: Mapping[Any, Request], loader: Callable[..., Any]) -> dict[Any, Any]: ...
    async def aload_many(
        self, requests: Mapping[Any, Request], loader: Callable[..., Awaitable[Any]]
    ) -> dict[Any, Any]: ...
    def prefetch(self, requests: Mapping[Any, Request]) -> None: ...
    async def aprefetch(self, requests: Mapping[Any, Request]) -> None: ...
    def peek(self, key: Any) -> Any: ...
    def explained(self, request: Request) -> Explanation: ...
    async def aexplained(self, request: Request) -> Explanation: ...
    def set(self, key: Any, value: Any, *, tags: Iterable[str] = ...) -> None: ...
    def delete(self, key: Any) -> None: ...
    async def adelete(self, key: Any) -> None: ...
    def stats(self) -> Stats: ...


class Cached(Protocol[P, R_co]):
    """A function that remembers. It is called as before, and an async function is awaited as before."""

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R_co:
        """The remembered value, or what the function returns."""
        ...

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: the same, for one object, which the cache does not keep alive."""
        ...

    @property
    def uncached(self) -> Callable[P, R_co]:
        """The function itself."""
        ...

    def key(self, *arguments: P.args, **named: P.kwargs) -> Hashable:
        """The key of a call, as `cache.get` and `cache.delete` take it."""
        ...

    def invalidate(self, *arguments: P.args, **named: P.kwargs) -> None:
        """Forget what this call returned. In async code on Redis use `ainvalidate`, which does not block."""
        ...

    async def ainvalidate(self, *arguments: P.args, **named: P.kwargs) -> None:
        """`invalidate` for async code."""
        ...

    def refresh(self, *arguments: P.args, **named: P.kwargs) -> R_co:
        """Forget and load again; of an async function the result is awaited."""
        ...

    def warm(self, *arguments: P.args, **named: P.kwargs) -> Any:
        """Load what this call returns unless it is remembered; whether it had to be: awaited for an async function."""
        ...

    def peek(self, *arguments: P.args, **named: P.kwargs) -> Any:
        """What is remembered in this process, or MISS; nothing is loaded and nothing counted."""
        ...

    def explain(self, *arguments: P.args, **named: P.kwargs) -> Explanation:
        """What this call would be given now, and why. Asks Redis too: in async code use `aexplain`."""
        ...

    async def aexplain(self, *arguments: P.args, **named: P.kwargs) -> Explanation:
        """`explain` for async code."""
        ...

    def many(self, calls: Iterable[tuple[Any, ...]]) -> Any:
        """The results of many calls, each given as a tuple of arguments, in order; awaited for an async function.

        Redis is read once for all of them, and the batch loader, if there is one, called once for what is missing.
        """
        ...

    def batch(self, loader: Loads) -> Loads:
        """Decorate the loader of many calls at once, plain or async as the function is.

        It is given a list of argument tuples, or of the arguments themselves when the function has one parameter, and
        returns a mapping from these to results; what it leaves out the function loads itself. Raises
        ConfigurationError.
        """
        ...

    def hottest(self, most: int) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of the calls whose results are in memory, most used first; only of plain arguments."""
        ...

    def stats(self) -> Stats:
        """The statistics of the cache that remembers."""
        ...


class Decorator:
    """`@cache.cached` and `@cache.cached(ttl=..., tags=...)`."""

    def __init__(self, cache: Remembers) -> None:
        self._cache = cache

    @overload
    def __call__(self, function: Callable[P, R], /) -> Cached[P, R]: ...
    @overload
    def __call__(
        self, function: None = None, /, *, tags: Tags = (), **options: Unpack[Keep]
    ) -> Callable[[Callable[P, R]], Cached[P, R]]: ...
    def __call__(self, function: Any = None, /, *, tags: Tags = (), **options: Unpack[Keep]) -> Any:
        """Remember what the function returns, by its arguments.

        `tags` is a list, or a function of the same arguments that gives one; the other options are those of `Options`
        (default: the cache's). Raises ConfigurationError for generators, which cannot be remembered.
        """
        cache = self._cache
        chosen = cache.options(options)  # checked once, and not at each call

        def decorate(function: Callable[..., Any]) -> Cached[Any, Any]:
            return _decorated(Remembered(cache, function, chosen, tags))

        return decorate if function is None else decorate(function)


class Remembered:
    """How the calls of one function are remembered; `instance` is the object of a method, None for a function."""

    def __init__(self, cache: Remembers, function: Callable[..., Any], options: Options, tags: Tags) -> None:
        if not callable(function):
            raise ConfigurationError("put @staticmethod and @classmethod above @cached, not below")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(f"{function.__qualname__} is a generator: return a list to have it remembered")
        self.cache = cache
        self.function = function
        self.options = options
        self.tags = tags
        self.bind = binder(function)
        self.family = prefix_of(function)
        self.is_async = iscoroutinefunction(function)
        self.instances = Instances()
        self.batch: Callable[..., Any] | None = None
        self.recall = recaller(function)

    @property
    def is_counted(self) -> bool:
        """Whether every call must be counted, for a TTL that depends on how many there are."""
        return isinstance(self.options.ttl, Adaptive) and self.options.ttl.mode == "hits"

    def key(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Hashable, ...]:
        """The key of a call."""
        if instance is None:
            return self.bind(arguments, named)
        own = self.instances.name(instance)
        return (*of_call("", (own,)), *self.bind((None, *arguments), named))

    def request(
        self,
        instance: Any,
        arguments: tuple[Any, ...],
        named: Mapping[str, Any],
        key: tuple[Hashable, ...] | None = None,
    ) -> Request:
        """What a call asks of the cache; `key` when it is known."""
        full = arguments if instance is None else (instance, *arguments)
        if key is None:
            key = self.key(instance, arguments, named)
        return Request(
            key,
            self.cache.name_in_redis(key),
            self.family,
            self.options,
            lambda: tags_of(self.tags(*full, **named) if callable(self.tags) else self.tags),
            self.is_async,
        )

    def call(
        self,
        instance: Any,
        arguments: tuple[Any, ...],
        named: Mapping[str, Any],
        key: tuple[Hashable, ...] | None = None,
    ) -> Any:
        """The remembered value, or what the function returns; to be awaited for an async function."""
        own = () if instance is None else (instance,)
        loader: Callable[[], Any] = functools.partial(self.function, *own, *arguments, **named)
        load = self.cache.aload if self.is_async else self.cache.load
        return load(self.request(instance, arguments, named, key), loader)

    def refresh(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Forget and load again."""
        key = Key(self.key(instance, arguments, named))
        if self.is_async:
            return self._arefresh(key, instance, arguments, named)
        self.cache.delete(key)
        return self.call(instance, arguments, named)

    async def _arefresh(self, key: Key, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        await self.cache.adelete(key)
        return await self.call(instance, arguments, named)

    def warm(self, instance: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Load unless it is remembered; whether it had to be, to be awaited for an async function."""
        own = () if instance is None else (instance,)
        loads: list[None] = []

        def load() -> Any:
            loads.append(None)
            return self.function(*own, *arguments, **named)

        request = self.request(instance, arguments, named)
        if self.is_async:
            return self._awarm(request, load, loads)
        self.cache.load(request, load)
        return bool(loads)

    async def _awarm(self, request: Request, load: Callable[[], Awaitable[Any]], loads: list[None]) -> bool:
        await self.cache.aload(request, load)
        return bool(loads)

    def many(self, instance: Any, calls: Iterable[tuple[Any, ...]]) -> Any:
        """The results of many calls, in order; to be awaited for an async function."""
        many = Many(self, instance, list(calls))
        return many.awaited() if self.is_async else many.results()

    def hottest(self, instance: Any, most: int) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of the calls that are in memory, the most used first, as far as a key tells them."""
        own = () if instance is None else of_call("", (self.instances.name(instance),))
        entries = self.cache.core.store.nodes.values()
        begins, is_method = len(own), instance is not None
        mine = [
            (entry.hits, call)
            for entry in tuple(entries)
            if isinstance(entry.key, tuple)
            and entry.key[:begins] == own
            and entry.key[begins : begins + 1] == (self.family,)
            and not isinstance(entry.value, Failure)
            and (call := self.recall(entry.key[begins:], is_method=is_method)) is not None
        ]
        return [call for _, call in heapq.nlargest(most, mine, key=lambda one: one[0])]


class Many:
    """Many calls of one function."""

    def __init__(self, remembered: Remembered, instance: Any, calls: list[tuple[Any, ...]]) -> None:
        self._remembered = remembered
        self._own = () if instance is None else (instance,)
        self._instance = instance
        self._calls = calls
        self._requests: dict[Any, Request] = {}
        self._places = [self._place(arguments) for arguments in calls]

    def results(self) -> list[Any]:
        """In order."""
        remembered = self._remembered
        if remembered.batch is None:
            remembered.cache.prefetch(self._requests)
            return [self._call(arguments) for arguments in self._calls]
        found = remembered.cache.load_many(self._requests, functools.partial(remembered.batch, *self._own))
        return [
            found[place] if place in found else self._call(arguments)
            for place, arguments in zip(self._places, self._calls, strict=True)
        ]

    async def awaited(self) -> list[Any]:
        """In order; what no batch loader gives is loaded several at once."""
        remembered, found = self._remembered, dict[Any, Any]()
        if remembered.batch is None:
            await remembered.cache.aprefetch(self._requests)
        else:
            loader = functools.partial(remembered.batch, *self._own)
            found = await remembered.cache.aload_many(self._requests, loader)
        free = asyncio.Semaphore(_AT_ONCE)

        async def call(place: Any, arguments: tuple[Any, ...]) -> Any:
            if place in found:
                return found[place]
            async with free:
                return await self._call(arguments)

        # Each ends before the first error is raised: none goes on unseen.
        ended = await asyncio.gather(*map(call, self._places, self._calls), return_exceptions=True)
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        return ended

    def _call(self, arguments: tuple[Any, ...]) -> Any:
        return self._remembered.call(self._instance, arguments, {})

    def _place(self, arguments: tuple[Any, ...]) -> Any:
        """What the batch loader calls this call; MISS when a mapping could not tell it from another, or hold it."""
        remembered = self._remembered
        request = remembered.request(self._instance, arguments, {})
        if remembered.batch is None:
            place: Any = request.key
        else:
            bound = inspect.signature(remembered.function).bind(*self._own, *arguments)
            bound.apply_defaults()
            place = bound.args[len(self._own) :]
            place = place[0] if _takes_one(remembered.function, bool(self._own)) else place
        try:
            known = self._requests.setdefault(place, request)
        except TypeError:
            return MISS
        return place if known.key == request.key else MISS


def _takes_one(function: Callable[..., Any], is_method: bool) -> bool:
    parameters = list(inspect.signature(function).parameters.values())[is_method:]
    return len(parameters) == 1 and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL


class Handle:
    """What else can be done with a remembered function, or with a method of one object."""

    def __init__(self, remembered: Remembered, instance: Any = None) -> None:
        self._remembered = remembered
        self._instance = instance

    def key(self, *arguments: Any, **named: Any) -> Hashable:
        """The key of a call, as `cache.get` and `cache.delete` take it."""
        return Key(self._remembered.key(self._instance, arguments, named))

    def invalidate(self, *arguments: Any, **named: Any) -> None:
        """Forget what this call returned. In async code on Redis use `ainvalidate`, which does not block."""
        self._remembered.cache.delete(self.key(*arguments, **named))

    async def ainvalidate(self, *arguments: Any, **named: Any) -> None:
        """`invalidate` for async code."""
        await self._remembered.cache.adelete(self.key(*arguments, **named))

    def refresh(self, *arguments: Any, **named: Any) -> Any:
        """Forget and load again; of an async function the result is awaited."""
        return self._remembered.refresh(self._instance, arguments, named)

    def warm(self, *arguments: Any, **named: Any) -> Any:
        """Load what this call returns unless it is remembered; whether it had to be: awaited for an async function."""
        return self._remembered.warm(self._instance, arguments, named)

    def peek(self, *arguments: Any, **named: Any) -> Any:
        """What is remembered in this process, or MISS; nothing is loaded and nothing counted."""
        return self._remembered.cache.peek(self.key(*arguments, **named))

    def explain(self, *arguments: Any, **named: Any) -> Explanation:
        """What this call would be given now, and why. Asks Redis too: in async code use `aexplain`."""
        return self._remembered.cache.explained(self._remembered.request(self._instance, arguments, named))

    async def aexplain(self, *arguments: Any, **named: Any) -> Explanation:
        """`explain` for async code."""
        return await self._remembered.cache.aexplained(self._remembered.request(self._instance, arguments, named))

    def many(self, calls: Iterable[tuple[Any, ...]]) -> Any:
        """The results of many calls, each given as a tuple of arguments, in order; awaited for an async function."""
        return self._remembered.many(self._instance, calls)

    def batch(self, loader: Loads) -> Loads:
        """Decorate the loader of many calls at once, plain or async as the function is."""
        remembered = self._remembered
        name = remembered.function.__qualname__
        if remembered.batch is not None:
            raise ConfigurationError(f"{name} has a batch loader already")
        if iscoroutinefunction(loader) != remembered.is_async:
            raise ConfigurationError(
                f"the batch loader of {name} must be {'async' if remembered.is_async else 'plain'}"
            )
        kinds = {parameter.kind for parameter in inspect.signature(remembered.function).parameters.values()}
        if kinds & {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}:
            raise ConfigurationError(f"{name} has parameters that are given by name only: many() cannot give them")
        remembered.batch = loader
        return loader

    def hottest(self, most: int) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of the calls whose results are in memory, most used first; only of plain arguments."""
        return self._remembered.hottest(self._instance, most)

    def stats(self) -> Stats:
        """The statistics of the cache that remembers."""
        return self._remembered.cache.stats()


_DEEDS = tuple(name for name in vars(Handle) if not name.startswith("_"))


class Method(Handle):
    """A remembered method: what a class holds. It keeps no object alive whose method is remembered."""

    def __init__(self, remembered: Remembered, instance: Any = None) -> None:
        super().__init__(remembered, instance)
        functools.update_wrapper(cast("Callable[..., Any]", self), remembered.function)
        if remembered.is_async:
            markcoroutinefunction(cast("Callable[..., Any]", self))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The remembered value, or what the method returns."""
        return self._remembered.call(self._instance, arguments, named)

    def __get__(self, instance: Any, owner: type | None = None) -> Method:
        return self if instance is None else Method(self._remembered, instance)

    def uncached(self, *arguments: Any, **named: Any) -> Any:
        """The method itself."""
        own = () if self._instance is None else (self._instance,)
        return self._remembered.function(*own, *arguments, **named)


def _decorated(remembered: Remembered) -> Cached[Any, Any]:
    """The function, compiled; or what a class is to hold, when the function stands in a class."""
    function = remembered.function
    place = getattr(function, "__qualname__", "").rpartition(".")[0]
    if place and not place.endswith("<locals>"):
        return cast("Cached[Any, Any]", Method(remembered))
    call = _compiled(remembered) or _slow(remembered)
    functools.update_wrapper(call, function)
    handle = Handle(remembered)
    for name in _DEEDS:
        setattr(call, name, getattr(handle, name))
    call.uncached = function  # type: ignore[attr-defined]
    return cast("Cached[Any, Any]", call)


def _compiled(remembered: Remembered) -> Callable[..., Any] | None:
    core = remembered.cache.core
    if remembered.is_counted:
        return None
    return compiled(
        remembered.function,
        is_async=remembered.is_async,
        copies=core.store.memory.copies,
        entries=core.store.nodes,
        now=core.store.clock,
        slow=functools.partial(remembered.call, None),
        copy=core.copied,
    )


def _slow(remembered: Remembered) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return remembered.call(None, arguments, named)

    async def acall(*arguments: Any, **named: Any) -> Any:
        return await remembered.call(None, arguments, named)

    return acall if remembered.is_async else call
