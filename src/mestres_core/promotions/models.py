"""Coupons, and the carts that they were put into."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, String, Table

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

coupon = Table(
    f"{PREFIX}coupon",
    metadata,
    Column("code", String(40), primary_key=True),  # in capitals
    Column("kind", String(12), nullable=False),  # percent: `value` in basis points; fixed: in minor units
    Column("value", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("most_uses", Integer),
    Column("uses", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("value > 0", name="value"),
    # The last line of defence: whatever runs at once, no coupon is used more often than it may be.
    CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name="uses"),
)

in_cart = Table(
    f"{PREFIX}cart_coupon",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cart_id", String(64), nullable=False),
    Column("code", String(40), nullable=False),
    Index("uq_mc_cart_coupon_cart_id_code", "cart_id", "code", unique=True),
)
