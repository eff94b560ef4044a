"""Quotes, and the keys that make a checkout happen once."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table

from mestres_core.db.base import PREFIX, UtcDateTime, metadata

quote = Table(
    f"{PREFIX}quote",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("cart_id", String(64), ForeignKey(f"{PREFIX}cart.id"), nullable=False, index=True),
    Column("content", JSON, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

idempotency = Table(
    f"{PREFIX}idempotency",
    metadata,
    Column("scope", String(40), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("order_number", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_idempotency_created_at", "created_at"),
)
