"""Prices as they come along with other statements, and the rules about them that are kept in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from mestres_core.catalog.models import category, price, variant
from mestres_core.db.dialects.sql import as_dict, json_rows, moment_in_json
from mestres_core.events.work import Work
from mestres_core.pricing.models import price_list, special_price
from mestres_core.rules.pricing import Price, Resolved, resolve

LISTS, TREE = "price lists", "categories"


def prices_in(currency: Any, *within: Any) -> tuple[Any, ...]:
    """Columns for a statement over variants, outer-joined with their prices in `currency`.

    That is a parameter, or a column of one of the tables that the statement is `within`.
    """
    special = (
        select(
            json_rows(
                *(special_price.c.amount, special_price.c.min_quantity, special_price.c.customer_group),
                *(special_price.c.channel, special_price.c.starts_at, special_price.c.ends_at, special_price.c.list_id),
            )
        )
        .where(special_price.c.variant_id == variant.c.id, special_price.c.currency == currency)
        .correlate(variant, *within)
        .scalar_subquery()
    )
    return price.c.amount, price.c.floor, special.label("special_prices")


PRICES = prices_in(bindparam("currency"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """For whom and when something is priced."""

    currency: str
    group: str | None
    channel: str
    at: datetime
    owner: str | None = None


class Shelf:
    """What is kept in memory about prices, each part read when it is first needed."""

    def __init__(self, work: Work, stamp: str) -> None:
        self._work = work
        self._stamp = stamp

    def price_list(self, list_id: int) -> Any:
        """A price list's row; None for one that was removed since the prices were read."""

        def load() -> dict[int, Any]:
            return {row.id: row for row in self._work.session.execute(select(price_list))}

        return self._work.rulebook.chapter(LISTS, self._stamp, load).get(list_id)

    def categories(self, category_id: int | None) -> frozenset[int]:
        """A category and all above it. One that moves gives a new stamp; one that is new is read when first met."""
        above = self._work.rulebook.chapter(TREE, self._stamp, dict[int, int | None])
        found: list[int] = []
        while category_id is not None:
            if category_id not in above:
                above.update(as_dict(self._work.session.execute(select(category.c.id, category.c.parent_id))))
            found.append(category_id)
            category_id = above.get(category_id)
        return frozenset(found)


def pieces_of(rows: Iterable[Any]) -> Mapping[int, int]:
    """How many pieces of each variant there are: lines of one variant count together for its tiers."""
    found: Counter[int] = Counter()
    for row in rows:
        found[row.variant_id] += row.quantity
    return found


def resolved(shelf: Shelf, row: Any, quantity: int, buyer: Buyer) -> Resolved | None:
    """The price of a row that has the columns `PRICES`; None when it has none."""
    prices = candidates(shelf, row, buyer.currency)
    return resolve(
        prices, quantity=quantity, group=buyer.group, at=buyer.at, floor=row.floor or 0, channel=buyer.channel
    )


def candidates(shelf: Shelf, row: Any, currency: str) -> tuple[Price, ...]:
    """Every price of such a row; those of withdrawn lists are left out."""
    plain = () if row.amount is None else (Price(amount=row.amount, currency=currency),)
    return (*plain, *_special(shelf, row.special_prices or (), currency))


def _special(shelf: Shelf, rows: Sequence[Sequence[Any]], currency: str) -> Iterable[Price]:
    for amount, min_quantity, group, channel, starts_at, ends_at, list_id in rows:
        begins, ends = moment_in_json(starts_at), moment_in_json(ends_at)
        if list_id is None:
            yield Price(
                amount=amount,
                currency=currency,
                min_quantity=min_quantity,
                group=group,
                channel=channel,
                starts_at=begins,
                ends_at=ends,
            )
            continue
        of = shelf.price_list(list_id)
        if of is not None and of.active:
            yield Price(
                amount=amount,
                currency=currency,
                min_quantity=min_quantity,
                group=group or of.customer_group,
                channel=channel or of.channel,
                starts_at=_bound(max, begins, of.starts_at),
                ends_at=_bound(min, ends, of.ends_at),
                list=of.code,
                priority=of.priority,
                sale=bool(of.sale),
            )


def _bound(choose: Any, one: datetime | None, other: datetime | None) -> datetime | None:
    known = [each for each in (one, other) if each is not None]
    return choose(known) if known else None
