"""The state machine of a breaker: what may run, and what becomes of the outcome.

Invariants: every call runs in one period, the stretch between two transitions, and its outcome is told to that period;
only the current period is listened to, so a late result opens and closes nothing. A half-open period lets `probes`
calls run, and is replaced by a fresh one when they have not all come back in time. Nothing of the user's runs under
the lock.

A call that begins and succeeds in a closed breaker takes no lock (`_guard` writes it out). It is exact all the same
under the global interpreter lock: `passing` is read once, and that read is the moment the call was admitted;
`in_a_row` is read once after the call, and when it is zero that read is the moment of the success, which changes
nothing; otherwise the lock is taken. Successes are counted by a `Tally`; with a window by the numbers that they draw
from it. A period that ends sets its window's `edge` below every number and then reads how many were drawn: a success
that draws later finds itself beyond the edge, takes the lock, and is counted there.

A breaker without `slow_after` looks at no clock until a caller's deadline has cut a call off. From then on `passing`
and `window` are None, as when it is open: calls go through `admit` and are timed, until `Rules.doubts` have succeeded.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mestres_perf.errors import CircuitOpenError, DeadlineExceeded
from mestres_perf.resilience._deadline import deadline
from mestres_perf.resilience._rules import Rules
from mestres_perf.resilience._states import TRANSITIONS, State
from mestres_perf.resilience._windows import Tally, Window

Listener = Callable[[State, State], None]
_PASSING = frozenset({State.CLOSED, State.METRICS_ONLY})
_log = logging.getLogger(__name__)
_machines: weakref.WeakSet[Machine] = weakref.WeakSet()


class Sharing(Protocol):
    """What other processes know. Nothing here waits for anybody."""

    @property
    def errors(self) -> int:
        """How often Redis could not be reached."""
        ...

    def may_probe(self) -> bool:
        """Whether it is this process's turn to find out; asks for it in the background when it is not known."""
        ...

    @property
    def patience(self) -> float:
        """After how many seconds to ask again."""
        ...

    def moved(self, before: State, after: State) -> None:
        """A transition here, which others will be told of."""
        ...


@dataclass(slots=True, eq=False)
class Period:
    """From one transition to the next."""

    state: State
    until: float = 0.0
    """Open: when it ends. Half-open: when the probes are given up."""
    window: Window | None = None
    in_a_row: int = 0
    free: int = 0
    """Probes that may still begin."""
    passed: int = 0
    """Probes that have succeeded."""
    drawn: int = 0
    """How many numbers had been drawn from the window when the period ended."""
    told: bool = False
    """Opened because others are open, not by what was found here."""

    @property
    def passes(self) -> bool:
        """Whether calls need not ask."""
        return self.state in _PASSING


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A breaker at one moment. `retry_after` is seconds, 0 when calls pass.

    `successes`, `failures`, `rejections`, `ignored` (calls that counted neither way), `slow` and `opened` count since
    the breaker was made. The `window_` fields are what is in the window now. `shared_errors` counts how often Redis
    could not be reached.
    """

    name: str
    state: State
    consecutive_failures: int
    retry_after: float
    successes: int
    failures: int
    rejections: int
    ignored: int
    slow: int
    opened: int
    window_calls: int
    window_failures: int
    window_slow: int
    shared_errors: int


class Machine:
    """See above. `passing` is the current period while calls pass without a question, else None; `window` is its own.

    A function behind a breaker with windows reads only `window`, in place of `passing`, and its `period` when it must.
    """

    __slots__ = (
        "__weakref__",
        "_doubts",
        "_drawn",
        "_failures",
        "_ignored",
        "_listeners",
        "_lock",
        "_opened",
        "_probes_failed",
        "_recorded",
        "_rejections",
        "_slow",
        "_successes",
        "_teller",
        "_untold",
        "clock",
        "current",
        "name",
        "passing",
        "rejections",
        "rules",
        "sharing",
        "successes",
        "window",
    )

    def __init__(self, name: str, rules: Rules, clock: Callable[[], float]) -> None:
        self.name = name
        self.rules = rules
        self.clock = clock
        self.sharing: Sharing | None = None
        self._lock = threading.Lock()
        self._teller = threading.Lock()
        self._successes, self._rejections, self._ignored = Tally(), Tally(), Tally()
        self.successes, self.rejections = self._successes.numbers, self._rejections.numbers
        self._failures = self._slow = self._opened = self._probes_failed = self._doubts = 0
        self._drawn = self._recorded = 0  # numbers drawn in periods that have ended; those drawn under the lock, in all
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[State, State]] = deque()
        self.current = self._period_of(State.CLOSED)
        self.passing: Period | None = self.current
        self.window: Window | None = self.current.window
        _machines.add(self)

    # May it run?

    def admit(self) -> Period:
        """The period that a call runs in. Raises CircuitOpenError."""
        current = self.current
        state = current.state
        if state is State.OPEN:
            left = current.until - self.clock()
            if left > 0:
                next(self.rejections)
                raise CircuitOpenError(self.name, left)
        elif state is State.FORCED_OPEN:
            raise self._refused(self.rules.open_time.first)
        elif state is not State.HALF_OPEN:
            return current
        with self._lock:
            period = self._admitted(self.clock())
        self._tell()
        return period

    def _admitted(self, now: float) -> Period:
        state = self.current.state
        if state is State.OPEN or (state is State.HALF_OPEN and now >= self.current.until):
            self._begin_probing(now)
        current = self.current
        if current.state is State.FORCED_OPEN:
            raise self._refused(self.rules.open_time.first)
        if current.state is State.HALF_OPEN:
            if not current.free:
                raise self._refused(current.until - now)
            current.free -= 1
        return current

    def _begin_probing(self, now: float) -> None:
        if now < self.current.until:
            raise self._refused(self.current.until - now)
        if self.sharing is not None and not self.sharing.may_probe():
            raise self._refused(self.sharing.patience)
        self._move(State.HALF_OPEN, until=now + self.rules.probe_timeout, free=self.rules.probes)

    def _refused(self, seconds: float) -> CircuitOpenError:
        next(self.rejections)
        return CircuitOpenError(self.name, max(0.0, seconds))

    # What became of it?

    def returned(self, period: Period, result: Any, seconds: float) -> None:
        """A call has come back with this, after so many seconds."""
        if self.rules.failure_if is not None:
            try:
                failed = self.rules.failure_if(result)
            except Exception:  # noqa: BLE001 - the call itself has gone well, and its result is wanted
                _log.exception("failure_if of breaker %s failed: the call counts neither way", self.name)
                return self.released(period)
            if failed:
                return self.failed(period, seconds)
        return self.succeeded(period, seconds)

    def raised(self, period: Period, error: BaseException, seconds: float) -> None:
        """A call has raised this, after so many seconds; 0 where nobody has timed it."""
        rules = self.rules
        if isinstance(error, rules.ignore):
            self.released(period)
        elif _is_cut(error):
            self._cut(period, seconds)
        elif not isinstance(error, Exception):
            self.released(period)
        elif isinstance(error, rules.record):
            self.failed(period, seconds)
        else:
            self.succeeded(period, seconds)

    def _cut(self, period: Period, seconds: float) -> None:
        """The caller's own time was over: he may have brought too little, and nobody shall close a way so."""
        if self.rules.slow_after is None:
            with self._lock:
                if period is self.current:
                    self.passing = self.window = None
                    self._doubts = self.rules.doubts
        if seconds >= self.rules.hung_after:
            self.failed(period, seconds)
        else:
            self.released(period)

    def succeeded(self, period: Period, seconds: float) -> None:
        """A call has done what it should, slowly or not."""
        if period.state is State.DISABLED:
            return
        slow = self.rules.slow_after is not None and seconds >= self.rules.slow_after
        next(self.successes)
        with self._lock:
            self._slow += slow
            if period is self.current:
                self._doubts -= 1
                if period.passes and self._doubts <= 0:
                    self.passing, self.window = period, period.window
                self._count(period, failed=False, slow=slow)
        self._tell()

    def failed(self, period: Period, seconds: float) -> None:
        """A call has failed."""
        if period.state is State.DISABLED:
            return
        slow = self.rules.slow_after is not None and seconds >= self.rules.slow_after
        with self._lock:
            self._failures += 1
            self._slow += slow
            if period is self.current:
                self._count(period, failed=True, slow=slow)
        self._tell()

    def released(self, period: Period) -> None:
        """A call counts neither way: a probe that has found nothing out leaves its place to the next caller."""
        if period.state is State.DISABLED:
            return
        next(self._ignored.numbers)
        with self._lock:
            if period is self.current and period.state is State.HALF_OPEN:
                period.free += 1

    def recovered(self, period: Period) -> None:
        """A success ends the failures in a row."""
        with self._lock:
            period.in_a_row = 0

    def weigh(self, period: Period, number: int) -> None:
        """A success has drawn a number at or beyond the edge of its window."""
        with self._lock:
            if period is not self.current:
                self._drawn += number >= period.drawn  # the others were counted when the period ended
            elif period.window is not None and period.window.weigh(number):
                self._open(period)
        self._tell()

    def _count(self, period: Period, *, failed: bool, slow: bool) -> None:
        if period.state is State.HALF_OPEN:
            self._count_probe(period, bad=failed or slow)
            return
        period.in_a_row = period.in_a_row + 1 if failed and self.rules.threshold is not None else 0
        threshold = self.rules.threshold
        too_much = threshold is not None and period.in_a_row >= threshold
        if period.window is not None:
            self._recorded += 1
            too_much |= period.window.record(self.clock(), failed=failed, slow=slow)
        if too_much:
            self._open(period)

    def _count_probe(self, period: Period, *, bad: bool) -> None:
        if bad:
            self._probes_failed += 1
            self._move(State.OPEN, until=self.clock() + self.rules.open_time.after(self._probes_failed))
            return
        period.passed += 1
        if period.passed >= self.rules.probes:
            self._move(State.CLOSED)

    def _open(self, period: Period) -> None:
        if period.state is State.CLOSED:
            self._move(State.OPEN, until=self.clock() + self.rules.open_time.first)

    # From outside

    def set_state(self, state: State) -> None:
        """By hand. Closing what is closed forgets what was counted."""
        with self._lock:
            if state is State.CLOSED or state is not self.current.state:
                self._move(state)
        self._tell()

    def open_for(self, seconds: float) -> None:
        """Others are open: a closed breaker opens too, for as long as they are."""
        with self._lock:
            if self.current.state is State.CLOSED:
                self._move(State.OPEN, until=self.clock() + seconds, told=True)
        self._tell()

    def close_if_open(self) -> None:
        """Another process has found out that the dependency is well."""
        with self._lock:
            if self.current.state is State.OPEN:
                self._move(State.CLOSED)
        self._tell()

    def listen(self, listener: Listener) -> None:
        """Call it with the states before and after each transition."""
        self._listeners.append(listener)

    def snapshot(self) -> Snapshot:
        """All of one moment."""
        with self._lock:
            now, current = self.clock(), self.current
            seen = None if current.window is None else current.window.shares(now)
            drawn = self._drawn + (0 if current.window is None else current.window.drawn())
            return Snapshot(
                name=self.name,
                state=current.state,
                consecutive_failures=current.in_a_row,
                retry_after=max(0.0, current.until - now) if current.state is State.OPEN else 0.0,
                successes=self._successes.read() + drawn - self._recorded,
                failures=self._failures,
                rejections=self._rejections.read(),
                ignored=self._ignored.read(),
                slow=self._slow,
                opened=self._opened,
                window_calls=seen.calls if seen else 0,
                window_failures=seen.failed if seen else 0,
                window_slow=seen.slow if seen else 0,
                shared_errors=self.sharing.errors if self.sharing is not None else 0,
            )

    def _move(self, state: State, *, until: float = 0.0, free: int = 0, told: bool = False) -> None:
        before = self.current.state
        assert state is before or state in TRANSITIONS[before]
        following = self._period_of(state)
        following.until, following.free, following.told = until, free, told
        following.in_a_row = self.current.in_a_row if state in (State.OPEN, State.HALF_OPEN) else 0
        self._end(self.current)
        self.current = following
        self.passing = following if state in _PASSING else None
        self.window = following.window
        if state is State.OPEN:
            self._opened += 1
        elif state is not State.HALF_OPEN:
            self._probes_failed = 0
        if state is not before:
            self._untold.append((before, state))

    def _end(self, period: Period) -> None:
        if period.window is not None:
            period.window.edge = -1
            period.drawn = period.window.drawn()
            self._drawn += period.drawn

    def _period_of(self, state: State) -> Period:
        limits = self.rules.limits if state in _PASSING else None
        if limits is None:
            return Period(state)
        window = self.rules.window.open(limits, self.clock())
        window.period = period = Period(state, window=window)
        return period

    def _tell(self) -> None:
        """Listeners hear one transition after the other, in order: one thread at a time tells them."""
        while self._untold and self._teller.acquire(blocking=False):
            try:
                while self._untold:
                    self._tell_one(*self._untold.popleft())
            finally:
                self._teller.release()

    def _tell_one(self, before: State, after: State) -> None:
        if self.sharing is not None:
            self.sharing.moved(before, after)
        for listener in self._listeners:
            try:
                listener(before, after)
            except Exception:  # noqa: BLE001 - a listener is no part of the call
                _log.exception("a listener of breaker %s failed", self.name)

    def start_anew(self) -> None:
        """After a fork, in the child: nobody holds its locks, and the parent's probes are not its own."""
        self._lock, self._teller = threading.Lock(), threading.Lock()
        self._untold = deque()
        current = self.current
        self.passing = self.window = None
        if current.state in _PASSING:
            self._end(current)
            self.current = self.passing = self._period_of(current.state)
            self.window = self.current.window
        elif current.state is State.HALF_OPEN:
            self.current = Period(State.OPEN, until=self.clock(), in_a_row=current.in_a_row)


def _is_cut(error: BaseException) -> bool:
    """Whether what ended the call is that the time of whoever has made it was over."""
    return isinstance(error, (DeadlineExceeded, asyncio.CancelledError)) and deadline.remaining() == 0.0


def _after_fork() -> None:
    for machine in list(_machines):
        machine.start_anew()


os.register_at_fork(after_in_child=_after_fork)
