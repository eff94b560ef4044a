"""Reading a cart: its lines at today's prices, what its coupons take off, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, exists, select

from mestres_core.cart.dto import Cart, CartLine, CartNote, Totals, UnavailableLine
from mestres_core.cart.models import cart, line
from mestres_core.catalog.models import price, product, variant
from mestres_core.events.work import Work
from mestres_core.promotions.models import in_cart
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.money import Money

HEAD = (
    cart.c.id,
    cart.c.currency,
    cart.c.status,
    cart.c.version,
    cart.c.owner,
    cart.c.channel,
    cart.c.customer_group,
    cart.c.merged_into,
    cart.c.updated_at,
    exists().where(in_cart.c.cart_id == cart.c.id).label("has_coupons"),
)
"""What is read of a cart's row, with or without its lock."""

# Whether there are coupons is asked again here: a statement that waited for the cart's lock saw what was before.
_LINES = (
    select(
        line.c.id,
        line.c.variant_id,
        variant.c.product_id,
        variant.c.sku,
        product.c.name,
        variant.c.name.label("variant_name"),
        line.c.quantity,
        line.c.attributes,
        price.c.amount,
        variant.c.weight_grams,
        and_(variant.c.active, product.c.active).label("active"),
        exists().where(in_cart.c.cart_id == bindparam("cart_id")).label("has_coupons"),
    )
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
    )
    .where(line.c.cart_id == bindparam("cart_id"))
    .order_by(line.c.id)
)


class CartReader:
    """Carts as values, in one unit of work. `idle` is how long an untouched cart stays open (None: for ever)."""

    def __init__(self, work: Work, promotions: PromotionService, idle: timedelta | None) -> None:
        self._work = work
        self._session = work.session
        self._promotions = promotions
        self.idle = idle

    def empty(self, row: Mapping[str, Any]) -> Cart:
        """The cart of a row that was written just now."""
        currency = row["currency"]
        none = Money(0, currency)
        return Cart(
            row["id"],
            currency,
            row["version"],
            row["status"],
            (),
            (),
            Totals(none, none, none, none, none),
            row["owner"],
            row["channel"],
            row["customer_group"],
            expires_at=None if self.idle is None else row["updated_at"] + self.idle,
        )

    def load(self, row: Any, *, notes: tuple[CartNote, ...] = ()) -> Cart:
        """The cart of a row of `HEAD`."""
        return self.priced(row, row.status, row.version, row.updated_at, with_coupons=row.has_coupons, notes=notes)

    def priced(
        self,
        row: Any,
        status: str,
        version: int,
        updated_at: datetime,
        *,
        with_coupons: bool,
        currency: str | None = None,
        notes: tuple[CartNote, ...] = (),
    ) -> Cart:
        """The cart of a row that has changed since it was read."""
        currency = currency or row.currency
        rows = self._session.execute(_LINES, {"cart_id": row.id, "currency": currency}).all()
        lines = tuple(_line(each, currency) for each in rows if each.active and each.amount is not None)
        amounts = [each.total.amount for each in lines]
        asked = rows[0].has_coupons if rows else with_coupons
        coupons = self._promotions.applied(row.id, amounts, currency) if asked else ()
        none = Money(0, currency)
        items = Money(sum(amounts), currency)
        discount = sum((each.discount for each in coupons), none)
        return Cart(
            row.id,
            currency,
            version,
            status,
            lines,
            coupons,
            Totals(items, discount, none, none, items - discount),
            row.owner,
            row.channel,
            row.customer_group,
            () if len(lines) == len(rows) else tuple(_unavailable(rows)),
            notes,
            row.merged_into,
            None if self.idle is None or status != "open" else updated_at + self.idle,
        )


def _line(row: Any, currency: str) -> CartLine:
    return CartLine(
        row.id,
        row.variant_id,
        row.product_id,
        row.sku,
        _name(row),
        row.quantity,
        Money(row.amount, currency),
        Money(row.amount * row.quantity, currency),
        row.weight_grams,
        row.attributes,
    )


def _unavailable(rows: Any) -> Any:
    for row in rows:
        if not row.active or row.amount is None:
            reason = "no_price" if row.active else "inactive"
            yield UnavailableLine(row.id, row.sku, _name(row), row.quantity, reason, row.attributes)


def _name(row: Any) -> str:
    return f"{row.name} – {row.variant_name}" if row.variant_name else str(row.name)
