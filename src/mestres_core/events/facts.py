"""Facts: what has happened, as frozen values. They are written to the outbox and told to listeners after the commit."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of its payload, in their order."""
    return tuple(each.name for each in fields(kind) if each.name != "fact_id")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to one aggregate (`product`, `stock`, `cart`, `order`).

    `fact_id` is there once it is delivered: its number in the outbox, the same whenever it is delivered again, by
    which a subscriber can tell a repetition. None before, and for listeners.
    """

    aggregate: ClassVar[str]
    fact_id: int | None = field(default=None, kw_only=True, compare=False)

    @property
    def aggregate_id(self) -> str:
        """Which one it happened to: every fact names it first."""
        return str(next(iter(self.payload().values())))

    @property
    def type(self) -> str:
        """The fact's stable name."""
        return type(self).__name__

    def payload(self) -> dict[str, Any]:
        """Its fields, as JSON takes them."""
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _names(kind)}


@dataclass(frozen=True, slots=True)
class ProductChanged(Fact):
    """A product was created, changed, or hidden. `category_id` is its category now."""

    aggregate: ClassVar[str] = "product"
    product_id: int
    category_id: int | None


@dataclass(frozen=True, slots=True)
class CatalogChanged(Fact):
    """What surrounds products was changed: `what` is category, collection, channel, attribute or price list.

    `row_id` is which one, 0 for any.
    """

    aggregate: ClassVar[str] = "catalog"
    what: str
    row_id: int


@dataclass(frozen=True, slots=True)
class StockChanged(Fact):
    """A product's pieces changed; `availability_flipped` when it became, or ceased to be, sold out."""

    aggregate: ClassVar[str] = "product"
    product_id: int
    availability_flipped: bool


@dataclass(frozen=True, slots=True)
class StockLow(Fact):
    """Of a variant no more than `low_at` pieces are left, and before there were more."""

    aggregate: ClassVar[str] = "stock"
    sku: str
    variant_id: int
    available: int
    low_at: int


@dataclass(frozen=True, slots=True)
class CartChanged(Fact):
    """A cart's lines changed, or it became an order."""

    aggregate: ClassVar[str] = "cart"
    cart_id: str


@dataclass(frozen=True, slots=True)
class OrderChanged(Fact):
    """An order was placed or changed state. `customer_id` is whose it is (None in facts written before 0.2)."""

    aggregate: ClassVar[str] = "order"
    number: str
    status: str
    payment_status: str
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderShipped(Fact):
    """A parcel of an order has left the house."""

    aggregate: ClassVar[str] = "order"
    number: str
    shipment_id: int
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderEdited(Fact):
    """An order's lines were changed or called off; its total changed by `difference` minor units."""

    aggregate: ClassVar[str] = "order"
    number: str
    difference: int
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnChanged(Fact):
    """Goods of an order are on their way back, have come, were credited or refused (`status`)."""

    aggregate: ClassVar[str] = "order"
    number: str
    return_id: int
    status: str
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class CustomerChanged(Fact):
    """A customer was made, changed, or joined with another one."""

    aggregate: ClassVar[str] = "customer"
    customer_id: int


@dataclass(frozen=True, slots=True)
class CustomerErased(Fact):
    """A person wants to be forgotten: whoever keeps copies of a customer's data erases them, too."""

    aggregate: ClassVar[str] = "customer"
    customer_id: int


@dataclass(frozen=True, slots=True)
class ReviewChanged(Fact):
    """A review was written, changed, approved, rejected or removed (`status`)."""

    aggregate: ClassVar[str] = "review"
    review_id: int
    product_id: int
    status: str


KINDS: dict[str, type[Fact]] = {
    kind.__name__: kind
    for kind in (
        ProductChanged,
        CatalogChanged,
        StockChanged,
        StockLow,
        CartChanged,
        OrderChanged,
        OrderShipped,
        OrderEdited,
        ReturnChanged,
        CustomerChanged,
        CustomerErased,
        ReviewChanged,
    )
}


def revive(fact_id: int, kind: str, payload: dict[str, Any]) -> Fact:
    """The fact that an outbox row holds."""
    return KINDS[kind](**payload, fact_id=fact_id)
