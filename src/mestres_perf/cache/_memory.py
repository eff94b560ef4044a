"""The layer in this process.

Invariant: after `delete`, `bump` or `clear` has returned, no load that began before can store its value: it has to show
the ticket it was given before it began, and what happened since has made the ticket void.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mestres_perf.cache._entry import Entry
from mestres_perf.cache._events import Events
from mestres_perf.cache._eviction import POLICIES, Foreign, Policy
from mestres_perf.cache._sizes import size_of
from mestres_perf.errors import ConfigurationError

_MOST_TAGS = 100_000


@dataclass(frozen=True, slots=True)
class Memory:
    """How much the memory layer may hold, and what it forgets first.

    At most `max_items` values, and `max_bytes` bytes when given (sizes are estimates; a value of more than a quarter of
    them is not kept in memory). `policy` is "s3fifo"; "tinylfu" for loops longer than the cache; or "lru", whose
    readers need a lock. `store` is a mapping that decides itself, such as a `cachetools.Cache`, in place of all three.
    With `copies` every reader is given a deep copy, and may change it; without, everybody is given the same object, and
    nobody should.
    """

    max_items: int = 10_000
    max_bytes: int | None = None
    policy: str = "s3fifo"
    store: MutableMapping[Any, Any] | None = None
    copies: bool = False

    def __post_init__(self) -> None:
        for name in ("max_items", "max_bytes"):
            value = getattr(self, name)
            if (type(value) is not int or value < 1) and not (name == "max_bytes" and value is None):
                raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")
        if self.policy not in POLICIES:
            raise ConfigurationError(f"policy is one of {', '.join(POLICIES)}, not {self.policy!r}")
        if self.store is not None and self.max_bytes is not None:
            raise ConfigurationError("give the store its own bound: max_bytes is for the policies of this package")


@dataclass(slots=True)
class Ticket:
    """What a load must show when it ends: when it began. `void` once its key was deleted or set meanwhile.

    Whoever is not among the flights cannot be told that: his has `named`, the number of keys deleted or set by then,
    and counts for nothing after the next.
    """

    began: int
    generation: int
    void: bool = False
    named: int | None = None


class Seen(NamedTuple):
    """An entry as it was at one moment."""

    entry: Entry
    value: Any
    expires: float
    stored: float
    checked: float
    took: float
    stamp: bytes
    tags: tuple[str, ...]

    @classmethod
    def of(cls, entry: Entry) -> Seen:
        """A picture of an entry."""
        return cls(entry, entry.value, entry.expires, entry.stored, entry.checked, entry.took, entry.stamp, entry.tags)


class Store:
    """Values by key, bounded, with tags. Reading takes no lock: see `Entry`.

    `nodes` is there for readers only.
    """

    def __init__(
        self, memory: Memory, clock: Callable[[], float] = time.monotonic, events: Events | None = None
    ) -> None:
        self.memory = memory
        self.clock = clock
        self.events = events or Events("")
        self.evictions = 0
        self.refused = 0
        self.nodes: dict[Hashable, Entry] = {}
        self._policy = self._chosen(memory)
        self._lock = threading.Lock()
        self._gone = 0  # hits of entries that have ended and that nobody holds any more
        self._ended: deque[Entry] = deque()  # the others: a reader may just be counting on one of them
        self._told = 0
        self._tagged: dict[str, set[Entry]] = {}
        self._named: dict[str, Entry] = {}
        self._generation = 0
        self._named_keys = 0  # so many times a key was deleted or set
        self._count = 0  # of invalidations by tag
        self._floor = 0  # the last invalidation that is no longer in the table
        self._bumped: dict[str, int] = {}

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    @property
    def hits(self) -> int:
        """How often an entry has been used, those that are gone included. Never less than before. Takes no lock.

        It takes as long as there are entries: a hit counts on its own entry and nowhere else. An entry that goes from
        one of the three places to the next meanwhile is missed, never counted twice: it is taken out first.
        """
        gone = self._gone + sum(entry.hits for entry in tuple(self._ended))
        self._told = max(self._told, gone + sum(entry.hits for entry in tuple(self.nodes.values())))
        return self._told

    @property
    def bytes(self) -> int | None:
        """How many bytes the values take up; None when that is not bounded."""
        return None if self.memory.max_bytes is None else self._policy.bytes

    def __len__(self) -> int:
        return len(self.nodes)

    def get(self, key: Hashable) -> Entry | None:
        """The entry that may be taken without a second look; not counted as a use."""
        entry = self.nodes.get(key)
        return None if entry is None or entry.soft <= self.clock() else entry

    def fresh(self, key: Hashable) -> Entry | None:
        """The entry that has not expired, an error that is remembered too; not counted as a use."""
        entry = self.nodes.get(key)
        return None if entry is None or entry.expires <= self.clock() else entry

    def look(self, key: Hashable) -> Seen | None:
        """What is there, fresh or not; not counted as a use."""
        if key not in self.nodes:
            return None
        with self._lock:
            entry = self.nodes.get(key)
            return None if entry is None else Seen.of(entry)

    def extend(self, key: Hashable, seen: Seen, soft: float) -> None:
        """Readers need not look twice until `soft`, if the entry is still the one that was seen."""
        with self._lock:
            entry = self.nodes.get(key)
            if entry is not None and entry.value is seen.value and entry.expires == seen.expires:
                entry.soft = soft

    def ticket(self) -> Ticket:
        """Take this before a load begins.

        No lock: what is being invalidated at this moment is untrue already, and a load that begins now reads the truth.
        """
        return Ticket(self._count, self._generation)

    def glance(self) -> Ticket:
        """Take this before looking at a key without being among the flights."""
        return Ticket(self._count, self._generation, named=self._named_keys)

    def void_glances(self) -> None:
        """A key that is perhaps not here was deleted or set elsewhere: somebody may just be looking at it."""
        with self._lock:
            self._named_keys += 1

    def put(self, entry: Entry, ticket: Ticket) -> bool:
        """Store what was loaded under `ticket`; False when it is void."""
        with self._lock:
            if ticket.named is not None and ticket.named != self._named_keys:
                return False
            if ticket.void or ticket.generation != self._generation or self._bumped_since(ticket, entry.tags):
                self.refused += 1
                self.events.note("refuse", entry.key, tags=entry.tags, reason="invalidated meanwhile")
                return False
            entry.size = size_of(entry.value) if self.memory.max_bytes is not None else 0
            known = self.nodes.get(entry.key)
            return self._insert(entry) if known is None else self._replace(known, entry)

    def _insert(self, entry: Entry) -> bool:
        self._index(entry)  # before others have to go: it might be its own turn
        if self._policy.insert(entry):
            return True
        self._evicted(entry)
        return False

    def _replace(self, known: Entry, entry: Entry) -> bool:
        if not self._policy.resize(known, entry.size):
            if known.alive:
                self._remove(known)
            return False
        if not known.alive:  # it was its own turn
            return False
        self._unindex(known)
        known.become(entry)
        self._index(known)
        return True

    @property
    def touches(self) -> bool:
        """Whether every hit must be told by `touch`."""
        return self._policy.touches

    def use(self, entry: Entry) -> None:
        """Somebody was given this entry's value."""
        if not self._policy.touches:
            entry.hits += 1
            return
        with self._lock:
            self._policy.touch(entry)

    def _chosen(self, memory: Memory) -> Policy:
        bounds = (self.nodes, memory.max_items, memory.max_bytes, self._had_to_go)
        return POLICIES[memory.policy](*bounds) if memory.store is None else Foreign(memory.store, *bounds)

    def _had_to_go(self, entry: Entry) -> None:
        self.evictions += 1
        if self.events.wanted:
            self.events.note("evict", entry.key, tags=entry.tags, reason="no more room")
        self._evicted(entry)

    def delete(self, key: Hashable) -> None:
        """Forget one value."""
        with self._lock:
            self._named_keys += 1
            entry = self.nodes.get(key)
            if entry is not None:
                self._remove(entry)

    def bump(self, tags: Iterable[str]) -> None:
        """Forget every value with one of these tags."""
        with self._lock:
            self._count += 1
            for tag in tags:
                self._bumped[tag] = self._count
                for entry in tuple(self._tagged.get(tag, ())):
                    self._remove(entry)
            if len(self._bumped) > _MOST_TAGS:
                self._bumped.clear()
                self._floor = self._count

    def has_bumped(self, tags: Sequence[str], ticket: Ticket) -> bool:
        """Whether one of these tags was bumped after the ticket was given."""
        if not tags:
            return False
        with self._lock:
            return self._bumped_since(ticket, tags)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._policy.clear()
            self._tagged.clear()
            self._named.clear()
            while self.nodes:
                self._ended.append(self.nodes.popitem()[1])
                self._ended[-1].end()
            self._let_go(len(self._ended))
            self._generation += 1

    def key_of(self, name: str) -> Hashable | None:
        """The key of the value that Redis knows by this name."""
        entry = self._named.get(name)
        return None if entry is None else entry.key

    def _bumped_since(self, ticket: Ticket, tags: Iterable[str]) -> bool:
        return any(self._bumped.get(tag, self._floor) > ticket.began for tag in tags)

    def _remove(self, entry: Entry) -> None:
        del self.nodes[entry.key]
        self._policy.remove(entry)
        self._evicted(entry)

    def _evicted(self, entry: Entry) -> None:
        self._end(entry)
        self._unindex(entry)

    def _end(self, entry: Entry) -> None:
        entry.end()
        self._ended.append(entry)
        self._let_go(min(2, len(self._ended) - 1))  # two for each that comes: what nobody holds does not pile up

    def _let_go(self, most: int) -> None:
        """Of the oldest that have ended, those that nobody holds: they are counted for good."""
        for _ in range(most):
            oldest, holders = _taken(self._ended)
            if holders > _ALONE:
                self._ended.append(oldest)
            else:
                self._gone += oldest.hits

    def _index(self, entry: Entry) -> None:
        if entry.name:
            self._named[entry.name] = entry
        for tag in entry.tags:
            self._tagged.setdefault(tag, set()).add(entry)

    def _unindex(self, entry: Entry) -> None:
        if entry.name and self._named.get(entry.name) is entry:
            del self._named[entry.name]
        for tag in entry.tags:
            tagged = self._tagged.get(tag)
            if tagged is not None:
                tagged.discard(entry)
                if not tagged:
                    del self._tagged[tag]


def _taken(queue: deque[Any]) -> tuple[Any, int]:
    """The first of a queue, and by how many it is held. Readers of an entry hold it until they have counted."""
    first = queue.popleft()
    return first, sys.getrefcount(first)


_ALONE = _taken(deque([object()]))[1]
"""What `_taken` says, in this version of Python, of what nobody else holds."""
