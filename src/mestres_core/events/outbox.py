"""Writing facts in the transaction that made them true.

Invariant: a fact is in the outbox if and only if the change that it speaks of was committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import insert
from sqlalchemy.orm import Session

from mestres_core.db.bulk import InsertMany
from mestres_core.db.later import write
from mestres_core.events.facts import Fact
from mestres_core.events.models import outbox
from mestres_core.typing import Clock

_ONE = insert(outbox).inline()
_MANY = InsertMany(outbox, "aggregate", "aggregate_id", "type", "payload", "created_at")


class Outbox:
    """The facts of one unit of work."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self.session = session
        self._clock = clock
        self._waiting: list[Fact] | None = None
        self.facts: list[Fact] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the facts of a with block in one statement at its end; none when an error leaves it."""
        waiting: list[Fact] = []
        self._waiting = waiting
        try:
            yield
        finally:
            self._waiting = None
        self.announce(*waiting)

    def announce(self, *facts: Fact) -> None:
        """Write `facts` with the caller's transaction, or with those that `together` collects."""
        if not facts:
            return
        if self._waiting is not None:
            self._waiting.extend(facts)
            return
        now = self._clock.now()
        rows = [
            {
                "aggregate": fact.aggregate,
                "aggregate_id": fact.aggregate_id,
                "type": fact.type,
                "payload": fact.payload(),
                "created_at": now,
            }
            for fact in facts
        ]
        if len(rows) == 1:
            write(self.session, _ONE, rows[0])
        else:
            _MANY(self.session, rows)
        self.facts.extend(facts)
