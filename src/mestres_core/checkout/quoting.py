"""What a cart costs when it is sent to an address: the composition with shipping and taxes, and the promise of it.

Invariant: a quote and the order that confirms it come out of the same composition, so they differ only where something
was changed in between; and then the buyer is told what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mestres_core.cart.dto import Totals
from mestres_core.cart.loading import CartReader, Loaded, lines_of, promotions_of
from mestres_core.checkout.dto import Quote, QuotedTax
from mestres_core.checkout.inputs import digest
from mestres_core.errors import CartEmpty, ValidationError
from mestres_core.events.work import Work
from mestres_core.orders.dto import LineParts
from mestres_core.promotions.dto import Use
from mestres_core.rules.money import Money
from mestres_core.rules.shipping import ShippingItem
from mestres_core.rules.tax import Rate, Taxed
from mestres_core.rules.tax_rates import STANDARD
from mestres_core.rules.totals import SHIPPING, Composed, Portion, Sending
from mestres_core.shipping.dto import ShippingOption
from mestres_core.shipping.service import ShippingService
from mestres_core.tax.service import TaxService
from mestres_core.typing import TaxLine

# What a promise consists of: the buyer is told when one of these has changed. Of taxes that the prices contain, and of
# how a discount is shared out, the buyer pays no more and no less.
_PROMISED = ("lines", "address", "shipping_method", "currency", "items", "discount", "shipping", "tax", "grand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """What is known of the buyer: `customer_type` decides taxes, the others which promotions count."""

    customer_type: str
    customer: str | None = None
    orders_before: int | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A quote and all that an order needs beside it."""

    quote: Quote
    loaded: Loaded
    composed: Composed

    @property
    def parts(self) -> tuple[LineParts, ...]:
        """What is frozen of each line."""
        return tuple(
            LineParts(discount=line.discount, tax=line.tax, tax_included=line.tax_included)
            for line in self.composed.lines
        )

    @property
    def uses(self) -> tuple[Use, ...]:
        """What the order takes of promotions."""
        promoted = self.composed.promoted
        return () if promoted is None else promoted.uses

    @property
    def taxed(self) -> tuple[Taxed | None, ...]:
        """The taxes of each line, then those of the shipping."""
        return (*(line.taxed for line in self.composed.lines), self.composed.shipping_taxed)


class Quoter:
    """Prices carts for sending, in one unit of work."""

    def __init__(
        self, work: Work, *, reader: CartReader, shipping: ShippingService, tax: TaxService, holds: timedelta
    ) -> None:
        self._work = work
        self._reader = reader
        self._shipping = shipping
        self._tax = tax
        self._holds = holds

    def price(
        self, loaded: Loaded, address: Mapping[str, str], method: str | None, buyer: Buyer, *, fallback: bool = False
    ) -> Priced:
        """A quote for these lines; with `fallback` a way of sending that is gone gives way to the cheapest one.

        Raises CartEmpty, ValidationError when nothing can be sent there or not in that way.
        """
        if not loaded.rows:
            raise CartEmpty(loaded.row.id)
        options: tuple[ShippingOption, ...] = ()
        stamp, currency = loaded.facts.stamp, loaded.currency
        classes: dict[Any, tuple[str, str]] = {row.id: (row.tax_class, row.sku) for row in loaded.rows}

        def send(value: int) -> Sending:
            nonlocal options
            goods = [_goods(row) for row in loaded.rows]
            options = self._shipping.options(goods, items_total=value, currency=currency, address=address, stamp=stamp)
            chosen = _choose(options, method, fallback=fallback)
            return Sending(chosen.id, chosen.price.amount)

        def taxes(portions: Sequence[Portion]) -> Sequence[Taxed]:
            lines = [_taxable(portion, classes.get(portion.key)) for portion in portions]
            return self._tax.calculate(
                lines, address=address, currency=currency, customer_type=buyer.customer_type, stamp=stamp
            )

        composed = self._reader.compose(
            loaded,
            send=send,
            taxes=taxes if self._tax.applies(stamp) else None,
            country=address["country"],
            orders_before=buyer.orders_before,
            customer=buyer.customer,
        )
        return Priced(self._quote(loaded, composed, address, options), loaded, composed)

    def _quote(
        self, loaded: Loaded, composed: Composed, address: Mapping[str, str], options: tuple[ShippingOption, ...]
    ) -> Quote:
        currency, sending, promoted = loaded.currency, composed.sending, composed.promoted
        assert sending is not None
        expires_at = (self._work.clock.now() + self._holds).replace(microsecond=0)
        made = Quote(
            "",
            loaded.row.id,
            lines_of(loaded, composed),
            Totals(
                Money(composed.items, currency),
                Money(composed.discount, currency),
                Money(composed.shipping, currency),
                Money(composed.tax, currency),
                Money(composed.grand, currency),
                Money(composed.tax_included, currency),
            ),
            dict(address),
            sending.method,
            options,
            expires_at,
            () if promoted is None else promoted.coupons,
            Money(sending.amount, currency),
            Money(composed.shipping_discount, currency),
            _by_name(composed, currency),
            promotions_of(composed, currency),
            () if promoted is None else promoted.outcome.explanations,
            loaded.unavailable,
        )
        return _sealed(made, expires_at)


def content(made: Quote) -> dict[str, Any]:
    """What is kept of a quote: what it promises."""
    totals = made.totals
    return {
        "lines": [_line(line) for line in made.lines],
        "address": dict(made.address),
        "shipping_method": made.shipping_method,
        "currency": totals.grand.currency,
        "items": totals.items.amount,
        "discount": totals.discount.amount,
        "shipping": totals.shipping.amount,
        "tax": totals.tax.amount,
        "grand": totals.grand.amount,
    }


def differences(promised: Mapping[str, Any], made: Quote) -> dict[str, tuple[Any, Any]]:
    """What has changed: {name: (promised, now)}."""
    current = content(made)
    return {name: (promised.get(name), current[name]) for name in _PROMISED if promised.get(name) != current[name]}


def _line(line: Any) -> list[Any]:
    known = [line.sku, line.quantity, line.unit_price.amount]
    return [*known, dict(line.attributes)] if line.attributes else known


def _sealed(made: Quote, expires_at: datetime) -> Quote:
    return replace(made, hash=digest([made.cart_id, content(made), expires_at.isoformat()]))


def _choose(options: tuple[ShippingOption, ...], method: str | None, *, fallback: bool) -> ShippingOption:
    if not options:
        raise ValidationError.of("address", "invalid", reason="nothing can be sent there")
    if method is None:
        return min(options, key=lambda option: (option.price.amount, option.days))
    for option in options:
        if option.id == method:
            return option
    if fallback:
        return _choose(options, None, fallback=True)
    raise ValidationError.of("shipping_method", "unknown", choices=", ".join(option.id for option in options))


def _goods(row: Any) -> ShippingItem:
    return ShippingItem(
        weight_grams=row.weight_grams,
        quantity=row.quantity,
        length_mm=row.length_mm,
        width_mm=row.width_mm,
        height_mm=row.height_mm,
        digital=bool(row.digital),
        sku=row.sku,
    )


def _taxable(portion: Portion, of: tuple[str, str] | None) -> TaxLine:
    tax_class, sku = (SHIPPING, "") if portion.key == SHIPPING else of or (STANDARD, "")
    return TaxLine(key=portion.key, amount=portion.amount, quantity=portion.quantity, tax_class=tax_class, sku=sku)


def _by_name(composed: Composed, currency: str) -> tuple[QuotedTax, ...]:
    sums: dict[Rate, int] = {}
    for taxed in (*(line.taxed for line in composed.lines), composed.shipping_taxed):
        for rate, amount in () if taxed is None else taxed.parts:
            sums[rate] = sums.get(rate, 0) + amount
    return tuple(
        QuotedTax(rate.name, rate.ppm, rate.mode, rate.informational, Money(amount, currency))
        for rate, amount in sums.items()
    )
