"""Pieces and whose they are.

Invariant: 0 <= allocated + reserved <= on_hand + backorder_limit for every variant, at every location, whatever runs at
once. Levels are locked in ascending order of variant, so two orders for the same goods cannot wait for each other; a
CHECK constraint stands behind it all. Every change of a level has a row in the ledger, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from mestres_core.errors import ExtensionFailed, InsufficientStock, NotFound, ValidationError, VersionConflict
from mestres_core.events.work import Work
from mestres_core.inventory import ledger, locations, lots, reconciling
from mestres_core.inventory.dto import (
    Location,
    Lot,
    Movement,
    Recall,
    Reconciliation,
    StockLevel,
    StockPlace,
)
from mestres_core.inventory.models import DEFAULT_LOCATION, level, movement, place
from mestres_core.inventory.reserving import end_reserved, reserved_by
from mestres_core.inventory.shelves import COLUMNS, Batch, Reserved, Shelf, Shelves, Spot, Watcher
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.stock import by_priority, take
from mestres_core.typing import StockAllocator

MOST_PIECES = 10_000_000
_READ_SKU = select(*COLUMNS).where(level.c.sku == bindparam("sku"))
_RECORD = insert(movement)


class _Unset:
    """The value of an argument that was not given."""

    def __repr__(self) -> str:
        return "unchanged"


UNCHANGED = _Unset()


class PriorityAllocator:
    """The default StockAllocator: `mestres_core.rules.stock.by_priority`."""

    def allocate(
        self,
        *,
        wanted: Mapping[int, int],
        places: Mapping[int, Any],
        address: Mapping[str, str] | None,  # noqa: ARG002 - this one does not care
    ) -> Mapping[int, Mapping[int, int]]:
        """One location for the whole order if there is one, else as few splits as their order allows."""
        return by_priority(wanted, places)


class InventoryService:
    """Stock of one unit of work. `watcher` is told (changed variants, those that became or ceased to be sold out).

    Quantities are whole pieces. A variant that is kept at one location needs no `location` in any call; one that is
    kept at several has to be told which.
    """

    def __init__(self, work: Work, allocator: StockAllocator | None = None) -> None:
        self._work = work
        self._session = work.session
        self._allocator = allocator or PriorityAllocator()
        self.watcher: Watcher = lambda _changed, _flipped: None
        self.claims: Any = None
        """What open orders hold, as a Select of reference, variant_id, pieces: set by who knows orders."""

    # Reading

    def level(self, sku: str) -> StockLevel:
        """The pieces of `sku`, at all locations together. Raises NotFound."""
        known = isinstance(sku, str) and storable(sku)
        row = self._session.execute(_READ_SKU, {"sku": sku}).first() if known else None
        if row is None:
            raise NotFound("sku", sku)
        return StockLevel(*row)

    def places(self, sku: str) -> tuple[StockPlace, ...]:
        """The pieces of `sku` at each location, in order of priority. Raises NotFound."""
        return locations.places(self._session, self.level(sku), self._work.clock.now().date())

    def locations(self) -> tuple[Location, ...]:
        """Every location, in order of priority; a new shop has one, `default`."""
        return locations.every(self._session)

    def lots(self, sku: str) -> tuple[Lot, ...]:
        """The lots of `sku` that have pieces, in the order in which they are sold. Raises NotFound."""
        return lots.of(self._session, self.level(sku))

    def recall(self, sku: str, *, lot: str) -> Recall:
        """Which orders have pieces of a lot, and how many are still here, at all locations. Raises NotFound."""
        return lots.recall(self._session, self.level(sku), lot)

    def movements(self, sku: str, *, limit: int = 50, before: int | None = None) -> tuple[Movement, ...]:
        """The ledger of `sku`, newest first: at most `limit` (1 to 1000) lines older than the one numbered `before`.

        Raises NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=1000)
        if before is not None:
            checks.whole("before", before, at_least=1, at_most=BIGGEST_ID)
        checks.done()
        return ledger.movements(self._session, self.level(sku), limit, before)

    def of_reference(self, reference: str) -> tuple[Movement, ...]:
        """Every line of the ledger that names `reference` (an order's number, a delivery note), oldest first."""
        checks = Checks()
        reference = checks.text("reference", reference, limit=80)
        checks.done()
        return ledger.of_reference(self._session, reference)

    # Changing what is there

    def save_location(self, code: str, *, name: str = "", priority: int = 100) -> Location:
        """Make a location, or rename it and give it another priority (-1000 to 1000; the lowest is served from first).

        `code` has at most 40 characters and stays; the first location is called `default`. Raises ValidationError.
        """
        checks = Checks()
        code = checks.text("code", code, limit=40)
        name = checks.text("name", name, limit=120, required=False)
        checks.whole("priority", priority, at_least=-1000, at_most=1000)
        checks.done()
        return locations.save(self._session, self._work.dialect, code=code, name=name, priority=priority)

    def configure(
        self,
        sku: str,
        *,
        backorder_limit: int | None = None,
        low_at: int | _Unset | None = UNCHANGED,
        expected_on: date | _Unset | None = UNCHANGED,
        location: str | None = None,
    ) -> StockLevel:
        """Say how `sku` may be sold; what is not given stays.

        `backorder_limit`: how many pieces may be sold before they are there (0: none); with `expected_on`, the day from
        which they can be sent, it is a preorder. `low_at`: a `StockLow` fact is written when no more than that are
        left; None: never. Raises NotFound, ValidationError (also when more is sold already than would be allowed).
        """
        checks = Checks()
        if backorder_limit is not None:
            checks.whole("backorder_limit", backorder_limit, at_least=0, at_most=MOST_PIECES)
        if isinstance(low_at, int):
            checks.whole("low_at", low_at, at_least=0, at_most=MOST_PIECES)
        elif low_at is not None and low_at is not UNCHANGED:
            checks.wrong("low_at", "not_integer")
        if expected_on is not None and expected_on is not UNCHANGED:
            lots.read_day(checks, "expected_on", expected_on)
        checks.done()
        shelves, variant, spot = self._spot(sku, location)
        values = {
            name: value for name, value in (("low_at", low_at), ("expected_on", expected_on)) if value is not UNCHANGED
        }
        if backorder_limit is not None:
            self._limit(shelves, variant, spot, backorder_limit)
        if values:
            self._session.execute(update(level).where(level.c.variant_id == variant).values(**values))
        return self.level(sku)

    def receive(
        self,
        sku: str,
        *,
        quantity: int,
        reference: str = "",
        location: str | None = None,
        lot: str | None = None,
        roasted_on: date | None = None,
        best_before: date | None = None,
    ) -> StockLevel:
        """Put `quantity` new pieces on the shelf, as part of a `lot` if it has a code (at most 40 characters).

        A lot keeps the dates with which it was first received; nothing of it is sold after `best_before`. A location at
        which the variant never was becomes one of its places. Raises NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_PIECES)
        reference = checks.text("reference", reference, limit=80, required=False)
        wanted = lots.read(checks, lot, roasted_on, best_before)
        checks.done()
        shelves, variant, spot = self._spot(sku, location, arriving=quantity)
        batch = None if wanted is None else lots.put(self._session, shelves[variant], spot, wanted)
        shelves.move("receive", reference, variant, spot.location_id, lot_id=batch, on_hand=quantity)
        shelves.write()
        return self.level(sku)

    def set(
        self,
        sku: str,
        *,
        on_hand: int,
        change_from: int | None = None,
        location: str | None = None,
        lot: str | None = None,
        reason: str = "",
    ) -> StockLevel:
        """Correct the number of pieces on hand after counting them: all, or those of one `lot`.

        With `change_from` the correction happens only if that number was still right: VersionConflict otherwise.
        Raises InsufficientStock when more pieces than `on_hand` are already sold, NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("on_hand", on_hand, at_least=0, at_most=MOST_PIECES)
        if change_from is not None:
            checks.whole("change_from", change_from, at_least=-MOST_PIECES, at_most=MOST_PIECES)
        reason = checks.text("reason", reason, limit=80, required=False)
        checks.done()
        shelves, variant, spot = self._spot(sku, location)
        batch = None if lot is None else lots.find(spot, lot)
        now = spot.on_hand if batch is None else batch.on_hand
        if change_from is not None and change_from != now:
            raise VersionConflict(expected=change_from, actual=now)
        self._correct(shelves, (variant, spot, batch), on_hand - now, ("count", "", reason))
        return self.level(sku)

    def adjust(
        self,
        sku: str,
        *,
        by: int,
        reason: str,
        reference: str = "",
        location: str | None = None,
        lot: str | None = None,
    ) -> StockLevel:
        """Change the number of pieces on hand `by` so many (below zero: fewer), for a `reason` of your own words.

        `reason` ("damaged", "sample", "found", at most 80 characters) stands in the ledger. Raises InsufficientStock
        when those pieces are sold or not there, NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("by", by, at_least=-MOST_PIECES, at_most=MOST_PIECES)
        if by == 0:
            checks.wrong("by", "invalid", reason="it changes nothing")
        reason = checks.text("reason", reason, limit=80)
        reference = checks.text("reference", reference, limit=80, required=False)
        checks.done()
        shelves, variant, spot = self._spot(sku, location)
        batch = None if lot is None else lots.find(spot, lot)
        self._correct(shelves, (variant, spot, batch), by, ("adjust", reference, reason))
        return self.level(sku)

    def transfer(
        self,
        sku: str,
        *,
        quantity: int,
        source: str,
        target: str,
        lot: str | None = None,
        reference: str = "",
    ) -> tuple[StockPlace, ...]:
        """Move `quantity` free pieces from one location to another; returns the places as they are then.

        Of what is kept by lots the ones that expire first are moved, unless `lot` says which. Raises InsufficientStock
        when fewer are free at `source`, NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_PIECES)
        reference = checks.text("reference", reference, limit=80, required=False)
        origin, goal = checks.text("source", source, limit=40), checks.text("target", target, limit=40)
        if origin and origin == goal:
            checks.wrong("target", "invalid", reason="it is the source")
        checks.done()
        there = locations.find(self._session, goal)
        shelves, variant, spot = self._spot(sku, origin)
        parts = self._transferable(shelves, variant, spot, quantity, lot)
        other = shelves.open_place(variant, there)
        for batch, pieces in parts:
            copy = None if batch is None else lots.copy(self._session, shelves[variant], spot.lots[batch], other)
            shelves.move("transfer", reference, variant, spot.location_id, lot_id=batch, on_hand=-pieces)
            shelves.move("transfer", reference, variant, other.location_id, lot_id=copy, on_hand=pieces)
        shelves.write()
        return self.places(sku)

    def write_off_expired(self, *, limit: int = 1000) -> int:
        """Take lots past their best-before date off the shelf, but for what is allocated; returns how many pieces.

        They are not sold in any case; this makes levels and lists say so. A worker does it, at most `limit` lots each.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=10_000)
        checks.done()
        shelves = self.shelves()
        due = lots.past(self._session, shelves.today, limit)
        if not due:
            return 0
        shelves.lock(set(due))
        written_off = 0
        for variant in shelves:
            for spot in shelves[variant].spots.values():
                written_off += lots.write_off(shelves, variant, spot)
        shelves.write()
        return written_off

    def reconcile(self, *, repair: bool = False) -> Reconciliation:
        """Prove levels, places and lots against ledger, reservations and open orders; names every number that is wrong.

        With `repair` they are put right: reservations say what is reserved, orders what is allocated, the ledger what
        is on hand, and each correction of the ledger is a line of kind `repair`. What would oversell is left as it is.
        Raises ValidationError.
        """
        if not isinstance(repair, bool):
            raise ValidationError.of("repair", "not_boolean")
        return reconciling.reconcile(self.shelves(), self._session, self.claims, repair=repair)

    # For those who know variants by number

    def open(self, variants: Mapping[int, tuple[str, int]]) -> None:
        """Begin to keep stock of new variants: {variant_id: (sku, pieces on hand)}. Tells no watcher."""
        if not variants:
            return
        rows = [
            {"variant_id": variant, "sku": sku, "on_hand": pieces, "allocated": 0}
            for variant, (sku, pieces) in variants.items()
        ]
        self._session.execute(insert(level), rows)
        now = self._work.clock.now()
        moves = [
            {
                "variant_id": variant,
                "kind": "open",
                "on_hand": pieces,
                "allocated": 0,
                "reference": "",
                "created_at": now,
            }
            for variant, (_, pieces) in variants.items()
        ]
        self._session.execute(_RECORD, moves)

    def allocate(
        self,
        wanted: Mapping[int, int],
        *,
        reference: str,
        owner: str = "",
        address: Mapping[str, str] | None = None,
    ) -> None:
        """Set pieces aside for an order: {variant_id: quantity}. All or nothing: raises InsufficientStock.

        `reference` is the order's number: by it `release` and `ship` know what it holds. What `owner` has reserved is
        used first, and what it has reserved besides is free at once. Raises NotFound, ValidationError.
        """
        reference = _check(wanted, reference)
        shelves = self.shelves()
        shelves.lock_for(wanted, owner)
        own = reserved_by(self._session, owner) if shelves.owner_has else {}
        shelves.need(wanted, own, owner)
        self._convert(shelves, wanted, own, reference, address)
        if own:
            end_reserved(self._session, owner, wanted, shelves.now)
        shelves.write()

    def release(self, held: Mapping[int, int], *, reference: str) -> dict[int, int]:
        """Give an order's pieces back to everybody: {variant_id: quantity}; returns how many really were.

        Never more than `reference` still holds: a repetition gives back nothing. Raises NotFound, ValidationError.
        """
        reference = _check(held, reference)
        shelves = self.shelves()
        shelves.lock(held)
        taken = shelves.taken(reference)
        given: dict[int, int] = {}
        for variant, quantity in sorted(held.items()):
            # What expires last goes back first: its holder keeps what expires first, as it was sold.
            for where, batch, pieces in reversed(_by_date(shelves[variant], taken.get(variant, []))):
                back = min(pieces, quantity - given.get(variant, 0))
                if back:
                    shelves.move("release", reference, variant, where, lot_id=batch, allocated=-back)
                    given[variant] = given.get(variant, 0) + back
        shelves.write()
        return given

    def ship(self, held: Mapping[int, int], *, reference: str) -> None:
        """An order's pieces leave the house: {variant_id: quantity}.

        Raises InsufficientStock when the order does not hold so many, or when pieces that were sold before they were
        there have not come; NotFound, ValidationError.
        """
        reference = _check(held, reference)
        shelves = self.shelves()
        shelves.lock(held)
        taken = shelves.taken(reference)
        for variant, quantity in sorted(held.items()):
            self._ship(shelves, variant, quantity, taken.get(variant, []), reference)
        shelves.write()

    def take_back(self, returned: Mapping[int, int], *, reference: str, location: str | None = None) -> None:
        """Pieces that an order had been sent are on the shelf again: {variant_id: quantity}.

        At the location from which its pieces left, unless `location` says another; in no lot. Raises NotFound,
        ValidationError.
        """
        reference = _check(returned, reference)
        goal = None if location is None else locations.find(self._session, location)
        shelves = self.shelves()
        shelves.lock(returned)
        left = ledger.left_from(self._session, reference, returned)
        for variant, quantity in sorted(returned.items()):
            first = next(iter(shelves[variant].spots))
            where = shelves.open_place(variant, goal).location_id if goal else left.get(variant, first)
            shelves.move("return", reference, variant, where, on_hand=quantity)
        shelves.write()

    # Parts

    def shelves(self) -> Shelves:
        """Shelves to lock and to move pieces on, for the other services of stock."""
        return Shelves(self._work, self.watcher)

    def _spot(self, sku: str, location: str | None, *, arriving: int = 0) -> tuple[Shelves, int, Spot]:
        """The locked shelf of a SKU and its place; one is made when pieces arrive where the variant has never been."""
        if not (isinstance(sku, str) and storable(sku)):
            raise NotFound("sku", sku)
        row = None if location is None else locations.find(self._session, location)
        shelves = self.shelves()
        variant = shelves.lock_skus([sku])[sku]
        shelf = shelves[variant]
        self._check_room(shelf.before, arriving)
        if row is not None:
            return shelves, variant, shelves.open_place(variant, row) if arriving else shelf.at(row.id)
        if shelf.before.spread:
            raise ValidationError.of("location", "required")
        return shelves, variant, shelf.at(DEFAULT_LOCATION)

    def _limit(self, shelves: Shelves, variant: int, spot: Spot, limit: int) -> None:
        missing = spot.allocated + spot.reserved - spot.on_hand - limit
        if missing > 0:
            raise ValidationError.of("backorder_limit", "too_small", limit=limit + missing)
        before = shelves[variant].before
        total = before.backorder_limit + limit - spot.backorder_limit
        self._session.execute(update(level).where(level.c.variant_id == variant).values(backorder_limit=total))
        if before.spread:
            here = (place.c.variant_id == variant, place.c.location_id == spot.location_id)
            self._session.execute(update(place).where(*here).values(backorder_limit=limit))
        flipped = (before.buyable > 0) != (before.available + total > 0)
        self.watcher([variant], [variant] if flipped else [])

    def _correct(
        self, shelves: Shelves, at: tuple[int, Spot, Batch | None], by: int, why: tuple[str, str, str]
    ) -> None:
        (variant, spot, batch), (kind, reference, reason) = at, why
        if by == 0:
            return
        if by > 0:
            self._check_room(shelves[variant].before, by)
        free = _free(spot, batch)
        if -by > free and spot.reserved:
            shelves.expire([variant])
            free = _free(spot, batch)
        if -by > free:
            now = spot.on_hand if batch is None else batch.on_hand
            sku = shelves[variant].before.sku
            if kind == "count":
                raise InsufficientStock(sku=sku, requested=now - free, available=now + by)
            raise InsufficientStock(sku=sku, requested=-by, available=free)
        if batch is None and -by > spot.loose:
            raise ValidationError.of("lot", "required")
        lot_id = None if batch is None else batch.id
        shelves.move(kind, reference, variant, spot.location_id, lot_id=lot_id, on_hand=by, reason=reason)
        shelves.write()

    def _check_room(self, before: StockLevel, more: int) -> None:
        if before.on_hand + more > 2 * MOST_PIECES:
            raise ValidationError.of("quantity", "too_large", limit=2 * MOST_PIECES - before.on_hand)

    def _transferable(
        self, shelves: Shelves, variant: int, spot: Spot, quantity: int, lot: str | None
    ) -> list[tuple[int | None, int]]:
        batch = None if lot is None else lots.find(spot, lot)
        free = max(0, min(spot.on_hand - spot.allocated - spot.reserved, spot.on_hand))
        if quantity > free and spot.reserved and shelves.expire([variant]):
            free = max(0, spot.on_hand - spot.allocated - spot.reserved)
        if batch is not None:
            free = min(free, batch.free)
        if quantity > free:
            raise InsufficientStock(sku=shelves[variant].before.sku, requested=quantity, available=free)
        if batch is not None:
            return [(batch.id, quantity)]
        chosen, rest = take(spot.pieces(), quantity, shelves.today)
        if rest > max(0, spot.loose):
            raise ValidationError.of("lot", "required")
        return [*chosen.items(), *([(None, rest)] if rest else [])]

    def _convert(
        self,
        shelves: Shelves,
        wanted: Mapping[int, int],
        own: Reserved,
        reference: str,
        address: Mapping[str, str] | None,
    ) -> None:
        """Note where an order's pieces come from: its own reservation first, the rest as the allocator says."""
        rest: dict[int, int] = {}
        for variant, quantity in sorted(wanted.items()):
            missing = quantity
            for location, pieces in own.get(variant, {}).items():
                used = min(pieces, missing, shelves[variant].room(location, shelves.today, pieces))
                missing -= used
                if used:
                    shelves.allocate(reference, variant, location, used, reserved=used)
                if used < pieces:
                    shelves.move("unreserve", reference, variant, location, reserved=used - pieces)
            if missing:
                rest[variant] = missing
        for variant, places in self.choose(shelves, rest, address).items():
            for location, pieces in places.items():
                shelves.allocate(reference, variant, location, pieces)

    def choose(
        self, shelves: Shelves, wanted: Mapping[int, int], address: Mapping[str, str] | None
    ) -> Mapping[int, Mapping[int, int]]:
        """{variant: {location: pieces}} for locked variants: as the allocator says, where there is a choice."""
        if not any(shelves[variant].before.spread for variant in wanted):
            return {variant: {DEFAULT_LOCATION: pieces} for variant, pieces in wanted.items()}
        places = {variant: shelves[variant].places(shelves.today) for variant in wanted}
        chosen = self._allocator.allocate(wanted=wanted, places=places, address=address)
        if not isinstance(chosen, Mapping) or not chosen.keys() <= wanted.keys():
            reason = f"a mapping from the variants {sorted(wanted)} is expected, not {chosen!r}"
            raise ExtensionFailed("the stock allocator", reason)
        for variant, pieces in wanted.items():
            rooms = {place.location_id: place.buyable for place in places[variant]}
            answer = chosen.get(variant, {})
            if not isinstance(answer, Mapping) or any(type(part) is not int for part in answer.values()):
                reason = f"whole pieces by location are expected of variant {variant}, not {answer!r}"
                raise ExtensionFailed("the stock allocator", reason)
            total = sum(answer.values())
            if total < pieces:
                raise InsufficientStock(sku=shelves[variant].before.sku, requested=pieces, available=total)
            if total > pieces or any(not 0 <= part <= rooms.get(of, 0) for of, part in answer.items()):
                raise ExtensionFailed(
                    "the stock allocator",
                    f"it took {dict(answer)} of variant {variant}: {pieces} of {rooms} were asked",
                )
        return chosen

    def _ship(
        self, shelves: Shelves, variant: int, quantity: int, taken: list[tuple[int, int | None, int]], reference: str
    ) -> None:
        shelf = shelves[variant]
        holds = sum(pieces for _, _, pieces in taken)
        if holds < quantity:
            raise InsufficientStock(sku=shelf.before.sku, requested=quantity, available=holds)
        for location, batch, pieces in _by_date(shelf, taken):
            going = min(pieces, quantity)
            quantity -= going
            if not going:
                continue
            spot = shelf.at(location)
            if going > spot.on_hand:
                raise InsufficientStock(sku=shelf.before.sku, requested=going, available=spot.on_hand)
            if batch is not None:
                shelves.move("ship", reference, variant, location, lot_id=batch, on_hand=-going, allocated=-going)
            else:
                self._ship_loose(shelves, variant, spot, going, reference)

    def _ship_loose(self, shelves: Shelves, variant: int, spot: Spot, going: int, reference: str) -> None:
        """Pieces that were promised of no lot: out of none as far as there are, then out of what has come since."""
        loose = max(0, min(going, spot.loose))
        chosen, rest = take(spot.pieces(), going - loose, shelves.today)
        if rest:
            available = going - rest
            raise InsufficientStock(sku=shelves[variant].before.sku, requested=going, available=available)
        where = spot.location_id
        if loose:
            shelves.move("ship", reference, variant, where, on_hand=-loose, allocated=-loose)
        for batch, pieces in chosen.items():
            shelves.move("ship", reference, variant, where, allocated=-pieces)
            shelves.move("ship", reference, variant, where, lot_id=batch, on_hand=-pieces)


def _free(spot: Spot, batch: Batch | None) -> int:
    """How many pieces may be counted away: none that are sold, but for those that may be sold before they are there."""
    free = min(spot.on_hand, spot.on_hand + spot.backorder_limit - spot.allocated - spot.reserved)
    return free if batch is None else min(free, batch.free)


def _by_date(shelf: Shelf, taken: list[tuple[int, int | None, int]]) -> list[tuple[int, int | None, int]]:
    """What an order holds of a variant, what expires first first, pieces of no lot last."""
    if len(taken) == 1:
        return taken

    def when(part: tuple[int, int | None, int]) -> tuple[bool, date, date, int]:
        location, batch, _ = part
        known = None if batch is None else shelf.at(location).lots[batch]
        if known is None:
            return True, date.max, date.max, location
        return False, known.best_before or date.max, known.roasted_on or date.max, known.id

    return sorted(taken, key=when)


def _check(pieces: Mapping[int, int], reference: str) -> str:
    checks = Checks()
    if not isinstance(pieces, Mapping):
        checks.mapping("quantities", pieces, ())
    else:
        for variant, quantity in pieces.items():
            if type(variant) is not int or not 0 < variant <= BIGGEST_ID:
                checks.wrong("quantities", "invalid", reason=f"{variant!r:.40} is not a variant's number")
            checks.whole(f"quantities.{str(variant)[:40]}", quantity, at_least=1, at_most=MOST_PIECES)
    reference = checks.text("reference", reference, limit=80)
    checks.done()
    return reference
