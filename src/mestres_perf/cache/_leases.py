"""The leases that this process holds, and their renewal while the loads run.

Invariant: a lease lives as long as its load and its process, and no longer than `_MOST_ROUNDS` rounds: a loader that
hangs does not hold up other processes for ever. A load that ends within a third of the lease costs no call.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from typing import Any

from mestres_perf._kernel.drive import run
from mestres_perf._kernel.effects import Ask, Effect
from mestres_perf.cache._options import seconds as duration
from mestres_perf.errors import BackendUnavailable, ConfigurationError
from mestres_perf.typing import SharedLayer

_ROUNDS_PER_LEASE = 3
_MOST_ROUNDS = 30 * _ROUNDS_PER_LEASE
_SHORTEST = 0.1


class Leases:
    """Leases of `seconds` by token. With `redis` a thread renews them, for threads and tasks alike.

    The thread begins with the first lease and ends after a round that found none. It is no task of a loop: a loop that
    ends, or that its loader blocks, loses nothing. A forked child holds nothing of what its parent holds.
    """

    def __init__(self, seconds: float, redis: SharedLayer | None = None) -> None:
        """Raises ConfigurationError."""
        self.seconds = duration("lease", seconds)
        if self.seconds < _SHORTEST:
            raise ConfigurationError(f"lease must be {_SHORTEST} seconds at least, not {seconds!r}")
        self._redis = redis
        self._thread: threading.Thread | None = None
        self.begin_anew()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def longest(self) -> float:
        """After so many seconds no lease of a load is renewed any more, and the last one has run out."""
        return self.seconds * (_MOST_ROUNDS / _ROUNDS_PER_LEASE + 1)

    @property
    def pause(self) -> float:
        """Seconds from one round to the next."""
        return self.seconds / _ROUNDS_PER_LEASE

    def hold(self, token: str, place: str) -> None:
        """A load begins under this lease."""
        with self._lock:
            self._held[token] = place
            if self._thread is None and self._redis is not None:
                self._thread = threading.Thread(target=self._follow, name="mestres-leases", daemon=True)
                self._thread.start()

    def drop(self, *tokens: str) -> None:
        """Their loads have ended."""
        for token in tokens:
            self._held.pop(token, None)
            self._rounds.pop(token, None)

    def give_up(self, places: Sequence[str]) -> None:
        """The loads at these places were invalidated: nobody shall wait for them. Told to Redis in the background."""
        wanted = set(places)
        with self._lock:
            self._void.update({token: place for token, place in self._held.items() if place in wanted})
        if self._void:
            self._wake.set()

    def release(self) -> Generator[Effect, Any, None]:
        """Give back what was given up."""
        while self._void:
            token, place = self._void.popitem()
            self.drop(token)
            with contextlib.suppress(BackendUnavailable):  # it runs out by itself
                yield Ask("release", (place,), (token,))

    def renew(self) -> Generator[Effect, Any, None]:
        """One round: renew what was there in the round before. What Redis gave to somebody else is held no more."""
        for token, place in tuple(self._held.items()):
            rounds = self._rounds[token] = self._rounds.get(token, 0) + 1
            if (
                token not in self._held
                or rounds > _MOST_ROUNDS
                or (rounds > 1 and not (yield from self._renew(token, place)))
            ):
                self.drop(token)

    def _renew(self, token: str, place: str) -> Generator[Effect, Any, bool]:
        try:
            return bool((yield Ask("renew", (place,), (token, max(1, int(self.seconds * 1000))))))
        except BackendUnavailable:
            return True  # the next round tries again

    def _follow(self) -> None:
        assert self._redis is not None
        wake, mine = self._wake, threading.current_thread()
        next_round = time.monotonic() + self.pause
        while True:
            wake.wait(max(0.0, next_round - time.monotonic()))
            wake.clear()
            with contextlib.suppress(Exception):  # a renewal that fails costs a second load, no more
                run(self.release(), self._redis.blocking, _nothing)
                if time.monotonic() < next_round:
                    continue
                next_round += self.pause
                run(self.renew(), self._redis.blocking, _nothing)
            with self._lock:
                if self._thread is not mine:
                    return
                if not self._held:
                    self._thread = None
                    return

    def begin_anew(self) -> None:
        """Hold nothing: in a forked child the leases are its parent's."""
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}
        self._rounds: dict[str, int] = {}
        self._void: dict[str, str] = {}
        self._wake = threading.Event()
        self._thread = None


_all: weakref.WeakSet[Leases] = weakref.WeakSet()


def _begin_anew() -> None:
    for leases in tuple(_all):
        leases.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)


def _nothing() -> None:
    pass
