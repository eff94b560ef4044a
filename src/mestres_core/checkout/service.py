"""From cart to order, in three short transactions.

`begin` turns a quoted cart into an order with its payment attempt: both or neither. Then the provider is called, with
no transaction open. `apply` takes what it reported, by answer, webhook or poller alike, and may be repeated.

Invariants: no order without its payment attempt; an idempotency key stands for one order, written in that order's own
transaction; the buyer pays what the quote said or gets `QuoteChanged`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, func, insert, literal, select, tuple_
from sqlalchemy.exc import IntegrityError

from mestres_core.cart.loading import CONTENT, HEAD, Loaded, is_stale, lines_in
from mestres_core.cart.models import cart
from mestres_core.cart.service import CartService
from mestres_core.checkout.dto import Begun, Placed, Quote
from mestres_core.checkout.inputs import digest, read_address, read_customer, read_key, read_known_customer
from mestres_core.checkout.models import idempotency, quote
from mestres_core.checkout.quoting import Buyer, Priced, Quoter, content, differences
from mestres_core.customers.models import customer as customers
from mestres_core.customers.service import folded
from mestres_core.db.dialects.sql import JUST_TAKEN
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.later import write
from mestres_core.errors import (
    CartClosed,
    IdempotencyConflict,
    NotFound,
    QuoteChanged,
    RetryableError,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.events.work import Work
from mestres_core.inventory.holding import hold
from mestres_core.inventory.reservations import ReservationService
from mestres_core.orders.books import Ledger, Settled
from mestres_core.orders.dto import Order
from mestres_core.orders.models import order
from mestres_core.orders.service import OrderService
from mestres_core.payments.books import Change, check
from mestres_core.payments.dto import Payment, Tender
from mestres_core.payments.models import event as ledger
from mestres_core.payments.service import PaymentService
from mestres_core.payments.tenders import ACCOUNTS, read_tenders
from mestres_core.promotions.book import facts_in
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import Checks, storable
from mestres_core.shipping.service import ShippingService
from mestres_core.tax.service import BUSINESS, INDIVIDUAL, TaxService
from mestres_core.typing import PaymentEvent, PaymentRequest, ReservationPolicy, ReservationRequest

# Keys are kept apart by channel: whoever uses the same key in another one means something else.
_SCOPE = case((cart.c.channel == "default", "checkout"), else_=literal("checkout:") + cart.c.channel)
_WITH_CLAIM = (quote.c.content, quote.c.expires_at, idempotency.c.request_hash, idempotency.c.order_number)
# Held with the cart: whoever merges or erases the customer waits, or was first and is seen.
_ITSELF = func.coalesce(customers.c.merged_into, customers.c.id)
_CUSTOMER = (
    select(_ITSELF)
    .where(customers.c.email == bindparam("email"))
    .with_for_update(read=True, key_share=True)
    .scalar_subquery()
)
# The cart with its lock and, in the same question, what is known of the request: the quote that it confirms, what its
# key stands for, whether its customer has bought before, and whether any event waits for a payment that is not known
# yet: it may be this one's.
_HAS_PARKED = exists().where(ledger.c.state == "parked").label("has_parked")
_KNOWN = (
    select(*HEAD, *CONTENT, _SCOPE.label("scope"), *_WITH_CLAIM, _CUSTOMER.label("customer_id"), _HAS_PARKED)
    .select_from(
        cart.outerjoin(quote, and_(quote.c.hash == bindparam("hash"), quote.c.cart_id == cart.c.id)).outerjoin(
            idempotency, and_(idempotency.c.scope == _SCOPE, idempotency.c.key == bindparam("key"))
        )
    )
    .where(cart.c.id == bindparam("cart_id"))
)
_LOCK = _KNOWN.with_for_update(of=cart)
_ORDER_OF_QUOTE = select(order.c.number).where(
    order.c.cart_id == bindparam("cart_id"), order.c.quote_hash == bindparam("hash")
)
# An earlier order of the same quote may have been declined: the one that closed the cart is the newest.
_ORDER_OF_QUOTE = _ORDER_OF_QUOTE.order_by(order.c.id.desc()).limit(1)


_COUNTS = ("placed", "completed")
_BUYER = select(
    _ITSELF.label("id"),
    select(func.count())
    .where(order.c.customer_id == _ITSELF, order.c.status.in_(_COUNTS))
    .scalar_subquery()
    .label("orders"),
).where(customers.c.email == bindparam("email"))
# Prepared once for each database: on this path nothing is put together anew.
_CLAIM = insert(idempotency).inline()
_KEEPS = {dialect: upsert(dialect, quote).on_conflict_do_nothing() for dialect in ("sqlite", "postgresql")}
_LONGEST_CPF = 11  # a CNPJ has 14


_SHORTEST_MEMORY = timedelta(hours=24)
_before: Any = bindparam("before", type_=idempotency.c.created_at.type)
_most: Any = bindparam("most")
_old = tuple_(idempotency.c.scope, idempotency.c.key)
_FORGET_KEYS = delete(idempotency).where(
    _old.in_(
        select(idempotency.c.scope, idempotency.c.key)
        .where(idempotency.c.created_at <= _before)
        .order_by(idempotency.c.created_at)
        .limit(_most)
    )
)
_FORGET_QUOTES = delete(quote).where(
    quote.c.hash.in_(
        select(quote.c.hash).where(quote.c.expires_at <= _before).order_by(quote.c.expires_at).limit(_most)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long things hold: a quote, an unpaid order, and a caller's claim to an unfinished payment.

    `cart` is how long a cart that nobody changes stays open; None: for ever. `reservation` is for how long a quote sets
    its pieces aside; None: it does not.
    """

    quote: timedelta = timedelta(minutes=30)
    payment: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(seconds=30)
    cart: timedelta | None = None
    reservation: timedelta | None = None


class CheckoutService:
    """Checkout in one unit of work."""

    def __init__(
        self,
        work: Work,
        *,
        carts: CartService,
        orders: OrderService,
        payments: PaymentService,
        promotions: PromotionService,
        reservations: ReservationService,
        shipping: ShippingService,
        tax: TaxService,
        times: Times,
        holding: ReservationPolicy,
    ) -> None:
        self._work = work
        self._session = work.session
        self._carts = carts
        self._orders = orders
        self._payments = payments
        self._promotions = promotions
        self._reservations = reservations
        self._tax = tax
        self._times = times
        self._holding = holding
        self._quoter = Quoter(work, reader=carts.reader, shipping=shipping, tax=tax, holds=times.quote)

    def quote(
        self,
        cart_id: str,
        *,
        address: Mapping[str, str],
        shipping_method: str | None = None,
        customer: Mapping[str, str] | None = None,
    ) -> Quote:
        """Promise a total for sending this cart to this address; without `shipping_method` by the cheapest way.

        `address` has name, street, number, district, city, state, postal_code (a CEP in Brazil), and may have
        complement and country (BR). `customer`, as in `begin` but with whatever is known of it, makes the promise take
        account of promotions that depend on earlier orders, and of taxes of businesses (by their CNPJ). With
        `Times.reservation`, or a `ReservationPolicy` that says so, the pieces are set aside. Raises NotFound,
        CartEmpty, CartClosed, ValidationError, and InsufficientStock when they cannot be set aside.
        """
        checked, known = read_address(address), read_known_customer(customer)
        loaded = self._carts.lock_loaded(cart_id)
        made = self._quoter.price(loaded, checked, shipping_method, self._buyer(loaded, known)).quote
        hold(self._holding, self._reservations, _held(made, loaded.row))
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

        `payment` as for `place`. What gift cards and store credit pay is taken in this transaction. The same key with
        the same arguments gives the same order again; keys (1 to 255 characters) are kept apart by the cart's channel,
        and one whose request was refused is not used up. Raises QuoteChanged (the new quote is kept and can be
        confirmed), InsufficientStock, InsufficientFunds, AccountNotUsable, IdempotencyConflict, CartClosed, CartEmpty,
        NotFound, ValidationError.
        """
        key = read_key(idempotency_key)
        buyer = read_customer(customer)
        tenders = read_tenders(payment)
        self._payments.check_methods(tenders)
        if not isinstance(quote_hash, str) or not storable(quote_hash) or not quote_hash:
            raise ValidationError.of("quote_hash", "required")
        if not isinstance(cart_id, str) or not storable(cart_id):
            raise NotFound("cart", cart_id)
        request_hash = digest([cart_id, quote_hash, buyer, _told(tenders)])
        row = self._known(cart_id, quote_hash, key, buyer)
        earlier = _earlier(row, key, request_hash) or self._double_click(row, quote_hash)
        if earlier is not None:
            return Begun(self._orders.get(earlier), None, replayed=True)
        self._carts.check_open(row)
        priced = self._confirm(row, quote_hash, buyer)
        begun = self._write(priced, quote_hash, (row.scope, key, request_hash), buyer, tenders)
        return self._adopt(begun) if row.has_parked or not begun.requests else begun

    def _known(self, cart_id: str, quote_hash: str, key: str, buyer: Mapping[str, str]) -> Any:
        asked: dict[str, Any] = {"cart_id": cart_id, "hash": quote_hash, "key": key, "email": folded(buyer["email"])}
        asked["now"] = self._work.clock.now()
        row = self._session.execute(_LOCK, asked).first()
        if row is None:
            raise NotFound("cart", cart_id)
        return self._session.execute(_KNOWN, asked).one() if is_stale(row) else row

    def _write(
        self,
        priced: Priced,
        quote_hash: str,
        claim: tuple[str, str, str],
        buyer: Mapping[str, str],
        tenders: tuple[Tender, ...],
    ) -> Begun:
        current, composed, head = priced.quote, priced.composed, priced.loaded.row
        now, total = self._work.clock.now(), current.totals.grand
        shares = self._payments.share_out(tenders, total, buyer)
        opened: tuple[tuple[Payment, ...], tuple[PaymentRequest, ...]] = ((), ())

        def beside(number: str) -> None:
            nonlocal opened
            self._claim(claim, number)
            opened = self._payments.open(
                shares,
                order_number=number,
                currency=total.currency,
                buyer=buyer,
                expires_at=now + self._times.payment,
                leased_until=now + self._times.lease,
                alone=not head.has_parked,
            )
            self._carts.close(current.cart_id)

        placed = self._orders.create(
            cart_id=current.cart_id,
            quote_hash=quote_hash,
            lines=current.lines,
            totals=current.totals,
            customer=buyer,
            address=current.address,
            shipping_method=current.shipping_method,
            coupons={each.code: each.discount.amount for each in current.coupons if each.discount.amount},
            parts=priced.parts,
            shipping_tax=composed.shipping_tax,
            tax_included=composed.tax_included,
            channel=head.channel,
            customer_group=head.customer_group,
            owner=head.owner,
            uses=priced.uses,
            customer_id=head.customer_id,
            beside=beside,
            written=lambda order_id, line_ids: self._keep_taxes(priced, order_id, line_ids),
        )
        payments, requests = opened
        return Begun(replace(placed, payments=payments), requests[0] if requests else None, requests)

    def _adopt(self, begun: Begun) -> Begun:
        """Let have its effect what came before the order did, and what has paid for it already."""
        for each in begun.order.payments:
            self.replay(each.id)
        if not begun.requests:
            self._orders.settle(self._orders.locked(begun.order.number), "captured")
        return replace(begun, order=self._orders.get(begun.order.number))

    def _keep_taxes(self, priced: Priced, order_id: int, line_ids: Sequence[int]) -> None:
        taxed = zip((*line_ids, None), priced.taxed, strict=True)
        self._tax.keep(order_id, [(line_id, each) for line_id, each in taxed if each is not None])

    def apply(self, event: PaymentEvent, *, begun: Order | None = None) -> Order | None:
        """Let what a provider reported have its effect, once. Returns the order; None when the event is of none.

        `begun` is the order as `begin` gave it: if nothing else has happened to it since, it is not read again.
        """
        check(event)
        row = self._orders.lock_of(event.key)
        return self._applied(row, self._payments.record(event), begun)

    def apply_at_once(self, event: PaymentEvent, *, begun: Order) -> Order | None:
        """The same for an order that was begun a moment ago in this very transaction, and by nobody touched since."""
        check(event)
        written = self._orders.written(begun.number)
        row = written or self._orders.lock_of(event.key)
        return self._applied(row, self._payments.record(event, at_once=written is not None), begun)

    def _applied(self, row: Any, changed: Change | None, begun: Order | None) -> Order | None:
        if row is None:
            return None
        settled = self._settle(row, changed)
        tender = None if changed is None else changed.tender
        if begun is not None and tender is not None and settled is not None and settled.alone and _is_still(row, begun):
            return self._orders.after(begun, row, settled, tender)
        return self._orders.get(row.number)

    def replay(self, key: str) -> bool:
        """Let what the ledger says of a payment have its effect once more; whether that changed anything."""
        row = self._orders.lock_of(key)
        changed = None if row is None else self._payments.work_out(key)
        if row is not None:
            self._settle(row, changed)
        return changed is not None

    def end_operation(self, operation_id: str, event: PaymentEvent) -> Order | None:
        """A provider has answered a capture or a void: once, and with its event's effect."""
        check(event)
        row = self._orders.lock_of(event.key)
        done = event.kind in ("captured", "voided")
        changed = self._payments.record(event)
        ended = self._payments.end_operation(operation_id, done=done)
        if done and ended is not None and ended.kind == "capture":
            self._payments.let_go_of_the_rest(operation_id)
        if row is None:
            return None
        self._settle(row, changed)
        return self._orders.get(row.number)

    def _settle(self, row: Any, changed: Change | None) -> Settled | None:
        if changed is None or changed.status == "pending":
            return None
        by_account = changed.tender is not None and changed.tender.provider in ACCOUNTS
        settled = self._orders.settle(
            row,
            changed.status,
            gained=changed.gained,
            refunded=changed.refunded,
            reference=changed.reference,
            ledger=None if changed.tender is None else Ledger.of(changed.tender, by_account=by_account),
        )
        if settled.reopens is not None:
            self._carts.reopen(settled.reopens)
        return settled

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

        `customer` has name and email, and may have document (CPF or CNPJ). `payment` has method and, for a card, token;
        or it is a list of tenders, each with an `amount` in minor units, of which one may leave its own out and pays
        the rest: card, pix, boleto, {"method": "gift_card", "code": ...}, {"method": "store_credit", "token": the
        customer's own}. They are charged in the order given; when one of them does not come, the others go back.
        A provider that gives no clear answer leaves the order pending: `shop.recover()` finds out later. Raises
        PaymentDeclined and all that `begin` raises; TransactionOwnershipError inside somebody else's transaction.
        """
        raise TransactionOwnershipError("checkout.place")

    def forget(self, *, older_than: timedelta = timedelta(days=7), limit: int = 1000) -> int:
        """Forget idempotency keys, and quotes that ended, longer ago than that, at most `limit` of each; how many.

        A key keeps its promise for at least a day: `older_than` is 24 hours or more. A worker calls it. Raises
        ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.time("older_than", older_than, at_least=_SHORTEST_MEMORY)
        checks.done()
        asked = {"before": self._work.clock.now() - older_than, "most": limit}
        connection = self._session.connection()
        return sum(connection.execute(statement, asked).rowcount for statement in (_FORGET_KEYS, _FORGET_QUOTES))

    def _double_click(self, cart: Any, quote_hash: str) -> str | None:
        if cart.status == "open":
            return None
        known = self._session.execute(_ORDER_OF_QUOTE, {"cart_id": cart.id, "hash": quote_hash}).scalar()
        if known is None:
            raise CartClosed(cart.id)
        return str(known)

    def _claim(self, claim: tuple[str, str, str], number: str) -> None:
        scope, key, request_hash = claim
        row = {
            "scope": scope,
            "key": key,
            "request_hash": request_hash,
            "order_number": number,
            "created_at": self._work.clock.now(),
        }
        try:
            write(self._session, _CLAIM, row)
        except IntegrityError as taken:  # in a host's session; in one of our own it is noticed later
            raise RetryableError(JUST_TAKEN) from taken

    def _confirm(self, row: Any, quote_hash: str, buyer: Mapping[str, str]) -> Priced:
        """The quote as it would be made now, when it promises the same; otherwise QuoteChanged."""
        if row.content is None:
            raise NotFound("quote", quote_hash)
        promised = row.content
        loaded = self._carts.reader.load(row, lines_in(row), facts_in(row))
        current = self._quoter.price(
            loaded, promised["address"], promised["shipping_method"], self._buyer(loaded, buyer), fallback=True
        )
        changes = differences(promised, current.quote)
        if self._work.clock.now() >= row.expires_at:
            changes["expired"] = (row.expires_at.isoformat(), current.quote.expires_at.isoformat())
        if changes:
            self._keep(current.quote)
            raise QuoteChanged(quote=current.quote, changes=changes)
        return current

    def _buyer(self, loaded: Loaded, customer: Mapping[str, str]) -> Buyer:
        """What promotions and taxes want to know; the database is asked only if a promotion wants to."""
        document = sum(letter.isalnum() for letter in customer.get("document") or "")
        kind = BUSINESS if document > _LONGEST_CPF else INDIVIDUAL
        email = customer.get("email")
        if not email or not self._promotions.by_customer(loaded.facts):
            return Buyer(customer_type=kind)
        found = self._session.execute(_BUYER, {"email": folded(email)}).first()
        if found is None:
            return Buyer(customer_type=kind, orders_before=0)
        return Buyer(customer_type=kind, customer=str(found.id), orders_before=found.orders)

    def _keep(self, made: Quote) -> None:
        row = {"hash": made.hash, "cart_id": made.cart_id, "content": content(made), "expires_at": made.expires_at}
        self._session.execute(_KEEPS[self._work.dialect], row)


def _held(made: Quote, row: Any) -> ReservationRequest:
    pieces: Counter[str] = Counter()
    for line in made.lines:
        pieces[line.sku] += line.quantity
    return ReservationRequest(
        step="quote",
        cart_id=made.cart_id,
        items=pieces,
        total=made.totals.grand,
        channel=row.channel,
        customer_group=row.customer_group,
        owner=row.owner,
    )


def _is_still(row: Any, begun: Order) -> bool:
    """Whether an order is as it was begun."""
    agreed = (row.grand_amount, row.customer_id, row.address)
    return (row.status, row.payment_status, row.updated_at, *agreed) == (
        "pending",
        "pending",
        begun.created_at,
        begun.totals.grand.amount,
        begun.customer_id,
        begun.address,
    )


def _told(tenders: Sequence[Tender]) -> list[list[Any]]:
    """The tenders as they are told apart by a request's hash."""
    return [[each.method, each.token, each.amount, each.code] for each in tenders]


def _earlier(known: Any, key: str, request_hash: str) -> str | None:
    if known.request_hash is not None and known.request_hash != request_hash:
        raise IdempotencyConflict(key)
    return None if known.order_number is None else str(known.order_number)
