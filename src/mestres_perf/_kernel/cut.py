"""A time limit for the rest of a task, as asyncio.timeout, for where it is set for each request: it costs less.

Invariant: a cancellation of somebody else's stays one (by `asyncio.Task.cancelling` and `uncancel`).
"""

from __future__ import annotations

import asyncio


class Cut:
    """Cancels the running task after so many seconds, unless it is lifted before; ask `ended`, whatever comes.

    `is_made`: it has.
    """

    __slots__ = ("_before", "_handle", "_task", "is_made")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()
        self.is_made = False
        self._handle = asyncio.get_running_loop().call_later(max(0.0, seconds), self._make)

    def lift(self) -> None:
        """Let the task go on for as long as it likes."""
        self._handle.cancel()

    def ended(self, error: BaseException | None) -> bool:
        """What was limited has ended with this; True when that is the cut, and nobody else wants the task to end."""
        self._handle.cancel()
        if not self.is_made:
            return False
        return self._task.uncancel() <= self._before and isinstance(error, asyncio.CancelledError)

    def _make(self) -> None:
        self.is_made = True
        self._task.cancel()
