"""Prices: the plain one, and those beside it for groups, quantities and times, in lists or by themselves.

The plain price of a variant stays with the catalogue, and is what lists of products show and sort by. What a buyer pays
is decided by one rule (`mestres_core.rules.pricing`), after which catalogue promotions lower it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select, update

from mestres_core.catalog import cards
from mestres_core.catalog.assortment import price_history
from mestres_core.catalog.dto import LowestPrice, PriceChange
from mestres_core.catalog.models import price, product, variant
from mestres_core.catalog.price_history import record
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.rulebook import STAMP, touch
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import CatalogChanged, ProductChanged
from mestres_core.events.work import Work
from mestres_core.pricing import shelf
from mestres_core.pricing.dto import PiecePrice, PricedItem, PriceExplanation, PriceList, SpecialPrice
from mestres_core.pricing.inputs import check_buyer, check_list, check_prices
from mestres_core.pricing.models import price_list, special_price
from mestres_core.pricing.resolving import ask
from mestres_core.pricing.shelf import Shelf
from mestres_core.promotions.dto import Facts
from mestres_core.promotions.inputs import check_currency
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.money import Money
from mestres_core.rules.omnibus import prior_price
from mestres_core.rules.pricing import Price, Resolved
from mestres_core.rules.promotions import Basket, Item, Repriced, explain_price, reprice
from mestres_core.typing import PriceResolver

_VARIANT = (
    select(
        *(variant.c.id.label("variant_id"), variant.c.product_id, variant.c.sku, product.c.category_id),
        *(*shelf.PRICES, STAMP),
    )
    .select_from(
        variant.join(product, product.c.id == variant.c.product_id).outerjoin(
            price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency"))
        )
    )
    .where(variant.c.sku == bindparam("sku"))
)


_HISTORY = (
    select(price_history.c.amount, price_history.c.since)
    .where(price_history.c.variant_id == bindparam("variant_id"), price_history.c.currency == bindparam("currency"))
    .order_by(price_history.c.id)
)


class PricingService:
    """Prices in one unit of work."""

    def __init__(self, work: Work, promotions: PromotionService, *, resolver: PriceResolver | None = None) -> None:
        self._work = work
        self._session = work.session
        self._promotions = promotions
        self._resolver = resolver

    def set_price(self, sku: str, *, amount: int, currency: str = "BRL") -> PiecePrice:
        """Set the plain price of a variant in a currency: `amount` minor units; the product is listed in it from now.

        Raises NotFound for the SKU, ValidationError.
        """
        checks = Checks()
        check_currency(checks, currency)
        checks.whole("amount", amount, at_least=0, at_most=BIGGEST_AMOUNT)
        checks.done()
        row = self._variant(sku, currency)
        cards.lock(self._session, [row.product_id])
        query = upsert(self._work.dialect, price).values(variant_id=row.variant_id, currency=currency, amount=amount)
        query = query.on_conflict_do_update(index_elements=["variant_id", "currency"], set_={"amount": amount})
        self._session.execute(query)
        record(self._session, [row.variant_id], self._work.clock.now())
        cards.refresh(self._session, self._work.dialect, [row.product_id])
        self._work.outbox.announce(ProductChanged(row.product_id, row.category_id))
        return self.resolve(sku, currency=currency)

    def history(self, sku: str, *, currency: str = "BRL") -> tuple[PriceChange, ...]:
        """What the plain price of a variant was, oldest first, each with the moment since when it was asked.

        It begins with the first price that was set. Raises NotFound, ValidationError.
        """
        checks = Checks()
        check_currency(checks, currency)
        checks.done()
        row = self._variant(sku, currency)
        rows = self._session.execute(_HISTORY, {"variant_id": row.variant_id, "currency": currency})
        return tuple(PriceChange(each.amount, currency, each.since) for each in rows)

    def lowest_price(
        self, sku: str, *, days: int = 30, currency: str = "BRL", at: datetime | None = None
    ) -> LowestPrice:
        """The lowest plain price of the 30 `days` before the present reduction: what one may be announced against.

        The present reduction is the last change of the price, if it lowered it (Directive 98/6/EC, article 6a). Without
        one it is the lowest price of the days before `at` (aware; None: now), the present one among them. Raises
        NotFound, ValidationError, also when there was no price yet.
        """
        checks = Checks()
        check_currency(checks, currency)
        checks.whole("days", days, at_least=1, at_most=3650)
        check_buyer(checks, group=None, channel="default", at=at)
        checks.done()
        moment = at or self._work.clock.now()
        known = [(each.amount, each.since) for each in self.history(sku, currency=currency) if each.since <= moment]
        if not known:
            raise ValidationError.of("sku", "no_price", currency=currency)
        found = prior_price(known, at=moment, days=days)
        return LowestPrice(sku, currency, found.amount, known[-1][0], found.reduced, found.before, days)

    def set_floor(self, sku: str, *, amount: int, currency: str = "BRL") -> None:
        """No piece of this variant is sold for less than `amount` minor units; 0: no such limit.

        Prices below it are lifted to it and no discount goes below it. Raises NotFound for the SKU, ValidationError,
        also when the plain price is missing or lower.
        """
        checks = Checks()
        check_currency(checks, currency)
        checks.whole("amount", amount, at_least=0, at_most=BIGGEST_AMOUNT)
        checks.done()
        row = self._variant(sku, currency)
        if row.amount is None:
            raise ValidationError.of("sku", "no_price", currency=currency)
        if amount > row.amount:
            raise ValidationError.of("amount", "too_large", limit=row.amount)
        here = and_(price.c.variant_id == row.variant_id, price.c.currency == currency)
        self._session.execute(update(price).where(here).values(floor=amount))
        self._work.outbox.announce(ProductChanged(row.product_id, row.category_id))

    def set_prices(
        self,
        sku: str,
        *,
        prices: Sequence[SpecialPrice | Mapping[str, Any]],
        currency: str = "BRL",
        price_list: str | None = None,
    ) -> tuple[Price, ...]:
        """Replace the prices of a variant beside its plain one: those in `price_list`, or those in no list.

        Each is a SpecialPrice or a mapping with its fields; none takes them all away; at most 100. Returns every price
        that the variant has in this currency. Raises NotFound for the SKU and the list, ValidationError.
        """
        checks = Checks()
        check_currency(checks, currency)
        drafts = check_prices(checks, prices)
        checks.done()
        row = self._variant(sku, currency)
        list_id = None if price_list is None else self._list(price_list).id
        of_list = special_price.c.list_id.is_(None) if list_id is None else special_price.c.list_id == list_id
        here = (special_price.c.variant_id == row.variant_id, special_price.c.currency == currency, of_list)
        self._session.execute(delete(special_price).where(*here))
        if drafts:
            self._session.execute(insert(special_price), [_row_of(row, currency, list_id, each) for each in drafts])
        self._work.outbox.announce(ProductChanged(row.product_id, row.category_id))
        return self.prices(sku, currency=currency)

    def prices(self, sku: str, *, currency: str = "BRL") -> tuple[Price, ...]:
        """Every price that a variant has in a currency, the plain one first. Raises NotFound, ValidationError."""
        checks = Checks()
        check_currency(checks, currency)
        checks.done()
        row = self._variant(sku, currency)
        found = shelf.candidates(Shelf(self._work, row.rules_stamp), row, currency)
        return tuple(sorted(found, key=lambda each: (not each.plain, each.list, each.group or "", each.min_quantity)))

    def save_list(
        self,
        code: str,
        *,
        name: str = "",
        group: str | None = None,
        channel: str | None = None,
        priority: int = 0,
        sale: bool = False,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        active: bool = True,
    ) -> PriceList:
        """Create a price list, or change the one with this `code` (1 to 80 characters); its prices stay.

        What it says of group, channel and time holds for all its prices, where they say nothing themselves; of two
        times the narrower counts. Raises ValidationError.
        """
        checks = Checks()
        values = {
            "code": checks.text("code", code, limit=80),
            "name": "" if name is None else name,
            "customer_group": group,
            "channel": channel,
            "priority": priority,
            "sale": sale,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "active": active,
        }
        check_list(checks, values)
        checks.done()
        query = upsert(self._work.dialect, price_list).values(values)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_=values))
        touch(self._session, self._work.ids)
        self._work.outbox.announce(CatalogChanged("price list", 0))
        return _list_of(self._list(code))

    def lists(self) -> tuple[PriceList, ...]:
        """Every price list, by code."""
        return tuple(_list_of(row) for row in self._session.execute(select(price_list).order_by(price_list.c.code)))

    def remove_list(self, code: str) -> None:
        """Remove a price list with all its prices. Raises NotFound."""
        row = self._list(code)
        self._session.execute(delete(special_price).where(special_price.c.list_id == row.id))
        self._session.execute(delete(price_list).where(price_list.c.id == row.id))
        touch(self._session, self._work.ids)
        self._work.outbox.announce(CatalogChanged("price list", 0))

    def resolve(
        self,
        sku: str,
        *,
        quantity: int = 1,
        currency: str = "BRL",
        group: str | None = None,
        channel: str = "default",
        at: datetime | None = None,
        owner: str | None = None,
    ) -> PiecePrice:
        """What a piece costs a buyer of `group` who takes `quantity` of them at the moment `at` (aware; None: now).

        `owner` is the host's own name for the buyer: only a `PriceResolver` wants to know. Raises NotFound for the SKU,
        ValidationError, also when it has no price for this buyer.
        """
        return self.explain(
            sku, quantity=quantity, currency=currency, group=group, channel=channel, at=at, owner=owner
        ).price

    def explain(
        self,
        sku: str,
        *,
        quantity: int = 1,
        currency: str = "BRL",
        group: str | None = None,
        channel: str = "default",
        at: datetime | None = None,
        owner: str | None = None,
    ) -> PriceExplanation:
        """The same with everything that was looked at, and why each price lost. Raises as `resolve` does."""
        checks = Checks()
        check_currency(checks, currency)
        checks.whole("quantity", quantity, at_least=1, at_most=10**6)
        check_buyer(checks, group=group, channel=channel, at=at)
        if owner is not None:
            checks.text("owner", owner, limit=120)
        checks.done()
        now = at or self._work.clock.now()
        buyer = shelf.Buyer(currency=currency, group=group, channel=channel, at=now, owner=owner)
        row = self._variant(sku, currency)
        stamp = row.rules_stamp
        on_shelf = Shelf(self._work, stamp)
        found = shelf.resolved(on_shelf, row, quantity, buyer)
        if self._resolver is not None:
            found = ask(self._resolver, self._session, on_shelf, buyer, [(row, quantity, found)])[0]
        if found is None:
            raise ValidationError.of("sku", "no_price", currency=currency)
        item = _item(row, row.variant_id, 1, found, on_shelf.categories(row.category_id))
        repriced, explained = explain_price(self._promotions.running(stamp), self._basket(buyer, (item,)))
        regular, after = Money(found.regular, currency), Money(repriced.item.unit_price, currency)
        piece = PiecePrice(row.sku, after, regular, "promotion" if repriced.applied else found.why)
        return PriceExplanation(piece, found.considered, explained)

    def items(
        self,
        rows: Sequence[Any],
        *,
        facts: Facts,
        currency: str,
        group: str | None = None,
        channel: str = "default",
        owner: str | None = None,
    ) -> tuple[PricedItem | None, ...]:
        """Every line of a cart at its price; None for one that has no price. Sends no statement once rules are known.

        `rows` have the columns `shelf.PRICES` and id (the key of the item), sku, variant_id, product_id, category_id,
        quantity; `facts` are those of the cart's promotions. Lines of one variant count together for its tiers.
        A shop with a `PriceResolver` asks it for all of them at once.
        """
        now = self._work.clock.now()
        buyer = shelf.Buyer(currency=currency, group=group, channel=channel, at=now, owner=owner)
        on_shelf, pieces = Shelf(self._work, facts.stamp), shelf.pieces_of(rows)
        found = [shelf.resolved(on_shelf, row, pieces[row.variant_id], buyer) for row in rows]
        if self._resolver is not None:
            asked = [(row, pieces[row.variant_id], each) for row, each in zip(rows, found, strict=True)]
            found = ask(self._resolver, self._session, on_shelf, buyer, asked)
        tree = on_shelf.categories if self._promotions.by_category(facts) else _no_categories
        items = {
            place: _item(row, row.id, row.quantity, each, tree(row.category_id))
            for place, (row, each) in enumerate(zip(rows, found, strict=True))
            if each is not None
        }
        basket = self._basket(buyer, tuple(items.values()))
        repriced = dict(zip(items, reprice(self._promotions.running(facts.stamp), basket), strict=True))
        return tuple(None if each is None else _priced(each, repriced[place]) for place, each in enumerate(found))

    def _basket(self, buyer: shelf.Buyer, items: tuple[Item, ...]) -> Basket:
        return Basket(
            items=items,
            currency=buyer.currency,
            at=buyer.at,
            group=buyer.group,
            channel=buyer.channel,
            owner=buyer.owner,
            round=self._promotions.rounding(buyer.currency),
        )

    def _variant(self, sku: Any, currency: str) -> Any:
        known = isinstance(sku, str) and storable(sku)
        row = self._session.execute(_VARIANT, {"sku": sku, "currency": currency}).first() if known else None
        if row is None:
            raise NotFound("sku", sku)
        return row

    def _list(self, code: Any) -> Any:
        known = isinstance(code, str) and storable(code)
        query = select(price_list).where(price_list.c.code == (code.strip() if known else ""))
        row = self._session.execute(query).first()
        if row is None:
            raise NotFound("price list", code)
        return row


def _no_categories(_category_id: int | None) -> frozenset[int]:
    return frozenset()


def _item(row: Any, key: Any, quantity: int, found: Resolved, categories: frozenset[int]) -> Item:
    return Item(
        key=key,
        sku=row.sku,
        product_id=row.product_id,
        variant_id=row.variant_id,
        categories=categories,
        quantity=quantity,
        unit_price=found.amount,
        floor=found.floor,
        on_sale=found.amount < found.regular,
    )


def _priced(found: Resolved, repriced: Repriced) -> PricedItem:
    why = "promotion" if repriced.applied else found.why
    return PricedItem(item=repriced.item, regular=found.regular, why=why, promotions=repriced.applied)


def _row_of(row: Any, currency: str, list_id: int | None, draft: SpecialPrice) -> dict[str, Any]:
    fields = asdict(draft)
    group = fields.pop("group")
    return {
        "variant_id": row.variant_id,
        "currency": currency,
        "list_id": list_id,
        "customer_group": group,
        **fields,
    }


def _list_of(row: Any) -> PriceList:
    return PriceList(
        code=row.code,
        name=row.name,
        group=row.customer_group,
        channel=row.channel,
        priority=row.priority,
        sale=row.sale,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        active=row.active,
    )
