"""The product of each order line, so that what was sold adds up by product from one index."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INDEX, _TABLE = "ix_mc_order_line_figures", "mc_order_line"
_BEFORE = ["order_id", "variant_id", "quantity", "total"]


def upgrade() -> None:
    """Add the column, fill it, and put it into the index."""
    op.drop_index(_INDEX, table_name=_TABLE)
    op.add_column(_TABLE, sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.execute(
        "UPDATE mc_order_line SET product_id ="
        " (SELECT product_id FROM mc_variant WHERE mc_variant.id = mc_order_line.variant_id)"
    )
    op.create_index(_INDEX, _TABLE, [*_BEFORE, "product_id"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index(_INDEX, table_name=_TABLE)
    op.drop_column(_TABLE, "product_id")
    op.create_index(_INDEX, _TABLE, _BEFORE)
