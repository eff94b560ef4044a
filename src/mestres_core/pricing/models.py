"""Prices beside the plain one, and the lists that hold them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

price_list = Table(
    f"{PREFIX}price_list",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(80), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("customer_group", String(80)),
    Column("channel", String(40)),
    Column("priority", Integer, nullable=False),
    Column("sale", Boolean, nullable=False),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("active", Boolean, nullable=False),
)

special_price = Table(
    f"{PREFIX}special_price",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("list_id", Id, ForeignKey(f"{PREFIX}price_list.id")),  # None: in no list
    Column("customer_group", String(80)),
    Column("channel", String(40)),
    Column("min_quantity", Integer, nullable=False),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint("min_quantity >= 1", name="min_quantity"),
    Index("ix_mc_special_price_variant_id", "variant_id", "currency"),
    Index("ix_mc_special_price_list_id", "list_id"),
)
