"""Payments, the ledger of everything their providers reported, what was asked of them, and the shop's own accounts."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

_PARKED = text("state = 'parked'")


def _amount(name: str, check: str) -> Column[int]:
    """A sum of the ledger, kept beside it, with the rule that it never breaks."""
    return Column(
        name,
        BigInteger,
        CheckConstraint(check, name=name.removesuffix("_amount")),
        nullable=False,
        server_default=text("0"),
    )


payment = Table(
    f"{PREFIX}payment",
    metadata,
    Column("id", String(64), primary_key=True),  # also the provider's idempotency key
    Column("order_number", String(32), nullable=False, index=True),
    Column("provider", String(40), nullable=False),
    Column("method", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("reference", String(120), nullable=False),
    Column("action", JSON, nullable=False),
    Column("leased_until", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),  # among the tenders of its order
    Column("account_id", Id),  # the gift card or store credit that it was taken from
    # What the ledger adds up to.
    _amount("authorized_amount", "authorized_amount >= 0 AND authorized_amount <= amount"),
    _amount("captured_amount", "captured_amount >= 0 AND captured_amount <= amount"),
    _amount("voided_amount", "voided_amount >= 0 AND voided_amount + captured_amount <= amount"),
    _amount("refunded_amount", "refunded_amount >= 0 AND refunded_amount <= captured_amount"),
    _amount("refunding_amount", "refunding_amount >= 0"),  # asked for, no answer yet
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
    Column("kind", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("action", JSON, nullable=False),
    Column("reference", String(120), nullable=False),
    Column("state", String(12), nullable=False),  # applied; parked: no such payment yet; disputed: wrong amount
    Column("created_at", UtcDateTime, nullable=False),
    Column("operation", String(120), nullable=False, server_default=""),
    UniqueConstraint("provider", "event_id"),
    Index("ix_mc_payment_event_parked", "id", postgresql_where=_PARKED, sqlite_where=_PARKED),
)

operation = Table(
    f"{PREFIX}payment_operation",
    metadata,
    Column("id", String(64), primary_key=True),  # also the provider's idempotency key
    Column("payment_id", String(64), nullable=False, index=True),
    Column("order_number", String(32), nullable=False, index=True),
    Column("kind", String(12), nullable=False),  # capture, void
    Column("amount", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("status", String(12), nullable=False),  # pending, done, failed
    Column("idempotency_key", String(255)),
    Column("leased_until", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    Index("ix_mc_payment_operation_status_leased_until", "status", "leased_until"),
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
    Column("batch", String(64), nullable=False, server_default=""),  # the first of several that were asked for as one
    Column("reason", String(20), nullable=False, server_default=""),  # asked, late, undone, provider
    CheckConstraint("amount > 0", name="amount"),
    Index("ix_mc_refund_status_leased_until", "status", "leased_until"),
    Index("uq_mc_refund_order_number_idempotency_key", "order_number", "idempotency_key", unique=True),
    Index("ix_mc_refund_batch", "batch"),
)

account = Table(
    f"{PREFIX}account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(12), nullable=False),  # gift_card, store_credit
    Column("code_hash", String(64), unique=True),  # of a gift card: the code itself is told once and not kept
    Column("hint", String(4), nullable=False),
    Column("customer_id", Id),  # of store credit
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    # The last line of defence: nobody spends what is not there.
    CheckConstraint("balance >= 0", name="balance"),
    Index("uq_mc_account_customer_id_kind_currency", "customer_id", "kind", "currency", unique=True),
)

entry = Table(
    f"{PREFIX}account_entry",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey(f"{PREFIX}account.id"), nullable=False),
    Column("kind", String(12), nullable=False),  # issue, top_up, debit, release, refund
    Column("amount", BigInteger, nullable=False),  # below zero for a debit
    Column("payment_id", String(64)),
    Column("reference", String(120), nullable=False),
    Column("idempotency_key", String(255)),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_account_entry_account_id", "account_id", "id"),
    Index("uq_mc_account_entry_account_id_idempotency_key", "account_id", "idempotency_key", unique=True),
)
