"""The rows of reservations. Whoever ends one holds the lock of its level; what it held is counted there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session

from mestres_core.inventory.models import reservation
from mestres_core.inventory.shelves import Reserved

ACTIVE = reservation.c.state == "active"
MINE = reservation.c.owner == bindparam("of_owner")
_MINE = (
    select(reservation.c.variant_id, reservation.c.location_id, reservation.c.quantity)
    .where(MINE, ACTIVE)
    .order_by(reservation.c.variant_id, reservation.c.id)
)
_now = bindparam("now", type_=reservation.c.expires_at.type)
_sooner = case((reservation.c.expires_at < _now, reservation.c.expires_at), else_=_now)
_taken = reservation.c.variant_id.in_(bindparam("ids", expanding=True))
# What was reserved and not bought is due at once. Its level is not locked: whoever expires it counts it.
_END = (
    update(reservation)
    .where(MINE, ACTIVE)
    .values(
        state=case((_taken, "converted"), else_=reservation.c.state),
        expires_at=case((_taken, reservation.c.expires_at), else_=_sooner),
    )
)
_LEAVE = update(reservation).where(MINE, ACTIVE).values(expires_at=_sooner)


def reserved_by(session: Session, owner: str) -> Reserved:
    """What an owner has reserved, past its time or not, as long as nobody has taken it."""
    found: Reserved = defaultdict(dict)
    for row in session.execute(_MINE, {"of_owner": owner}):
        found[row.variant_id][row.location_id] = row.quantity
    return found


def leave(session: Session, owner: str, now: datetime) -> None:
    """Whatever an owner has reserved is due: whoever needs it may have it."""
    session.execute(_LEAVE, {"of_owner": owner, "now": now})


def end_reserved(session: Session, owner: str, variants: Iterable[int], now: datetime) -> None:
    """The order has taken these; whatever else its owner had reserved is due."""
    session.execute(_END, {"of_owner": owner, "ids": sorted(variants), "now": now})
