"""What a cache has done, counted without a lock."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: loads are counted by the first of these that they do not exceed."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a cache has done: `loads` are calls of loaders, `errors` those that raised, `size` the values held now.

    Each request is one of `hits` and `misses`; of the hits `redis_hits` came from Redis, the others from memory. A hit
    may be `stale`; those are counted in both. `refreshes` are the loads that nobody waited for, `refused` the loaded
    values that could not be remembered, mostly because they were invalidated meanwhile. `rejected` are the reads of
    Redis that found something which this cache does not write: damaged, not signed with its secret, or of another
    version of the code; outside a deployment there should be none. `load_seconds` is the time of all loads together,
    `load_times` how many took at most so many seconds. `invalidations` are those of this process, `heard` the messages
    of others, `gaps` how often some were lost. `redis_failures` and `redis_away` (seconds in which Redis was left
    alone) are those of the connection, which caches may share. `waiting` callers wait just now for a load, `loading`
    are the loads under way; `bytes` is None when memory is not bounded by them.

    They are this process's own.
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
    redis_hits: int = 0
    refused: int = 0
    load_seconds: float = 0.0
    load_times: tuple[tuple[float, int], ...] = ()
    invalidations: int = 0
    heard: int = 0
    gaps: int = 0
    redis_failures: int = 0
    redis_away: float = 0.0
    bytes: int | None = None
    waiting: int = 0
    loading: int = 0

    @property
    def memory_hits(self) -> int:
        """Hits that did not need Redis."""
        return self.hits - self.redis_hits

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

    __slots__ = (
        "_times",
        "errors",
        "hits",
        "invalidations",
        "load_seconds",
        "loads",
        "misses",
        "refreshes",
        "refused",
        "stale",
        "waiting",
    )

    def __init__(self) -> None:
        self.hits = self.misses = self.loads = self.errors = self.stale = self.refreshes = 0
        self.refused = self.invalidations = self.waiting = 0
        self.load_seconds = 0.0
        self._times = [0] * (len(BOUNDS) + 1)

    def took(self, seconds: float) -> None:
        """A load has ended, well or badly."""
        bucket = bisect_left(BOUNDS, seconds)
        self._times[bucket] += 1
        self.load_seconds += seconds

    @property
    def load_times(self) -> tuple[tuple[float, int], ...]:
        """How many loads took at most so many seconds; the last bound is infinity."""
        return tuple(zip((*BOUNDS, float("inf")), accumulate(tuple(self._times)), strict=True))
