"""Locked stock, and the changes that are to be made to it.

Invariant: whoever changes stock holds the locks of the levels concerned, all taken by one statement in ascending order
of variant; so two transactions never wait for each other, and places, lots and reservations need no locks of their own.
Level, places, lots and ledger are written together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, or_, select, update

from mestres_core.db.bulk import InsertMany, UpdateMany
from mestres_core.db.dialects.sql import among
from mestres_core.errors import InsufficientStock, NotFound
from mestres_core.events.facts import StockLow
from mestres_core.events.work import Work
from mestres_core.inventory.dto import StockLevel
from mestres_core.inventory.models import DEFAULT_LOCATION, level, location, lot, movement, place, reservation
from mestres_core.rules.stock import LotPieces, StockPlace, is_past, take

COLUMNS = tuple(level.c[name] for name in StockLevel.__dataclass_fields__)
_active = reservation.c.state == "active"
_LOCK = select(*COLUMNS).where(among(level.c.variant_id, "ids")).order_by(level.c.variant_id).with_for_update(of=level)
# An order learns with its lock whether its cart has reserved anything: most have not, and are not to pay for it.
_LOCK_FOR = (
    select(*COLUMNS, exists().where(reservation.c.owner == bindparam("owner"), _active).label("owner_has"))
    .where(among(level.c.variant_id, "ids"))
    .order_by(level.c.variant_id)
    .with_for_update(of=level)
)
_LOCK_SKUS = (
    select(*COLUMNS)
    .where(or_(among(level.c.sku, "skus"), among(level.c.variant_id, "ids")))
    .order_by(level.c.variant_id)
    .with_for_update(of=level)
)
_PLACES = (
    select(place, location.c.code, location.c.priority)
    .join(location, location.c.id == place.c.location_id)
    .where(among(place.c.variant_id, "ids"))
    .order_by(location.c.priority, location.c.id)
)
_LOTS = select(lot).where(among(lot.c.variant_id, "ids")).order_by(lot.c.id)
# What an order has taken, and from where, is what the ledger says of it.
_TAKEN = (
    select(
        movement.c.variant_id,
        movement.c.location_id,
        movement.c.lot_id,
        func.sum(movement.c.allocated).label("pieces"),
    )
    .where(movement.c.reference == bindparam("reference"), among(movement.c.variant_id, "ids"))
    .group_by(movement.c.variant_id, movement.c.location_id, movement.c.lot_id)
    .having(func.sum(movement.c.allocated) > 0)
)
_EXPIRE = (
    update(reservation)
    .where(among(reservation.c.variant_id, "ids"), _active, reservation.c.expires_at <= bindparam("now"))
    .values(state="expired")
    .returning(reservation.c.owner, reservation.c.variant_id, reservation.c.location_id, reservation.c.quantity)
)


_NUMBERS = ("on_hand", "allocated", "reserved")
_CHANGE = UpdateMany(level, key=("variant_id",), add=_NUMBERS)
_CHANGE_PLACE = UpdateMany(place, key=("variant_id", "location_id"), add=_NUMBERS)
_CHANGE_LOT = UpdateMany(lot, key=("id",), add=_NUMBERS[:2])
_RECORD = InsertMany(
    movement,
    *("variant_id", "location_id", "lot_id", "kind", *_NUMBERS, "reference", "reason", "created_at"),
)
_SPREAD = update(level).where(level.c.variant_id == bindparam("of")).values(spread=True)

Watcher = Callable[[Iterable[int], Iterable[int]], None]
Taken = dict[int, list[tuple[int, int | None, int]]]
"""What an order holds: {variant: [(location, lot, pieces)]}."""

Reserved = dict[int, dict[int, int]]
"""What an owner has reserved: {variant: {location: pieces}}."""


@dataclass(slots=True)
class Batch:
    """A lot, as it is under the lock."""

    id: int
    code: str
    roasted_on: date | None
    best_before: date | None
    on_hand: int
    allocated: int

    @property
    def free(self) -> int:
        """Pieces that are allocated to nobody."""
        return self.on_hand - self.allocated


@dataclass(slots=True)
class Spot:
    """The pieces of a variant at one location, as they are under the lock."""

    location_id: int
    code: str
    priority: int
    on_hand: int
    allocated: int
    reserved: int
    backorder_limit: int
    lots: dict[int, Batch] = field(default_factory=dict)

    @property
    def loose(self) -> int:
        """Pieces on hand that are in no lot."""
        return self.on_hand - sum(each.on_hand for each in self.lots.values())

    def seen(self, today: date) -> StockPlace:
        """As the rules see it."""
        past = sum(each.free for each in self.lots.values() if is_past(each.best_before, today))
        return StockPlace(
            location_id=self.location_id,
            location=self.code,
            priority=self.priority,
            on_hand=self.on_hand,
            allocated=self.allocated,
            reserved=self.reserved,
            backorder_limit=self.backorder_limit,
            blocked=past,
        )

    def pieces(self) -> list[LotPieces]:
        """The lots, as the rules see them."""
        return [LotPieces(each.id, each.roasted_on, each.best_before, each.free) for each in self.lots.values()]


@dataclass(slots=True)
class Shelf:
    """One variant: its level as it was when it was locked, and its places as they will be."""

    before: StockLevel
    spots: dict[int, Spot]

    def at(self, location_id: int) -> Spot:
        """The place at a location. Raises NotFound when the variant was never there."""
        if location_id not in self.spots:
            raise NotFound("location", location_id)
        return self.spots[location_id]

    def places(self, today: date) -> list[StockPlace]:
        """All of them, as the rules see them, in order of priority."""
        return [spot.seen(today) for spot in self.spots.values()]

    def room(self, location_id: int, today: date, own: int = 0) -> int:
        """How many can be bought at a location by who has `own` pieces reserved there.

        Less than those when what was reserved is past its date by now.
        """
        seen = self.at(location_id).seen(today)
        return max(0, seen.available + seen.backorder_limit + own)


class Shelves:
    """The locked shelves of one call, and its movements, until they are written."""

    def __init__(self, work: Work, watcher: Watcher) -> None:
        self._work = work
        self._session = work.session
        self._watcher = watcher
        self._moves: list[dict[str, Any]] = []
        self.now = work.clock.now()
        self.today = self.now.date()
        self.owner_has = False
        self._shelves: dict[int, Shelf] = {}

    def __getitem__(self, variant: int) -> Shelf:
        return self._shelves[variant]

    def __iter__(self) -> Any:
        return iter(self._shelves)

    def lock(self, variants: Iterable[int]) -> None:
        """Lock these. Raises NotFound for one that has no level."""
        self._load(_LOCK, {"ids": sorted(variants)})

    def lock_for(self, variants: Iterable[int], owner: str) -> None:
        """The same, and find out whether `owner` has reserved anything."""
        rows = self._load(_LOCK_FOR, {"ids": sorted(variants), "owner": owner})
        self.owner_has = any(row.owner_has for row in rows)

    def lock_skus(self, skus: Iterable[str], variants: Iterable[int] = ()) -> dict[str, int]:
        """Lock variants by SKU, or by number; {sku: variant}. Raises NotFound for an unknown SKU."""
        wanted = sorted(skus)
        rows = self._load(_LOCK_SKUS, {"skus": wanted, "ids": sorted(variants)})
        found = {row.sku: row.variant_id for row in rows}
        for sku in wanted:
            if sku not in found:
                raise NotFound("sku", sku)
        return found

    def _load(self, query: Any, values: Mapping[str, Any]) -> list[Any]:
        rows = self._session.execute(query, values).all()
        width = len(COLUMNS)
        for row in rows:
            known = StockLevel(*row[:width])
            spots = {} if known.spread else {DEFAULT_LOCATION: _whole(known)}
            self._shelves[known.variant_id] = Shelf(known, spots)
        for variant in values["ids"]:
            if variant not in self._shelves:
                raise NotFound("variant", variant)
        self._load_places([row.variant_id for row in rows if row.spread])
        self._load_lots([row.variant_id for row in rows if row.by_lot])
        return list(rows)

    def _load_places(self, variants: list[int]) -> None:
        for row in self._session.execute(_PLACES, {"ids": variants}) if variants else ():
            spot = Spot(
                row.location_id, row.code, row.priority, row.on_hand, row.allocated, row.reserved, row.backorder_limit
            )
            self._shelves[row.variant_id].spots[row.location_id] = spot

    def _load_lots(self, variants: list[int]) -> None:
        for row in self._session.execute(_LOTS, {"ids": variants}) if variants else ():
            batch = Batch(row.id, row.code, row.roasted_on, row.best_before, row.on_hand, row.allocated)
            self._shelves[row.variant_id].at(row.location_id).lots[row.id] = batch

    # What is to be moved

    def move(
        self,
        kind: str,
        reference: str,
        variant: int,
        location_id: int,
        *,
        lot_id: int | None = None,
        on_hand: int = 0,
        allocated: int = 0,
        reserved: int = 0,
        reason: str = "",
    ) -> None:
        """Note a movement; it is written by `write`. What is read here afterwards is as it will be."""
        spot = self._shelves[variant].at(location_id)
        spot.on_hand += on_hand
        spot.allocated += allocated
        spot.reserved += reserved
        if lot_id is not None:
            spot.lots[lot_id].on_hand += on_hand
            spot.lots[lot_id].allocated += allocated
        self._moves.append(
            {
                "variant_id": variant,
                "location_id": location_id,
                "lot_id": lot_id,
                "kind": kind,
                "on_hand": on_hand,
                "allocated": allocated,
                "reserved": reserved,
                "reference": reference,
                "reason": reason,
                "created_at": self.now,
            }
        )

    def allocate(self, reference: str, variant: int, location_id: int, pieces: int, *, reserved: int = 0) -> None:
        """Note that an order takes pieces at a location, `reserved` of them out of its reservation; lots by FEFO."""
        lots, rest = take(self._shelves[variant].at(location_id).pieces(), pieces, self.today)
        parts: list[tuple[int | None, int]] = [*lots.items(), *([(None, rest)] if rest else [])]
        for lot_id, taken in parts:
            own = min(reserved, taken)
            reserved -= own
            for kind, number, back in (("convert", own, own), ("allocate", taken - own, 0)):
                if number:
                    self.move(kind, reference, variant, location_id, lot_id=lot_id, allocated=number, reserved=-back)

    def need(self, wanted: Mapping[int, int], mine: Reserved, owner: str) -> None:
        """Make sure that so many can be bought, those that are reserved by `owner` included. Raises InsufficientStock.

        On a shortage whatever is reserved and past its time is given back first; that stays, whatever follows, and what
        was the owner's is taken out of `mine`.
        """
        short = self._short(wanted, mine)
        if short:
            for row in self._expire(short):
                if row.owner == owner:
                    del mine[row.variant_id][row.location_id]
            short = self._short(wanted, mine)
        for variant in short:
            raise InsufficientStock(
                sku=self[variant].before.sku, requested=wanted[variant], available=self._room(variant, mine)
            )

    def _short(self, wanted: Mapping[int, int], mine: Reserved) -> list[int]:
        return [variant for variant, pieces in sorted(wanted.items()) if pieces > self._room(variant, mine)]

    def _room(self, variant: int, mine: Reserved) -> int:
        shelf, own = self[variant], mine.get(variant, {})
        return sum(shelf.room(where, self.today, own.get(where, 0)) for where in shelf.spots)

    def expire(self, variants: Iterable[int]) -> int:
        """Give back what is reserved of these and past its time, and write it; returns how many rows that were."""
        return len(self._expire(variants))

    def _expire(self, variants: Iterable[int]) -> list[Any]:
        rows = list(self._session.execute(_EXPIRE, {"ids": sorted(variants), "now": self.now}))
        for row in rows:
            self.move("expire", row.owner, row.variant_id, row.location_id, reserved=-row.quantity)
        self.write()
        return rows

    def taken(self, reference: str) -> Taken:
        """What the order `reference` holds of the locked variants."""
        found: Taken = defaultdict(list)
        for row in self._session.execute(_TAKEN, {"reference": reference, "ids": sorted(self._shelves)}):
            found[row.variant_id].append((row.location_id, row.lot_id, int(row.pieces)))
        return found

    def open_place(self, variant: int, where: Any) -> Spot:
        """The place of a variant at a location (a row of it), made when it is the first time."""
        shelf = self._shelves[variant]
        if where.id in shelf.spots:
            return shelf.spots[where.id]
        rows = [_place_row(variant, Spot(where.id, where.code, where.priority, 0, 0, 0, 0))]
        if not shelf.before.spread:
            rows.insert(0, _place_row(variant, shelf.spots[DEFAULT_LOCATION]))
            self._session.execute(_SPREAD, {"of": variant})
        self._session.execute(insert(place), rows)
        shelf.spots[where.id] = Spot(where.id, where.code, where.priority, 0, 0, 0, 0)
        self._shelves[variant] = Shelf(replace(shelf.before, spread=True), shelf.spots)
        return shelf.spots[where.id]

    # Writing

    def write(self) -> None:
        """Write what was noted since the last time, and tell who wants to know."""
        moves, self._moves = self._moves, []
        if not moves:
            return
        changed = [each for each in _sums(moves, ("variant_id",)) if any(each[name] for name in _NUMBERS)]
        if changed:
            _CHANGE(self._session, changed)
        spread = [each for each in moves if self._shelves[each["variant_id"]].before.spread]
        if spread:
            _CHANGE_PLACE(self._session, _sums(spread, ("variant_id", "location_id")))
        of_lots = [each | {"id": each["lot_id"]} for each in moves if each["lot_id"] is not None]
        if of_lots:
            _CHANGE_LOT(self._session, _sums(of_lots, ("id",)))
        _RECORD(self._session, moves)
        if changed:
            self._tell(changed)

    def tell(self, changed: Iterable[int], flipped: Iterable[int]) -> None:
        """Tell who wants to know of changes that were not made here."""
        self._watcher(changed, flipped)

    def _tell(self, changed: list[dict[str, int]]) -> None:
        flipped, low = [], []
        for change in changed:
            variant = change["variant_id"]
            before = self._shelves[variant].before
            after = _changed(before, change)
            if (before.buyable > 0) != (after.buyable > 0):
                flipped.append(variant)
            if before.low_at is not None and before.available > before.low_at >= after.available:
                low.append(StockLow(before.sku, variant, after.available, before.low_at))
            self._shelves[variant].before = after
        self._watcher([change["variant_id"] for change in changed], flipped)
        self._work.outbox.announce(*low)


def _whole(known: StockLevel) -> Spot:
    return Spot(DEFAULT_LOCATION, "", 0, known.on_hand, known.allocated, known.reserved, known.backorder_limit)


def _changed(known: StockLevel, change: Mapping[str, int]) -> StockLevel:
    return replace(known, **{name: getattr(known, name) + change[name] for name in _NUMBERS})


def _place_row(variant: int, spot: Spot) -> dict[str, int]:
    return {
        "variant_id": variant,
        "location_id": spot.location_id,
        "on_hand": spot.on_hand,
        "allocated": spot.allocated,
        "reserved": spot.reserved,
        "backorder_limit": spot.backorder_limit,
    }


def _sums(moves: Iterable[Mapping[str, Any]], keys: tuple[str, ...]) -> list[dict[str, int]]:
    """The movements of each key added up, in ascending order of the keys."""
    sums: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for move in moves:
        total = sums[tuple(move[key] for key in keys)]
        for index, name in enumerate(_NUMBERS):
            total[index] += move[name]
    return [
        dict(zip(keys, of, strict=True)) | dict(zip(_NUMBERS, total, strict=True)) for of, total in sorted(sums.items())
    ]
