"""Customers, coupons, refunds, confirmations: whose an order is, what was taken off it, given back, and told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)

# Every order so far becomes its customer's; a later order of the same address tells no new name.
_CUSTOMERS = {
    "postgresql": """
        INSERT INTO mc_customer (email, name, document, created_at)
        SELECT DISTINCT ON (lower(customer ->> 'email'))
               lower(customer ->> 'email'), customer ->> 'name', coalesce(customer ->> 'document', ''), created_at
        FROM mc_order ORDER BY lower(customer ->> 'email'), id
    """,
    "sqlite": """
        INSERT INTO mc_customer (email, name, document, created_at)
        SELECT lower(json_extract(customer, '$.email')), json_extract(customer, '$.name'),
               coalesce(json_extract(customer, '$.document'), ''), created_at
        FROM mc_order WHERE true ORDER BY id
        ON CONFLICT (email) DO NOTHING
    """,
}
_OWNERS = {
    "postgresql": """
        UPDATE mc_order SET customer_id = mc_customer.id
        FROM mc_customer WHERE mc_customer.email = lower(mc_order.customer ->> 'email')
    """,
    "sqlite": """
        UPDATE mc_order SET customer_id = (
            SELECT id FROM mc_customer WHERE email = lower(json_extract(mc_order.customer, '$.email'))
        )
    """,
}


def _widen(length: int) -> None:
    """`payment_status` with this many letters. SQLite cannot change a column's type, so it gets another column."""
    if op.get_bind().dialect.name == "postgresql":
        short = f"left(payment_status, {length})"
        op.execute(f"ALTER TABLE mc_order ALTER COLUMN payment_status TYPE varchar({length}) USING {short}")
        return
    op.add_column("mc_order", sa.Column("resized", sa.String(length), server_default="", nullable=False))
    op.execute(f"UPDATE mc_order SET resized = substr(payment_status, 1, {length})")  # noqa: S608 - a number
    op.drop_column("mc_order", "payment_status")
    op.execute("ALTER TABLE mc_order RENAME COLUMN resized TO payment_status")


def upgrade() -> None:
    """Create the tables, and know the customers of the orders that are there."""
    op.create_table(
        "mc_customer",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("document", sa.String(20), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_customer")),
        sa.UniqueConstraint("email", name=op.f("uq_mc_customer_email")),
    )
    op.create_table(
        "mc_coupon",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_mc_coupon_value")),
        sa.CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name=op.f("ck_mc_coupon_uses")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_mc_coupon")),
    )
    op.create_table(
        "mc_cart_coupon",
        sa.Column("id", Id, nullable=False),
        sa.Column("cart_id", sa.String(64), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_cart_coupon")),
    )
    op.create_index("uq_mc_cart_coupon_cart_id_code", "mc_cart_coupon", ["cart_id", "code"], unique=True)
    op.create_table(
        "mc_refund",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=True),
        sa.Column("leased_until", Moment, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_mc_refund_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_refund")),
    )
    op.create_index("ix_mc_refund_payment_id", "mc_refund", ["payment_id"])
    op.create_index("ix_mc_refund_status_leased_until", "mc_refund", ["status", "leased_until"])
    op.create_index(
        "uq_mc_refund_order_number_idempotency_key", "mc_refund", ["order_number", "idempotency_key"], unique=True
    )
    op.add_column("mc_order", sa.Column("customer_id", Id, nullable=True))
    op.add_column("mc_order", sa.Column("coupons", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("mc_order", sa.Column("confirmed_at", Moment, nullable=True))
    op.add_column("mc_order", sa.Column("confirming_until", Moment, nullable=True))
    op.execute("UPDATE mc_order SET confirmed_at = updated_at WHERE status <> 'pending'")  # nobody is told late
    dialect = op.get_bind().dialect.name
    op.execute(_CUSTOMERS[dialect])
    op.execute(_OWNERS[dialect])
    op.create_index("ix_mc_order_customer_id", "mc_order", ["customer_id", "id"])
    _widen(20)
    unconfirmed = sa.text("confirmed_at IS NULL AND status = 'placed'")
    op.create_index(
        "ix_mc_order_unconfirmed",
        "mc_order",
        ["updated_at"],
        postgresql_where=unconfirmed,
        sqlite_where=unconfirmed,
    )


def downgrade() -> None:
    """Drop them."""
    _widen(12)
    op.drop_index("ix_mc_order_unconfirmed", table_name="mc_order")
    op.drop_index("ix_mc_order_customer_id", table_name="mc_order")
    op.drop_column("mc_order", "confirming_until")
    op.drop_column("mc_order", "confirmed_at")
    op.drop_column("mc_order", "coupons")
    op.drop_column("mc_order", "customer_id")
    for table in ("mc_refund", "mc_cart_coupon", "mc_coupon", "mc_customer"):
        op.drop_table(table)
