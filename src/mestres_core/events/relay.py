"""Delivering the outbox: at least once, in order for each aggregate.

A batch is claimed in one transaction, delivered with no transaction open, and marked in another. A worker that dies in
between leaves its claim to run out; the facts are then delivered again, so subscribers must bear a repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update

from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.db.session import Database
from mestres_core.db.waiting import ask
from mestres_core.events.facts import Fact, revive
from mestres_core.events.models import outbox
from mestres_core.typing import Clock

Subscriber = Callable[[Fact], object]
"""Called with each fact; for `shop.aio.relay()` it may be async."""
_CLAIM = timedelta(seconds=60)
_CLAIMS = 0x6D65_7374_7265_01  # the advisory lock of claiming: any number that others do not use


def relay(database: Database, clock: Clock, subscribers: Sequence[Subscriber], *, limit: int = 100) -> int:
    """Deliver up to `limit` waiting facts to every subscriber; returns how many were delivered.

    A subscriber that raises stops the rest of that aggregate's facts, which keeps their order; the error is written
    beside the fact and it is tried again when its claim runs out.
    """
    batch = _claim(database, clock, limit)
    delivered: list[int] = []
    failed: dict[int, str] = {}
    stopped: set[tuple[str, str]] = set()
    for row_id, aggregate, aggregate_id, kind, payload in batch:
        if (aggregate, aggregate_id) in stopped:
            continue
        try:
            fact = revive(row_id, kind, payload)
            for subscriber in subscribers:
                ask(subscriber, fact)
        except Exception as error:  # noqa: BLE001 - a subscriber may raise anything; the fact must stay
            failed[row_id] = f"{type(error).__name__}: {error}"
            stopped.add((aggregate, aggregate_id))
        else:
            delivered.append(row_id)
    _mark(database, clock, delivered, failed)
    return len(delivered)


def _claim(database: Database, clock: Clock, limit: int) -> list[tuple[int, str, str, str, dict[str, object]]]:
    def claim() -> list[tuple[int, str, str, str, dict[str, object]]]:
        now = clock.now()
        # One claim at a time: a claim that waited for rows of another would judge by what it saw before the wait.
        held = outbox.alias("held")
        # An aggregate with an earlier fact in another worker's hands waits: order within it is kept.
        blocked = (
            select(held.c.id)
            .where(
                held.c.aggregate == outbox.c.aggregate,
                held.c.aggregate_id == outbox.c.aggregate_id,
                held.c.delivered_at.is_(None),
                held.c.claimed_until > now,
                held.c.id < outbox.c.id,
            )
            .exists()
        )
        free = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= now)
        columns = (outbox.c.id, outbox.c.aggregate, outbox.c.aggregate_id, outbox.c.type, outbox.c.payload)
        query = (
            select(*columns)
            .where(outbox.c.delivered_at.is_(None), free, ~blocked)
            .order_by(outbox.c.id)
            .limit(limit)
            .with_for_update()
        )
        with database.write() as session:
            one_at_a_time(session, database.dialect, _CLAIMS)
            rows = [tuple(row) for row in session.execute(query)]
            if rows:
                taken = update(outbox).where(outbox.c.id.in_([row[0] for row in rows]))
                session.execute(taken.values(claimed_until=now + _CLAIM, attempts=outbox.c.attempts + 1))
            return rows

    return database.retrying(claim)


def _mark(database: Database, clock: Clock, delivered: list[int], failed: dict[int, str]) -> None:
    def mark() -> None:
        with database.write() as session:
            if delivered:
                done = update(outbox).where(outbox.c.id.in_(delivered))
                session.execute(done.values(delivered_at=clock.now(), claimed_until=None, last_error=None))
            for row_id, message in failed.items():
                session.execute(update(outbox).where(outbox.c.id == row_id).values(last_error=message))

    if delivered or failed:
        database.retrying(mark)
