"""The catalogue's questions, as statements. Nothing here runs one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select

from mestres_core.catalog.dto import CategoryRef, ProductCard
from mestres_core.catalog.models import attribute, card, category, image, price, product, variant
from mestres_core.errors import ValidationError
from mestres_core.inventory.models import BUYABLE, level
from mestres_core.rules.checks import BIGGEST_ID, storable
from mestres_core.rules.money import Money
from mestres_core.rules.text import fold

SORTS: Mapping[str, tuple[tuple[Any, bool], ...]] = {
    # Column and whether it goes down; the last one is unique, so that a page has a definite next one.
    "newest": ((product.c.id, True),),
    "price": ((card.c.price, False), (product.c.id, False)),
    "-price": ((card.c.price, True), (product.c.id, False)),
    "name": ((product.c.sort_name, False), (product.c.id, False)),
}

CARD_COLUMNS = (
    product.c.id,
    product.c.slug,
    card.c.sku,
    product.c.name,
    product.c.sort_name,
    card.c.price,
    card.c.currency,
    category.c.id.label("category_id"),
    category.c.slug.label("category_slug"),
    category.c.name.label("category_name"),
    card.c.image,
    card.c.in_stock,
    product.c.rating_hundredths,
)
CARD_SOURCE = product.join(card, card.c.product_id == product.c.id).outerjoin(
    category, category.c.id == product.c.category_id
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list may be narrowed to; None means no limit.

    Prices are in minor units; `categories` are row numbers: the chosen one's whole subtree.
    """

    currency: str = "BRL"
    categories: Sequence[int] | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        found: list[ColumnElement[bool]] = [product.c.active, card.c.currency == self.currency]
        if self.categories is not None:
            found.append(product.c.category_id.in_(self.categories))
        if self.min_price is not None:
            found.append(card.c.price >= self.min_price)
        if self.max_price is not None:
            found.append(card.c.price <= self.max_price)
        if self.in_stock is not None:
            found.append(card.c.in_stock.is_(self.in_stock))
        found.extend(_has(name, value) for name, value in self.attributes.items())
        return found


def _has(name: str, value: str) -> ColumnElement[bool]:
    matches = and_(attribute.c.name_folded == fold(name), attribute.c.value_folded == fold(value))
    return product.c.id.in_(select(attribute.c.product_id).where(matches))


def cards(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Product cards that meet every condition."""
    return select(*CARD_COLUMNS).select_from(CARD_SOURCE).where(*conditions)


def count(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """How many they are."""
    return select(func.count()).select_from(CARD_SOURCE).where(*conditions)


def ordered(query: Select[Any], keys: Sequence[tuple[Any, bool]], after: Sequence[Any] | None) -> Select[Any]:
    """Sorted by `keys`, and beginning right after the row with the values `after`."""
    query = query.order_by(*(column.desc() if down else column for column, down in keys))
    if after is None:
        return query
    steps = []
    for index, (column, down) in enumerate(keys):
        equal = [earlier == after[at] for at, (earlier, _) in enumerate(keys[:index])]
        steps.append(and_(*equal, column < after[index] if down else column > after[index]))
    return query.where(or_(*steps))


def pack_cursor(sort: str, values: Sequence[Any]) -> str:
    """Where a page ended, for the client to hand back."""
    return base64.urlsafe_b64encode(json.dumps([sort, *values]).encode()).decode().rstrip("=")


def unpack_cursor(cursor: str, sort: str) -> list[Any]:
    """Raises ValidationError for a cursor that this sort did not make."""
    expected = [str if column is product.c.sort_name else int for column, _ in SORTS[sort]]
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, *values = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError, RecursionError):
        raise ValidationError.of("cursor", "invalid", reason="not a cursor of this list") from None
    if made_for != sort or [type(value) for value in values] != expected or not all(map(_usable, values)):
        raise ValidationError.of("cursor", "invalid", reason="made for another order")
    return list(values)


def _usable(value: str | int) -> bool:
    return storable(value) if isinstance(value, str) else abs(value) <= BIGGEST_ID


def to_card(row: Any) -> ProductCard:
    """A row of CARD_COLUMNS as a value."""
    of = None if row.category_id is None else CategoryRef(row.category_id, row.category_slug, row.category_name)
    rating = None if row.rating_hundredths is None else row.rating_hundredths / 100
    return ProductCard(
        row.id, row.slug, row.sku, row.name, Money(row.price, row.currency), of, row.image, bool(row.in_stock), rating
    )


BY_ID = (
    select(*CARD_COLUMNS, product.c.description)
    .select_from(CARD_SOURCE)
    .where(product.c.active, card.c.currency == bindparam("currency"), product.c.id == bindparam("id"))
)
BY_SLUG = (
    select(*CARD_COLUMNS, product.c.description)
    .select_from(CARD_SOURCE)
    .where(product.c.active, card.c.currency == bindparam("currency"), product.c.slug == bindparam("slug"))
)
VARIANTS = (
    select(
        variant.c.id,
        variant.c.sku,
        variant.c.name,
        price.c.amount,
        BUYABLE.label("available"),
    )
    .select_from(
        variant.join(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency"))).join(
            level, level.c.variant_id == variant.c.id
        )
    )
    .where(variant.c.product_id == bindparam("product_id"), variant.c.active)
    .order_by(variant.c.position)
)
ATTRIBUTES = (
    select(attribute.c.name, attribute.c.value)
    .where(attribute.c.product_id == bindparam("product_id"))
    .order_by(attribute.c.position)
)
IMAGES = (
    select(image.c.url, image.c.alt).where(image.c.product_id == bindparam("product_id")).order_by(image.c.position)
)
TREE = select(category.c.id, category.c.parent_id, category.c.slug, category.c.name).order_by(
    category.c.position, category.c.id
)
