"""Sums of orders, as SQL and as values: one definition of revenue for the dashboard and every report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import case, func, select

from mestres_core.admin.dto import Sales
from mestres_core.orders.models import line, order
from mestres_core.payments.models import refund
from mestres_core.rules.money import Money, round_half_up

DEFAULT_CURRENCY = "BRL"
KEPT = order.c.payment_status.in_(("paid", "partially_refunded"))
"""Orders that were paid and whose money stays, at least in part."""

_TAKEN = ("paid", "partially_refunded", "refund_due", "refunded")
_BACK = ("refund_due", "refunded")
_taken = order.c.payment_status.in_(_TAKEN)
# The status is no condition: with it SQLite would look through all refunds of that status for every order.
_given_back = (
    select(func.coalesce(func.sum(case((refund.c.status == "refunded", refund.c.amount), else_=0)), 0))
    .where(refund.c.order_number == order.c.number)
    .scalar_subquery()
)
_in_part = case((order.c.payment_status == "partially_refunded", _given_back), else_=0)
_refunds = case((order.c.payment_status.in_(_BACK), order.c.grand_amount), else_=_in_part)

SUMS = (
    func.count().label("orders"),
    func.sum(case((_taken, 1), else_=0)).label("paid_orders"),
    func.sum(case((_taken, order.c.grand_amount), else_=0)).label("gross"),
    func.sum(_refunds).label("refunds"),
)
"""Of each group by itself."""


def parts() -> tuple[Any, ...]:
    """Orders, their total, and what was given back in part: of groups of one payment status each (`part` reads them).

    What a status means is then asked for each group, not for each order, which takes most of the time of SUMS.
    """
    return (
        func.count().label("orders"),
        func.sum(order.c.grand_amount).label("total"),
        func.sum(_in_part).label("in_part"),
    )


def part(payment_status: str, orders: Any, total: Any, in_part: Any) -> Numbers:
    """What `parts` gave for one payment status, as numbers."""
    taken = payment_status in _TAKEN
    gross = int(total or 0) if taken else 0
    return int(orders), int(orders) if taken else 0, gross, gross if payment_status in _BACK else int(in_part or 0)


SOLD = (func.sum(line.c.quantity).label("quantity"), func.sum(line.c.total).label("total"))

Numbers = tuple[int, int, int, int]
"""Orders, paid orders, gross and refunds: what SUMS gives."""


def numbers(row: Any) -> Numbers:
    """SUMS of one row as plain integers: PostgreSQL adds up to decimals."""
    return int(row.orders), int(row.paid_orders), int(row.gross or 0), int(row.refunds or 0)


def added(parts: Iterable[Sequence[int]]) -> Numbers:
    """The sum of several."""
    orders = paid_orders = gross = refunds = 0
    for part in parts:
        orders, paid_orders = orders + part[0], paid_orders + part[1]
        gross, refunds = gross + part[2], refunds + part[3]
    return orders, paid_orders, gross, refunds


def fields(of: Numbers, currency: str) -> dict[str, Any]:
    """The fields of Sales."""
    orders, paid_orders, gross, refunds = of
    ticket = round_half_up(Fraction(gross, paid_orders)) if paid_orders else 0
    return {
        "orders": orders,
        "paid_orders": paid_orders,
        "gross": Money(gross, currency),
        "refunds": Money(refunds, currency),
        "revenue": Money(gross - refunds, currency),
        "average_ticket": Money(ticket, currency),
    }


def sales(of: Numbers, currency: str) -> Sales:
    """The sums as a value."""
    return Sales(**fields(of, currency))
