"""The stamp of the shop's rules."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    book = op.create_table(
        "mc_rulebook",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stamp", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_rulebook")),
    )
    op.bulk_insert(book, [{"id": 1, "stamp": secrets.token_urlsafe(24)}])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("mc_rulebook")
