"""AdaptiveLimit: as many calls at the same time as can be served well, found out while serving them.

Invariants: at most `limit` calls are under way; every admitted call is counted out exactly once; a call that says
nothing about the load (it was refused elsewhere, failed or was cancelled early) teaches nothing.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Literal, TypeVar

from mestres_perf.errors import ConfigurationError, Overloaded
from mestres_perf.resilience._adaptive import RULES, TOLERANCE, Learner, Window
from mestres_perf.resilience._part import Part, error_types, renewed_in_child, seconds_of, whole

R = TypeVar("R")
_LEAST_CALLS = 10
_MOST_CALLS = 1000


class Outcome(Enum):
    """What the end of a call says about the load."""

    SERVED = "its time counts"
    DROPPED = "there was too much load for it"
    CANCELLED = "counts only if it had already taken too long"
    SILENT = "nothing"


_SERVED = Outcome.SERVED  # to find it in an Enum takes long


class AdaptiveLimit(Part):
    """Admits as many calls at the same time as are served well, between `min` and `max`, and refuses with Overloaded.

    `rule` is "aimd" or "gradient2" (see _adaptive.py). Once in `window` seconds, or as soon as there are a thousand
    calls and not before there are ten, it compares how long calls took with how long they take without load. What
    raises one of `drops` counts as overload; any other exception says nothing. `retry_after`, in seconds, is what a
    refused caller is told.
    """

    _taken: int
    _peak: int
    _dropped: int

    def __init__(
        self,
        rule: Literal["aimd", "gradient2"] = "aimd",
        *,
        min: int = 5,  # noqa: A002 - the words of the subject, by keyword only
        max: int = 200,  # noqa: A002 - as above
        drops: type[Exception] | tuple[type[Exception], ...] = TimeoutError,
        window: float = 1.0,
        retry_after: float = 1.0,
        name: str = "adaptive limit",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for another rule, and for bounds that make no sense."""
        if rule not in RULES:
            raise ConfigurationError(f"rule={rule!r}: must be one of {', '.join(map(repr, RULES))}")
        least, most = whole("min", min, 1), whole("max", max, 1)
        if most < least:
            raise ConfigurationError(f"min={min}, max={max}: max must not be below min")
        self.rule = rule
        self.name = name
        self.retry_after = seconds_of("retry_after", retry_after)
        self._bounds = (least, most)
        self._drops = error_types("drops", drops)
        self._window = seconds_of("window", window, above=True)
        self._clock = clock
        self._learner = Learner(RULES[rule], least, most)
        self._began = clock()
        self._since = -math.inf  # calls that began earlier do not count
        self._shed = 0
        self.start_anew()
        renewed_in_child(self)

    def __repr__(self) -> str:
        return f"AdaptiveLimit({self.rule!r}, min={self._bounds[0]}, max={self._bounds[1]})"

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return int(self._learner.limit)

    @property
    def under_way(self) -> int:
        """How many are."""
        return self._taken

    @property
    def shed(self) -> int:
        """How many were refused."""
        return self._shed

    def acquire(self) -> float:
        """Admit a call: returns when it began, for `release`. Raises Overloaded."""
        with self._lock:
            taken = self._taken + 1
            if taken > self._learner.limit:
                self._shed += 1
                raise Overloaded(self.name, self.limit, self.retry_after)
            self._taken = taken
            self._peak = max(self._peak, taken)
            return self._clock()

    def release(self, began: float, outcome: Outcome = _SERVED) -> None:
        """The call that was admitted at `began` has ended."""
        with self._lock:
            self._taken -= 1
            now = self._clock()
            took = now - began
            if began < self._since or (outcome is not _SERVED and not self._says_something(outcome, took)):
                return
            self._took.append(took)
            count = len(self._took)
            if count >= _MOST_CALLS or (count >= _LEAST_CALLS and now - self._began >= self._window):
                self._learn(now)

    def outcome_of(self, error: BaseException) -> Outcome:
        """What a call that ended with this error says about the load."""
        if isinstance(error, self._drops):
            return Outcome.DROPPED
        return Outcome.CANCELLED if isinstance(error, asyncio.CancelledError) else Outcome.SILENT

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it. Raises Overloaded."""
        began = self.acquire()
        outcome = Outcome.SERVED
        try:
            return function(*arguments, **named)
        except BaseException as error:
            outcome = self.outcome_of(error)
            raise
        finally:
            self.release(began, outcome)

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it. Raises Overloaded."""
        began = self.acquire()
        outcome = Outcome.SERVED
        try:
            return await function(*arguments, **named)
        except BaseException as error:
            outcome = self.outcome_of(error)
            raise
        finally:
            self.release(began, outcome)

    def start_anew(self) -> None:
        """In a child process nobody is under way; what was learned stays."""
        self._lock = threading.Lock()
        self._taken = self._peak = self._dropped = 0
        self._took: list[float] = []

    def _says_something(self, outcome: Outcome, took: float) -> bool:
        if outcome is Outcome.CANCELLED:
            baseline = self._learner.baseline
            return baseline is not None and took > TOLERANCE * baseline
        self._dropped += outcome is Outcome.DROPPED
        return outcome is Outcome.DROPPED

    def _learn(self, now: float) -> None:
        self._learner.learn(Window(statistics.median(self._took), len(self._took), self._dropped, self._peak))
        self._took = []
        self._dropped = 0
        self._peak = self._taken
        self._began = now
        self._since = now if self._learner.is_probing else -math.inf
