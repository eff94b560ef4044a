"""What the cart gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mestres_core.promotions.dto import AppliedCoupon
from mestres_core.rules.money import Money
from mestres_core.rules.promotions import Explanation

Wishes = Mapping[str, str | int | bool]
"""What the buyer wants of a line beside its SKU: {"grind": "fine", "engraving": "Ana"}."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The parts of a total; `grand` is always items - discount + shipping + tax.

    `tax` is what is added to the prices, `tax_included` what they contain already (it is in `items` and `shipping`).
    `discount` is what is taken off the goods; `shipping` is after its own discount.
    """

    items: Money
    discount: Money
    shipping: Money
    tax: Money
    grand: Money
    tax_included: Money = field(default=None)  # type: ignore[assignment]  # nothing, in the same currency

    def __post_init__(self) -> None:
        if self.tax_included is None:
            object.__setattr__(self, "tax_included", Money(0, self.grand.currency))


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many pieces of one variant, with the buyer's wishes for them, at today's price.

    `total` is quantity * unit_price. `regular_price` is the plain price of a piece, to be shown struck through when it
    is higher; `why` says what decided the price (`mestres_core.pricing.dto.PricedItem`). What the buyer pays for the
    line is `paid`: total - `discount` (its share of all promotions) + `tax` (what is added to it, known once there is
    an address); `tax_included` is what its price contains.
    """

    id: int
    variant_id: int
    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Money
    total: Money
    weight_grams: int
    attributes: Wishes = field(default_factory=dict)
    regular_price: Money = field(default=None)  # type: ignore[assignment]  # the unit price
    why: str = "plain"
    discount: Money = field(default=None)  # type: ignore[assignment]  # nothing, here and below
    tax: Money = field(default=None)  # type: ignore[assignment]
    tax_included: Money = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.regular_price is None:
            none = Money(0, self.unit_price.currency)
            object.__setattr__(self, "regular_price", self.unit_price)
            for name in ("discount", "tax", "tax_included"):
                object.__setattr__(self, name, getattr(self, name) or none)

    @property
    def paid(self) -> Money:
        """What the buyer pays for all its pieces."""
        return self.total - self.discount + self.tax


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    """A promotion that applies: `amount` is all that it takes off, `shipping` the part of it off the shipping."""

    promotion_id: int
    name: str
    code: str | None
    amount: Money
    shipping: Money


@dataclass(frozen=True, slots=True)
class UnavailableLine:
    """A line that cannot be bought now and costs nothing.

    `reason`: inactive, not_published in the cart's channel, or no_price in its currency.
    """

    id: int
    sku: str
    name: str
    quantity: int
    reason: str
    attributes: Wishes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CartNote:
    """Something that a merge could not do as the buyer might expect.

    `reason`: stock (fewer pieces are there), limit (of pieces in a line), lines (of lines in a cart), currency (the
    guest's cart was in another), coupons (of coupons in a cart; `sku` is then the code).
    """

    sku: str
    wanted: int
    quantity: int
    reason: str
    attributes: Wishes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart: whoever knows its unguessable `id` may change it. `version` grows with every change.

    `status`: open, ordered, merged (into the cart `merged_into`), expired. `owner` is the host's own user, None for a
    guest. `unavailable` lines cannot be bought now and cost nothing. `notes` are those of the merge that gave this
    value. `expires_at` is when the cart closes unless it is changed before (UTC; None: never). `promotions` are those
    that apply, `explanations` say of every one that was looked at why it applies or not.
    """

    id: str
    currency: str
    version: int
    status: str
    lines: tuple[CartLine, ...]
    coupons: tuple[AppliedCoupon, ...]
    totals: Totals
    owner: str | None = None
    channel: str = "default"
    customer_group: str | None = None
    unavailable: tuple[UnavailableLine, ...] = ()
    notes: tuple[CartNote, ...] = ()
    merged_into: str | None = None
    expires_at: datetime | None = None
    promotions: tuple[AppliedPromotion, ...] = ()
    explanations: tuple[Explanation, ...] = ()
