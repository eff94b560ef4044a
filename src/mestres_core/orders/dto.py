"""What orders give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mestres_core.cart.dto import Totals
from mestres_core.payments.dto import Payment
from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was bought, frozen at placement: later catalogue changes do not reach it.

    The buyer pays `paid` for it: total - discount + tax; `tax_included` is within the total already. Of its `quantity`
    pieces so many were `cancelled` before shipping, `shipped`, and `returned` (or are on their way back). The buyer's
    wishes for them are `attributes` ({"grind": "fine"}).
    """

    id: int
    variant_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Money
    total: Money
    discount: Money
    tax: Money
    tax_included: Money
    cancelled: int = 0
    shipped: int = 0
    returned: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paid(self) -> Money:
        """What the buyer pays for all its pieces, shares of the order's discount and added tax included."""
        return self.total - self.discount + self.tax

    @property
    def to_ship(self) -> int:
        """Pieces that are still to be shipped."""
        return self.quantity - self.cancelled - self.shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class LineParts:
    """Of one line, in minor units: its share of the discounts, the tax added to it, the tax its price contains."""

    discount: int = 0
    tax: int = 0
    tax_included: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    `status`: pending, placed, completed, cancelled, expired. `payment_status`: pending, authorized, paid,
    partially_paid, declined, failed, expired, void, refund_due, partially_refunded, refunded. `fulfillment_status`:
    unfulfilled, partially_fulfilled, fulfilled. `access_token` lets its holder read the order; `coupons` says what each
    took off, `refunded` what was given back. `totals` is what was agreed, additions included; `credited` what of it is
    no longer owed (pieces taken back, shipping, goodwill). So either `refund_due` is to go back to the buyer, or
    `payment_due` is still to be paid, or neither.
    """

    number: str
    status: str
    payment_status: str
    fulfillment_status: str
    customer_id: int
    customer: Mapping[str, str]
    address: Mapping[str, str]
    shipping_method: str
    lines: tuple[OrderLine, ...]
    totals: Totals
    payments: tuple[Payment, ...]
    access_token: str
    created_at: datetime
    coupons: Mapping[str, Money]
    refunded: Money
    credited: Money
    refund_due: Money
    payment_due: Money
    tax_included: Money
    shipping_tax: Money
    channel: str = "default"
    customer_group: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order in a list; `items_count` is the number of its lines."""

    number: str
    status: str
    payment_status: str
    items_count: int
    grand: Money
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel: {line id: pieces}, its tracking code and carrier, and when it left and arrived (UTC)."""

    id: int
    order_number: str
    lines: Mapping[int, int]
    tracking: str
    carrier: str
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credit:
    """Why so much is no longer owed. `kind`: cancelled, returned (of a line's pieces), shipping, goodwill."""

    kind: str
    line_id: int | None
    pieces: int
    amount: Money
    reference: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Return:
    """Goods on their way back. `status`: requested, received, refunded, rejected.

    `lines` are the pieces that count (asked for; then, those that came), `scrapped` those of them that cannot be sold
    again.
    """

    id: int
    order_number: str
    status: str
    reason: str
    note: str
    lines: Mapping[int, int]
    scrapped: Mapping[int, int]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A change of an order's lines. `status`: open, committed, discarded.

    `difference` is what the total changes by: below zero that much becomes due to the buyer, above zero the buyer has
    that much more to pay. `lines` are the line's pieces as they would be ({line id: kept pieces}), `added` what would
    come new ({SKU: pieces}).
    """

    id: int
    order_number: str
    status: str
    reason: str
    difference: Money
    lines: Mapping[int, int]
    added: Mapping[str, int]
