"""How one cache's values travel: encoded, compressed when that pays, framed, and signed when there is a secret.

All of it is chosen by the configuration; nothing that is read has a say. What is not as this cache writes it is
counted as rejected and is no value, and what is not signed as it should be is not even looked into.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mestres_perf.cache import _frame
from mestres_perf.cache._codec import Codec, JsonCodec, PickleCodec
from mestres_perf.cache._frame import COMPRESSED, SIGNED, Frame
from mestres_perf.cache._seal import SIGNATURE_BYTES, Seal, Secret
from mestres_perf.errors import CodecError, ConfigurationError

COMPRESS_OVER = 16_384
"""To unpack takes about the time that the shorter trip saves on 1 Gbit/s, at any size, and longer on a faster network.
What it saves is Redis' memory, and the one thread in which it serves all: that matters where values are large."""

_LEVEL = 1
_MOST_BYTES = 32 * 1024 * 1024
"""So much is unpacked at most; larger values are not compressed."""

_SAMPLE = 4096

_LONGEST = 100 * 365 * 24 * 3600.0  # seconds; endless times end here

Content = tuple[int, bytes, bytes]
"""Flags, codec, bytes."""


class Serializer:
    """Values to what is stored in Redis, and back. `rejected` counts what was read and could not be believed.

    Raises ConfigurationError for a codec, a secret, a number of bytes or a type that makes no sense.
    """

    def __init__(
        self,
        codec: str = "json",
        *,
        secret: Secret | Sequence[Secret] | None = None,
        compress_over: int | None = COMPRESS_OVER,
        types: Iterable[type] = (),
    ) -> None:
        if compress_over is not None and (type(compress_over) is not int or compress_over < 0):
            raise ConfigurationError(f"compress_over is a number of bytes, or None, not {compress_over!r}")
        self._seal = None if secret is None else Seal(secret)
        self._codec = _codec_of(codec, _declared(types), is_signed=self._seal is not None)
        self._compress_over = compress_over
        self.is_sealed = self._seal is not None
        self.rejected = 0

    def encode(self, value: Any) -> Content:
        """A value as the content of a frame. Raises CodecError for what would not come back the same."""
        codec, data = self._codec.encode(value)
        if self._compress_over is None or not self._compress_over < len(data) <= _MOST_BYTES:
            return 0, codec, data
        if len(data) > _SAMPLE and len(zlib.compress(data[:_SAMPLE], _LEVEL)) >= _SAMPLE:
            return 0, codec, data  # an image, or compressed before: to try all of it takes long
        packed = zlib.compress(data, _LEVEL)
        return (COMPRESSED, codec, packed) if len(packed) < len(data) else (0, codec, data)

    def pack(
        self, place: str, content: Content, *, stamp: bytes, versions: Mapping[str, bytes], stale: float, took: float
    ) -> bytes:
        """What is to be stored at `place`; `stale` and `took` in seconds. Raises CodecError."""
        flags, codec, data = content
        signed = SIGNED if self._seal is not None else 0
        frame = Frame(stamp, flags | signed, codec, _ms(stale), _ms(took), versions, data).pack()
        return frame if self._seal is None else frame + self._seal.sign(place, frame)

    def unpack(self, place: str, data: bytes | None) -> Frame | None:
        """What was stored at `place`, if there was anything that this cache, or one like it, has written."""
        if data is None:
            return None
        try:
            return self._opened(place, data)
        except CodecError:
            self.rejected += 1
            return None

    def decode(self, frame: Frame) -> Any:
        """The value. Raises CodecError when it was written by other code, with other types or another codec."""
        return self.value(frame.flags, frame.codec, frame.content)

    def value(self, flags: int, codec: bytes, content: bytes) -> Any:
        """The value of a frame that was looked into already. Raises CodecError."""
        try:
            return self._codec.decode(codec, _inflated(content) if flags & COMPRESSED else content)
        except CodecError:
            self.rejected += 1
            raise

    def _opened(self, place: str, data: bytes) -> Frame:
        end = len(data)
        if self._seal is not None:
            self._seal.verify(place, data)
            end -= SIGNATURE_BYTES
        frame = _frame.unpack(data, end)
        if bool(frame.flags & SIGNED) != (self._seal is not None):
            raise CodecError("signed by a cache that has a secret")
        return frame


def _ms(seconds: float) -> int:
    return int(min(seconds, _LONGEST) * 1000)


def _declared(types: Iterable[type]) -> tuple[type, ...]:
    try:
        return tuple(types)
    except TypeError:
        raise ConfigurationError(f"types is a sequence of classes, not {types!r}") from None


def _codec_of(name: str, types: Sequence[type], *, is_signed: bool) -> Codec:
    if name == "json":
        return JsonCodec(types)
    if name != "pickle":
        raise ConfigurationError(f"codec is 'json' or 'pickle', not {name!r}")
    if not is_signed:
        raise ConfigurationError("whoever can write to Redis could run code by a pickle: codec='pickle' needs secret=")
    if types:
        raise ConfigurationError("types are for codec='json': a pickle knows every class")
    return PickleCodec()


def _inflated(data: bytes) -> bytes:
    """Decompressed, with as much memory as is allowed and no more. Raises CodecError."""
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise CodecError(f"damaged: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise CodecError(f"damaged, or more than {_MOST_BYTES} bytes")
    return whole
