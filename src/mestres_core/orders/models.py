"""Orders and their lines, frozen at placement; what is taken back of them; parcels, changes, returns, numbers."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

# PostgreSQL reads a field of a million of these in a tenth of the time that it takes with JSON, which stays text.
_PERSON = JSON().with_variant(JSONB(), "postgresql")
_NONE = text("0")
_UNCONFIRMED = text("confirmed_at IS NULL AND status = 'placed'")
_OPEN = text("status = 'open'")

ZERO: Any = {"nullable": False, "server_default": _NONE}

order = Table(
    f"{PREFIX}order",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("cart_id", String(64), ForeignKey(f"{PREFIX}cart.id"), nullable=False, index=True),
    Column("quote_hash", String(64), nullable=False),
    Column("status", String(12), nullable=False),
    Column("payment_status", String(20), nullable=False),
    Column("fulfillment_status", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("items_amount", BigInteger, nullable=False),
    Column("discount_amount", BigInteger, nullable=False),
    Column("shipping_amount", BigInteger, nullable=False),
    Column("tax_amount", BigInteger, nullable=False),
    Column("grand_amount", BigInteger, nullable=False),
    Column("customer_id", Id),  # always there; nullable because orders were there before customers were
    Column("customer", _PERSON, nullable=False),
    Column("address", _PERSON, nullable=False),
    Column("shipping_method", String(40), nullable=False),
    Column("coupons", JSON, nullable=False, server_default="[]"),  # [code, minor units taken off]
    Column("access_token", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),  # when the buyer was told
    Column("confirming_until", UtcDateTime),  # somebody is telling the buyer until then
    Column("channel", String(40), nullable=False, server_default="default"),
    Column("customer_group", String(40)),
    Column("owner", String(120)),  # the host's own name for the user
    # Minor units, all of them: taxes that the prices contain already; the tax that was added for the shipping; what is
    # no longer owed for the order (pieces taken back, shipping, goodwill), the shipping's part of it.
    Column("tax_included_amount", BigInteger, CheckConstraint("tax_included_amount >= 0", name="tax_included"), **ZERO),
    Column("shipping_tax_amount", BigInteger, CheckConstraint("shipping_tax_amount >= 0", name="shipping_tax"), **ZERO),
    Column(
        "credited_amount",
        BigInteger,
        CheckConstraint("credited_amount BETWEEN 0 AND grand_amount", name="credited"),
        **ZERO,
    ),
    Column(
        "shipping_credited_amount",
        BigInteger,
        CheckConstraint(
            "shipping_credited_amount >= 0 AND shipping_credited_amount <= shipping_amount + shipping_tax_amount",
            name="shipping_credited",
        ),
        **ZERO,
    ),
    CheckConstraint("grand_amount = items_amount - discount_amount + shipping_amount + tax_amount", name="grand"),
    # Dashboard and reports add up from this index alone and never touch the wide rows.
    Index(
        "ix_mc_order_figures",
        *("created_at", "currency", "status", "payment_status", "grand_amount", "customer_id", "number", "id"),
    ),
    Index("ix_mc_order_customer_id", "customer_id", "id"),
    Index("ix_mc_order_status", "status", "id"),
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
    Column("attributes", JSON, nullable=False, server_default="{}"),  # the buyer's wishes
    # What the buyer pays for the line is total - discount_amount + tax_amount; tax_included_amount is within the total.
    Column(
        "discount_amount",
        BigInteger,
        CheckConstraint("discount_amount BETWEEN 0 AND total", name="discount"),
        **ZERO,
    ),
    Column("tax_amount", BigInteger, CheckConstraint("tax_amount >= 0", name="tax"), **ZERO),
    Column("tax_included_amount", BigInteger, CheckConstraint("tax_included_amount >= 0", name="tax_included"), **ZERO),
    # Pieces: called off before shipping, shipped, on their way back or back, and given back the money for.
    Column("cancelled_quantity", Integer, CheckConstraint("cancelled_quantity >= 0", name="cancelled"), **ZERO),
    Column(
        "shipped_quantity",
        Integer,
        CheckConstraint("shipped_quantity >= 0 AND shipped_quantity + cancelled_quantity <= quantity", name="shipped"),
        **ZERO,
    ),
    Column(
        "returned_quantity",
        Integer,
        CheckConstraint("returned_quantity BETWEEN 0 AND shipped_quantity", name="returned"),
        **ZERO,
    ),
    Column(
        "credited_quantity",
        Integer,
        CheckConstraint(
            "credited_quantity BETWEEN cancelled_quantity AND cancelled_quantity + returned_quantity",
            name="credited",
        ),
        **ZERO,
    ),
    # The variant's, which never changes: to look up those of a month takes longer than to add up what was sold of them.
    # Always there; nullable because lines were there before.
    Column("product_id", Id),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("total = unit_price * quantity", name="total"),
    Index("ix_mc_order_line_figures", "order_id", "variant_id", "quantity", "total", "product_id"),  # as above
)

credit = Table(
    f"{PREFIX}order_credit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey(f"{PREFIX}order.id"), nullable=False, index=True),
    Column("line_id", Id),  # None: the shipping, or goodwill
    Column("kind", String(12), nullable=False),  # cancelled, returned, shipping, goodwill
    Column("pieces", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reference", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0 AND pieces >= 0", name="amount"),
)
"""What is no longer owed for an order, and why; rows are only ever added. The money itself moves by refunds."""

shipment = Table(
    f"{PREFIX}shipment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey(f"{PREFIX}order.id"), nullable=False, index=True),
    Column("tracking", String(120), nullable=False),
    Column("carrier", String(60), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
)

shipment_line = Table(
    f"{PREFIX}shipment_line",
    metadata,
    Column("shipment_id", Id, ForeignKey(f"{PREFIX}shipment.id"), primary_key=True, autoincrement=False),
    Column("line_id", Id, ForeignKey(f"{PREFIX}order_line.id"), primary_key=True, autoincrement=False),
    Column("quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_mc_shipment_line_line_id", "line_id"),
)

change = Table(
    f"{PREFIX}order_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey(f"{PREFIX}order.id"), nullable=False, index=True),
    Column("status", String(12), nullable=False),  # open, committed, discarded
    Column("reason", String(200), nullable=False),
    Column("difference", BigInteger),  # of the total, once committed
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("uq_mc_order_change_open", "order_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
)

change_step = Table(
    f"{PREFIX}order_change_step",
    metadata,
    Column("id", Id, primary_key=True),
    Column("change_id", Id, ForeignKey(f"{PREFIX}order_change.id"), nullable=False, index=True),
    Column("action", String(12), nullable=False),  # add, set
    Column("line_id", Id),  # whose quantity is set
    Column("variant_id", Id),  # what is added
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
)
"""What a change does, step by step; rows are only ever added."""

giving_back = Table(
    f"{PREFIX}order_return",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, ForeignKey(f"{PREFIX}order.id"), nullable=False, index=True),
    Column("status", String(12), nullable=False),  # requested, received, refunded, rejected
    Column("reason", String(20), nullable=False),
    Column("note", String(400), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

giving_back_line = Table(
    f"{PREFIX}order_return_line",
    metadata,
    Column("return_id", Id, ForeignKey(f"{PREFIX}order_return.id"), primary_key=True, autoincrement=False),
    Column("line_id", Id, ForeignKey(f"{PREFIX}order_line.id"), primary_key=True, autoincrement=False),
    Column("quantity", Integer, nullable=False),  # pieces that count: asked for, then those that came
    Column("scrapped", Integer, **ZERO),
    CheckConstraint("quantity >= 0 AND scrapped >= 0 AND scrapped <= quantity", name="quantity"),
    Index("ix_mc_order_return_line_line_id", "line_id"),
)

counter = Table(
    f"{PREFIX}order_counter",
    metadata,
    Column("channel", String(40), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""The last number that each channel has given to an order."""
