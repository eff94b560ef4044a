"""What promotions take and give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon.

    `kind` is percent (`value` in basis points: 1000 is 10 %) or fixed (`value` in minor units); it counts from a cart
    of `minimum` minor units on, between `starts_at` and `ends_at` (UTC; None: no bound), for `most_uses` orders (None:
    any number). `uses` counts the orders that have it now.
    """

    code: str
    kind: str
    value: int
    currency: str
    minimum: int
    starts_at: datetime | None
    ends_at: datetime | None
    most_uses: int | None
    uses: int
    active: bool


@dataclass(frozen=True, slots=True)
class AppliedCoupon:
    """A coupon in a cart and what it takes off now; when that is nothing, `reason` says why.

    Reasons: inactive, not_yet, expired, used_up, minimum, currency, nothing_left.
    """

    code: str
    discount: Money
    reason: str | None = None
