"""Carts and their lines."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

cart = Table(
    f"{PREFIX}cart",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("status", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_mc_cart_updated_at", "updated_at", "status"),
)

line = Table(
    f"{PREFIX}cart_line",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cart_id", String(64), ForeignKey(f"{PREFIX}cart.id"), nullable=False),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    UniqueConstraint("cart_id", "variant_id"),
)
