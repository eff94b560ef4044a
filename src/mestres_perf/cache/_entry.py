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
class Explanation:
    """What this process knows of a key.

    `layer` is `memory` or None; `age`, `ttl_left` and `stale_left` (how long it may still be served after its TTL) are
    seconds; `state` says what a reader would be given, `trusted` whether without asking Redis; `loading` whether
    somebody is loading it now.
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
