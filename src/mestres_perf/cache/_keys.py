"""A call as a key: equal for calls that mean the same, different for all others.

1, True, 1.0 and "1" are four keys, (1,) and [1] two; keyword order and spelled-out defaults make no difference.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import itertools
import sys
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from mestres_perf.errors import KeyArgumentError

_SHORT, _FEW_PARTS = 256, 16
_PRIME = sys.hash_info.modulus
_FEW = 15
_ITSELF = (str, bytes, type(None))  # no value of another type equals these
_PLAIN = frozenset({str, bytes, type(None), bool, int, float, Decimal, date, datetime, time, timedelta, UUID})
_TYPED = (int, float, complex, Decimal, date, datetime, time, timedelta, UUID, Enum)
_AS_IT_IS = frozenset({str, int, bool, bytes, type(None)})  # spelled as they are, and their equals spell the same


class Key(tuple[Hashable, ...]):
    """The key of a call, ready to be handed to a cache: freezing it changes nothing but its type."""

    __slots__ = ()


class Frozen:
    """The type, in a call's key, of an argument that had to be taken apart."""


def freeze(value: Any) -> Hashable:
    """A value as a key, or as a part of one. Raises KeyArgumentError for what can be neither hashed nor taken apart."""
    kind = type(value)
    if kind in _ITSELF:
        return value  # type: ignore[no-any-return]
    if kind is int and -_PRIME < value < _PRIME:
        return ("int", value)
    if kind is Key:
        return tuple(value)
    apart = _apart(value)
    if apart is not None:
        return (kind.__qualname__, apart)
    return (kind if isinstance(value, Enum) else kind.__qualname__, _hashable(value))


def _apart(value: Any) -> Hashable | None:
    """What a container, or an object with a name of its own, is as a key; None for what is a key by itself.

    Numbers too long for their hashes are spelled out: whoever chose them could give thousands of keys one hash, and a
    dictionary would look through all of them.
    """
    if isinstance(value, (int, Decimal)) and _is_long(value):
        return (_digits(value),)
    if isinstance(value, (tuple, list)):
        return tuple(map(freeze, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(freeze, value))
    if isinstance(value, Mapping):
        return frozenset((freeze(name), freeze(item)) for name, item in value.items())
    own = None if isinstance(value, type) else getattr(value, "__cache_key__", None)
    return None if own is None else (type(value).__module__, freeze(own()))


def _hashable(value: Any) -> Hashable:
    try:
        hash(value)
    except TypeError:
        raise KeyArgumentError(
            f"{type(value).__qualname__} cannot be part of a cache key: "
            "pass something hashable, or give it __cache_key__()"
        ) from None
    return value  # type: ignore[no-any-return]


def of_call(prefix: str, arguments: Iterable[Any], shape: tuple[Hashable, ...] = ()) -> tuple[Hashable, ...]:
    """The key of a call: the arguments, then their types, so that 1, True and 1.0 are three keys.

    Flat on purpose: a compiled function writes the same key down without calling anything but `type`.
    """
    parts: list[Hashable] = []
    kinds: list[Any] = []
    for argument in arguments:
        apart = _apart(argument)
        parts.append(_hashable(argument) if apart is None else (type(argument).__qualname__, apart))
        kinds.append(type(argument) if apart is None else Frozen)
    return (prefix, *shape, *parts, *kinds)


def name_of(key: Hashable) -> str:
    """A key's name in Redis: the same in every process. Raises KeyArgumentError for objects only this one knows."""
    return _known_name_of(key) if _is_short(key) else _name_of(key)


def _is_short(key: Hashable) -> bool:
    """Whether it may be kept: a key whose parts are few and small."""
    parts = key if type(key) is tuple else (key,)
    if len(parts) > _FEW_PARTS:
        return False
    for part in parts:
        kind = type(part)
        if kind is str or kind is bytes:
            if len(part) > _SHORT:
                return False
        elif kind is tuple or kind is frozenset:
            return False
    return True


@functools.lru_cache(maxsize=4096)
def _known_name_of(key: Hashable) -> str:
    return _name_of(key)


def _name_of(key: Hashable) -> str:
    return hashlib.blake2b(_spell(key).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _spell(part: Any) -> str:
    kind = type(part)
    if kind in _AS_IT_IS:  # the most frequent first
        return _counted(repr(part))
    if isinstance(part, tuple):
        return f"({','.join(map(_spell, part))})"
    if isinstance(part, type):
        return f"{part.__module__}.{part.__qualname__}"
    if isinstance(part, frozenset):
        return f"{{{','.join(sorted(map(_spell, part)))}}}"
    return _spell_typed(part)


def _spell_typed(part: Any) -> str:
    if isinstance(part, Enum):
        return f"{type(part).__module__}.{type(part).__qualname__}.{part.name}"
    if isinstance(part, (*_ITSELF, *_TYPED)):
        return _counted(_text(part))
    raise KeyArgumentError(
        f"{type(part).__qualname__} means nothing to other processes: give it __cache_key__() or keep it out of the key"
    )


def _counted(text: str) -> str:
    return f"{len(text)}:{text}"


def _text(part: Any) -> str:
    """The same for what is equal."""
    if isinstance(part, (float, complex)):
        return repr(part + type(part)(0))  # -0.0 is 0.0
    if isinstance(part, Decimal) or (isinstance(part, int) and _is_long(part)):
        return _digits(part)
    if isinstance(part, datetime) and part.tzinfo is not None:
        with contextlib.suppress(OverflowError):
            return repr(part.astimezone(UTC))
    return repr(part)


def _is_long(number: int | Decimal) -> bool:
    if isinstance(number, int):
        return not -_PRIME < number < _PRIME
    _, digits, exponent = _parts(number)
    return not isinstance(exponent, int) or len(digits) > _FEW or abs(exponent) > _FEW


def _digits(number: int | Decimal) -> str:
    """A number's digits, without the zeros that make no difference."""
    if isinstance(number, int):
        return hex(number)  # what has too many digits Python does not write in tens
    sign, digits, exponent = _parts(number)
    return f"{'-' * sign}{digits}E{exponent}"


def _parts(number: Decimal) -> tuple[int, str, int | str]:
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    if not isinstance(exponent, int):
        return sign, text, exponent  # infinite, or no number
    short = text.rstrip("0")
    return (sign, short, exponent + len(text) - len(short)) if short.lstrip("0") else (0, "0", 0)


def is_plain(*arguments: Any) -> bool:
    """Whether arguments are parts of a key as they are."""
    for argument in arguments:
        kind = type(argument)
        if kind is int:
            if not -_PRIME < argument < _PRIME:
                return False
        elif kind not in _AS_IT_IS:
            return False
    return True


def prefix_of(function: Callable[..., Any]) -> str:
    """What the keys of a function's calls begin with; no other key begins so."""
    return f"{function.__module__}:{function.__qualname__}"


def binder(
    function: Callable[..., Any],
) -> Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Hashable, ...]]:
    """A function that turns a call's arguments into a key."""
    signature = inspect.signature(function)
    prefix = prefix_of(function)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    open_ended = bool(kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})

    def bind(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Hashable, ...]:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        if not open_ended:
            return of_call(prefix, bound.arguments.values())
        # So many by place, then by name: f("a", 1) is not f(a=1).
        names = sorted(bound.kwargs)
        values = (*bound.args, *(part for name in names for part in (name, bound.kwargs[name])))
        return of_call(prefix, values, (len(bound.args),))

    return bind


def recaller(function: Callable[..., Any]) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]] | None]:
    """The other way round: from a key to the call's arguments, by place and by name; None when it cannot be told.

    It can when all of them are plain: text, bytes, numbers, None, dates, UUIDs. With `is_method` the first, which
    stands for the object, is left out.
    """
    parameters = inspect.signature(function).parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    open_ended = bool(kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})
    named = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]

    def recall(key: tuple[Any, ...], *, is_method: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        parts = key[1 + open_ended :]
        count = len(parts) // 2
        if any(kind not in _PLAIN for kind in parts[count:]):
            return None
        places = key[1] if open_ended else count - len(named)
        rest = parts[places:count]
        by_name = dict(zip(rest[::2], rest[1::2], strict=True)) if open_ended else dict(zip(named, rest, strict=True))
        return parts[is_method:places], by_name

    return recall


class Instances:
    """Names for the objects whose methods are cached: one per object, never used again, keeping nothing alive."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._names: dict[int, tuple[Any, Any]] = {}

    def name(self, instance: Any) -> Any:
        """What stands for the object in keys: itself, when it has a `__cache_key__`, or a number of its own."""
        if getattr(instance, "__cache_key__", None) is not None:
            return instance
        known = self._names.get(id(instance))
        if known is not None and known[0]() is instance:
            return known[1]
        label = _Local(next(self._counter))
        identity = id(instance)
        try:
            reference = weakref.ref(instance, lambda gone: self._forget(identity, gone))
        except TypeError:
            raise KeyArgumentError(
                f"{type(instance).__qualname__} cannot be told from the next object at its place: "
                "give it __cache_key__(), or '__weakref__' in __slots__"
            ) from None
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
