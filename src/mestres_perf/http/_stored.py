"""How a response is stored: as one value of bytes, which goes through Redis as it is and is given out as it is."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mestres_perf.http._freshness import Headers, Terms

_FRAME = struct.Struct(">4sHBII5d")
_RESPONSE, _INDEX = b"MR\x01R", b"MR\x01V"
NOT_STORED: Final = {"age", "content-length", "x-cache", "x-request-id"} | {
    f"ratelimit-{name}" for name in ("limit", "remaining", "reset")
}
"""What is said anew of each response, by the cache or by other middleware; RequestIdMiddleware adds its header."""

REFUSED: Final = b"MR\x01N"
"""What those are told who wait for a response that is for one client only. It is never stored."""

_FOR_ANYBODY, _STRICT = 1, 2


@dataclass(slots=True)
class Stored:
    """A response. `head` are names and values, with a zero byte between any two; `born` is when it came, since 1970.

    The other times are those of its `Terms`. `label` are its own tags, a line for each. Nobody changes one.
    """

    status: int
    head: bytes
    body: bytes
    born: float
    age_then: float
    fresh: float
    stale_while_revalidate: float
    stale_if_error: float
    flags: int
    label: bytes = b""

    @classmethod
    def on(cls, terms: Terms, born: float, status: int, parts: tuple[bytes, bytes], tags: Iterable[str]) -> Stored:
        """A response on these terms; `parts` are head and body."""
        flags = (_FOR_ANYBODY if terms.for_anybody else 0) | (_STRICT if terms.strict else 0)
        windows = (terms.stale_while_revalidate, terms.stale_if_error)
        label = "\n".join(tags).encode("utf-8", "surrogateescape")
        return cls(status, *parts, born, terms.age, terms.fresh, *windows, flags, label)

    @property
    def tags(self) -> tuple[str, ...]:
        """Those that the application gave to it."""
        return tuple(filter(None, self.label.decode("utf-8", "surrogateescape").split("\n")))

    @property
    def for_anybody(self) -> bool:
        """Whether it may be given to requests with Authorization."""
        return bool(self.flags & _FOR_ANYBODY)

    @property
    def strict(self) -> bool:
        """Whether it is never given out when it is stale."""
        return bool(self.flags & _STRICT)

    def age(self, now: float) -> float:
        """Its age; clocks of two machines may differ."""
        return self.age_then + max(0.0, now - self.born)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI sends them."""
        parts = self.head.split(b"\0")
        return list(zip(parts[::2], parts[1::2]))  # noqa: B905 - as many of each

    def headers(self) -> list[tuple[str, str]]:
        """The headers as WSGI sends them."""
        parts = self.head.decode("latin-1").split("\0")
        return list(zip(parts[::2], parts[1::2]))  # noqa: B905 - as many of each

    def pack(self) -> bytes:
        """As a value of the cache."""
        times = (self.born, self.age_then, self.fresh, self.stale_while_revalidate, self.stale_if_error)
        frame = _FRAME.pack(_RESPONSE, self.status, self.flags, len(self.head), len(self.label), *times)
        return b"".join((frame, self.head, self.label, self.body))


def head_of(headers: Headers) -> bytes | None:
    """Headers in the stored form; None when they cannot be sent either."""
    text = "\0".join(part for header in headers for part in header)
    if text.count("\0") != max(0, 2 * len(headers) - 1) or "\n" in text or "\r" in text:
        return None
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def unpack(value: object) -> Stored | None:
    """The response that a value is; None for any other."""
    if type(value) is not bytes or value[:4] != _RESPONSE or len(value) < _FRAME.size:
        return None
    _, status, flags, length, more, born, age, fresh, renewed, failed = _FRAME.unpack_from(value)
    head = _FRAME.size + length
    body = head + more
    parts = value[_FRAME.size : head], value[body:]
    return Stored(status, *parts, born, age, fresh, renewed, failed, flags, value[head:body])


def pack_index(names: Sequence[str]) -> bytes:
    """What lies at a URL whose responses vary: the names of the headers by which they do."""
    return _INDEX + ",".join(names).encode("latin-1", "replace")


def index_of(value: object) -> tuple[str, ...] | None:
    """The names in such a value; None for any other."""
    if type(value) is not bytes or value[:4] != _INDEX:
        return None
    return tuple(value[4:].decode("latin-1").split(","))
