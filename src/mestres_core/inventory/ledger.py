"""Reading the ledger of movements. Nothing in it is ever changed: a mistake is put right by another line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from mestres_core.inventory.dto import Movement, StockLevel
from mestres_core.inventory.models import level, location, lot, movement

_LINES = select(
    movement.c.id,
    level.c.sku,
    movement.c.kind,
    location.c.code.label("location"),
    func.coalesce(lot.c.code, "").label("lot"),
    movement.c.on_hand,
    movement.c.allocated,
    movement.c.reserved,
    movement.c.reference,
    movement.c.reason,
    movement.c.created_at,
).select_from(
    movement.join(level, level.c.variant_id == movement.c.variant_id)
    .join(location, location.c.id == movement.c.location_id)
    .outerjoin(lot, lot.c.id == movement.c.lot_id)
)
_OF_VARIANT = (
    _LINES.where(movement.c.variant_id == bindparam("variant"), movement.c.id < bindparam("before"))
    .order_by(movement.c.id.desc())
    .limit(bindparam("most"))
)
_OF_REFERENCE = _LINES.where(movement.c.reference == bindparam("reference")).order_by(movement.c.id)
_LEFT_FROM = (
    select(movement.c.variant_id, movement.c.location_id)
    .where(
        movement.c.reference == bindparam("reference"),
        movement.c.kind == "ship",
        movement.c.on_hand < 0,
        movement.c.variant_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(movement.c.id)
)


def movements(session: Session, known: StockLevel, limit: int, before: int | None) -> tuple[Movement, ...]:
    """The last lines of a variant, newest first."""
    values = {"variant": known.variant_id, "before": before or 2**62, "most": limit}
    return _read(session.execute(_OF_VARIANT, values))


def of_reference(session: Session, reference: str) -> tuple[Movement, ...]:
    """The lines that name a reference, oldest first."""
    return _read(session.execute(_OF_REFERENCE, {"reference": reference}))


def left_from(session: Session, reference: str, variants: Iterable[int]) -> dict[int, int]:
    """{variant: the location from which an order's pieces were sent}, the first if there were several."""
    found: dict[int, int] = {}
    for variant, where in session.execute(_LEFT_FROM, {"reference": reference, "ids": sorted(variants)}):
        found.setdefault(variant, where)
    return found


def _read(rows: Iterable[Any]) -> tuple[Movement, ...]:
    return tuple(Movement(*row) for row in rows)
