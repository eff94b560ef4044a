"""What lists show of a product: a range of prices, and only what a buyer may see. Orders of one status as a list."""

import sqlalchemy as sa
from alembic import op

from mestres_core.db.schema import own_name

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RANGE = """
    SELECT {what} FROM mc_variant v JOIN mc_price p ON p.variant_id = v.id
    WHERE v.product_id = mc_product_card.product_id AND v.active AND p.currency = mc_product_card.currency
"""
_LISTED = f"""
    EXISTS (SELECT 1 FROM mc_product WHERE mc_product.id = mc_product_card.product_id AND mc_product.active)
    AND EXISTS ({_RANGE.format(what="1")})
"""  # noqa: S608 - constants
_STOCKED = """
    EXISTS (
        SELECT 1 FROM mc_variant v JOIN mc_price p ON p.variant_id = v.id JOIN mc_stock_level l ON l.variant_id = v.id
        WHERE v.product_id = mc_product_card.product_id AND v.active AND p.currency = mc_product_card.currency
            AND l.on_hand - l.allocated - l.reserved + l.backorder_limit > 0
    )
"""
_FILL = f"""
    UPDATE mc_product_card SET
        price = ({_RANGE.format(what="min(p.amount)")}),
        max_price = ({_RANGE.format(what="max(p.amount)")}),
        variants = ({_RANGE.format(what="count(*)")}),
        sku = ({_RANGE.format(what="v.sku")} ORDER BY v.position, v.id LIMIT 1),
        in_stock = {_STOCKED},
        category_id = (SELECT category_id FROM mc_product WHERE mc_product.id = mc_product_card.product_id)
"""  # noqa: S608 - constants
# What lists leave out had a card before.
_BACK = """
    INSERT INTO mc_product_card (product_id, currency, price, max_price, sku, image, in_stock)
    SELECT v.product_id, p.currency, min(p.amount), max(p.amount), min(v.sku),
        (SELECT url FROM mc_image WHERE mc_image.product_id = v.product_id ORDER BY position, id LIMIT 1), false
    FROM mc_variant v JOIN mc_price p ON p.variant_id = v.id
    WHERE v.active AND NOT EXISTS (
        SELECT 1 FROM mc_product_card c WHERE c.product_id = v.product_id AND c.currency = p.currency
    )
    GROUP BY v.product_id, p.currency
"""


def upgrade() -> None:
    """Add the columns, fill them, and drop the cards of what is not listed."""
    with op.batch_alter_table("mc_product_card") as table:
        table.add_column(sa.Column("max_price", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("variants", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.execute(f"DELETE FROM mc_product_card WHERE NOT ({_LISTED})")  # noqa: S608 - constants
    op.execute(_FILL)
    with op.batch_alter_table("mc_product_card") as table:
        table.create_check_constraint(op.f("ck_mc_product_card_max_price"), "price <= max_price")
    op.drop_index("ix_mc_product_card_price", table_name="mc_product_card")
    op.create_index("ix_mc_product_card_price", "mc_product_card", ["currency", "price", "product_id", "in_stock"])
    op.create_index("ix_mc_product_card_category", "mc_product_card", ["currency", "category_id", "product_id"])
    op.create_index("ix_mc_order_status", "mc_order", ["status", "id"])


def downgrade() -> None:
    """Give every product its card back, and drop the columns."""
    op.drop_index("ix_mc_order_status", table_name="mc_order")
    op.execute(_BACK)
    op.execute(f"UPDATE mc_product_card SET in_stock = {_STOCKED}")  # noqa: S608 - constants
    op.drop_index("ix_mc_product_card_price", table_name="mc_product_card")
    op.create_index("ix_mc_product_card_price", "mc_product_card", ["currency", "price", "product_id"])
    op.drop_index("ix_mc_product_card_category", table_name="mc_product_card")
    with op.batch_alter_table("mc_product_card") as table:
        # SQLite finds it by the name that it was given there.
        table.drop_constraint(op.f(own_name(op.get_bind(), "ck_mc_product_card_max_price")), type_="check")
        for column in ("category_id", "variants", "max_price"):
            table.drop_column(column)
