"""Timeout: one call gets so many seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mestres_perf.errors import CallTimeout
from mestres_perf.resilience._deadline import begin, current, deadline, over, resume
from mestres_perf.resilience._part import Part, seconds_of
from mestres_perf.resilience._windows import Tally

R = TypeVar("R")


class Timeout(Part):
    """Stops an async call after `seconds` with CallTimeout, or DeadlineExceeded when the deadline around is nearer.

    No thread can be stopped from outside: a plain function is given a `deadline`, of which Bulkhead and Retry take
    notice and for which it can ask with `deadline.remaining()`; when it does not, it takes as long as it takes, and
    what it then returns is returned. `name` is for metrics.
    """

    def __init__(self, seconds: float, *, name: str = "timeout", clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigurationError for what is no time above 0."""
        self.seconds = seconds_of("seconds", seconds, above=True)
        self.name = name
        self._clock = clock
        self._expired = Tally()

    def __repr__(self) -> str:
        return f"Timeout({self.seconds:g})"

    @property
    def expired(self) -> int:
        """How many async calls were stopped."""
        return self._expired.read()

    def longest(self, inner: float) -> float:
        """`seconds` at most. A plain function must ask for it."""
        return min(inner, self.seconds)

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it with a deadline. Raises DeadlineExceeded when the time was over before."""
        outer = begin(self.seconds, self._clock)
        try:
            return function(*arguments, **named)
        finally:
            resume(outer)

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it for so long. Raises CallTimeout and DeadlineExceeded."""
        deadline.check()
        outer = current()
        is_nearest = outer is None or self.seconds < outer.left()
        with deadline(self.seconds, clock=self._clock) as mine:
            cut = asyncio.timeout(max(0.0, mine.left()))
            try:
                async with cut:
                    return await function(*arguments, **named)
            except TimeoutError as error:
                if not cut.expired():
                    raise
                next(self._expired.numbers)
                raise (CallTimeout(self.seconds) if is_nearest else over()) from error
