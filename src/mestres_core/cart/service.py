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
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.money import Money

MOST_LINES = 100
MOST_OF_ONE = 999
_CART = select(cart.c.id, cart.c.currency, cart.c.status, cart.c.version).where(cart.c.id == bindparam("cart_id"))
_LOCK = _CART.with_for_update()
_LINES = (
    select(
        line.c.id,
        line.c.variant_id,
        variant.c.product_id,
        variant.c.sku,
        product.c.name,
        variant.c.name.label("variant_name"),
        line.c.quantity,
        price.c.amount,
        variant.c.weight_grams,
    )
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .join(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
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
_LINE = (
    select(line.c.id, variant.c.sku, (level.c.on_hand - level.c.allocated).label("available"))
    .select_from(line.join(variant, variant.c.id == line.c.variant_id).join(level, level.c.variant_id == variant.c.id))
    .where(line.c.id == bindparam("line_id"), line.c.cart_id == bindparam("cart_id"))
)
_TOUCH = (
    update(cart)
    .where(cart.c.id == bindparam("of"))
    .values(version=cart.c.version + 1, status=bindparam("to"), updated_at=bindparam("now"))
)


class CartService:
    """Carts in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

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
        return _cart(cart_id, currency, "open", 1, ())

    def get(self, cart_id: str) -> Cart:
        """A cart at today's prices. Raises NotFound."""
        row = self._row(cart_id, lock=False)
        return self._load(row.id, row.currency, row.status, row.version)

    def loaded(self, row: Any) -> Cart:
        """The cart of a row that `lock` or `peek` gave."""
        return self._load(row.id, row.currency, row.status, row.version)

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
        row = self.lock(cart_id, expected_version)
        known = type(line_id) is int and 0 < line_id <= BIGGEST_ID
        found = self._session.execute(_LINE, {"line_id": line_id, "cart_id": cart_id}).first() if known else None
        if found is None:
            raise NotFound("line", line_id)
        here = line.c.id == line_id
        if quantity == 0:
            self._session.execute(delete(line).where(here))
        else:
            _check_available(found.sku, quantity, found.available)
            self._session.execute(update(line).where(here).values(quantity=quantity))
        return self._changed(row)

    def remove(self, cart_id: str, line_id: int, *, expected_version: int | None = None) -> Cart:
        """Take a line out. Raises NotFound, CartClosed, VersionConflict."""
        return self.update(cart_id, line_id, quantity=0, expected_version=expected_version)

    def lock(self, cart_id: str, expected_version: int | None = None) -> Any:
        """The row of an open cart, held until the transaction ends. Raises NotFound, CartClosed, VersionConflict."""
        row = self._row(cart_id, lock=True)
        if row.status != "open":
            raise CartClosed(cart_id)
        if expected_version is not None and expected_version != row.version:
            raise VersionConflict(expected=expected_version, actual=row.version)
        return row

    def peek(self, cart_id: str) -> Any:
        """The row of a cart in any state, held until the transaction ends. Raises NotFound."""
        return self._row(cart_id, lock=True)

    def close(self, cart_id: str) -> None:
        """The cart has become an order."""
        self._touch(cart_id, "ordered")

    def reopen(self, cart_id: str) -> None:
        """Its order has come to nothing: the buyer may try again."""
        self._touch(cart_id, "open")

    def _row(self, cart_id: str, *, lock: bool) -> Any:
        known = isinstance(cart_id, str) and storable(cart_id)
        row = self._session.execute(_LOCK if lock else _CART, {"cart_id": cart_id}).first() if known else None
        if row is None:
            raise NotFound("cart", cart_id)
        return row

    def _touch(self, cart_id: str, status: str) -> None:
        self._session.execute(_TOUCH, {"of": cart_id, "to": status, "now": self._work.clock.now()})
        self._work.outbox.announce(CartChanged(cart_id))

    def _changed(self, row: Any) -> Cart:
        self._touch(row.id, "open")
        return self._load(row.id, row.currency, "open", row.version + 1)

    def _load(self, cart_id: str, currency: str, status: str, version: int) -> Cart:
        rows = self._session.execute(_LINES, {"cart_id": cart_id, "currency": currency})
        lines = tuple(
            CartLine(
                id=row.id,
                variant_id=row.variant_id,
                product_id=row.product_id,
                sku=row.sku,
                name=f"{row.name} – {row.variant_name}" if row.variant_name else row.name,
                quantity=row.quantity,
                unit_price=Money(row.amount, currency),
                total=Money(row.amount * row.quantity, currency),
                weight_grams=row.weight_grams,
            )
            for row in rows
        )
        return _cart(cart_id, currency, status, version, lines)


def _check_available(sku: str, wanted: int, available: int) -> None:
    if wanted > MOST_OF_ONE:
        raise ValidationError.of("quantity", "too_large", limit=MOST_OF_ONE)
    if wanted > available:
        raise InsufficientStock(sku=sku, requested=wanted, available=available)


def _cart(cart_id: str, currency: str, status: str, version: int, lines: tuple[CartLine, ...]) -> Cart:
    none = Money(0, currency)
    items = sum((each.total for each in lines), none)
    return Cart(cart_id, currency, version, status, lines, (), Totals(items, none, none, none, items))
