"""Looking after the outbox: how much waits, what was given up, and what becomes of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from mestres_core.db.base import UtcDateTime
from mestres_core.errors import NotFound
from mestres_core.events.models import outbox
from mestres_core.events.relay import RelayPolicy
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_ID, Checks

_LARGEST_PAGE = 1000
_IS_DEAD = (outbox.c.dead_at.is_not(None), outbox.c.delivered_at.is_(None))
_DEAD = (
    select(
        outbox.c.id,
        outbox.c.aggregate,
        outbox.c.aggregate_id,
        outbox.c.type,
        outbox.c.payload,
        outbox.c.created_at,
        outbox.c.dead_at,
        outbox.c.attempts,
        outbox.c.last_error,
    )
    .where(*_IS_DEAD, outbox.c.id > bindparam("after"))
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_STATUS = select(
    func.count().filter(outbox.c.dead_at.is_(None)),
    func.count().filter(outbox.c.dead_at.is_not(None)),
    func.count().filter(outbox.c.dead_at.is_(None), outbox.c.retry_at.is_not(None)),
    func.min(outbox.c.created_at),
).where(outbox.c.delivered_at.is_(None))
_ONE = outbox.c.id == bindparam("of_id")
_REVIVED = {"dead_at": None, "retry_at": None, "attempts": 0}
_RETRY = update(outbox).where(_ONE, *_IS_DEAD).values(_REVIVED)
_RETRY_ALL = update(outbox).where(*_IS_DEAD).values(_REVIVED)
_now = bindparam("now", type_=UtcDateTime)
_DISCARD = update(outbox).where(_ONE, *_IS_DEAD).values(delivered_at=_now, discarded_at=_now)
_OLD = (
    select(outbox.c.id)
    .where(outbox.c.delivered_at < bindparam("before", type_=UtcDateTime))
    .order_by(outbox.c.delivered_at)
    .limit(bindparam("limit"))
)
_CLEANUP = delete(outbox).where(outbox.c.id.in_(_OLD))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A fact that was given up: `attempts` deliveries failed, the last one with `error`."""

    fact_id: int
    aggregate: str
    aggregate_id: str
    type: str
    payload: dict[str, Any]
    created_at: datetime
    dead_at: datetime
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """How the outbox stands: facts that wait, of these those that failed before (`retrying`), and dead letters.

    `oldest` is when the oldest fact that was not delivered was written; None when there is none.
    """

    waiting: int
    retrying: int
    dead: int
    oldest: datetime | None


class EventService:
    """`shop.events`: the outbox as an operator sees it."""

    def __init__(self, work: Work, policy: RelayPolicy) -> None:
        self._work = work
        self._policy = policy

    def status(self) -> OutboxStatus:
        """How much waits, and how long the oldest has."""
        waiting, dead, retrying, oldest = self._work.session.execute(_STATUS).one()
        return OutboxStatus(waiting=waiting, retrying=retrying, dead=dead, oldest=oldest)

    def dead_letters(self, *, after: int = 0, limit: int = 100) -> tuple[DeadLetter, ...]:
        """Facts that were given up, oldest first: `limit` of them (at most 1,000), with numbers above `after`.

        Raises ValidationError.
        """
        checks = Checks()
        values = {
            "after": checks.whole("after", after, at_least=0, at_most=BIGGEST_ID),
            "limit": checks.whole("limit", limit, at_least=1, at_most=_LARGEST_PAGE),
        }
        checks.done()
        return tuple(DeadLetter(*row) for row in self._work.session.execute(_DEAD, values))

    def retry(self, fact_id: int) -> None:
        """Have a dead letter delivered after all, with as many attempts as a new fact; what it held back follows it.

        Raises NotFound when there is no such dead letter, ValidationError.
        """
        self._settle(_RETRY, fact_id, {})

    def retry_all(self) -> int:
        """`retry` every dead letter; returns how many."""
        return int(self._work.session.connection().execute(_RETRY_ALL).rowcount)

    def discard(self, fact_id: int) -> None:
        """Give a dead letter up for good: nobody is told of it, and what it held back goes on.

        Raises NotFound when there is no such dead letter, ValidationError.
        """
        self._settle(_DISCARD, fact_id, {"now": self._work.clock.now()})

    def cleanup(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` facts delivered or discarded longer ago than `RelayPolicy.keep`; returns how many.

        What waits and dead letters stay, however old. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.done()
        values = {"before": self._work.clock.now() - self._policy.keep, "limit": limit}
        return int(self._work.session.connection().execute(_CLEANUP, values).rowcount)

    def _settle(self, statement: Any, fact_id: int, values: dict[str, Any]) -> None:
        checks = Checks()
        checks.whole("fact_id", fact_id, at_least=1, at_most=BIGGEST_ID)
        checks.done()
        if not self._work.session.connection().execute(statement, {"of_id": fact_id, **values}).rowcount:
            raise NotFound("dead letter", fact_id)
