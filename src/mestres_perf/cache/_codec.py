"""Values to bytes and back, the same: JSON with a word for what JSON has not. Nothing that is read can run code.

The first byte says how: `j` for JSON as it is, `w` for JSON in which some objects are words for other types. Bytes that
begin otherwise are another version's and count as a miss.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from mestres_perf.errors import CodecError

_AS_IS, _WITH_WORDS = b"j", b"w"
_WORD = "$"
_WORD_TEXT = b'{"$":'
_PLAIN = (str, int, float, bool, type(None))


def encode(value: Any) -> bytes:
    """Raises CodecError, naming the type, for what would not come back the same."""
    try:
        packed = _pack(value)
        text = json.dumps(packed, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError) as error:
        raise CodecError(f"too long a number, or too many things inside one another: {error}") from error
    return (_WITH_WORDS if _WORD_TEXT in text else _AS_IS) + text


def decode(data: bytes) -> Any:
    """Raises CodecError for what `encode` has not made."""
    how = data[:1]
    if how not in (_AS_IS, _WITH_WORDS):
        raise CodecError("written by another version")
    try:
        value = _load(data[1:])
        return value if how == _AS_IS else _unpack(value)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise CodecError(f"damaged: {error}") from error


def _load(text: bytes) -> Any:
    try:
        return json.loads(text)
    except UnicodeDecodeError:  # lone surrogates
        return json.loads(text.decode("utf-8", "surrogatepass"))


def _pack(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_pack(item) for item in value]
    if kind is dict and all(type(name) is str for name in value) and _WORD not in value:
        return {name: _pack(item) for name, item in value.items()}
    packer = _PACKERS.get(kind)
    if packer is None:
        raise CodecError(
            f"{kind.__qualname__} cannot go through Redis: cache plain data (dict, list, tuple, text, numbers, dates)"
        )
    return {_WORD: kind.__name__, "v": packer(value)}


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _WORD in value:
        return _UNPACKERS[value[_WORD]](value["v"])
    return {name: _unpack(item) for name, item in value.items()}


def _pack_all(values: Any) -> list[Any]:
    return [_pack(item) for item in values]


_PACKERS: Mapping[type, Callable[[Any], Any]] = {
    tuple: _pack_all,
    set: _pack_all,
    frozenset: _pack_all,
    dict: lambda value: [[_pack(name), _pack(item)] for name, item in value.items()],
    bytes: lambda value: base64.b64encode(value).decode(),
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
}
_UNPACKERS: Mapping[str, Callable[[Any], Any]] = {
    "tuple": lambda items: tuple(map(_unpack, items)),
    "set": lambda items: set(map(_unpack, items)),
    "frozenset": lambda items: frozenset(map(_unpack, items)),
    "dict": lambda pairs: {_unpack(name): _unpack(item) for name, item in pairs},
    "bytes": base64.b64decode,
    "Decimal": Decimal,
    "UUID": UUID,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
}
