"""Carts and their lines."""

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

_MERGED = "(status = 'merged') = (merged_into IS NOT NULL)"

cart = Table(
    f"{PREFIX}cart",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("status", String(12), nullable=False),  # open, ordered, merged, expired
    Column("version", Integer, nullable=False),
    Column("owner", String(120)),  # the host's own user; None is a guest
    Column("channel", String(40), nullable=False, server_default="default"),
    Column("customer_group", String(40)),
    # Where the lines of a merged cart went. Its rule stands beside it, as everywhere where a migration added a column
    # with one: SQLite drops such a column only if the table has no other mention of it.
    Column("merged_into", String(64), CheckConstraint(_MERGED, name="merged")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_mc_cart_updated_at", "updated_at", "status"),
    Index("ix_mc_cart_owner", "owner", "channel", "updated_at"),
)

line = Table(
    f"{PREFIX}cart_line",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cart_id", String(64), ForeignKey(f"{PREFIX}cart.id"), nullable=False),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("attributes", JSON, nullable=False, server_default="{}"),
    Column("attributes_key", String(32), nullable=False, server_default=""),  # equal for equal attributes
    CheckConstraint("quantity > 0", name="quantity"),
    UniqueConstraint("cart_id", "variant_id", "attributes_key"),
)
