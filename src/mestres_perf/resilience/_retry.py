"""Retry: try again what fails for a moment, and only that.

Invariants: a call is made at most `attempts` times; inside the attempts of one Retry every other one calls once, so
that layers do not multiply; nothing is tried again after a cancellation, an open circuit or the deadline; what the last
attempt raised reaches the caller unchanged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from mestres_perf.errors import CircuitOpenError, ConfigurationError, DeadlineExceeded
from mestres_perf.resilience._backoff import asked_pause, longest_pause
from mestres_perf.resilience._budget import RetryBudget
from mestres_perf.resilience._deadline import current, over
from mestres_perf.resilience._part import Part, error_types, seconds_of, whole
from mestres_perf.resilience._windows import Tally

R = TypeVar("R")
_NEVER: Final = (CircuitOpenError, DeadlineExceeded)
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110, 9.2.2


class _Attempts:
    """The attempts of one call. A task that outlives them sees that they are over."""

    __slots__ = ("made", "under_way")

    def __init__(self) -> None:
        self.made = 1
        self.under_way = True


_attempts: ContextVar[_Attempts | None] = ContextVar("mestres_attempts", default=None)


class Retry(Part):
    """Calls again, `attempts` times in all, what raises one of `on` or returns what `on_result` calls a failure.

    Between two attempts it waits, evenly at random, up to `backoff` seconds, twice as much after each attempt, up to
    `max_backoff`. What asks for more (`retry_after` of an error, a Retry-After header of an error's response or of the
    result) is left alone for so long, up to `max_retry_after`. `budget` bounds what all who share it repeat.
    `repeatable` is asked, with the arguments of a call that failed, whether it may be made again. `name` is for
    metrics.

    It does not wait beyond a `deadline`, and async attempts are cut by it (DeadlineExceeded); a plain one can ask
    `deadline.remaining()`. The rest is for tests: how to wait, chance, and the time of day in seconds since 1970.
    """

    def __init__(
        self,
        attempts: int = 3,
        *,
        on: type[Exception] | tuple[type[Exception], ...],
        on_result: Callable[[Any], bool] | None = None,
        repeatable: Callable[..., bool] | None = None,
        backoff: float = 0.1,
        max_backoff: float = 5.0,
        max_retry_after: float = 10.0,
        budget: RetryBudget | None = None,
        name: str = "retry",
        sleep: Callable[[float], object] = time.sleep,
        asleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigurationError for no attempt, for times below 0 and for what is no exception."""
        self.attempts = whole("attempts", attempts, 1)
        self.on = error_types("on", on)
        self.backoff = seconds_of("backoff", backoff)
        self.max_backoff = seconds_of("max_backoff", max_backoff)
        self.max_retry_after = seconds_of("max_retry_after", max_retry_after)
        if budget is not None and not isinstance(budget, RetryBudget):
            raise ConfigurationError(f"budget={budget!r}: must be a RetryBudget(ratio, min_per_s)")
        self.budget = budget
        self.name = name
        self._repeated, self._given_up, self._unpaid = Tally(), Tally(), Tally()
        self._on_result = on_result
        self._repeatable = repeatable
        self._sleep = sleep
        self._asleep = asleep
        self._chance = chance
        self._now = now

    def __repr__(self) -> str:
        names = " | ".join(each.__name__ for each in self.on)
        budget = f", budget={self.budget}" if self.budget is not None else ""
        return f"Retry({self.attempts}, on={names}{budget})"

    @property
    def repeated(self) -> int:
        """How many attempts were made after a first one."""
        return self._repeated.read()

    @property
    def given_up(self) -> int:
        """How many calls failed for want of attempts, time or budget."""
        return self._given_up.read()

    @property
    def unpaid(self) -> int:
        """How many attempts the budget did not allow."""
        return self._unpaid.read()

    def longest(self, inner: float) -> float:
        """Every attempt, and the longest pause after each but the last."""
        pauses = (
            max(self.max_retry_after, longest_pause(made, base=self.backoff, most=self.max_backoff))
            for made in range(1, self.attempts)
        )
        return self.attempts * inner + sum(pauses)

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it. Raises what the last attempt raised, and DeadlineExceeded when there is no time for the first."""
        outer = _attempts.get()
        if outer is not None and outer.under_way:
            return function(*arguments, **named)
        self._begin()
        mine = _Attempts()
        _attempts.set(mine)
        try:
            while True:
                try:
                    result = function(*arguments, **named)
                except self.on as error:
                    pause = self._after(mine, error, arguments, named)
                    if pause is None:
                        raise
                else:
                    if self._on_result is None or not self._on_result(result):
                        return result
                    pause = self._after(mine, result, arguments, named)
                    if pause is None:
                        return result
                self._sleep(pause)
        finally:
            mine.under_way = False
            _attempts.set(outer)  # and not `reset`: a coroutine may be closed in another context

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it. Raises what the last attempt raised, and DeadlineExceeded when the time was over before its end."""
        outer = _attempts.get()
        if outer is not None and outer.under_way:
            return await function(*arguments, **named)
        self._begin()
        mine = _Attempts()
        _attempts.set(mine)
        try:
            while True:
                try:
                    if current() is None:
                        result = await function(*arguments, **named)
                    else:
                        result = await _in_time(function(*arguments, **named))
                except self.on as error:
                    pause = self._after(mine, error, arguments, named)
                    if pause is None:
                        raise
                else:
                    if self._on_result is None or not self._on_result(result):
                        return result
                    pause = self._after(mine, result, arguments, named)
                    if pause is None:
                        return result
                await self._asleep(pause)
        finally:
            mine.under_way = False
            _attempts.set(outer)  # and not `reset`: a coroutine may be closed in another context

    def _begin(self) -> None:
        limit = current()
        if limit is not None and limit.left() <= 0:
            raise over()
        if self.budget is not None:
            self.budget.deposit()

    def _after(
        self, mine: _Attempts, outcome: object, arguments: tuple[Any, ...], named: Mapping[str, Any]
    ) -> float | None:
        """How long to wait before the next attempt; None when there shall be none."""
        if isinstance(outcome, _NEVER):
            return None
        if mine.made < self.attempts:
            if self._repeatable is not None and not self._repeatable(*arguments, **named):
                return None
            pause = self._affordable_pause(mine, outcome)
            if pause is not None:
                mine.made += 1
                next(self._repeated.numbers)
                return pause
        next(self._given_up.numbers)
        return None

    def _affordable_pause(self, mine: _Attempts, outcome: object) -> float | None:
        """Seconds; None when there is no time for it, or no budget."""
        pause = self._chance() * longest_pause(mine.made, base=self.backoff, most=self.max_backoff)
        asked = asked_pause(outcome, now=self._now())
        if asked is not None:
            pause = max(pause, min(asked, self.max_retry_after))
        limit = current()
        if limit is not None and pause >= limit.left():
            return None
        if self.budget is not None and not self.budget.withdraw():
            next(self._unpaid.numbers)
            return None
        return pause


async def _in_time(attempt: Awaitable[R]) -> R:
    """Raises DeadlineExceeded when the deadline in force cuts it; a TimeoutError of its own stays what it is."""
    limit = current()
    assert limit is not None
    cut = asyncio.timeout(max(0.0, limit.left()))
    try:
        async with cut:
            return await attempt
    except TimeoutError as error:
        if cut.expired():
            raise over() from error
        raise


def repeatable_request(method: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether an HTTP request may be sent twice: its method is idempotent, or it carries an Idempotency-Key."""
    return method.upper() in _IDEMPOTENT or any(name.lower() == "idempotency-key" for name in headers or ())
