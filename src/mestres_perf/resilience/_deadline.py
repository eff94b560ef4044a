"""How much time the whole of the work still has, known to every layer below without being passed.

Invariants: a deadline inside of another never ends later than it; an outer cancellation stays a cancellation, and a
TimeoutError of the body stays what it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from mestres_perf._kernel.background import ends_with_its_caller
from mestres_perf._kernel.current import Bound
from mestres_perf.errors import DeadlineExceeded
from mestres_perf.resilience._part import seconds_of

HEADER: Final = "X-Request-Deadline"


class deadline:  # noqa: N801 - it is used as a verb: `with deadline(2.0):`
    """`with deadline(2.0):` what is inside has two seconds, or what an outer deadline leaves of them.

    Plain code asks `deadline.remaining()` and passes it to whatever waits; Retry, Timeout and Bulkhead do so by
    themselves. Nobody can stop a plain function from outside: one that does not ask is not held to it. `async with`
    also stops what it surrounds, and then raises DeadlineExceeded. One object is for one block.
    """

    __slots__ = ("_at", "_clock", "_cut", "_outer", "_seconds")

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigurationError for what is no time."""
        self._seconds = seconds_of("seconds", seconds)
        self._clock = clock
        self._at = math.inf
        self._outer: deadline | None = None

    @staticmethod
    def remaining() -> float | None:
        """Seconds that are left, 0.0 when the time is over; None when nobody has set a deadline."""
        current = _current.get()
        return None if current is None else max(0.0, current.left())

    @staticmethod
    def check() -> None:
        """Raises DeadlineExceeded when the time is over."""
        current = _current.get()
        if current is not None and current.left() <= 0:
            raise over()

    @staticmethod
    def headers() -> dict[str, str]:
        """The header that tells another service how many seconds are left; empty without a deadline.

        Seconds and not a time of day: two machines need not agree on what time it is.
        """
        left = deadline.remaining()
        return {} if left is None else {HEADER: f"{left:.3f}"}

    @staticmethod
    def from_headers(
        headers: Mapping[str, str],
        *,
        most: float,
        usual: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> deadline:
        """The deadline that a caller has asked for, up to `most`; `usual` seconds (or `most`) for none or nonsense."""
        text = headers.get(HEADER) or headers.get(HEADER.lower()) or ""
        asked = math.nan
        with contextlib.suppress(ValueError):
            asked = float(text)
        if not math.isfinite(asked):
            return deadline(most if usual is None else usual, clock=clock)
        return deadline(min(max(0.0, asked), most), clock=clock)

    def left(self) -> float:
        """Seconds from now; below 0 when it is over."""
        return self._at - self._clock()

    def __enter__(self) -> Self:
        self._outer = outer = _current.get()
        seconds = self._seconds if outer is None else min(self._seconds, outer.left())
        self._at = self._clock() + seconds
        _current.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _current.set(self._outer)

    async def __aenter__(self) -> Self:
        self.__enter__()
        self._cut = asyncio.timeout(max(0.0, self.left()))
        await self._cut.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        _current.set(self._outer)
        try:
            await self._cut.__aexit__(kind, error, at)
        except TimeoutError as cut:  # asyncio raises here only what it has cut itself
            raise over() from cut


_current: ContextVar[deadline | None] = ContextVar("mestres_deadline", default=None)
ends_with_its_caller(_current)


def current() -> deadline | None:
    """The deadline in force."""
    return _current.get()


def over() -> DeadlineExceeded:
    """What to raise when the time is over."""
    return DeadlineExceeded("the time for this work is over")


def begin(seconds: float, clock: Callable[[], float]) -> deadline | None:
    """Set a deadline of seconds that were checked already; returns the one to go back to with `resume`.

    Raises DeadlineExceeded when that one is over.
    """
    outer = _current.get()
    if outer is not None and outer.left() <= 0:
        raise over()
    checked(seconds, clock).__enter__()
    return outer


def checked(seconds: float, clock: Callable[[], float] = time.monotonic) -> deadline:
    """A deadline of seconds that were checked already."""
    mine = deadline.__new__(deadline)
    mine._seconds = seconds  # noqa: SLF001 - the two belong together
    mine._clock = clock  # noqa: SLF001
    return mine


def bound(limit: deadline) -> Bound[deadline | None]:
    """Begin a deadline for code that is called in steps: it goes on between them, and is in force only within them."""
    with limit:
        pass
    return Bound(_current, limit)


def resume(outer: deadline | None) -> None:
    """End what `begin` has begun."""
    _current.set(outer)
