"""JSON text: by msgspec where it is installed, else by the standard library. Each reads what the other has written.

What is written here is plain already (`_words` sees to that), so that both mean the same by it: no NaN, no tuple, no
key that is not text. The one thing that msgspec refuses, text with lone surrogates, goes the other way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Text(NamedTuple):
    """How to write and how to read."""

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


# Whatever holds itself has been refused before.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


def fastest() -> Text:
    """Imports msgspec, when there is one, at the first call."""
    try:
        from msgspec import json as quick  # noqa: PLC0415 - only who uses Redis pays for the import
    except ImportError:
        return Text(dumps, loads)

    def quick_dumps(value: Any) -> bytes:
        try:
            return quick.encode(value)
        except UnicodeEncodeError:
            return dumps(value)

    def quick_loads(text: bytes) -> Any:
        try:
            return quick.decode(text)
        except ValueError:
            return loads(text)

    return Text(quick_dumps, quick_loads)


def dumps(value: Any) -> bytes:
    """By the standard library."""
    return _encode(value).encode("utf-8", "surrogatepass")


def loads(text: bytes) -> Any:
    """By the standard library. Raises ValueError, RecursionError."""
    return _decode(text.decode("utf-8", "surrogatepass"))
