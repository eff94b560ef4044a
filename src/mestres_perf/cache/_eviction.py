"""Which entry to forget when there is no more room.

A policy keeps nodes in queues of its own; every method is called under the store's lock. Readers take no lock: a hit
only counts on the node, and a policy looks at the count when it is the node's turn. Least-recently-used cannot do that;
it must be told of every hit, which costs its readers the lock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from typing import Any, Protocol

_MOST_COUNTED = 7
_ASKED_AGAIN = 1
_LARGEST_SHARE = 4
"""A value of more than a quarter of all the bytes is not taken in: it would drive out too much."""


class Node:
    """A key's place in a queue; not `alive` any more when the key was deleted and the place is waste.

    `hits` only ever grows, and counts for the statistics too; `seen` of them the policy has taken into account. `size`
    is in bytes, 0 where bytes are not counted.
    """

    __slots__ = ("alive", "hits", "key", "seen", "size")

    def __init__(self, key: Hashable, size: int = 0) -> None:
        self.key = key
        self.alive = True
        self.hits = 0
        self.seen = 0
        self.size = size


class Policy(Protocol):
    """What a store asks of a policy."""

    touches: bool
    """Whether it must be told of every hit."""

    @property
    def bytes(self) -> int:
        """What the nodes take up together."""
        ...

    def insert(self, node: Any) -> bool:
        """Take a new node in, and make room for it; False when it is too large."""
        ...

    def resize(self, node: Any, size: int) -> bool:
        """The node's value has been replaced by one of this size; False when it is too large."""
        ...

    def touch(self, node: Any) -> None:
        """The node has been used."""
        ...

    def remove(self, node: Any) -> None:
        """The node has been deleted, by its key."""
        ...

    def clear(self) -> None:
        """Everything has been."""
        ...


class _Kept:
    """The nodes that are there, and what they take up."""

    touches = False

    def __init__(
        self, nodes: dict[Hashable, Any], max_items: int, max_bytes: int | None, gone: Callable[[Any], None]
    ) -> None:
        """`nodes` is the store's dictionary; `gone` is told of each node that had to go."""
        self._nodes = nodes
        self._max = max_items
        self._max_bytes = max_bytes
        self._gone = gone
        self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def touch(self, node: Any) -> None:
        node.hits += 1

    def _drop(self, node: Any) -> None:
        del self._nodes[node.key]
        node.alive = False
        self._bytes -= node.size
        self._gone(node)


class _Bounded(_Kept, ABC):
    """The two bounds; what to forget the kinds below decide."""

    def insert(self, node: Any) -> bool:
        if self._is_too_large(node.size):
            return False
        while len(self._nodes) >= self._max or self._is_over(node.size):
            self._evict_one()
        self._place(node)
        self._nodes[node.key] = node
        self._bytes += node.size
        return True

    def resize(self, node: Any, size: int) -> bool:
        if self._is_too_large(size):
            return False
        self._bytes += size - node.size
        node.size = size
        while self._is_over(0):
            self._evict_one()
        return True

    def _is_too_large(self, size: int) -> bool:
        return self._max_bytes is not None and size * _LARGEST_SHARE > self._max_bytes

    def _is_over(self, size: int) -> bool:
        return self._max_bytes is not None and self._bytes + size > self._max_bytes

    @abstractmethod
    def _place(self, node: Any) -> None:
        """Give a new node its place."""

    @abstractmethod
    def _evict_one(self) -> None:
        """Forget the node whose turn it is."""


class _Queued(_Bounded):
    """Two queues; a deleted node stays in its queue as waste until its turn, or until there is much of it."""

    def __init__(self, *bounds: Any) -> None:
        super().__init__(*bounds)
        self._small: deque[Any] = deque()
        self._main: deque[Any] = deque()
        self._waste = 0

    def remove(self, node: Any) -> None:
        node.alive = False
        self._bytes -= node.size
        self._waste += 1
        if self._waste > len(self._nodes) + 64:
            self._small = deque(node for node in self._small if node.alive)
            self._main = deque(node for node in self._main if node.alive)
            self._waste = 0

    def clear(self) -> None:
        self._small.clear()
        self._main.clear()
        self._waste = self._bytes = 0

    def _next(self, queue: deque[Any]) -> Any:
        """The first of a queue that is alive; None when there is none."""
        while queue:
            node = queue.popleft()
            if node.alive:
                return node
            self._waste -= 1
        return None


class S3Fifo(_Queued):
    """Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO queues are all you need for cache eviction", SOSP 2023.

    New keys enter a small queue; those asked for again move to the main queue; the keys of the others are remembered
    for a while, and enter the main queue directly when they come back. The small queue is a twentieth of the places
    where the paper has a tenth (a fifth in small caches), and hits count up to seven, not three: measured better on
    web traces and Zipf with and without scans; see docs/eviction.md.
    """

    def __init__(self, *bounds: Any) -> None:
        super().__init__(*bounds)
        self._ghost: OrderedDict[Hashable, None] = OrderedDict()

    def clear(self) -> None:
        super().clear()
        self._ghost.clear()

    def _place(self, node: Any) -> None:
        if node.key in self._ghost:
            del self._ghost[node.key]
            self._main.append(node)
        else:
            self._small.append(node)

    def _evict_one(self) -> None:
        places = len(self._nodes)
        small = min(max(places // 20, 40), max(1, places // 5))
        while True:
            node = self._next(self._small) if len(self._small) > small or not self._main else None
            if node is None:
                node = self._next(self._main)
                if node is None:
                    continue
                if node.hits > node.seen:
                    node.seen = node.hits - min(node.hits - node.seen, _MOST_COUNTED) + 1
                    self._main.append(node)
                    continue
            elif node.hits - node.seen > _ASKED_AGAIN:
                node.seen = node.hits
                self._main.append(node)
                continue
            else:
                self._ghost[node.key] = None
                if len(self._ghost) > self._max:
                    self._ghost.popitem(last=False)
            return self._drop(node)


class TinyLfu(_Queued):
    """Only what is asked for more often than what it would replace is let in.

    After Einziger, Friedman, Manes: "TinyLFU", ACM TOS 13(4), 2017, with exact counts for what comes and goes instead
    of a sketch, and without order among the rest. It wins where a loop is longer than the cache, and loses where what
    is popular changes.
    """

    def __init__(self, *bounds: Any) -> None:
        super().__init__(*bounds)
        self._counts: dict[Hashable, int] = {}
        self._counted = 0

    def clear(self) -> None:
        super().clear()
        self._counts.clear()
        self._counted = 0

    def _place(self, node: Any) -> None:
        self._count(node.key, 1)
        self._small.append(node)
        while len(self._small) > max(1, self._max // 100):
            moved = self._next(self._small)
            if moved is not None:
                self._main.append(moved)

    def _evict_one(self) -> None:
        newcomer, resident = self._next(self._small), self._next(self._main)
        if newcomer is None or resident is None:
            self._drop(resident if newcomer is None else newcomer)
        elif self._asked(newcomer) > self._asked(resident) + 1:  # in a loop everybody is asked for once more or less
            self._main.append(newcomer)
            self._drop(resident)
        else:
            self._main.append(resident)
            self._drop(newcomer)

    def _asked(self, node: Any) -> int:
        fresh, node.seen = node.hits - node.seen, node.hits
        return self._count(node.key, fresh)

    def _count(self, key: Hashable, times: int) -> int:
        self._counts[key] = count = self._counts.get(key, 0) + times
        self._counted += times
        if self._counted > 10 * self._max + 100:  # what was long ago counts less and less
            self._counts = {key: count // 2 for key, count in self._counts.items() if count > 1}
            self._counted //= 2
        return count


class Lru(_Bounded):
    """What has not been used for longest goes. Every hit costs the lock."""

    touches = True

    def __init__(self, *bounds: Any) -> None:
        super().__init__(*bounds)
        self._order: OrderedDict[Hashable, Any] = OrderedDict()

    def touch(self, node: Any) -> None:
        super().touch(node)
        key = node.key
        if self._order.get(key) is node:  # else it has ended since somebody was given it
            self._order.move_to_end(key)

    def remove(self, node: Any) -> None:
        node.alive = False
        self._bytes -= node.size
        del self._order[node.key]

    def clear(self) -> None:
        self._order.clear()
        self._bytes = 0

    def _place(self, node: Any) -> None:
        self._order[node.key] = node

    def _evict_one(self) -> None:
        _, node = self._order.popitem(last=False)
        self._drop(node)


class Foreign(_Kept):
    """The order of somebody else's mapping, such as a `cachetools.Cache`: what it lets go of is forgotten."""

    touches = True

    def __init__(self, mapping: MutableMapping[Any, Any], *bounds: Any) -> None:
        super().__init__(*bounds)
        self._mapping = mapping

    def insert(self, node: Any) -> bool:
        try:
            self._mapping[node.key] = node
        except ValueError:  # what cachetools says of a value that is too large
            return False
        self._nodes[node.key] = node
        self._sweep()
        return node.key in self._nodes

    def resize(self, node: Any, size: int) -> bool:
        node.size = size
        return self.insert(node)

    def touch(self, node: Any) -> None:
        super().touch(node)
        self._mapping.get(node.key)

    def remove(self, node: Any) -> None:
        node.alive = False
        self._mapping.pop(node.key, None)

    def clear(self) -> None:
        self._mapping.clear()

    def _sweep(self) -> None:
        if len(self._mapping) == len(self._nodes):
            return
        for node in [node for key, node in self._nodes.items() if key not in self._mapping]:
            self._drop(node)


POLICIES: Mapping[str, Callable[..., Policy]] = {"s3fifo": S3Fifo, "lru": Lru, "tinylfu": TinyLfu}
