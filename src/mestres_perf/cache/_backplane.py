"""What other processes invalidate, heard from a stream of numbered messages.

Invariant: memory is trusted only for `trust` seconds after Redis was last asked, and said that there was nothing left
to hear. A message that was lost shows as a gap in the numbers; after a gap, and when the numbers or the stream have
gone back (a failover that lost writes, an emptied database), memory is emptied and no load under way is kept.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mestres_perf.cache._entry import GONE
from mestres_perf.cache._flight import Flights

DROP, BUMP, CLEAR = "d", "b", "c"


@dataclass(frozen=True, slots=True)
class Message:
    """One invalidation. `number` is one more than that of the message before; `parts` are keys' names, or tags."""

    place: str
    number: int
    origin: str
    kind: str
    parts: tuple[str, ...]


class Follower:
    """Applies messages to one cache's memory, and knows until when that memory may be trusted."""

    def __init__(self, flights: Flights, origin: str, trust: float, clock: Callable[[], float]) -> None:
        self.trust = trust
        self.clock = clock
        self.gaps = 0
        self.heard = 0
        self.others = 0
        self.place = ""
        self._flights = flights
        self._origin = origin
        self._number = -1
        self._horizon = GONE
        self._since = math.inf
        self._pulse: tuple[float, float] | None = None  # the clock here before it was asked, and there
        self._lock = threading.Lock()

    @property
    def lock(self) -> threading.Lock:
        """What guards it."""
        return self._lock

    def start_anew(self, origin: str) -> None:
        """In a forked child, which has a name of its own and has heard nothing yet: nothing is believed unasked."""
        self._origin, self.place, self._number = origin, "", -1
        self._horizon, self._since = GONE, math.inf

    def horizon(self, checked: float) -> float:
        """Until when a value is known to be true that was so at `checked`: times of the clock."""
        return self._horizon if checked >= self._since else GONE

    def begin(self, place: str, number: int) -> None:
        """The stream ends with this number now. Call it before following, and after every new connection.

        Whoever has followed goes on where he was, and finds out from the numbers whether he missed anything.
        """
        with self._lock:
            if self._number < 0 or number < self._number or _order(place) < _order(self.place):
                self._start_again(place, number)
        self._flights.events.tell()

    def hear(self, messages: Sequence[Message], *, asked_at: float, is_all: bool, number: int) -> None:
        """The answer to a question asked at `asked_at`; `is_all` when nothing was left unheard by then.

        `number` is that of the last message just before the question: one that is never heard was lost.
        """
        with self._lock:
            for message in messages:
                self._apply(message)
            if is_all and self._number != number and not messages:
                self._start_again(self.place, number)
            if is_all:
                self._horizon = max(self._horizon, asked_at + self.trust)
        self._flights.events.tell()

    def notice(self, there: float, *, asked_at: float) -> None:
        """What time it is where Redis is, as answered to a question of `asked_at`.

        When more time has passed there than here, this machine was suspended and its clock with it: what memory holds
        is older than it seems.
        """
        with self._lock:
            before, self._pulse = self._pulse, (asked_at, there)
            if before is not None and there - before[1] > self.clock() - before[0] + self.trust:
                self._start_again(self.place, self._number)

    def _apply(self, message: Message) -> None:
        self.heard += 1
        if message.number != self._number + 1:
            self._start_again(message.place, message.number)
            return
        self.place, self._number = message.place, message.number
        if message.origin == self._origin:
            return  # done before it was told
        self.others += 1
        events = self._flights.events
        if message.kind == DROP:
            for key in self._flights.forget(message.parts):
                events.note("invalidate", key, reason="heard")
        elif message.kind == BUMP:
            self._flights.bump(message.parts)
            events.note("invalidate", tags=message.parts, reason="heard")
        else:
            self._flights.clear()
            events.note("invalidate", reason="heard")

    def _start_again(self, place: str, number: int) -> None:
        if self._number >= 0:
            self.gaps += 1
            self._flights.clear()
            self._flights.events.note("gap", reason=f"message {number} after {self._number}")
        self.place, self._number = place, number
        self._since = self.clock()


def _order(place: str) -> tuple[int, ...]:
    """Places in a stream are a time and a counter."""
    return tuple(map(int, place.split("-")))
