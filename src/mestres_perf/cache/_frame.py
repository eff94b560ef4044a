"""What lies under a value's name in Redis: who it is, what it depends on, and the value as bytes.

    magic 2 | stamp 8 | flags 1 | stale ms 8 | load ms 4 | tags 2 | { length 2, tag, version 8 } ... | payload

Big-endian. The stamp is random and names this very value; a script may compare it (bytes 3 to 10). `stale ms` are the
last part of the key's time to live, in which the value may be served only as a stale one. Each tag comes with the
version that it had before the value was loaded: the value holds while all of them are what they were. The first one,
with no name, stands for everything.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from mestres_perf.errors import CodecError

MAGIC = b"M2"
VERSION_BYTES = 8
_HEAD = struct.Struct(">2s8sBQIH")
_LENGTH = struct.Struct(">H")
_MOST_TAG_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class Frame:
    """A value in Redis; `versions` by tag, `stale` and `took` in milliseconds, `flags` are the codec's."""

    stamp: bytes
    flags: int
    stale: int
    took: int
    versions: Mapping[str, bytes]
    payload: bytes

    def pack(self) -> bytes:
        """As bytes. Raises CodecError for a tag of more than 65,535 bytes."""
        head = _HEAD.pack(MAGIC, self.stamp, self.flags, self.stale, min(self.took, 0xFFFFFFFF), len(self.versions))
        parts = [head]
        for tag, version in self.versions.items():
            name = tag.encode("utf-8", "surrogatepass")
            if len(name) > _MOST_TAG_BYTES:
                raise CodecError(f"a tag has at most {_MOST_TAG_BYTES} bytes, not {len(name)}")
            parts += (_LENGTH.pack(len(name)), name, version)
        return b"".join((*parts, self.payload))


def unpack(data: bytes) -> Frame:
    """Raises CodecError for what is no frame of this version."""
    try:
        magic, stamp, flags, stale, took, count = _HEAD.unpack_from(data)
        if magic != MAGIC:
            raise CodecError("written by another version")
        at = _HEAD.size
        versions: dict[str, bytes] = {}
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size + length
            versions[data[at - length : at].decode("utf-8", "surrogatepass")] = data[at : at + VERSION_BYTES]
            at += VERSION_BYTES
    except (struct.error, UnicodeDecodeError) as error:
        raise CodecError(f"damaged: {error}") from error
    if at > len(data):
        raise CodecError("damaged: cut off")
    return Frame(stamp, flags, stale, took, versions, data[at:])


def new_stamp() -> bytes:
    """A name for a value."""
    return secrets.token_bytes(8)


def new_version() -> bytes:
    """A version that no tag has had."""
    return secrets.token_bytes(VERSION_BYTES)
