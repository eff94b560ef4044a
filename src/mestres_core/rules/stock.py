"""From which place an order is served, and from which lot: choosing, without clock or database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPlace:
    """The pieces of one variant at one location.

    `on_hand` are in the house, `allocated` of them are sold, `reserved` are set aside for a while, `blocked` are past
    their date. `backorder_limit` says how far `available` may go below zero. The lowest `priority` is served first.
    """

    location_id: int
    location: str
    priority: int
    on_hand: int
    allocated: int
    reserved: int
    backorder_limit: int = 0
    blocked: int = 0

    @property
    def available(self) -> int:
        """Pieces that are there for nobody yet; below zero when more were sold than are there."""
        return self.on_hand - self.allocated - self.reserved - self.blocked

    @property
    def buyable(self) -> int:
        """How many can be bought now, those that have still to come included."""
        return max(0, self.available + self.backorder_limit)


Places = Mapping[int, Sequence[StockPlace]]
Choice = dict[int, dict[int, int]]


def by_priority(wanted: Mapping[int, int], places: Places) -> Choice:
    """{variant: {location: pieces}} for {variant: pieces}, from places in order of priority.

    The first location that has everything serves the whole order. If none has, each variant comes from the first
    location that has all of it, and is split over them, in their order, only when none has. What may be sold before it
    is there counts only when all locations together have too few; then by the same rule, what is there first. Gives
    less than was wanted where there is less.
    """
    whole = _one_for_all(wanted, places, _there)
    if whole is None and any(sum(map(_there, places[variant])) < pieces for variant, pieces in wanted.items()):
        whole = _one_for_all(wanted, places, _buyable)
    if whole is not None:
        return {variant: {whole: pieces} for variant, pieces in wanted.items()}
    return {variant: _one_by_one(pieces, places[variant]) for variant, pieces in wanted.items()}


def _there(place: StockPlace) -> int:
    return max(0, min(place.available, place.buyable))


def _buyable(place: StockPlace) -> int:
    return place.buyable


def _one_for_all(wanted: Mapping[int, int], places: Places, room: Callable[[StockPlace], int]) -> int | None:
    able = [
        {place.location_id: None for place in places[variant] if room(place) >= pieces}
        for variant, pieces in wanted.items()
    ]
    common = (location for location in able[0] if all(location in each for each in able)) if able else iter(())
    return next(common, None)


def _one_by_one(pieces: int, places: Sequence[StockPlace]) -> dict[int, int]:
    for place in places:
        if _there(place) >= pieces:
            return {place.location_id: pieces}
    taken: dict[int, int] = {}
    for room in (_there, _buyable):
        for place in places:
            already = taken.get(place.location_id, 0)
            more = min(pieces, room(place) - already)
            if more > 0:
                taken[place.location_id] = already + more
                pieces -= more
    return taken


@dataclass(frozen=True, slots=True)
class LotPieces:
    """`free` pieces of a lot that are allocated to nobody."""

    lot_id: int
    roasted_on: date | None
    best_before: date | None
    free: int


def first_expired_first(lots: Iterable[LotPieces]) -> list[LotPieces]:
    """In the order in which they are sold: the earliest best-before date first, what has none last.

    Of equal dates the earlier roasted goes first, then the one that was received earlier.
    """
    return sorted(lots, key=lambda each: (each.best_before or date.max, each.roasted_on or date.max, each.lot_id))


def is_past(best_before: date | None, today: date) -> bool:
    """Whether a lot may no longer be sold: it may be on its best-before day, and not after it."""
    return best_before is not None and best_before < today


def take(lots: Iterable[LotPieces], pieces: int, today: date) -> tuple[dict[int, int], int]:
    """({lot: pieces}, how many are missing): first-expired-first-out, nothing that is past its date."""
    taken: dict[int, int] = {}
    for each in first_expired_first(lots):
        if pieces and each.free > 0 and not is_past(each.best_before, today):
            taken[each.lot_id] = min(pieces, each.free)
            pieces -= taken[each.lot_id]
    return taken, pieces
