"""A TTL that follows how often a key is asked for, or how often its value really changes.

The counters are bounded twice: so many keys, and for each the same few numbers however often it is asked for.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

from mestres_perf.errors import ConfigurationError

HOUR = 3600.0
_BUCKETS = 12
_CHANCES = 8
_MOST_CHECKS = 200


@dataclass(frozen=True, slots=True)
class Adaptive:
    """A TTL that is found out, wherever a TTL is taken: `Cache(ttl=Adaptive())`.

    `mode="hits"` looks at the requests for a key in the last hour. `table` has (more than so many requests, seconds)
    from the most to the fewest; `otherwise` are the seconds of all the rest. A request counts whether it finds a value
    or loads one, in the process that makes it. The hour slides on in steps of five minutes: nothing older counts.

    `mode="changes"` looks at the values of a function, or of a cache: how often loading anew has brought another one.
    The TTL is as long as a value stays the same with a chance of `1 - max_stale`, from `shortest` to `longest` seconds;
    what never changes is kept longest, however few ask for it. Raises ConfigurationError.
    """

    table: tuple[tuple[int, float], ...] = ((100, 3600.0), (50, 1800.0), (10, 600.0))
    otherwise: float = 300.0
    mode: Literal["hits", "changes"] = "hits"
    max_stale: float = 0.05
    shortest: float = 5.0
    longest: float = 3600.0

    def __post_init__(self) -> None:
        if self.mode not in ("hits", "changes"):
            raise ConfigurationError(f'the mode of Adaptive is "hits" or "changes", not {self.mode!r}')
        if not 0 < self.max_stale < 1:
            raise ConfigurationError(f"max_stale is a chance between 0 and 1, not {self.max_stale!r}")
        if not 0 < self.shortest <= self.longest:
            raise ConfigurationError(
                f"shortest and longest are seconds above zero, in this order, not {self.shortest!r}, {self.longest!r}"
            )
        requests = [row[0] for row in self.table]
        if requests != sorted(set(requests), reverse=True) or any(number < 0 for number in requests):
            raise ConfigurationError(
                "an Adaptive table goes down, from the most requests to the fewest, as in ((100, 3600), (10, 600)), "
                f"not {self.table!r}"
            )
        for seconds in (self.otherwise, *(row[1] for row in self.table)):
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
                raise ConfigurationError(f"an Adaptive TTL is a number of seconds above zero, not {seconds!r}")

    def seconds(self, requests: int) -> float:
        """The TTL of a key that was asked for so many times in the last hour."""
        return float(next((seconds for more_than, seconds in self.table if requests > more_than), self.otherwise))

    def by_changes(self, changed: Changed) -> float:
        """The TTL of a value of a family that changes so often. `otherwise` before anything is known."""
        if not changed.checks:
            return min(max(self.otherwise, self.shortest), self.longest)
        rate = changed.rate
        ttl = -math.log(1.0 - self.max_stale) / rate if rate > 0 else self.longest
        return min(max(ttl, self.shortest), self.longest)


class Changed:
    """How often the values of one family were loaded anew, how often they had changed, over how many seconds."""

    __slots__ = ("changes", "checks", "seconds")

    def __init__(self) -> None:
        self.checks = self.changes = self.seconds = 0.0

    @property
    def rate(self) -> float:
        """Changes a second.

        Cho, Garcia-Molina: "Estimating frequency of change", ACM TOIT 3(3), 2003: looking at regular times and counting
        how often something differs misses the changes between two looks; this estimator does not. 0 before the first.
        """
        if not self.checks:
            return 0.0
        every = self.seconds / self.checks
        return -math.log((self.checks - self.changes + 0.5) / (self.checks + 0.5)) / every


class Changes:
    """What is known of the changes of each family, for at most `most` of them; the one not heard of longest goes."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._families: OrderedDict[str, Changed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._families)

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    def observe(self, family: str, elapsed: float, *, changed: bool) -> None:
        """A value of the family was loaded anew `elapsed` seconds after it had been."""
        with self._lock:
            known = self._families.setdefault(family, Changed())
            self._families.move_to_end(family)
            known.checks += 1
            known.changes += changed
            known.seconds += elapsed
            if known.checks >= _MOST_CHECKS:  # what was long ago counts less and less
                known.checks, known.changes, known.seconds = known.checks / 2, known.changes / 2, known.seconds / 2
            if len(self._families) > self._most:
                self._families.popitem(last=False)

    def of(self, family: str) -> Changed:
        """What is known of a family."""
        return self._families.get(family) or Changed()


class _Counter:
    """The requests for one key, in buckets of five minutes. `last` is the number of the bucket counted in last."""

    __slots__ = ("buckets", "last")

    def __init__(self, bucket: int) -> None:
        self.buckets = [0] * _BUCKETS
        self.last = bucket

    def move_to(self, bucket: int) -> None:
        """Forget what is an hour old."""
        for passed in range(self.last + 1, min(bucket, self.last + _BUCKETS) + 1):
            self.buckets[passed % _BUCKETS] = 0
        self.last = max(self.last, bucket)  # a thread that read the clock earlier may come later


class Requests:
    """How often each key was asked for in the last hour, for at most `most` keys.

    One lock guards it, and only caches with an adaptive TTL come here. When it is full the oldest key goes, but one
    that is in demand gets another round: a scan over many keys does not wash out the popular ones.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._counters: dict[Hashable, _Counter] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._counters

    def __len__(self) -> int:
        return len(self._counters)

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    def count(self, key: Hashable) -> None:
        """One more."""
        bucket = self._bucket()
        with self._lock:
            self._moved(key, bucket).buckets[bucket % _BUCKETS] += 1

    def follow(self, key: Hashable) -> int:
        """How many there were in the last hour; from now on the key is known."""
        bucket = self._bucket()
        with self._lock:
            return sum(self._moved(key, bucket).buckets)

    def of(self, key: Hashable) -> int:
        """How many there were in the last hour."""
        return self.follow(key) if key in self else 0

    def _bucket(self) -> int:
        return int(self._clock() // (HOUR / _BUCKETS))

    def _moved(self, key: Hashable, bucket: int) -> _Counter:
        counter = self._counters.get(key)
        if counter is None:
            if len(self._counters) >= self._most:
                self._make_room(bucket)
            counter = self._counters[key] = _Counter(bucket)
        counter.move_to(bucket)
        return counter

    def _make_room(self, bucket: int) -> None:
        for _ in range(_CHANCES):
            key, counter = next(iter(self._counters.items()))
            del self._counters[key]
            counter.move_to(bucket)
            if sum(counter.buckets) <= 1:
                return
            self._counters[key] = counter
        del self._counters[next(iter(self._counters))]
