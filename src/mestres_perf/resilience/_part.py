"""What every part of a policy is: something that makes a call, of either colour, in its own way."""

from __future__ import annotations

import functools
import math
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar, cast

from mestres_perf._kernel.calls import Colour, colour_of
from mestres_perf.errors import ConfigurationError

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Around = Callable[[Callable[..., Any]], Callable[..., Any]]


class Guard(Protocol):
    """What a policy is made of: `call` for plain functions, `acall` for async ones. A CircuitBreaker is one too."""

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it."""
        ...

    def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> Awaitable[R]:
        """Await it."""
        ...


class Part(ABC):
    """A guard that is also a decorator, of functions and methods of both colours, and tells what it may cost."""

    replaces_results: ClassVar[bool] = False
    """Whether what is outside of it may not see that the call has failed."""

    @abstractmethod
    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it in this way."""

    @abstractmethod
    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it in this way."""

    def longest(self, inner: float) -> float:
        """The most seconds it takes when one call of what is inside of it takes `inner` at most."""
        return inner

    def __call__(self, function: F) -> F:
        """Decorate; the function keeps its signature and its colour. Raises ConfigurationError for a generator."""
        return decorated(function, lambda inner: partial(self.call, inner), lambda inner: partial(self.acall, inner))


def decorated(function: F, around: Around, aaround: Around) -> F:
    """The function with `around` it, or `aaround` where it is async.

    Raises ConfigurationError for a generator, whose call ends when somebody has read it, or never.
    """
    if isinstance(function, (classmethod, staticmethod)):
        return cast("F", type(function)(decorated(function.__func__, around, aaround)))
    colour = colour_of(function)
    if colour is Colour.ASYNC:
        ainner = aaround(function)

        @functools.wraps(function)
        async def aguarded(*arguments: Any, **named: Any) -> Any:
            return await ainner(*arguments, **named)

        return cast("F", aguarded)
    if colour is not Colour.SYNC:
        raise ConfigurationError(
            f"{getattr(function, '__qualname__', function)!r} is a generator, and nobody can say when its call has "
            "ended; guard the function that reads it"
        )
    inner = around(function)

    @functools.wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        return inner(*arguments, **named)

    return cast("F", guarded)


def error_types(label: str, given: object) -> tuple[type[Exception], ...]:
    """Types of exceptions, given as one or as a tuple. Raises ConfigurationError."""
    types = given if isinstance(given, tuple) else (given,)
    if not types or not all(isinstance(each, type) and issubclass(each, Exception) for each in types):
        raise ConfigurationError(f"{label}={given!r}: must be a type of exception, or a tuple of them: (OSError,)")
    return types


def seconds_of(label: str, given: object, *, above: bool = False) -> float:
    """A time in seconds. Raises ConfigurationError for what is none, and for 0 where it must be `above`."""
    bound = "above" if above else "of at least"
    right = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    if not right or given < 0 or (above and not given):  # type: ignore[operator]  # `right` has seen that it is a number
        raise ConfigurationError(f"{label}={given!r}: must be a number of seconds {bound} 0")
    return float(given)  # type: ignore[arg-type]  # as above


def whole(label: str, given: object, least: int) -> int:
    """A whole number. Raises ConfigurationError."""
    if type(given) is not int or given < least:
        raise ConfigurationError(f"{label}={given!r}: must be a whole number of at least {least}")
    return given


class Renewable(Protocol):
    """What has a lock, or waits for other threads."""

    def start_anew(self) -> None:
        """Forget everything that other threads of the parent process were about to do."""
        ...


def renewed_in_child(part: Renewable) -> None:
    """See that it starts anew in a child process, where none of the parent's other threads is there to free a lock."""
    reference = weakref.ref(part)

    def after_fork() -> None:
        there = reference()
        if there is not None:
            there.start_anew()

    os.register_at_fork(after_in_child=after_fork)
