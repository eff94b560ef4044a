"""Payment attempts, the ledger of everything their providers reported, and what was given back."""

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Index, String, Table, UniqueConstraint

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

payment = Table(
    f"{PREFIX}payment",
    metadata,
    Column("id", String(64), primary_key=True),  # also the provider's idempotency key
    Column("order_number", String(32), nullable=False, index=True),
    Column("provider", String(40), nullable=False),
    Column("method", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", String(12), nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("reference", String(120), nullable=False),
    Column("action", JSON, nullable=False),
    Column("leased_until", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    Index("ix_mc_payment_status_leased_until", "status", "leased_until"),
    Index("ix_mc_payment_created_at", "created_at", "status"),
)

event = Table(
    f"{PREFIX}payment_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("event_id", String(120), nullable=False),
    Column("payment_id", String(64), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("action", JSON, nullable=False),
    Column("reference", String(120), nullable=False),
    Column("state", String(12), nullable=False),  # applied; parked: no such payment yet; disputed: wrong amount
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider", "event_id"),
)

refund = Table(
    f"{PREFIX}refund",
    metadata,
    Column("id", String(64), primary_key=True),  # also the provider's idempotency key
    Column("payment_id", String(64), nullable=False, index=True),
    Column("order_number", String(32), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", String(12), nullable=False),  # pending, refunded, failed
    Column("idempotency_key", String(255)),
    Column("leased_until", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    Index("ix_mc_refund_status_leased_until", "status", "leased_until"),
    Index("uq_mc_refund_order_number_idempotency_key", "order_number", "idempotency_key", unique=True),
)
