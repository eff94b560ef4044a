"""Carts.

A cart holds wishes, not goods: prices and stock are those of the moment it is read. Every change locks the cart's row,
so two changes of one cart follow each other, and none comes after it has become an order.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from mestres_core.cart.dto import Cart, CartLine, Totals
from mestres_core.cart.models import cart, line
from mestres_core.catalog.models import price, product, variant
from mestres_core.errors import CartClosed, InsufficientStock, NotFound, ValidationError, VersionConflict
from mestres_core.events.facts import CartChanged
from mestres_core.events.work import Work
from mestres_core.inventory.models import level
from mestres_core.pricing.service import PricingService
from mestres_core.pricing.shelf import PRICES
from mestres_core.promotions.book import FACTS, facts_in
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.money import Money

MOST_LINES = 100
MOST_OF_ONE = 999
_HEAD = (
    cart.c.id,
    cart.c.currency,
    cart.c.status,
    cart.c.version,
)
_CART = select(*_HEAD).where(cart.c.id == bindparam("cart_id"))
_LOCK = _CART.with_for_update()
_LINES = (
    select(
        line.c.id,
        line.c.variant_id,
        variant.c.product_id,
        variant.c.sku,
        product.c.name,
        variant.c.name.label("variant_name"),
        product.c.category_id,
        line.c.quantity,
        *PRICES,
        variant.c.weight_grams,
        *FACTS,
    )
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
    )
    .where(line.c.cart_id == bindparam("cart_id"), variant.c.active, product.c.active)
    .order_by(line.c.id)
)
_held = line.alias("held")
_LINES_IN_CART = (
    select(func.count()).select_from(_held).where(_held.c.cart_id == bindparam("cart_id")).scalar_subquery()
)
_OFFER = (
    select(
        variant.c.id,
        price.c.amount,
        (level.c.on_hand - level.c.allocated).label("available"),
        line.c.quantity,
        _LINES_IN_CART.label("lines"),
    )
    .select_from(
        variant.join(product, product.c.id == variant.c.product_id)
        .join(level, level.c.variant_id == variant.c.id)
        .outerjoin(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
        .outerjoin(line, and_(line.c.variant_id == variant.c.id, line.c.cart_id == bindparam("cart_id")))
    )
    .where(variant.c.sku == bindparam("sku"), variant.c.active, product.c.active)
)
# One line's stock is asked for together with the lock: changing a line is to cost few statements.
_LOCK_WITH_LINE = (
    select(*_HEAD, variant.c.sku, (level.c.on_hand - level.c.allocated).label("available"))
    .select_from(
        cart.outerjoin(line, and_(line.c.cart_id == cart.c.id, line.c.id == bindparam("line_id")))
        .outerjoin(variant, variant.c.id == line.c.variant_id)
        .outerjoin(level, level.c.variant_id == variant.c.id)
    )
    .where(cart.c.id == bindparam("cart_id"))
    .with_for_update(of=cart)
)
_TOUCH = (
    update(cart)
    .where(cart.c.id == bindparam("of"))
    .values(version=cart.c.version + 1, status=bindparam("to"), updated_at=bindparam("now"))
)


class CartService:
    """Carts in one unit of work."""

    def __init__(self, work: Work, promotions: PromotionService, pricing: PricingService) -> None:
        self._work = work
        self._session = work.session
        self._promotions = promotions
        self._pricing = pricing

    def create(self, *, currency: str = "BRL") -> Cart:
        """A new empty cart. Raises ValidationError when `currency` is not a code of three capital letters."""
        try:
            Money(0, currency)
        except (ValueError, TypeError) as error:
            raise ValidationError.of("currency", "invalid", reason=str(error)) from None
        cart_id, now = self._work.ids.token(), self._work.clock.now()
        row = {
            "id": cart_id,
            "currency": currency,
            "status": "open",
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
        self._session.execute(insert(cart), row)
        return Cart(cart_id, currency, 1, "open", (), (), _totals((), Money(0, currency)))

    def get(self, cart_id: str) -> Cart:
        """A cart at today's prices. Raises NotFound."""
        return self.loaded(self._row(cart_id, _CART))

    def loaded(self, row: Any) -> Cart:
        """The cart of a row that `lock` or `peek` gave."""
        return self._load(row, row.status, row.version)

    def add(self, cart_id: str, *, sku: str, quantity: int = 1, expected_version: int | None = None) -> Cart:
        """Put `quantity` more pieces of `sku` into the cart.

        Raises InsufficientStock when the cart would then hold more than can be bought now, NotFound for the cart or the
        SKU, CartClosed, VersionConflict, ValidationError.
        """
        checks = Checks()
        sku = checks.text("sku", sku, limit=64)
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_OF_ONE)
        checks.done()
        row = self.lock(cart_id, expected_version)
        offer = self._session.execute(_OFFER, {"sku": sku, "currency": row.currency, "cart_id": cart_id}).first()
        if offer is None:
            raise NotFound("sku", sku)
        if offer.amount is None:
            raise ValidationError.of("sku", "no_price", currency=row.currency)
        wanted = quantity + (offer.quantity or 0)
        _check_available(sku, wanted, offer.available)
        if offer.quantity is None and offer.lines >= MOST_LINES:
            raise ValidationError.of("lines", "too_many", limit=MOST_LINES)
        of_line = {"cart_id": cart_id, "variant_id": offer.id}
        if offer.quantity is None:
            self._session.execute(insert(line), of_line | {"quantity": quantity})
        else:
            here = and_(line.c.cart_id == cart_id, line.c.variant_id == offer.id)
            self._session.execute(update(line).where(here).values(quantity=wanted))
        return self._changed(row)

    def update(self, cart_id: str, line_id: int, *, quantity: int, expected_version: int | None = None) -> Cart:
        """Change a line to `quantity` pieces; 0 removes it. Raises as `add` does."""
        checks = Checks()
        checks.whole("quantity", quantity, at_least=0, at_most=MOST_OF_ONE)
        checks.done()
        known = type(line_id) is int and 0 < line_id <= BIGGEST_ID
        row = self._row(cart_id, _LOCK_WITH_LINE, line_id=line_id if known else 0)
        _check_open(row, expected_version)
        if row.sku is None:
            raise NotFound("line", line_id)
        if quantity:
            _check_available(row.sku, quantity, row.available)
        here = (line.c.id == line_id, line.c.cart_id == cart_id)
        change = update(line).where(*here).values(quantity=quantity) if quantity else delete(line).where(*here)
        if self._session.execute(change.returning(line.c.id)).first() is None:
            raise NotFound("line", line_id)  # somebody took it out while we waited for the lock
        return self._changed(row)

    def remove(self, cart_id: str, line_id: int, *, expected_version: int | None = None) -> Cart:
        """Take a line out. Raises NotFound, CartClosed, VersionConflict."""
        return self.update(cart_id, line_id, quantity=0, expected_version=expected_version)

    def add_coupon(self, cart_id: str, code: str) -> Cart:
        """Put a coupon into the cart; what it takes off is worked out at every reading.

        Raises ValidationError for an unknown code, CouponNotApplicable, NotFound, CartClosed.
        """
        row = self.lock(cart_id)
        self._promotions.put_in(cart_id, code, row.currency)
        return self._changed(row)

    def remove_coupon(self, cart_id: str, code: str) -> Cart:
        """Take a coupon out. Raises NotFound for the cart and for a coupon that is not inside, CartClosed."""
        row = self.lock(cart_id)
        self._promotions.take_out(cart_id, code)
        return self._changed(row)

    def lock(self, cart_id: str, expected_version: int | None = None) -> Any:
        """The row of an open cart, held until the transaction ends. Raises NotFound, CartClosed, VersionConflict."""
        row = self._row(cart_id, _LOCK)
        _check_open(row, expected_version)
        return row

    def peek(self, cart_id: str) -> Any:
        """The row of a cart in any state, held until the transaction ends. Raises NotFound."""
        return self._row(cart_id, _LOCK)

    def close(self, cart_id: str) -> None:
        """The cart has become an order."""
        self._touch(cart_id, "ordered")

    def reopen(self, cart_id: str) -> None:
        """Its order has come to nothing: the buyer may try again."""
        self._touch(cart_id, "open")

    def _row(self, cart_id: str, query: Any, **more: int) -> Any:
        known = isinstance(cart_id, str) and storable(cart_id)
        row = self._session.execute(query, {"cart_id": cart_id, **more}).first() if known else None
        if row is None:
            raise NotFound("cart", cart_id)
        return row

    def _touch(self, cart_id: str, status: str) -> None:
        self._session.execute(_TOUCH, {"of": cart_id, "to": status, "now": self._work.clock.now()})
        self._work.outbox.announce(CartChanged(cart_id))

    def _changed(self, row: Any) -> Cart:
        self._touch(row.id, "open")
        return self._load(row, "open", row.version + 1)

    def _load(self, row: Any, status: str, version: int) -> Cart:
        cart_id, currency = row.id, row.currency
        rows = self._session.execute(_LINES, {"cart_id": cart_id, "currency": currency}).all()
        facts = facts_in(rows[0]) if rows else self._promotions.facts(cart_id)
        priced = self._pricing.items(rows, facts=facts, currency=currency)
        there = [(each, at) for each, at in zip(rows, priced, strict=True) if at is not None]
        lines = tuple(
            CartLine(
                id=each.id,
                variant_id=each.variant_id,
                product_id=each.product_id,
                sku=each.sku,
                name=f"{each.name} – {each.variant_name}" if each.variant_name else each.name,
                quantity=each.quantity,
                unit_price=Money(at.item.unit_price, currency),
                total=Money(at.item.unit_price * each.quantity, currency),
                weight_grams=each.weight_grams,
            )
            for each, at in there
        )
        worked = self._promotions.work_out([at.item for _, at in there], facts, currency=currency)
        discount = sum(worked.outcome.discounts.values())
        totals = _totals(lines, Money(discount, currency))
        return Cart(cart_id, currency, version, status, lines, worked.coupons, totals, worked.uses)


def _check_open(row: Any, expected_version: int | None) -> None:
    if row.status != "open":
        raise CartClosed(row.id)
    if expected_version is not None and expected_version != row.version:
        raise VersionConflict(expected=expected_version, actual=row.version)


def _check_available(sku: str, wanted: int, available: int) -> None:
    if wanted > MOST_OF_ONE:
        raise ValidationError.of("quantity", "too_large", limit=MOST_OF_ONE)
    if wanted > available:
        raise InsufficientStock(sku=sku, requested=wanted, available=available)


def _totals(lines: tuple[CartLine, ...], discount: Money) -> Totals:
    none = Money(0, discount.currency)
    items = sum((each.total for each in lines), none)
    return Totals(items, discount, none, none, items - discount)
