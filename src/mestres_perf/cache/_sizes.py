"""How many bytes a value takes up, nearly: what is shared is counted once, and very much is not looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

_MOST_LOOKED_AT = 10_000
_ENTRY = 400
"""What an entry costs besides its value: the key, the places in queue and dictionary."""


def size_of(value: Any) -> int:
    """Bytes, of a value with all its parts. Beyond 10,000 parts the rest is taken to be like those."""
    total, looked_at, left = _ENTRY, 0, [value]
    seen: set[int] = set()
    while left and looked_at < _MOST_LOOKED_AT:
        part = left.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        looked_at += 1
        total += sys.getsizeof(part, 64)
        left.extend(_parts(part))
    return total + (len(left) * total // looked_at if left else 0)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, (str, bytes, bytearray, int, float, type(None), type)):
        return ()
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    own = getattr(value, "__dict__", None)
    slots = [getattr(value, name, None) for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return slots if own is None else [*own.values(), *slots]
