"""The prior price of a reduction, as Directive 98/6/EC, article 6a (the "Omnibus" rule) has it.

The price that a reduction is announced against is the lowest one that was asked in the 30 days before the reduction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Prior:
    """The lowest `amount` (minor units) asked before the moment `before`; None: there was no price then."""

    amount: int | None
    before: datetime
    reduced: bool


def prior_price(history: Sequence[tuple[int, datetime]], *, at: datetime, days: int) -> Prior:
    """The lowest price of the `days` before the present reduction, of (amount, since) in the order of time.

    The present reduction is the last change until `at` if it lowered the price; the days are those before it. Where the
    last change raised the price, or there was none, nothing is reduced, and the days are those before `at`. A price
    that was asked when the days began counts, whenever it was set.
    """
    known = [(amount, since) for amount, since in history if since <= at]
    reduced = len(known) > 1 and known[-1][0] < known[-2][0]
    before = known[-1][1] if reduced else at
    begins = before - timedelta(days=days)
    ends = [since for _, since in known[1:]] + [_LAST]
    asked = [
        amount
        for (amount, since), end in zip(known, ends, strict=False)
        if (since < before or not reduced) and end > begins
    ]
    return Prior(min(asked, default=None), before, reduced)
