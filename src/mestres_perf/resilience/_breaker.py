"""CircuitBreaker: stop calling what keeps failing, and find out now and then whether it has recovered."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import CoroutineType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience._guard import compiled, guarded
from mestres_perf.resilience._machine import Machine, Snapshot
from mestres_perf.resilience._open_time import OpenTime
from mestres_perf.resilience._permit import Permit
from mestres_perf.resilience._rules import rules_of
from mestres_perf.resilience._sharing import SharedState
from mestres_perf.resilience._states import State
from mestres_perf.resilience._windows import CountWindow, TimeWindow

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Listener = Callable[["CircuitBreaker", State, State], None]
_entered: ContextVar[tuple[tuple[CircuitBreaker, Permit], ...]] = ContextVar("mestres_breakers_entered", default=())


class CircuitBreaker:
    """Opens when a dependency keeps failing, and lets a few calls try again after `reset_timeout` seconds.

    It opens after `failure_threshold` failures in a row (5), or, when `failure_rate` or `slow_after` is given, when
    that share of the calls in `window` has failed, or the share `slow_rate` (1.0) took `slow_after` seconds or longer,
    once there are `min_calls` (20). Given both, whichever comes first.

    `reset_timeout` may be an `OpenTime`, which grows while probes fail. Half-open, `probes` calls run: when all have
    succeeded it closes, when one fails or is slow it opens again. Those not back after `probe_timeout` seconds (by
    default the first open time) are given up, and others may try.

    An Exception is a failure when it is one of `record`, and a success otherwise: the dependency has answered. What
    `ignore` names, KeyboardInterrupt, cancellation and the like count neither way. `failure_if(result)` says whether a
    value that was returned is a failure. A call that was cut off by the deadline of its caller counts neither way, for
    he may have come with too little time, unless it had `hung_after` seconds (by default `slow_after`, else 1.0): then
    it is a failure. Without `slow_after` calls are timed from the first that was cut off until one succeeds, or with
    `failure_rate` until 4 / failure_rate of them have.

    With `shared` the breakers of this name in several processes advise each
    other.

    Use it as a decorator (of functions of all colours, methods, callable objects), with `call` and `acall`, as a
    context manager, or in two steps with `acquire`.
    """

    def __init__(
        self,
        name: str,
        *,
        failure_threshold: int | None = None,
        reset_timeout: float | OpenTime = 60.0,
        failure_rate: float | None = None,
        slow_rate: float | None = None,
        slow_after: float | None = None,
        hung_after: float | None = None,
        window: CountWindow | TimeWindow = CountWindow(100),  # noqa: B008 - it never changes
        min_calls: int | None = None,
        probes: int = 1,
        probe_timeout: float | None = None,
        record: tuple[type[Exception], ...] = (Exception,),
        ignore: tuple[type[Exception], ...] = (),
        failure_if: Callable[[Any], object] | None = None,
        shared: SharedState | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for an argument that makes no sense."""
        rules = rules_of(
            failure_threshold=failure_threshold,
            reset_timeout=reset_timeout,
            failure_rate=failure_rate,
            slow_rate=slow_rate,
            slow_after=slow_after,
            hung_after=hung_after,
            window=window,
            min_calls=min_calls,
            probes=probes,
            probe_timeout=probe_timeout,
            record=record,
            ignore=ignore,
            failure_if=failure_if,
        )
        self.name = name
        self._machine = Machine(name, rules, clock)
        if shared is not None:
            shared.join(self._machine)
        self._call = compiled(self._machine, is_async=False)
        self._acall = compiled(self._machine, is_async=True)

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r}, state={self.state.value!r})"

    def __call__(self, function: F) -> F:
        """Decorate; the function keeps its name, its signature and its colour."""
        return cast("F", guarded(self._machine, function))

    def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Call it through the breaker. Raises CircuitOpenError, and what it raises."""
        result = self._call(function, *arguments, **named)
        if type(result) is CoroutineType:
            result.close()
            raise ConfigurationError(f"{function!r} is async: `await breaker.acall(...)` it")
        return cast("R", result)

    async def acall(self, function: Callable[P, Awaitable[R]], *arguments: P.args, **named: P.kwargs) -> R:
        """Await it through the breaker. Raises CircuitOpenError, and what it raises."""
        result: R = await self._acall(function, *arguments, **named)
        return result

    def acquire(self) -> Permit:
        """The right to make one call, to be settled by its `success`, `failure` or `release`. Raises CircuitOpenError.

        A permit that is never settled counts for nothing; one that was a probe is given up after `probe_timeout`.
        """
        return Permit(self._machine)

    def __enter__(self) -> Self:
        _entered.set((*_entered.get(), (self, self.acquire())))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        inside = _entered.get()
        for place in reversed(range(len(inside))):
            if inside[place][0] is self:
                _entered.set(inside[:place] + inside[place + 1 :])
                inside[place][1].__exit__(kind, error, at)
                return
        # Entered in another context, as frameworks do with generators: it can count only where nothing hangs on when
        # it began.
        period = self._machine.current
        if not period.passes:
            return
        if error is None:
            self._machine.succeeded(period, 0.0)
        else:
            self._machine.raised(period, error, 0.0)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)

    @property
    def state(self) -> State:
        """The state now; an open breaker becomes half_open with the next call after its time."""
        return self._machine.current.state

    def snapshot(self) -> Snapshot:
        """State and counts, all of one moment."""
        return self._machine.snapshot()

    def force_open(self) -> None:
        """Refuse every call until `reset`."""
        self._machine.set_state(State.FORCED_OPEN)

    def disable(self) -> None:
        """Let every call pass and count nothing until `reset`."""
        self._machine.set_state(State.DISABLED)

    def metrics_only(self) -> None:
        """Let every call pass and count it, but never open, until `reset`."""
        self._machine.set_state(State.METRICS_ONLY)

    def reset(self) -> None:
        """Close, and forget what the window and the failures in a row have counted."""
        self._machine.set_state(State.CLOSED)

    def on_transition(self, listener: Listener) -> None:
        """Call `listener(breaker, before, after)` after each transition, in order, outside the lock.

        What it raises is logged and changes nothing.
        """
        self._machine.listen(lambda before, after: listener(self, before, after))
