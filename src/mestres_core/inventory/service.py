"""Pieces and whose they are.

Invariant: 0 <= allocated <= on_hand for every variant, whatever runs at once. Levels are locked in ascending order of
variant, so two orders for the same goods cannot wait for each other; a CHECK constraint stands behind it all. Every
change of a level has a row in the ledger, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import bindparam, insert, select, update

from mestres_core.errors import InsufficientStock, NotFound, VersionConflict
from mestres_core.events.work import Work
from mestres_core.inventory.dto import StockLevel
from mestres_core.inventory.models import level, movement
from mestres_core.rules.checks import Checks, storable

MOST_PIECES = 10_000_000
_COLUMNS = (level.c.variant_id, level.c.sku, level.c.on_hand, level.c.allocated)
_LOCK = (
    select(*_COLUMNS)
    .where(level.c.variant_id.in_(bindparam("ids", expanding=True)))
    .order_by(level.c.variant_id)
    .with_for_update()
)
_LOCK_SKU = select(*_COLUMNS).where(level.c.sku == bindparam("sku")).with_for_update()
_READ_SKU = select(*_COLUMNS).where(level.c.sku == bindparam("sku"))
_CHANGE = (
    update(level)
    .where(level.c.variant_id == bindparam("of"))
    .values(on_hand=level.c.on_hand + bindparam("d_on_hand"), allocated=level.c.allocated + bindparam("d_allocated"))
)
_RECORD = insert(movement)

Watcher = Callable[[Iterable[int], Iterable[int]], None]


class InventoryService:
    """Stock of one unit of work. `watcher` is told (changed variants, those that became or ceased to be sold out)."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.watcher: Watcher = lambda _changed, _flipped: None

    def level(self, sku: str) -> StockLevel:
        """The pieces of `sku`. Raises NotFound."""
        return self._one(_READ_SKU, sku)

    def receive(self, sku: str, *, quantity: int, reference: str = "") -> StockLevel:
        """Put `quantity` new pieces on the shelf. Raises NotFound, ValidationError."""
        checks = Checks()
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_PIECES)
        reference = checks.text("reference", reference, limit=80, required=False)
        checks.done()
        now = self._one(_LOCK_SKU, sku)
        self._move("receive", reference, {now.variant_id: (quantity, 0)}, {now.variant_id: now})
        return self.level(sku)

    def set(self, sku: str, *, on_hand: int, change_from: int | None = None) -> StockLevel:
        """Correct the number of pieces on hand after counting them.

        With `change_from` the correction happens only if that number was still right: VersionConflict otherwise.
        Raises InsufficientStock when more pieces than `on_hand` are already sold, NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("on_hand", on_hand, at_least=0, at_most=MOST_PIECES)
        checks.done()
        now = self._one(_LOCK_SKU, sku)
        if change_from is not None and change_from != now.on_hand:
            raise VersionConflict(expected=change_from, actual=now.on_hand)
        if on_hand < now.allocated:
            raise InsufficientStock(sku=sku, requested=now.allocated, available=on_hand)
        if on_hand != now.on_hand:
            self._move("count", "", {now.variant_id: (on_hand - now.on_hand, 0)}, {now.variant_id: now})
        return self.level(sku)

    def open(self, variants: Mapping[int, tuple[str, int]]) -> None:
        """Begin to keep stock of new variants: {variant_id: (sku, pieces on hand)}. Tells no watcher."""
        if not variants:
            return
        rows = [
            {"variant_id": variant, "sku": sku, "on_hand": pieces, "allocated": 0}
            for variant, (sku, pieces) in variants.items()
        ]
        self._work.session.execute(insert(level), rows)
        self._record("open", "", {variant: (pieces, 0) for variant, (_, pieces) in variants.items()})

    def allocate(self, wanted: Mapping[int, int], *, reference: str) -> None:
        """Set pieces aside for an order: {variant_id: quantity}. All or nothing: raises InsufficientStock."""
        levels = self._lock(wanted)
        for variant, quantity in sorted(wanted.items()):
            available = levels[variant].available
            if quantity > available:
                raise InsufficientStock(sku=levels[variant].sku, requested=quantity, available=available)
        self._move("allocate", reference, {variant: (0, quantity) for variant, quantity in wanted.items()}, levels)

    def release(self, held: Mapping[int, int], *, reference: str) -> None:
        """Give an order's pieces back to everybody: {variant_id: quantity}."""
        levels = self._lock(held)
        self._move("release", reference, {variant: (0, -quantity) for variant, quantity in held.items()}, levels)

    def ship(self, held: Mapping[int, int], *, reference: str) -> None:
        """An order's pieces leave the house: {variant_id: quantity}."""
        levels = self._lock(held)
        moves = {variant: (-quantity, -quantity) for variant, quantity in held.items()}
        self._move("ship", reference, moves, levels)

    def _one(self, query: object, sku: str) -> StockLevel:
        known = isinstance(sku, str) and storable(sku)
        row = self._work.session.execute(query, {"sku": sku}).first() if known else None  # type: ignore[call-overload]
        if row is None:
            raise NotFound("sku", sku)
        return StockLevel(*row)

    def _lock(self, variants: Iterable[int]) -> dict[int, StockLevel]:
        rows = self._work.session.execute(_LOCK, {"ids": sorted(variants)})
        return {row.variant_id: StockLevel(*row) for row in rows}

    def _move(
        self, kind: str, reference: str, moves: Mapping[int, tuple[int, int]], before: Mapping[int, StockLevel]
    ) -> None:
        rows = [
            {"of": variant, "d_on_hand": on_hand, "d_allocated": allocated}
            for variant, (on_hand, allocated) in sorted(moves.items())
        ]
        self._work.session.connection().execute(_CHANGE, rows)
        self._record(kind, reference, moves)
        flipped = [
            variant
            for variant, (on_hand, allocated) in moves.items()
            if (before[variant].available > 0) != (before[variant].available + on_hand - allocated > 0)
        ]
        self.watcher(moves, flipped)

    def _record(self, kind: str, reference: str, moves: Mapping[int, tuple[int, int]]) -> None:
        now = self._work.clock.now()
        rows = [
            {
                "variant_id": variant,
                "kind": kind,
                "on_hand": on_hand,
                "allocated": allocated,
                "reference": reference,
                "created_at": now,
            }
            for variant, (on_hand, allocated) in moves.items()
        ]
        self._work.session.execute(_RECORD, rows)
