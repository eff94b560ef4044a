"""What inventory gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from mestres_core.rules.stock import StockPlace

__all__ = [
    "Discrepancy",
    "Location",
    "Lot",
    "Movement",
    "Recall",
    "Reconciliation",
    "Reservation",
    "ReservedLine",
    "StockLevel",
    "StockPlace",
]


@dataclass(frozen=True, slots=True)
class StockLevel:
    """Pieces of one variant, at all locations together.

    `on_hand` are in the house, `allocated` belong to orders that have not left, `reserved` are set aside for a while.
    `backorder_limit` says how far `available` may go below zero; `low_at` at how many a `StockLow` fact is written;
    `expected_on` the day from which pieces that were sold before they came can be sent. `spread` tells that it is kept
    at several locations, `by_lot` that it is kept by lots.
    """

    variant_id: int
    sku: str
    on_hand: int
    allocated: int
    reserved: int = 0
    backorder_limit: int = 0
    low_at: int | None = None
    expected_on: date | None = None
    spread: bool = False
    by_lot: bool = False

    @property
    def available(self) -> int:
        """Pieces that are there for nobody yet; below zero when more were sold than are there."""
        return self.on_hand - self.allocated - self.reserved

    @property
    def buyable(self) -> int:
        """How many can be bought now: `available`, and the backorders that are still allowed."""
        return max(0, self.available + self.backorder_limit)


@dataclass(frozen=True, slots=True)
class Location:
    """Where pieces are kept. The lowest `priority` is served from first."""

    id: int
    code: str
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Pieces that were roasted together. `on_hand` includes the `allocated` ones."""

    id: int
    sku: str
    location: str
    code: str
    roasted_on: date | None
    best_before: date | None
    on_hand: int
    allocated: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Where a lot went: pieces by order number, `held` in the house and `shipped`; `on_hand` are still here."""

    sku: str
    lot: str
    on_hand: int
    held: Mapping[str, int]
    shipped: Mapping[str, int]

    @property
    def orders(self) -> tuple[str, ...]:
        """Every order that has, or had shipped, pieces of the lot."""
        return tuple(sorted({*self.held, *self.shipped}))


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the ledger: by how much `on_hand`, `allocated` and `reserved` changed, where, for whom and why."""

    id: int
    sku: str
    kind: str
    location: str
    lot: str
    on_hand: int
    allocated: int
    reserved: int
    reference: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReservedLine:
    """So many pieces of one SKU at one location."""

    variant_id: int
    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an owner (a cart) has set aside. `state`: active, expired, released, converted; `expires_at` in UTC."""

    owner: str
    state: str
    expires_at: datetime
    lines: tuple[ReservedLine, ...]

    @property
    def active(self) -> bool:
        """Whether the pieces are still set aside."""
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A number that is not what it should be: `rule` says which, `where` for what; `repaired` whether it now is."""

    rule: str
    sku: str
    where: str
    found: int
    expected: int
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared and what was found wrong."""

    stock_levels: int
    discrepancies: tuple[Discrepancy, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong now: nothing was found, or all of it was repaired."""
        return all(each.repaired for each in self.discrepancies)
