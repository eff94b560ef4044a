"""Captures, gift cards, store credit and the inbox of webhooks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_PARKED = sa.text("state = 'parked'")

# A CHECK of a column comes and goes with it, on SQLite as well; Alembic cannot say so there.
_SUMS = {
    "authorized": "authorized_amount >= 0 AND authorized_amount <= amount",
    "captured": "captured_amount >= 0 AND captured_amount <= amount",
    "voided": "voided_amount >= 0 AND voided_amount + captured_amount <= amount",
    "refunded": "refunded_amount >= 0 AND refunded_amount <= captured_amount",
    "refunding": "refunding_amount >= 0",
}


def _plain() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "mc_payment": (
            sa.Column("position", sa.Integer(), server_default="0", nullable=False),
            sa.Column("account_id", Id),
        ),
        "mc_payment_event": (sa.Column("operation", sa.String(120), server_default="", nullable=False),),
        "mc_refund": (
            sa.Column("batch", sa.String(64), server_default="", nullable=False),
            sa.Column("reason", sa.String(20), server_default="", nullable=False),
        ),
    }


_REFUNDS = "SELECT coalesce(sum(amount), 0) FROM mc_refund WHERE payment_id = mc_payment.id AND status = '{status}'"


def _resize(table: str, column: str, length: int, *, indexes: dict[str, list[str]]) -> None:
    """Text of this many letters. SQLite cannot change a column's type, so it gets another column."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar({length}) USING left({column}, {length})")
        return
    for name in indexes:
        op.drop_index(name, table_name=table)
    op.add_column(table, sa.Column("resized", sa.String(length), server_default="", nullable=False))
    op.execute(f"UPDATE {table} SET resized = substr({column}, 1, {length})")  # noqa: S608 - constants
    op.drop_column(table, column)
    op.execute(f"ALTER TABLE {table} RENAME COLUMN resized TO {column}")
    for name, columns in indexes.items():
        op.create_index(name, table, columns)


_STATUS = {
    "ix_mc_payment_status_leased_until": ["status", "leased_until"],
    "ix_mc_payment_created_at": ["created_at", "status"],
}


def upgrade() -> None:
    """Create them, and tell each payment what its ledger adds up to."""
    for table, columns in _plain().items():
        for column in columns:
            op.add_column(table, column)
    _resize("mc_payment", "status", 20, indexes=_STATUS)
    _resize("mc_payment_event", "kind", 20, indexes={})
    for name, check in _SUMS.items():
        constraint = f"CONSTRAINT ck_mc_payment_{name} CHECK ({check})"
        op.execute(f"ALTER TABLE mc_payment ADD COLUMN {name}_amount BIGINT DEFAULT 0 NOT NULL {constraint}")
    op.execute("UPDATE mc_payment SET captured_amount = amount WHERE status = 'captured'")
    op.execute(
        "UPDATE mc_payment SET authorized_amount = amount WHERE id IN"
        " (SELECT payment_id FROM mc_payment_event WHERE kind = 'authorized' AND state = 'applied')"
    )
    refunded, refunding = (_REFUNDS.format(status=status) for status in ("refunded", "pending"))
    op.execute(
        f"UPDATE mc_payment SET refunded_amount = ({refunded}), refunding_amount = ({refunding})"  # noqa: S608
        " WHERE status = 'captured'"
    )
    # A refund's event names what it speaks of: its id is the refund's.
    op.execute("UPDATE mc_payment_event SET operation = event_id WHERE kind = 'refunded'")
    op.execute("UPDATE mc_refund SET batch = id, reason = 'asked'")
    op.create_index(
        "ix_mc_payment_event_parked", "mc_payment_event", ["id"], postgresql_where=_PARKED, sqlite_where=_PARKED
    )
    op.create_index("ix_mc_refund_batch", "mc_refund", ["batch"])
    op.create_table(
        "mc_payment_operation",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=True),
        sa.Column("leased_until", Moment, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_payment_operation_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_payment_operation")),
    )
    for name in ("payment_id", "order_number"):
        op.create_index(f"ix_mc_payment_operation_{name}", "mc_payment_operation", [name])
    op.create_index("ix_mc_payment_operation_status_leased_until", "mc_payment_operation", ["status", "leased_until"])
    op.create_table(
        "mc_account",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=True),
        sa.Column("hint", sa.String(4), nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("expires_at", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_mc_account_balance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_account")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_mc_account_code_hash")),
    )
    op.create_index(
        "uq_mc_account_customer_id_kind_currency", "mc_account", ["customer_id", "kind", "currency"], unique=True
    )
    op.create_table(
        "mc_account_entry",
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.String(64), nullable=True),
        sa.Column("reference", sa.String(120), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["mc_account.id"], name=op.f("fk_mc_account_entry_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_account_entry")),
    )
    op.create_index("ix_mc_account_entry_account_id", "mc_account_entry", ["account_id", "id"])
    op.create_index(
        "uq_mc_account_entry_account_id_idempotency_key",
        "mc_account_entry",
        ["account_id", "idempotency_key"],
        unique=True,
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("mc_account_entry", "mc_account", "mc_payment_operation"):
        op.drop_table(table)
    op.drop_index("ix_mc_refund_batch", table_name="mc_refund")
    op.drop_index("ix_mc_payment_event_parked", table_name="mc_payment_event")
    for name in reversed(_SUMS):
        op.drop_column("mc_payment", f"{name}_amount")
    for table, columns in _plain().items():
        for column in columns:
            op.drop_column(table, column.name)
    _resize("mc_payment_event", "kind", 12, indexes={})
    _resize("mc_payment", "status", 12, indexes=_STATUS)
