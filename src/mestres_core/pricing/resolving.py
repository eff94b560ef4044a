"""Asking a shop's own `PriceResolver`, and holding it to what a price must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mestres_core.errors import ExtensionFailed
from mestres_core.pricing import shelf
from mestres_core.pricing.shelf import Buyer, Shelf
from mestres_core.rules.checks import BIGGEST_AMOUNT
from mestres_core.rules.pricing import WON, Resolved
from mestres_core.typing import PriceRequest, PriceResolver

_NAME = "the price resolver"


def ask(
    resolver: PriceResolver,
    session: Any,
    on_shelf: Shelf,
    buyer: Buyer,
    lines: Sequence[tuple[Any, int, Resolved | None]],
) -> list[Resolved | None]:
    """The price of each (row with the columns `PRICES`, pieces, what the shop's rule found). Raises ExtensionFailed."""
    if not lines:
        return []
    requests = [
        PriceRequest(
            sku=row.sku,
            variant_id=row.variant_id,
            product_id=row.product_id,
            quantity=quantity,
            currency=buyer.currency,
            channel=buyer.channel,
            group=buyer.group,
            owner=buyer.owner,
            at=buyer.at,
            prices=shelf.candidates(on_shelf, row, buyer.currency),
            amount=None if found is None else found.amount,
        )
        for row, quantity, found in lines
    ]
    answers = resolver.resolve(requests, session=session)
    if not isinstance(answers, Sequence) or len(answers) != len(requests):
        raise ExtensionFailed(_NAME, f"{len(requests)} prices were asked for, in a sequence")
    return [_priced(row, found, answer) for (row, _, found), answer in zip(lines, answers, strict=True)]


def _priced(row: Any, found: Resolved | None, answer: Any) -> Resolved | None:
    if answer is None:
        return found
    if type(answer) is not int or not 0 <= answer <= BIGGEST_AMOUNT:
        raise ExtensionFailed(_NAME, f"{row.sku} must cost whole minor units, 0 to {BIGGEST_AMOUNT}, not {answer!r}")
    floor = row.floor or 0
    amount = max(answer, floor)
    why = "floor" if amount > answer else "resolver"
    if found is None:
        return Resolved(amount=amount, regular=amount, floor=floor, why=why, considered=())
    considered = tuple((each, "outranked" if fate == WON else fate) for each, fate in found.considered)
    return replace(found, amount=amount, why=why, considered=considered)
