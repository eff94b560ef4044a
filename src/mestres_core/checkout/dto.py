"""What checkout gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mestres_core.cart.dto import CartLine, Totals
from mestres_core.orders.dto import Order
from mestres_core.promotions.dto import AppliedCoupon
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


@dataclass(frozen=True, slots=True)
class Placed:
    """The order of a checkout; `replayed` when an earlier call with the same key had already placed it."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """An order that waits for its payment. `requests` are what to charge, in this order; `request` is the first.

    There are none when an earlier call had already placed the order (`replayed`), and when the shop's own accounts pay
    for all of it: then it is placed.
    """

    order: Order
    request: PaymentRequest | None
    requests: tuple[PaymentRequest, ...] = ()
    replayed: bool = False
