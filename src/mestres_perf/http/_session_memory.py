"""Sessions in this process's memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping


class MemorySessions:
    """A store in this process, for at most `max_items` sessions; the one that was not used for longest goes first."""

    def __init__(self, max_items: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = max_items
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[dict[str, str], float]] = OrderedDict()

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """The texts of a session by name; None when there is none.

        It is good for `ttl` seconds more when fewer than `renew_below` were left.
        """
        with self._lock:
            texts, expires = self._current(session_id)
            if texts is None:
                return None
            left = expires - self._clock()
            self._put(session_id, texts, ttl if left < renew_below else left)
            return dict(texts)

    def save(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        moved_from: str | None = None,
    ) -> bool:
        """Write what has changed, for `ttl` seconds; False when it is not new and no longer there.

        What is at `moved_from` goes on under this name, and under that one ends, in the same moment.
        """
        with self._lock:
            texts, _ = self._current(session_id)
            if moved_from is not None:
                moved, _ = self._current(moved_from)
                self._kept.pop(moved_from, None)
                texts = texts if moved is None else moved
            if texts is None and not new:
                return False
            gone = set(removed)
            kept = {name: text for name, text in (texts or {}).items() if name not in gone}
            self._put(session_id, {**kept, **changed}, ttl)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return True

    def drop(self, session_id: str) -> None:
        """End it."""
        with self._lock:
            self._kept.pop(session_id, None)

    async def aload(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """`load`: nobody is waited for."""
        return self.load(session_id, ttl, renew_below=renew_below)

    async def asave(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        moved_from: str | None = None,
    ) -> bool:
        """`save`: nobody is waited for."""
        return self.save(session_id, changed, removed, ttl, new=new, moved_from=moved_from)

    async def adrop(self, session_id: str) -> None:
        """`drop`: nobody is waited for."""
        self.drop(session_id)

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def _current(self, session_id: str) -> tuple[dict[str, str] | None, float]:
        if session_id not in self._kept:
            return None, 0.0
        texts, expires = self._kept[session_id]
        if expires <= self._clock():
            del self._kept[session_id]
            return None, 0.0
        return texts, expires

    def _put(self, session_id: str, texts: dict[str, str], seconds: float) -> None:
        self._kept[session_id] = (texts, self._clock() + seconds)
        self._kept.move_to_end(session_id)
