"""From cart to order, in three short transactions.

`begin` turns a quoted cart into an order with its payment attempt: both or neither. Then the provider is called, with
no transaction open. `apply` takes what it reported, by answer, webhook or poller alike, and may be repeated.

Invariants: no order without its payment attempt; an idempotency key stands for one order, written in that order's own
transaction; the buyer pays what the quote said or gets `QuoteChanged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, exists, select

from mestres_core.cart.dto import Cart, Totals
from mestres_core.cart.models import cart
from mestres_core.cart.service import CartService
from mestres_core.checkout.dto import Begun, Placed, Quote
from mestres_core.checkout.inputs import digest, read_address, read_customer, read_key
from mestres_core.checkout.models import idempotency, quote
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import (
    CartClosed,
    CartEmpty,
    IdempotencyConflict,
    NotFound,
    QuoteChanged,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.events.work import Work
from mestres_core.orders.dto import Order
from mestres_core.orders.models import order
from mestres_core.orders.service import OrderService
from mestres_core.payments.books import Change, check
from mestres_core.payments.dto import Tender
from mestres_core.payments.models import event as ledger
from mestres_core.payments.service import PaymentService
from mestres_core.payments.tenders import read_tenders
from mestres_core.rules.checks import storable
from mestres_core.shipping.dto import ShippingOption
from mestres_core.typing import PaymentEvent, ShippingRater

_SCOPE = "checkout"
# What is known of a request, in one question: the quote that it confirms, and what its key stands for.
# And whether any event waits for a payment that is not known yet: it may be this one's.
_KNOWN = (
    select(
        quote.c.content,
        quote.c.expires_at,
        idempotency.c.request_hash,
        idempotency.c.order_number,
        exists().where(ledger.c.state == "parked").label("has_parked"),
    )
    .select_from(
        cart.outerjoin(quote, and_(quote.c.hash == bindparam("hash"), quote.c.cart_id == cart.c.id)).outerjoin(
            idempotency, and_(idempotency.c.scope == _SCOPE, idempotency.c.key == bindparam("key"))
        )
    )
    .where(cart.c.id == bindparam("cart_id"))
)
_ORDER_OF_QUOTE = select(order.c.number).where(
    order.c.cart_id == bindparam("cart_id"), order.c.quote_hash == bindparam("hash")
)
# An earlier order of the same quote may have been declined: the one that closed the cart is the newest.
_ORDER_OF_QUOTE = _ORDER_OF_QUOTE.order_by(order.c.id.desc()).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long things hold: a quote, an unpaid order, and a caller's claim to an unfinished payment."""

    quote: timedelta = timedelta(minutes=30)
    payment: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(seconds=30)


class CheckoutService:
    """Checkout in one unit of work."""

    def __init__(
        self,
        work: Work,
        *,
        carts: CartService,
        orders: OrderService,
        payments: PaymentService,
        rater: ShippingRater,
        times: Times,
    ) -> None:
        self._work = work
        self._session = work.session
        self._carts = carts
        self._orders = orders
        self._payments = payments
        self._rater = rater
        self._times = times

    def quote(self, cart_id: str, *, address: Mapping[str, str], shipping_method: str | None = None) -> Quote:
        """Promise a total for sending this cart to this address; without `shipping_method` by the cheapest way.

        `address` has name, street, number, district, city, state, postal_code (a CEP in Brazil), and may have
        complement and country (BR). Raises NotFound, CartEmpty, CartClosed, ValidationError.
        """
        checked = read_address(address)
        made = self._price(self._carts.loaded(self._carts.lock(cart_id)), checked, shipping_method)
        self._keep(made)
        return made

    def begin(
        self,
        cart_id: str,
        *,
        quote_hash: str,
        idempotency_key: str,
        customer: Mapping[str, str],
        payment: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    ) -> Begun:
        """Turn a quoted cart into a pending order with its payments and its goods set aside.

        `payment` as for `place`. What gift cards and store credit pay is taken in this transaction.
        The same key with the same arguments gives the same order again. Raises QuoteChanged (the new quote is kept and
        can be confirmed), InsufficientStock, InsufficientFunds, AccountNotUsable, IdempotencyConflict, CartClosed, CartEmpty, NotFound, ValidationError.
        """
        key = read_key(idempotency_key)
        buyer = read_customer(customer)
        tenders = read_tenders(payment)
        self._payments.check_methods(tenders)
        if not isinstance(quote_hash, str) or not storable(quote_hash) or not quote_hash:
            raise ValidationError.of("quote_hash", "required")
        request_hash = digest([cart_id, quote_hash, buyer, _told(tenders)])
        row = self._carts.peek(cart_id)
        known = self._session.execute(_KNOWN, {"cart_id": row.id, "hash": quote_hash, "key": key}).one()
        earlier = _earlier(known, key, request_hash) or self._double_click(row, quote_hash)
        if earlier is not None:
            return Begun(self._orders.get(earlier), None, replayed=True)
        current = self._confirm(self._carts.loaded(row), quote_hash, known)
        with self._work.outbox.together():
            begun = self._write(current, quote_hash, (key, request_hash), buyer, tenders)
        return self._adopt(begun) if known.has_parked or not begun.requests else begun

    def _write(
        self,
        current: Quote,
        quote_hash: str,
        claim: tuple[str, str],
        buyer: Mapping[str, str],
        tenders: tuple[Tender, ...],
    ) -> Begun:
        key, request_hash = claim
        placed = self._orders.create(
            cart_id=current.cart_id,
            quote_hash=quote_hash,
            lines=current.lines,
            totals=current.totals,
            customer=buyer,
            address=current.address,
            shipping_method=current.shipping_method,
            coupons={each.code: each.discount.amount for each in current.coupons if each.discount.amount},
        )
        if not self._claim(key, request_hash, placed.number):
            # Another cart's checkout took the key between our look and now. Nothing of this one may stay.
            raise IdempotencyConflict(key)
        now, total = self._work.clock.now(), current.totals.grand
        payments, requests = self._payments.open(
            self._payments.share_out(tenders, total, buyer),
            order_number=placed.number,
            currency=total.currency,
            buyer=buyer,
            expires_at=now + self._times.payment,
            leased_until=now + self._times.lease,
        )
        self._carts.close(current.cart_id)
        return Begun(replace(placed, payments=payments), requests[0] if requests else None, requests)

    def _adopt(self, begun: Begun) -> Begun:
        """Let have its effect what came before the order did, and what has paid for it already."""
        for each in begun.order.payments:
            self.replay(each.id)
        if not begun.requests:
            self._orders.settle(begun.order.number, "captured")
        return replace(begun, order=self._orders.get(begun.order.number))

    def apply(self, event: PaymentEvent) -> Order | None:
        """Let what a provider reported have its effect, once. Returns the order; None when the event is of none."""
        check(event)
        number = self._orders.lock_of(event.key)
        changed = self._payments.record(event)
        if number is None:
            return None
        self._settle(number, changed)
        return self._orders.get(number)

    def replay(self, key: str) -> bool:
        """Let what the ledger says of a payment have its effect once more; whether that changed anything."""
        number = self._orders.lock_of(key)
        changed = None if number is None else self._payments.work_out(key)
        if number is not None:
            self._settle(number, changed)
        return changed is not None

    def end_operation(self, operation_id: str, event: PaymentEvent) -> Order | None:
        """A provider has answered a capture or a void: once, and with its event's effect."""
        number = self._orders.lock_of(event.key)
        done = event.kind in ("captured", "voided")
        changed = self._payments.record(event)
        ended = self._payments.end_operation(operation_id, done=done)
        if done and ended is not None and ended.kind == "capture":
            self._payments.let_go_of_the_rest(operation_id)
        if number is None:
            return None
        self._settle(number, changed)
        return self._orders.get(number)

    def _settle(self, number: str, changed: Change | None) -> None:
        if changed is None or changed.status == "pending":
            return
        cart_id = self._orders.settle(number, changed.status, refunded=changed.refunded, reference=changed.reference)
        if cart_id is not None:
            self._carts.reopen(cart_id)

    def place(
        self,
        cart_id: str,  # noqa: ARG002 - as `begin`
        *,
        quote_hash: str,  # noqa: ARG002
        idempotency_key: str,  # noqa: ARG002
        customer: Mapping[str, str],  # noqa: ARG002
        payment: Mapping[str, Any] | Sequence[Mapping[str, Any]],  # noqa: ARG002
    ) -> Placed:
        """Begin, charge and apply in one call: `shop.checkout.place(...)`.

        `customer` has name and email, and may have document (CPF or CNPJ). `payment` has method and, for a card, token; or
        it is a list of tenders, each with an `amount` in minor units, of which one may leave its own out and pays the
        rest: {"method": "gift_card", "code": ...}, {"method": "store_credit", "token": the customer's}, card, pix, boleto.
        They are charged in the order given; when one of them does not come, the others go back.
        A provider that gives no clear answer leaves the order pending: `shop.recover()` finds out later. Raises
        PaymentDeclined and all that `begin` raises; TransactionOwnershipError inside somebody else's transaction.
        """
        raise TransactionOwnershipError("checkout.place")

    def _double_click(self, cart: Any, quote_hash: str) -> str | None:
        if cart.status == "open":
            return None
        known = self._session.execute(_ORDER_OF_QUOTE, {"cart_id": cart.id, "hash": quote_hash}).scalar()
        if known is None:
            raise CartClosed(cart.id)
        return str(known)

    def _claim(self, key: str, request_hash: str, number: str) -> bool:
        row = {
            "scope": _SCOPE,
            "key": key,
            "request_hash": request_hash,
            "order_number": number,
            "created_at": self._work.clock.now(),
        }
        query = upsert(self._work.dialect, idempotency).values(row).on_conflict_do_nothing()
        return self._session.execute(query.returning(idempotency.c.key)).first() is not None

    def _confirm(self, cart: Cart, quote_hash: str, kept: Any) -> Quote:
        """The quote as it would be made now, when it promises the same; otherwise QuoteChanged."""
        if kept.content is None:
            raise NotFound("quote", quote_hash)
        promised = kept.content
        current = self._price(cart, promised["address"], promised["shipping_method"], fallback=True)
        changes = _differences(promised, _content(current))
        if self._work.clock.now() >= kept.expires_at:
            changes["expired"] = (kept.expires_at.isoformat(), current.expires_at.isoformat())
        if changes:
            self._keep(current)
            raise QuoteChanged(quote=current, changes=changes)
        return current

    def _price(self, cart: Cart, address: Mapping[str, str], method: str | None, *, fallback: bool = False) -> Quote:
        if not cart.lines:
            raise CartEmpty(cart.id)
        options = tuple(
            self._rater.options(
                weight_grams=sum(line.weight_grams * line.quantity for line in cart.lines),
                items_total=cart.totals.items.amount,
                currency=cart.currency,
                address=address,
            )
        )
        chosen = _choose(options, method, fallback=fallback)
        items, discount, tax = cart.totals.items, cart.totals.discount, cart.totals.tax
        totals = Totals(items, discount, chosen.price, tax, items - discount + chosen.price + tax)
        expires_at = (self._work.clock.now() + self._times.quote).replace(microsecond=0)
        made = Quote("", cart.id, cart.lines, totals, dict(address), chosen.id, options, expires_at, cart.coupons)
        return _sealed(made, expires_at)

    def _keep(self, made: Quote) -> None:
        row = {"hash": made.hash, "cart_id": made.cart_id, "content": _content(made), "expires_at": made.expires_at}
        self._session.execute(upsert(self._work.dialect, quote).values(row).on_conflict_do_nothing())


def _told(tenders: Sequence[Tender]) -> list[list[Any]]:
    """The tenders as they are told apart by a request's hash."""
    return [[each.method, each.token, each.amount, each.code] for each in tenders]


def _choose(options: tuple[ShippingOption, ...], method: str | None, *, fallback: bool) -> ShippingOption:
    if not options:
        raise ValidationError.of("address", "invalid", reason="nothing can be sent there")
    if method is None:
        return min(options, key=lambda option: (option.price.amount, option.days))
    for option in options:
        if option.id == method:
            return option
    if fallback:
        return _choose(options, None, fallback=True)
    raise ValidationError.of("shipping_method", "unknown", choices=", ".join(option.id for option in options))


def _earlier(known: Any, key: str, request_hash: str) -> str | None:
    if known.request_hash is not None and known.request_hash != request_hash:
        raise IdempotencyConflict(key)
    return None if known.order_number is None else str(known.order_number)


def _content(made: Quote) -> dict[str, Any]:
    totals = made.totals
    return {
        "lines": [[line.sku, line.quantity, line.unit_price.amount] for line in made.lines],
        "address": dict(made.address),
        "shipping_method": made.shipping_method,
        "currency": totals.grand.currency,
        "items": totals.items.amount,
        "discount": totals.discount.amount,
        "shipping": totals.shipping.amount,
        "tax": totals.tax.amount,
        "grand": totals.grand.amount,
    }


def _differences(promised: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (promised[name], now) for name, now in current.items() if promised[name] != now}


def _sealed(made: Quote, expires_at: datetime) -> Quote:
    return replace(made, hash=digest([made.cart_id, _content(made), expires_at.isoformat()]))
