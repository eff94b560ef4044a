"""Endpoints of others that are told what happened, and what each was sent.

Invariant: an enabled endpoint has exactly one delivery for each fact of its kinds that was relayed while it was there:
the delivery is written in the transaction that marks the fact as delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from mestres_core.db.base import UtcDateTime
from mestres_core.db.changes import change
from mestres_core.db.dialects import sql
from mestres_core.errors import NotFound
from mestres_core.events.facts import KINDS
from mestres_core.events.models import outbox, webhook_attempt, webhook_delivery, webhook_endpoint
from mestres_core.events.posting import HttpSender, WebhookSender
from mestres_core.events.signing import new_secret
from mestres_core.events.work import Work
from mestres_core.rules.backoff import by_schedule
from mestres_core.rules.checks import BIGGEST_ID, Checks

_LARGEST_PAGE = 1000
_LONGEST_OVERLAP = timedelta(days=30)
_STATUSES = ("pending", "delivered", "failed")


def _hours(*numbers: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(hours=number) for number in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPolicy:
    """How webhooks are sent.

    `schedule` are the waits after each failed attempt; when it is at its end the delivery has failed. The one that
    stands here is that of Standard Webhooks: ten attempts within three days and a half. An endpoint at which nothing
    has arrived for `disable_after` is disabled. `claim` is how long a worker may hold what it sends; `keep` is how long
    finished deliveries stay in the log.
    """

    schedule: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(minutes=5),
        *_hours(0.5, 2, 5, 10, 14, 20, 24),
    )
    disable_after: timedelta = timedelta(days=5)
    claim: timedelta = timedelta(minutes=5)
    keep: timedelta = timedelta(days=30)
    sender: WebhookSender = field(default_factory=HttpSender)

    def wait(self, attempts: int) -> timedelta | None:
        """How long after so many failed attempts the next one is; None when there is none."""
        return by_schedule(attempts, self.schedule)


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An address that is told of `events` (all, when there are none named).

    `disabled_reason`: `by hand`, `gone` (it answered 410), `failing` (nothing has arrived there for too long).
    """

    id: int
    url: str
    description: str
    events: tuple[str, ...]
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None

    @property
    def enabled(self) -> bool:
        """Whether it is sent anything."""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True)
class NewWebhookEndpoint:
    """An endpoint with its `secret`, which is shown when it is made and by `webhooks.secret`, and nowhere else."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A fact for an endpoint. `status`: pending, delivered, failed."""

    id: int
    endpoint_id: int
    fact_id: int
    type: str
    payload: dict[str, Any]
    occurred_at: datetime
    status: str
    attempts: int
    retry_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One call of an endpoint: the status code of its answer, or the `error` that came instead."""

    at: datetime
    status_code: int | None
    error: str | None
    milliseconds: int


_ENDPOINT = [webhook_endpoint.c[each] for each in WebhookEndpoint.__dataclass_fields__]
_GET = select(*_ENDPOINT).where(webhook_endpoint.c.id == bindparam("of_id"))
_LIST = (
    select(*_ENDPOINT)
    .where(webhook_endpoint.c.id > bindparam("after"))
    .order_by(webhook_endpoint.c.id)
    .limit(bindparam("limit"))
)
_SECRET = select(webhook_endpoint.c.secret).where(webhook_endpoint.c.id == bindparam("of_id"))
_LOCK = _SECRET.with_for_update()
_DELETE = delete(webhook_endpoint).where(webhook_endpoint.c.id == bindparam("of_id"))
_DELIVERY = [webhook_delivery.c[each] for each in WebhookDelivery.__dataclass_fields__]
_LOG = (
    select(*_DELIVERY)
    .where(webhook_delivery.c.endpoint_id == bindparam("of_id"), webhook_delivery.c.id > bindparam("after"))
    .order_by(webhook_delivery.c.id)
    .limit(bindparam("limit"))
)
_LOG_OF_STATUS = _LOG.where(webhook_delivery.c.status == bindparam("status"))
_ATTEMPTS = (
    select(*(webhook_attempt.c[each] for each in WebhookAttempt.__dataclass_fields__))
    .where(webhook_attempt.c.delivery_id == bindparam("of_id"))
    .order_by(webhook_attempt.c.id)
)
_AGAIN = (
    update(webhook_delivery)
    .where(webhook_delivery.c.id == bindparam("of_id"), webhook_delivery.c.status != "pending")
    .values(status="pending", attempts=0, retry_at=None, finished_at=None, claimed_until=None)
)
_KNOWN = select(webhook_delivery.c.id).where(webhook_delivery.c.id == bindparam("of_id"))
_OLD = (
    select(webhook_delivery.c.id)
    .where(webhook_delivery.c.finished_at < bindparam("before", type_=UtcDateTime))
    .order_by(webhook_delivery.c.finished_at)
    .limit(bindparam("limit"))
)
_CLEANUP = delete(webhook_delivery).where(webhook_delivery.c.id.in_(_OLD))
_LISTENING = select(webhook_endpoint.c.id, webhook_endpoint.c.events).where(webhook_endpoint.c.disabled_at.is_(None))
_FACTS = (
    select(outbox.c.id, outbox.c.aggregate, outbox.c.aggregate_id, outbox.c.type, outbox.c.payload, outbox.c.created_at)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(outbox.c.id)
)
_FAN_OUT = {name: sql.insert(name, webhook_delivery).on_conflict_do_nothing() for name in ("sqlite", "postgresql")}


def fan_out(session: Session, fact_ids: Sequence[int], _now: datetime) -> None:
    """Write a delivery of each fact for each endpoint that wants it; one that is there already stays as it is."""
    endpoints = session.execute(_LISTENING).all()
    if not endpoints:
        return
    facts = session.execute(_FACTS, {"ids": list(fact_ids)}).all()
    rows = [
        {
            "endpoint_id": endpoint.id,
            "fact_id": fact.id,
            "aggregate": fact.aggregate,
            "aggregate_id": fact.aggregate_id,
            "type": fact.type,
            "payload": fact.payload,
            "occurred_at": fact.created_at,
            "status": "pending",
            "attempts": 0,
        }
        for fact in facts
        for endpoint in endpoints
        if not endpoint.events or fact.type in endpoint.events
    ]
    if rows:
        session.execute(_FAN_OUT[session.get_bind().dialect.name], rows)


class WebhookService:
    """`shop.webhooks`: endpoints, their secrets, and the log of what they were sent."""

    def __init__(self, work: Work, policy: WebhookPolicy) -> None:
        self._work = work
        self._policy = policy

    def create(self, *, url: str, events: Sequence[str] = (), description: str = "") -> NewWebhookEndpoint:
        """Tell `url` from now on of these facts (by name, see docs/events.md; none: all). Raises ValidationError."""
        checks = Checks()
        values = {
            "url": self._url(checks, url),
            "events": _events(checks, events),
            "description": checks.text("description", description, limit=200, required=False),
        }
        checks.done()
        secret = new_secret()
        row = {**values, "secret": secret, "created_at": self._work.clock.now()}
        made = self._work.session.execute(insert(webhook_endpoint).returning(webhook_endpoint.c.id), row).scalar_one()
        return NewWebhookEndpoint(self.get(made), secret)

    def update(
        self,
        endpoint_id: int,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
    ) -> WebhookEndpoint:
        """Change what is given. What is pending goes to the new address. Raises NotFound, ValidationError."""
        checks = Checks()
        values: dict[str, Any] = {}
        if url is not None:
            values["url"] = self._url(checks, url)
        if events is not None:
            values["events"] = _events(checks, events)
        if description is not None:
            values["description"] = checks.text("description", description, limit=200, required=False)
        checks.done()
        return self._change(endpoint_id, values)

    def get(self, endpoint_id: int) -> WebhookEndpoint:
        """Raises NotFound, ValidationError."""
        row = self._work.session.execute(_GET, {"of_id": _number("endpoint_id", endpoint_id)}).first()
        if row is None:
            raise NotFound("webhook endpoint", endpoint_id)
        return _endpoint(row)

    def list(self, *, after: int = 0, limit: int = 100) -> tuple[WebhookEndpoint, ...]:
        """Endpoints by number, `limit` of them (at most 1,000), those above `after`. Raises ValidationError."""
        return tuple(_endpoint(row) for row in self._work.session.execute(_LIST, _page(after, limit)))

    def delete(self, endpoint_id: int) -> None:
        """Remove an endpoint and its log; what is pending is not sent. Raises NotFound, ValidationError."""
        if (
            not self._work.session.connection()
            .execute(_DELETE, {"of_id": _number("endpoint_id", endpoint_id)})
            .rowcount
        ):
            raise NotFound("webhook endpoint", endpoint_id)

    def disable(self, endpoint_id: int) -> WebhookEndpoint:
        """Send it nothing for now: what is pending waits, what happens meanwhile it is never told.

        Raises NotFound, ValidationError.
        """
        return self._change(endpoint_id, {"disabled_at": self._work.clock.now(), "disabled_reason": "by hand"})

    def enable(self, endpoint_id: int) -> WebhookEndpoint:
        """Go on, with what is pending first. Raises NotFound, ValidationError."""
        return self._change(endpoint_id, {"disabled_at": None, "disabled_reason": None, "failing_since": None})

    def secret(self, endpoint_id: int) -> str:
        """Its secret of now. Raises NotFound, ValidationError."""
        return self._secret(_SECRET, endpoint_id)

    def rotate_secret(self, endpoint_id: int, *, overlap: timedelta = timedelta(hours=24)) -> NewWebhookEndpoint:
        """Give it a new secret; for as long as `overlap` (at most 30 days) messages are signed with the old one, too.

        No time at all is for a secret that got out. Raises NotFound, ValidationError.
        """
        checks = Checks()
        if not isinstance(overlap, timedelta) or not timedelta(0) <= overlap <= _LONGEST_OVERLAP:
            checks.wrong("overlap", "invalid", reason="must be a timedelta from 0 to 30 days")
        checks.done()
        old, new = self._secret(_LOCK, endpoint_id), new_secret()
        values: dict[str, Any] = {"secret": new, "old_secret": None, "old_secret_until": None}
        if overlap:
            values.update(old_secret=old, old_secret_until=self._work.clock.now() + overlap)
        return NewWebhookEndpoint(self._change(endpoint_id, values), new)

    def deliveries(
        self, endpoint_id: int, *, status: str | None = None, after: int = 0, limit: int = 100
    ) -> tuple[WebhookDelivery, ...]:
        """What an endpoint was sent or will be, oldest first. Raises NotFound, ValidationError."""
        values = _page(after, limit)
        if status is not None:
            checks = Checks()
            values["status"] = checks.choice("status", status, _STATUSES)
            checks.done()
        self.get(endpoint_id)
        query = _LOG if status is None else _LOG_OF_STATUS
        return tuple(
            WebhookDelivery(*row) for row in self._work.session.execute(query, {"of_id": endpoint_id, **values})
        )

    def attempts(self, delivery_id: int) -> tuple[WebhookAttempt, ...]:
        """Every call that was made for a delivery. Raises NotFound, ValidationError."""
        self._known(delivery_id)
        return tuple(WebhookAttempt(*row) for row in self._work.session.execute(_ATTEMPTS, {"of_id": delivery_id}))

    def redeliver(self, delivery_id: int) -> None:
        """Send a finished delivery once more, with the number that it had; a pending one is left as it is.

        Raises NotFound, ValidationError.
        """
        self._known(delivery_id)
        self._work.session.execute(_AGAIN, {"of_id": delivery_id})

    def cleanup(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` deliveries finished longer ago than `WebhookPolicy.keep`; returns how many.

        Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.done()
        values = {"before": self._work.clock.now() - self._policy.keep, "limit": limit}
        return int(self._work.session.connection().execute(_CLEANUP, values).rowcount)

    def _url(self, checks: Checks, url: Any) -> str:
        given = checks.text("url", url, limit=2000)
        if given and (reason := self._policy.sender.check(given)):
            checks.wrong("url", "invalid", reason=reason)
        return given

    def _change(self, endpoint_id: int, values: dict[str, Any]) -> WebhookEndpoint:
        self.get(endpoint_id)
        if values:
            change(self._work.session, webhook_endpoint, endpoint_id, values)
        return self.get(endpoint_id)

    def _secret(self, query: Any, endpoint_id: int) -> str:
        found = self._work.session.execute(query, {"of_id": _number("endpoint_id", endpoint_id)}).scalar()
        if found is None:
            raise NotFound("webhook endpoint", endpoint_id)
        return str(found)

    def _known(self, delivery_id: int) -> None:
        if self._work.session.execute(_KNOWN, {"of_id": _number("delivery_id", delivery_id)}).first() is None:
            raise NotFound("webhook delivery", delivery_id)


def _endpoint(row: Any) -> WebhookEndpoint:
    number, url, description, events, *moments = row
    return WebhookEndpoint(number, url, description, tuple(events), *moments)


def _events(checks: Checks, events: Any) -> tuple[str, ...]:
    if isinstance(events, str) or not isinstance(events, Sequence):
        checks.wrong("events", "not_list")
        return ()
    return tuple(dict.fromkeys(checks.choice(f"events.{at}", each, KINDS) for at, each in enumerate(events)))


def _number(name: str, value: Any) -> int:
    checks = Checks()
    number = checks.whole(name, value, at_least=1, at_most=BIGGEST_ID)
    checks.done()
    return number


def _page(after: Any, limit: Any) -> dict[str, Any]:
    checks = Checks()
    values = {
        "after": checks.whole("after", after, at_least=0, at_most=BIGGEST_ID),
        "limit": checks.whole("limit", limit, at_least=1, at_most=_LARGEST_PAGE),
    }
    checks.done()
    return values
