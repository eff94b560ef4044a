"""Orders and their lines, frozen at placement."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, text

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

_UNCONFIRMED = text("confirmed_at IS NULL AND status = 'placed'")

order = Table(
    f"{PREFIX}order",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("cart_id", String(64), ForeignKey(f"{PREFIX}cart.id"), nullable=False, index=True),
    Column("quote_hash", String(64), nullable=False),
    Column("status", String(12), nullable=False),
    Column("payment_status", String(20), nullable=False),
    Column("fulfillment_status", String(12), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("items_amount", BigInteger, nullable=False),
    Column("discount_amount", BigInteger, nullable=False),
    Column("shipping_amount", BigInteger, nullable=False),
    Column("tax_amount", BigInteger, nullable=False),
    Column("grand_amount", BigInteger, nullable=False),
    Column("customer_id", Id),  # always there; nullable because orders were there before customers were
    Column("customer", JSON, nullable=False),
    Column("address", JSON, nullable=False),
    Column("shipping_method", String(40), nullable=False),
    Column("coupons", JSON, nullable=False, server_default="[]"),  # [code, minor units taken off]
    Column("access_token", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),  # when the buyer was told
    Column("confirming_until", UtcDateTime),  # somebody is telling the buyer until then
    CheckConstraint("grand_amount = items_amount - discount_amount + shipping_amount + tax_amount", name="grand"),
    # Dashboard and reports add up from this index alone and never touch the wide rows.
    Index(
        "ix_mc_order_figures",
        *("created_at", "currency", "status", "payment_status", "grand_amount", "customer_id", "number", "id"),
    ),
    Index("ix_mc_order_customer_id", "customer_id", "id"),
    Index("ix_mc_order_unconfirmed", "updated_at", postgresql_where=_UNCONFIRMED, sqlite_where=_UNCONFIRMED),
)

line = Table(
    f"{PREFIX}order_line",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey(f"{PREFIX}order.id"), nullable=False),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False),
    Column("sku", String(64), nullable=False),
    Column("name", String(330), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("total = unit_price * quantity", name="total"),
    Index("ix_mc_order_line_figures", "order_id", "variant_id", "quantity", "total"),  # as above
)
