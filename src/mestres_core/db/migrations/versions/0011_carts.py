"""Owners, channels and wishes of carts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MERGED = "(status = 'merged') = (merged_into IS NOT NULL)"
_CHECK = "ck_mc_cart_merged"
_OLD_UNIQUE = ("cart_id", "variant_id")
_NEW_UNIQUE = (*_OLD_UNIQUE, "attributes_key")
# Lines that only their attributes told apart become one again.
_ADD_UP = """
    UPDATE mc_cart_line SET quantity = (
        SELECT sum(other.quantity) FROM mc_cart_line AS other
        WHERE other.cart_id = mc_cart_line.cart_id AND other.variant_id = mc_cart_line.variant_id
    )
"""
_KEEP_FIRST = """
    DELETE FROM mc_cart_line WHERE EXISTS (
        SELECT 1 FROM mc_cart_line AS other
        WHERE other.cart_id = mc_cart_line.cart_id AND other.variant_id = mc_cart_line.variant_id
        AND other.id < mc_cart_line.id
    )
"""


def _line_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("attributes", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("attributes_key", sa.String(32), server_default="", nullable=False),
    )


def _unique(columns: tuple[str, ...]) -> str:
    return "_".join(("uq_mc_cart_line", *columns))


def _copied(table: str, columns: tuple[sa.Column[Any], ...], unique: tuple[str, ...]) -> sa.Table:
    """A table of lines as it is to be. SQLite cannot change a constraint: the rows move to another table."""
    return op.create_table(
        table,
        sa.Column("id", Id, nullable=False),
        sa.Column("cart_id", sa.String(64), nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        *columns,
        sa.CheckConstraint("quantity > 0", name=op.f("ck_mc_cart_line_quantity")),
        sa.ForeignKeyConstraint(["cart_id"], ["mc_cart.id"], name=op.f("fk_mc_cart_line_cart_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_cart_line_variant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_cart_line")),
        sa.UniqueConstraint(*unique, name=op.f(_unique(unique))),
    )


def _move_lines(columns: tuple[sa.Column[Any], ...], unique: tuple[str, ...]) -> None:
    _copied("mc_cart_line_new", columns, unique)
    kept = "id, cart_id, variant_id, quantity"
    op.execute(f"INSERT INTO mc_cart_line_new ({kept}) SELECT {kept} FROM mc_cart_line")  # noqa: S608 - constants
    op.drop_table("mc_cart_line")
    op.rename_table("mc_cart_line_new", "mc_cart_line")


def upgrade() -> None:
    """Create them."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.add_column("mc_cart", sa.Column("owner", sa.String(120), nullable=True))
    op.add_column("mc_cart", sa.Column("channel", sa.String(40), server_default="default", nullable=False))
    op.add_column("mc_cart", sa.Column("customer_group", sa.String(40), nullable=True))
    if postgresql:
        op.add_column("mc_cart", sa.Column("merged_into", sa.String(64), nullable=True))
        op.create_check_constraint(op.f(_CHECK), "mc_cart", _MERGED)
        for column in _line_columns():
            op.add_column("mc_cart_line", column)
        op.drop_constraint(op.f(_unique(_OLD_UNIQUE)), "mc_cart_line", type_="unique")
        op.create_unique_constraint(op.f(_unique(_NEW_UNIQUE)), "mc_cart_line", list(_NEW_UNIQUE))
    else:
        op.execute(f"ALTER TABLE mc_cart ADD COLUMN merged_into VARCHAR(64) CONSTRAINT {_CHECK} CHECK ({_MERGED})")
        _move_lines(_line_columns(), _NEW_UNIQUE)
    op.add_column("mc_order_line", sa.Column("attributes", sa.JSON(), server_default="{}", nullable=False))
    op.create_index("ix_mc_quote_expires_at", "mc_quote", ["expires_at"])
    op.create_index("ix_mc_cart_owner", "mc_cart", ["owner", "channel", "updated_at"])


def downgrade() -> None:
    """Drop them."""
    op.execute("UPDATE mc_cart SET status = 'ordered', merged_into = NULL WHERE status IN ('merged', 'expired')")
    op.execute(_ADD_UP)
    op.execute(_KEEP_FIRST)
    op.drop_index("ix_mc_cart_owner", table_name="mc_cart")
    op.drop_index("ix_mc_quote_expires_at", table_name="mc_quote")
    op.drop_column("mc_order_line", "attributes")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(_unique(_NEW_UNIQUE)), "mc_cart_line", type_="unique")
        op.create_unique_constraint(op.f(_unique(_OLD_UNIQUE)), "mc_cart_line", list(_OLD_UNIQUE))
        for column in _line_columns():
            op.drop_column("mc_cart_line", column.name)
        op.drop_constraint(op.f(_CHECK), "mc_cart", type_="check")
    else:
        _move_lines((), _OLD_UNIQUE)
    for name in ("merged_into", "customer_group", "channel", "owner"):
        op.drop_column("mc_cart", name)
