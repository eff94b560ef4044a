"""What plain prices were, and since when: written in the transaction that changes the price.

Invariant: the last entry of a variant in a currency is its price. `shop.audit()` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from mestres_core.catalog.assortment import price_history
from mestres_core.catalog.models import price
from mestres_core.db.base import UtcDateTime

_LAST = (
    select(price_history.c.amount)
    .where(price_history.c.variant_id == price.c.variant_id, price_history.c.currency == price.c.currency)
    .order_by(price_history.c.id.desc())
    .limit(1)
    .correlate(price)
    .scalar_subquery()
)
LAST_IS_OTHER = price.c.amount.is_distinct_from(_LAST)
_RECORD = insert(price_history).from_select(
    ["variant_id", "currency", "amount", "since"],
    select(price.c.variant_id, price.c.currency, price.c.amount, bindparam("since", type_=UtcDateTime))
    .where(price.c.variant_id.in_(bindparam("ids", expanding=True)), LAST_IS_OTHER)
    .order_by(price.c.variant_id),
)


def record(session: Session, variant_ids: Iterable[int], now: datetime) -> Any:
    """Write down the prices of these variants that are not what was written down last."""
    session.execute(_RECORD, {"ids": sorted(variant_ids), "since": now})
