"""The catalogue's questions, as statements. Nothing here runs one.

A list is one statement. The statement of each shape (which filters, which order, which page size) is put together once
and kept: to do so costs more than to send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)

from mestres_core.catalog.dto import CategoryRef, ProductCard
from mestres_core.catalog.models import attribute, card, category, image, price, product, variant
from mestres_core.db.dialects.sql import json_rows
from mestres_core.db.keyset import Keyset
from mestres_core.inventory.models import BUYABLE, level
from mestres_core.rules.money import Money
from mestres_core.rules.text import fold

SORTS: Mapping[str, Keyset] = {
    "newest": Keyset("newest", (card.c.product_id,), down=True),
    "price": Keyset("price", (card.c.price, card.c.product_id)),
    "-price": Keyset("-price", (card.c.price, card.c.product_id), down=True),
    "name": Keyset("name", (product.c.sort_name, product.c.id), texts=frozenset({0})),
}

CHOSEN = "chosen"
"""The order in which the products of a collection were put into it by hand; those of its rules come after them."""

CARD_COLUMNS = (
    product.c.id,
    product.c.slug,
    card.c.sku,
    product.c.name,
    product.c.sort_name,
    card.c.price,
    card.c.max_price,
    card.c.variants,
    card.c.currency,
    category.c.id.label("category_id"),
    category.c.slug.label("category_slug"),
    category.c.name.label("category_name"),
    card.c.image,
    card.c.in_stock,
    product.c.rating_hundredths,
)
_WIDTH = len(CARD_COLUMNS)
_SORT_NAME, _PRICE = CARD_COLUMNS.index(product.c.sort_name), CARD_COLUMNS.index(card.c.price)
CARD_SOURCE = product.join(card, card.c.product_id == product.c.id).outerjoin(
    category, category.c.id == product.c.category_id
)


@dataclass(frozen=True, slots=True)
class Between:
    """A range of a typed attribute, both ends included: numbers in millionths, dates as text; None: no end."""

    kind: str
    least: Any
    most: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list may be narrowed to; None means no limit. All of it is said of cards.

    Prices are in minor units, and a product's is that of its cheapest variant; `categories` are row numbers: the chosen
    one's whole subtree.
    """

    currency: str = "BRL"
    categories: Sequence[int] | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    more: Sequence[ColumnElement[bool]] = ()
    """What has no shape of its own: a collection, a channel, ranges of attributes."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL, with the values in it."""
        found: list[ColumnElement[bool]] = [card.c.currency == self.currency]
        if self.categories is not None:
            found.append(card.c.category_id.in_(self.categories))
        if self.min_price is not None:
            found.append(card.c.price >= self.min_price)
        if self.max_price is not None:
            found.append(card.c.price <= self.max_price)
        if self.in_stock is not None:
            found.append(card.c.in_stock.is_(self.in_stock))
        found.extend(_has(fold(name), fold(value)) for name, value in self.attributes.items())
        found.extend(self.more)
        return found

    @property
    def shape(self) -> Shape:
        """Which of them are given."""
        return Shape(
            categories=self.categories is not None,
            min_price=self.min_price is not None,
            max_price=self.max_price is not None,
            in_stock=self.in_stock is not None,
            attributes=len(self.attributes),
        )

    def values(self) -> dict[str, Any]:
        """The parameters of a statement of this shape."""
        found: dict[str, Any] = {"currency": self.currency}
        for name in ("categories", "min_price", "max_price", "in_stock"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        for index, (name, value) in enumerate(self.attributes.items()):
            found |= {f"name_{index}": fold(name), f"value_{index}": fold(value)}
        return found


@dataclass(frozen=True, slots=True)
class Shape:
    """Which filters a statement has."""

    categories: bool = False
    min_price: bool = False
    max_price: bool = False
    in_stock: bool = False
    attributes: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL, with parameters in the places of the values."""
        found: list[ColumnElement[bool]] = [card.c.currency == bindparam("currency", type_=String)]
        if self.categories:
            found.append(card.c.category_id.in_(bindparam("categories", expanding=True)))
        if self.min_price:
            found.append(card.c.price >= bindparam("min_price", type_=BigInteger))
        if self.max_price:
            found.append(card.c.price <= bindparam("max_price", type_=BigInteger))
        if self.in_stock:
            found.append(card.c.in_stock == bindparam("in_stock", type_=Boolean))
        found.extend(
            _has(bindparam(f"name_{index}", type_=String), bindparam(f"value_{index}", type_=String))
            for index in range(self.attributes)
        )
        return found


def _has(name: Any, value: Any) -> ColumnElement[bool]:
    matches = and_(attribute.c.name_folded == name, attribute.c.value_folded == value)
    return card.c.product_id.in_(select(attribute.c.product_id).where(matches))


def has(name: str, wanted: str | Sequence[str] | Between) -> ColumnElement[bool]:
    """A card whose product has this value, one of these, or one in this range."""
    if isinstance(wanted, str):
        return _has(fold(name), fold(wanted))
    of = [attribute.c.name_folded == fold(name)]
    if isinstance(wanted, Between):
        column = attribute.c.number if wanted.kind == "number" else attribute.c.value_folded
        if wanted.least is not None:
            of.append(column >= wanted.least)
        if wanted.most is not None:
            of.append(column <= wanted.most)
        if wanted.least is None and wanted.most is None:
            of.append(column.is_not(None))
    else:
        of.append(attribute.c.value_folded.in_([fold(each) for each in wanted]))
    return card.c.product_id.in_(select(attribute.c.product_id).where(*of))


def cards(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Product cards that meet every condition."""
    return select(*CARD_COLUMNS).select_from(CARD_SOURCE).where(*conditions)


@lru_cache(maxsize=1024)
def listing(shape: Shape, sort: str, size: int, *, after: bool, skip: bool) -> Select[Any]:
    """`size` cards in an order: `after` a place in it, or with as many left out as the parameter `skip` says.

    The size is written out. As a parameter it would hide from the database that few rows are wanted, and the plan that
    it keeps for all values would sort the whole shop.
    """
    order = SORTS[sort]
    query = order.sort(cards(shape.conditions())).limit(literal_column(str(size)))
    if after:
        return query.where(order.behind())
    return query.offset(bindparam("skip", type_=BigInteger)) if skip else query


def listing_of(
    conditions: Sequence[ColumnElement[bool]], order: Keyset, size: int, after: Sequence[Any] | None, skip: int
) -> Select[Any]:
    """The same for conditions that have no shape: put together each time."""
    query = ordered(cards(conditions), order, after).limit(size)
    if order.name == CHOSEN:
        query = query.add_columns(order.columns[0].label("place"))
    return query.offset(skip) if skip else query


def count_of(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """How many cards meet them."""
    return select(func.count()).select_from(card).where(*conditions)


@lru_cache(maxsize=1024)
def count(shape: Shape) -> Select[Any]:
    """How many cards there are. They alone are looked at, mostly in an index."""
    return select(func.count()).select_from(card).where(*shape.conditions())


def ordered(query: Select[Any], order: Keyset, after: Sequence[Any] | None) -> Select[Any]:
    """Sorted, and beginning right after the row with the values `after`."""
    query = order.sort(query)
    return query if after is None else query.where(order.behind()).params(order.place(after))


def pack_cursor(sort: str, values: Sequence[Any]) -> str:
    """Where a page ended, for the client to hand back."""
    return SORTS[sort].pack(values)


def unpack_cursor(cursor: str, sort: str) -> list[Any]:
    """Raises ValidationError for a cursor that this sort did not make."""
    return SORTS[sort].unpack(cursor)


def cursor_values(row: Any, sort: str) -> list[Any]:
    """The values by which its list is sorted of a row that begins with CARD_COLUMNS."""
    row_id, sort_name, price = row[0], row[_SORT_NAME], row[_PRICE]
    if sort == CHOSEN:
        return [row.place, -row_id]
    return {"newest": [row_id], "price": [price, row_id], "-price": [price, row_id], "name": [sort_name, row_id]}[sort]


_money = lru_cache(maxsize=8192)(Money)
_category = lru_cache(maxsize=1024)(CategoryRef)
"""Values that never change, made once: a shop has more products than prices and categories."""


class _Unsealed:
    """A ProductCard in the making. A frozen dataclass sets each field by a call; so it takes a third of the time."""

    __slots__ = ProductCard.__slots__


def to_card(row: Any) -> ProductCard:
    """A row that begins with CARD_COLUMNS as a value."""
    card: Any = _Unsealed()
    (
        card.id,
        card.slug,
        card.sku,
        card.name,
        _,
        lowest,
        highest,
        card.variants,
        currency,
        category_id,
        category_slug,
        category_name,
        card.image,
        in_stock,
        rating,
    ) = row[:_WIDTH]
    card.price = _money(lowest, currency)
    card.max_price = _money(highest, currency)
    card.category = None if category_id is None else _category(category_id, category_slug, category_name)
    card.in_stock = bool(in_stock)
    card.rating = None if rating is None else rating / 100
    card.__class__ = ProductCard
    made: ProductCard = card
    return made


_VARIANTS = (
    select(json_rows(variant.c.position, variant.c.id, variant.c.sku, variant.c.name, price.c.amount, BUYABLE))
    .select_from(
        variant.join(price, price.c.variant_id == variant.c.id).join(level, level.c.variant_id == variant.c.id)
    )
    .where(variant.c.product_id == product.c.id, variant.c.active, price.c.currency == card.c.currency)
    .correlate(product, card)
    .scalar_subquery()
)
_ATTRIBUTES = (
    select(json_rows(attribute.c.position, attribute.c.name, attribute.c.value))
    .where(attribute.c.product_id == product.c.id)
    .correlate(product)
    .scalar_subquery()
)
_IMAGES = (
    select(json_rows(image.c.position, image.c.id, image.c.url, image.c.alt))
    .where(image.c.product_id == product.c.id, image.c.kind == "image")
    .correlate(product)
    .scalar_subquery()
)
_DETAIL = (
    select(
        *CARD_COLUMNS,
        product.c.description,
        _VARIANTS.label("variants_rows"),
        _ATTRIBUTES.label("attribute_rows"),
        _IMAGES.label("image_rows"),
    )
    .select_from(CARD_SOURCE)
    .where(card.c.currency == bindparam("currency"))
)
"""A product with all that its page shows, in one statement. What belongs to it comes as JSON, in no certain order."""

BY_ID = _DETAIL.where(product.c.id == bindparam("id"))
BY_SLUG = _DETAIL.where(product.c.slug == bindparam("slug"))
TREE = select(category.c.id, category.c.parent_id, category.c.slug, category.c.name).order_by(
    category.c.position, category.c.id
)
