"""Lots: pieces that were roasted together, sold first-expired-first-out, and found again when they must come back.

Invariant: of a variant at a location, the lots hold no more pieces than there are; those in no lot are sold last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from mestres_core.errors import NotFound, ValidationError
from mestres_core.inventory.dto import Lot, Recall, StockLevel
from mestres_core.inventory.models import level, location, lot, movement
from mestres_core.inventory.shelves import Batch, Shelf, Shelves, Spot
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.stock import is_past

_LAST = date(9999, 12, 31)
_OF = (
    select(
        lot.c.id,
        level.c.sku,
        location.c.code.label("location"),
        lot.c.code,
        lot.c.roasted_on,
        lot.c.best_before,
        lot.c.on_hand,
        lot.c.allocated,
    )
    .select_from(
        lot.join(level, level.c.variant_id == lot.c.variant_id).join(location, location.c.id == lot.c.location_id)
    )
    .where(lot.c.variant_id == bindparam("variant"), lot.c.on_hand > 0)
    .order_by(func.coalesce(lot.c.best_before, _LAST), func.coalesce(lot.c.roasted_on, _LAST), lot.c.id)
)
_NAMED = select(lot.c.id, lot.c.on_hand).where(
    lot.c.variant_id == bindparam("variant"), lot.c.code == bindparam("code")
)
_WENT = (
    select(
        movement.c.reference,
        func.sum(movement.c.allocated).label("held"),
        func.sum(case((movement.c.kind == "ship", -movement.c.on_hand), else_=0)).label("shipped"),
    )
    .where(
        movement.c.lot_id.in_(bindparam("ids", expanding=True)),
        movement.c.kind.in_(("allocate", "convert", "release", "ship", "repair")),
    )
    .group_by(movement.c.reference)
    .order_by(movement.c.reference)
)
_PAST = (
    select(lot.c.variant_id)
    .where(lot.c.on_hand > lot.c.allocated, lot.c.best_before < bindparam("today"))
    .order_by(lot.c.best_before)
    .limit(bindparam("most"))
)
_KEEP_BY_LOT = update(level).where(level.c.variant_id == bindparam("of")).values(by_lot=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lot as somebody describes it."""

    code: str
    roasted_on: date | None
    best_before: date | None


def read_day(checks: Checks, field: str, value: Any) -> None:
    """A date, without a time."""
    if type(value) is not date:
        checks.wrong(field, "invalid", reason="a datetime.date is expected")


def read(checks: Checks, code: Any, roasted_on: Any, best_before: Any) -> Wanted | None:
    """What was said of a lot; None when nothing was."""
    for field, value in (("roasted_on", roasted_on), ("best_before", best_before)):
        if value is not None:
            read_day(checks, field, value)
    if code is None:
        if roasted_on is not None or best_before is not None:
            checks.wrong("lot", "required")
        return None
    known = checks.text("lot", code, limit=40)
    if type(roasted_on) is type(best_before) is date and best_before < roasted_on:
        checks.wrong("best_before", "invalid", reason="it lies before the roast")
    return Wanted(known, roasted_on, best_before)


def of(session: Session, known: StockLevel) -> tuple[Lot, ...]:
    """The lots of a variant that have pieces, in the order in which they are sold."""
    return tuple(Lot(*row) for row in session.execute(_OF, {"variant": known.variant_id}))


def find(spot: Spot, code: Any) -> Batch:
    """The lot of that code at a place. Raises NotFound."""
    for each in spot.lots.values():
        if each.code == code:
            return each
    raise NotFound("lot", code)


def put(session: Session, shelf: Shelf, spot: Spot, wanted: Wanted) -> int:
    """The number of a lot at a place, made when it is new there. Raises ValidationError when its dates differ."""
    for each in spot.lots.values():
        if each.code == wanted.code:
            for field in ("roasted_on", "best_before"):
                said, known = getattr(wanted, field), getattr(each, field)
                if said is not None and said != known:
                    raise ValidationError.of(field, "invalid", reason=f"the lot has {known}")
            return each.id
    row = {
        "variant_id": shelf.before.variant_id,
        "location_id": spot.location_id,
        "code": wanted.code,
        "roasted_on": wanted.roasted_on,
        "best_before": wanted.best_before,
        "on_hand": 0,
        "allocated": 0,
    }
    made: int = session.execute(insert(lot).returning(lot.c.id), row).scalar_one()
    spot.lots[made] = Batch(made, wanted.code, wanted.roasted_on, wanted.best_before, 0, 0)
    if not shelf.before.by_lot:
        session.execute(_KEEP_BY_LOT, {"of": shelf.before.variant_id})
    return made


def copy(session: Session, shelf: Shelf, batch: Batch, target: Spot) -> int:
    """The same lot at another place."""
    return put(session, shelf, target, Wanted(batch.code, batch.roasted_on, batch.best_before))


def past(session: Session, today: date, limit: int) -> list[int]:
    """Variants that have free pieces past their date."""
    return list(session.execute(_PAST, {"today": today, "most": limit}).scalars())


def write_off(shelves: Shelves, variant: int, spot: Spot) -> int:
    """Note that the free pieces of a place that are past their date are gone; returns how many."""
    gone = 0
    for each in tuple(spot.lots.values()):
        # Never more than may be counted away: what is reserved, or sold before it comes, has its pieces elsewhere.
        room = spot.on_hand + spot.backorder_limit - spot.allocated - spot.reserved
        pieces = min(each.free, room) if is_past(each.best_before, shelves.today) else 0
        if pieces > 0:
            where = spot.location_id
            shelves.move("adjust", "", variant, where, lot_id=each.id, on_hand=-pieces, reason="expired")
            gone += pieces
    return gone


def recall(session: Session, known: StockLevel, code: Any) -> Recall:
    """Where a lot went. Raises NotFound."""
    values = {"variant": known.variant_id, "code": code}
    rows = session.execute(_NAMED, values).all() if isinstance(code, str) and storable(code) else []
    if not rows:
        raise NotFound("lot", code)
    went = session.execute(_WENT, {"ids": [row.id for row in rows]}).all()
    return Recall(
        known.sku,
        code,
        on_hand=sum(row.on_hand for row in rows),
        held={row.reference: int(row.held) for row in went if row.held > 0},
        shipped={row.reference: int(row.shipped) for row in went if row.shipped > 0},
    )
