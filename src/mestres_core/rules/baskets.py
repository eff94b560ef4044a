"""What promotions are worked out on: a basket, its items, and the choice of some of them. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from mestres_core.rules.money import Rounding, round_half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line: `quantity` pieces at `unit_price` (minor units, after price lists and catalogue promotions).

    `key` names the line in the outcome. `categories` are the row numbers of the product's category and of all above
    it. No discount takes a piece below `floor` minor units. `on_sale` tells that its price is a lowered one already.
    """

    key: Hashable
    sku: str
    product_id: int
    variant_id: int
    categories: frozenset[int]
    quantity: int
    unit_price: int
    floor: int = 0
    on_sale: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A code that the buyer has given, and the promotion that it belongs to; `refused` says why it does not count."""

    code: str
    promotion_id: int
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Everything that a promotion may look at.

    `at` is an aware datetime; `shipping` the price of sending it (minor units, 0 while that is not known);
    `orders_before` the buyer's earlier orders (None: not known, so no rule about it holds); `codes` in the order of
    their coming. `refused` names promotions that are used up, with the reason; `budgets` what others may still give.
    `owner` is the host's own name for the buyer (None: a guest); `round` makes whole what a percentage leaves.
    """

    items: tuple[Item, ...]
    currency: str
    at: datetime
    shipping: int = 0
    group: str | None = None
    codes: tuple[Code, ...] = ()
    orders_before: int | None = None
    channel: str = "default"
    country: str = ""
    shipping_method: str = ""
    refused: Mapping[int, str] = field(default_factory=dict)
    budgets: Mapping[int, int] = field(default_factory=dict)
    owner: str | None = None
    round: Rounding = round_half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some items of a basket: those that meet every field given; with none given, all of them.

    `products`, `skus` and `categories` are alternatives to each other: an item that is in one of them is chosen. The
    `not_` fields then take items away. Prices are those of a piece, both bounds inclusive, in minor units.
    """

    products: frozenset[int] = frozenset()
    skus: frozenset[str] = frozenset()
    categories: frozenset[int] = frozenset()
    not_products: frozenset[int] = frozenset()
    not_skus: frozenset[str] = frozenset()
    not_categories: frozenset[int] = frozenset()
    min_price: int | None = None
    max_price: int | None = None
    on_sale: bool | None = None

    def holds(self, item: Item) -> bool:
        """Whether the item is chosen."""
        return self._named(item) and not self._taken_away(item) and self._priced(item)

    def _named(self, item: Item) -> bool:
        return (
            not (self.products or self.skus or self.categories)
            or item.product_id in self.products
            or item.sku in self.skus
            or not self.categories.isdisjoint(item.categories)
        )

    def _taken_away(self, item: Item) -> bool:
        return (
            item.product_id in self.not_products
            or item.sku in self.not_skus
            or not self.not_categories.isdisjoint(item.categories)
        )

    def _priced(self, item: Item) -> bool:
        return (
            (self.min_price is None or item.unit_price >= self.min_price)
            and (self.max_price is None or item.unit_price <= self.max_price)
            and (self.on_sale is None or item.on_sale is self.on_sale)
        )


EVERYTHING = Selection()


class Deal:
    """A basket while promotions are taken off it: what is left of each line, and which pieces are used.

    Invariant: no line is ever left below its floor, and no piece is used twice.
    """

    __slots__ = ("basket", "before", "chosen", "held", "left", "shipping", "used")

    def __init__(self, basket: Basket) -> None:
        self.basket = basket
        self.before = [item.unit_price * item.quantity for item in basket.items]
        self.left = list(self.before)
        self.used = [0] * len(self.left)  # pieces that a promotion of pieces has bought or given
        self.held = [0] * len(self.left)  # what those pieces still cost
        self.shipping = basket.shipping
        self.chosen: dict[Selection, tuple[int, ...]] = {}

    def copy(self) -> Deal:
        """To try something on."""
        other = copy(self)
        other.left, other.used, other.held = self.left[:], self.used[:], self.held[:]
        return other

    def lines(self, chosen: Selection) -> tuple[int, ...]:
        """The places of the items that a selection holds; looked up once for a basket."""
        found = self.chosen.get(chosen)
        if found is None:
            found = tuple(place for place, item in enumerate(self.basket.items) if chosen.holds(item))
            self.chosen[chosen] = found
        return found

    def room(self, place: int) -> int:
        """The most that may still be taken off a line."""
        item = self.basket.items[place]
        return max(0, self.left[place] - item.floor * item.quantity)

    def take(self, place: int, off: int) -> None:
        """Take `off` minor units off a line, evenly off all its pieces."""
        if off and self.held[place]:
            self.held[place] -= off * self.held[place] // self.left[place]
        self.left[place] -= off

    def free(self, place: int) -> int:
        """The pieces of a line that no promotion of pieces has used."""
        return self.basket.items[place].quantity - self.used[place]

    def worth(self, place: int, pieces: int) -> int:
        """What the first `pieces` of a line's free pieces cost now: odd units lie on the first ones."""
        free = self.free(place)
        if not free:
            return 0
        each, odd = divmod(self.left[place] - self.held[place], free)
        return each * pieces + min(odd, pieces)

    def use(self, place: int, pieces: int, off: int = 0) -> None:
        """Use up the first `pieces` free pieces of a line, and take `off` minor units off them."""
        self.held[place] += self.worth(place, pieces) - off
        self.used[place] += pieces
        self.left[place] -= off
