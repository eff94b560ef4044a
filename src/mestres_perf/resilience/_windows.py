"""What share of the last calls has failed or was slow, over the last N calls or the last N seconds.

A call that is neither failed nor slow costs one step of a counter and one comparison, without a lock; all else happens
under the lock of whoever owns the window. What is counted is exact all the same:

- The counter is `itertools.count`, whose step is one indivisible operation while there is a global interpreter lock.
  Each call draws a number; the numbers of failed and slow calls are drawn and noted under the lock. So the calls in the
  window are the numbers above its floor, in one order that everybody agrees on.
- A share can rise without the lock only by reaching the least number of calls: the call whose number is at or above
  `edge` takes the lock and weighs. `edge` is far away once that has happened, until time moves the floor.
- A floor is moved under the lock: first `edge` is set to zero, then the mover draws a number of its own, and then it
  weighs. A call reads `edge` after it has drawn: either it reads zero and weighs itself, or its number is below the
  mover's and has been weighed.

The time window keeps one-second buckets and subtracts what leaves it (the sliding windows of resilience4j).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from math import floor, inf
from typing import Any, Protocol

from mestres_perf.errors import ConfigurationError

_PREFIX = len("count(")
_FAR, _FURTHER = 2**30 - 1, 2**62
"""Edges that no number reaches for long. Python compares whole numbers of up to thirty bits faster than any others."""


class Tally:
    """A counter that counts without a lock: `next(numbers)` gives 0, 1, 2 and so on."""

    __slots__ = ("numbers",)

    def __init__(self) -> None:
        self.numbers = count()

    def read(self) -> int:
        """How many steps there have been. The counter has no reader but its repr, `count(12)`."""
        return int(repr(self.numbers)[_PREFIX:-1])


@dataclass(frozen=True, slots=True)
class Limits:
    """From which shares on it is too much, once there are at least so many calls. None: that is not looked at."""

    least: int
    failure_rate: float | None
    slow_rate: float | None


@dataclass(frozen=True, slots=True)
class Shares:
    """The calls in a window, and how many of them failed or were slow."""

    calls: int
    failed: int
    slow: int


class Window(Protocol):
    """What a breaker asks of a window. The fields are read without the lock, all else is called under it.

    `period` is whatever its owner has put there.
    """

    period: Any
    numbers: count[int]
    edge: int
    ends: float

    def record(self, now: float, *, failed: bool, slow: bool) -> bool:
        """Count a call; whether it is too much now."""
        ...

    def weigh(self, number: int) -> bool:
        """Whether it is too much, seen from the call of this number."""
        ...

    def shares(self, now: float) -> Shares:
        """What is in the window."""
        ...

    def drawn(self) -> int:
        """How many numbers have been drawn, ever."""
        ...


def _beyond(number: int) -> int:
    return _FAR if number < _FAR else _FURTHER


def _is_too_much(limits: Limits, seen: Shares) -> bool:
    return (limits.failure_rate is not None and seen.failed >= limits.failure_rate * seen.calls) or (
        limits.slow_rate is not None and seen.slow >= limits.slow_rate * seen.calls
    )


@dataclass(frozen=True, slots=True)
class CountWindow:
    """The last `calls` calls. Raises ConfigurationError unless that is a whole number of at least 1."""

    calls: int = 100

    def __post_init__(self) -> None:
        if type(self.calls) is not int or self.calls < 1:
            raise ConfigurationError(f"calls of a CountWindow must be a whole number of at least 1, not {self.calls!r}")

    def open(self, limits: Limits, now: float) -> Window:
        """An empty one."""
        del now
        return CountRing(self.calls, limits)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The last `seconds` seconds. Raises ConfigurationError unless that is a whole number of at least 1."""

    seconds: int = 10

    def __post_init__(self) -> None:
        if type(self.seconds) is not int or self.seconds < 1:
            raise ConfigurationError(
                f"seconds of a TimeWindow must be a whole number of at least 1, not {self.seconds!r}"
            )

    def open(self, limits: Limits, now: float) -> Window:
        """An empty one."""
        return TimeBuckets(self.seconds, limits, now)


class CountRing:
    """The numbers of the failed and of the slow calls among the last so many."""

    __slots__ = ("_failed", "_last", "_limits", "_size", "_slow", "_tally", "edge", "ends", "numbers", "period")

    period: Any

    def __init__(self, size: int, limits: Limits) -> None:
        self._size = size
        self._limits = limits
        self._tally = Tally()
        self._last = -1
        self._failed: deque[int] = deque()
        self._slow: deque[int] = deque()
        self.numbers = self._tally.numbers
        self.edge = limits.least - 1
        self.ends = inf

    def record(self, now: float, *, failed: bool, slow: bool) -> bool:
        """Count a call; whether it is too much now."""
        del now
        number = next(self.numbers)
        if failed:
            self._failed.append(number)
        if slow:
            self._slow.append(number)
        return self.weigh(number)

    def weigh(self, number: int) -> bool:
        """Whether it is too much, seen from the call of this number."""
        self._last = max(self._last, number)
        seen = self._seen(self._last)
        if seen.calls < self._limits.least:
            return False
        self.edge = _beyond(number)  # it holds enough now, and only a failed or slow call can make a share rise
        return _is_too_much(self._limits, seen)

    def shares(self, now: float) -> Shares:
        """What is in the window."""
        del now
        return self._seen(self._tally.read() - 1)

    def drawn(self) -> int:
        """How many numbers have been drawn, ever."""
        return self._tally.read()

    def _seen(self, last: int) -> Shares:
        for numbers in (self._failed, self._slow):
            while numbers and numbers[0] <= last - self._size:
                numbers.popleft()
        return Shares(min(last + 1, self._size), len(self._failed), len(self._slow))


class _Bucket:
    """One second: the number that its first call drew, and what failed and was slow in it."""

    __slots__ = ("failed", "first", "second", "slow")

    def __init__(self, second: int, first: int) -> None:
        self.second = second
        self.first = first
        self.failed = self.slow = 0


class TimeBuckets:
    """One bucket for each second in which something was counted; the oldest are subtracted as they leave."""

    __slots__ = (
        "_buckets",
        "_failed",
        "_last",
        "_limits",
        "_seconds",
        "_slow",
        "_tally",
        "edge",
        "ends",
        "numbers",
        "period",
    )

    period: Any

    def __init__(self, seconds: int, limits: Limits, now: float) -> None:
        self._seconds = seconds
        self._limits = limits
        self._tally = Tally()
        self._last = -1
        self._failed = self._slow = 0
        second = floor(now)
        self._buckets = deque([_Bucket(second, 0)])
        self.numbers = self._tally.numbers
        self.edge = limits.least - 1
        self.ends = float(second + 1)

    def record(self, now: float, *, failed: bool, slow: bool) -> bool:
        """Count a call; whether it is too much now. Time that goes backwards is no time at all."""
        if now >= self.ends:
            self.edge = 0  # whoever draws from now on waits for the lock, and weighs
            number = next(self.numbers)
            self._turn(floor(now), number)
        else:
            number = next(self.numbers)
        newest = self._buckets[-1]
        newest.failed += failed
        newest.slow += slow
        self._failed += failed
        self._slow += slow
        return self.weigh(number)

    def weigh(self, number: int) -> bool:
        """Whether it is too much, seen from the call of this number."""
        self._last = max(self._last, number)
        first = self._buckets[0].first
        seen = Shares(self._last + 1 - first, self._failed, self._slow)
        if seen.calls < self._limits.least:
            self.edge = first + self._limits.least - 1
            return False
        self.edge = _beyond(number)
        return _is_too_much(self._limits, seen)

    def shares(self, now: float) -> Shares:
        """What is in the window."""
        oldest = floor(now) - self._seconds
        there = [bucket for bucket in self._buckets if bucket.second > oldest]
        calls = self._tally.read() - there[0].first if there else 0
        return Shares(calls, sum(bucket.failed for bucket in there), sum(bucket.slow for bucket in there))

    def drawn(self) -> int:
        """How many numbers have been drawn, ever."""
        return self._tally.read()

    def _turn(self, second: int, number: int) -> None:
        self._buckets.append(_Bucket(second, number))
        self.ends = float(second + 1)
        while self._buckets[0].second <= second - self._seconds:
            gone = self._buckets.popleft()
            self._failed -= gone.failed
            self._slow -= gone.slow
