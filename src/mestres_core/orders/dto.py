"""What orders give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mestres_core.cart.dto import Totals
from mestres_core.payments.dto import Payment
from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was bought, frozen at placement: later catalogue changes do not reach it."""

    id: int
    variant_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    `status`: pending, placed, completed, cancelled, expired. `payment_status`: pending, authorized, paid, declined,
    failed, expired, void, refund_due, partially_refunded, refunded. `fulfillment_status`: unfulfilled, fulfilled.
    `access_token` lets its holder read the order; `coupons` says what each took off, `refunded` what was given back.
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


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order in a list; `items_count` is the number of its lines."""

    number: str
    status: str
    payment_status: str
    items_count: int
    grand: Money
    created_at: datetime
