"""The shop at a glance: six statements, and one for each currency that was sold in, however much that was."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, func, literal_column, select, union_all

from mestres_core.admin.dto import Dashboard, LowStock, ProductRow, Sales
from mestres_core.admin.figures import DEFAULT_CURRENCY, Numbers, added, part, parts, sales
from mestres_core.admin.periods import Period, today
from mestres_core.admin.reports import top_products
from mestres_core.cart.models import cart
from mestres_core.catalog.models import product, variant
from mestres_core.db.base import UtcDateTime
from mestres_core.db.dialects.sql import as_dict, written
from mestres_core.events.work import Work
from mestres_core.inventory.models import AVAILABLE, level
from mestres_core.orders.dto import OrderSummary
from mestres_core.orders.models import order
from mestres_core.orders.service import OrderService
from mestres_core.payments.models import payment

_DAYS = {"today": 1, "7_days": 7, "30_days": 30}
_ENDED = ("captured", "declined", "failed", "expired")
_of_orders = (order.c.currency, order.c.status, order.c.payment_status)
# Each is put together once: that takes longer than to send it.
_ORDERS = union_all(
    *(
        select(
            literal_column(f"'{name}'").label("period"),
            *(*_of_orders, func.min(order.c.id).label("least"), func.max(order.c.id).label("most"), *parts()),
        )
        .where(order.c.created_at >= written(name, UtcDateTime))
        .group_by(*_of_orders)
        for name in _DAYS
    )
)
_LOW = written("most", Integer) >= AVAILABLE
_hidden = union_all(
    select(variant.c.id).where(~variant.c.active),
    select(variant.c.id).where(variant.c.active, variant.c.product_id == product.c.id, ~product.c.active),
).subquery()
_LOW_BUT_HIDDEN = select(func.count()).select_from(level.join(_hidden, _hidden.c.id == level.c.variant_id)).where(_LOW)


def _by_status(status: Any, at: Any) -> Select[Any]:
    # Grouped by a value, not by a column: for a column SQLite would rather walk through an index of it than narrow
    # down to the period.
    name = func.coalesce(status, literal_column("''"))
    return select(name, func.count()).where(at >= written("begin", UtcDateTime)).group_by(name).order_by(name)


_CARTS = _by_status(cart.c.status, cart.c.updated_at)
_PAYMENTS = _by_status(payment.c.status, payment.c.created_at)


def make_dashboard(work: Work, orders: OrderService, *, low_stock: int, limit: int) -> Dashboard:
    """The dashboard of this moment: variants of which at most `low_stock` are left, lists of at most `limit`."""
    now = work.clock.now()
    last = today(now)
    periods = {name: Period(last - timedelta(days=days - 1), last) for name, days in _DAYS.items()}
    longest = periods["30_days"]
    by_period, by_status, ids = _orders(work, {name: period.begin for name, period in periods.items()})
    currencies = [each.revenue.currency for each in by_period["30_days"]]
    best, _ = top_products(work.session, longest, limit, ids, currencies)
    low, low_count = _low_stock(work, low_stock, limit)
    latest: tuple[OrderSummary, ...] = orders.list(limit=limit).items
    carts = as_dict(work.session.execute(_CARTS, {"begin": longest.begin}))
    payments = as_dict(work.session.execute(_PAYMENTS, {"begin": longest.begin}))
    return Dashboard(
        made_at=now,
        sales=by_period,
        orders_by_status=by_status,
        top_products=tuple(ProductRow(**row) for row in best),
        low_stock=low,
        low_stock_count=low_count,
        latest_orders=latest,
        carts=sum(carts.values()),
        carts_ordered=carts.get("ordered", 0),
        conversion=_share(carts.get("ordered", 0), sum(carts.values())),
        payments_by_status=payments,
        payment_failure_share=_share(payments.get("failed", 0), sum(payments.get(name, 0) for name in _ENDED)),
    )


def _orders(
    work: Work, begins: dict[str, datetime]
) -> tuple[dict[str, tuple[Sales, ...]], dict[str, int], tuple[int, int]]:
    """Sales by period, orders by status, and the least and the most row number of the longest period."""
    statuses: Counter[str] = Counter()
    found: dict[str, dict[str, list[Numbers]]] = {name: {} for name in begins}
    rows = work.session.execute(_ORDERS, begins).all()
    for row in rows:
        mine = part(row.payment_status, row.orders, row.total, row.in_part)
        found[row.period].setdefault(row.currency, []).append(mine)
    longest = [row for row in rows if row.period == "30_days"]
    for row in longest:
        statuses[row.status] += row.orders
    of_periods = {
        name: tuple(sales(added(of), currency) for currency, of in sorted((of or {DEFAULT_CURRENCY: []}).items()))
        for name, of in found.items()
    }
    ids = (min(row.least for row in longest), max(row.most for row in longest)) if longest else (0, 0)
    return of_periods, dict(sorted(statuses.items())), ids


def _low_stock(work: Work, most: int, limit: int) -> tuple[tuple[LowStock, ...], int]:
    """The few of which fewest are left, and how many there are.

    Those that are low but not for sale are few: to know how many saves looking up all the others.
    """
    hidden = work.session.execute(_LOW_BUT_HIDDEN, {"most": most}).scalar_one()
    rows = work.session.execute(_lowest(limit, limit + hidden), {"most": most}).all()
    shown = tuple(LowStock(row.sku, full_name(row.name, row.variant), row.available) for row in rows)
    return shown, rows[0].there - hidden if rows else 0


@lru_cache(maxsize=128)
def _lowest(limit: int, looked_at: int) -> Select[Any]:
    """The first `limit` that are for sale, among so many."""
    low = select(level.c.variant_id, level.c.sku, AVAILABLE.label("available")).where(_LOW)
    few = low.order_by(AVAILABLE, level.c.variant_id).limit(looked_at).subquery()
    source = few.join(variant, variant.c.id == few.c.variant_id).join(product, product.c.id == variant.c.product_id)
    there = select(func.count()).select_from(level).where(_LOW).scalar_subquery().label("there")
    return (
        select(few.c.sku, product.c.name, variant.c.name.label("variant"), few.c.available, there)
        .select_from(source)
        .where(variant.c.active, product.c.active)
        .order_by(few.c.available, few.c.variant_id)
        .limit(limit)
    )


def full_name(name: str, variant_name: str) -> str:
    """A variant as people call it: the product's name, and its own where it has one."""
    return f"{name} – {variant_name}" if variant_name else name


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
