"""Zones, and the ways to send things into them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from mestres_core.db.base import PREFIX, Id, metadata

zone = Table(
    f"{PREFIX}shipping_zone",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(40), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("countries", JSON, nullable=False),
    Column("regions", JSON, nullable=False),
    Column("postal_codes", JSON, nullable=False),  # [[first, last], ...]
)

method = Table(
    f"{PREFIX}shipping_method",
    metadata,
    Column("id", Id, primary_key=True),
    Column("zone_id", Id, ForeignKey(f"{PREFIX}shipping_zone.id", ondelete="CASCADE"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("name", String(120), nullable=False),
    Column("days", Integer, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("by_weight", JSON, nullable=False),  # [[grams at most, minor units], ...]
    Column("per_kg", BigInteger),
    Column("by_price", JSON, nullable=False),  # [[minor units from which on, minor units], ...]
    Column("ppm", Integer, nullable=False),
    Column("per_item", BigInteger, nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("maximum", BigInteger),
    Column("free_over", BigInteger),
    Column("max_weight_grams", Integer),
    Column("max_side_mm", Integer),
    Column("max_sides_mm", Integer),
    Column("min_weight_grams", Integer, nullable=False),
    Column("max_items_total", BigInteger),
    Column("active", Boolean, nullable=False),
    UniqueConstraint("zone_id", "code", "currency"),
    CheckConstraint("base >= 0 AND ppm >= 0 AND per_item >= 0 AND minimum >= 0", name="amounts"),
)
