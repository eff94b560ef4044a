"""Jobs, and the indexes from which dashboard and reports add up."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_ORDER = ["created_at", "currency", "status", "payment_status", "grand_amount", "customer_id", "number", "id"]


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "mc_job",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("result_size", sa.BigInteger(), nullable=True),
        sa.Column("input", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment, nullable=True),
        sa.Column("finished_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_job")),
    )
    op.create_index("ix_mc_job_status_leased_until", "mc_job", ["status", "leased_until"])
    op.create_index("ix_mc_job_finished_at", "mc_job", ["finished_at"])
    op.create_table(
        "mc_job_part",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["mc_job.id"], name=op.f("fk_mc_job_part_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_mc_job_part")),
    )
    op.create_index("ix_mc_order_figures", "mc_order", _ORDER)
    op.drop_index("ix_mc_order_created_at", table_name="mc_order")
    op.create_index("ix_mc_order_line_figures", "mc_order_line", ["order_id", "variant_id", "quantity", "total"])
    op.drop_index("ix_mc_order_line_order_id", table_name="mc_order_line")
    op.create_index("ix_mc_payment_created_at", "mc_payment", ["created_at", "status"])
    op.drop_index("ix_mc_cart_updated_at", table_name="mc_cart")
    op.create_index("ix_mc_cart_updated_at", "mc_cart", ["updated_at", "status"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_mc_cart_updated_at", table_name="mc_cart")
    op.create_index("ix_mc_cart_updated_at", "mc_cart", ["updated_at"])
    op.drop_index("ix_mc_payment_created_at", table_name="mc_payment")
    op.create_index("ix_mc_order_line_order_id", "mc_order_line", ["order_id"])
    op.drop_index("ix_mc_order_line_figures", table_name="mc_order_line")
    op.create_index("ix_mc_order_created_at", "mc_order", ["created_at"])
    op.drop_index("ix_mc_order_figures", table_name="mc_order")
    op.drop_table("mc_job_part")
    op.drop_table("mc_job")
