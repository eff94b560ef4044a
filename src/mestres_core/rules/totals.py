"""From the lines of a cart to what the buyer pays: the one composition behind a cart, a quote and an order. Pure.

1. Prices: each line's price of a piece. All pieces of a variant count together for quantity prices, whatever the buyer
   wishes for them. Catalogue promotions come after the price lists.
2. Promotions, first without the shipping.
3. Shipping is rated on what the goods cost after these discounts.
4. Promotions again, now with the price and the way of sending: this is the outcome that counts. What they take off the
   shipping is taken off its price.
5. Taxes of each line after its discounts, and of the shipping after its own, each rounded by itself.
6. Totals, each the sum of the lines' parts: items - discount + shipping + tax = grand.

So every line has its own frozen parts: what the buyer pays for it is total - discount + tax, and nothing that is paid
back later has to be worked out anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mestres_core.rules.baskets import Basket, Code, Item
from mestres_core.rules.pricing import Price, resolve
from mestres_core.rules.promotions import Applied, Explanation, Outcome, Promotion, evaluate, reprice
from mestres_core.rules.tax import Taxed

SHIPPING: Final = "shipping"
"""The key of the shipping among what is taxed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A line: `quantity` pieces, and the `prices` that a piece may have. `of` is whatever the caller ties to it."""

    key: Hashable
    sku: str
    product_id: int
    variant_id: int
    quantity: int
    prices: tuple[Price, ...]
    floor: int = 0
    categories: frozenset[int] = frozenset()
    of: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Whose prices and promotions they are, and when: see rules.baskets.Basket."""

    currency: str
    at: datetime
    group: str | None = None
    channel: str = "default"
    country: str = ""
    codes: tuple[Code, ...] = ()
    orders_before: int | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    budgets: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sending:
    """A way of sending and its price in minor units."""

    method: str
    amount: int


@dataclass(frozen=True, slots=True)
class Portion:
    """Something to be taxed: `amount` minor units after discounts; `wish` is None for the shipping."""

    key: Hashable
    amount: int
    quantity: int
    wish: Wish | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line with its parts, in minor units. `regular` is the price of a piece that is shown struck through."""

    wish: Wish
    unit_price: int
    regular: int
    total: int
    discount: int = 0
    tax: int = 0
    tax_included: int = 0
    taxed: Taxed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """Everything that a cart comes to, in minor units. `shipping` is after `shipping_discount`."""

    lines: tuple[PricedLine, ...]
    items: int
    discount: int
    shipping: int
    shipping_discount: int
    shipping_tax: int
    shipping_taxed: Taxed | None
    tax: int
    tax_included: int
    sending: Sending | None
    repriced: tuple[Applied, ...]
    applied: tuple[Applied, ...]
    explanations: tuple[Explanation, ...]

    @property
    def grand(self) -> int:
        """What the buyer pays."""
        return self.items - self.discount + self.shipping + self.tax


Send = Callable[[int], Sending]
Taxes = Callable[[Sequence[Portion]], Sequence[Taxed]]


def compose(
    wishes: Sequence[Wish],
    buyer: Buyer,
    *,
    promotions: Sequence[Promotion] = (),
    send: Send | None = None,
    taxes: Taxes | None = None,
) -> Composed:
    """What these lines come to.

    `send` is asked for the shipping with the value of the goods after discounts; None: nothing is sent yet. `taxes` is
    asked for the taxes of all portions, in their order; None: there are none yet. A wish must have a price that counts
    (see `price_of`): raises ValueError for one that has not.
    """
    lines, repriced = _priced(wishes, buyer, promotions)
    totals = [item.unit_price * item.quantity for item, _ in lines]
    cart_promotions = [each for each in promotions if each.kind == "cart"]
    outcome = _outcome(cart_promotions, lines, buyer, None)
    sending = None if send is None else send(sum(totals) - _off(outcome))
    if sending is not None and cart_promotions:
        outcome = _outcome(cart_promotions, lines, buyer, sending)
    shipping_discount = 0 if outcome is None else outcome.shipping_discount
    shipping = (0 if sending is None else sending.amount) - shipping_discount
    discounts = [0 if outcome is None else outcome.discounts[wish.key] for wish in wishes]
    portions = [
        Portion(wish.key, total - discount, wish.quantity, wish)
        for wish, total, discount in zip(wishes, totals, discounts, strict=True)
    ]
    if sending is not None:
        portions.append(Portion(SHIPPING, shipping, 1, None))
    taxed: Sequence[Taxed | None] = [None] * len(portions) if taxes is None else taxes(portions)
    added = [0 if each is None else each.added for each in taxed]
    included = [0 if each is None else each.included for each in taxed]
    return Composed(
        lines=tuple(
            PricedLine(
                wish=wish,
                unit_price=item.unit_price,
                regular=regular,
                total=totals[place],
                discount=discounts[place],
                tax=added[place],
                tax_included=included[place],
                taxed=taxed[place],
            )
            for place, (wish, (item, regular)) in enumerate(zip(wishes, lines, strict=True))
        ),
        items=sum(totals),
        discount=sum(discounts),
        shipping=shipping,
        shipping_discount=shipping_discount,
        shipping_tax=added[len(wishes)] if sending is not None else 0,
        shipping_taxed=taxed[len(wishes)] if sending is not None else None,
        tax=sum(added),
        tax_included=sum(included),
        sending=sending,
        repriced=repriced,
        applied=() if outcome is None else outcome.applied,
        explanations=() if outcome is None else outcome.explanations,
    )


def price_of(wish: Wish, buyer: Buyer, pieces: int) -> tuple[int, int] | None:
    """(price of a piece, regular price) for one who buys `pieces` of the variant; None when no price counts."""
    if len(wish.prices) == 1 and wish.prices[0].plain:
        amount = max(wish.prices[0].amount, wish.floor)
        return amount, amount
    found = resolve(
        wish.prices,
        quantity=pieces,
        group=buyer.group,
        at=buyer.at,
        floor=wish.floor,
        channel=buyer.channel,
        currency=buyer.currency,
    )
    return None if found is None else (found.amount, max(found.regular, found.amount))


def _priced(
    wishes: Sequence[Wish], buyer: Buyer, promotions: Sequence[Promotion]
) -> tuple[list[tuple[Item, int]], tuple[Applied, ...]]:
    pieces: Counter[int] = Counter()
    for wish in wishes:
        pieces[wish.variant_id] += wish.quantity
    lines = []
    for wish in wishes:
        price = price_of(wish, buyer, pieces[wish.variant_id])
        if price is None:
            raise ValueError(f"{wish.sku} has no price in {buyer.currency} for this buyer")
        lines.append((_item(wish, *price), price[1]))
    if not any(each.kind == "catalog" for each in promotions):
        return lines, ()
    lowered = reprice(promotions, _basket([item for item, _ in lines], buyer, None))
    return (
        [(each.item, regular) for each, (_, regular) in zip(lowered, lines, strict=True)],
        tuple(one for each in lowered for one in each.applied),
    )


def _item(wish: Wish, amount: int, regular: int) -> Item:
    return Item(
        key=wish.key,
        sku=wish.sku,
        product_id=wish.product_id,
        variant_id=wish.variant_id,
        categories=wish.categories,
        quantity=wish.quantity,
        unit_price=amount,
        floor=wish.floor,
        on_sale=amount < regular,
    )


def _basket(items: Sequence[Item], buyer: Buyer, sending: Sending | None) -> Basket:
    return Basket(
        items=tuple(items),
        currency=buyer.currency,
        at=buyer.at,
        shipping=0 if sending is None else sending.amount,
        group=buyer.group,
        codes=buyer.codes,
        orders_before=buyer.orders_before,
        channel=buyer.channel,
        country=buyer.country,
        shipping_method="" if sending is None else sending.method,
        refused=buyer.refused,
        budgets=buyer.budgets,
    )


def _outcome(
    promotions: Sequence[Promotion], lines: Sequence[tuple[Item, int]], buyer: Buyer, sending: Sending | None
) -> Outcome | None:
    return evaluate(promotions, _basket([item for item, _ in lines], buyer, sending)) if promotions else None


def _off(outcome: Outcome | None) -> int:
    return 0 if outcome is None else sum(outcome.discounts.values())
