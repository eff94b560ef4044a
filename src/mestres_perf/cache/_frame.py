"""What lies under a value's name in Redis: who it is, what it depends on, and the value as bytes.

    magic 2 | stamp 8 | flags 1 | codec 1 | stale ms 8 | load ms 4 | number of tags 2 | length of tags 4 |
    tags, a line each | their versions, 8 each | content

Big-endian. The stamp is random and names this very value; a script may compare it (bytes 3 to 10). `stale ms` are the
last part of the key's time to live, in which the value may be served only as a stale one. Each tag comes with the
version that it had before the value was loaded: the value holds while all of them are what they were. The first one,
with no name, stands for everything. `codec` and `content` are those of `_codec`; the flags say that the content is
compressed, and that a signature of 32 bytes follows it.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mestres_perf.errors import CodecError

MAGIC = b"M3"
VERSION_BYTES = 8
COMPRESSED, SIGNED = 1, 2
_HEAD = struct.Struct(">2s8sBcQIHI")
_MOST_TAGS = 65_535


class Frame(NamedTuple):
    """A value in Redis; `versions` by tag, `stale` and `took` in milliseconds."""

    stamp: bytes
    flags: int
    codec: bytes
    stale: int
    took: int
    versions: Mapping[str, bytes]
    content: bytes

    def pack(self) -> bytes:
        """As bytes, without the signature. Raises CodecError for more than 65,535 tags."""
        count, took = len(self.versions), min(self.took, 0xFFFFFFFF)
        if count > _MOST_TAGS:
            raise CodecError(f"a value has at most {_MOST_TAGS} tags, not {count}")
        tags = "\n".join(self.versions).encode("utf-8", "surrogatepass")
        head = _HEAD.pack(MAGIC, self.stamp, self.flags, self.codec, self.stale, took, count, len(tags))
        return b"".join((head, tags, *self.versions.values(), self.content))


def unpack(data: bytes, end: int | None = None) -> Frame:
    """What ends at `end`, where the signature begins. Raises CodecError for what is no frame of this version."""
    end = len(data) if end is None else end
    try:
        magic, stamp, flags, codec, stale, took, count, length = _HEAD.unpack_from(data)
        if magic != MAGIC or flags & ~(COMPRESSED | SIGNED):
            raise CodecError("written by another version")
        first = _HEAD.size + length
        stop = first + count * VERSION_BYTES
        tags = data[_HEAD.size : first].decode("utf-8", "surrogatepass").split("\n") if count else []
    except (struct.error, UnicodeDecodeError) as error:
        raise CodecError(f"damaged: {error}") from error
    starts = range(first, stop, VERSION_BYTES)
    versions = {tag: data[at : at + VERSION_BYTES] for tag, at in zip(tags, starts, strict=False)}
    if stop > end or len(versions) != count or len(tags) != count or (length and not count):
        raise CodecError("damaged: cut off, or a tag twice")
    return Frame(stamp, flags, codec, stale, took, versions, data[stop:end])


def quick(data: bytes, tags: bytes, versions: Sequence[bytes | None]) -> tuple[bytes, int, bytes, int, int, int] | None:
    """Stamp, flags, codec, stale, took, and where the content begins, when it holds; None: look at it with care.

    It holds when its tags, a line each, are those that were asked for, and the versions what they were. This is
    `unpack` and a comparison of everything at once; most of what is read passes here.
    """
    if len(data) < _HEAD.size or None in versions:
        return None
    magic, stamp, flags, codec, stale, took, count, length = _HEAD.unpack_from(data)
    first = _HEAD.size + length
    stop = first + count * VERSION_BYTES
    now = b"".join(versions)  # type: ignore[arg-type]  # there is no None among them
    if magic != MAGIC or flags > COMPRESSED or count != len(versions) or len(now) != stop - first:
        return None
    if data[_HEAD.size : first] != tags or data[first:stop] != now:
        return None
    return stamp, flags, codec, stale, took, stop


def new_stamp() -> bytes:
    """A name for a value."""
    return secrets.token_bytes(8)


def new_version() -> bytes:
    """A version that no tag has had."""
    return secrets.token_bytes(VERSION_BYTES)
