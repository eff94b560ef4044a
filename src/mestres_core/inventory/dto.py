"""What inventory gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StockLevel:
    """Pieces of one variant: `available` = on_hand - allocated, and never below zero."""

    variant_id: int
    sku: str
    on_hand: int
    allocated: int

    @property
    def available(self) -> int:
        """How many can be bought now."""
        return self.on_hand - self.allocated
