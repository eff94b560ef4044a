"""Accounts, groups, addresses, consents, reviews, wish lists."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_STARS = (1, 2, 3, 4, 5)
_NEW = ("reference", "customer_group", "phone", "merged_into", "erased_at")
_INDEXES = ("uq_mc_customer_reference", "ix_mc_customer_customer_group", "ix_mc_customer_merged_into")


def upgrade() -> None:
    """Create them; whoever has bought before is a guest."""
    for column in (
        sa.Column("reference", sa.String(120), nullable=True),
        sa.Column("customer_group", sa.String(40), nullable=True),
        sa.Column("phone", sa.String(30), server_default="", nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("erased_at", Moment, nullable=True),
    ):
        op.add_column("mc_customer", column)
    op.create_index("uq_mc_customer_reference", "mc_customer", ["reference"], unique=True)
    op.create_index("ix_mc_customer_customer_group", "mc_customer", ["customer_group", "id"])
    op.create_index("ix_mc_customer_merged_into", "mc_customer", ["merged_into"])
    _create_customers()
    _create_reviews()
    _create_wishlists()


def _create_customers() -> None:
    op.create_table(
        "mc_customer_group",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_mc_customer_group")),
    )
    op.create_table(
        "mc_customer_address",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("street", sa.String(200), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("complement", sa.String(120), nullable=False),
        sa.Column("district", sa.String(120), nullable=False),
        sa.Column("city", sa.String(120), nullable=False),
        sa.Column("state", sa.String(60), nullable=False),
        sa.Column("postal_code", sa.String(12), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("default_shipping", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("default_billing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["mc_customer.id"], name=op.f("fk_mc_customer_address_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_customer_address")),
    )
    op.create_index("ix_mc_customer_address_customer_id", "mc_customer_address", ["customer_id"])
    for kind in ("default_shipping", "default_billing"):
        where = sa.text(kind)
        op.create_index(
            f"uq_mc_customer_address_{kind}",
            "mc_customer_address",
            ["customer_id"],
            unique=True,
            postgresql_where=where,
            sqlite_where=where,
        )
    op.create_table(
        "mc_customer_consent",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["mc_customer.id"], name=op.f("fk_mc_customer_consent_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_customer_consent")),
    )
    op.create_index("ix_mc_customer_consent_customer_id", "mc_customer_consent", ["customer_id", "purpose", "id"])


def _create_reviews() -> None:
    op.create_table(
        "mc_review",
        sa.Column("id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.String(120), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_mc_review_rating")),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_review_product_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["mc_customer.id"], name=op.f("fk_mc_review_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_review")),
        sa.UniqueConstraint("product_id", "customer_id", name=op.f("uq_mc_review_product_id_customer_id")),
    )
    op.create_index("ix_mc_review_customer_id", "mc_review", ["customer_id"])
    op.create_index("ix_mc_review_product_id", "mc_review", ["product_id", "status", "id"])
    pending = sa.text("status = 'pending'")
    op.create_index("ix_mc_review_pending", "mc_review", ["id"], postgresql_where=pending, sqlite_where=pending)
    op.create_table(
        "mc_review_summary",
        sa.Column("product_id", Id, autoincrement=False, nullable=False),
        *(sa.Column(f"stars_{n}", sa.Integer(), nullable=False) for n in _STARS),
        *(sa.CheckConstraint(f"stars_{n} >= 0", name=op.f(f"ck_mc_review_summary_stars_{n}")) for n in _STARS),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_review_summary_product_id")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_mc_review_summary")),
    )


def _create_wishlists() -> None:
    op.create_table(
        "mc_wishlist",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("share_token", sa.String(64), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["mc_customer.id"], name=op.f("fk_mc_wishlist_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_wishlist")),
        sa.UniqueConstraint("customer_id", "name", name=op.f("uq_mc_wishlist_customer_id_name")),
    )
    op.create_index("uq_mc_wishlist_share_token", "mc_wishlist", ["share_token"], unique=True)
    op.create_table(
        "mc_wishlist_item",
        sa.Column("wishlist_id", Id, nullable=False),
        sa.Column("variant_id", Id, autoincrement=False, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["wishlist_id"], ["mc_wishlist.id"], name=op.f("fk_mc_wishlist_item_wishlist_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_wishlist_item_variant_id")),
        sa.PrimaryKeyConstraint("wishlist_id", "variant_id", name=op.f("pk_mc_wishlist_item")),
    )
    op.create_index("ix_mc_wishlist_item_variant_id", "mc_wishlist_item", ["variant_id"])


def downgrade() -> None:
    """Drop them. The average that reviews gave a product goes with them; erased data does not come back."""
    op.execute("UPDATE mc_product SET rating_hundredths = NULL WHERE id IN (SELECT product_id FROM mc_review_summary)")
    for table in (
        *("mc_wishlist_item", "mc_wishlist", "mc_review_summary", "mc_review"),
        *("mc_customer_consent", "mc_customer_address", "mc_customer_group"),
    ):
        op.drop_table(table)
    for name in _INDEXES:
        op.drop_index(name, table_name="mc_customer")
    for name in _NEW:
        op.drop_column("mc_customer", name)
