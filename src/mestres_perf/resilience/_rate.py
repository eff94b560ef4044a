"""A rate limit for each key, in this process's memory.

Invariant: over any stretch of time a key is admitted at most `burst` times plus `rate` times its seconds. Algorithm:
the generic cell rate algorithm (ITU-T I.371), which keeps one number a key: when it would be idle again.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Hashable

from mestres_perf.errors import ConfigurationError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)/([smh])")
_MOST_KEYS = 100_000


class RateLimit:
    """Admits `rate` calls of each key ("10/s", "300/m", "1000/h"), and `burst` at once on top of an even flow.

    `burst` is by default what the rate allows in one of its units, 300 for "300/m", and at least 1. At most `max_keys`
    keys are remembered: beyond that those that are idle go first, then the oldest, which may then burst again. Raises
    ConfigurationError.
    """

    def __init__(
        self,
        rate: str,
        *,
        burst: int | None = None,
        max_keys: int = _MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        count, seconds = _read(rate)
        self.burst = max(1, int(count)) if burst is None else burst
        if self.burst < 1:
            raise ConfigurationError(f"burst={burst!r}: must be at least 1, or nothing would ever be admitted")
        if max_keys < 1:
            raise ConfigurationError(f"max_keys={max_keys!r}: must be at least 1")
        self.rate = rate
        self._interval = seconds / count
        self._tolerance = (self.burst - 1) * self._interval
        self._max_keys = max_keys
        self._clock = clock
        self._idle_at: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def acquire(self, key: Hashable = "") -> float:
        """Admit one call of `key`: 0.0 when it may go on, else how many seconds from now it may."""
        with self._lock:
            now = self._clock()
            idle_at = max(self._idle_at.get(key, now), now)
            wait = idle_at - now - self._tolerance
            # A rounding error must not turn "now" into a wait of nanoseconds.
            if wait > self._interval * 1e-6:
                return wait
            self._idle_at[key] = idle_at + self._interval
            if len(self._idle_at) > self._max_keys:
                self._forget(now)
            return 0.0

    def _forget(self, now: float) -> None:
        busy = {key: idle_at for key, idle_at in self._idle_at.items() if idle_at > now}
        # Half of them, so that this does not happen again at the next call.
        surplus = len(busy) - self._max_keys // 2
        for key in list(busy)[: max(0, surplus)]:
            del busy[key]
        self._idle_at = busy


def _read(rate: str) -> tuple[float, float]:
    """How many, in how many seconds."""
    found = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if found is None or not float(found[1]):
        raise ConfigurationError(f"rate={rate!r}: must be a number above 0 by s, m or h, such as '10/s' or '300/m'")
    return float(found[1]), _UNITS[found[2]]
