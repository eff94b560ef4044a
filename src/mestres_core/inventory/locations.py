"""Where pieces are kept."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound
from mestres_core.inventory.dto import Location, StockLevel, StockPlace
from mestres_core.inventory.models import DEFAULT_LOCATION, location, lot, place
from mestres_core.rules.checks import storable

_COLUMNS = (location.c.id, location.c.code, location.c.name, location.c.priority)
_EVERY = select(*_COLUMNS).order_by(location.c.priority, location.c.id)
_FIND = select(*_COLUMNS).where(location.c.code == bindparam("code"))
_NUMBERED = select(*_COLUMNS).where(location.c.id == bindparam("id"))
_PLACES = (
    select(place, location.c.code, location.c.priority)
    .join(location, location.c.id == place.c.location_id)
    .where(place.c.variant_id == bindparam("variant"))
    .order_by(location.c.priority, location.c.id)
)
_BLOCKED = (
    select(lot.c.location_id, func.sum(lot.c.on_hand - lot.c.allocated))
    .where(lot.c.variant_id == bindparam("variant"), lot.c.best_before < bindparam("today"))
    .group_by(lot.c.location_id)
)


def every(session: Session) -> tuple[Location, ...]:
    """All of them, in order of priority."""
    return tuple(Location(*row) for row in session.execute(_EVERY))


def find(session: Session, code: Any) -> Any:
    """The row of a location. Raises NotFound."""
    known = isinstance(code, str) and storable(code)
    row = session.execute(_FIND, {"code": code}).first() if known else None
    if row is None:
        raise NotFound("location", code)
    return row


def save(session: Session, dialect: str, *, code: str, name: str, priority: int) -> Location:
    """Make it or change it."""
    query = upsert(dialect, location).values(code=code, name=name, priority=priority)
    query = query.on_conflict_do_update(index_elements=["code"], set_={"name": name, "priority": priority})
    return Location(*session.execute(query.returning(*_COLUMNS)).one())


def places(session: Session, known: StockLevel, today: date) -> tuple[StockPlace, ...]:
    """The places of a variant, in order of priority."""
    of_it = {"variant": known.variant_id}
    past: dict[int, int] = {}
    if known.by_lot:
        past = {row[0]: int(row[1]) for row in session.execute(_BLOCKED, of_it | {"today": today})}
    if not known.spread:
        where = session.execute(_NUMBERED, {"id": DEFAULT_LOCATION}).one()
        return (_seen(known, where.id, where, past),)
    return tuple(_seen(row, row.location_id, row, past) for row in session.execute(_PLACES, of_it))


def _seen(counts: Any, location_id: int, where: Any, past: dict[int, int]) -> StockPlace:
    return StockPlace(
        location_id=location_id,
        location=where.code,
        priority=where.priority,
        on_hand=counts.on_hand,
        allocated=counts.allocated,
        reserved=counts.reserved,
        backorder_limit=counts.backorder_limit,
        blocked=past.get(location_id, 0),
    )
