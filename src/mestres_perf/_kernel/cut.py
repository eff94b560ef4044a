"""A time limit for the rest of a task, as asyncio.timeout, for where it is set for each request: it costs less.

Invariants: a cancellation of somebody else's stays one (by `asyncio.Task.cancelling` and `uncancel`). A loop has one
timer for all limits, set for the first of them: most are lifted long before, and then cost it nothing.
"""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic

_GRAIN = 0.005
"""Seconds between two looks at all limits that wait, at least: so late may one be made."""


class Cut:
    """Cancels the running task after so many seconds, unless it is lifted before; ask `ended`, whatever comes.

    `is_made`: it has.
    """

    __slots__ = ("_before", "_task", "_waiting", "is_made")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._before = task.cancelling()
        self.is_made = False
        timer = _timers.get(loop) or _timer_of(loop)
        self._waiting = timer.waiting
        timer.waiting[self] = at = monotonic() + seconds
        if at < timer.at:
            timer.set(at)

    def lift(self) -> None:
        """Let the task go on for as long as it likes."""
        self._waiting.pop(self, None)

    def ended(self, error: BaseException | None) -> bool:
        """What was limited has ended with this; True when that is the cut, and nobody else wants the task to end."""
        self._waiting.pop(self, None)
        if not self.is_made:
            return False
        return self._task.uncancel() <= self._before and isinstance(error, asyncio.CancelledError)

    def make(self) -> None:
        """The time is over."""
        self.is_made = True
        self._task.cancel()


class _Timer:
    """Of one loop. `waiting`: the cuts that are neither made nor lifted, and when they are due; `at`: the next look."""

    __slots__ = ("_handle", "_loop", "at", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self.waiting: dict[Cut, float] = {}
        self.at = inf

    def set(self, at: float) -> None:
        """Look at them then, and no later."""
        if self._handle is not None:
            self._handle.cancel()
        self.at = at
        self._handle = self._loop.call_later(max(0.0, at - monotonic()), self._look)

    def _look(self) -> None:
        self._handle, self.at = None, inf
        now = monotonic()
        for cut in [cut for cut, at in self.waiting.items() if at <= now]:
            del self.waiting[cut]
            cut.make()
        if self.waiting:
            self.set(max(min(self.waiting.values()), now + _GRAIN))


_timers: dict[asyncio.AbstractEventLoop, _Timer] = {}


def _timer_of(loop: asyncio.AbstractEventLoop) -> _Timer:
    for other in tuple(_timers):
        if other.is_closed():
            _timers.pop(other, None)
    return _timers.setdefault(loop, _Timer(loop))
