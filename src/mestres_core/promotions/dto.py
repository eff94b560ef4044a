"""What promotions take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mestres_core.rules.money import Money
from mestres_core.rules.promotions import Outcome

Definition = tuple[Mapping[str, Any], ...]
"""Conditions or actions, in the words of docs/promotions.md."""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon: a promotion with one code, that takes a percentage or an amount off the goods.

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
    """A code in a cart and what it takes off now, shipping included; when that is nothing, `reason` says why.

    Reasons: those of `mestres_core.rules.promotions.REASONS`, and unknown_code (it was withdrawn), same_promotion
    (another code of the same promotion counts).
    """

    code: str
    discount: Money
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPromotion:
    """A promotion as it is kept, with how often it is used now (`uses`) and what it has given (`spent`, minor units).

    None for a limit means that there is none; `currency` None: every one. `reusable`: an order that is called off
    gives its use back (a budget's money comes back in any case, and so does the use of an order that was not paid).
    """

    id: int
    key: str
    name: str
    kind: str
    conditions: Definition
    actions: Definition
    priority: int
    lane: str
    exclusive: bool
    stacking: str
    currency: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    active: bool
    needs_code: bool
    reusable: bool
    most_uses: int | None
    most_uses_per_customer: int | None
    budget: int | None
    uses: int
    spent: int


@dataclass(frozen=True, slots=True)
class PromotionCode:
    """A code of a promotion: usable in `most_uses` orders (None: any number), of which `uses` have it now."""

    code: str
    promotion: str
    most_uses: int | None
    uses: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What an order has of a promotion: `amount` minor units; `returned` when it came to nothing and gave it back."""

    promotion: str
    name: str
    code: str | None
    amount: int
    returned: bool


@dataclass(frozen=True, slots=True)
class Use:
    """What an order takes of a promotion: `amount` minor units.

    `counted` when the promotion has a limit or a budget, `per_customer` how often one customer may have it.
    """

    promotion_id: int
    code: str | None
    amount: int
    counted: bool
    per_customer: int | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What promotions do to a cart: the engine's `outcome`, the cart's `coupons`, and the `uses` an order will take."""

    outcome: Outcome
    coupons: tuple[AppliedCoupon, ...]
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows of a cart's promotions: the rules' stamp, the cart's codes, what is left of limits."""

    stamp: str
    codes: tuple[tuple[Any, ...], ...]
    limits: tuple[tuple[Any, ...], ...]
