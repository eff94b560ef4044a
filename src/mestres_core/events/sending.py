"""Sending webhooks: at least once, in order for each aggregate at each endpoint.

As the outbox is relayed: claimed in one transaction, sent with none open, written down in another. A delivery that has
to wait holds back what its aggregate has behind it at that endpoint; one that has failed for good does not.
After a failure the endpoint is sent nothing more in that round: one that hangs costs one timeout.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import and_, bindparam, case, insert, or_, select, update
from sqlalchemy.orm import Session

from mestres_core.db.base import UtcDateTime
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.db.session import Database
from mestres_core.db.waiting import ask
from mestres_core.events.models import webhook_attempt, webhook_delivery, webhook_endpoint
from mestres_core.events.signing import sign
from mestres_core.events.webhooks import WebhookPolicy
from mestres_core.rules.checks import Checks
from mestres_core.typing import Clock

_CLAIMS = 0x6D65_7374_7265_02  # the advisory lock of claiming: any number that others do not use
_LONGEST_ERROR = 500
_log = logging.getLogger(__name__)
_now = bindparam("now", type_=UtcDateTime)
_until = bindparam("until", type_=UtcDateTime)


def _free(table: Any) -> Any:
    return and_(
        or_(table.c.claimed_until.is_(None), table.c.claimed_until <= _now),
        or_(table.c.retry_at.is_(None), table.c.retry_at <= _now),
    )


_earlier = webhook_delivery.alias("earlier")
_BLOCKED = (
    select(_earlier.c.id)
    .where(
        _earlier.c.endpoint_id == webhook_delivery.c.endpoint_id,
        _earlier.c.aggregate == webhook_delivery.c.aggregate,
        _earlier.c.aggregate_id == webhook_delivery.c.aggregate_id,
        _earlier.c.status == "pending",
        _earlier.c.id < webhook_delivery.c.id,
        ~_free(_earlier),
    )
    .exists()
)
_NEXT = (
    select(
        webhook_delivery.c.id,
        webhook_delivery.c.endpoint_id,
        webhook_delivery.c.fact_id,
        webhook_delivery.c.type,
        webhook_delivery.c.payload,
        webhook_delivery.c.occurred_at,
        webhook_delivery.c.attempts,
        webhook_endpoint.c.url,
        webhook_endpoint.c.secret,
        webhook_endpoint.c.old_secret,
        webhook_endpoint.c.old_secret_until,
    )
    .join(webhook_endpoint, webhook_endpoint.c.id == webhook_delivery.c.endpoint_id)
    .where(
        webhook_delivery.c.status == "pending",
        webhook_endpoint.c.disabled_at.is_(None),
        _free(webhook_delivery),
        ~_BLOCKED,
    )
    .order_by(webhook_delivery.c.id)
    .limit(bindparam("limit"))
)
_ids = webhook_delivery.c.id.in_(bindparam("ids", expanding=True))
_MINE = and_(webhook_delivery.c.claimed_until == _until, webhook_delivery.c.status == "pending")
_CLAIM = update(webhook_delivery).where(_ids).values(claimed_until=_until)
_RELEASE = update(webhook_delivery).where(_ids, _MINE).values(claimed_until=None)
_DONE = (
    update(webhook_delivery)
    .where(webhook_delivery.c.id == bindparam("of_id"), _MINE)
    .values(
        status=bindparam("to_status"),
        attempts=webhook_delivery.c.attempts + 1,
        claimed_until=None,
        retry_at=bindparam("again", type_=UtcDateTime),
        finished_at=bindparam("finished", type_=UtcDateTime),
    )
)
_WORKS = update(webhook_endpoint).where(webhook_endpoint.c.id == bindparam("of_id")).values(failing_since=None)
_still = and_(webhook_endpoint.c.id == bindparam("of_id"), webhook_endpoint.c.disabled_at.is_(None))
_FAILS = (
    update(webhook_endpoint)
    .where(_still)
    .values(
        failing_since=case((webhook_endpoint.c.failing_since.is_(None), _now), else_=webhook_endpoint.c.failing_since)
    )
)
_GONE = update(webhook_endpoint).where(_still).values(disabled_at=_now, disabled_reason="gone")
_FAILING = (
    update(webhook_endpoint)
    .where(_still, webhook_endpoint.c.failing_since <= bindparam("before", type_=UtcDateTime))
    .values(disabled_at=_now, disabled_reason="failing")
)
_LOG = insert(webhook_attempt)


@dataclass(frozen=True, slots=True)
class _Way:
    """How deliveries are sent."""

    database: Database
    clock: Clock
    policy: WebhookPolicy


@dataclass(frozen=True, slots=True)
class _Result:
    at: datetime
    status_code: int | None
    error: str | None
    milliseconds: int

    @property
    def arrived(self) -> bool:
        return self.status_code is not None and HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES


def message(fact_id: int, kind: str, payload: dict[str, Any], occurred_at: datetime) -> tuple[str, bytes]:
    """The number and the body of a webhook: both the same whenever it is sent, to whomever."""
    body = {"type": kind, "timestamp": occurred_at.isoformat().replace("+00:00", "Z"), "data": payload}
    return f"evt_{fact_id}", json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def send(database: Database, clock: Clock, policy: WebhookPolicy, *, limit: int = 100) -> int:
    """Send up to `limit` pending deliveries; returns how many arrived. Raises ValidationError."""
    checks = Checks()
    checks.whole("limit", limit, at_least=1, at_most=100_000)
    checks.done()
    way = _Way(database, clock, policy)
    rows, until = _claim(way, limit)
    failed: set[int] = set()
    left = [row.id for row in rows]
    arrived = 0
    try:
        for row in rows:
            if clock.now() >= until:
                break  # it may be in another worker's hands by now
            if row.endpoint_id in failed:
                continue
            result = _post(row, clock, policy)
            _write_down(way, row, result, until)
            left.remove(row.id)
            arrived += result.arrived
            if not result.arrived:
                failed.add(row.endpoint_id)
    finally:
        if left:
            database.retrying(lambda: _release(database, left, until))
    return arrived


def _claim(way: _Way, limit: int) -> tuple[list[Any], datetime]:
    def claim() -> tuple[list[Any], datetime]:
        with way.database.write() as session:
            one_at_a_time(session, way.database.dialect, _CLAIMS)
            now = way.clock.now()
            until = now + way.policy.claim
            rows = list(session.execute(_NEXT, {"now": now, "limit": limit}))
            if rows:
                session.execute(_CLAIM, {"ids": [row.id for row in rows], "until": until})
            return rows, until

    return way.database.retrying(claim)


def _post(row: Any, clock: Clock, policy: WebhookPolicy) -> _Result:
    number, body = message(row.fact_id, row.type, row.payload, row.occurred_at)
    now = clock.now()
    secrets = [row.secret]
    if row.old_secret is not None and row.old_secret_until > now:
        secrets.append(row.old_secret)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "mestres-webhooks/1",
        **sign(body, message_id=number, secrets=secrets, now=now),
    }
    started = time.monotonic()
    status_code, error = None, None
    try:
        status_code = int(ask(policy.sender.post, row.url, body, headers))
    except Exception as problem:  # noqa: BLE001 - whatever it is, the endpoint was not reached
        error = f"{type(problem).__name__}: {problem}"[:_LONGEST_ERROR]
    return _Result(now, status_code, error, int((time.monotonic() - started) * 1000))


def _write_down(way: _Way, row: Any, result: _Result, until: datetime) -> None:
    def write() -> None:
        now = way.clock.now()
        wait = None if result.arrived else way.policy.wait(row.attempts + 1)
        status = "delivered" if result.arrived else "failed" if wait is None else "pending"
        values = {"again": None if wait is None else now + wait, "finished": None if status == "pending" else now}
        with way.database.write() as session:
            session.execute(_DONE, {"of_id": row.id, "until": until, "to_status": status, **values})
            _log_attempt(session, row.id, result)
            if result.arrived:
                session.execute(_WORKS, {"of_id": row.endpoint_id})
            else:
                _judge(session, way.policy, row.endpoint_id, result, now)

    way.database.retrying(write)


def _log_attempt(session: Session, delivery_id: int, result: _Result) -> None:
    known = session.execute(select(webhook_delivery.c.id).where(webhook_delivery.c.id == delivery_id)).first()
    if known is not None:  # its endpoint was not deleted meanwhile
        session.execute(
            _LOG,
            {
                "delivery_id": delivery_id,
                "at": result.at,
                "status_code": result.status_code,
                "error": result.error,
                "milliseconds": result.milliseconds,
            },
        )


def _judge(session: Session, policy: WebhookPolicy, endpoint_id: int, result: _Result, now: datetime) -> None:
    """An endpoint that is gone, or at which nothing has arrived for too long, is disabled."""
    values = {"of_id": endpoint_id, "now": now}
    session.execute(_FAILS, values)
    if result.status_code == HTTPStatus.GONE:
        ended = session.connection().execute(_GONE, values).rowcount
    else:
        ended = session.connection().execute(_FAILING, {**values, "before": now - policy.disable_after}).rowcount
    if ended:
        _log.error("webhook endpoint %d is disabled: %s", endpoint_id, result.error or result.status_code)


def _release(database: Database, ids: list[int], until: datetime) -> None:
    with database.write() as session:
        session.execute(_RELEASE, {"ids": ids, "until": until})
