"""Whose variant it is, and which are not for sale, from an index alone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Two indexes over variants."""
    op.create_index("ix_mc_variant_product", "mc_variant", ["id", "product_id", "active"])
    op.create_index(
        "ix_mc_variant_hidden",
        "mc_variant",
        ["id"],
        postgresql_where=sa.text("NOT active"),
        sqlite_where=sa.text("active = 0"),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_mc_variant_hidden", table_name="mc_variant")
    op.drop_index("ix_mc_variant_product", table_name="mc_variant")
