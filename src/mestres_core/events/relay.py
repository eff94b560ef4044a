"""Delivering the outbox: at least once, in order for each aggregate.

A batch is claimed in one transaction, delivered with no transaction open, and marked in another. A worker that dies in
between leaves its claim to run out; the facts are then delivered again, so subscribers must bear a repetition.

Invariants, whatever fails and however many relay at once:

- a fact is not delivered before every earlier one of its aggregate was delivered or discarded;
- it is `delivered_at` only after every subscriber has returned from it;
- what fails `max_attempts` times is a dead letter. It keeps its place: its aggregate waits until somebody retries or
  discards it, other aggregates do not;
- a fact that kills its worker counts that as an attempt, and its neighbours are not condemned with it: what a dead
  worker had in its hands is delivered one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from mestres_core.db.base import UtcDateTime
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.db.session import Database
from mestres_core.db.waiting import ask
from mestres_core.events.facts import Fact, revive
from mestres_core.events.models import outbox
from mestres_core.rules.backoff import doubling
from mestres_core.rules.checks import Checks
from mestres_core.typing import Clock

Subscriber = Callable[[Fact], object]
"""Called with each fact; for `shop.aio.relay()` it may be async."""
Delivered = Callable[[Session, Sequence[int], datetime], None]
_CLAIMS = 0x6D65_7374_7265_01  # the advisory lock of claiming: any number that others do not use
_LONGEST_ERROR = 2000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    """How the outbox is delivered.

    After a failure the fact, and what its aggregate has behind it, waits `first_wait`, then twice as long each time, at
    most `longest_wait`; after `max_attempts` it is a dead letter. `claim` is how long a worker may hold what it
    delivers: a delivery must not take longer. As they are: about five hours from the first attempt to the last.
    `keep` is how long delivered facts stay in the table.
    """

    max_attempts: int = 15
    first_wait: timedelta = timedelta(seconds=5)
    longest_wait: timedelta = timedelta(hours=1)
    claim: timedelta = timedelta(seconds=60)
    keep: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        if type(self.max_attempts) is not int or self.max_attempts < 1:
            raise ValueError(f"max_attempts must be a whole number from 1, not {self.max_attempts!r}")
        for name in ("first_wait", "longest_wait", "claim", "keep"):
            if getattr(self, name) <= timedelta(0):
                raise ValueError(f"{name} must be longer than no time, not {getattr(self, name)!r}")

    def wait(self, attempts: int) -> timedelta:
        """How long a fact that failed so many times waits."""
        return doubling(attempts, first=self.first_wait, longest=self.longest_wait)


def _free(table: Any) -> Any:
    now = bindparam("now", type_=UtcDateTime)
    return and_(
        table.c.dead_at.is_(None),
        or_(table.c.claimed_until.is_(None), table.c.claimed_until <= now),
        or_(table.c.retry_at.is_(None), table.c.retry_at <= now),
    )


_earlier = outbox.alias("earlier")
_BLOCKED = (
    select(_earlier.c.id)
    .where(
        _earlier.c.aggregate == outbox.c.aggregate,
        _earlier.c.aggregate_id == outbox.c.aggregate_id,
        _earlier.c.delivered_at.is_(None),
        _earlier.c.id < outbox.c.id,
        ~_free(_earlier),
    )
    .exists()
)
_NEXT = (
    select(
        outbox.c.id,
        outbox.c.aggregate,
        outbox.c.aggregate_id,
        outbox.c.type,
        outbox.c.payload,
        outbox.c.attempts,
        outbox.c.claimed_until,
    )
    .where(outbox.c.delivered_at.is_(None), _free(outbox), ~_BLOCKED)
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_ids = outbox.c.id.in_(bindparam("ids", expanding=True))
_until = bindparam("until", type_=UtcDateTime)
_MINE = outbox.c.claimed_until == _until
_CLAIM = update(outbox).where(_ids).values(claimed_until=_until, attempts=outbox.c.attempts + 1)
_DELIVERED = (
    update(outbox)
    .where(_ids, outbox.c.delivered_at.is_(None))
    .values(delivered_at=bindparam("now", type_=UtcDateTime), claimed_until=None, retry_at=None, last_error=None)
)
_NOT_TRIED = update(outbox).where(_ids, _MINE).values(claimed_until=None, attempts=outbox.c.attempts - 1)
_FAILED = (
    update(outbox)
    .where(outbox.c.id == bindparam("of_id"), _MINE)
    .values(
        claimed_until=None,
        retry_at=bindparam("again", type_=UtcDateTime),
        dead_at=bindparam("dead", type_=UtcDateTime),
        last_error=bindparam("message"),
    )
)
_DIED = (
    update(outbox)
    .where(outbox.c.id == bindparam("of_id"))
    .values(
        claimed_until=None,
        dead_at=bindparam("dead", type_=UtcDateTime),
        last_error="its worker died, or held it for longer than its claim, at every attempt",
    )
)


@dataclass(slots=True)
class _Batch:
    until: datetime
    rows: Sequence[Any]
    delivered: list[int] = field(default_factory=list)
    failed: dict[int, tuple[int, str]] = field(default_factory=dict)

    @property
    def not_tried(self) -> list[int]:
        tried = {*self.delivered, *self.failed}
        return [row.id for row in self.rows if row.id not in tried]


def relay(
    database: Database,
    clock: Clock,
    subscribers: Sequence[Subscriber],
    *,
    policy: RelayPolicy,
    own: Callable[[Fact], object],
    delivered: Delivered,
    limit: int = 100,
) -> int:
    """Deliver up to `limit` waiting facts to every subscriber; returns how many were delivered.

    `own` is what the shop itself does about a fact, before any subscriber hears of it: in the event loop's own greenlet
    where there is one, since it asks the database and never a network.

    A subscriber that raises stops the rest of that aggregate's facts, which keeps their order; the error is written
    beside the fact. `delivered` is called with the facts' numbers in the transaction that marks them. Raises
    ValidationError.
    """
    checks = Checks()
    checks.whole("limit", limit, at_least=1, at_most=100_000)
    checks.done()
    batch = _claim(database, clock, policy, limit)
    if batch is None:
        return 0
    stopped: set[tuple[str, str]] = set()
    try:
        for row in batch.rows:
            key = (row.aggregate, row.aggregate_id)
            if clock.now() >= batch.until:
                break  # it may be in another worker's hands by now
            if key not in stopped and not _deliver(row, own, subscribers, batch):
                stopped.add(key)
    finally:
        # Also when a worker is told to end in the middle: what was delivered is not delivered again.
        _mark(database, clock, policy, batch, delivered)
    return len(batch.delivered)


def _deliver(row: Any, own: Callable[[Fact], object], subscribers: Sequence[Subscriber], batch: _Batch) -> bool:
    try:
        fact = revive(row.id, row.type, row.payload)
        own(fact)
        for subscriber in subscribers:
            ask(subscriber, fact)
    except Exception as error:  # noqa: BLE001 - a subscriber may raise anything; the fact must stay
        batch.failed[row.id] = (row.attempts + 1, f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])
        return False
    batch.delivered.append(row.id)
    return True


def _claim(database: Database, clock: Clock, policy: RelayPolicy, limit: int) -> _Batch | None:
    def claim() -> _Batch | None:
        with database.write() as session:
            # One claim at a time: a claim that waited for rows of another would judge by what it saw before the wait.
            one_at_a_time(session, database.dialect, _CLAIMS)
            now = clock.now()
            rows = _one_suspect_or_none(session.execute(_NEXT, {"now": now, "limit": limit}).all())
            if not rows:
                return None
            if rows[0].attempts >= policy.max_attempts and rows[0].claimed_until is not None:
                session.execute(_DIED, {"of_id": rows[0].id, "dead": now})
                _log.error("fact %d (%s) is a dead letter: its workers die", rows[0].id, rows[0].type)
                return _Batch(now, ())
            until = now + policy.claim
            session.execute(_CLAIM, {"ids": [row.id for row in rows], "until": until})
            return _Batch(until, rows)

    while (batch := database.retrying(claim)) is not None and not batch.rows:
        pass
    return batch


def _one_suspect_or_none(rows: Sequence[Any]) -> Sequence[Any]:
    """The rows up to the first whose worker has died; that one alone when it comes first."""
    for position, row in enumerate(rows):
        if row.claimed_until is not None:
            return rows[: max(1, position)]
    return rows


def _mark(database: Database, clock: Clock, policy: RelayPolicy, batch: _Batch, delivered: Delivered) -> None:
    def mark() -> None:
        now = clock.now()
        with database.write() as session:
            if batch.delivered:
                session.execute(_DELIVERED, {"ids": batch.delivered, "now": now})
                delivered(session, batch.delivered, now)
            if not_tried := batch.not_tried:
                session.execute(_NOT_TRIED, {"ids": not_tried, "until": batch.until})
            for row_id, (attempts, message) in batch.failed.items():
                dead = attempts >= policy.max_attempts
                again = None if dead else now + policy.wait(attempts)
                values = {"dead": now if dead else None, "again": again, "message": message, "until": batch.until}
                session.execute(_FAILED, {"of_id": row_id, **values})

    database.retrying(mark)
    for row_id, (attempts, message) in batch.failed.items():
        if attempts >= policy.max_attempts:
            _log.error("fact %d is a dead letter after %d attempts: %s", row_id, attempts, message)
