"""Who knows every room that holds something about a person: the keeper behind `shop.customers`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mestres_core.customers.dto import Customer, Erasure
from mestres_core.events.work import Work
from mestres_core.privacy.erasing import Eraser
from mestres_core.privacy.exporting import export
from mestres_core.privacy.merging import Merger
from mestres_core.privacy.scope import Scope
from mestres_core.reviews.service import ReviewService


class People:
    """What the shop holds about customers, in one unit of work."""

    def __init__(self, work: Work, reviews: ReviewService) -> None:
        self._work = work
        self._reviews = reviews

    def merge(self, source: int, target: int) -> Mapping[str, int]:
        """Move all that is `source`'s to `target`; both rows are locked."""
        return Merger(self._work, self._reviews, source, target).merge()

    def export(self, customer: Customer) -> dict[str, Any]:
        """All that is held about a customer."""
        return export(self._work.session, Scope(customer), at=self._work.clock.now())

    def erase(self, customer: Customer, *, open_orders: str) -> Erasure:
        """Erase a customer, whose row is locked."""
        return Eraser(self._work, self._reviews, Scope(customer)).erase(open_orders=open_orders)
