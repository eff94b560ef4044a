"""What pricing takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mestres_core.rules.baskets import Item
from mestres_core.rules.money import Money
from mestres_core.rules.pricing import Price
from mestres_core.rules.promotions import Applied, Explanation

_REASONS: dict[str, tuple[str, str]] = {
    "won": ("this is the price", "este é o preço"),
    "currency": ("is in another currency", "está em outra moeda"),
    "other_group": ("is for another group of customers", "vale para outro grupo de clientes"),
    "other_channel": ("is for another channel", "vale em outro canal"),
    "quantity": ("counts from more pieces on", "vale a partir de mais peças"),
    "not_yet": ("does not count yet", "ainda não vale"),
    "expired": ("does not count any more", "não vale mais"),
    "outranked": ("gives way to a more special price", "cede a um preço mais específico"),
    "dearer": ("is not the lower one", "não é o mais baixo"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialPrice:
    """A price beside the plain one: `amount` minor units for a piece, from `min_quantity` pieces on.

    Only for a customer `group`, in a `channel`, from `starts_at` on and before `ends_at` (aware); None: for all.
    """

    amount: int
    min_quantity: int = 1
    group: str | None = None
    channel: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """A list of prices: what it says of group, channel and time holds for all its prices.

    The higher `priority` goes before all other prices; a `sale` list counts only where it is lower.
    """

    code: str
    name: str
    group: str | None
    channel: str | None
    priority: int
    sale: bool
    starts_at: datetime | None
    ends_at: datetime | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedItem:
    """A line at its price: `item.unit_price` after lists and catalogue promotions; all amounts in minor units.

    `regular` is the plain price, to be shown struck through when it is higher. `why` says what decided: plain, group,
    channel, quantity, schedule, list, sale, floor, resolver or promotion (then `promotions` says which).
    """

    item: Item
    regular: int
    why: str
    promotions: tuple[Applied, ...]


@dataclass(frozen=True, slots=True)
class PiecePrice:
    """What a piece of a SKU costs: `price` now, `regular` the plain price; `why` as in PricedItem."""

    sku: str
    price: Money
    regular: Money
    why: str


@dataclass(frozen=True, slots=True)
class PriceExplanation:
    """A piece's price with all that was looked at: every price with why it lost ("won"), every catalogue promotion."""

    price: PiecePrice
    considered: tuple[tuple[Price, str], ...]
    promotions: tuple[Explanation, ...]

    def describe(self, locale: str = "en") -> tuple[str, ...]:
        """A sentence for each, in `pt-BR` or, for any other locale, in English."""
        portuguese = locale == "pt-BR"
        prices = (
            f"{_named(each, portuguese=portuguese)}: {_REASONS[why][portuguese]}" for each, why in self.considered
        )
        return (*prices, *(f"{each.name}: {each.describe(locale)}" for each in self.promotions))


def _named(price: Price, *, portuguese: bool) -> str:
    parts = [f"{price.amount} {price.currency}"]
    if price.list:
        parts.append(price.list)
    if price.group is not None:
        parts.append(price.group)
    if price.min_quantity > 1:
        parts.append(f"{'a partir de' if portuguese else 'from'} {price.min_quantity}")
    return ", ".join(parts)
