"""What checkout gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mestres_core.cart.dto import AppliedPromotion, CartLine, Totals, UnavailableLine
from mestres_core.orders.dto import Order
from mestres_core.promotions.dto import AppliedCoupon
from mestres_core.rules.money import Money
from mestres_core.rules.promotions import Explanation
from mestres_core.shipping.dto import ShippingOption
from mestres_core.typing import PaymentRequest


@dataclass(frozen=True, slots=True)
class QuotedTax:
    """One tax of a quote, over all its lines and the shipping.

    `ppm` is the rate in parts per million; `mode` is exclusive (it is added: part of `totals.tax`), inclusive or gross
    (the prices contain it: part of `totals.tax_included`). One that is `informational` is part of neither.
    """

    name: str
    ppm: int
    mode: str
    informational: bool
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """A promise: this cart, sent to this address, costs this until `expires_at` (UTC).

    `totals.shipping` is `shipping_price` less `shipping_discount`. Each line has its share of the discounts and its
    taxes; `taxes` adds them up by name. `promotions` are those that apply, `explanations` say of every one that was
    looked at why it applies or not. `unavailable` lines are not in it.
    """

    hash: str
    cart_id: str
    lines: tuple[CartLine, ...]
    totals: Totals
    address: Mapping[str, str]
    shipping_method: str
    shipping_methods: tuple[ShippingOption, ...]
    expires_at: datetime
    coupons: tuple[AppliedCoupon, ...] = ()
    shipping_price: Money = field(default=None)  # type: ignore[assignment]  # as in the totals
    shipping_discount: Money = field(default=None)  # type: ignore[assignment]  # nothing
    taxes: tuple[QuotedTax, ...] = ()
    promotions: tuple[AppliedPromotion, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    unavailable: tuple[UnavailableLine, ...] = ()

    def __post_init__(self) -> None:
        if self.shipping_price is None:
            object.__setattr__(self, "shipping_price", self.totals.shipping)
        if self.shipping_discount is None:
            object.__setattr__(self, "shipping_discount", Money(0, self.totals.grand.currency))


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
