"""Stock: a level per variant, the places and lots that it is the sum of, what is reserved, and the ledger of it all."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    event,
    false,
    func,
    insert,
    or_,
    select,
    text,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

DEFAULT_LOCATION = 1
"""The location of everything that was never put anywhere else; it comes with the table."""

_ACTIVE = text("state = 'active'")
_NAMED = text("reference <> ''")
_OF_LOT = text("lot_id IS NOT NULL")

location = Table(
    f"{PREFIX}location",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(40), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("priority", Integer, nullable=False),
)


@event.listens_for(location, "after_create")
def _begin(_table: Table, connection: Connection, **_rest: Any) -> None:
    connection.execute(insert(location).values(code="default", name="", priority=0))


level = Table(
    f"{PREFIX}stock_level",
    metadata,
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), primary_key=True, autoincrement=False),
    Column("sku", String(64), nullable=False, unique=True),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("backorder_limit", Integer, nullable=False, server_default="0"),
    Column("low_at", Integer),
    Column("expected_on", Date),
    Column("spread", Boolean, nullable=False, server_default=false()),  # there is a row for each place below
    Column("by_lot", Boolean, nullable=False, server_default=false()),  # some of it is in lots
    # The last line of defence: no code path, and no hand at a SQL prompt, can oversell.
    CheckConstraint("on_hand >= 0 AND backorder_limit >= 0", name="on_hand"),
    CheckConstraint("allocated >= 0 AND reserved >= 0", name="allocated"),
    CheckConstraint("on_hand + backorder_limit >= allocated + reserved", name="available"),
)


@event.listens_for(level, "after_create")
def _index_available(_table: Table, connection: Connection, **_rest: Any) -> None:
    """By AVAILABLE, which is below: what runs low is found without a look at all the rest.

    It is no part of the metadata, and SQLite goes without: whoever compares the two would be warned that an index by an
    expression cannot be described.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE INDEX ix_mc_stock_level_available ON mc_stock_level ((on_hand - allocated - reserved), variant_id)"
        )


# Only for variants that are, or were, kept at more than the default location: their level is the sum of these.
place = Table(
    f"{PREFIX}stock_place",
    metadata,
    Column("variant_id", Id, ForeignKey(f"{PREFIX}stock_level.variant_id"), primary_key=True, autoincrement=False),
    Column("location_id", Id, ForeignKey(f"{PREFIX}location.id"), primary_key=True, autoincrement=False),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("backorder_limit", Integer, nullable=False),
    CheckConstraint("on_hand >= 0 AND backorder_limit >= 0", name="on_hand"),
    CheckConstraint("allocated >= 0 AND reserved >= 0", name="allocated"),
    CheckConstraint("on_hand + backorder_limit >= allocated + reserved", name="available"),
)

lot = Table(
    f"{PREFIX}stock_lot",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}stock_level.variant_id"), nullable=False),
    Column("location_id", Id, ForeignKey(f"{PREFIX}location.id"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("roasted_on", Date),
    Column("best_before", Date),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    UniqueConstraint("variant_id", "location_id", "code"),
    CheckConstraint("allocated >= 0 AND on_hand >= allocated", name="on_hand"),
    # Those that have pieces and a date are looked through every day for what is past it.
    Index(
        "ix_mc_stock_lot_best_before",
        "best_before",
        postgresql_where=text("on_hand > 0"),
        sqlite_where=text("on_hand > 0"),
    ),
)

reservation = Table(
    f"{PREFIX}stock_reservation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("token", String(64), nullable=False),  # the same for all that was reserved together
    Column("variant_id", Id, ForeignKey(f"{PREFIX}stock_level.variant_id"), nullable=False),
    Column("location_id", Id, ForeignKey(f"{PREFIX}location.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_mc_stock_reservation_owner", "owner", "id"),
    Index(
        "uq_mc_stock_reservation_active",
        "owner",
        "variant_id",
        "location_id",
        unique=True,
        postgresql_where=_ACTIVE,
        sqlite_where=_ACTIVE,
    ),
    Index("ix_mc_stock_reservation_variant", "variant_id", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
    Index("ix_mc_stock_reservation_due", "expires_at", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
)

movement = Table(
    f"{PREFIX}stock_movement",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}stock_level.variant_id"), nullable=False),
    Column(
        "location_id",
        Id,
        ForeignKey(f"{PREFIX}location.id"),
        nullable=False,
        server_default=str(DEFAULT_LOCATION),
    ),
    Column("lot_id", Id, ForeignKey(f"{PREFIX}stock_lot.id")),
    Column("kind", String(20), nullable=False),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("reference", String(80), nullable=False),
    Column("reason", String(80), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_stock_movement_variant_id", "variant_id", "id"),
    # By these the ledger says what an order holds, and which orders a lot went into.
    Index("ix_mc_stock_movement_reference", "reference", postgresql_where=_NAMED, sqlite_where=_NAMED),
    Index("ix_mc_stock_movement_lot_id", "lot_id", postgresql_where=_OF_LOT, sqlite_where=_OF_LOT),
)

BUYABLE = level.c.on_hand - level.c.allocated - level.c.reserved + level.c.backorder_limit
"""How many pieces of a level can be bought now, as a column of another statement."""

AVAILABLE = level.c.on_hand - level.c.allocated - level.c.reserved
"""How many pieces are there for nobody yet; below zero when more were sold than are there."""


def buyable_by(owner: Any, now: Any) -> Any:
    """The same for one buyer: what the buyer reserved, and what others reserved until a moment ago, counts too.

    `owner` and `now` are values or bound parameters; the expression belongs into a statement that has `level`.
    """
    counts = and_(
        reservation.c.variant_id == level.c.variant_id,
        reservation.c.state == "active",
        or_(reservation.c.owner == owner, reservation.c.expires_at <= now),
    )
    held = select(func.coalesce(func.sum(reservation.c.quantity), 0)).where(counts).correlate(level).scalar_subquery()
    return BUYABLE + held
