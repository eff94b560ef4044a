"""Setting pieces aside for a while: for a cart at the till, a customer at the counter, a transfer that is being packed.

Invariant: the pieces of every active reservation are counted in its level, and in no other way. It ends once, by the
first who ends it: bought, given back, or found past its time by somebody who needed the pieces; no sweeper has to run.
One who comes back too late reserves anew, if there is still something to reserve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from mestres_core.errors import IllegalTransition, NotFound, RetryableError
from mestres_core.events.work import Work
from mestres_core.inventory.dto import Reservation, ReservedLine
from mestres_core.inventory.models import level, location, reservation
from mestres_core.inventory.reserving import ACTIVE, MINE, leave, reserved_by
from mestres_core.inventory.service import MOST_PIECES, InventoryService
from mestres_core.inventory.shelves import Reserved, Shelves
from mestres_core.rules.checks import Checks

DEFAULT_TIME = timedelta(minutes=15)
LONGEST = timedelta(days=30)
MOST_SKUS = 1000
_MINE_NOW = select(reservation.c.variant_id).where(MINE, ACTIVE)
# Each time all rows are new ones: so the last row of an owner tells which ones were reserved together, last.
_REPLACE = update(reservation).where(MINE, ACTIVE).values(state="released")
_EXTEND = (
    update(reservation)
    .where(MINE, ACTIVE, reservation.c.expires_at > bindparam("now"))
    .values(expires_at=bindparam("until"))
    .returning(reservation.c.id)
)
_RELEASE = (
    update(reservation)
    .where(MINE, ACTIVE, reservation.c.variant_id.in_(bindparam("ids", expanding=True)))
    .values(state="released")
    .returning(reservation.c.variant_id, reservation.c.location_id, reservation.c.quantity)
)
_last = reservation.alias("last")
_LAST_TOKEN = (
    select(_last.c.token)
    .where(_last.c.owner == bindparam("of_owner"))
    .order_by(_last.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_LAST = (
    select(
        reservation.c.id,
        reservation.c.variant_id,
        level.c.sku,
        location.c.code,
        reservation.c.quantity,
        reservation.c.state,
        reservation.c.expires_at,
    )
    .select_from(
        reservation.join(level, level.c.variant_id == reservation.c.variant_id).join(
            location, location.c.id == reservation.c.location_id
        )
    )
    .where(MINE, reservation.c.token == _LAST_TOKEN)
    .order_by(reservation.c.variant_id, reservation.c.id)
)
_DUE = (
    select(reservation.c.variant_id)
    .where(ACTIVE, reservation.c.expires_at <= bindparam("now"))
    .order_by(reservation.c.expires_at)
    .limit(bindparam("most"))
)
_FORGET = delete(reservation).where(
    reservation.c.id.in_(
        select(reservation.c.id)
        .where(reservation.c.state != "active", reservation.c.expires_at <= bindparam("until"))
        .limit(bindparam("most"))
    )
)


class ReservationService:
    """Reservations of one unit of work."""

    def __init__(self, work: Work, inventory: InventoryService) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory

    def get(self, owner: str) -> Reservation:
        """What `owner` reserved last, and what became of it. Raises NotFound when it never reserved anything."""
        return self._seen(_owner(owner))

    def reserve(self, owner: str, *, items: Mapping[str, int], ttl: timedelta = DEFAULT_TIME) -> Reservation:
        """Set exactly these pieces aside for `owner`, {sku: quantity}, for so long; what it had reserved is replaced.

        All or nothing. `owner` is any text of at most 80 characters: for a cart its id, so that its order takes what it
        has reserved. Reserving the same again only renews it. `ttl` is at least a second and at most 30 days. Raises
        InsufficientStock, NotFound for an unknown SKU, ValidationError.
        """
        checks = Checks()
        owner = checks.text("owner", owner, limit=80)
        wanted = _items(checks, items)
        _time(checks, ttl)
        checks.done()
        shelves = self._inventory.shelves()
        before = self._session.execute(_MINE_NOW, {"of_owner": owner}).scalars()
        numbers = shelves.lock_skus(wanted, set(before))
        mine = reserved_by(self._session, owner)
        if not mine.keys() <= set(shelves):
            raise RetryableError(f"another call has changed what {owner} reserves")
        self._reserve(shelves, owner, {numbers[sku]: pieces for sku, pieces in wanted.items()}, mine, ttl)
        return self._seen(owner)

    def extend(self, owner: str, *, ttl: timedelta = DEFAULT_TIME) -> Reservation:
        """Keep what `owner` has reserved for so long from now.

        When its time is over the same pieces are reserved anew, if they can still be had: InsufficientStock if not, and
        nothing is held then. Raises NotFound when it never reserved anything, IllegalTransition when it was bought or
        given back, ValidationError.
        """
        checks = Checks()
        owner = checks.text("owner", owner, limit=80)
        _time(checks, ttl)
        checks.done()
        known = self._seen(owner)
        if known.state in ("released", "converted"):
            raise IllegalTransition(what=f"reservation {owner}", state=known.state, target="active")
        now = self._work.clock.now()
        if known.active:
            values = {"of_owner": owner, "now": now, "until": now + ttl}
            if len(self._session.execute(_EXTEND, values).all()) == len(known.lines):
                return self._seen(owner)
        items: dict[str, int] = {}
        for each in known.lines:
            items[each.sku] = items.get(each.sku, 0) + each.quantity
        return self.reserve(owner, items=items, ttl=ttl)

    def release(self, owner: str) -> Reservation:
        """Give back what `owner` has reserved; a repetition changes nothing. Raises NotFound, ValidationError."""
        owner = _owner(owner)
        shelves = self._inventory.shelves()
        variants = set(self._session.execute(_MINE_NOW, {"of_owner": owner}).scalars())
        if variants:
            shelves.lock(variants)
            rows = self._session.execute(_RELEASE, {"of_owner": owner, "ids": sorted(variants)}).all()
            for row in rows:
                shelves.move("unreserve", owner, row.variant_id, row.location_id, reserved=-row.quantity)
            shelves.write()
        return self._seen(owner)

    def leave(self, owner: str) -> None:
        """End the time of what `owner` has reserved, now: whoever needs the pieces may have them. Locks nothing."""
        leave(self._session, owner, self._work.clock.now())

    def convert(self, owner: str, *, reference: str) -> Reservation:
        """Sell what `owner` has reserved: the pieces belong to the order `reference` from now on.

        A checkout does it by itself for the cart that it orders. Raises NotFound, InsufficientStock when its time was
        over and the pieces are gone, IllegalTransition when it was bought or given back, ValidationError.
        """
        owner = _owner(owner)
        known = self._seen(owner)
        if known.state in ("released", "converted"):
            raise IllegalTransition(what=f"reservation {owner}", state=known.state, target="converted")
        wanted: dict[int, int] = {}
        for each in known.lines:
            wanted[each.variant_id] = wanted.get(each.variant_id, 0) + each.quantity
        self._inventory.allocate(wanted, reference=reference, owner=owner)
        return self._seen(owner)

    def expire(self, *, limit: int = 1000) -> int:
        """Give back reservations past their time, at most `limit` rows at once; returns how many.

        Nothing depends on it: who needs the pieces takes them. It keeps lists and cards true; a worker does it.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=10_000)
        checks.done()
        shelves = self._inventory.shelves()
        due = set(self._session.execute(_DUE, {"now": shelves.now, "most": limit}).scalars())
        if not due:
            return 0
        shelves.lock(due)
        return shelves.expire(due)

    def forget(self, *, older_than: timedelta = LONGEST, limit: int = 1000) -> int:
        """Delete the rows of reservations that ended and whose time was over so long ago; returns how many.

        The ledger keeps what they did. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=10_000)
        _time(checks, older_than, field="older_than")
        checks.done()
        values = {"until": self._work.clock.now() - older_than, "most": limit}
        return int(self._session.execute(_FORGET, values).rowcount)  # type: ignore[attr-defined]

    def _reserve(self, shelves: Shelves, owner: str, wanted: Mapping[int, int], mine: Reserved, ttl: timedelta) -> None:
        shelves.need(wanted, mine, owner)
        chosen = self._keep(shelves, owner, wanted, mine)
        missing = {variant: wanted[variant] - sum(chosen[variant].values()) for variant in wanted}
        more = self._inventory.choose(shelves, {of: pieces for of, pieces in missing.items() if pieces}, None)
        for variant, places in more.items():
            for where, pieces in places.items():
                if pieces:
                    shelves.move("reserve", owner, variant, where, reserved=pieces)
                    chosen[variant][where] = chosen[variant].get(where, 0) + pieces
        self._session.execute(_REPLACE, {"of_owner": owner})
        self._session.execute(insert(reservation), _rows(owner, self._work.ids.token(), chosen, shelves.now, ttl))
        shelves.write()

    @staticmethod
    def _keep(shelves: Shelves, owner: str, wanted: Mapping[int, int], mine: Reserved) -> dict[int, dict[int, int]]:
        """What stays reserved of what was; the rest is noted as given back."""
        kept: dict[int, dict[int, int]] = {variant: {} for variant in wanted}
        for variant, places in mine.items():
            missing = wanted.get(variant, 0)
            for where, pieces in places.items():
                stays = min(pieces, missing, shelves[variant].room(where, shelves.today, pieces))
                missing -= stays
                if stays:
                    kept[variant][where] = stays
                if stays < pieces:
                    shelves.move("unreserve", owner, variant, where, reserved=stays - pieces)
        return kept

    def _seen(self, owner: str) -> Reservation:
        rows = self._session.execute(_LAST, {"of_owner": owner}).all()
        if not rows:
            raise NotFound("reservation", owner)
        lines = tuple(ReservedLine(row.variant_id, row.sku, row.code, row.quantity) for row in rows)
        return Reservation(owner, _state(rows, self._work.clock.now()), max(row.expires_at for row in rows), lines)


def _state(rows: Iterable[Any], now: datetime) -> str:
    states = {"expired" if row.state == "active" and row.expires_at <= now else row.state for row in rows}
    # Some may be gone while others are still there: then it does not hold any more what it was made for.
    return next(state for state in ("converted", "expired", "active", "released") if state in states)


def _rows(
    owner: str, token: str, chosen: Mapping[int, Mapping[int, int]], now: datetime, ttl: timedelta
) -> list[dict[str, Any]]:
    return [
        {
            "owner": owner,
            "token": token,
            "variant_id": variant,
            "location_id": where,
            "quantity": pieces,
            "state": "active",
            "expires_at": now + ttl,
            "created_at": now,
        }
        for variant, places in sorted(chosen.items())
        for where, pieces in places.items()
    ]


def _owner(owner: Any) -> str:
    checks = Checks()
    checked = checks.text("owner", owner, limit=80)
    checks.done()
    return checked


def _items(checks: Checks, items: Any) -> dict[str, int]:
    if not isinstance(items, Mapping):
        checks.mapping("items", items, ())
        return {}
    if not items:
        checks.wrong("items", "required")
    if len(items) > MOST_SKUS:
        checks.wrong("items", "too_many", limit=MOST_SKUS)
    found = {}
    for sku, quantity in items.items():
        name = checks.text("items", sku, limit=64)
        found[name] = checks.whole(f"items.{str(sku)[:64]}", quantity, at_least=1, at_most=MOST_PIECES)
    return found


def _time(checks: Checks, value: Any, *, field: str = "ttl") -> None:
    if not isinstance(value, timedelta):
        checks.wrong(field, "invalid", reason="a timedelta is expected")
    elif not timedelta(seconds=1) <= value <= LONGEST:
        checks.wrong(field, "invalid", reason="it must be between 1 second and 30 days")
