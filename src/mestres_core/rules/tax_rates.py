"""Which rates hold where, when and for whom. Pure.

A rule names a place (country, region), a place of origin, a type of customer and a time; what it leaves empty it does
not ask about. Of the rules of one tax that hold, the one that asks for most wins: first by the region, then the origin,
then the type of customer, then the country; of two for the same place the one that began last. Taxes of different names
stand beside each other. So a special rate for a state replaces the country's, a rate for half a year replaces the usual
one as long as it lasts, and a rule of 0 % exempts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mestres_core.rules.tax import Rate

STANDARD = "standard"
"""The tax class of goods that have no other."""
SHIPPING = "shipping"
"""The tax class of sending goods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRule:
    """A rate and where it holds. Empty text: anywhere, from anywhere, anybody. None: no bound in time."""

    rate: Rate
    tax_class: str = STANDARD
    country: str = ""
    region: str = ""
    origin: str = ""
    customer_type: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    position: int = 0

    def holds(self, place: Place, at: datetime) -> bool:
        """Whether it holds there and then."""
        return (
            self.country in ("", place.country)
            and self.region in ("", place.region)
            and self.origin in ("", place.origin)
            and self.customer_type in ("", place.customer_type)
            and (self.starts_at is None or self.starts_at <= at)
            and (self.ends_at is None or at < self.ends_at)
        )

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, bool, float]:
        """How much it asks for, and when it began: the greatest wins."""
        began = self.starts_at
        since = 0.0 if began is None else began.timestamp()
        asked = (bool(self.region), bool(self.origin), bool(self.customer_type), bool(self.country))
        return (*asked, began is not None, since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where goods go, where they come from, and to what type of customer."""

    country: str
    region: str = ""
    origin: str = ""
    customer_type: str = ""


class RateTable:
    """Every rule of a shop, by tax class."""

    def __init__(self, rules: Iterable[RateRule]) -> None:
        self._rules: dict[str, list[RateRule]] = {}
        for rule in sorted(rules, key=lambda rule: (rule.position, rule.rate.name)):
            self._rules.setdefault(rule.tax_class, []).append(rule)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def rates(self, tax_class: str, place: Place, at: datetime) -> tuple[Rate, ...]:
        """The rates of a class of goods, by position and name. A class without rules is not taxed."""
        found: dict[str, RateRule] = {}
        for rule in self._rules.get(tax_class, ()):
            if rule.holds(place, at):
                known = found.get(rule.rate.name)
                if known is None or rule.rank > known.rank:
                    found[rule.rate.name] = rule
        return tuple(rule.rate for rule in sorted(found.values(), key=lambda each: (each.position, each.rate.name)))
