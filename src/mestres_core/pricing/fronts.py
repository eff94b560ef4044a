"""What a shop front asks for a piece: every price that counts there, as it comes along with a list or a detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from mestres_core.catalog.models import card, price, product, variant
from mestres_core.db.dialects.sql import json_rows, moment_in_json
from mestres_core.pricing.models import price_list, special_price
from mestres_core.rules.pricing import Price, resolve

_GROUP = func.coalesce(special_price.c.customer_group, price_list.c.customer_group)
# Those of a withdrawn list, of a group and of a quantity are nobody's who only looks.
_BESIDE = special_price.outerjoin(price_list, price_list.c.id == special_price.c.list_id)
_COUNTS = and_(
    special_price.c.variant_id == price.c.variant_id,
    special_price.c.currency == price.c.currency,
    special_price.c.min_quantity == 1,
    _GROUP.is_(None),
    or_(special_price.c.list_id.is_(None), price_list.c.active),
)
_LOOKED_AT = (
    *(variant.c.id, price.c.amount, price.c.floor, special_price.c.amount),
    func.coalesce(special_price.c.channel, price_list.c.channel),
    *(special_price.c.starts_at, special_price.c.ends_at, price_list.c.starts_at, price_list.c.ends_at),
    *(price_list.c.code, price_list.c.priority, price_list.c.sale),
)
COLUMN: ColumnElement[Any] = (
    select(json_rows(*_LOOKED_AT))
    .select_from(variant.join(price, price.c.variant_id == variant.c.id).outerjoin(_BESIDE, _COUNTS))
    .where(variant.c.product_id == product.c.id, variant.c.active, price.c.currency == card.c.currency)
    .correlate(product, card)
    .scalar_subquery()
    .label("front_prices")
)
"""For a statement over cards: the prices of the variants on sale."""


def asked(rows: Sequence[Sequence[Any]] | None, *, channel: str, currency: str, at: datetime) -> Mapping[int, int]:
    """What one piece of each variant costs a guest of the channel: `rows` is what `COLUMN` gave."""
    found: dict[int, list[Price]] = {}
    floors: dict[int, int] = {}
    for row in rows or ():
        variant_id, plain, floor = row[:3]
        floors[variant_id] = floor or 0
        found.setdefault(variant_id, [Price(amount=plain, currency=currency)]).extend(_beside(row[3:], currency))
    return {
        variant_id: one.amount
        for variant_id, prices in found.items()
        if (one := resolve(prices, quantity=1, group=None, at=at, floor=floors[variant_id], channel=channel))
    }


def _beside(row: Sequence[Any], currency: str) -> Iterator[Price]:
    amount, channel, begins, ends, list_begins, list_ends, code, priority, sale = row
    if amount is None:
        return
    starts = [each for each in map(moment_in_json, (begins, list_begins)) if each is not None]
    stops = [each for each in map(moment_in_json, (ends, list_ends)) if each is not None]
    yield Price(
        amount=amount,
        currency=currency,
        channel=channel,
        starts_at=max(starts, default=None),
        ends_at=min(stops, default=None),
        list=code or "",
        priority=priority or 0,
        sale=bool(sale),
    )
