"""The shop at a glance, in at most eight statements however much was sold."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select

from mestres_core.admin.dto import Dashboard, LowStock, ProductRow, Sales
from mestres_core.admin.figures import DEFAULT_CURRENCY, SUMS, Numbers, added, numbers, sales
from mestres_core.admin.periods import Period, today
from mestres_core.admin.reports import top_products
from mestres_core.cart.models import cart
from mestres_core.catalog.models import product, variant
from mestres_core.events.work import Work
from mestres_core.inventory.models import AVAILABLE, level
from mestres_core.orders.dto import OrderSummary
from mestres_core.orders.models import order
from mestres_core.orders.service import OrderService
from mestres_core.payments.models import payment

_DAYS = {"today": 1, "7_days": 7, "30_days": 30}
_ENDED = ("captured", "declined", "failed", "expired")
_how_many = func.count().over().label("how_many")


def make_dashboard(work: Work, orders: OrderService, *, low_stock: int, limit: int) -> Dashboard:
    """The dashboard of this moment: variants of which at most `low_stock` are left, lists of at most `limit`."""
    now = work.clock.now()
    last = today(now)
    periods = {name: Period(last - timedelta(days=days - 1), last) for name, days in _DAYS.items()}
    longest = periods["30_days"]
    by_period, by_status = _orders(work, {name: period.begin for name, period in periods.items()})
    best, _ = top_products(work.session, longest, limit)
    low, low_count = _low_stock(work, low_stock, limit)
    latest: tuple[OrderSummary, ...] = orders.list(limit=limit).items
    carts = _by_status(work, cart.c.status, cart.c.updated_at, longest.begin)
    payments = _by_status(work, payment.c.status, payment.c.created_at, longest.begin)
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


def _orders(work: Work, begins: dict[str, datetime]) -> tuple[dict[str, tuple[Sales, ...]], dict[str, int]]:
    """One pass over the longest period: each order lies in the shortest one that holds it, longer ones add up."""
    names = list(begins)
    bucket = case(*((order.c.created_at >= begins[name], index) for index, name in enumerate(names)), else_=len(names))
    query = (
        select(bucket.label("bucket"), order.c.currency, order.c.status, *SUMS)
        .where(order.c.created_at >= begins[names[-1]])
        .group_by("bucket", order.c.currency, order.c.status)
    )
    rows = work.session.execute(query).all()
    statuses: Counter[str] = Counter()
    for row in rows:
        statuses[row.status] += row.orders
    found: dict[str, tuple[Sales, ...]] = {}
    for index, name in enumerate(names):
        by_currency: dict[str, list[Numbers]] = {DEFAULT_CURRENCY: []} if not rows else {}
        for row in rows:
            by_currency.setdefault(row.currency, []).extend([numbers(row)] if row.bucket <= index else [])
        found[name] = tuple(sales(added(parts), currency) for currency, parts in sorted(by_currency.items()))
    return found, dict(sorted(statuses.items()))


def _low_stock(work: Work, most: int, limit: int) -> tuple[tuple[LowStock, ...], int]:
    source = level.join(variant, variant.c.id == level.c.variant_id).join(product, product.c.id == variant.c.product_id)
    low = (most >= AVAILABLE, variant.c.active, product.c.active)
    query = select(
        level.c.sku, product.c.name, variant.c.name.label("variant"), AVAILABLE.label("available"), _how_many
    ).select_from(source)
    rows = work.session.execute(query.where(*low).order_by(AVAILABLE, level.c.variant_id).limit(limit)).all()
    shown = tuple(LowStock(row.sku, full_name(row.name, row.variant), row.available) for row in rows)
    return shown, rows[0].how_many if rows else 0


def full_name(name: str, variant_name: str) -> str:
    """A variant as people call it: the product's name, and its own where it has one."""
    return f"{name} – {variant_name}" if variant_name else name


def _by_status(work: Work, status: Any, moment: Any, begin: datetime) -> dict[str, int]:
    # Grouped by a value, not by a column: for a column SQLite would rather walk through an index of it than narrow
    # down to the period.
    name = func.coalesce(status, "")
    query = select(name, func.count()).where(moment >= begin).group_by(name).order_by(name)
    return {row[0]: row[1] for row in work.session.execute(query)}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
