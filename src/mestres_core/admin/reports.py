"""The four reports. Each is a handful of statements that add up inside the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal, literal_column, null, select, union_all
from sqlalchemy.orm import Session

from mestres_core.admin.dto import CustomerRow, ProductRow, Report, Sales, SalesRow, Sold, Stock, StockRow
from mestres_core.admin.figures import (
    DEFAULT_CURRENCY,
    KEPT,
    SOLD,
    SUMS,
    Numbers,
    added,
    fields,
    numbers,
    part,
    parts,
    sales,
)
from mestres_core.admin.periods import GROUPS, Period, day_of
from mestres_core.catalog.models import category, product, variant
from mestres_core.customers.models import customer
from mestres_core.db.base import Id, UtcDateTime
from mestres_core.db.dialects.sql import hour_number, hour_of, written
from mestres_core.events.work import Work
from mestres_core.inventory.models import AVAILABLE, level
from mestres_core.orders.models import line, order
from mestres_core.rules.money import Money

MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of report: what its rows may be grouped by (the first is the default), and how it is made."""

    groups: tuple[str, ...]
    make: Callable[[Work, Period, str], Report[Any]]


_WITHIN = (order.c.created_at >= written("begin", UtcDateTime)) & (order.c.created_at < written("end", UtcDateTime))


def _within(period: Period) -> dict[str, Any]:
    """The parameters of `_WITHIN`."""
    return {"begin": period.begin, "end": period.end}


def _sales(work: Work, period: Period, group_by: str) -> Report[Any]:
    hour = hour_of(work.dialect, order.c.created_at).label("hour")
    query = (
        select(hour, order.c.currency, order.c.payment_status, *parts())
        .where(_WITHIN)
        .group_by("hour", order.c.currency, order.c.payment_status)
    )
    groups: dict[tuple[date, str], list[Numbers]] = {}
    for at, currency, payment_status, *counted in work.session.execute(query, _within(period)):
        group = GROUPS[group_by](day_of(hour_number(at)))
        groups.setdefault((group, currency), []).append(part(payment_status, *counted))
    rows = tuple(
        SalesRow(period=begin, **fields(added(of), currency)) for (begin, currency), of in sorted(groups.items())
    )
    return Report("sales", period.first, period.last, group_by, rows, _sales_totals(groups))


def _sales_totals(groups: Mapping[tuple[date, str], list[Numbers]]) -> tuple[Sales, ...]:
    currencies = sorted({currency for _, currency in groups}) or [DEFAULT_CURRENCY]
    return tuple(
        sales(added(each for (_, of), some in groups.items() if of == currency for each in some), currency)
        for currency in currencies
    )


Ids = tuple[int, int]
"""The least and the most row number of a period's orders."""


def _ids(session: Session, period: Period) -> Ids:
    # Counted, too: for the least number alone PostgreSQL would go through all orders that are older.
    query = select(func.min(order.c.id), func.max(order.c.id), func.count()).where(_WITHIN)
    least, most, _ = session.execute(query, _within(period)).one()
    return least or 0, most or 0


_OF_THESE = line.c.order_id.between(written("least", Id), written("most", Id))

_SOLD_LINES = (
    select(line.c.product_id, order.c.currency, *SOLD)
    .select_from(order.join(line, line.c.order_id == order.c.id))
    .where(_WITHIN, KEPT, _OF_THESE)
    .group_by(line.c.product_id, order.c.currency)
)
"""Quantity and total for each product and currency.

The lines are read as one piece of their index: orders are numbered as they come. To look those of each order up takes
three times as long.
"""


def _sold_in(period: Period, ids: Ids) -> dict[str, Any]:
    """The parameters of `_WITHIN` and of `_OF_THESE`."""
    return _within(period) | {"least": ids[0], "most": ids[1]}


def top_products(
    session: Session, period: Period, limit: int, ids: Ids, currencies: Iterable[str]
) -> tuple[list[dict[str, Any]], bool]:
    """The products that brought in most, as the fields of ProductRow, and whether there are more.

    Each currency is asked for by itself: to group lines by its name as well takes PostgreSQL a fifth of the time more.
    """
    query, asked = _best_products(limit), _sold_in(period, ids)
    rows = [row for each in currencies for row in session.execute(query, asked | {"currency": each})]
    return _shown(sorted(rows, key=lambda row: (-row.total, row.id)), limit)


@lru_cache(maxsize=128)
def _best_products(limit: int) -> Select[Any]:
    """Put together once: to do it for each dashboard takes longer than to send it."""
    currency = bindparam("currency", type_=order.c.currency.type)
    sold = _SOLD_LINES.with_only_columns(line.c.product_id, currency.label("currency"), *SOLD)
    sold = sold.where(order.c.currency == currency).group_by(None).group_by(line.c.product_id)
    return _top_products(sold.cte("sold"), limit)


def _top_products(sold: Any, limit: int) -> Select[Any]:
    best = select(sold).order_by(sold.c.total.desc(), sold.c.product_id).limit(limit + 1).subquery()
    # Names are looked up for those that are shown, not for all that was sold.
    return (
        select(best.c.product_id.label("id"), product.c.name, best.c.currency, best.c.quantity, best.c.total)
        .select_from(best.join(product, product.c.id == best.c.product_id))
        .order_by(best.c.total.desc(), best.c.product_id)
    )


def _top_categories(sold: Any, limit: int) -> Select[Any]:
    of = product.outerjoin(category, category.c.id == product.c.category_id)
    group, total = (category.c.id, category.c.name, sold.c.currency), func.sum(sold.c.total)
    return (
        select(*group, func.sum(sold.c.quantity).label("quantity"), total.label("total"))
        .select_from(sold.join(of, product.c.id == sold.c.product_id))
        .group_by(*group)
        .order_by(total.desc(), category.c.id)
        .limit(limit + 1)
    )


def _shown(rows: Sequence[Any], limit: int) -> tuple[list[dict[str, Any]], bool]:
    shown = [
        {
            "id": row.id,
            "name": row.name or "",
            "quantity": int(row.quantity),
            "revenue": Money(int(row.total), row.currency),
        }
        for row in rows[:limit]
    ]
    return shown, len(rows) > limit


def _products(work: Work, period: Period, group_by: str) -> Report[Any]:
    """The rows and the totals, of one pass over what was sold."""
    sold, values = _SOLD_LINES.cte("sold"), _sold_in(period, _ids(work.session, period))
    best = (_top_products if group_by == "product" else _top_categories)(sold, MOST_ROWS).subquery()
    each = select(literal_column("1").label("part"), *best.c)
    sums = (func.sum(sold.c.quantity), func.sum(sold.c.total))
    whole = select(literal_column("2"), null(), null(), sold.c.currency, *sums).group_by(sold.c.currency)
    found = union_all(each, whole).subquery()
    query = select(found).order_by(found.c.part, found.c.total.desc(), found.c.id)
    of_part = work.session.execute(query, values).all()
    rows = [row for row in of_part if row.part == 1]
    totals = sorted((row.currency, int(row.quantity), int(row.total)) for row in of_part if row.part != 1)
    shown, more = _shown(rows, MOST_ROWS)
    return Report(
        "products",
        period.first,
        period.last,
        group_by,
        tuple(ProductRow(**row) for row in shown),
        tuple(Sold(quantity, Money(total, currency)) for currency, quantity, total in totals)
        or (Sold(0, Money(0, DEFAULT_CURRENCY)),),
        more,
    )


def _customers(work: Work, period: Period, group_by: str) -> Report[Any]:
    bought = (
        select(order.c.customer_id, order.c.currency, *SUMS)
        .where(_WITHIN)
        .group_by(order.c.customer_id, order.c.currency)
        .subquery()
    )
    query = (
        select(bought, customer.c.name, customer.c.email)
        .select_from(bought.outerjoin(customer, customer.c.id == bought.c.customer_id))
        .order_by((bought.c.gross - bought.c.refunds).desc(), bought.c.customer_id)
        .limit(MOST_ROWS + 1)
    )
    rows = work.session.execute(query, _within(period)).all()
    shown = tuple(
        CustomerRow(
            id=row.customer_id, name=row.name or "", email=row.email or "", **fields(numbers(row), row.currency)
        )
        for row in rows[:MOST_ROWS]
    )
    totals = select(order.c.currency, *SUMS).where(_WITHIN).group_by(order.c.currency).order_by(order.c.currency)
    whole = tuple(sales(numbers(row), row.currency) for row in work.session.execute(totals, _within(period))) or (
        sales((0, 0, 0, 0), DEFAULT_CURRENCY),
    )
    return Report("customers", period.first, period.last, group_by, shown, whole, len(rows) > MOST_ROWS)


def _inventory(work: Work, period: Period, group_by: str) -> Report[Any]:
    values = _sold_in(period, _ids(work.session, period))
    sold = (
        select(line.c.variant_id, func.sum(line.c.quantity).label("pieces"))
        .select_from(order.join(line, line.c.order_id == order.c.id))
        .where(_WITHIN, KEPT, _OF_THESE)
        .group_by(line.c.variant_id)
        .cte("sold")
    )
    query = (_stock_by_sku if group_by == "sku" else _stock_by_category)(sold)
    of_all = select(func.coalesce(func.sum(sold.c.pieces), 0)).scalar_subquery()
    rows = work.session.execute(query.add_columns(of_all.label("of_all")), values).all()
    shown = tuple(StockRow(sku=row.sku or "", name=row.name or "", **_pieces(row)) for row in rows[:MOST_ROWS])
    there = [func.sum(column).label(name) for name, column in _STOCK.items()]
    pieces = literal(rows[0].of_all if rows else 0).label("sold")
    whole = Stock(**_pieces(work.session.execute(select(*there, pieces).select_from(level)).one()))
    return Report("inventory", period.first, period.last, group_by, shown, (whole,), len(rows) > MOST_ROWS)


_STOCK = {"on_hand": level.c.on_hand, "allocated": level.c.allocated, "available": AVAILABLE}


def _stock_by_sku(sold: Any) -> Any:
    """The SKUs of which fewest are left. Everything else is looked up for those that are shown."""
    few = (
        select(level.c.variant_id, level.c.sku, *(column.label(name) for name, column in _STOCK.items()))
        .order_by(AVAILABLE, level.c.sku)
        .limit(MOST_ROWS + 1)
        .subquery()
    )
    source = (
        few.join(variant, variant.c.id == few.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(sold, sold.c.variant_id == few.c.variant_id)
    )
    names = (few.c.sku, product.c.name, few.c.on_hand, few.c.allocated, few.c.available)
    query = select(*names, func.coalesce(sold.c.pieces, 0).label("sold"))
    return query.select_from(source).order_by(few.c.available, few.c.sku)


def _stock_by_category(sold: Any) -> Any:
    source = (
        level.join(variant, variant.c.id == level.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(category, category.c.id == product.c.category_id)
        .outerjoin(sold, sold.c.variant_id == level.c.variant_id)
    )
    sums: dict[str, Any] = {name: func.sum(column) for name, column in _STOCK.items()}
    sums["sold"] = func.coalesce(func.sum(sold.c.pieces), 0)
    query = select(category.c.slug.label("sku"), category.c.name, *(total.label(name) for name, total in sums.items()))
    query = query.select_from(source).group_by(category.c.slug, category.c.name)
    return query.order_by(sums["available"], category.c.slug).limit(MOST_ROWS + 1)


def _pieces(row: Any) -> dict[str, int]:
    return {name: int(getattr(row, name) or 0) for name in ("on_hand", "allocated", "available", "sold")}


KINDS: Mapping[str, Kind] = {
    "sales": Kind(tuple(GROUPS), _sales),
    "products": Kind(("product", "category"), _products),
    "customers": Kind(("customer",), _customers),
    "inventory": Kind(("sku", "category"), _inventory),
}
