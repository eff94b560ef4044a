"""What the dashboard and the reports give.

Money is summed for each currency apart. An order counts for the day on which it was placed. `gross` is the total of the
orders whose money was taken, `refunds` what of it was given back or is due back, `revenue` the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from mestres_core.orders.dto import OrderSummary
from mestres_core.rules.money import Money

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sales:
    """`orders` were placed, `paid_orders` of them paid; `average_ticket` is gross by paid order, rounded half up."""

    orders: int
    paid_orders: int
    gross: Money
    refunds: Money
    revenue: Money
    average_ticket: Money


@dataclass(frozen=True, slots=True)
class SalesRow(Sales):
    """The sales of the day, week (from its Monday) or month (from its first) that begins with `period`."""

    period: date


@dataclass(frozen=True, slots=True)
class Sold:
    """Pieces and money of order lines, before coupons and without shipping, of orders that are paid and kept."""

    quantity: int
    revenue: Money


@dataclass(frozen=True, slots=True)
class ProductRow(Sold):
    """What was sold of a product or category, by its row number; None for what belongs to no category."""

    id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class CustomerRow(Sales):
    """What a customer bought."""

    id: int | None
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Stock:
    """Pieces now, and how many were `sold` in the period."""

    on_hand: int
    allocated: int
    available: int
    sold: int


@dataclass(frozen=True, slots=True)
class StockRow(Stock):
    """The stock of a variant by its SKU, or of a category by its slug; fewest available first."""

    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class Report(Generic[R]):
    """A report over whole days, `first` and `last` included.

    `totals` are over everything, one for each currency; `truncated` says that there are more rows than are shown.
    """

    kind: str
    first: date
    last: date
    group_by: str
    rows: tuple[R, ...]
    totals: tuple[Sales | Sold | Stock, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class LowStock:
    """A variant of which few pieces can still be bought."""

    sku: str
    name: str
    available: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The shop at a glance.

    `sales` has the periods today, 7_days and 30_days (today included), each with one entry for each currency, at least
    one. The rest is of the same 30 days: orders by status, the products that sold best, carts and how many of them were
    ordered, payment attempts by status. `payment_failure_share` is failed attempts by ended ones (captured, declined,
    failed, expired), `conversion` ordered carts by carts, both between 0 and 1, None when there were none.
    """

    made_at: datetime
    sales: Mapping[str, tuple[Sales, ...]]
    orders_by_status: Mapping[str, int]
    top_products: tuple[ProductRow, ...]
    low_stock: tuple[LowStock, ...]
    low_stock_count: int
    latest_orders: tuple[OrderSummary, ...]
    carts: int
    carts_ordered: int
    conversion: float | None
    payments_by_status: Mapping[str, int]
    payment_failure_share: float | None
