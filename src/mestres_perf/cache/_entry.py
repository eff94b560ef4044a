"""One remembered value, and the word for "there is none"."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from mestres_perf.cache._eviction import Node

GONE: Final = float("-inf")


class Missing(Enum):
    """A type of its own, so that None stays a value."""

    MISS = "MISS"

    def __repr__(self) -> str:
        return "MISS"

    def __bool__(self) -> bool:
        return False


MISS: Final = Missing.MISS


class Failure:
    """What is remembered of a loader that raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def copy(self) -> Exception:
        """The error to raise: the same one again would grow its traceback with every caller."""
        error = self.error
        again = type(error).__new__(type(error), *error.args)
        again.args = error.args
        again.__dict__.update(error.__dict__)
        for name in _slots(type(error)):
            with contextlib.suppress(AttributeError, TypeError):  # not set, or set once and for all
                value = getattr(error, name)
                if getattr(again, name, None) is not value:
                    setattr(again, name, value)
        again.__cause__ = error
        return again


def _slots(kind: type[Exception]) -> tuple[str, ...]:
    """What errors of this class keep beside `args` and `__dict__`: that of `OSError(2, "no", "name")`, for one."""
    return tuple(
        name
        for each in kind.__mro__
        if each not in {BaseException, object}
        for name, place in vars(each).items()
        if not name.startswith("__") and (inspect.ismemberdescriptor(place) or inspect.isgetsetdescriptor(place))
    )


class Entry(Node):
    """A value, and until when it holds; times are those of the store's clock, in seconds.

    Until `soft` a reader without any lock may take `value` as it is. From then on somebody has to look: before
    `expires` whether it is still trusted or due early, after it whether a stale value will do. `checked` is when it was
    last known to be what Redis has, `stamp` what Redis calls it, `took` how long its load lasted.

    Readers take no lock: they read `value` first and `soft` second. Writers write in the opposite order of what they
    take away and give: `soft` first when the entry goes, last when it comes. So nobody sees a value that was not good.
    """

    __slots__ = ("checked", "expires", "name", "soft", "stamp", "stored", "tags", "took", "value")

    def __init__(self, key: Hashable, value: Any, *, expires: float, stored: float, soft: float | None = None) -> None:
        super().__init__(key)
        self.value = value
        self.expires = expires
        self.stored = stored
        self.checked = stored
        self.soft = expires if soft is None else soft
        self.tags: tuple[str, ...] = ()
        self.took = 0.0
        self.stamp = b""
        self.name = ""

    def become(self, other: Entry) -> None:
        """Take over what a newer entry for the same key says."""
        self.value = other.value
        for name in ("checked", "expires", "name", "stamp", "stored", "tags", "took"):
            setattr(self, name, getattr(other, name))
        self.soft = other.soft

    def end(self) -> None:
        """No reader that still holds it may take it for true."""
        self.soft = GONE
        self.value = None


State = Literal["fresh", "stale", "error", "missing"]


@dataclass(frozen=True, slots=True)
class Held:
    """What one layer holds under a key, whether it may be given to anybody or not.

    `age` (None where nobody knows it), `ttl_left` (below zero: so long ago it ended) and `stale_left` (until when it
    may be given out at all) are seconds; `hits` and `size` (bytes, where they are bounded) are those of memory.
    """

    age: float | None
    ttl_left: float
    stale_left: float
    tags: tuple[str, ...]
    hits: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class TagVersion:
    """The version that a tag had when the value in Redis was loaded, and the one that it has now; hexadecimal.

    The tag "" stands for everything. None: not known.
    """

    tag: str
    then: str | None
    now: str | None

    @property
    def holds(self) -> bool:
        """Whether the tag has not been invalidated since."""
        return self.then is None or self.then == self.now


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reader of a key would be given just now, and why.

    `state`: a "fresh" or a "stale" value, the "error" that is remembered, or nothing ("missing": then it is loaded, or
    waited for). `layer` is where that comes from, "memory" or "redis", None for nothing; `because` says why in words.
    `age`, `ttl_left`, `stale_left` (seconds) and `tags` are those of that value or, when nothing is given, of what is
    left of the last one. `memory` and `redis` are what the layers hold, `versions` those of the tags in Redis;
    `trusted`: memory may be believed without asking Redis. `loading`: somebody is loading it, here for `loading_for`
    seconds, or in another process for `loading_elsewhere`. `is_redis_away`: it did not answer, and is left alone for
    `redis_rests` seconds more.
    """

    key: Hashable
    layer: str | None
    age: float | None
    ttl_left: float | None
    tags: tuple[str, ...]
    loading: bool
    state: State = "missing"
    stale_left: float | None = None
    trusted: bool = False
    because: str = ""
    memory: Held | None = None
    redis: Held | None = None
    versions: tuple[TagVersion, ...] = ()
    loading_for: float | None = None
    loading_elsewhere: float | None = None
    is_redis_away: bool = False
    redis_rests: float = 0.0

    def __str__(self) -> str:
        """Some lines for a person in front of a shell."""
        given = "nothing" if self.layer is None else f"{_GIVEN[self.state]}, from {self.layer}"
        lines = [f"key {self.key!r}", f"a reader is given {given}: {self.because}"]
        for name, held in (("memory", self.memory), ("redis", self.redis)):
            if held is not None:
                lines.append(f"{name}: {_described(held)}")
        if self.tags:
            lines.append(f"tags: {', '.join(self.tags)}")
        lines.extend(
            f"{each.tag or 'everything'} had version {each.then}, and has now {each.now or 'none'}"
            for each in self.versions
            if not each.holds
        )
        if self.loading_for is not None:
            lines.append(f"being loaded here for {self.loading_for:.1f} s")
        if self.loading_elsewhere is not None:
            lines.append(f"being loaded in another process for {self.loading_elsewhere:.1f} s")
        if self.is_redis_away:
            rests = f", and is left alone for {self.redis_rests:.1f} s more" if self.redis_rests else ""
            lines.append(f"Redis does not answer{rests}")
        return "\n  ".join(lines)


_GIVEN = {"fresh": "a fresh value", "stale": "a stale value", "error": "an error"}


def _described(held: Held) -> str:
    ttl = f"{held.ttl_left:.1f} s left" if held.ttl_left > 0 else f"expired {-held.ttl_left:.1f} s ago"
    parts = [ttl, f"{max(0.0, held.stale_left):.1f} s until it is of no use"]
    if held.age is not None:
        parts.insert(0, f"{held.age:.1f} s old")
    if held.hits is not None:
        parts.append(f"{held.hits} hits")
    if held.size is not None:
        parts.append(f"{held.size} bytes")
    return ", ".join(parts)
