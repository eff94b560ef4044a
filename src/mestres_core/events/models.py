"""The tables of what has happened: the outbox, the endpoints that are told of it, what each was sent."""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

_WAITING: dict[str, Any] = {name: text("delivered_at IS NULL") for name in ("postgresql_where", "sqlite_where")}
_PENDING: dict[str, Any] = {name: text("status = 'pending'") for name in ("postgresql_where", "sqlite_where")}

outbox = Table(
    f"{PREFIX}outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("aggregate", String(40), nullable=False),
    Column("aggregate_id", String(64), nullable=False),
    Column("type", String(60), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_until", UtcDateTime),
    Column("retry_at", UtcDateTime),  # after a failure: not before
    Column("dead_at", UtcDateTime),  # given up; somebody must say what becomes of it
    Column("delivered_at", UtcDateTime),  # also when it was discarded: nothing waits for it any more
    Column("discarded_at", UtcDateTime),
    Column("last_error", Text),
    Index("ix_mc_outbox_delivered_at_id", "delivered_at", "id"),
    Index("ix_mc_outbox_waiting", "aggregate", "aggregate_id", "id", **_WAITING),
)

webhook_endpoint = Table(
    f"{PREFIX}webhook_endpoint",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("description", String(200), nullable=False),
    Column("events", JSON, nullable=False),  # names of facts; none means all
    Column("secret", String(120), nullable=False),
    Column("old_secret", String(120)),
    Column("old_secret_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("disabled_reason", String(40)),
    CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled"),
)

webhook_delivery = Table(
    f"{PREFIX}webhook_delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Id, ForeignKey(webhook_endpoint.c.id, ondelete="CASCADE"), nullable=False),
    Column("fact_id", Id, nullable=False),  # the fact itself may have been cleaned away
    Column("aggregate", String(40), nullable=False),
    Column("aggregate_id", String(64), nullable=False),
    Column("type", String(60), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_until", UtcDateTime),
    Column("retry_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
    CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name="finished"),
    Index("uq_mc_webhook_delivery_fact", "endpoint_id", "fact_id", unique=True),
    Index("ix_mc_webhook_delivery_pending", "endpoint_id", "aggregate", "aggregate_id", "id", **_PENDING),
    Index("ix_mc_webhook_delivery_finished_at", "finished_at"),
)

webhook_attempt = Table(
    f"{PREFIX}webhook_attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, ForeignKey(webhook_delivery.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("status_code", Integer),
    Column("error", String(500)),
    Column("milliseconds", Integer, nullable=False),
)
