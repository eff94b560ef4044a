"""What a cache has done, counted without a lock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """What a cache has done: `loads` are calls of loaders, `errors` those that raised, `size` the values held now.

    A hit may be `stale`; those are counted in both. `refreshes` are the loads that nobody waited for. `rejected` are
    the reads of Redis that found something which this cache does not write: damaged, not signed with its secret, or of
    another version of the code. Outside a deployment there should be none.
    """

    hits: int
    misses: int
    loads: int
    errors: int
    evictions: int
    size: int
    stale: int = 0
    refreshes: int = 0
    rejected: int = 0

    @property
    def hit_rate(self) -> float | None:
        """Hits of all requests, 0 to 1; None before the first."""
        requests = self.hits + self.misses
        return self.hits / requests if requests else None


class Counts:
    """The counters. `hits` are those that came from Redis; those in memory are counted by the entries.

    `counts.misses += 1` loses nothing under the GIL: CPython changes threads at calls and jumps only. On a
    free-threaded interpreter two threads may count as one now and then.
    """

    __slots__ = ("errors", "hits", "loads", "misses", "refreshes", "stale")

    def __init__(self) -> None:
        self.hits = self.misses = self.loads = self.errors = self.stale = self.refreshes = 0
