"""Backoff, dead letters, webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_NEW = ("retry_at", "dead_at", "discarded_at")


def upgrade() -> None:
    """Create them."""
    for name in _NEW:
        op.add_column("mc_outbox", sa.Column(name, Moment, nullable=True))
    _partial("ix_mc_outbox_waiting", "mc_outbox", ["aggregate", "aggregate_id", "id"], "delivered_at IS NULL")
    op.create_table(
        "mc_webhook_endpoint",
        sa.Column("id", Id, nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(120), nullable=False),
        sa.Column("old_secret", sa.String(120), nullable=True),
        sa.Column("old_secret_until", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("failing_since", Moment, nullable=True),
        sa.Column("disabled_at", Moment, nullable=True),
        sa.Column("disabled_reason", sa.String(40), nullable=True),
        sa.CheckConstraint(
            "(disabled_at IS NULL) = (disabled_reason IS NULL)", name=op.f("ck_mc_webhook_endpoint_disabled")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_webhook_endpoint")),
    )
    op.create_table(
        "mc_webhook_delivery",
        sa.Column("id", Id, nullable=False),
        sa.Column("endpoint_id", Id, nullable=False),
        sa.Column("fact_id", Id, nullable=False),
        sa.Column("aggregate", sa.String(40), nullable=False),
        sa.Column("aggregate_id", sa.String(64), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", Moment, nullable=True),
        sa.Column("retry_at", Moment, nullable=True),
        sa.Column("finished_at", Moment, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name=op.f("ck_mc_webhook_delivery_status")),
        sa.CheckConstraint(
            "(status = 'pending') = (finished_at IS NULL)", name=op.f("ck_mc_webhook_delivery_finished")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["mc_webhook_endpoint.id"],
            name=op.f("fk_mc_webhook_delivery_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_webhook_delivery")),
    )
    op.create_index("uq_mc_webhook_delivery_fact", "mc_webhook_delivery", ["endpoint_id", "fact_id"], unique=True)
    op.create_index("ix_mc_webhook_delivery_finished_at", "mc_webhook_delivery", ["finished_at"])
    keys = ["endpoint_id", "aggregate", "aggregate_id", "id"]
    _partial("ix_mc_webhook_delivery_pending", "mc_webhook_delivery", keys, "status = 'pending'")
    op.create_table(
        "mc_webhook_attempt",
        sa.Column("id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["mc_webhook_delivery.id"],
            name=op.f("fk_mc_webhook_attempt_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_webhook_attempt")),
    )
    op.create_index("ix_mc_webhook_attempt_delivery_id", "mc_webhook_attempt", ["delivery_id"])


def downgrade() -> None:
    """Drop them. A dead letter is a waiting fact again."""
    op.drop_table("mc_webhook_attempt")
    op.drop_table("mc_webhook_delivery")
    op.drop_table("mc_webhook_endpoint")
    op.drop_index("ix_mc_outbox_waiting", table_name="mc_outbox")
    for name in reversed(_NEW):
        op.drop_column("mc_outbox", name)


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
