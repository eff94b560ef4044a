"""Carts.

A cart holds wishes, not goods: prices and stock are those of the moment it is read. Every change locks the cart's row,
so two changes of one cart follow each other, and none comes after it has become an order. Every change takes an
`expected_version`: given one, it happens only if the cart is still at that version.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from mestres_core.cart import merging
from mestres_core.cart.dto import Cart, CartNote
from mestres_core.cart.inputs import check_currency, check_optional, check_version, check_wishes
from mestres_core.cart.loading import (
    CONTENT,
    HEAD,
    CartReader,
    LineRow,
    Loaded,
    is_stale,
    lines_in,
    offer_in,
    offered,
)
from mestres_core.cart.models import cart, line
from mestres_core.catalog.models import price, variant
from mestres_core.customers.service import CustomerService
from mestres_core.db.later import write, write_and_ask
from mestres_core.errors import (
    CartClosed,
    CartEmpty,
    InsufficientStock,
    NotFound,
    NotPublished,
    ValidationError,
    VersionConflict,
)
from mestres_core.events.facts import CartChanged
from mestres_core.events.work import Work
from mestres_core.inventory.dto import Reservation
from mestres_core.inventory.holding import hold
from mestres_core.inventory.models import buyable_by, level
from mestres_core.inventory.reservations import DEFAULT_TIME, ReservationService
from mestres_core.pricing.service import PricingService
from mestres_core.promotions.book import facts_in
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.merging import POLICIES
from mestres_core.typing import CartMergePolicy, ReservationPolicy, ReservationRequest

MOST_LINES = 100
MOST_OF_ONE = 999
_CART = select(*HEAD).where(cart.c.id == bindparam("cart_id"))
_LOCK = _CART.with_for_update()
# In one order of locks, whoever asks: two logins cannot wait for each other.
_LOCK_BOTH = (
    select(*HEAD).where(cart.c.id.in_((bindparam("one"), bindparam("other")))).order_by(cart.c.id).with_for_update()
)
_OF_OWNER = (
    select(*HEAD)
    .where(cart.c.owner == bindparam("owner"), cart.c.channel == bindparam("channel"), cart.c.status == "open")
    .order_by(cart.c.updated_at.desc(), cart.c.id)
    .limit(1)
)
_CREATE = insert(cart)
_held = line.alias("held")
# The cart's own reservation is no hindrance to it, nor is one whose time is over.
_BUYABLE = buyable_by(bindparam("cart_id"), bindparam("now"))
_OFFER = select(*HEAD, *CONTENT, offered(_BUYABLE)).where(cart.c.id == bindparam("cart_id"))
_LOCK_WITH_OFFER = _OFFER.with_for_update(of=cart)
_WHOLE = select(*HEAD, *CONTENT).where(cart.c.id == bindparam("cart_id"))
_LOCK_WHOLE = _WHOLE.with_for_update(of=cart)
_ADD_LINE = insert(line).returning(line.c.id)
_SET_LINE = update(line).where(line.c.id == bindparam("of")).values(quantity=bindparam("to"))
# The pieces of the variant's other lines count too; decided in the statement that changes the line, after the lock.
_of_others = (
    select(func.coalesce(func.sum(_held.c.quantity), 0))
    .where(_held.c.cart_id == line.c.cart_id, _held.c.variant_id == line.c.variant_id, _held.c.id != line.c.id)
    .scalar_subquery()
)
_there = (
    select(buyable_by(bindparam("in_cart"), bindparam("now")))
    .where(level.c.variant_id == line.c.variant_id)
    .scalar_subquery()
)
_HERE = and_(line.c.id == bindparam("of"), line.c.cart_id == bindparam("in_cart"))
_CHANGE_LINE = (
    update(line)
    .where(_HERE, bindparam("to") + _of_others <= _there)
    .values(quantity=bindparam("to"))
    .returning(line.c.id)
)
_REMOVE_LINE = delete(line).where(_HERE).returning(line.c.id)
_WHY_NOT = (
    select(variant.c.sku, _of_others.label("others"), _there.label("available"))
    .select_from(line.join(variant, variant.c.id == line.c.variant_id))
    .where(_HERE)
)
_WITHOUT_PRICE = (
    select(variant.c.sku)
    .select_from(
        line.join(variant, variant.c.id == line.c.variant_id).outerjoin(
            price, and_(price.c.variant_id == line.c.variant_id, price.c.currency == bindparam("currency"))
        )
    )
    .where(line.c.cart_id == bindparam("cart_id"), price.c.amount.is_(None))
    .order_by(variant.c.sku)
    .distinct()
)
_SET_CURRENCY = update(cart).where(cart.c.id == bindparam("of")).values(currency=bindparam("to"))
_ASSIGN = (
    update(cart).where(cart.c.id == bindparam("of")).values(owner=bindparam("to"), customer_group=bindparam("group"))
)
_TOUCH = (
    update(cart)
    .where(cart.c.id == bindparam("of"))
    .values(version=cart.c.version + 1, status=bindparam("to"), updated_at=bindparam("now"))
)


class CartService:
    """Carts in one unit of work.

    `idle` is how long a cart that nobody changes stays open (None: for ever); `holding` says whether its pieces are set
    aside when its lines change (None: they are not).
    """

    def __init__(
        self,
        work: Work,
        promotions: PromotionService,
        pricing: PricingService,
        *,
        reservations: ReservationService,
        idle: timedelta | None = None,
        policies: Mapping[str, CartMergePolicy] | None = None,
        holding: ReservationPolicy | None = None,
        customers: CustomerService | None = None,
    ) -> None:
        self._work = work
        self._session = work.session
        self._promotions = promotions
        self.reader = CartReader(work, promotions, pricing, idle)
        self._reservations = reservations
        self._policies = policies or {}
        self._holding = holding
        self._customers = customers

    def create(
        self,
        *,
        currency: str = "BRL",
        owner: str | None = None,
        channel: str = "default",
        customer_group: str | None = None,
    ) -> Cart:
        """A new empty cart: a guest's, or of `owner`, the host's own name for a user (at most 120 characters).

        `currency` is a code of three capital letters, `channel` (at most 40 characters) the shop front it is of,
        `customer_group` (at most 40) whose prices it gets; without one, an owner's account says it. Raises
        ValidationError.
        """
        checks = Checks()
        check_currency(checks, currency)
        owner = check_optional(checks, "owner", owner, limit=120)
        channel = checks.text("channel", channel, limit=40)
        customer_group = check_optional(checks, "customer_group", customer_group, limit=40)
        checks.done()
        customer_group = self._group_of(owner, customer_group)
        cart_id, now = self._work.ids.token(), self._work.clock.now()
        row = {
            "id": cart_id,
            "currency": currency,
            "status": "open",
            "version": 1,
            "owner": owner,
            "channel": channel,
            "customer_group": customer_group,
            "created_at": now,
            "updated_at": now,
        }
        self._session.execute(_CREATE, row)
        return self.reader.empty(row)

    def get(self, cart_id: str) -> Cart:
        """A cart at today's prices, whatever its status. Raises NotFound."""
        row = self._row(cart_id, _WHOLE, now=self._work.clock.now())
        return self.reader.cart(self.reader.load(row, lines_in(row), facts_in(row)))

    def of_owner(self, owner: str, *, channel: str = "default") -> Cart | None:
        """The open cart of this owner that was changed last, if there is one. Raises ValidationError."""
        checks = Checks()
        owner = checks.text("owner", owner, limit=120)
        channel = checks.text("channel", channel, limit=40)
        checks.done()
        row = self._session.execute(_OF_OWNER, {"owner": owner, "channel": channel}).first()
        return None if row is None or self._is_over(row) else self.loaded(row)

    def loaded(self, row: Any) -> Cart:
        """The cart of a row that `lock` or `peek` gave."""
        return self.reader.cart(self.reader.read(row))

    def add(
        self,
        cart_id: str,
        *,
        sku: str,
        quantity: int = 1,
        attributes: Mapping[str, str | int | bool] | None = None,
        expected_version: int | None = None,
    ) -> Cart:
        """Put `quantity` (1 to 999) more pieces of `sku` into the cart.

        `attributes` are the buyer's wishes for them ({"grind": "fine"}: at most 20 names, values are text, whole
        numbers or booleans). The same SKU with other wishes is another line; all its lines share its stock.

        Raises InsufficientStock when the cart would then hold more than can be bought now, NotFound for the cart or the
        SKU, NotPublished for one that the cart's channel does not show, CartClosed, VersionConflict, ValidationError.
        """
        checks = Checks()
        sku = checks.text("sku", sku, limit=64)
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_OF_ONE)
        wishes, wish_key = check_wishes(checks, attributes)
        check_version(checks, expected_version)
        checks.done()
        row = self._lock_whole(cart_id, _LOCK_WITH_OFFER, _OFFER, sku=sku)
        self.check_open(row, expected_version)
        lines, offer = lines_in(row), offer_in(row)
        if offer is None:
            raise NotFound("sku", sku)
        of_variant, available = offer
        if not of_variant.shown:
            raise NotPublished(sku=sku, channel=row.channel)
        if of_variant.amount is None:
            raise ValidationError.of("sku", "no_price", currency=row.currency)
        same = [each for each in lines if each.variant_id == of_variant.variant_id]
        there = next((each for each in same if each.attributes_key == wish_key), None)
        wanted = quantity + (0 if there is None else there.quantity)
        if wanted > MOST_OF_ONE:
            raise ValidationError.of("quantity", "too_large", limit=MOST_OF_ONE)
        pieces = quantity + sum(each.quantity for each in same)
        if pieces > available:
            raise InsufficientStock(sku=sku, requested=pieces, available=available)
        if there is None and len(lines) >= MOST_LINES:
            raise ValidationError.of("lines", "too_many", limit=MOST_LINES)
        with self._whole():
            changed = self._touched(row)
            new = (there or of_variant)._replace(quantity=wanted, attributes_key=wish_key)
            if there is None:
                new = self._add_line(cart_id, new._replace(attributes=dict(wishes)))
            else:
                write(self._session, _SET_LINE, {"of": new.id, "to": wanted})
            lines = [each for each in lines if each is not there]
            made = self.reader.cart(self.reader.load(row, sorted([*lines, new]), facts_in(row), **changed))
            self._hold(made)
            return made

    def _add_line(self, cart_id: str, new: LineRow) -> LineRow:
        row = {"cart_id": cart_id, "variant_id": new.variant_id, "quantity": new.quantity}
        row |= {"attributes": new.attributes, "attributes_key": new.attributes_key}
        return new._replace(id=write_and_ask(self._session, _ADD_LINE, row).scalar_one())

    def update(self, cart_id: str, line_id: int, *, quantity: int, expected_version: int | None = None) -> Cart:
        """Change a line to `quantity` pieces (0 to 999); 0 removes it. Raises as `add` does."""
        checks = Checks()
        checks.whole("quantity", quantity, at_least=0, at_most=MOST_OF_ONE)
        check_version(checks, expected_version)
        checks.done()
        row = self.lock(cart_id, expected_version)
        known = type(line_id) is int and 0 < line_id <= BIGGEST_ID
        here = {"of": line_id, "in_cart": cart_id, "now": self._work.clock.now()}
        statement, asked = (_CHANGE_LINE, here | {"to": quantity}) if quantity else (_REMOVE_LINE, here)
        with self._whole():
            if not known or self._session.execute(statement, asked).first() is None:
                why = self._session.execute(_WHY_NOT, here).first() if known else None
                if why is None:
                    raise NotFound("line", line_id)
                raise InsufficientStock(sku=why.sku, requested=quantity + why.others, available=why.available)
            return self._changed_lines(row)

    def remove(self, cart_id: str, line_id: int, *, expected_version: int | None = None) -> Cart:
        """Take a line out. Raises NotFound, CartClosed, VersionConflict, ValidationError."""
        return self.update(cart_id, line_id, quantity=0, expected_version=expected_version)

    def add_coupon(self, cart_id: str, code: str, *, expected_version: int | None = None) -> Cart:
        """Put a coupon into the cart; what it takes off is worked out at every reading.

        Raises ValidationError for an unknown code, CouponNotApplicable, NotFound, CartClosed, VersionConflict.
        """
        row = self._lock_checked(cart_id, expected_version)
        self._promotions.put_in(cart_id, code, row.currency)
        return self._changed(row)

    def remove_coupon(self, cart_id: str, code: str, *, expected_version: int | None = None) -> Cart:
        """Take a coupon out.

        Raises NotFound for the cart and for a coupon that is not inside, CartClosed, VersionConflict, ValidationError.
        """
        row = self._lock_checked(cart_id, expected_version)
        self._promotions.take_out(cart_id, code)
        return self._changed(row)

    def change_currency(self, cart_id: str, *, currency: str, expected_version: int | None = None) -> Cart:
        """Price the whole cart in another currency: a cart holds no prices, so its lines simply get that list's.

        Refused, with nothing changed, when a line has no price there: ValidationError names each SKU. Coupons in
        another currency stay and count for nothing. Raises NotFound, CartClosed, VersionConflict.
        """
        checks = Checks()
        check_currency(checks, currency)
        check_version(checks, expected_version)
        checks.done()
        row = self.lock(cart_id, expected_version)
        if currency == row.currency:
            return self.loaded(row)
        missing = self._session.execute(_WITHOUT_PRICE, {"cart_id": cart_id, "currency": currency}).scalars()
        for sku in missing:
            checks.wrong(f"lines.{sku}", "no_price", currency=currency)
        checks.done()
        self._session.execute(_SET_CURRENCY, {"of": cart_id, "to": currency})
        return self._changed(row, currency=currency)

    def assign(
        self, cart_id: str, *, owner: str, customer_group: str | None = None, expected_version: int | None = None
    ) -> Cart:
        """Make a guest's cart the account's that has none, with the prices of its `customer_group`.

        Without one the account says it. Its owner may be told again (another group, then). Raises NotFound, CartClosed,
        VersionConflict, ValidationError also for a cart of somebody else.
        """
        checks = Checks()
        owner = checks.text("owner", owner, limit=120)
        customer_group = check_optional(checks, "customer_group", customer_group, limit=40)
        check_version(checks, expected_version)
        checks.done()
        row = self.lock(cart_id, expected_version)
        if row.owner not in (None, owner):
            raise ValidationError.of("owner", "invalid", reason="the cart belongs to another account")
        customer_group = self._group_of(owner, customer_group)
        self._session.execute(_ASSIGN, {"of": cart_id, "to": owner, "group": customer_group})
        self._touch(cart_id, "open")
        return self.get(cart_id)

    def merge(self, guest_id: str, *, into: str, policy: str = "merge", expected_version: int | None = None) -> Cart:
        """Join a guest's cart with the account's cart `into` when the guest signs in; returns the account's.

        `policy`: merge (both; where both have a line, the guest's quantity), sum (both, added up), use_guest,
        use_existing, guest_if_existing_empty, or one of `Config.merge_policies`. The guest's coupons come along with
        its lines. Quantities are cut to what
        can be bought; `notes` of the cart tell what was cut, and the lines that were left out because the guest's cart
        was in another currency. The guest's cart is closed as merged; asked again, nothing changes.

        `expected_version` is that of `into`. Raises NotFound, CartClosed, VersionConflict, ValidationError.
        """
        checks = Checks()
        checks.choice("policy", policy, (*POLICIES, *self._policies))
        check_version(checks, expected_version)
        if guest_id == into:
            checks.wrong("into", "invalid", reason="a cart cannot be merged into itself")
        checks.done()
        guest, target = self._both(guest_id, into)
        if guest.status == "merged" and guest.merged_into == target.id:
            return self.loaded(target)
        self.check_open(guest, None)
        self.check_open(target, expected_version)
        merging.check_pair(guest, target)
        with self._whole():
            self._reservations.leave(guest_id)
            notes = merging.join(
                self._work,
                guest,
                target,
                policy=policy,
                own=self._policies.get(policy),
                most_of_one=MOST_OF_ONE,
                most_lines=MOST_LINES,
            )
            self._work.outbox.announce(CartChanged(guest_id))
            return self._changed_lines(target, notes=notes)

    def reserve(
        self, cart_id: str, *, ttl: timedelta = DEFAULT_TIME, expected_version: int | None = None
    ) -> Reservation:
        """Set the cart's pieces aside for so long (1 second to 30 days): only its own order can take them meanwhile.

        They are those of this moment: call it again when the cart has changed, or to have more time.
        `shop.reservations.release(cart_id)` gives them back. Raises InsufficientStock, CartEmpty, NotFound, CartClosed,
        VersionConflict, ValidationError.
        """
        row = self._lock_checked(cart_id, expected_version)
        items: dict[str, int] = {}
        for each in self.loaded(row).lines:
            items[each.sku] = items.get(each.sku, 0) + each.quantity
        if not items:
            raise CartEmpty(cart_id)
        return self._reservations.reserve(cart_id, items=items, ttl=ttl)

    def expire(self, *, limit: int = 1000) -> int:
        """Close carts that nobody has changed for longer than `Times.cart`, oldest first; returns how many.

        Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.done()
        if self.reader.idle is None:
            return 0
        now = self._work.clock.now()
        over = (cart.c.status == "open", cart.c.updated_at <= now - self.reader.idle)
        due = select(cart.c.id).where(*over).order_by(cart.c.updated_at).limit(limit)
        closed = self._session.execute(
            update(cart)
            .where(cart.c.id.in_(due), *over)
            .values(status="expired", version=cart.c.version + 1)
            .returning(cart.c.id)
        )
        ids = list(closed.scalars())
        self._work.outbox.announce(*(CartChanged(each) for each in ids))
        return len(ids)

    def lock(self, cart_id: str, expected_version: int | None = None) -> Any:
        """The row of an open cart, held until the transaction ends. Raises NotFound, CartClosed, VersionConflict."""
        row = self._row(cart_id, _LOCK)
        self.check_open(row, expected_version)
        return row

    def lock_loaded(self, cart_id: str) -> Loaded:
        """An open cart with its lines, held until the transaction ends. Raises NotFound, CartClosed."""
        row = self._lock_whole(cart_id, _LOCK_WHOLE, _WHOLE)
        self.check_open(row)
        return self.reader.load(row, lines_in(row), facts_in(row))

    def peek(self, cart_id: str) -> Any:
        """The row of a cart in any state, held until the transaction ends. Raises NotFound."""
        return self._row(cart_id, _LOCK)

    def close(self, cart_id: str) -> None:
        """The cart has become an order."""
        self._touch(cart_id, "ordered")

    def reopen(self, cart_id: str) -> None:
        """Its order has come to nothing: the buyer may try again."""
        self._touch(cart_id, "open")

    def _whole(self) -> AbstractContextManager[object]:
        """A change and its reservation happen together or not at all, also in a host's transaction."""
        return nullcontext() if self._holding is None else self._session.begin_nested()

    def _changed_lines(self, row: Any, *, notes: tuple[CartNote, ...] = ()) -> Cart:
        made = self._changed(row, notes=notes)
        self._hold(made)
        return made

    def _hold(self, made: Cart) -> None:
        if self._holding is not None:
            hold(self._holding, self._reservations, request_of("cart", made))

    def _group_of(self, owner: str | None, group: str | None) -> str | None:
        if group is not None or owner is None or self._customers is None:
            return group
        return self._customers.group_of(owner)

    def _lock_checked(self, cart_id: str, expected_version: Any) -> Any:
        checks = Checks()
        check_version(checks, expected_version)
        checks.done()
        return self.lock(cart_id, expected_version)

    def _row(self, cart_id: str, query: Any, **asked: Any) -> Any:
        known = isinstance(cart_id, str) and storable(cart_id)
        row = self._session.execute(query, {"cart_id": cart_id, **asked}).first() if known else None
        if row is None:
            raise NotFound("cart", cart_id)
        return row

    def _lock_whole(self, cart_id: str, lock: Any, again: Any, **asked: Any) -> Any:
        """The row of a cart with its content, held; asked `again` when somebody else was changing it just now."""
        asked["now"] = self._work.clock.now()
        row = self._row(cart_id, lock, **asked)
        return self._row(cart_id, again, **asked) if is_stale(row) else row

    def _both(self, one: str, other: str) -> tuple[Any, Any]:
        for each in (one, other):
            if not isinstance(each, str) or not storable(each):
                raise NotFound("cart", each)
        found = {row.id: row for row in self._session.execute(_LOCK_BOTH, {"one": one, "other": other})}
        for each in (one, other):
            if each not in found:
                raise NotFound("cart", each)
        return found[one], found[other]

    def _is_over(self, row: Any) -> bool:
        idle = self.reader.idle
        return idle is not None and row.updated_at + idle <= self._work.clock.now()

    def check_open(self, row: Any, expected_version: int | None = None) -> None:
        """Raises CartClosed for a row of a cart that is not open any more, VersionConflict."""
        if row.status != "open":
            raise CartClosed(row.id, row.status)
        if self._is_over(row):
            raise CartClosed(row.id, "expired")
        if expected_version is not None and expected_version != row.version:
            raise VersionConflict(expected=expected_version, actual=row.version)

    def _touch(self, cart_id: str, status: str) -> Any:
        now = self._work.clock.now()
        write(self._session, _TOUCH, {"of": cart_id, "to": status, "now": now})
        self._work.outbox.announce(CartChanged(cart_id))
        return now

    def _changed(self, row: Any, *, currency: str | None = None, notes: tuple[CartNote, ...] = ()) -> Cart:
        changed = self._touched(row)
        return self.reader.cart(self.reader.read(row, **changed, currency=currency), notes=notes)

    def _touched(self, row: Any) -> dict[str, Any]:
        """Note that an open cart was changed; its HEAD as far as it is another one now."""
        now = self._touch(row.id, "open")
        return {"status": "open", "version": row.version + 1, "updated_at": now}


def request_of(step: str, made: Cart) -> ReservationRequest:
    """What a reservation policy is asked about a cart."""
    items: dict[str, int] = {}
    for each in made.lines:
        items[each.sku] = items.get(each.sku, 0) + each.quantity
    return ReservationRequest(
        step=step,
        cart_id=made.id,
        items=items,
        total=made.totals.grand,
        channel=made.channel,
        customer_group=made.customer_group,
        owner=made.owner,
    )
