"""Values to bytes and back, the same.

A letter beside the bytes says how:

    b   bytes, as they are               j   JSON, as it is
    p   a pickle                         w   JSON in which some objects are words for other types

`JsonCodec` reads and writes b, j and w; nothing that it reads can run code. `PickleCodec` reads and writes b and p; it
is for bytes that are known to be one's own. What one of them has not written it does not read.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol

from mestres_perf.cache._text import Text, fastest
from mestres_perf.cache._words import Words, is_plain
from mestres_perf.errors import CodecError

Coded = tuple[bytes, bytes]
_RAW, _AS_IS, _WITH_WORDS, _PICKLED = b"b", b"j", b"w", b"p"
_PROTOCOL = 5  # pinned: every supported Python reads it


class Codec(Protocol):
    """Letter and bytes of a value, and the value again."""

    def encode(self, value: Any) -> Coded:
        """Raises CodecError, naming the type, for what would not come back the same."""
        ...

    def decode(self, letter: bytes, data: bytes) -> Any:
        """Raises CodecError, and nothing else, for what `encode` has not made."""
        ...


class JsonCodec:
    """JSON with words; `types` are the classes that it knows besides those of the standard library."""

    def __init__(self, types: Iterable[type] = ()) -> None:
        """Raises ConfigurationError for what is neither a dataclass nor an enum nor a NamedTuple."""
        self._words = Words(types)

    @cached_property
    def _text(self) -> Text:
        return fastest()

    def encode(self, value: Any) -> Coded:
        """Raises CodecError, naming the type, for what would not come back the same."""
        if type(value) is bytes:
            return _RAW, value
        try:
            if is_plain(value):
                return _AS_IS, self._text.dumps(value)
            return _WITH_WORDS, self._text.dumps(self._words.pack(value))
        except (RecursionError, ValueError) as error:  # nested too deep, or in itself; an integer of 4300 digits
            raise CodecError(f"this {type(value).__qualname__} cannot go through Redis: {error}") from error

    def decode(self, letter: bytes, data: bytes) -> Any:
        """Raises CodecError, and nothing else, for what `encode` has not made."""
        try:
            if letter == _AS_IS:
                return self._text.loads(data)
            if letter == _WITH_WORDS:
                return self._words.unpack(self._text.loads(data))
        except Exception as error:  # somebody else may have written anything
            raise CodecError(f"damaged: {error}") from error
        if letter == _RAW:
            return data
        raise CodecError("written by another codec")


class PickleCodec:
    """Pickles. Whoever can choose the bytes that it reads can run code: it is given authenticated ones only."""

    def encode(self, value: Any) -> Coded:
        """Raises CodecError for what cannot be pickled."""
        if type(value) is bytes:
            return _RAW, value
        try:
            return _PICKLED, pickle.dumps(value, _PROTOCOL)
        except Exception as error:  # the value's own methods may raise anything
            raise CodecError(f"{type(value).__qualname__} cannot be pickled: {error}") from error

    def decode(self, letter: bytes, data: bytes) -> Any:
        """Raises CodecError, and nothing else, for what `encode` has not made, or other code has made."""
        if letter == _RAW:
            return data
        if letter != _PICKLED:
            raise CodecError("written by another codec")
        try:
            return pickle.loads(data)  # noqa: S301 - the caller has verified who wrote it
        except Exception as error:  # a class that is not what it was: anything may be raised
            raise CodecError(f"of other code: {error}") from error
