"""The outbox table."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

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
    Column("delivered_at", UtcDateTime),
    Column("last_error", Text),
    Index("ix_mc_outbox_delivered_at_id", "delivered_at", "id"),
)
