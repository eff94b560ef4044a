"""What must hold for a promotion to apply. Pure.

A condition answers `unmet(deal)`: None when it holds, else a stable word and the numbers that a sentence needs. Amounts
and quantities are those of the basket before any cart promotion, unless a condition says `discounted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from mestres_core.errors import ExtensionFailed
from mestres_core.rules.baskets import EVERYTHING, Deal, Selection

BRASILIA = ZoneInfo("America/Sao_Paulo")
Unmet = tuple[str, Mapping[str, Any]]


class Condition(Protocol):
    """Something that a basket must be."""

    def unmet(self, deal: Deal) -> Unmet | None:
        """None when it holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """The chosen items are worth at least `minimum` and at most `maximum` minor units.

    `discounted`: as they are now, after the promotions that came earlier.
    """

    minimum: int = 0
    maximum: int | None = None
    select: Selection = EVERYTHING
    discounted: bool = False

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reasons: minimum, maximum."""
        amounts = deal.left if self.discounted else deal.before
        worth = sum(amounts[place] for place in deal.lines(self.select))
        if worth < self.minimum:
            return "minimum", {"minimum": self.minimum, "amount": worth}
        if self.maximum is not None and worth > self.maximum:
            return "maximum", {"maximum": self.maximum, "amount": worth}
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """There are at least `minimum` and at most `maximum` pieces of the chosen items; `maximum` 0: none of them.

    `distinct` counts lines instead of pieces.
    """

    minimum: int = 0
    maximum: int | None = None
    select: Selection = EVERYTHING
    distinct: bool = False

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reasons: items (there is none), quantity (too few), too_many, excluded (there is one)."""
        lines = deal.lines(self.select)
        found = len(lines) if self.distinct else sum(deal.basket.items[place].quantity for place in lines)
        if found < self.minimum:
            return "quantity" if found else "items", {"minimum": self.minimum, "quantity": found}
        if self.maximum is not None and found > self.maximum:
            return "too_many" if self.maximum else "excluded", {"maximum": self.maximum, "quantity": found}
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The buyer is in one of these customer groups, or in none of the others; nobody's group is None."""

    among: frozenset[str] = frozenset()
    not_among: frozenset[str] = frozenset()

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reason: group."""
        group = deal.basket.group
        outside = bool(self.among) and group not in self.among
        return ("group", {"group": group}) if outside or group in self.not_among else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """The buyer has had at least `minimum` and at most `maximum` orders before; 0 and 0: it is the first one."""

    minimum: int = 0
    maximum: int | None = None

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reason: orders; also when it is not known who buys."""
        before = deal.basket.orders_before
        if before is None or before < self.minimum or (self.maximum is not None and before > self.maximum):
            return "orders", {"orders": before}
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The basket is of one of these channels, goes to one of these countries, by one of these ways of shipping.

    An empty set asks for nothing. A basket that does not know yet where it goes is not there.
    """

    channels: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    shipping_methods: frozenset[str] = frozenset()

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reasons: channel, country, shipping_method."""
        basket = deal.basket
        asked = (
            ("channel", self.channels, basket.channel),
            ("country", self.countries, basket.country),
            ("shipping_method", self.shipping_methods, basket.shipping_method),
        )
        return next(((name, {name: found}) for name, among, found in asked if among and found not in among), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """It is one of these days (1 Monday to 7 Sunday; none given: every day), from `start` on and before `end`.

    Times are those of the clock on the wall in `zone`; an `end` before its `start` is on the next day, which then
    belongs to the day before it.
    """

    days: frozenset[int] = frozenset()
    start: time = time(0)
    end: time | None = None
    zone: ZoneInfo = BRASILIA

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reason: hours."""
        there = deal.basket.at.astimezone(self.zone)
        day, now = there.isoweekday(), there.time()
        overnight = self.end is not None and self.end <= self.start
        if overnight and self.end is not None and now < self.end:
            day = 7 if day == 1 else day - 1  # still the evening that began yesterday
            inside = True
        else:
            inside = now >= self.start and (overnight or self.end is None or now < self.end)
        return None if inside and (not self.days or day in self.days) else ("hours", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one of these holds."""

    conditions: tuple[Condition, ...]

    def unmet(self, deal: Deal) -> Unmet | None:
        """The reason of the last one."""
        found: Unmet | None = None
        for condition in self.conditions:
            found = condition.unmet(deal)
            if found is None:
                return None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The other one does not hold."""

    condition: Condition

    def unmet(self, deal: Deal) -> Unmet | None:
        """Reason: excluded."""
        return ("excluded", {}) if self.condition.unmet(deal) is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A shop's own condition, called `word` in definitions: it sees a copy, so it cannot change anything."""

    word: str
    made: Condition

    def unmet(self, deal: Deal) -> Unmet | None:
        """The condition's own reason. Raises ExtensionFailed for an answer that is none."""
        answer = self.made.unmet(deal.copy())
        match answer:
            case None:
                return None
            case (str() as reason, Mapping() as data) if reason:
                return reason, data
        raise ExtensionFailed(f"condition {self.word!r}", f"None or (word, mapping) is expected, not {answer!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A definition that could not be read whole: what it would have asked for is not known, so it never holds."""

    def unmet(self, deal: Deal) -> Unmet | None:  # noqa: ARG002 - as every condition
        """Reason: unreadable."""
        return "unreadable", {}
