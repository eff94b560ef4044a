"""Ways to send something, by weight and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A way to send something, in `days` working days.

    `base` and `per_kg` (every started kilogram after the first) are minor units; from `free_over` minor units of
    goods on it is free (None: never).
    """

    id: str
    name: str
    days: int
    base: int
    per_kg: int
    free_over: int | None = None

    def price(self, *, weight_grams: int, items_total: int) -> int:
        """Minor units for goods of this weight and value."""
        if self.free_over is not None and items_total >= self.free_over:
            return 0
        further_kilograms = max(0, -(-weight_grams // 1000) - 1)
        return self.base + self.per_kg * further_kilograms


BRAZIL: Sequence[Rate] = (
    Rate("pac", "PAC", days=8, base=1590, per_kg=350, free_over=19900),
    Rate("sedex", "SEDEX", days=3, base=2890, per_kg=690),
)
