"""From priced lines to what the buyer pays: the one composition behind a cart, a quote and an order. Pure.

1. The lines come at their prices (rules/pricing.py, then catalogue promotions).
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

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mestres_core.rules.baskets import Item
from mestres_core.rules.promotions import Outcome
from mestres_core.rules.tax import Taxed

SHIPPING: Final = "shipping"
"""The key of the shipping among what is taxed."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A way of sending and its price in minor units."""

    method: str
    amount: int


@dataclass(frozen=True, slots=True)
class Portion:
    """Something to be taxed: `amount` minor units after discounts for all its pieces; the shipping is one piece."""

    key: Hashable
    amount: int
    quantity: int


@dataclass(frozen=True, slots=True)
class LineTotal:
    """A line with its parts in minor units; `taxed` is None while taxes are not asked for."""

    item: Item
    total: int
    discount: int
    tax: int
    tax_included: int
    taxed: Taxed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """Everything that a cart comes to, in minor units. `shipping` is after `shipping_discount`.

    `promoted` is what `promote` gave last, None when there are no promotions.
    """

    lines: tuple[LineTotal, ...]
    items: int
    discount: int
    shipping: int
    shipping_discount: int
    shipping_tax: int
    shipping_taxed: Taxed | None
    tax: int
    tax_included: int
    sending: Sending | None
    promoted: Any

    @property
    def grand(self) -> int:
        """What the buyer pays."""
        return self.items - self.discount + self.shipping + self.tax


class Promoted(Protocol):
    """Whatever has an outcome of promotions."""

    @property
    def outcome(self) -> Outcome:
        """What they take off."""
        ...


Promote = Callable[[Sending | None], Promoted]
Send = Callable[[int], Sending]
Taxes = Callable[[Sequence[Portion]], Sequence[Taxed]]


def compose(
    items: Sequence[Item], *, promote: Promote | None = None, send: Send | None = None, taxes: Taxes | None = None
) -> Composed:
    """What these lines come to.

    `promote` is asked what promotions take off, without and then with the shipping; None: there are none. `send` is
    asked for the shipping with the value of the goods after discounts; None: nothing is sent yet. `taxes` is asked for
    the taxes of all portions, in their order; None: there are none, or none yet.
    """
    totals = [item.unit_price * item.quantity for item in items]
    promoted = None if promote is None else promote(None)
    sending = None if send is None else send(sum(totals) - _off(promoted))
    if promote is not None and sending is not None:
        promoted = promote(sending)
    shipping_discount = 0 if promoted is None else promoted.outcome.shipping_discount
    shipping = (0 if sending is None else sending.amount) - shipping_discount
    discounts = [0] * len(totals) if promoted is None else [promoted.outcome.discounts[item.key] for item in items]
    taxed = _taxed(items, [total - off for total, off in zip(totals, discounts, strict=True)], shipping, sending, taxes)
    lines = tuple(
        LineTotal(item, total, off, *_parts(of), of)
        for item, total, off, of in zip(items, totals, discounts, taxed, strict=False)
    )
    of_shipping = taxed[-1] if sending is not None else None
    shipping_tax, shipping_included = _parts(of_shipping)
    return Composed(
        lines=lines,
        items=sum(totals),
        discount=sum(discounts),
        shipping=shipping,
        shipping_discount=shipping_discount,
        shipping_tax=shipping_tax,
        shipping_taxed=of_shipping,
        tax=sum(line.tax for line in lines) + shipping_tax,
        tax_included=sum(line.tax_included for line in lines) + shipping_included,
        sending=sending,
        promoted=promoted,
    )


def _taxed(
    items: Sequence[Item], amounts: Sequence[int], shipping: int, sending: Sending | None, taxes: Taxes | None
) -> Sequence[Taxed | None]:
    """The taxes of each line, then those of the shipping if something is sent."""
    if taxes is None:
        return [None] * (len(items) + 1)
    portions = [Portion(item.key, amount, item.quantity) for item, amount in zip(items, amounts, strict=True)]
    if sending is not None:
        portions.append(Portion(SHIPPING, shipping, 1))
    return taxes(portions)


def _parts(taxed: Taxed | None) -> tuple[int, int]:
    return (0, 0) if taxed is None else (taxed.added, taxed.included)


def _off(promoted: Promoted | None) -> int:
    return 0 if promoted is None else sum(promoted.outcome.discounts.values())
