"""Whole tables for other programs, page by page: the memory that an export takes does not grow with the table.

Pages follow the row number. Read within one snapshot, as a job does it, they are the table of one moment, whatever is
written meanwhile; each read by itself, they hold no transaction open, and a row that changes comes as it is when its
page is read. Either way a row that is there all the time comes exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, bindparam, func, literal_column, select

from mestres_core.catalog.models import category, price, product, variant
from mestres_core.customers.models import customer
from mestres_core.db.dialects.sql import moment_text
from mestres_core.errors import ValidationError
from mestres_core.events.outbox import Outbox
from mestres_core.inventory.models import AVAILABLE, level
from mestres_core.orders.models import order

PAGE = 2000
Row = tuple[Any, ...]
Page = list[Row]


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    outbox: Outbox


class Read(Protocol):
    """Runs a reading function of the services in a transaction of its own, with bounded retries."""

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        """What `call` returns."""
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """What an export consists of: columns by name, their tables, and the numbers that give the rows their order."""

    columns: Mapping[str, ColumnElement[Any]]
    source: FromClause
    order: ColumnElement[int]


_EXPORTS: Mapping[str, Export] = {
    # With the names of a bulk file, so that it can be changed by hand and brought in again; one row for each variant.
    "products": Export(
        {
            "key": product.c.key,
            "sku": variant.c.sku,
            "name": product.c.name,
            "variant": variant.c.name,
            "category": category.c.name,
            "price": price.c.amount,
            "currency": price.c.currency,
            "stock": AVAILABLE,
            "weight_grams": variant.c.weight_grams,
            "description": product.c.description,
            "slug": product.c.slug,
            "active": product.c.active & variant.c.active,
            "featured": product.c.featured,
        },
        variant.join(product, product.c.id == variant.c.product_id)
        .join(level, level.c.variant_id == variant.c.id)
        .outerjoin(price, (price.c.variant_id == variant.c.id) & (price.c.currency == "BRL"))
        .outerjoin(category, category.c.id == product.c.category_id),
        variant.c.id,
    ),
    "orders": Export(
        {
            "number": order.c.number,
            "created_at": moment_text(order.c.created_at),
            **{name: order.c[name] for name in ("status", "payment_status", "fulfillment_status", "currency")},
            **{name: order.c[f"{name}_amount"] for name in ("items", "discount", "shipping", "tax", "grand")},
            "customer_name": order.c.customer["name"].as_string(),
            "customer_email": order.c.customer["email"].as_string(),
            "city": order.c.address["city"].as_string(),
            "state": order.c.address["state"].as_string(),
            "shipping_method": order.c.shipping_method,
        },
        order,
        order.c.id,
    ),
    "customers": Export(
        {
            **{name: customer.c[name] for name in ("id", "name", "email", "document")},
            "created_at": moment_text(customer.c.created_at),
        },
        customer,
        customer.c.id,
    ),
    "inventory": Export(
        {
            "sku": level.c.sku,
            "name": product.c.name,
            "variant": variant.c.name,
            "on_hand": level.c.on_hand,
            "allocated": level.c.allocated,
            "available": AVAILABLE,
        },
        level.join(variant, variant.c.id == level.c.variant_id).join(product, product.c.id == variant.c.product_id),
        level.c.variant_id,
    ),
}
KINDS = tuple(_EXPORTS)


def columns(kind: str) -> tuple[str, ...]:
    """The names of an export's columns. Raises ValidationError for the field `kind`."""
    if kind not in _EXPORTS:
        raise ValidationError.of("kind", "unknown", choices=", ".join(KINDS))
    return tuple(_EXPORTS[kind].columns)


def count(read: Read, kind: str) -> int:
    """How many rows there are now."""
    export = _EXPORTS[kind]
    query = select(func.count()).select_from(export.source)
    found: int = read(lambda services: services.outbox.session.execute(query).scalar_one())
    return found


def pages(read: Read, kind: str, *, size: int = PAGE) -> Iterator[Page]:
    """Every row, `size` at a time."""
    query, after = _page(kind, size), 0
    while True:
        rows = read(partial(_all, query=query, after=after))
        if rows:
            after = rows[-1][-1]
            yield [row[:-1] for row in rows]
        if len(rows) < size:
            return


@lru_cache(maxsize=64)
def _page(kind: str, size: int) -> Select[Any]:
    """The statement of a page: the columns, and last the row's number."""
    export = _EXPORTS[kind]
    named = [column.label(name) for name, column in export.columns.items()]
    query = select(*named, export.order.label("row_number")).select_from(export.source)
    query = query.where(export.order > bindparam("after", type_=BigInteger)).order_by(export.order)
    # Written out: not knowing how few are wanted, PostgreSQL would join the whole tables anew for each page.
    return query.limit(literal_column(str(size)))


def _all(services: Services, query: Select[Any], after: int) -> Any:
    return services.outbox.session.execute(query, {"after": after}).all()
