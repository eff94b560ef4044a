"""What each line's buyer paid, what is taken back of it, parcels, changes, returns, and a counter of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)

# A CHECK of a column comes and goes with it, on SQLite as well; Alembic cannot say so there.
_COLUMNS = {
    "mc_order": (
        ("channel", "VARCHAR(40) NOT NULL DEFAULT 'default'", None),
        ("customer_group", "VARCHAR(40)", None),
        ("owner", "VARCHAR(120)", None),
        ("tax_included_amount", "BIGINT NOT NULL DEFAULT 0", ("tax_included", "tax_included_amount >= 0")),
        ("shipping_tax_amount", "BIGINT NOT NULL DEFAULT 0", ("shipping_tax", "shipping_tax_amount >= 0")),
        (
            "credited_amount",
            "BIGINT NOT NULL DEFAULT 0",
            ("credited", "credited_amount BETWEEN 0 AND grand_amount"),
        ),
        (
            "shipping_credited_amount",
            "BIGINT NOT NULL DEFAULT 0",
            (
                "shipping_credited",
                "shipping_credited_amount >= 0 AND shipping_credited_amount <= shipping_amount + shipping_tax_amount",
            ),
        ),
    ),
    "mc_order_line": (
        (
            "discount_amount",
            "BIGINT NOT NULL DEFAULT 0",
            ("discount", "discount_amount BETWEEN 0 AND total"),
        ),
        ("tax_amount", "BIGINT NOT NULL DEFAULT 0", ("tax", "tax_amount >= 0")),
        ("tax_included_amount", "BIGINT NOT NULL DEFAULT 0", ("tax_included", "tax_included_amount >= 0")),
        ("cancelled_quantity", "INTEGER NOT NULL DEFAULT 0", ("cancelled", "cancelled_quantity >= 0")),
        (
            "shipped_quantity",
            "INTEGER NOT NULL DEFAULT 0",
            ("shipped", "shipped_quantity >= 0 AND shipped_quantity + cancelled_quantity <= quantity"),
        ),
        (
            "returned_quantity",
            "INTEGER NOT NULL DEFAULT 0",
            ("returned", "returned_quantity BETWEEN 0 AND shipped_quantity"),
        ),
        (
            "credited_quantity",
            "INTEGER NOT NULL DEFAULT 0",
            (
                "credited",
                "credited_quantity BETWEEN cancelled_quantity AND cancelled_quantity + returned_quantity",
            ),
        ),
    ),
}

# The discount of each order so far, shared out over its lines by largest remainder, ties to the earlier line.
_SHARES = """
    UPDATE mc_order_line
    SET discount_amount = shared.floor + (CASE WHEN shared.place <= shared.missing THEN 1 ELSE 0 END)
    FROM (
        SELECT id, floor, row_number() OVER (PARTITION BY order_id ORDER BY rest DESC, id) AS place,
               discount_amount - sum(floor) OVER (PARTITION BY order_id) AS missing
        FROM (
            SELECT line.id, line.order_id, o.discount_amount,
                   line.total * o.discount_amount / o.items_amount AS floor,
                   line.total * o.discount_amount % o.items_amount AS rest
            FROM mc_order_line AS line JOIN mc_order AS o ON o.id = line.order_id
            WHERE o.discount_amount > 0 AND o.items_amount > 0
        ) AS exact
    ) AS shared
    WHERE shared.id = mc_order_line.id
"""
_SHIPPED = """
    UPDATE mc_order_line SET shipped_quantity = quantity
    WHERE order_id IN (SELECT id FROM mc_order WHERE fulfillment_status = 'fulfilled')
"""
# They left in one parcel; nothing more is known of it.
_PARCELS = """
    INSERT INTO mc_shipment (order_id, tracking, carrier, created_at)
    SELECT id, '', '', updated_at FROM mc_order WHERE fulfillment_status = 'fulfilled'
"""
_PIECES = """
    INSERT INTO mc_shipment_line (shipment_id, line_id, quantity)
    SELECT mc_shipment.id, line.id, line.quantity
    FROM mc_order_line AS line JOIN mc_shipment ON mc_shipment.order_id = line.order_id
"""
# What was given back for orders that were not called off was goodwill: nobody wrote down more.
_GOODWILL = """
    INSERT INTO mc_order_credit (order_id, kind, pieces, amount, reference, created_at)
    SELECT o.id, 'goodwill', 0, sum(r.amount), '', o.updated_at
    FROM mc_order AS o JOIN mc_refund AS r ON r.order_number = o.number AND r.status = 'refunded'
    WHERE o.status IN ('placed', 'completed') AND o.payment_status IN ('partially_refunded', 'refunded')
    GROUP BY o.id, o.updated_at
"""
_CREDITED = """
    UPDATE mc_order SET credited_amount = credit.amount
    FROM mc_order_credit AS credit WHERE credit.order_id = mc_order.id
"""


def _resize(length: int) -> None:
    """`fulfillment_status` with this many letters. SQLite cannot change a column's type, so it gets another column."""
    if op.get_bind().dialect.name == "postgresql":
        short = f"left(fulfillment_status, {length})"
        op.execute(f"ALTER TABLE mc_order ALTER COLUMN fulfillment_status TYPE varchar({length}) USING {short}")
        return
    op.add_column("mc_order", sa.Column("resized", sa.String(length), server_default="", nullable=False))
    op.execute(f"UPDATE mc_order SET resized = substr(fulfillment_status, 1, {length})")  # noqa: S608 - a number
    op.drop_column("mc_order", "fulfillment_status")
    op.execute("ALTER TABLE mc_order RENAME COLUMN resized TO fulfillment_status")


def upgrade() -> None:
    """Create them, and know of the orders that are there what can be known."""
    _resize(20)
    for table, columns in _COLUMNS.items():
        for name, kind, check in columns:
            constraint = f" CONSTRAINT ck_{table}_{check[0]} CHECK ({check[1]})" if check else ""
            op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}{constraint}")
    _create_tables()
    for statement in (_SHARES, _SHIPPED, _PARCELS, _PIECES, _GOODWILL, _CREDITED):
        op.execute(statement)


def _create_tables() -> None:
    op.create_table(
        "mc_order_credit",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("line_id", Id, nullable=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("amount >= 0 AND pieces >= 0", name=op.f("ck_mc_order_credit_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["mc_order.id"], name=op.f("fk_mc_order_credit_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_credit")),
    )
    op.create_index("ix_mc_order_credit_order_id", "mc_order_credit", ["order_id"])
    op.create_table(
        "mc_shipment",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("tracking", sa.String(120), nullable=False),
        sa.Column("carrier", sa.String(60), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("delivered_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["mc_order.id"], name=op.f("fk_mc_shipment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_shipment")),
    )
    op.create_index("ix_mc_shipment_order_id", "mc_shipment", ["order_id"])
    op.create_table(
        "mc_shipment_line",
        sa.Column("shipment_id", Id, nullable=False),
        sa.Column("line_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_mc_shipment_line_quantity")),
        sa.ForeignKeyConstraint(["shipment_id"], ["mc_shipment.id"], name=op.f("fk_mc_shipment_line_shipment_id")),
        sa.ForeignKeyConstraint(["line_id"], ["mc_order_line.id"], name=op.f("fk_mc_shipment_line_line_id")),
        sa.PrimaryKeyConstraint("shipment_id", "line_id", name=op.f("pk_mc_shipment_line")),
    )
    op.create_index("ix_mc_shipment_line_line_id", "mc_shipment_line", ["line_id"])
    op.create_table(
        "mc_order_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("difference", sa.BigInteger(), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["mc_order.id"], name=op.f("fk_mc_order_change_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_change")),
    )
    op.create_index("ix_mc_order_change_order_id", "mc_order_change", ["order_id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "uq_mc_order_change_open",
        "mc_order_change",
        ["order_id"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )
    op.create_table(
        "mc_order_change_step",
        sa.Column("id", Id, nullable=False),
        sa.Column("change_id", Id, nullable=False),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("line_id", Id, nullable=True),
        sa.Column("variant_id", Id, nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_mc_order_change_step_quantity")),
        sa.ForeignKeyConstraint(["change_id"], ["mc_order_change.id"], name=op.f("fk_mc_order_change_step_change_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_change_step")),
    )
    op.create_index("ix_mc_order_change_step_change_id", "mc_order_change_step", ["change_id"])
    op.create_table(
        "mc_order_return",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["mc_order.id"], name=op.f("fk_mc_order_return_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_return")),
    )
    op.create_index("ix_mc_order_return_order_id", "mc_order_return", ["order_id"])
    op.create_table(
        "mc_order_return_line",
        sa.Column("return_id", Id, nullable=False),
        sa.Column("line_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("scrapped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "quantity >= 0 AND scrapped >= 0 AND scrapped <= quantity", name=op.f("ck_mc_order_return_line_quantity")
        ),
        sa.ForeignKeyConstraint(["return_id"], ["mc_order_return.id"], name=op.f("fk_mc_order_return_line_return_id")),
        sa.ForeignKeyConstraint(["line_id"], ["mc_order_line.id"], name=op.f("fk_mc_order_return_line_line_id")),
        sa.PrimaryKeyConstraint("return_id", "line_id", name=op.f("pk_mc_order_return_line")),
    )
    op.create_index("ix_mc_order_return_line_line_id", "mc_order_return_line", ["line_id"])
    op.create_table(
        "mc_order_counter",
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_mc_order_counter")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "mc_order_counter",
        "mc_order_return_line",
        "mc_order_return",
        "mc_order_change_step",
        "mc_order_change",
        "mc_shipment_line",
        "mc_shipment",
        "mc_order_credit",
    ):
        op.drop_table(table)
    for table, columns in _COLUMNS.items():
        for name, _, _ in reversed(columns):
            op.drop_column(table, name)
    op.execute(
        "UPDATE mc_order SET fulfillment_status = 'unfulfilled' WHERE fulfillment_status = 'partially_fulfilled'"
    )
    _resize(12)
