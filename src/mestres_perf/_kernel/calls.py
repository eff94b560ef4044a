"""What a callable is: its colour decides how it is wrapped."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
