"""Tax rates, shipping zones and tables."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_OF_VARIANT = (
    ("tax_class", sa.String(40), "standard"),
    ("digital", sa.Boolean(), sa.false()),
    ("length_mm", sa.Integer(), "0"),
    ("width_mm", sa.Integer(), "0"),
    ("height_mm", sa.Integer(), "0"),
)


def upgrade() -> None:
    """Create them."""
    _create_tax()
    _create_shipping()
    for name, kind, default in _OF_VARIANT:
        op.add_column("mc_variant", sa.Column(name, kind, nullable=False, server_default=default))


def downgrade() -> None:
    """Drop them."""
    for name, _, _ in _OF_VARIANT:  # not in batch mode: that would make the table anew, which others point to
        op.drop_column("mc_variant", name)
    for table in ("mc_shipping_method", "mc_shipping_zone", "mc_order_tax", "mc_tax_rate"):
        op.drop_table(table)


def _create_tax() -> None:
    op.create_table(
        "mc_tax_rate",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("tax_class", sa.String(40), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("region", sa.String(60), nullable=False),
        sa.Column("origin", sa.String(60), nullable=False),
        sa.Column("customer_type", sa.String(20), nullable=False),
        sa.Column("ppm", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(9), nullable=False),
        sa.Column("informational", sa.Boolean(), nullable=False),
        sa.Column("compound", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=True),
        sa.CheckConstraint("ppm >= 0", name=op.f("ck_mc_tax_rate_ppm")),
        sa.CheckConstraint("mode IN ('exclusive', 'inclusive', 'gross')", name=op.f("ck_mc_tax_rate_mode")),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name=op.f("ck_mc_tax_rate_span")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_tax_rate")),
        sa.UniqueConstraint(
            *("tax_class", "name", "country", "region", "origin", "customer_type", "starts_at"),
            name=op.f("uq_mc_tax_rate_key"),
        ),
    )
    op.create_table(
        "mc_order_tax",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("line_id", Id, nullable=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("ppm", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(9), nullable=False),
        sa.Column("informational", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_order_tax_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_tax")),
    )
    op.create_index("ix_mc_order_tax_order_id", "mc_order_tax", ["order_id", "line_id"])


def _create_shipping() -> None:
    op.create_table(
        "mc_shipping_zone",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("countries", sa.JSON(), nullable=False),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.Column("postal_codes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_shipping_zone")),
        sa.UniqueConstraint("code", name=op.f("uq_mc_shipping_zone_code")),
    )
    op.create_table(
        "mc_shipping_method",
        sa.Column("id", Id, nullable=False),
        sa.Column("zone_id", Id, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("by_weight", sa.JSON(), nullable=False),
        sa.Column("per_kg", sa.BigInteger(), nullable=True),
        sa.Column("by_price", sa.JSON(), nullable=False),
        sa.Column("ppm", sa.Integer(), nullable=False),
        sa.Column("per_item", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("maximum", sa.BigInteger(), nullable=True),
        sa.Column("free_over", sa.BigInteger(), nullable=True),
        sa.Column("max_weight_grams", sa.Integer(), nullable=True),
        sa.Column("max_side_mm", sa.Integer(), nullable=True),
        sa.Column("max_sides_mm", sa.Integer(), nullable=True),
        sa.Column("min_weight_grams", sa.Integer(), nullable=False),
        sa.Column("max_items_total", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "base >= 0 AND ppm >= 0 AND per_item >= 0 AND minimum >= 0", name=op.f("ck_mc_shipping_method_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"], ["mc_shipping_zone.id"], name=op.f("fk_mc_shipping_method_zone_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_shipping_method")),
        sa.UniqueConstraint("zone_id", "code", "currency", name=op.f("uq_mc_shipping_method_zone_id_code_currency")),
    )
