"""What checkout gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mestres_core.cart.dto import CartLine, Totals
from mestres_core.orders.dto import Order
from mestres_core.promotions.dto import AppliedCoupon, Use
from mestres_core.shipping.dto import ShippingOption
from mestres_core.typing import PaymentRequest


@dataclass(frozen=True, slots=True)
class Quote:
    """A promise: this cart, sent to this address, costs this until `expires_at` (UTC)."""

    hash: str
    cart_id: str
    lines: tuple[CartLine, ...]
    totals: Totals
    address: Mapping[str, str]
    shipping_method: str
    shipping_methods: tuple[ShippingOption, ...]
    expires_at: datetime
    coupons: tuple[AppliedCoupon, ...] = ()
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """The order of a checkout; `replayed` when an earlier call with the same key had already placed it."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """An order that waits for its payment. `request` is what to charge; None when the checkout was replayed."""

    order: Order
    request: PaymentRequest | None

    @property
    def replayed(self) -> bool:
        """Whether an earlier call had already placed the order."""
        return self.request is None
