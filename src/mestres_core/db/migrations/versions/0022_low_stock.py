"""Levels by what is available of them, so that those that run low are found without a look at all others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INDEX, _TABLE = "ix_mc_stock_level_available", "mc_stock_level"


def upgrade() -> None:
    """Make the index, on PostgreSQL."""
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(_INDEX, _TABLE, [sa.text("(on_hand - allocated - reserved)"), "variant_id"])


def downgrade() -> None:
    """Take it away."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(_INDEX, table_name=_TABLE)
