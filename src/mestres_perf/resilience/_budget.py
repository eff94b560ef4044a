"""RetryBudget: how many calls may be repeated in all, so that an outage is not made worse by those who try again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience._part import renewed_in_child

_MOST_SAVED = 100.0


class RetryBudget:
    """Allows `ratio` repeated calls for each call, and `min_per_s` a second besides; shared by all who are given it.

    What was not used is saved, up to 100 repeated calls (or ten seconds of `min_per_s`, if that is more). Invariant:
    of n calls at most `n * ratio`, plus `min_per_s` for each second and one second more, plus what was saved, are
    repeated. Source: the retry budget of Finagle, as a token bucket.
    """

    def __init__(
        self, ratio: float = 0.1, min_per_s: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises ConfigurationError for what is below 0, and when both are 0: then nothing could ever be repeated."""
        for label, given in (("ratio", ratio), ("min_per_s", min_per_s)):
            if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given < float("inf"):
                raise ConfigurationError(f"{label}={given!r}: must be a number of at least 0")
        if not ratio and not min_per_s:
            raise ConfigurationError("ratio=0, min_per_s=0: one must be above 0, or nothing is ever tried again")
        self.ratio = ratio
        self.min_per_s = min_per_s
        self._most = max(_MOST_SAVED, 10 * min_per_s)
        self._saved = float(min_per_s)
        self._clock = clock
        self._seen = clock()
        self.start_anew()
        renewed_in_child(self)

    def __repr__(self) -> str:
        return f"RetryBudget({self.ratio:g}, {self.min_per_s:g})"

    @property
    def saved(self) -> float:
        """How many calls could be repeated now."""
        with self._lock:
            self._refill()
            return self._saved

    def deposit(self) -> None:
        """A call has been made."""
        with self._lock:
            self._saved += self.ratio  # bounded when it is next looked at

    def withdraw(self) -> bool:
        """Whether a call may be repeated; if so it has been counted."""
        with self._lock:
            self._refill()
            # A rounding error must not keep back what ten deposits of 0.1 have paid for.
            if self._saved < 1.0 - 1e-9:
                return False
            self._saved = max(0.0, self._saved - 1.0)
            return True

    def start_anew(self) -> None:
        """In a child process whoever held the lock is not there."""
        self._lock = threading.Lock()

    def _refill(self) -> None:
        now = self._clock()
        self._saved = min(self._most, self._saved + self.min_per_s * max(0.0, now - self._seen))
        self._seen = now
