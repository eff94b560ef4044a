"""What an adapter says of one library."""

from collections.abc import Mapping
from typing import ClassVar

THREADS, TASKS = "threads", "tasks"

TTL = 1000
"""Seconds; what no claim waits for."""

MISSING = object()
"""What `get` of an adapter returns when there is no value."""


class Library:
    """One library. An ability is a method of the class or of its nodes; one that is not there has a reason in `lacks`.

    A library is set up once: typed keys and protection against herds in one process are on where it has them. Other
    options are used where a claim is about what they are for; `notes` names them, by claim. `undecided` says which
    claims cannot be tried here, and why.
    """

    name: ClassVar[str]
    distribution: ClassVar[str]
    colours: ClassVar[tuple[str, ...]] = (THREADS,)
    lacks: ClassVar[Mapping[str, str]] = {}
    notes: ClassVar[Mapping[str, str]] = {}
    undecided: ClassVar[Mapping[str, str]] = {}
    cache: ClassVar[type]

    @classmethod
    def lack(cls, ability: str) -> str | None:
        """Why there is no such ability; None when there is. Raises AttributeError when nobody has said why."""
        if ability in (THREADS, TASKS):
            return None if ability in cls.colours else f"no {'async' if ability == TASKS else 'plain'} functions"
        if hasattr(cls, ability) or hasattr(cls.cache, ability):
            assert ability not in cls.lacks, f"{cls.name} has and lacks {ability}"
            return None
        if ability not in cls.lacks:
            raise AttributeError(f"the adapter of {cls.name} has no {ability}, and does not say why")
        return cls.lacks[ability]


def parts(url: str) -> tuple[str, int, int]:
    """Host, port and database of a Redis address, for libraries that take no URL."""
    from urllib.parse import urlsplit

    found = urlsplit(url)
    return found.hostname or "127.0.0.1", found.port or 6379, int(found.path.strip("/") or 0)
