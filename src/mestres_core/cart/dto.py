"""What the cart gives."""

from __future__ import annotations

from dataclasses import dataclass

from mestres_core.promotions.dto import AppliedCoupon, Use
from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class Totals:
    """The parts of a total; `grand` is always items - discount + shipping + tax."""

    items: Money
    discount: Money
    shipping: Money
    tax: Money
    grand: Money


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many pieces of one variant at today's price."""

    id: int
    variant_id: int
    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Money
    total: Money
    weight_grams: int


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart: whoever knows its unguessable `id` may change it. `version` grows with every change.

    `uses` is what an order of it would take of promotions.
    """

    id: str
    currency: str
    version: int
    status: str
    lines: tuple[CartLine, ...]
    coupons: tuple[AppliedCoupon, ...]
    totals: Totals
    uses: tuple[Use, ...] = ()
