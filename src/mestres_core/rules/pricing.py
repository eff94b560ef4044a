"""Which of several prices a buyer pays for a piece. Pure.

A variant has its plain price, and may have others: for a customer group, from a quantity on, for a time, in a price
list. One rule decides:

1. A price counts only for its own buyer: its group (None: everybody), its channel (None: every one), a quantity of at
   least `min_quantity`, and a moment from `starts_at` on and before `ends_at`.
2. Of those that count, the higher `priority` wins; then one for a group before one for everybody; then one with a
   beginning or an end before one that is always there; then the larger `min_quantity`; then the smaller amount.
3. A `sale` price never makes a piece dearer: the smallest of those that count wins over the price of rule 2 when it is
   lower, whatever its priority.
4. What was found is lifted to the `floor`.

The answer says of every price that was looked at why it lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

WON = "won"
REASONS = ("currency", "other_group", "other_channel", "quantity", "not_yet", "expired", "outranked", "dearer")
"""Why a price lost: the first five do not count at all, `outranked` lost by rule 2, `dearer` by the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A candidate: `amount` minor units of `currency` for a piece.

    `list` is the code of the price list it comes from, "" for none. A price with every field at its default is the
    plain price. `starts_at` and `ends_at` are aware datetimes; None means no bound.
    """

    amount: int
    currency: str
    min_quantity: int = 1
    group: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    list: str = ""
    channel: str | None = None
    priority: int = 0
    sale: bool = False

    @property
    def plain(self) -> bool:
        """Whether this is the price that everybody sees."""
        return (
            self.min_quantity == 1
            and self.group is None
            and self.channel is None
            and self.starts_at is None
            and self.ends_at is None
            and not self.list
            and not self.priority
            and not self.sale
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a piece costs.

    `regular` is the plain price (the found one when there is no plain one), to be shown struck through; `floor` the
    smallest price of a piece (0: none). `why` says what decided: plain, group, channel, quantity, schedule, list, sale
    or floor. `considered` has every candidate with why it lost, or "won".
    """

    amount: int
    regular: int
    floor: int
    why: str
    considered: tuple[tuple[Price, str], ...]


def resolve(
    prices: Iterable[Price],
    *,
    quantity: int,
    group: str | None,
    at: datetime,
    floor: int = 0,
    channel: str = "default",
    currency: str | None = None,
) -> Resolved | None:
    """The price of one of `quantity` pieces for a buyer of `group` at the moment `at`; None when no price counts.

    `currency` None takes the prices to be in the buyer's. The order of `prices` does not matter.
    """
    prices = tuple(prices)
    if len(prices) == 1 and prices[0].plain and prices[0].currency == (currency or prices[0].currency):
        return _only(prices[0], floor)  # most pieces have one price, and carts are priced at each step
    buyer = _Buyer(quantity, group, channel, currency, at)
    looked_at = tuple((each, _refusal(each, buyer)) for each in prices)
    counting = [each for each, refusal in looked_at if refusal is None]
    if not counting:
        return None
    standing = min((each for each in counting if not each.sale), key=_rank, default=None)
    cheapest = min((each for each in counting if each.sale), key=lambda each: (each.amount, _rank(each)), default=None)
    chosen = _lower(standing, cheapest)
    considered = tuple((each, refusal or _fate(each, chosen)) for each, refusal in looked_at)
    amount = max(chosen.amount, floor)
    return Resolved(
        amount=amount,
        regular=next((each.amount for each in counting if each.plain), amount),
        floor=floor,
        why="floor" if amount > chosen.amount else _why(chosen),
        considered=considered,
    )


def _only(price: Price, floor: int) -> Resolved:
    amount = max(price.amount, floor)
    return Resolved(
        amount=amount,
        regular=price.amount,
        floor=floor,
        why="floor" if amount > price.amount else "plain",
        considered=((price, WON),),
    )


@dataclass(frozen=True, slots=True)
class _Buyer:
    quantity: int
    group: str | None
    channel: str
    currency: str | None
    at: datetime


def _refusal(price: Price, buyer: _Buyer) -> str | None:
    reasons = (
        (buyer.currency is not None and price.currency != buyer.currency, "currency"),
        (price.group is not None and price.group != buyer.group, "other_group"),
        (price.channel is not None and price.channel != buyer.channel, "other_channel"),
        (price.starts_at is not None and buyer.at < price.starts_at, "not_yet"),
        (price.ends_at is not None and buyer.at >= price.ends_at, "expired"),
        (buyer.quantity < price.min_quantity, "quantity"),
    )
    return next((reason for lost, reason in reasons if lost), None)


def _rank(price: Price) -> tuple[int, bool, bool, int, int, str]:
    """Smaller wins. The list's code comes last, so that equal prices have a definite winner."""
    always = price.starts_at is None and price.ends_at is None
    return (-price.priority, price.group is None, always, -price.min_quantity, price.amount, price.list)


def _lower(standing: Price | None, cheapest: Price | None) -> Price:
    if standing is None or (cheapest is not None and cheapest.amount < standing.amount):
        assert cheapest is not None  # one of them is there, or nothing counted
        return cheapest
    return standing


def _fate(price: Price, chosen: Price) -> str:
    if price is chosen:
        return WON
    return "dearer" if price.sale or chosen.sale else "outranked"


def _why(price: Price) -> str:
    reasons = (
        (price.sale, "sale"),
        (bool(price.list), "list"),
        (price.group is not None, "group"),
        (price.channel is not None, "channel"),
        (price.starts_at is not None or price.ends_at is not None, "schedule"),
        (price.min_quantity > 1, "quantity"),
    )
    return next((reason for holds, reason in reasons if holds), "plain")
