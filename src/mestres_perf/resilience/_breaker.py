"""CircuitBreaker: stop calling what keeps failing, and find out now and then whether it has recovered.

Invariants: in half-open at most one call runs per probe time; a result counts only for the period in which its call
began, so a slow call from before cannot close or open anything; the protected function never runs under the lock; what
it raises reaches the caller unchanged.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from mestres_perf._kernel.calls import Colour, colour_of
from mestres_perf.errors import CircuitOpenError, ConfigurationError
from mestres_perf.resilience._states import TRANSITIONS, State

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Listener = Callable[["CircuitBreaker", State, State], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A breaker at one moment. `retry_after` is seconds, 0 when calls pass; the rest count calls since it was made."""

    name: str
    state: State
    consecutive_failures: int
    retry_after: float
    successes: int
    failures: int
    rejections: int


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row, and lets one call try again after `reset_timeout` seconds.

    Use it as a decorator (of functions, async functions, generators of both colours, methods), with `call` and `acall`,
    or as a context manager. An Exception is a failure unless `ignore` names it; KeyboardInterrupt, cancellation and the
    like count neither way. A probe that never comes back is given up after `probe_timeout` seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        failure_threshold: int = 5,
        reset_timeout: float = 60.0,
        probe_timeout: float | None = None,
        ignore: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for a threshold below 1 or a time that is not above zero."""
        if type(failure_threshold) is not int or failure_threshold < 1:
            raise ConfigurationError(
                f"failure_threshold must be a whole number of at least 1, not {failure_threshold!r}"
            )
        for label, seconds in (("reset_timeout", reset_timeout), ("probe_timeout", probe_timeout or reset_timeout)):
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
                raise ConfigurationError(f"{label} must be seconds above zero, not {seconds!r}")
        self.name = name
        self._threshold = failure_threshold
        self._reset_timeout = reset_timeout
        self._probe_timeout = probe_timeout or reset_timeout
        self._ignore = ignore
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._period = 0  # grows with every transition and every probe: a permit of an older one counts for nothing
        self._blocked_until = 0.0
        self._in_a_row = 0
        self._successes = self._failures = self._rejections = 0
        self._listeners: list[Listener] = []
        self._held: ContextVar[tuple[int, ...]] = ContextVar(f"breaker_{name}", default=())

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r}, state={self._state.value!r})"

    def __call__(self, function: F) -> F:
        """Decorate; the function keeps its signature and its colour."""
        wrap = {
            Colour.SYNC: self._wrap,
            Colour.ASYNC: self._wrap_async,
            Colour.GENERATOR: self._wrap_generator,
            Colour.ASYNC_GENERATOR: self._wrap_async_generator,
        }[colour_of(function)]
        return cast("F", wrap(function))

    def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Call it through the breaker. Raises CircuitOpenError, and what it raises."""
        with _Permit(self):
            return function(*arguments, **named)

    async def acall(self, function: Callable[P, Awaitable[R]], *arguments: P.args, **named: P.kwargs) -> R:
        """Await it through the breaker. Raises CircuitOpenError, and what it raises."""
        with _Permit(self):
            return await function(*arguments, **named)

    def __enter__(self) -> Self:
        self._held.set((*self._held.get(), self._acquire()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        *outer, period = self._held.get()
        self._held.set(tuple(outer))
        self._settle(period, error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)

    @property
    def state(self) -> State:
        """The state now; an open breaker becomes half_open with the next call after its time."""
        return self._state

    def snapshot(self) -> Snapshot:
        """State and counts, all of one moment."""
        with self._lock:
            blocked = self._state is State.OPEN
            left = max(0.0, self._blocked_until - self._clock()) if blocked else 0.0
            return Snapshot(
                self.name, self._state, self._in_a_row, left, self._successes, self._failures, self._rejections
            )

    def force_open(self) -> None:
        """Refuse every call until `reset`."""
        self._tell(self._move_locked(State.FORCED_OPEN))

    def reset(self) -> None:
        """Close, and forget the failures in a row."""
        self._tell(self._move_locked(State.CLOSED))

    def on_transition(self, listener: Listener) -> None:
        """Call `listener(breaker, before, after)` after each transition, outside the lock; what it raises is logged."""
        self._listeners.append(listener)

    def _acquire(self) -> int:
        period = self._period  # read before the state: if it moves in between, this call belongs to the period before
        if self._state is State.CLOSED:
            return period
        moved = None
        with self._lock:
            now = self._clock()
            if self.state is State.CLOSED:
                return self._period
            free = self._state is not State.FORCED_OPEN and now >= self._blocked_until
            if not free:
                self._rejections += 1
                left = self._blocked_until - now if self._state is not State.FORCED_OPEN else self._reset_timeout
                raise CircuitOpenError(self.name, max(0.0, left))
            if self._state is State.OPEN:
                moved = self._move(State.HALF_OPEN)
            # One probe; when it does not come back in time the next caller is one, and this one counts for nothing.
            self._blocked_until = now + self._probe_timeout
            self._period += 1
            period = self._period
        self._tell(moved)
        return period

    def _settle(self, period: int, error: BaseException | None) -> None:
        if error is None:
            self._tell(self._succeeded(period))
        elif isinstance(error, Exception) and not isinstance(error, self._ignore):
            self._tell(self._failed(period))
        else:
            self._released(period)

    def _succeeded(self, period: int) -> tuple[State, State] | None:
        with self._lock:
            self._successes += 1
            if period != self._period:
                return None
            self._in_a_row = 0
            return self._move(State.CLOSED) if self._state is State.HALF_OPEN else None

    def _failed(self, period: int) -> tuple[State, State] | None:
        with self._lock:
            self._failures += 1
            if period != self._period:
                return None
            self._in_a_row += 1
            if self._state is State.HALF_OPEN or self._in_a_row >= self._threshold:
                self._blocked_until = self._clock() + self._reset_timeout
                return self._move(State.OPEN)
            return None

    def _released(self, period: int) -> None:
        """A probe that was cancelled has found nothing out: the next caller is one."""
        with self._lock:
            if period == self._period and self._state is State.HALF_OPEN:
                self._blocked_until = self._clock()

    def _move_locked(self, target: State) -> tuple[State, State] | None:
        with self._lock:
            return self._move(target)

    def _move(self, target: State) -> tuple[State, State] | None:
        before = self._state
        if target not in TRANSITIONS[before]:
            return None
        self._state = target
        self._period += 1
        if target is State.CLOSED:
            self._in_a_row = 0
        return before, target

    def _tell(self, moved: tuple[State, State] | None) -> None:
        if moved is None:
            return
        for listener in self._listeners:
            try:
                listener(self, *moved)
            except Exception:  # noqa: BLE001 - a listener is no part of the call
                _log.exception("a listener of breaker %s failed", self.name)

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*arguments: Any, **named: Any) -> Any:
            with _Permit(self):
                return function(*arguments, **named)

        return guarded

    def _wrap_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def guarded(*arguments: Any, **named: Any) -> Any:
            with _Permit(self):
                return await function(*arguments, **named)

        return guarded

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*arguments: Any, **named: Any) -> Any:
            with _Permit(self):
                return (yield from function(*arguments, **named))

        return guarded

    def _wrap_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def guarded(*arguments: Any, **named: Any) -> Any:
            with _Permit(self):
                inner = function(*arguments, **named)
                step = inner.asend(None)
                try:
                    while True:
                        item = await step
                        try:
                            sent = yield item
                        except GeneratorExit:
                            raise
                        except BaseException as error:  # noqa: BLE001 - thrown in from outside: the function decides
                            step = inner.athrow(error)
                        else:
                            step = inner.asend(sent)
                except StopAsyncIteration:
                    return
                finally:
                    await inner.aclose()

        return guarded


class _Permit:
    """One call. It is not the breaker itself: calls nest and run side by side."""

    __slots__ = ("_breaker", "_period")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker

    def __enter__(self) -> None:
        self._period = self._breaker._acquire()  # noqa: SLF001 - the two halves of one thing

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._breaker._settle(self._period, error)  # noqa: SLF001
