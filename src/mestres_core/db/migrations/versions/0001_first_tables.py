"""The first tables: catalogue, stock, carts, quotes, orders, payments, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "mc_cart",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_cart")),
    )
    op.create_index("ix_mc_cart_updated_at", "mc_cart", ["updated_at"], unique=False)
    op.create_table(
        "mc_category",
        sa.Column("id", Id, nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["mc_category.id"], name=op.f("fk_mc_category_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_category")),
        sa.UniqueConstraint("slug", name=op.f("uq_mc_category_slug")),
    )
    op.create_index(op.f("ix_mc_category_parent_id"), "mc_category", ["parent_id"], unique=False)
    op.create_table(
        "mc_idempotency",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_mc_idempotency")),
    )
    op.create_index("ix_mc_idempotency_created_at", "mc_idempotency", ["created_at"], unique=False)
    op.create_table(
        "mc_outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("aggregate", sa.String(length=40), nullable=False),
        sa.Column("aggregate_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_outbox")),
    )
    op.create_index("ix_mc_outbox_delivered_at_id", "mc_outbox", ["delivered_at", "id"], unique=False)
    op.create_table(
        "mc_payment",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_payment_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_payment")),
    )
    op.create_index(op.f("ix_mc_payment_order_number"), "mc_payment", ["order_number"], unique=False)
    op.create_index("ix_mc_payment_status_leased_until", "mc_payment", ["status", "leased_until"], unique=False)
    op.create_table(
        "mc_payment_event",
        sa.Column("id", Id, nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("payment_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_payment_event")),
        sa.UniqueConstraint("provider", "event_id", name=op.f("uq_mc_payment_event_provider_event_id")),
    )
    op.create_index(op.f("ix_mc_payment_event_payment_id"), "mc_payment_event", ["payment_id"], unique=False)
    op.create_table(
        "mc_order",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("cart_id", sa.String(length=64), nullable=False),
        sa.Column("quote_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("payment_status", sa.String(length=12), nullable=False),
        sa.Column("fulfillment_status", sa.String(length=12), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("items_amount", sa.BigInteger(), nullable=False),
        sa.Column("discount_amount", sa.BigInteger(), nullable=False),
        sa.Column("shipping_amount", sa.BigInteger(), nullable=False),
        sa.Column("tax_amount", sa.BigInteger(), nullable=False),
        sa.Column("grand_amount", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.JSON(), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("shipping_method", sa.String(length=40), nullable=False),
        sa.Column("access_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "grand_amount = items_amount - discount_amount + shipping_amount + tax_amount",
            name=op.f("ck_mc_order_grand"),
        ),
        sa.ForeignKeyConstraint(["cart_id"], ["mc_cart.id"], name=op.f("fk_mc_order_cart_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order")),
        sa.UniqueConstraint("number", name=op.f("uq_mc_order_number")),
    )
    op.create_index(op.f("ix_mc_order_cart_id"), "mc_order", ["cart_id"], unique=False)
    op.create_index("ix_mc_order_created_at", "mc_order", ["created_at"], unique=False)
    op.create_table(
        "mc_product",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sort_name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category_id", Id, nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("featured", sa.Boolean(), nullable=False),
        sa.Column("rating_hundredths", sa.Integer(), nullable=True),
        sa.Column("search_title", sa.Text(), nullable=False),
        sa.Column("search_body", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["mc_category.id"], name=op.f("fk_mc_product_category_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_product")),
        sa.UniqueConstraint("key", name=op.f("uq_mc_product_key")),
        sa.UniqueConstraint("slug", name=op.f("uq_mc_product_slug")),
    )
    op.create_index("ix_mc_product_active_id", "mc_product", ["active", "id"], unique=False)
    op.create_index(op.f("ix_mc_product_category_id"), "mc_product", ["category_id"], unique=False)
    op.create_index("ix_mc_product_featured", "mc_product", ["featured", "id"], unique=False)
    op.create_table(
        "mc_quote",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("cart_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cart_id"], ["mc_cart.id"], name=op.f("fk_mc_quote_cart_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_mc_quote")),
    )
    op.create_index(op.f("ix_mc_quote_cart_id"), "mc_quote", ["cart_id"], unique=False)
    op.create_table(
        "mc_attribute",
        sa.Column("id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("name_folded", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("value_folded", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_attribute_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_attribute")),
        sa.UniqueConstraint("product_id", "name_folded", name=op.f("uq_mc_attribute_product_id_name_folded")),
    )
    op.create_index(
        "ix_mc_attribute_name_value", "mc_attribute", ["name_folded", "value_folded", "product_id"], unique=False
    )
    op.create_table(
        "mc_image",
        sa.Column("id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("alt", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_image_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_image")),
    )
    op.create_index(op.f("ix_mc_image_product_id"), "mc_image", ["product_id"], unique=False)
    op.create_table(
        "mc_product_card",
        sa.Column("product_id", Id, autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("image", sa.String(length=500), nullable=True),
        sa.Column("in_stock", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_product_card_product_id")),
        sa.PrimaryKeyConstraint("product_id", "currency", name=op.f("pk_mc_product_card")),
    )
    op.create_index("ix_mc_product_card_price", "mc_product_card", ["currency", "price", "product_id"], unique=False)
    op.create_table(
        "mc_variant",
        sa.Column("id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weight_grams", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["mc_product.id"], name=op.f("fk_mc_variant_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_variant")),
        sa.UniqueConstraint("sku", name=op.f("uq_mc_variant_sku")),
    )
    op.create_index(op.f("ix_mc_variant_product_id"), "mc_variant", ["product_id"], unique=False)
    op.create_table(
        "mc_cart_line",
        sa.Column("id", Id, nullable=False),
        sa.Column("cart_id", sa.String(length=64), nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_mc_cart_line_quantity")),
        sa.ForeignKeyConstraint(["cart_id"], ["mc_cart.id"], name=op.f("fk_mc_cart_line_cart_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_cart_line_variant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_cart_line")),
        sa.UniqueConstraint("cart_id", "variant_id", name=op.f("uq_mc_cart_line_cart_id_variant_id")),
    )
    op.create_table(
        "mc_order_line",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=330), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_mc_order_line_quantity")),
        sa.CheckConstraint("total = unit_price * quantity", name=op.f("ck_mc_order_line_total")),
        sa.ForeignKeyConstraint(["order_id"], ["mc_order.id"], name=op.f("fk_mc_order_line_order_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_order_line_variant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_order_line")),
    )
    op.create_index(op.f("ix_mc_order_line_order_id"), "mc_order_line", ["order_id"], unique=False)
    op.create_table(
        "mc_price",
        sa.Column("variant_id", Id, autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_price_amount")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_price_variant_id")),
        sa.PrimaryKeyConstraint("variant_id", "currency", name=op.f("pk_mc_price")),
    )
    op.create_table(
        "mc_stock_level",
        sa.Column("variant_id", Id, autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.CheckConstraint("allocated >= 0", name=op.f("ck_mc_stock_level_allocated")),
        sa.CheckConstraint("on_hand >= allocated", name=op.f("ck_mc_stock_level_available")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_stock_level_variant_id")),
        sa.PrimaryKeyConstraint("variant_id", name=op.f("pk_mc_stock_level")),
        sa.UniqueConstraint("sku", name=op.f("uq_mc_stock_level_sku")),
    )
    op.create_table(
        "mc_stock_movement",
        sa.Column("id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["mc_stock_level.variant_id"], name=op.f("fk_mc_stock_movement_variant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_stock_movement")),
    )
    op.create_index("ix_mc_stock_movement_variant_id", "mc_stock_movement", ["variant_id", "id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_mc_stock_movement_variant_id", table_name="mc_stock_movement")
    op.drop_table("mc_stock_movement")
    op.drop_table("mc_stock_level")
    op.drop_table("mc_price")
    op.drop_index(op.f("ix_mc_order_line_order_id"), table_name="mc_order_line")
    op.drop_table("mc_order_line")
    op.drop_table("mc_cart_line")
    op.drop_index(op.f("ix_mc_variant_product_id"), table_name="mc_variant")
    op.drop_table("mc_variant")
    op.drop_index("ix_mc_product_card_price", table_name="mc_product_card")
    op.drop_table("mc_product_card")
    op.drop_index(op.f("ix_mc_image_product_id"), table_name="mc_image")
    op.drop_table("mc_image")
    op.drop_index("ix_mc_attribute_name_value", table_name="mc_attribute")
    op.drop_table("mc_attribute")
    op.drop_index(op.f("ix_mc_quote_cart_id"), table_name="mc_quote")
    op.drop_table("mc_quote")
    op.drop_index("ix_mc_product_featured", table_name="mc_product")
    op.drop_index(op.f("ix_mc_product_category_id"), table_name="mc_product")
    op.drop_index("ix_mc_product_active_id", table_name="mc_product")
    op.drop_table("mc_product")
    op.drop_index("ix_mc_order_created_at", table_name="mc_order")
    op.drop_index(op.f("ix_mc_order_cart_id"), table_name="mc_order")
    op.drop_table("mc_order")
    op.drop_index(op.f("ix_mc_payment_event_payment_id"), table_name="mc_payment_event")
    op.drop_table("mc_payment_event")
    op.drop_index("ix_mc_payment_status_leased_until", table_name="mc_payment")
    op.drop_index(op.f("ix_mc_payment_order_number"), table_name="mc_payment")
    op.drop_table("mc_payment")
    op.drop_index("ix_mc_outbox_delivered_at_id", table_name="mc_outbox")
    op.drop_table("mc_outbox")
    op.drop_index("ix_mc_idempotency_created_at", table_name="mc_idempotency")
    op.drop_table("mc_idempotency")
    op.drop_index(op.f("ix_mc_category_parent_id"), table_name="mc_category")
    op.drop_table("mc_category")
    op.drop_index("ix_mc_cart_updated_at", table_name="mc_cart")
    op.drop_table("mc_cart")
