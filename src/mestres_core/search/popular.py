"""What is sold most: counted anew from the orders now and then, in one statement a kind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, column, delete, func, insert, literal, select, table
from sqlalchemy.orm import Session

from mestres_core.catalog.models import product, variant
from mestres_core.db.base import PREFIX, Id, UtcDateTime
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.search.models import popularity

PRODUCT, CATEGORY = "product", "category"

# Orders lie above search: of their tables only these columns are known here.
_ORDER = table(
    f"{PREFIX}order", column("id", Id), column("created_at", UtcDateTime()), column("payment_status"), column("status")
)
_LINE = table(
    f"{PREFIX}order_line",
    column("order_id", Id),
    column("variant_id", Id),
    column("quantity"),
    column("cancelled_quantity"),
)
_COUNTS = 0x6D65_7374_7265_08  # the advisory lock of counting
_PIECES = func.sum(_LINE.c.quantity - _LINE.c.cancelled_quantity)


def count(session: Session, dialect: str, since: datetime) -> int:
    """Count the pieces of paid orders since then, by product and by category; how many products were sold."""
    one_at_a_time(session, dialect, _COUNTS)
    session.execute(delete(popularity))
    lines = (
        _LINE.join(_ORDER, _ORDER.c.id == _LINE.c.order_id)
        .join(variant, variant.c.id == _LINE.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
    )
    for kind, of in ((PRODUCT, product.c.id), (CATEGORY, product.c.category_id)):
        rows: Select[Any] = (
            select(literal(kind), of, _PIECES)
            .select_from(lines)
            .where(
                _ORDER.c.created_at >= since,
                _ORDER.c.payment_status.in_(("paid", "partially_refunded")),
                of.is_not(None),
            )
            .group_by(of)
            .having(_PIECES > 0)
        )
        session.execute(insert(popularity).from_select(["kind", "id", "sold"], rows))
    found = select(func.count()).select_from(popularity).where(popularity.c.kind == PRODUCT)
    return int(session.execute(found).scalar_one())
