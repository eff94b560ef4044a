"""What shipping takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mestres_core.rules.shipping import ShippingItem
from mestres_core.typing import ShippingOption

__all__ = ["ShippingItem", "ShippingMethod", "ShippingOption", "ShippingZone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingMethod:
    """A way to send things into a zone; the fields are those of `set_method`."""

    code: str
    zone: str
    name: str
    days: int
    currency: str
    base: int
    by_weight: tuple[tuple[int, int], ...]
    per_kg: int | None
    by_price: tuple[tuple[int, int], ...]
    percent: Decimal
    per_item: int
    minimum: int
    maximum: int | None
    free_over: int | None
    max_weight_grams: int | None
    max_side_mm: int | None
    max_sides_mm: int | None
    min_weight_grams: int
    max_items_total: int | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingZone:
    """A place that goods are sent to, and the methods that are set for it."""

    code: str
    name: str
    countries: tuple[str, ...]
    regions: tuple[str, ...]
    postal_codes: tuple[tuple[str, str], ...]
    methods: tuple[ShippingMethod, ...] = ()
