"""Which entry to forget: S3-FIFO.

Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO queues are all you need for cache eviction", SOSP 2023. New keys enter a small
queue of a tenth of the places; those asked for again move to the main queue; the keys of the others are remembered for
a while in a ghost queue, and enter the main queue directly when they come back. A hit only counts, up to three: readers
need no lock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any

_MOST_COUNTED = 3
_ASKED_AGAIN = 1


class Node:
    """A key's place in a queue; not `alive` any more when the key was deleted and the place is waste.

    `hits` only ever grows, and counts for the statistics too; `seen` of them the policy has taken into account.
    """

    __slots__ = ("alive", "hits", "key", "seen")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.alive = True
        self.hits = 0
        self.seen = 0


class S3Fifo:
    """The queues. Every method is called under the store's lock; `nodes` is the store's dictionary.

    `gone` is told of each node that had to go.
    """

    def __init__(self, nodes: dict[Hashable, Any], max_items: int, gone: Callable[[Any], None]) -> None:
        self._nodes = nodes
        self._gone = gone
        self._max = max_items
        self._small_places = max(1, max_items // 10)
        self._small: deque[Node] = deque()
        self._main: deque[Node] = deque()
        self._ghost: OrderedDict[Hashable, None] = OrderedDict()
        self._waste = 0

    def insert(self, node: Node) -> int:
        """Give a new node its place; returns how many others had to go."""
        evicted = 0
        while len(self._nodes) >= self._max:
            self._evict_one()
            evicted += 1
        remembered = node.key in self._ghost
        if remembered:
            del self._ghost[node.key]
        (self._main if remembered else self._small).append(node)
        self._nodes[node.key] = node
        return evicted

    def remove(self, node: Node) -> None:
        """A deleted key leaves its place as waste; when there is much of it the queues are swept."""
        node.alive = False
        self._waste += 1
        if self._waste > len(self._nodes) + 64:
            self._small = deque(node for node in self._small if node.alive)
            self._main = deque(node for node in self._main if node.alive)
            self._waste = 0

    def clear(self) -> None:
        """Forget everything."""
        self._small.clear()
        self._main.clear()
        self._ghost.clear()
        self._waste = 0

    def _evict_one(self) -> None:
        before = len(self._nodes)
        while len(self._nodes) == before:
            from_small = len(self._small) > self._small_places or not self._main
            queue = self._small if from_small else self._main
            node = queue.popleft()
            if not node.alive:
                self._waste -= 1
            elif from_small and node.hits - node.seen > _ASKED_AGAIN:
                node.seen = node.hits
                self._main.append(node)
            elif not from_small and node.hits > node.seen:
                node.seen = node.hits - min(node.hits - node.seen, _MOST_COUNTED) + 1
                self._main.append(node)
            else:
                self._forget(node, remember=from_small)

    def _forget(self, node: Node, *, remember: bool) -> None:
        del self._nodes[node.key]
        node.alive = False
        self._gone(node)
        if remember:
            self._ghost[node.key] = None
            if len(self._ghost) > self._max:
                self._ghost.popitem(last=False)
