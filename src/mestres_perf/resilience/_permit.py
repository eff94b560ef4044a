"""The right to make one call, asked for and settled in two steps."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from mestres_perf.resilience._machine import Machine

_NOTHING = object()


class Permit:
    """One call that may run. The first of `success`, `failure` and `release` counts; what follows changes nothing.

    As a context manager it settles itself: by what the block raises.
    """

    __slots__ = ("_began", "_machine", "_period", "_unsettled")

    def __init__(self, machine: Machine, *, timed: bool = True) -> None:
        """Raises CircuitOpenError."""
        self._machine = machine
        passing = machine.passing
        self._period = machine.admit() if passing is None else passing
        watches = passing is None or machine.rules.slow_after is not None
        self._began = machine.clock() if timed and watches else None
        self._unsettled = [True]  # to pop is one indivisible operation

    def success(self, result: Any = _NOTHING) -> None:
        """It has done what it should; `failure_if` looks at `result` when it is given."""
        if self._settles():
            if result is _NOTHING:
                self._machine.succeeded(self._period, self._seconds())
            else:
                self._machine.returned(self._period, result, self._seconds())

    def failure(self, error: BaseException | None = None) -> None:
        """It has failed. An error that the breaker ignores, or that is no Exception, counts neither way."""
        if self._settles():
            if error is None:
                self._machine.failed(self._period, self._seconds())
            else:
                self._machine.raised(self._period, error, self._seconds())

    def release(self) -> None:
        """It was not made, or found nothing out: it counts neither way, and the next caller may be a probe."""
        if self._settles():
            self._machine.released(self._period)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.success()
        else:
            self.failure(error)

    def _settles(self) -> bool:
        try:
            return self._unsettled.pop()
        except IndexError:
            return False

    def _seconds(self) -> float:
        return 0.0 if self._began is None else self._machine.clock() - self._began
