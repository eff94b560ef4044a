"""Compressors, by the name of their coding. Each body has one of its own, which is fed chunk by chunk."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

_GZIP = 16 + zlib.MAX_WBITS


class Compressor(Protocol):
    """One body on its way."""

    def chunk(self, data: bytes) -> bytes:
        """What is sent for a chunk: all of it can be read from what has been sent so far."""
        ...

    def end(self, data: bytes = b"") -> bytes:
        """What is sent for the last chunk."""
        ...


Maker = Callable[[], Compressor]


class _Gzip:
    def __init__(self, level: int) -> None:
        self._object = zlib.compressobj(level, zlib.DEFLATED, _GZIP)

    def chunk(self, data: bytes) -> bytes:
        return self._object.compress(data) + self._object.flush(zlib.Z_SYNC_FLUSH)

    def end(self, data: bytes = b"") -> bytes:
        return self._object.compress(data) + self._object.flush()


def gzip(level: int) -> Maker:
    """Makers of gzip (RFC 1952), without a time in its header: the same body is the same bytes."""
    return lambda: _Gzip(level)


class _Standard:
    """By the standard library's `compression.zstd` (Python 3.14)."""

    def __init__(self, module: Any, level: int) -> None:
        self._object = module.ZstdCompressor(level=level)

    def chunk(self, data: bytes) -> bytes:
        return bytes(self._object.compress(data, self._object.FLUSH_BLOCK))

    def end(self, data: bytes = b"") -> bytes:
        return bytes(self._object.compress(data, self._object.FLUSH_FRAME))


class _Package:
    """By the package `zstandard`."""

    def __init__(self, module: Any, level: int) -> None:
        self._object = module.ZstdCompressor(level=level).compressobj()
        self._block = module.COMPRESSOBJ_FLUSH_BLOCK

    def chunk(self, data: bytes) -> bytes:
        return bytes(self._object.compress(data) + self._object.flush(self._block))

    def end(self, data: bytes = b"") -> bytes:
        return bytes(self._object.compress(data) + self._object.flush())


def zstd(level: int) -> Maker | None:
    """Makers of zstd (RFC 8878), with what is installed; None when nothing is.

    Up to level 19 no window is larger than the 8 MiB that browsers take (RFC 9659).
    """
    found: tuple[tuple[str, Any], ...] = (("compression.zstd", _Standard), ("zstandard", _Package))
    for name, kind in found:
        try:
            module = import_module(name)
        except ImportError:
            continue
        return lambda: kind(module, level)
    return None
