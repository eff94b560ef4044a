"""Proving stock, number by number, and putting it right when asked.

Reservations say what is reserved and open orders what is allocated; the ledger is made to agree with them by lines of
kind `repair`, and says what is on hand. Levels, places and lots are then made to agree with the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from mestres_core.inventory.dto import Discrepancy, Reconciliation
from mestres_core.inventory.models import DEFAULT_LOCATION, level, location, lot, movement, place, reservation
from mestres_core.inventory.shelves import Shelves

OF_ORDERS = "allocated pieces are those of open orders"
OF_RESERVATIONS = "reserved pieces are those of active reservations"
OF_MOVEMENTS = "a level is the sum of its movements"
OF_PLACES = "a level is the sum of its places"
OF_LOTS = "a lot is the sum of its movements"

_NUMBERS = ("on_hand", "allocated", "reserved")
_AT = tuple[int, int]
_Counts = dict[str, int]
_LEVELS = select(
    level.c.variant_id, level.c.sku, level.c.spread, level.c.backorder_limit, *(level.c[n] for n in _NUMBERS)
)
_PLACES = select(place)
_LOTS = select(lot.c.id, lot.c.variant_id, lot.c.location_id, lot.c.code, lot.c.on_hand, lot.c.allocated)
_LEDGER = select(
    movement.c.variant_id, movement.c.location_id, *(func.sum(movement.c[name]).label(name) for name in _NUMBERS)
).group_by(movement.c.variant_id, movement.c.location_id)
_LEDGER_OF_LOTS = (
    select(
        movement.c.variant_id,
        movement.c.lot_id,
        *(func.sum(movement.c[name]).label(name) for name in _NUMBERS[:2]),
    )
    .where(movement.c.lot_id.is_not(None))
    .group_by(movement.c.variant_id, movement.c.lot_id)
)
_held = (movement.c.reference, movement.c.variant_id, movement.c.location_id, movement.c.lot_id)
_HELD = (
    select(*_held, func.sum(movement.c.allocated).label("pieces"))
    .group_by(*_held)
    .having(func.sum(movement.c.allocated) != 0)
)
_RESERVED = (
    select(reservation.c.variant_id, reservation.c.location_id, func.sum(reservation.c.quantity).label("pieces"))
    .where(reservation.c.state == "active")
    .group_by(reservation.c.variant_id, reservation.c.location_id)
)


def reconcile(shelves: Shelves, session: Session, claims: Any, *, repair: bool) -> Reconciliation:
    """Compare, and with `repair` lock what is wrong, look at it again and put it right."""
    books = Books(session, claims)
    found = books.discrepancies()
    count = len(books.levels)
    if found and repair:
        wrong = {each.sku for each in found}
        variants = [of for of, row in books.levels.items() if row.sku in wrong]
        shelves.lock(variants)
        found = Books(session, claims, variants).repair(shelves)
    return Reconciliation(count, tuple(found))


class Books:
    """Every number about stock, of all variants or of some."""

    def __init__(self, session: Session, claims: Any, only: Collection[int] | None = None) -> None:
        self._session = session
        self._only = only
        self.levels = {row.variant_id: row for row in self._all(_LEVELS, level.c.variant_id)}
        self._codes = {row.id: row.code for row in session.execute(select(location.c.id, location.c.code))}
        self._places = {(row.variant_id, row.location_id): row for row in self._all(_PLACES, place.c.variant_id)}
        self._lots = {row.id: row for row in self._all(_LOTS, lot.c.variant_id)}
        self._ledger: defaultdict[_AT, _Counts] = defaultdict(lambda: dict.fromkeys(_NUMBERS, 0))
        for row in self._all(_LEDGER, movement.c.variant_id):
            self._ledger[row.variant_id, row.location_id] = {name: int(getattr(row, name)) for name in _NUMBERS}
        self._of_lots: defaultdict[int, _Counts] = defaultdict(lambda: dict.fromkeys(_NUMBERS, 0))
        for row in self._all(_LEDGER_OF_LOTS, movement.c.variant_id):
            self._of_lots[row.lot_id] |= {"on_hand": int(row.on_hand), "allocated": int(row.allocated)}
        self._reserved = {
            (row.variant_id, row.location_id): int(row.pieces) for row in self._all(_RESERVED, reservation.c.variant_id)
        }
        self._held: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
        for row in self._all(_HELD, movement.c.variant_id):
            self._held[row.reference, row.variant_id].append(row)
        self._claimed = None if claims is None else self._read_claims(claims)
        self._moves: list[dict[str, Any]] = []

    def _all(self, query: Any, variant: Any) -> Iterable[Any]:
        if self._only is not None:
            query = query.where(variant.in_(self._only))
        return self._session.execute(query)

    def _read_claims(self, claims: Any) -> dict[tuple[str, int], int]:
        of = claims.subquery()
        query = select(of)
        rows = self._all(query, of.c.variant_id)
        return {(row.reference, row.variant_id): int(row.pieces) for row in rows if row.pieces}

    def discrepancies(self) -> list[Discrepancy]:
        """Every number that is not what it should be."""
        return [*self._wrong_orders(), *self._wrong_reservations(), *self._wrong_levels(), *self._wrong_lots()]

    def _wrong_orders(self) -> Iterable[Discrepancy]:
        for reference, variant in sorted(self._held.keys() | (self._claimed or {}).keys()):
            if self._claimed is not None:
                found = sum(int(row.pieces) for row in self._held.get((reference, variant), ()))
                yield from self._compare(
                    OF_ORDERS, variant, reference, found, self._claimed.get((reference, variant), 0)
                )

    def _wrong_reservations(self) -> Iterable[Discrepancy]:
        for variant, where in sorted(self._ledger.keys() | self._reserved.keys()):
            found = self._ledger[variant, where]["reserved"] if (variant, where) in self._ledger else 0
            expected = self._reserved.get((variant, where), 0)
            yield from self._compare(OF_RESERVATIONS, variant, self._codes[where], found, expected)

    def _wrong_levels(self) -> Iterable[Discrepancy]:
        for variant, row in sorted(self.levels.items()):
            for at, counts in self._spots(variant):
                ledger = self._ledger[at] if at in self._ledger else dict.fromkeys(_NUMBERS, 0)
                for name in _NUMBERS:
                    where = f"{name} at {self._codes[at[1]]}"
                    yield from self._compare(OF_MOVEMENTS, variant, where, getattr(counts, name), ledger[name])
            if row.spread:
                for name in (*_NUMBERS, "backorder_limit"):
                    total = sum(getattr(counts, name) for _, counts in self._spots(variant))
                    yield from self._compare(OF_PLACES, variant, name, getattr(row, name), total)

    def _wrong_lots(self) -> Iterable[Discrepancy]:
        for number, row in sorted(self._lots.items()):
            for name in _NUMBERS[:2]:
                where = f"{name} of lot {row.code} at {self._codes[row.location_id]}"
                expected = self._of_lots[number][name] if number in self._of_lots else 0
                yield from self._compare(OF_LOTS, row.variant_id, where, getattr(row, name), expected)

    def _spots(self, variant: int) -> list[tuple[_AT, Any]]:
        row = self.levels[variant]
        if not row.spread:
            return [((variant, DEFAULT_LOCATION), row)]
        return [(at, counts) for at, counts in self._places.items() if at[0] == variant]

    def _compare(self, rule: str, variant: int, where: str, found: int, expected: int) -> Iterable[Discrepancy]:
        if found != expected:
            yield Discrepancy(rule, self.levels[variant].sku, where, found, expected)

    # Repairing: what follows runs with the levels locked.

    def repair(self, shelves: Shelves) -> list[Discrepancy]:
        """Put right what can be; returns what was found, each with whether it was."""
        found = self.discrepancies()
        self._mend_orders()
        self._mend_reservations()
        mended = [variant for variant in sorted(self.levels) if self._possible(variant)]
        now = shelves.now
        moves = [move | {"created_at": now} for move in self._moves if move["variant_id"] in mended]
        if moves:
            self._session.execute(insert(movement), moves)
        for variant in mended:
            self._write(variant)
        flipped = [v for v in mended if (shelves[v].before.buyable > 0) != (self._buyable(v) > 0)]
        if mended:
            shelves.tell(mended, flipped)
        skus = {self.levels[variant].sku for variant in mended}
        return [replace(each, repaired=each.sku in skus) for each in found]

    def _mend_orders(self) -> None:
        for reference, variant in sorted(self._held.keys() | (self._claimed or {}).keys()):
            if self._claimed is None:
                continue
            rows = self._held.get((reference, variant), [])
            diff = self._claimed.get((reference, variant), 0) - sum(int(row.pieces) for row in rows)
            if diff > 0:
                self._move(reference, variant, self._spots(variant)[0][0][1], allocated=diff)
            for row in rows:
                back = max(diff, -max(int(row.pieces), 0)) if diff < 0 else 0
                if back:
                    self._move(reference, variant, row.location_id, lot_id=row.lot_id, allocated=back)
                    diff -= back

    def _mend_reservations(self) -> None:
        for variant, where in sorted(self._ledger.keys() | self._reserved.keys()):
            diff = self._reserved.get((variant, where), 0) - self._ledger[variant, where]["reserved"]
            if diff:
                self._move("", variant, where, reserved=diff)

    def _move(
        self,
        reference: str,
        variant: int,
        where: int,
        *,
        lot_id: int | None = None,
        allocated: int = 0,
        reserved: int = 0,
    ) -> None:
        counts = self._ledger[variant, where]
        counts["allocated"] += allocated
        counts["reserved"] += reserved
        if lot_id is not None:
            self._of_lots[lot_id]["allocated"] += allocated
        self._moves.append(
            {
                "variant_id": variant,
                "location_id": where,
                "lot_id": lot_id,
                "kind": "repair",
                "on_hand": 0,
                "allocated": allocated,
                "reserved": reserved,
                "reference": reference,
                "reason": "",
            }
        )

    def _possible(self, variant: int) -> bool:
        """Whether what the ledger now says may stand: nothing below zero, nothing oversold."""
        spots = dict(self._spots(variant))
        for at, counts in self._ledger.items():
            if at[0] == variant and (at not in spots or not _sound(counts, spots[at].backorder_limit)):
                return False
        return all(
            0 <= self._of_lots[number]["allocated"] <= self._of_lots[number]["on_hand"]
            for number, row in self._lots.items()
            if row.variant_id == variant
        )

    def _write(self, variant: int) -> None:
        totals = dict.fromkeys((*_NUMBERS, "backorder_limit"), 0)
        for at, spot in self._spots(variant):
            counts = self._ledger[at] | {"backorder_limit": spot.backorder_limit}
            totals = {name: totals[name] + counts[name] for name in totals}
            if self.levels[variant].spread:
                here = (place.c.variant_id == variant, place.c.location_id == at[1])
                self._session.execute(update(place).where(*here).values(counts))
        self._session.execute(update(level).where(level.c.variant_id == variant).values(totals))
        for number, row in self._lots.items():
            if row.variant_id == variant:
                values = {name: self._of_lots[number][name] for name in _NUMBERS[:2]}
                self._session.execute(update(lot).where(lot.c.id == number).values(values))

    def _buyable(self, variant: int) -> int:
        rooms = (
            counts["on_hand"] + spot.backorder_limit - counts["allocated"] - counts["reserved"]
            for counts, spot in ((self._ledger[at], spot) for at, spot in self._spots(variant))
        )
        return sum(rooms)


def _sound(counts: Mapping[str, int], limit: int) -> bool:
    return (
        all(counts[name] >= 0 for name in _NUMBERS)
        and counts["on_hand"] + limit >= counts["allocated"] + counts["reserved"]
    )
