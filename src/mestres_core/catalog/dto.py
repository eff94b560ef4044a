"""What the catalogue takes and gives: frozen values, never rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, overload

from mestres_core.rules.money import Money

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDraft:
    """A variant to be saved: `price` in minor units; `stock` is the number of pieces on hand, None leaves it alone.

    `tax_class` says which tax rates are its own; `digital` goods are not sent; sizes are those of a packed piece, 0
    when they are not known.
    """

    sku: str
    price: int
    name: str = ""
    weight_grams: int = 0
    stock: int | None = None
    tax_class: str = "standard"
    digital: bool = False
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """A product to be saved.

    `key` is the source's own stable identifier: saving the same key again changes that product and never makes a
    second one. `category` is a name, or a path of names from the root ("Grãos", "Microlotes"); what is missing is made.
    """

    key: str
    name: str
    variants: Sequence[VariantDraft]
    slug: str = ""
    description: str = ""
    category: str | Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)  # text, or the value of a defined attribute's type
    images: Sequence[str] = ()
    featured: bool = False
    active: bool = True
    currency: str = "BRL"


@dataclass(frozen=True, slots=True)
class CategoryRef:
    """The category as a product shows it."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the category tree, children in their order."""

    id: int
    slug: str
    name: str
    children: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product in a list: `price` is that of its cheapest variant, `sku` that of its first one.

    `max_price` is that of its dearest one, `variants` how many there are to choose from, each in the list's currency;
    `in_stock` says that one of them can be bought now.
    """

    id: int
    slug: str
    sku: str
    name: str
    price: Money
    category: CategoryRef | None
    image: str | None
    in_stock: bool
    rating: float | None
    max_price: Money
    variants: int = 1

    @property
    def min_price(self) -> Money:
        """`price` by its other name."""
        return self.price

    @property
    def price_range(self) -> tuple[Money, Money]:
        """The lowest and the highest price: "from R$ 45,90" where they differ."""
        return self.price, self.max_price


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing that can be bought. `available` is the number of pieces that can be bought now."""

    id: int
    sku: str
    name: str
    price: Money
    available: int


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by its address."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product with everything a detail page shows."""

    card: ProductCard
    description: str
    attributes: Mapping[str, str]
    variants: tuple[Variant, ...]
    images: tuple[Image, ...]

    @property
    def id(self) -> int:
        """Its row number."""
        return self.card.id

    @property
    def slug(self) -> str:
        """Its name in an address."""
        return self.card.slug

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.card.name


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet with the number of products that have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Highlight:
    """Where a product has what was searched for, as HTML with `<mark>`: its name, and a piece of its description."""

    name: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list: a sequence of its `items`. `next_cursor` is None on the last page.

    `total` is None when it was not counted.

    `corrected` is the query that was answered when the one that was asked has no answer: "did you mean". `relaxed`
    says that no product has all words of it, and these all but one. When there are none either, `instead` is something
    else to look at; `instead_by` says what: `fewer_words` for products that have some of the words, `popular` for what
    the shop puts forward. `highlights` are by the number of the product, when they were asked for.
    """

    items: tuple[T, ...]
    page: int
    per_page: int
    total: int | None
    next_cursor: str | None
    facets: Mapping[str, tuple[FacetValue, ...]] = field(default_factory=dict)
    corrected: str | None = None
    relaxed: bool = False
    instead: tuple[T, ...] = ()
    instead_by: str | None = None
    highlights: Mapping[int, Highlight] = field(default_factory=dict)

    def __iter__(self) -> Iterator[T]:
        """The items."""
        return iter(self.items)

    def __len__(self) -> int:
        """How many items this page has."""
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        """One item, or some of them."""
        return self.items[index]


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What a bulk save did, by number of products."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """What the shop knows of an attribute. `type`: text, number, boolean, choice or date."""

    code: str
    name: str
    type: str
    unit: str
    required: bool
    filterable: bool
    choices: tuple[str, ...]
    category: str | None
    position: int


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """What a product has of an attribute: `value` is text, Decimal, bool or date by `type`, `text` its stored form."""

    code: str
    name: str
    type: str
    value: str | Decimal | bool | date
    text: str
    unit: str


@dataclass(frozen=True, slots=True)
class Option:
    """Something that the variants of a product differ in, with its values in their order."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """One cell of the matrix: the options, and the variant that has them, if there is one."""

    options: Mapping[str, str]
    sku: str | None
    variant_id: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class CategoryNode:
    """A category with its place in the tree: `path` is from the root to itself, as slugs."""

    id: int
    slug: str
    name: str
    parent: str | None
    position: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """Products brought together by rules (`match` all or any of them), by hand, or both."""

    id: int
    slug: str
    name: str
    description: str
    match: str
    rules: tuple[Mapping[str, Any], ...]
    active: bool
    position: int


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a video or a document of a product. `kind`: image, video or document."""

    id: int
    kind: str
    url: str
    alt: str
    position: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A shop front: what it shows is published in it. `locale` is the language it speaks."""

    code: str
    name: str
    currency: str
    locale: str
    active: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """That a channel shows a product from `since` until `until` (None: without end)."""

    channel: str
    product_id: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A plain price and since when it was asked."""

    amount: int
    currency: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LowestPrice:
    """The lowest price of the days before `before`: the present reduction, or the present when there is none.

    `amount` is None when the price is younger than that: there was none before.
    """

    sku: str
    currency: str
    amount: int | None
    current: int
    reduced: bool
    before: datetime
    days: int

    @property
    def price(self) -> Money | None:
        """`amount` as money."""
        return None if self.amount is None else Money(self.amount, self.currency)
