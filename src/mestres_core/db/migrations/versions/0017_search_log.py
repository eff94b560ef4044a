"""What was searched for, and what is sold most."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "mc_search_query",
        sa.Column("query", Folded, nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("unanswered", sa.BigInteger(), nullable=False),
        sa.Column("results", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("query", name=op.f("pk_mc_search_query")),
        sa.CheckConstraint("asked >= unanswered AND unanswered >= 0", name=op.f("ck_mc_search_query_asked")),
    )
    op.create_index("ix_mc_search_query_last_at", "mc_search_query", ["last_at"])
    op.create_table(
        "mc_search_popularity",
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("id", Id, nullable=False, autoincrement=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_mc_search_popularity")),
    )
    op.create_index("ix_mc_search_popularity_sold", "mc_search_popularity", ["kind", "sold", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("mc_search_popularity")
    op.drop_table("mc_search_query")
