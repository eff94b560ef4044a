"""Promotions, their codes and uses, and the codes that were put into carts."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

promotion = Table(
    f"{PREFIX}promotion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(80), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("kind", String(8), nullable=False),  # cart or catalog
    Column("definition", JSON, nullable=False),  # conditions, actions, and how it goes with others
    Column("currency", String(3)),  # None: every one
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("active", Boolean, nullable=False),
    Column("needs_code", Boolean, nullable=False),
    Column("reusable", Boolean, nullable=False),  # whether an order that is called off gives its use back
    Column("most_uses", Integer),
    Column("most_uses_per_customer", Integer),
    Column("budget", BigInteger),  # minor units
    Column("uses", Integer, nullable=False),  # counted while `most_uses` or `budget` is set
    Column("spent", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # The last line of defence: whatever runs at once, nothing is used more often or costs more than it may.
    CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name="uses"),
    CheckConstraint("spent >= 0 AND (budget IS NULL OR spent <= budget)", name="spent"),
)

code = Table(
    f"{PREFIX}promotion_code",
    metadata,
    Column("code", String(40), primary_key=True),  # in capitals
    Column("promotion_id", Id, ForeignKey(f"{PREFIX}promotion.id"), nullable=False),
    Column("most_uses", Integer),
    Column("uses", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name="uses"),
    Index("ix_mc_promotion_code_promotion_id", "promotion_id", "code"),
)

use = Table(
    f"{PREFIX}promotion_use",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_number", String(32), nullable=False),
    Column("promotion_id", Id, ForeignKey(f"{PREFIX}promotion.id"), nullable=False),
    Column("code", String(40)),
    Column("customer", String(254)),
    Column("amount", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # taken or returned
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    UniqueConstraint("order_number", "promotion_id"),
    Index("ix_mc_promotion_use_promotion_id", "promotion_id", "state"),
    Index("ix_mc_promotion_use_code", "code", "state"),
)

of_customer = Table(
    f"{PREFIX}promotion_customer",
    metadata,
    Column("promotion_id", Id, ForeignKey(f"{PREFIX}promotion.id"), primary_key=True, autoincrement=False),
    Column("customer", String(254), primary_key=True),
    Column("uses", Integer, nullable=False),
    CheckConstraint("uses >= 0", name="uses"),
    Index("ix_mc_promotion_customer_customer", "customer"),
)

in_cart = Table(
    f"{PREFIX}cart_coupon",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cart_id", String(64), nullable=False),
    Column("code", String(40), nullable=False),
    Index("uq_mc_cart_coupon_cart_id_code", "cart_id", "code", unique=True),
)
