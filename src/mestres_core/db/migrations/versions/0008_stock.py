"""Locations, reservations and lots."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)

_ACTIVE = sa.text("state = 'active'")
_NAMED = sa.text("reference <> ''")
_OF_LOT = sa.text("lot_id IS NOT NULL")
_LEVEL = "variant_id, sku, on_hand, allocated"
_MOVEMENT = "id, variant_id, kind, on_hand, allocated, reference, created_at"
_COUNTS = (
    ("on_hand", "on_hand >= 0 AND backorder_limit >= 0"),
    ("allocated", "allocated >= 0 AND reserved >= 0"),
    ("available", "on_hand + backorder_limit >= allocated + reserved"),
)
_OLD_COUNTS = (("allocated", "allocated >= 0"), ("available", "on_hand >= allocated"))


def _numbers(*names: str, default: str | None = None) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), nullable=False, server_default=default) for name in names]


def _level_additions() -> list[sa.Column[Any]]:
    return [
        *_numbers("reserved", "backorder_limit", default="0"),
        sa.Column("low_at", sa.Integer(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("spread", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("by_lot", sa.Boolean(), server_default=sa.false(), nullable=False),
    ]


def _movement_additions() -> list[sa.Column[Any]]:
    return [
        sa.Column("location_id", Id, server_default="1", nullable=False),
        sa.Column("lot_id", Id, nullable=True),
        *_numbers("reserved", default="0"),
        sa.Column("reason", sa.String(80), server_default="", nullable=False),
    ]


def _checks(table: str, counts: tuple[tuple[str, str], ...]) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in counts]


def _key(table: str, column: str, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [of], name=op.f(f"fk_{table}_{column}"))


# SQLite changes no CHECK of a table: level and ledger are copied into new ones that then take the old names.


def _new_level(additions: list[sa.Column[Any]], counts: tuple[tuple[str, str], ...], on_hand: str = "on_hand") -> None:
    op.create_table(
        "mc_new_level",
        sa.Column("variant_id", Id, autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(64), nullable=False),
        *_numbers("on_hand", "allocated"),
        *additions,
        *_checks("mc_stock_level", counts),
        _key("mc_stock_level", "variant_id", "mc_variant.id"),
        sa.PrimaryKeyConstraint("variant_id", name=op.f("pk_mc_stock_level")),
        sa.UniqueConstraint("sku", name=op.f("uq_mc_stock_level_sku")),
    )
    columns = f"variant_id, sku, {on_hand}, allocated"
    op.execute(f"INSERT INTO mc_new_level ({_LEVEL}) SELECT {columns} FROM mc_stock_level")  # noqa: S608 - constants


def _new_movement(additions: list[sa.Column[Any]]) -> None:
    keys = [_key("mc_stock_movement", "variant_id", "mc_new_level.variant_id")]
    if additions:
        keys.append(_key("mc_stock_movement", "location_id", "mc_location.id"))
        keys.append(_key("mc_stock_movement", "lot_id", "mc_stock_lot.id"))
    op.create_table(
        "mc_new_movement",
        sa.Column("id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        *_numbers("on_hand", "allocated"),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        *additions,
        *keys,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_stock_movement")),
    )
    op.execute(f"INSERT INTO mc_new_movement ({_MOVEMENT}) SELECT {_MOVEMENT} FROM mc_stock_movement")  # noqa: S608


def _swap(*between: str) -> None:
    """Drop the old ones, what hangs on the level first; `between` are further tables that hang on it."""
    op.drop_index("ix_mc_stock_movement_variant_id", table_name="mc_stock_movement")
    for table in ("mc_stock_movement", *between, "mc_stock_level"):
        op.drop_table(table)
    op.rename_table("mc_new_level", "mc_stock_level")
    op.rename_table("mc_new_movement", "mc_stock_movement")
    op.create_index("ix_mc_stock_movement_variant_id", "mc_stock_movement", ["variant_id", "id"])


def _replace_checks(old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> None:
    for name, _ in old:
        op.drop_constraint(op.f(f"ck_mc_stock_level_{name}"), "mc_stock_level", type_="check")
    for name, rule in new:
        op.create_check_constraint(op.f(f"ck_mc_stock_level_{name}"), "mc_stock_level", rule)


def _index_some(name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=where, sqlite_where=where)


def _create_places() -> None:
    """The tables that hang on a level."""
    op.create_table(
        "mc_stock_place",
        sa.Column("variant_id", Id, autoincrement=False, nullable=False),
        sa.Column("location_id", Id, autoincrement=False, nullable=False),
        *_numbers("on_hand", "allocated", "reserved", "backorder_limit"),
        *_checks("mc_stock_place", _COUNTS),
        _key("mc_stock_place", "variant_id", "mc_stock_level.variant_id"),
        _key("mc_stock_place", "location_id", "mc_location.id"),
        sa.PrimaryKeyConstraint("variant_id", "location_id", name=op.f("pk_mc_stock_place")),
    )
    op.create_table(
        "mc_stock_reservation",
        sa.Column("id", Id, nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        *_numbers("quantity"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_mc_stock_reservation_quantity")),
        _key("mc_stock_reservation", "variant_id", "mc_stock_level.variant_id"),
        _key("mc_stock_reservation", "location_id", "mc_location.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_stock_reservation")),
    )
    op.create_index("ix_mc_stock_reservation_owner", "mc_stock_reservation", ["owner", "id"])
    for name, columns in (
        ("uq_mc_stock_reservation_active", ["owner", "variant_id", "location_id"]),
        ("ix_mc_stock_reservation_variant", ["variant_id"]),
        ("ix_mc_stock_reservation_due", ["expires_at"]),
    ):
        _index_some(name, "mc_stock_reservation", columns, _ACTIVE, unique=name.startswith("uq"))


def _create_lots(level: str) -> None:
    op.create_table(
        "mc_stock_lot",
        sa.Column("id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("roasted_on", sa.Date(), nullable=True),
        sa.Column("best_before", sa.Date(), nullable=True),
        *_numbers("on_hand", "allocated"),
        sa.CheckConstraint("allocated >= 0 AND on_hand >= allocated", name=op.f("ck_mc_stock_lot_on_hand")),
        _key("mc_stock_lot", "variant_id", f"{level}.variant_id"),
        _key("mc_stock_lot", "location_id", "mc_location.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_stock_lot")),
        sa.UniqueConstraint(
            "variant_id", "location_id", "code", name=op.f("uq_mc_stock_lot_variant_id_location_id_code")
        ),
    )
    _index_some("ix_mc_stock_lot_best_before", "mc_stock_lot", ["best_before"], sa.text("on_hand > 0"))


def upgrade() -> None:
    """Create them; what is there is at the location "default"."""
    locations = op.create_table(
        "mc_location",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_location")),
        sa.UniqueConstraint("code", name=op.f("uq_mc_location_code")),
    )
    op.bulk_insert(locations, [{"code": "default", "name": "", "priority": 0}])
    if op.get_bind().dialect.name == "sqlite":
        _new_level(_level_additions(), _COUNTS)
        _create_lots("mc_new_level")  # its foreign key follows when the level takes the old one's name
        _new_movement(_movement_additions())
        _swap()
    else:
        for column in _level_additions():
            op.add_column("mc_stock_level", column)
        _replace_checks(_OLD_COUNTS, _COUNTS)
        _create_lots("mc_stock_level")
        for column in _movement_additions():
            op.add_column("mc_stock_movement", column)
        for key, of in (("location_id", "mc_location"), ("lot_id", "mc_stock_lot")):
            op.create_foreign_key(op.f(f"fk_mc_stock_movement_{key}"), "mc_stock_movement", of, [key], ["id"])
    _create_places()
    _index_some("ix_mc_stock_movement_reference", "mc_stock_movement", ["reference"], _NAMED)
    _index_some("ix_mc_stock_movement_lot_id", "mc_stock_movement", ["lot_id"], _OF_LOT)


def downgrade() -> None:
    """Drop them. Pieces that were sold before they were there become pieces on hand; reservations are forgotten."""
    for name in ("lot_id", "reference"):
        op.drop_index(f"ix_mc_stock_movement_{name}", table_name="mc_stock_movement")
    op.drop_table("mc_stock_reservation")
    op.drop_table("mc_stock_place")
    if op.get_bind().dialect.name == "sqlite":
        _new_level([], _OLD_COUNTS, on_hand="max(on_hand, allocated)")
        _new_movement([])
        _swap("mc_stock_lot")
    else:
        for name in ("location_id", "lot_id", "reserved", "reason"):
            op.drop_column("mc_stock_movement", name)
        op.drop_table("mc_stock_lot")
        for name, _ in _COUNTS:
            op.drop_constraint(op.f(f"ck_mc_stock_level_{name}"), "mc_stock_level", type_="check")
        op.execute("UPDATE mc_stock_level SET on_hand = greatest(on_hand, allocated)")
        for name in ("reserved", "backorder_limit", "low_at", "expected_on", "spread", "by_lot"):
            op.drop_column("mc_stock_level", name)
        for name, rule in _OLD_COUNTS:
            op.create_check_constraint(op.f(f"ck_mc_stock_level_{name}"), "mc_stock_level", rule)
    op.drop_table("mc_location")
