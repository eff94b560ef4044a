"""Whole tables for other programs, page by page: the memory that an export takes does not grow with the table.

An export is one statement, of which rows are read while the database looks for the next ones. So it is the table of one
moment, whatever is written meanwhile; within a snapshot, as a job does it, of the moment that its rows were counted at.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause, Select, func, select

from mestres_core.catalog.models import category, price, product, variant
from mestres_core.customers.models import customer
from mestres_core.db.dialects.sql import moment_text
from mestres_core.db.later import pages_of
from mestres_core.errors import ValidationError
from mestres_core.events.outbox import Outbox
from mestres_core.inventory.models import AVAILABLE, level
from mestres_core.orders.models import order

PAGE = 500  # what the database makes of them meanwhile has room on the way here
Page = Sequence[Sequence[Any]]


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    outbox: Outbox


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


def count(services: Services, kind: str) -> int:
    """How many rows there are now."""
    query = select(func.count()).select_from(_EXPORTS[kind].source)
    found: int = services.outbox.session.execute(query).scalar_one()
    return found


def pages(services: Services, kind: str, *, size: int = PAGE) -> Generator[Page, None, None]:
    """Every row, `size` at a time. Nothing else is asked in the unit of work meanwhile.

    Whoever does not read to the end closes it, before the unit of work ends.
    """
    return pages_of(services.outbox.session, _rows(kind), size)


@lru_cache
def _rows(kind: str) -> Select[Any]:
    export = _EXPORTS[kind]
    named = [column.label(name) for name, column in export.columns.items()]
    return select(*named).select_from(export.source).order_by(export.order)
