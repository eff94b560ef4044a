"""Fallback: what to answer when there is no answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from mestres_perf._kernel.calls import Colour, colour_of
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience._part import Part, error_types

R = TypeVar("R")


class Fallback(Part):
    """Answers with `instead` when the call raises one of `on`: a value, or a function of the call's own arguments.

    The function may be async where the call is. What it raises reaches the caller, with the failure as its context.
    """

    replaces_results: ClassVar[bool] = True

    def __init__(self, instead: Any, *, on: type[Exception] | tuple[type[Exception], ...] = Exception) -> None:
        """Raises ConfigurationError for what is no exception, and for a generator."""
        self.on = error_types("on", on)
        self.instead = instead
        self._is_async = False
        if callable(instead):
            colour = colour_of(instead)
            if colour not in (Colour.SYNC, Colour.ASYNC):
                raise ConfigurationError("instead: must be a value or a function, and is a generator")
            self._is_async = colour is Colour.ASYNC

    def __repr__(self) -> str:
        return f"Fallback({getattr(self.instead, '__qualname__', None) or repr(self.instead)})"

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it. Raises ConfigurationError, before anything is called, when the fallback must be awaited."""
        if self._is_async:
            raise ConfigurationError(f"{self!r} is async, and cannot answer for a plain function")
        try:
            return function(*arguments, **named)
        except self.on:
            result: R = self.instead(*arguments, **named) if callable(self.instead) else self.instead
            return result

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it."""
        try:
            return await function(*arguments, **named)
        except self.on:
            result: Any = self.instead(*arguments, **named) if callable(self.instead) else self.instead
            answer: R = await result if self._is_async else result
            return answer
