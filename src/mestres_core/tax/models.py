"""Tax rates by place and time, and the taxes of orders, part by part."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

rate = Table(
    f"{PREFIX}tax_rate",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(40), nullable=False),
    Column("tax_class", String(40), nullable=False),
    Column("country", String(2), nullable=False),  # empty, here and below: any
    Column("region", String(60), nullable=False),
    Column("origin", String(60), nullable=False),
    Column("customer_type", String(20), nullable=False),
    Column("ppm", Integer, nullable=False),
    Column("mode", String(9), nullable=False),
    Column("informational", Boolean, nullable=False),
    Column("compound", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),  # 1970: always, for NULLs would not be unique
    Column("ends_at", UtcDateTime),
    UniqueConstraint(
        *("tax_class", "name", "country", "region", "origin", "customer_type", "starts_at"), name="uq_mc_tax_rate_key"
    ),
    CheckConstraint("ppm >= 0", name="ppm"),
    CheckConstraint("mode IN ('exclusive', 'inclusive', 'gross')", name="mode"),
    CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="span"),
)

order_tax = Table(
    f"{PREFIX}order_tax",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", Id, nullable=False),
    Column("line_id", Id),  # NULL: the tax of sending it
    Column("name", String(40), nullable=False),
    Column("ppm", Integer, nullable=False),
    Column("mode", String(9), nullable=False),
    Column("informational", Boolean, nullable=False),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    Index("ix_mc_order_tax_order_id", "order_id", "line_id"),
)
"""Every part of every tax, as it was when the order was placed."""
