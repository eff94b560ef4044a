"""What Redis could not be told while it was away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from mestres_perf._kernel.effects import Effect
from mestres_perf.errors import BackendUnavailable

Tell = Callable[[Sequence[str], Sequence[str], bool], Generator[Effect, Any, None]]
_MOST_DEBTS = 10_000


class Debts:
    """What Redis could not be told while it was away. Until it has been, nothing is read from it.

    Each debt has a number: one that is made again while it is being paid stays.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, int] = {}
        self._tags: dict[str, int] = {}
        self._everything = 0
        self._number = 0
        self._paying = False

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    def start_anew(self) -> None:
        """In a forked child: whoever was telling Redis is not in it."""
        self._paying = False

    @property
    def is_due(self) -> bool:
        """Whether there is any."""
        return bool(self._keys or self._tags or self._everything)

    def owe(self, *, keys: Iterable[str] = (), tags: Iterable[str] = (), everything: bool = False) -> None:
        """Remember an invalidation that did not arrive; very many become one of everything."""
        with self._lock:
            self._number += 1
            self._keys.update(dict.fromkeys(keys, self._number))
            self._tags.update(dict.fromkeys(tags, self._number))
            if everything or len(self._keys) + len(self._tags) > _MOST_DEBTS:
                self._everything = self._number

    def covers(self, name: str, tags: Iterable[str]) -> bool:
        """Whether a value is among what it will make untrue."""
        with self._lock:
            return bool(self._everything) or name in self._keys or any(tag in self._tags for tag in tags)

    def pay(self, tell: Tell) -> Generator[Effect, Any, None]:
        """Tell Redis now. Raises BackendUnavailable when it is still away, or somebody else is just telling it."""
        if not self.is_due:
            return
        with self._lock:
            if self._paying:
                raise BackendUnavailable("Redis is being told what it has missed")
            self._paying = True
            keys, tags, everything = dict(self._keys), dict(self._tags), self._everything
        try:
            yield from tell(tuple(keys), tuple(tags), bool(everything))
            with self._lock:
                _paid(self._keys, keys)
                _paid(self._tags, tags)
                if self._everything == everything:
                    self._everything = 0
        finally:
            self._paying = False


def _paid(debts: dict[str, int], told: Mapping[str, int]) -> None:
    for name, number in told.items():
        if debts.get(name) == number:
            del debts[name]
