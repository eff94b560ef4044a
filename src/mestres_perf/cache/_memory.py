"""The layer in this process.

Invariant: after `delete`, `bump` or `clear` has returned, no load that began before can store its value: it has to show
the ticket it was given before it began, and what happened since has made the ticket void.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from mestres_perf.cache._entry import Entry
from mestres_perf.cache._eviction import Node, S3Fifo
from mestres_perf.errors import ConfigurationError

_MOST_TAGS = 100_000


@dataclass(frozen=True, slots=True)
class Memory:
    """How much the memory layer may hold: at most `max_items` values."""

    max_items: int = 10_000

    def __post_init__(self) -> None:
        if type(self.max_items) is not int or self.max_items < 1:
            raise ConfigurationError(f"max_items must be a whole number of at least 1, not {self.max_items!r}")


@dataclass(frozen=True, slots=True)
class Stats:
    """What a cache has done: `loads` are calls of loaders, `errors` those that raised, `size` the values held now."""

    hits: int
    misses: int
    loads: int
    errors: int
    evictions: int
    size: int

    @property
    def hit_rate(self) -> float | None:
        """Hits of all requests, 0 to 1; None before the first."""
        requests = self.hits + self.misses
        return self.hits / requests if requests else None


@dataclass(slots=True)
class Ticket:
    """What a load must show when it ends. `void` once its key was deleted or set meanwhile."""

    generation: int
    versions: tuple[tuple[str, int], ...]
    void: bool = False


class Store:
    """Values by key, bounded, with tags. Reading takes no lock."""

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.evictions = 0
        self._nodes: dict[Hashable, Node] = {}
        self._policy = S3Fifo(self._nodes, memory.max_items)
        self._lock = threading.Lock()
        self._generation = 0
        self._epoch = 0
        self._count = 0  # of invalidations: no version is ever given twice
        self._floor = 0  # the version of every tag that is not in the table
        self._versions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, key: Hashable) -> Entry | None:
        """The entry that holds now; counts as a use for eviction."""
        node = self._nodes.get(key)
        if node is None:
            return None
        entry: Entry | None = node.entry
        if entry is None or entry.expires <= self.clock():
            return None
        if entry.epoch != self._epoch:
            entry = self._revalidate(node, entry)
            if entry is None:
                return None
        node.hits += 1
        return entry

    def peek(self, key: Hashable) -> Entry | None:
        """The same without counting."""
        node = self._nodes.get(key)
        entry: Entry | None = None if node is None else node.entry
        if entry is None or entry.expires <= self.clock() or not self._current(entry.versions):
            return None
        return entry

    def ticket(self, tags: Iterable[str]) -> Ticket:
        """Take this before a load begins."""
        with self._lock:
            return Ticket(self._generation, tuple((tag, self._versions.get(tag, self._floor)) for tag in tags))

    def put(self, key: Hashable, value: Any, *, ttl: float, ticket: Ticket) -> bool:
        """Store what was loaded under `ticket`; False when it is void."""
        with self._lock:
            if ticket.void or ticket.generation != self._generation or not self._current(ticket.versions):
                return False
            now = self.clock()
            entry = Entry(value, now + ttl, now, ticket.versions, self._epoch)
            node = self._nodes.get(key)
            if node is not None:
                node.entry = entry
            else:
                self.evictions += self._policy.insert(Node(key, entry))
            return True

    def delete(self, key: Hashable) -> None:
        """Forget one value."""
        with self._lock:
            node = self._nodes.pop(key, None)
            if node is not None:
                self._policy.remove(node)

    def bump(self, tags: Iterable[str]) -> None:
        """Every value with one of these tags no longer holds."""
        with self._lock:
            self._count += 1
            for tag in tags:
                self._versions[tag] = self._count
            self._epoch += 1
            if len(self._versions) > _MOST_TAGS:
                self._clear()

    def clear(self) -> None:
        """No value holds any longer."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        self._nodes.clear()
        self._policy.clear()
        self._versions.clear()
        # A reader without the lock may still hold an entry that a tag has made untrue. The table that says so is gone,
        # so every tag gets a version that no entry was loaded under.
        self._count += 1
        self._floor = self._count
        self._epoch += 1
        self._generation += 1

    def _current(self, versions: tuple[tuple[str, int], ...]) -> bool:
        return all(self._versions.get(tag, self._floor) == version for tag, version in versions)

    def _revalidate(self, node: Node, entry: Entry) -> Entry | None:
        """Some tag has been bumped since the entry was last looked at: see whether it was one of its own."""
        with self._lock:
            if node.entry is not entry or self._nodes.get(node.key) is not node:
                return None  # it was replaced just now: the caller looks again under the lock of the flights
            if not self._current(entry.versions):
                del self._nodes[node.key]
                self._policy.remove(node)
                return None
            fresh: Entry = entry._replace(epoch=self._epoch)
            node.entry = fresh
            return fresh
