"""Words for what JSON has not: `{"$": word, "v": parts}` stands for a tuple, a Decimal, a class of the user's own.

A dict that itself has the key `$`, or a key that is no text, is spelled with a word, too; so no value can be taken for
another one.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from itertools import chain, islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mestres_perf.cache._schemas import Schema
from mestres_perf.errors import CodecError, ConfigurationError

_WORD = "$"
_TEXT = frozenset({str})
_LEAVES = frozenset({str, int, bool, type(None)})
_PLAIN = _LEAVES | {float, list, dict}
_DEEPEST, _WIDEST = 200, 1_000_000
"""So many levels, of so many values, are looked through at once. What is larger, or holds itself, goes the slow way."""


def is_plain(value: Any) -> bool:
    """Whether JSON gives this back as it is: lists, dicts with text as keys, text, numbers, True, False, None.

    It goes by levels rather than from value to value: most of the work is then done inside `map` and `set`.
    """
    items: list[Any] = [value]
    for _ in range(_DEEPEST):
        kinds = set(map(type, items))
        if kinds <= _LEAVES:
            return True
        if not kinds <= _PLAIN or (float in kinds and not _are_finite(items)):
            return False
        inner: list[Any] = []
        if list in kinds:
            inner.extend(islice(chain.from_iterable([item for item in items if type(item) is list]), _WIDEST))
        if dict in kinds:
            dicts = [item for item in items if type(item) is dict]
            names = list(islice(chain.from_iterable(dicts), _WIDEST))
            if _WORD in names or not _TEXT.issuperset(map(type, names)):
                return False
            inner.extend(islice(chain.from_iterable(map(dict.values, dicts)), _WIDEST))
        if len(inner) >= _WIDEST:
            return False
        items = inner
    return False


def _are_finite(items: Iterable[Any]) -> bool:
    return all(map(math.isfinite, [item for item in items if type(item) is float]))


class Words:
    """The words of one cache: those of the standard types, and one for each class in `types`.

    `types` are dataclasses, enums and NamedTuples; a value of any other class is refused, and a word that is not
    theirs is not understood: nothing that is read decides what is made of it. Raises ConfigurationError.
    """

    def __init__(self, types: Iterable[type] = ()) -> None:
        schemas = {schema.cls: schema for schema in map(Schema.of, types)}.values()
        if len({each.name for each in schemas}) < len(schemas):
            raise ConfigurationError("two of the types have the same name and shape: give one of them another")
        self._packers: dict[type, tuple[str, Callable[[Any], Any]]] = {
            **{kind: (kind.__name__, packer) for kind, packer in _PACKERS.items()},
            **{kind: (kind.__name__, self._pack_all) for kind in (tuple, set, frozenset)},
            **{each.cls: (each.name, self._packing(each)) for each in schemas},
            dict: ("dict", self._pack_pairs),
        }
        self._unpackers: dict[str, Callable[[Any], Any]] = {
            **_UNPACKERS,
            **{kind.__name__: self._unpacking(kind) for kind in (tuple, set, frozenset)},
            **{each.name: self._unpacking(each.build) for each in schemas},
            "dict": self._unpack_pairs,
        }

    def pack(self, value: Any) -> Any:
        """A value as one that is plain. Raises CodecError, naming the type, for what would not come back the same."""
        kind = type(value)
        if kind in _LEAVES or (kind is float and math.isfinite(value)):
            return value
        if kind is list:
            return value if _LEAVES.issuperset(map(type, value)) else self._pack_all(value)
        if kind is dict and _WORD not in value and _TEXT.issuperset(map(type, value)):
            return {name: self.pack(item) for name, item in value.items()}
        known = self._packers.get(kind)
        if known is None:
            raise CodecError(_refusal(kind))
        word, packer = known
        return {_WORD: word, "v": packer(value)}

    def unpack(self, value: Any) -> Any:
        """What `pack` was given. Anything may be raised for what it has not made."""
        kind = type(value)
        if kind is list:
            return value if _LEAVES.issuperset(map(type, value)) else list(map(self.unpack, value))
        if kind is not dict:
            return value
        if _WORD in value:
            return self._unpackers[value[_WORD]](value["v"])
        if _LEAVES.issuperset(map(type, value.values())):
            return value
        return {name: self.unpack(item) for name, item in value.items()}

    def _pack_all(self, items: Iterable[Any]) -> list[Any]:
        return list(map(self.pack, items))

    def _pack_pairs(self, value: Mapping[Any, Any]) -> list[Any]:
        return [[self.pack(name), self.pack(item)] for name, item in value.items()]

    def _unpack_pairs(self, pairs: Iterable[Any]) -> dict[Any, Any]:
        return {self.unpack(name): self.unpack(item) for name, item in pairs}

    def _packing(self, schema: Schema) -> Callable[[Any], Any]:
        return lambda value: self._pack_all(schema.parts(value))

    def _unpacking(self, build: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
        return lambda parts: build(list(map(self.unpack, parts)))


def _refusal(kind: type) -> str:
    name = kind.__qualname__
    if is_dataclass(kind) or issubclass(kind, Enum) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return f"{name} cannot go through Redis until it is declared: Cache(..., types=({name},))"
    return (
        f"{name} cannot go through Redis: cache plain data (dict, list, tuple, text, numbers, dates), or a dataclass, "
        "an enum or a NamedTuple that is declared in Cache(..., types=...)"
    )


def _pack_time(value: datetime | time) -> list[Any]:
    """ISO 8601 with the offset, or without it and with the name of the zone; `fold` tells the two hours of autumn."""
    zone = value.tzinfo
    if zone is None or type(zone) is timezone:
        return [value.isoformat(), value.fold, None]
    if type(zone) is ZoneInfo and zone.key:
        return [value.replace(tzinfo=None).isoformat(), value.fold, zone.key]
    raise CodecError(f"a time in the zone {zone!r} cannot go through Redis: use zoneinfo.ZoneInfo or datetime.timezone")


def _unpack_time(kind: type[datetime | time]) -> Callable[[Any], Any]:
    def unpack(parts: Any) -> Any:
        text, fold, zone = parts
        value = kind.fromisoformat(text)
        return value.replace(fold=fold, tzinfo=ZoneInfo(zone) if zone else value.tzinfo)

    return unpack


_PACKERS: Mapping[type, Callable[[Any], Any]] = {
    bytes: lambda value: base64.b64encode(value).decode(),
    float: repr,  # those that are no number
    Decimal: str,
    UUID: str,
    datetime: _pack_time,
    time: _pack_time,
    date: date.isoformat,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
}
_UNPACKERS: Mapping[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "float": float,
    "Decimal": Decimal,
    "UUID": UUID,
    "datetime": _unpack_time(datetime),
    "time": _unpack_time(time),
    "date": date.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
}
