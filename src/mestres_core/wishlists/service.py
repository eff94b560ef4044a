"""Wish lists of customers.

Invariant: a customer has one list of a name, and a variant is on a list once, however often it is added.

A list holds no goods and no prices: both are those of the moment it is read. Every call that changes a list names the
customer whose list it must be; somebody else's is as good as unknown.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, delete, func, select, update

from mestres_core.cart.dto import Cart
from mestres_core.cart.service import CartService
from mestres_core.catalog.models import price, product, variant
from mestres_core.customers.inputs import is_id
from mestres_core.customers.service import CustomerService
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.inventory.models import BUYABLE, level
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.money import Money
from mestres_core.wishlists.dto import Wishlist, WishlistItem
from mestres_core.wishlists.models import item, wishlist

DEFAULT_NAME = "Favoritos"
MOST_LISTS = 50
MOST_ITEMS = 500
_HEAD = (wishlist.c.id, wishlist.c.customer_id, wishlist.c.name, wishlist.c.share_token)
_ONE = select(*_HEAD).where(wishlist.c.id == bindparam("id"), wishlist.c.customer_id == bindparam("customer_id"))
_LOCK = _ONE.with_for_update()
_BY_TOKEN = select(*_HEAD).where(wishlist.c.share_token == bindparam("token"))
_BY_NAME = select(*_HEAD).where(
    wishlist.c.customer_id == bindparam("customer_id"), wishlist.c.name == bindparam("name")
)
_OF_CUSTOMER = select(*_HEAD).where(wishlist.c.customer_id == bindparam("customer_id")).order_by(wishlist.c.id)
_ITEMS = (
    select(
        item.c.wishlist_id,
        variant.c.sku,
        product.c.id.label("product_id"),
        product.c.slug,
        product.c.name,
        variant.c.name.label("variant"),
        price.c.amount,
        func.coalesce(BUYABLE, 0).label("available"),
        and_(product.c.active, variant.c.active).label("active"),
        item.c.created_at,
    )
    .select_from(
        item.join(variant, variant.c.id == item.c.variant_id)
        .join(product, product.c.id == variant.c.product_id)
        .outerjoin(level, level.c.variant_id == variant.c.id)
        .outerjoin(price, and_(price.c.variant_id == variant.c.id, price.c.currency == bindparam("currency")))
    )
    .where(item.c.wishlist_id.in_(bindparam("ids", expanding=True)))
    .order_by(item.c.created_at.desc(), item.c.variant_id.desc())
)
_VARIANT = (
    select(variant.c.id)
    .join(product, product.c.id == variant.c.product_id)
    .where(variant.c.sku == bindparam("sku"), variant.c.active, product.c.active)
)
_COUNT = select(func.count()).select_from(item).where(item.c.wishlist_id == bindparam("id"))
_COUNT_LISTS = select(func.count()).select_from(wishlist).where(wishlist.c.customer_id == bindparam("customer_id"))
_REMOVE = delete(item).where(
    item.c.wishlist_id == bindparam("of"),
    item.c.variant_id == select(variant.c.id).where(variant.c.sku == bindparam("sku")).scalar_subquery(),
)
_THERE = (
    select(item.c.variant_id)
    .join(variant, variant.c.id == item.c.variant_id)
    .where(item.c.wishlist_id == bindparam("of"), variant.c.sku == bindparam("sku"))
)
_SHARE = update(wishlist).where(wishlist.c.id == bindparam("of")).values(share_token=bindparam("token"))


class WishlistService:
    """Wish lists in one unit of work."""

    def __init__(self, work: Work, customers: CustomerService, carts: CartService) -> None:
        self._work = work
        self._session: Any = work.session
        self._customers = customers
        self._carts = carts

    def create(self, customer_id: int, *, name: str = DEFAULT_NAME) -> Wishlist:
        """A customer's list of this name (at most 120 characters), made when there is none yet; at most 50 lists.

        Raises NotFound, ValidationError.
        """
        checks = Checks()
        name = checks.text("name", name, limit=120)
        checks.done()
        owner = self._customers.lock(customer_id)
        row = self._session.execute(_BY_NAME, {"customer_id": owner.id, "name": name}).first()
        if row is not None:
            return self._shown((row,), "BRL")[0]
        if self._session.execute(_COUNT_LISTS, {"customer_id": owner.id}).scalar_one() >= MOST_LISTS:
            raise ValidationError.of("lists", "too_many", limit=MOST_LISTS)
        values = {"customer_id": owner.id, "name": name, "created_at": self._work.clock.now()}
        new = upsert(self._work.dialect, wishlist).values(values).returning(*_HEAD)
        return _list(self._session.execute(new).one(), ())

    def get(self, wishlist_id: int, *, customer_id: int, currency: str = "BRL") -> Wishlist:
        """A list of the customer's, newest wishes first. Raises NotFound, ValidationError."""
        return self._shown((self._row(wishlist_id, customer_id, _ONE),), currency)[0]

    def of_customer(self, customer_id: int, *, currency: str = "BRL") -> tuple[Wishlist, ...]:
        """All lists of a customer, the oldest first, with their wishes. Raises NotFound, ValidationError."""
        owner = self._customers.get(customer_id).id
        return self._shown(self._session.execute(_OF_CUSTOMER, {"customer_id": owner}).all(), currency)

    def of_token(self, token: str, *, currency: str = "BRL") -> Wishlist:
        """The list that was shared with this token. Raises NotFound, ValidationError."""
        known = isinstance(token, str) and storable(token)
        row = self._session.execute(_BY_TOKEN, {"token": token}).first() if known else None
        if row is None:
            raise NotFound("wish list", "with this token")
        return self._shown((row,), currency)[0]

    def add(self, wishlist_id: int, *, customer_id: int, sku: str) -> Wishlist:
        """Put a variant on a list (at most 500); what is on it already stays as it is.

        Raises NotFound, ValidationError.
        """
        row = self._row(wishlist_id, customer_id, _LOCK)
        known = isinstance(sku, str) and storable(sku)
        variant_id = self._session.execute(_VARIANT, {"sku": sku}).scalar() if known else None
        if variant_id is None:
            raise NotFound("sku", sku)
        if self._session.execute(_COUNT, {"id": row.id}).scalar_one() >= MOST_ITEMS:
            raise ValidationError.of("items", "too_many", limit=MOST_ITEMS)
        wish = {"wishlist_id": row.id, "variant_id": variant_id, "created_at": self._work.clock.now()}
        self._session.execute(upsert(self._work.dialect, item).values(wish).on_conflict_do_nothing())
        return self._shown((row,), "BRL")[0]

    def remove(self, wishlist_id: int, *, customer_id: int, sku: str) -> Wishlist:
        """Take a variant from a list. Raises NotFound, also for one that is not on it."""
        row = self._row(wishlist_id, customer_id, _LOCK)
        known = isinstance(sku, str) and storable(sku)
        if not known or not self._session.execute(_REMOVE, {"of": row.id, "sku": sku}).rowcount:
            raise NotFound("sku", sku)
        return self._shown((row,), "BRL")[0]

    def move_to_cart(self, wishlist_id: int, *, customer_id: int, sku: str, cart_id: str, quantity: int = 1) -> Cart:
        """Put a wish into a cart and take it from the list: both or neither. Raises as `remove` and `carts.add` do."""
        row = self._row(wishlist_id, customer_id, _LOCK)
        wish = {"of": row.id, "sku": sku}
        known = isinstance(sku, str) and storable(sku)
        if not known or self._session.execute(_THERE, wish).first() is None:
            raise NotFound("sku", sku)
        # First what may be refused: in a host's transaction nobody else takes the rest back.
        cart = self._carts.add(cart_id, sku=sku, quantity=quantity)
        self._session.execute(_REMOVE, wish)
        return cart

    def rename(self, wishlist_id: int, *, customer_id: int, name: str) -> Wishlist:
        """Give a list another name. Raises NotFound, ValidationError, also for a name that is in use."""
        checks = Checks()
        name = checks.text("name", name, limit=120)
        checks.done()
        row = self._row(wishlist_id, customer_id, _ONE)
        self._customers.lock(row.customer_id)  # one at a time: no other list takes the name meanwhile
        other = self._session.execute(_BY_NAME, {"customer_id": row.customer_id, "name": name}).first()
        if other is not None and other.id != row.id:
            raise ValidationError.of("name", "duplicate", value=name)
        self._session.execute(update(wishlist).where(wishlist.c.id == row.id).values(name=name))
        return self.get(row.id, customer_id=row.customer_id)

    def share(self, wishlist_id: int, *, customer_id: int) -> str:
        """A token that opens the list for reading; one that it has already stays. Raises NotFound."""
        row = self._row(wishlist_id, customer_id, _LOCK)
        if row.share_token is not None:
            return str(row.share_token)
        token = self._work.ids.token()
        self._session.execute(_SHARE, {"of": row.id, "token": token})
        return token

    def unshare(self, wishlist_id: int, *, customer_id: int) -> None:
        """Let the token open nothing any more. Raises NotFound."""
        row = self._row(wishlist_id, customer_id, _LOCK)
        self._session.execute(_SHARE, {"of": row.id, "token": None})

    def delete(self, wishlist_id: int, *, customer_id: int) -> None:
        """Delete a list with its wishes. Raises NotFound."""
        row = self._row(wishlist_id, customer_id, _LOCK)
        self._session.execute(delete(item).where(item.c.wishlist_id == row.id))
        self._session.execute(delete(wishlist).where(wishlist.c.id == row.id))

    def _row(self, wishlist_id: int, customer_id: int, query: Any) -> Any:
        row = None
        if is_id(wishlist_id) and is_id(customer_id):
            owner = self._customers.get(customer_id).id
            row = self._session.execute(query, {"id": wishlist_id, "customer_id": owner}).first()
        if row is None:
            raise NotFound("wish list", wishlist_id)
        return row

    def _shown(self, rows: Any, currency: str) -> tuple[Wishlist, ...]:
        checks = Checks()
        checks.text("currency", currency, limit=3)
        checks.done()
        items: dict[int, list[WishlistItem]] = {row.id: [] for row in rows}
        if not items:
            return ()
        for each in self._session.execute(_ITEMS, {"ids": sorted(items), "currency": currency}):
            name = f"{each.name} – {each.variant}" if each.variant else each.name
            cost = None if each.amount is None else Money(each.amount, currency)
            wish = WishlistItem(
                each.sku,
                each.product_id,
                each.slug,
                name,
                cost,
                max(each.available, 0),
                bool(each.active),
                each.created_at,
            )
            items[each.wishlist_id].append(wish)
        return tuple(_list(row, tuple(items[row.id])) for row in rows)


def _list(row: Any, items: tuple[WishlistItem, ...]) -> Wishlist:
    return Wishlist(row.id, row.customer_id, row.name, row.share_token, items)
