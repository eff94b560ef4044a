"""Stock: a level per variant and the ledger of movements that explains it."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

level = Table(
    f"{PREFIX}stock_level",
    metadata,
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), primary_key=True, autoincrement=False),
    Column("sku", String(64), nullable=False, unique=True),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    # The last line of defence: no code path, and no hand at a SQL prompt, can oversell.
    CheckConstraint("allocated >= 0", name="allocated"),
    CheckConstraint("on_hand >= allocated", name="available"),
)

movement = Table(
    f"{PREFIX}stock_movement",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}stock_level.variant_id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("reference", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_stock_movement_variant_id", "variant_id", "id"),
)
