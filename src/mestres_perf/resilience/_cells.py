"""What a rate limit remembers of each key, in this process: one number, for a bounded number of keys.

Algorithm: the generic cell rate algorithm (ITU-T I.371). Invariant: over any stretch of time a key is admitted at most
`burst` times plus `rate` times its seconds, as long as it is remembered; who was seen longest ago is forgotten first.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from mestres_perf.errors import ConfigurationError

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|min|m|h)\s*(?:;\s*burst\s+([0-9]+)\s*)?")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in `seconds`, and `burst` at once on top of an even flow."""

    count: float
    seconds: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds between two calls of an even flow."""
        return self.seconds / self.count

    def shared_by(self, workers: int) -> Rate:
        """What each of so many processes may admit, so that together they admit this."""
        return Rate(self.count / workers, self.seconds, max(1, self.burst // workers))


def read_rate(text: object, burst: int | None) -> Rate:
    """A rate as people write it: "100/s", "10/min; burst 20". Raises ConfigurationError."""
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or not float(found[1]):
        raise ConfigurationError(
            f"rate={text!r}: must be a number above 0 by s, min (or m) or h, such as '10/s' or '300/min; burst 20'"
        )
    if found[3] is not None and burst is not None:
        raise ConfigurationError(f"rate={text!r}, burst={burst!r}: say the burst once")
    count = float(found[1])
    most = int(found[3]) if found[3] is not None else burst
    if most is None:
        most = max(1, int(count))
    elif type(most) is not int or most < 1:
        raise ConfigurationError(f"burst={most!r}: must be at least 1, or nothing would ever be admitted")
    return Rate(count, _UNITS[found[2]], most)


class Cells:
    """The keys of one limit. Times are seconds."""

    def __init__(self, rate: Rate, most: int, clock: Callable[[], float]) -> None:
        self._interval = rate.interval
        self._tolerance = (rate.burst - 1) * self._interval
        # A rounding error must not turn "now" into a wait of nanoseconds.
        self._least = self._interval * 1e-6
        self._most = most
        self._clock = clock
        self._idle_at: OrderedDict[Hashable, float] = OrderedDict()
        self.admitted = self.limited = 0
        """How many calls, so far."""
        self.start_anew()

    def __len__(self) -> int:
        return len(self._idle_at)

    def take(self, key: Hashable) -> float:
        """Admit one call of `key`: 0.0 when it may go on, else how long it has to wait."""
        return self.take_and_tell(key)[0]

    def take_and_tell(self, key: Hashable) -> tuple[float, float]:
        """The same, and after how long all of the burst of `key` is there again."""
        idle_at = self._idle_at
        with self._lock:
            now = self._clock()
            if key in idle_at:
                idle_at.move_to_end(key)
                at = idle_at[key]
                if at <= now:
                    at = now
                elif at - now - self._tolerance > self._least:
                    self.limited += 1
                    return at - now - self._tolerance, at - now
                at += self._interval
                idle_at[key] = at
                self.admitted += 1
                return 0.0, at - now
            idle_at[key] = now + self._interval
            self.admitted += 1
            if len(idle_at) > self._most:
                idle_at.popitem(last=False)
            return 0.0, self._interval

    def start_anew(self) -> None:
        """In a child process whoever held the lock is not there."""
        self._lock = threading.Lock()
