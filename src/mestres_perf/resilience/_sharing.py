"""SharedState: breakers of several processes tell each other through Redis what they have found. It is advice only.

Invariants: a call never waits for Redis, nor does an event loop: one background thread a process speaks to it. A
breaker opens for others only when a quorum of those that have calls, and at least two, has opened by its own finding;
what was opened so is not reported again. Of all processes one at a time holds the lease to probe, with a time limit.
While Redis cannot be reached every breaker decides alone. A process that ends, or closes, first says what it has found;
it waits for that no longer than a second.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from mestres_perf._kernel.effects import Ask
from mestres_perf.errors import BackendUnavailable, ConfigurationError
from mestres_perf.resilience._machine import Machine, Period
from mestres_perf.resilience._states import State
from mestres_perf.typing import SharedLayer

_SCRIPT = "breaker_sync"
_PAUSE = 0.02  # between two questions, however many calls ask for them
_WARN_EVERY = 60.0
_LAST_WORD = 1.0  # how long to wait for it to be said
_FEWEST = 2  # one process that cannot reach the dependency is no news about the dependency
_log = logging.getLogger(__name__)
_states: weakref.WeakSet[SharedState] = weakref.WeakSet()


class SharedState:
    """Where breakers of the same name meet: `CircuitBreaker("payments", shared=SharedState(Redis(url)))`.

    `quorum` is the share of the processes with calls that has to be open before the others open too. Every `interval`
    seconds, and after a transition at once, a background thread reports and asks; a report is good for `ttl` seconds
    (by default ten intervals, at least 10). Raises ConfigurationError for a share or a time that makes no sense.

    `close` it when its breakers are no longer used. A process that ends says by itself what has not been said yet.
    """

    def __init__(
        self,
        redis: SharedLayer,
        *,
        quorum: float = 0.5,
        interval: float = 1.0,
        ttl: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(quorum, bool) or not isinstance(quorum, (int, float)) or not 0 < quorum <= 1:
            raise ConfigurationError(f"quorum must be a share above 0 and at most 1, as in 0.5, not {quorum!r}")
        ttl = max(10.0, 10 * interval) if ttl is None else ttl
        if not interval > 0 or not ttl > interval:
            raise ConfigurationError(
                f"interval must be seconds above zero and ttl longer, as in 1.0 and 10.0, not {interval!r} and {ttl!r}"
            )
        self.redis = redis
        self.quorum = quorum
        self.interval = interval
        self.ttl = ttl
        self.clock = clock
        self.errors = 0
        """How often Redis could not be reached."""
        self.is_down = False
        self._warned = -_WARN_EVERY
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._wake = threading.Event()
        self._turn = threading.Lock()
        self._awaited: deque[threading.Event] = deque()
        self._is_closed = False
        _states.add(self)
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def join(self, machine: Machine) -> None:
        """Let this breaker take part; the thread begins with the first. Raises ConfigurationError once it is closed."""
        if self._is_closed:
            raise ConfigurationError(f"breaker {machine.name!r} cannot join a SharedState that is closed")
        member = Member(self, machine)
        machine.sharing = member
        begins = not self._members
        self._members.add(member)
        if begins:
            self._begin()

    def wake(self) -> None:
        """There is something to say or to ask."""
        self._wake.set()

    def flush(self, timeout: float = _LAST_WORD) -> bool:
        """Have the thread say now what has not been said; whether it has, within so many seconds."""
        if not self._members or self._is_closed:
            return True
        said = threading.Event()
        self._awaited.append(said)
        self.wake()
        return said.wait(timeout) and not self.has_news

    def close(self, timeout: float = _LAST_WORD) -> None:
        """Say what has not been said, for so many seconds at most, and end the thread: breakers then decide alone."""
        if self.has_news:
            self.flush(timeout)
        self._is_closed = self.is_down = True
        self.wake()

    @property
    def has_news(self) -> bool:
        """Whether a breaker has moved and Redis has not been told."""
        return any(member.has_news for member in list(self._members))

    def turn(self) -> bool:
        """The thread's turn; False when it was the last one."""
        awaited = [self._awaited.popleft() for _ in range(len(self._awaited))]
        self.sync()
        for said in awaited:
            said.set()
        return not self._is_closed

    def sync(self) -> None:
        """Let every breaker report and hear, unless it is closed."""
        if self._is_closed:
            return
        with self._turn:  # a report that is late must not undo a newer one
            for member in list(self._members):
                try:
                    member.sync()
                    self.is_down = False
                except BackendUnavailable as error:
                    self._failed(error)

    def _failed(self, error: BackendUnavailable) -> None:
        self.is_down = True
        self.errors += 1
        if self.clock() - self._warned >= _WARN_EVERY:
            self._warned = self.clock()
            _log.warning("breakers decide alone, without the other processes: %s", str(error))

    def _begin(self) -> None:
        weakref.finalize(self, self._wake.set)
        threading.Thread(
            target=_follow, args=(weakref.ref(self), self._wake, self.interval), name="mestres-breakers", daemon=True
        ).start()

    def start_anew(self) -> None:
        """After a fork, in the child: it reports for itself."""
        self._wake = threading.Event()
        self._turn = threading.Lock()
        self._awaited = deque()
        for member in self._members:
            member.start_anew()
        if self._members and not self._is_closed:
            self._begin()


class Member:
    """One breaker of this process."""

    def __init__(self, state: SharedState, machine: Machine) -> None:
        self._state = state
        self._machine = weakref.ref(machine)
        lead = f"mestres:breaker:{{{machine.name}}}"
        self._keys = tuple(f"{lead}:{what}" for what in ("reporters", "open", "healed", "lease"))
        self.start_anew()

    def start_anew(self) -> None:
        """Under a name of its own, knowing nothing."""
        self._name = secrets.token_hex(8)
        self._moves = self._told = 0
        self._found = ""
        self._healed = 0
        self._seen: Period | None = None
        self._calls = 0
        self._wanted = False
        self._leased_until = 0.0

    @property
    def errors(self) -> int:
        """How often Redis could not be reached."""
        return self._state.errors

    @property
    def has_news(self) -> bool:
        """Whether it has moved since Redis was last told."""
        return self._told != self._moves

    @property
    def patience(self) -> float:
        """After how many seconds to ask again for the lease."""
        return max(_PAUSE, min(self._state.interval, 0.1))

    def may_probe(self) -> bool:
        """Whether the lease is held, or nobody can be asked for it; otherwise it is asked for in the background."""
        if self._state.is_down or self._state.clock() < self._leased_until:
            return True
        self._wanted = True
        self._state.wake()
        return False

    def moved(self, before: State, after: State) -> None:
        """Remember what the probes found, and tell it soon."""
        if before is State.HALF_OPEN and after in (State.CLOSED, State.OPEN):
            self._found = "healed" if after is State.CLOSED else "failed"
        if after is not State.HALF_OPEN:
            self._leased_until, self._wanted = 0.0, False
            self._moves += 1
        self._state.wake()

    def sync(self) -> None:
        """Report, and do what the others' reports ask for. Raises BackendUnavailable."""
        machine = self._machine()
        if machine is None:
            return
        moves = self._moves  # what moves from now on is told the next time
        self._report_and_hear(machine)
        self._told = moves

    def _report_and_hear(self, machine: Machine) -> None:
        found = self._found  # before the period: what was found is told after the transition that it led to
        period = machine.current
        wanted = self._wanted and period.state in (
            State.OPEN,
            State.HALF_OPEN,
        )  # a closed one would keep it from others
        asked_at = self._state.clock()
        lease = machine.rules.probe_timeout
        reply = self._state.redis.blocking.ask(
            Ask(_SCRIPT, self._keys, self._report(machine, period, found, lease if wanted else 0.0))
        )
        reporters, are_open, yet, healed, leased = (int(each) for each in reply)
        if self._found == found:
            self._found = ""
        if leased:
            self._leased_until, self._wanted = asked_at + lease, False
        is_news = healed not in (0, self._healed) and found != "healed"
        self._healed = healed
        if is_news and period is self._seen:  # it was open before the others found that all is well
            machine.close_if_open()
        elif are_open >= _FEWEST and are_open >= self._state.quorum * reporters:
            machine.open_for(yet / 1000)
        self._seen = machine.current if machine.current.told else period

    def _report(self, machine: Machine, period: Period, found: str, lease: float) -> tuple[str | int, ...]:
        now = machine.snapshot()
        calls = now.successes + now.failures + now.rejections
        left = 0
        if period.state is State.OPEN and not period.told:
            left = max(0, int(1000 * (period.until - machine.clock())))
        is_active, self._calls = calls != self._calls or left > 0, calls
        good = int(1000 * self._state.ttl)
        return self._name, good, int(is_active), left, found, self._healed, int(1000 * lease)


def _follow(reference: weakref.ref[SharedState], wake: threading.Event, interval: float) -> None:
    """The thread: it ends with the object that it works for."""
    while True:
        wake.wait(interval)
        wake.clear()
        state = reference()
        if state is None:
            return
        try:
            goes_on = state.turn()
        except Exception:  # noqa: BLE001 - whatever it is, the breakers go on without it
            _log.exception("breakers could not be shared")
            goes_on = True
        del state
        if not goes_on:
            return
        time.sleep(_PAUSE)


def _forget(reference: weakref.ref[SharedState]) -> Callable[[], None]:
    def after_fork() -> None:
        state = reference()
        if state is not None:
            state.start_anew()

    return after_fork


def _at_exit() -> None:
    """What was found last would be lost with the process: others would go on refusing what is well again."""
    until = time.monotonic() + _LAST_WORD
    for state in list(_states):
        if state.has_news and not state.is_down:
            state.flush(max(0.0, until - time.monotonic()))


atexit.register(_at_exit)
