"""Reading a cart: its lines at today's prices, what promotions take off, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, select

from mestres_core.cart.dto import AppliedPromotion, Cart, CartLine, CartNote, Totals, UnavailableLine
from mestres_core.cart.models import cart, line
from mestres_core.catalog.channels import shown_in
from mestres_core.catalog.models import price, product, variant
from mestres_core.db.base import UtcDateTime
from mestres_core.db.dialects.sql import json_rows
from mestres_core.events.work import Work
from mestres_core.inventory.models import level
from mestres_core.pricing.dto import PricedItem
from mestres_core.pricing.service import PricingService
from mestres_core.pricing.shelf import prices_in
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


class LineRow(NamedTuple):
    """A line with what is known of its variant. `amount` is its plain price, None when it has none."""

    id: int
    quantity: int
    attributes: Mapping[str, Any]
    attributes_key: str
    variant_id: int
    product_id: int
    sku: str
    variant_name: str
    weight_grams: int
    digital: bool
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    tax_class: str
    name: str
    category_id: int | None
    active: bool
    shown: bool
    """In the cart's channel."""
    amount: int | None
    floor: int | None
    special_prices: Sequence[Any] | None


_IN_CURRENCY = and_(price.c.variant_id == variant.c.id, price.c.currency == cart.c.currency)
_OF_VARIANT = (
    *(variant.c.id, variant.c.product_id, variant.c.sku, variant.c.name, variant.c.weight_grams, variant.c.digital),
    *(variant.c.length_mm, variant.c.width_mm, variant.c.height_mm, variant.c.tax_class),
    *(product.c.name, product.c.category_id, and_(variant.c.active, product.c.active)),
    shown_in(cart.c.channel, bindparam("now", type_=UtcDateTime), cart),
    *prices_in(cart.c.currency, cart),
)
# All lines as one value, so they come along with the cart's row and its lock.
_LINES = (
    select(json_rows(line.c.id, line.c.quantity, line.c.attributes, line.c.attributes_key, *_OF_VARIANT))
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(price, _IN_CURRENCY)
    )
    .where(line.c.cart_id == cart.c.id)
    .correlate(cart)
    .scalar_subquery()
)
_itself = cart.alias("itself")
_SEEN = select(_itself.c.version).where(_itself.c.id == cart.c.id).correlate(cart).scalar_subquery()
CONTENT = (_LINES.label("lines"), *FACTS, _SEEN.label("seen"))
"""Columns for a statement about one cart, with the parameters `cart_id` and `now`.

PostgreSQL gives the row that a statement waited for as it has become, and everything else as it was when the statement
began. `is_stale` tells: ask again then, which under the lock is certain.
"""
_CONTENT = select(*CONTENT).where(cart.c.id == bindparam("cart_id"))


def offered(available: Any) -> Any:
    """A column for such a statement: the variant that has the parameter `sku`, with how many pieces are `available`.

    `offer_in` reads it.
    """
    return (
        select(json_rows(*_OF_VARIANT, available))
        .select_from(
            variant.join(product, product.c.id == variant.c.product_id)
            .join(level, level.c.variant_id == variant.c.id)
            .outerjoin(price, _IN_CURRENCY)
        )
        .where(variant.c.sku == bindparam("sku"), variant.c.active, product.c.active)
        .correlate(cart)
        .scalar_subquery()
        .label("offered")
    )


def offer_in(row: Any) -> tuple[LineRow, int] | None:
    """What a row says in `offered`, as a line without a number and quantity; the pieces that are available."""
    if not row.offered:
        return None
    *of_variant, available = row.offered[0]
    return _line_row([0, 0, {}, "", *of_variant]), available


def is_stale(row: Any) -> bool:
    """Whether the columns `CONTENT` of a row are older than the row itself."""
    return bool(row.seen != row.version)


def lines_in(row: Any) -> list[LineRow]:
    """The lines within a row that has the columns `CONTENT`, in their order."""
    return sorted(map(_line_row, row.lines or ()))


def _line_row(values: Sequence[Any]) -> LineRow:
    made = LineRow(*values)
    # SQLite has no booleans.
    if type(made.active) is bool:
        return made
    return made._replace(active=bool(made.active), digital=bool(made.digital), shown=bool(made.shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A cart as it was read: its `HEAD` with what has changed since, and its buyable rows with their priced items."""

    row: Any
    currency: str
    status: str
    version: int
    updated_at: datetime
    rows: tuple[LineRow, ...]
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
        content = self._session.execute(_CONTENT, {"cart_id": row.id, "now": self._work.clock.now()}).one()
        return self.load(row, lines_in(content), facts_in(content), **changed)

    def load(self, row: Any, rows: Sequence[LineRow], facts: Facts, **changed: Any) -> Loaded:
        """The same where the lines are known."""
        currency = changed.get("currency") or row.currency
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


def _line(row: LineRow, priced: PricedItem, total: LineTotal, currency: str) -> CartLine:
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


def _unavailable(rows: Sequence[LineRow], buyable: Sequence[LineRow]) -> Iterator[UnavailableLine]:
    there = {row.id for row in buyable}
    for row in rows:
        if row.id not in there:
            reason = "inactive" if not row.active else "no_price" if row.shown else "not_published"
            yield UnavailableLine(row.id, row.sku, _name(row), row.quantity, reason, row.attributes)


def _name(row: LineRow) -> str:
    return f"{row.name} – {row.variant_name}" if row.variant_name else row.name
