"""A call as a key: equal for calls that mean the same, different for all others.

1, True, 1.0 and "1" are four keys, (1,) and [1] two; keyword order and spelled-out defaults make no difference.
"""

from __future__ import annotations

import hashlib
import inspect
import itertools
import weakref
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from mestres_perf.errors import KeyArgumentError

_ITSELF = (str, bytes, type(None))  # no value of another type equals these
_TYPED = (int, float, complex, Decimal, date, datetime, time, timedelta, UUID, Enum)


class Key(tuple[Hashable, ...]):
    """A key that is ready: freezing it again changes nothing."""

    __slots__ = ()


def freeze(value: Any) -> Hashable:  # noqa: PLR0911 - one way out for each kind of value
    """A value as part of a key. Raises KeyArgumentError for what can be neither hashed nor taken apart."""
    kind = type(value)
    if kind in _ITSELF or kind is Key:
        return value  # type: ignore[no-any-return]
    if isinstance(value, _TYPED):
        return (kind.__qualname__, value)
    if isinstance(value, (tuple, list)):
        return (kind.__qualname__, *map(freeze, value))
    if isinstance(value, (set, frozenset)):
        return (kind.__qualname__, frozenset(map(freeze, value)))
    if isinstance(value, Mapping):
        return (kind.__qualname__, frozenset((freeze(name), freeze(item)) for name, item in value.items()))
    own = getattr(value, "__cache_key__", None)
    if own is not None and not isinstance(value, type):
        return (kind.__qualname__, freeze(own()))
    try:
        hash(value)
    except TypeError:
        raise KeyArgumentError(
            f"{kind.__qualname__} cannot be part of a cache key: pass something hashable, or give it __cache_key__()"
        ) from None
    return (kind.__qualname__, value)


def name_of(key: Hashable) -> str:
    """A key's name in Redis: the same in every process. Raises KeyArgumentError for objects only this one knows."""
    return hashlib.blake2b(_spell(key).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _spell(part: Any) -> str:
    if isinstance(part, tuple):
        return f"({','.join(map(_spell, part))})"
    if isinstance(part, frozenset):
        return f"{{{','.join(sorted(map(_spell, part)))}}}"
    if isinstance(part, Enum):
        return f"{type(part).__qualname__}.{part.name}"
    if isinstance(part, (*_ITSELF, *_TYPED)):
        text = repr(part)
        return f"{len(text)}:{text}"
    raise KeyArgumentError(
        f"{type(part).__qualname__} means nothing to other processes: give it __cache_key__() or keep it out of the key"
    )


def binder(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], Mapping[str, Any]], Key]:
    """A function that turns a call's arguments into a key."""
    signature = inspect.signature(function)
    prefix = f"{function.__module__}.{function.__qualname__}"
    parameters = signature.parameters.values()
    positional = len(parameters) if all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters) else -1

    def bind(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Key:
        if not named and len(arguments) == positional:  # nothing to put in order
            return Key((prefix, *map(freeze, arguments)))
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        by_name = ((name, freeze(bound.kwargs[name])) for name in sorted(bound.kwargs))
        return Key((prefix, *map(freeze, bound.args), *by_name))

    return bind


class Instances:
    """Names for the objects whose methods are cached: one per object, never used again, keeping nothing alive."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._names: dict[int, tuple[Any, Hashable]] = {}

    def name(self, instance: Any) -> Hashable:
        """The object's name in keys: what its `__cache_key__()` says, or a number of its own."""
        own = getattr(instance, "__cache_key__", None)
        if own is not None:
            return (type(instance).__qualname__, freeze(own()))
        known = self._names.get(id(instance))
        if known is not None and known[0]() is instance:
            return known[1]
        label = _Local(next(self._counter))
        identity = id(instance)
        reference = weakref.ref(instance, lambda gone: self._forget(identity, gone))
        self._names[identity] = (reference, label)
        return label

    def _forget(self, identity: int, gone: Any) -> None:
        known = self._names.get(identity)
        if known is not None and known[0] is gone:
            del self._names[identity]


class _Local:
    """A number that means nothing to other processes."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number
