"""What a callable is: its colour decides how it is wrapped."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

from asgiref.sync import iscoroutinefunction


class Colour(Enum):
    """How a callable runs."""

    SYNC = "def"
    ASYNC = "async def"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"


def colour_of(function: Callable[..., Any]) -> Colour:
    """The colour of a function, a partial, or an object with `__call__`."""
    inner = inspect.unwrap(function)
    inner = getattr(inner, "func", inner)  # functools.partial
    if not inspect.isroutine(inner) and not inspect.isclass(inner):
        inner = getattr(inner, "__call__", inner)  # noqa: B004 - the method itself is wanted
    if inspect.isasyncgenfunction(inner):
        return Colour.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(inner):
        return Colour.GENERATOR
    if iscoroutinefunction(function) or inspect.iscoroutinefunction(inner):
        return Colour.ASYNC
    return Colour.SYNC


def within(function: Callable[..., Any], context: Callable[[], AbstractContextManager[Any]]) -> Callable[..., Any]:
    """The async generator function, each of its generators from its first step to its end within a context of its own.

    What is sent, thrown and closed reaches the generator inside.
    """

    async def stepped(*arguments: Any, **named: Any) -> Any:
        with context():
            inner = function(*arguments, **named)
            step = inner.asend(None)
            try:
                while True:
                    item = await step
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - thrown in from outside: the function decides
                        step = inner.athrow(error)
                    else:
                        step = inner.asend(sent)
            except StopAsyncIteration:
                return
            finally:
                await inner.aclose()

    return stepped
