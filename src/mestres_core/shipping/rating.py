"""The rater of a shop that has set no zones: one table for all of Brazil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mestres_core.rules.money import Money
from mestres_core.rules.shipping import BRAZIL, Rate
from mestres_core.shipping.dto import ShippingOption


class TableRater:
    """Rates every address alike, from a table; the cheapest comes first."""

    def __init__(self, rates: Sequence[Rate] = BRAZIL) -> None:
        self._rates = rates

    def options(
        self, *, weight_grams: int, items_total: int, currency: str, address: Mapping[str, str]
    ) -> Sequence[ShippingOption]:
        """The ways to send goods of this weight (grams) and value (minor units) to a Brazilian address."""
        if address["country"] != "BR":
            return ()
        options = [
            ShippingOption(
                rate.id,
                rate.name,
                Money(rate.price(weight_grams=weight_grams, items_total=items_total), currency),
                rate.days,
            )
            for rate in self._rates
        ]
        return sorted(options, key=lambda option: (option.price.amount, option.days))
