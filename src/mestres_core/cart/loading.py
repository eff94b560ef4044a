"""Reading a cart: its lines at today's prices, what promotions take off, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select

from mestres_core.cart.dto import AppliedPromotion, Cart, CartLine, CartNote, Totals, UnavailableLine
from mestres_core.cart.models import cart, line
from mestres_core.catalog.channels import shown_in
from mestres_core.catalog.models import price, product, variant
from mestres_core.db.base import UtcDateTime
from mestres_core.events.work import Work
from mestres_core.pricing.dto import PricedItem
from mestres_core.pricing.service import PricingService
from mestres_core.pricing.shelf import PRICES
from mestres_core.promotions.book import FACTS, facts_in
from mestres_core.promotions.dto import Facts, Worked
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.money import Money
from mestres_core.rules.totals import Composed, LineTotal, Send, Sending, Taxes, compose

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
)
"""What is read of a cart's row, with or without its lock."""

# The rules' stamp and the coupons come along here, not with the lock: a statement that waited for the lock saw what was
# before.
_LINES = (
    select(
        line.c.id,
        line.c.variant_id,
        line.c.quantity,
        line.c.attributes,
        variant.c.product_id,
        variant.c.sku,
        variant.c.name.label("variant_name"),
        variant.c.weight_grams,
        variant.c.digital,
        variant.c.length_mm,
        variant.c.width_mm,
        variant.c.height_mm,
        variant.c.tax_class,
        product.c.name,
        product.c.category_id,
        and_(variant.c.active, product.c.active).label("active"),
        shown_in(bindparam("channel"), bindparam("now", type_=UtcDateTime)).label("shown"),
        *PRICES,
        *FACTS,
    )
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
    )
    .where(line.c.cart_id == bindparam("cart_id"))
    .order_by(line.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A cart as it was read: its `HEAD` with what has changed since, and its buyable rows with their priced items."""

    row: Any
    currency: str
    status: str
    version: int
    updated_at: datetime
    rows: tuple[Any, ...]
    priced: tuple[PricedItem, ...]
    facts: Facts
    unavailable: tuple[UnavailableLine, ...]


class CartReader:
    """Carts as values, in one unit of work. `idle` is how long an untouched cart stays open (None: for ever)."""

    def __init__(
        self, work: Work, promotions: PromotionService, pricing: PricingService, idle: timedelta | None
    ) -> None:
        self._work = work
        self._session = work.session
        self._promotions = promotions
        self._pricing = pricing
        self.idle = idle

    def read(self, row: Any, **changed: Any) -> Loaded:
        """The lines of a cart, of which `row` was read; `changed` is what has changed since of its HEAD."""
        currency = changed.get("currency") or row.currency
        rows: Sequence[Any] = self._session.execute(
            _LINES, {"cart_id": row.id, "currency": currency, "channel": row.channel, "now": self._work.clock.now()}
        ).all()
        facts = facts_in(rows[0]) if rows else self._promotions.facts(row.id)
        active = [each for each in rows if each.active and each.shown]
        items = self._pricing.items(
            active, facts=facts, currency=currency, group=row.customer_group, channel=row.channel, owner=row.owner
        )
        there = [(each, item) for each, item in zip(active, items, strict=True) if item is not None]
        buyable = tuple(each for each, _ in there)
        self._work.products.update((each.variant_id, each.product_id) for each in buyable)
        return Loaded(
            row=row,
            currency=currency,
            status=changed.get("status", row.status),
            version=changed.get("version", row.version),
            updated_at=changed.get("updated_at", row.updated_at),
            rows=buyable,
            priced=tuple(item for _, item in there),
            facts=facts,
            unavailable=() if len(buyable) == len(rows) else tuple(_unavailable(rows, buyable)),
        )

    def compose(
        self,
        loaded: Loaded,
        *,
        send: Send | None = None,
        taxes: Taxes | None = None,
        country: str = "",
        orders_before: int | None = None,
        customer: str | None = None,
    ) -> Composed:
        """What the cart comes to. `customer` is whose uses of promotions are counted, None while not known."""
        facts, row = loaded.facts, loaded.row
        items = [each.item for each in loaded.priced]

        def promote(sending: Sending | None) -> Worked:
            return self._promotions.work_out(
                items,
                facts,
                currency=loaded.currency,
                shipping=0 if sending is None else sending.amount,
                group=row.customer_group,
                channel=row.channel,
                country=country,
                shipping_method="" if sending is None else sending.method,
                orders_before=orders_before,
                customer=customer,
                owner=row.owner,
            )

        needed = facts.codes or self._promotions.running(facts.stamp)
        return compose(items, promote=promote if needed else None, send=send, taxes=taxes)

    def cart(self, loaded: Loaded, *, notes: tuple[CartNote, ...] = ()) -> Cart:
        """The cart as it is shown: nothing is sent yet, so there is no shipping, and no tax that is added."""
        composed = self.compose(loaded)
        row, currency = loaded.row, loaded.currency
        none = Money(0, currency)
        return Cart(
            row.id,
            currency,
            loaded.version,
            loaded.status,
            lines_of(loaded, composed),
            () if composed.promoted is None else composed.promoted.coupons,
            Totals(
                Money(composed.items, currency),
                Money(composed.discount, currency),
                none,
                none,
                Money(composed.grand, currency),
            ),
            row.owner,
            row.channel,
            row.customer_group,
            loaded.unavailable,
            notes,
            row.merged_into,
            None if self.idle is None or loaded.status != "open" else loaded.updated_at + self.idle,
            promotions_of(composed, currency),
            () if composed.promoted is None else composed.promoted.outcome.explanations,
        )

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


def lines_of(loaded: Loaded, composed: Composed) -> tuple[CartLine, ...]:
    """The lines as they are shown, with their parts."""
    currency = loaded.currency
    return tuple(
        _line(row, priced, total, currency)
        for row, priced, total in zip(loaded.rows, loaded.priced, composed.lines, strict=True)
    )


def promotions_of(composed: Composed, currency: str) -> tuple[AppliedPromotion, ...]:
    """What was taken off, in the order in which it was."""
    if composed.promoted is None:
        return ()
    return tuple(
        AppliedPromotion(
            each.promotion_id, each.name, each.code, Money(each.amount, currency), Money(each.shipping, currency)
        )
        for each in composed.promoted.outcome.applied
    )


def _line(row: Any, priced: PricedItem, total: LineTotal, currency: str) -> CartLine:
    return CartLine(
        row.id,
        row.variant_id,
        row.product_id,
        row.sku,
        _name(row),
        row.quantity,
        Money(priced.item.unit_price, currency),
        Money(total.total, currency),
        row.weight_grams,
        row.attributes,
        Money(priced.regular, currency),
        priced.why,
        Money(total.discount, currency),
        Money(total.tax, currency),
        Money(total.tax_included, currency),
    )


def _unavailable(rows: Sequence[Any], buyable: Sequence[Any]) -> Iterator[UnavailableLine]:
    there = {row.id for row in buyable}
    for row in rows:
        if row.id not in there:
            reason = "inactive" if not row.active else "no_price" if row.shown else "not_published"
            yield UnavailableLine(row.id, row.sku, _name(row), row.quantity, reason, row.attributes)


def _name(row: Any) -> str:
    return f"{row.name} – {row.variant_name}" if row.variant_name else str(row.name)
