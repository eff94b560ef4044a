"""One remembered value, and the word for "there is none"."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple


class Missing(Enum):
    """A type of its own, so that None stays a value."""

    MISS = "MISS"

    def __repr__(self) -> str:
        return "MISS"

    def __bool__(self) -> bool:
        return False


MISS: Final = Missing.MISS


class Entry(NamedTuple):
    """A value and until when it holds. Immutable: a reader without a lock sees an old entry or a new one, never half.

    `expires` and `stored` are monotonic seconds; `versions` are the tags' versions before the value was loaded;
    `epoch` is the cache's when these were last compared.
    """

    value: Any
    expires: float
    stored: float
    versions: tuple[tuple[str, int], ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the cache knows of a key: where it is (`memory` or None), its age and what is left of it in seconds."""

    key: Hashable
    layer: str | None
    age: float | None
    ttl_left: float | None
    tags: tuple[str, ...]
    loading: bool
