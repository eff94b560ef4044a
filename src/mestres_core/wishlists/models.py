"""Wish lists."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

wishlist = Table(
    f"{PREFIX}wishlist",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey(f"{PREFIX}customer.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("share_token", String(64)),  # whoever has it may read the list
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("customer_id", "name"),
    Index("uq_mc_wishlist_share_token", "share_token", unique=True),
)

item = Table(
    f"{PREFIX}wishlist_item",
    metadata,
    Column("wishlist_id", Id, ForeignKey(f"{PREFIX}wishlist.id", ondelete="CASCADE"), primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), primary_key=True, autoincrement=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_wishlist_item_variant_id", "variant_id"),
)
