"""Orders: what was bought, and what becomes of it.

The invariants are those of `books.py`. State, money and stock change in one transaction, under the order's lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Integer, bindparam, func, literal_column, or_, select, update

from mestres_core.cart.dto import CartLine, Totals
from mestres_core.catalog.dto import Page
from mestres_core.catalog.service import check_paging
from mestres_core.db.bulk import InsertFamily
from mestres_core.db.keyset import Keyset
from mestres_core.errors import InsufficientStock, TransactionOwnershipError, ValidationError
from mestres_core.events.facts import OrderEdited
from mestres_core.orders.books import LIVE, OVER, Ledger, Settled, by_variant, open_pieces, read_pieces, refuse, worth
from mestres_core.orders.dto import Credit, LineParts, Order, OrderLine, OrderSummary
from mestres_core.orders.edits import Edits
from mestres_core.orders.models import credit, line, order
from mestres_core.orders.numbers import next_number
from mestres_core.orders.returns import Returns
from mestres_core.orders.shipping import Shipping
from mestres_core.payments.dto import Refund
from mestres_core.payments.models import payment, refund
from mestres_core.payments.tenders import read_tenders
from mestres_core.promotions.dto import Use
from mestres_core.rules.checks import Checks
from mestres_core.rules.ledger import HELD
from mestres_core.rules.money import Money
from mestres_core.rules.shares import spread
from mestres_core.rules.states import ENDED_UNPAID, ORDER, ORDER_AFTER, may
from mestres_core.typing import CaptureRequest, PaymentRequest, RefundRequest, VoidRequest

_NEW = InsertFamily(
    order,
    (
        *("number", "cart_id", "quote_hash", "status", "payment_status", "fulfillment_status", "currency"),
        *("items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "tax_included_amount"),
        *("shipping_tax_amount", "customer_id", "customer", "address", "shipping_method", "coupons", "access_token"),
        *("channel", "customer_group", "owner", "created_at", "updated_at"),
    ),
    line,
    (
        *("variant_id", "product_id", "sku", "name", "quantity", "unit_price", "total", "attributes"),
        *("discount_amount", "tax_amount", "tax_included_amount"),
    ),
    key="order_id",
)
_CREDITS = select(credit).where(credit.c.order_id == bindparam("order_id")).order_by(credit.c.id)
_LOCK_OF = (
    # What `settle` works with: each column that is not read saves as much as a small part of a statement.
    select(
        order.c.id,
        order.c.number,
        order.c.cart_id,
        order.c.status,
        order.c.payment_status,
        order.c.currency,
        order.c.grand_amount,
        order.c.credited_amount,
        order.c.customer_id,
        order.c.address,
        order.c.updated_at,
    )
    .where(order.c.number == select(payment.c.order_number).where(payment.c.id == bindparam("key")).scalar_subquery())
    .with_for_update()
)
_TAKEN = ("authorized", "captured", "partially_captured")
_SUMMARIES = select(
    order.c.id,
    order.c.number,
    order.c.status,
    order.c.payment_status,
    order.c.grand_amount,
    order.c.currency,
    order.c.created_at,
    select(func.count()).where(line.c.order_id == order.c.id).scalar_subquery().label("items_count"),
)
_NEWEST = Keyset("orders", (order.c.id,), down=True)


@lru_cache(maxsize=256)
def _summaries(named: tuple[str, ...], size: int, *, after: bool, skip: bool) -> Any:
    """The statement of a page; its size is written out, for the reason that `catalog.queries.listing` gives."""
    query = _NEWEST.sort(_SUMMARIES.where(*_equal(named))).limit(literal_column(str(size)))
    if after:
        return query.where(_NEWEST.behind())
    return query.offset(bindparam("skip", type_=Integer)) if skip else query


@lru_cache(maxsize=16)
def _how_many(named: tuple[str, ...]) -> Any:
    return select(func.count()).select_from(order).where(*_equal(named))


def _equal(named: tuple[str, ...]) -> list[Any]:
    return [order.c[name] == bindparam(name) for name in named]


class OrderService(Shipping, Returns, Edits):
    """Orders in one unit of work."""

    def list(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None, count: bool = False
    ) -> Page[OrderSummary]:
        """The newest orders, those of one `status` or all: at most `limit` (1 to 1000) of them.

        `cursor` (from `next_cursor`) continues a list; `count=True` fills `total` in. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=1000)
        if status is not None:
            checks.choice("status", status, ORDER)
        after = _NEWEST.read(checks, cursor)
        checks.done()
        wanted = {} if status is None else {"status": status}
        return self._page(wanted, page=1, per_page=limit, after=after, count=count)

    def of_customer(
        self,
        customer_id: int,
        *,
        page: int = 1,
        per_page: int = 20,
        cursor: str | None = None,
        count: bool = True,
    ) -> Page[OrderSummary]:
        """A customer's orders, newest first; `cursor` (from `next_cursor`) goes before `page`.

        `count=False` leaves `total` None and saves a statement. Raises NotFound for an unknown customer,
        ValidationError.
        """
        checks = Checks()
        check_paging(checks, page=page, per_page=per_page)
        after = _NEWEST.read(checks, cursor)
        checks.done()
        mine = self._customers.get(customer_id).id
        return self._page({"customer_id": mine}, page=page, per_page=per_page, after=after, count=count)

    def _page(
        self,
        wanted: Mapping[str, Any],
        *,
        page: int,
        per_page: int,
        after: Sequence[Any] | None,
        count: bool,
    ) -> Page[OrderSummary]:
        """One page of the orders whose columns have the `wanted` values."""
        named = tuple(wanted)
        skipped = (page - 1) * per_page if after is None else 0
        query = _summaries(named, per_page + 1, after=after is not None, skip=skipped > 0)
        values = dict(wanted) | _NEWEST.place(after or ()) | ({"skip": skipped} if skipped else {})
        rows = self._session.execute(query, values).all()
        total = self._session.execute(_how_many(named), dict(wanted)).scalar_one() if count else None
        following = _NEWEST.following(rows, per_page, lambda row: (row.id,))
        return Page(tuple(map(_summary, rows[:per_page])), page, per_page, total, following)

    def create(
        self,
        *,
        cart_id: str,
        quote_hash: str,
        lines: tuple[CartLine, ...],
        totals: Totals,
        customer: Mapping[str, str],
        address: Mapping[str, str],
        shipping_method: str,
        coupons: Mapping[str, int],
        parts: Sequence[LineParts] | None = None,
        shipping_tax: int = 0,
        tax_included: int = 0,
        channel: str = "default",
        customer_group: str | None = None,
        owner: str | None = None,
        uses: Sequence[Use] = (),
        customer_id: int | None = None,
        beside: Callable[[str], None] = lambda _number: None,
        written: Callable[[int, Sequence[int]], None] = lambda _order_id, _line_ids: None,
    ) -> Order:
        """Set the goods aside and write the order down, as yet without a payment; `coupons`: minor units taken off.

        `parts` has each line's share of the discount and of the taxes; together with `shipping_tax` (the tax added for
        the shipping) they are the discount and the tax of `totals`. Without `parts` both are shared out by the lines'
        amounts. `tax_included` is what all prices contain, the shipping's too; `uses` is what it takes of promotions;
        `customer_id` is the customer's row if it is known; `beside` writes what goes along with the order of this
        number; `written` is told the order's row and those of its lines. Raises InsufficientStock, RetryableError when
        a promotion was used up a moment ago, ValueError when the parts are not those of the totals.
        """
        now = self._work.clock.now()
        shares = parted(lines, totals, parts, shipping_tax)
        number = next_number(self._numbers, self._session, channel=channel)
        wanted: Counter[int] = Counter()
        for each in lines:
            wanted[each.variant_id] += each.quantity
        with self._work.outbox.together():
            self._inventory.allocate(wanted, reference=number, owner=cart_id, address=address)
            if customer_id is None:
                customer_id = self._customers.know(customer)
            self._promotions.take(number, uses, customer=str(customer_id))
            self._announce(number, "pending", "pending", customer_id)
            beside(number)
        currency = totals.grand.currency
        row: dict[str, Any] = {
            "number": number,
            "cart_id": cart_id,
            "quote_hash": quote_hash,
            "status": "pending",
            "payment_status": "pending",
            "fulfillment_status": "unfulfilled",
            "currency": currency,
            "items_amount": totals.items.amount,
            "discount_amount": totals.discount.amount,
            "shipping_amount": totals.shipping.amount,
            "tax_amount": totals.tax.amount,
            "grand_amount": totals.grand.amount,
            "tax_included_amount": tax_included,
            "shipping_tax_amount": shipping_tax,
            "customer_id": customer_id,
            "customer": dict(customer),
            "address": dict(address),
            "shipping_method": shipping_method,
            "coupons": [[code, off] for code, off in coupons.items()],
            "access_token": self._work.ids.token(),
            "channel": channel,
            "customer_group": customer_group,
            "owner": owner,
            "created_at": now,
            "updated_at": now,
        }
        rows = [_line_row(each, part) for each, part in zip(lines, shares, strict=True)]
        order_id, line_ids = _NEW(self._session, row, rows)
        self._written = {number: SimpleNamespace(**row, id=order_id, credited_amount=0)}
        written(order_id, line_ids)
        none = Money(0, currency)
        return Order(
            number=number,
            status="pending",
            payment_status="pending",
            fulfillment_status="unfulfilled",
            customer_id=row["customer_id"],
            customer=dict(customer),
            address=dict(address),
            shipping_method=shipping_method,
            lines=tuple(
                OrderLine(
                    line_id,
                    each.variant_id,
                    each.sku,
                    each.name,
                    each.quantity,
                    each.unit_price,
                    each.total,
                    Money(part.discount, currency),
                    Money(part.tax, currency),
                    Money(part.tax_included, currency),
                    attributes=each.attributes,
                )
                for line_id, each, part in zip(line_ids, lines, shares, strict=True)
            ),
            totals=totals,
            payments=(),
            access_token=row["access_token"],
            created_at=now,
            coupons={code: Money(off, currency) for code, off in coupons.items()},
            refunded=none,
            credited=none,
            refund_due=none,
            payment_due=none,
            tax_included=Money(tax_included, currency),
            shipping_tax=Money(shipping_tax, currency),
            channel=channel,
            customer_group=customer_group,
            owner=owner,
        )

    def lock_of(self, payment_id: str) -> Any:
        """The row of the order that a payment is for, locked before anything of its money is touched; None: of none."""
        return self._session.execute(_LOCK_OF, {"key": payment_id}).first()

    def locked(self, number: str) -> Any:
        """The row of an order, locked. Raises NotFound."""
        return self._row(number, lock=True)

    def settle(
        self,
        row: Any,
        payment: str,
        *,
        gained: bool = True,
        refunded: int = 0,
        reference: str = "",
        ledger: Ledger | None = None,
    ) -> Settled:
        """Let what became of a payment (authorized, captured, voided, declined...) have its effect on the order.

        `row` is the order's, as `lock_of` or `locked` gave it.

        When the order has come to nothing, its cart can be opened again and its other tenders go back where they came
        from. Money that arrives after its payment had failed brings the order back if its goods
        can still be set aside; if not, or if somebody called the order off, the money goes back to the buyer by itself.
        `gained` says whether money has come now; `refunded` minor units were given back; `ledger` is what the payments
        add up to, if it is known.
        """
        number = row.number
        if payment in _TAKEN:
            settled = self._take_in(row, ledger) if gained else None
            if refunded:
                return self._refunded(self._row(number, lock=True) if gained else row, refunded, reference)
            return settled or self._rebalance(row)
        if row.status != "pending":
            if payment not in ORDER_AFTER:
                return self._rebalance(row, unpaid="void" if payment == "voided" and row.status in LIVE else None)
            return Settled(row.status, row.payment_status)
        self._inventory.release(self._held(row), reference=number)
        self._promotions.give_back(number)
        self._give_back(number, reason="undone")
        unpaid = "void" if payment == "voided" else payment
        settled = self._rebalance(row, status=ORDER_AFTER.get(payment, "cancelled"), unpaid=unpaid)
        return replace(settled, reopens=str(row.cart_id))

    def begin_refund(
        self, number: str, *, amount: int | None, idempotency_key: str | None, lease: timedelta
    ) -> tuple[Refund, tuple[RefundRequest, ...]]:
        """Write a refund down, as `PaymentService.begin_refund` does. Raises NotFound and what that raises.

        Without an amount it is what is due to the buyer, once goods or shipping of a live order were credited; of any
        other order all that is left. Raises IllegalTransition when that is nothing.
        """
        checks = Checks()
        if idempotency_key is not None:
            checks.text("idempotency_key", idempotency_key, limit=255)
        checks.done()
        row = self._row(number, lock=True)
        until = self._work.clock.now() + lease
        if amount is None and not self._is_known(number, idempotency_key) and self._gave_credit(row):
            ledger = self._ledger(number)
            amount = ledger.captured - worth(row) - ledger.asked
            if amount <= 0:
                raise refuse(number, row.payment_status, "refunded")
        made, requests, at_once = self._payments.begin_refund(
            number, amount=amount, idempotency_key=idempotency_key, leased_until=until
        )
        if at_once:
            self._refunded(row, at_once, made.id)
        return made, requests

    def end_refund(self, refund_id: str, status: str) -> None:
        """The provider has answered: `refunded` or `failed`. A repetition changes nothing.

        What is given back beyond what was due is goodwill: it is owed no longer.
        """
        # The order's lock comes first here too, or two refunds could wait for each other.
        row = self._row(self._payments.refund_order(refund_id), lock=True)
        changed = self._payments.end_refund(refund_id, status)
        if changed is not None and changed.refunded:
            self._refunded(row, changed.refunded, refund_id)

    def begin_capture(
        self, number: str, *, amount: int | None, final: bool, idempotency_key: str | None, lease: timedelta
    ) -> Sequence[CaptureRequest]:
        """Write down what is to be captured, as `PaymentService.begin_capture` does. Raises NotFound, too.

        An order that was called off, or has come to nothing, is not captured.
        """
        checks = Checks()
        if idempotency_key is not None:
            checks.text("idempotency_key", idempotency_key, limit=255)
        if type(final) is not bool:
            checks.wrong("final", "not_boolean")
        checks.done()
        row = self._row(number, lock=True)
        if row.status not in LIVE:
            raise refuse(number, row.status, "captured")
        until = self._work.clock.now() + lease
        asked = self._payments.begin_capture(
            number, amount=amount, final=final, idempotency_key=idempotency_key, leased_until=until
        )
        if asked is not None:
            self._rebalance(row)  # what the order's accounts held is captured
        return asked or ()

    def begin_payment(
        self, number: str, *, payment: Any, ends: timedelta, lease: timedelta
    ) -> Sequence[PaymentRequest]:
        """Write down how what is due for a placed order is to be paid; what is to be charged for it.

        An order waits for one such payment at a time. Raises NotFound, IllegalTransition when nothing is due or a
        payment is under way, ValidationError, AccountNotUsable, InsufficientFunds.
        """
        if isinstance(payment, (list, tuple)):
            raise ValidationError.of("payment", "invalid", reason="what is due is paid in one way")
        tenders = read_tenders(payment)
        self._payments.check_methods(tenders)
        row, ledger = self._row(number, lock=True), self._ledger(number)
        due = worth(row) - (ledger.captured - ledger.refunded) - ledger.authorized
        if row.status != "placed" or due <= 0:
            raise refuse(number, row.status if row.status != "placed" else row.payment_status, "paid")
        if any(each.status == "pending" for each in self._payments.of_order(number)):
            raise refuse(number, "payment_pending", "paid")
        now = self._work.clock.now()
        _, requests = self._payments.open(
            self._payments.share_out(tenders, Money(due, row.currency), row.customer),
            order_number=number,
            currency=row.currency,
            buyer=row.customer,
            expires_at=now + ends,
            leased_until=now + lease,
        )
        if not requests:
            self._rebalance(row)  # an account has paid it at once
        return requests

    def begin_voids(self, number: str, *, lease: timedelta) -> Sequence[VoidRequest]:
        """Write down that what is authorized is to be released. Raises NotFound, IllegalTransition when nothing is.

        While an order still waits for its other tenders, what its gift cards hold is theirs: it can only be cancelled.
        """
        row = self._row(number, lock=True)
        if row.status == "pending":
            raise refuse(number, row.status, "voided")
        if not any(each.status in HELD for each in self._payments.of_order(number)):
            raise refuse(number, row.payment_status, "voided")
        asked = self._payments.begin_voids(number, leased_until=self._work.clock.now() + lease)
        self._rebalance(row, unpaid="void")
        return asked

    def cancel(self, number: str) -> Order:
        """Call an order off before anything is shipped; its goods are free again, a payment made is due back.

        `shop.orders.refund(number)` then gives the money back. An authorization is released: its provider is told by
        `shop.orders.cancel`, or by `shop.recover()` when this is called in a host's transaction.
        Its promotions may be used again, if they are `reusable`. Raises NotFound, IllegalTransition.
        """
        row = self._row(number, lock=True)
        if not may(ORDER, row.status, "cancelled"):
            raise refuse(number, row.status, "cancelled")
        if self._has_shipped(row):
            raise refuse(number, row.fulfillment_status, "cancelled")
        self._inventory.release(self._held(row), reference=number)
        self._promotions.give_back(row.number, called_off=True)
        self._payments.begin_voids(number, leased_until=self._work.clock.now())
        self._rebalance(row, status="cancelled", unpaid="void")
        return self.get(number)

    def cancel_lines(self, number: str, *, lines: Mapping[int, int]) -> Order:
        """Call pieces of a placed order off before they are shipped: {line id: pieces}.

        They are free again, and their frozen share is due back to the buyer; the shipping too when the buyer, who had
        withdrawn from what was shipped, keeps nothing. When nothing is left of the order, it is
        cancelled, or completed if something has been shipped. Raises NotFound, IllegalTransition, ValidationError for
        lines of another order and for more pieces than are still to be shipped.
        """
        checks = Checks()
        row = self._row(number, lock=True)
        found = self._lines(row)
        pieces = read_pieces(checks, "lines", lines, {each.id: open_pieces(each) for each in found})
        if row.status != "placed":
            raise refuse(number, row.status, "partially_cancelled")
        checks.done()
        moves = {line_id: {"cancelled": count, "credited": count} for line_id, count in pieces.items()}
        self._inventory.release(by_variant(found, pieces), reference=number)
        self._move(moves)
        credited = self._credit_pieces(row, pieces, found, kind="cancelled", reference="")
        values = self._after_moving(found, moves)
        if values.get("status") == "cancelled":
            self._promotions.give_back(row.number, called_off=True)
        values |= self._credit_shipping(row, credited, self._withdrawn_shipping(row, pieces, found), "")
        self._rebalance(row, unpaid="void" if values.get("status") == "cancelled" else None, **values)
        self._work.outbox.announce(OrderEdited(number, worth(row, **values) - worth(row), row.customer_id))
        return self.get(number)

    def credits(self, number: str) -> tuple[Credit, ...]:
        """Why how much is no longer owed for an order, oldest first. Raises NotFound."""
        row = self._row(number, lock=False)
        return tuple(
            Credit(
                each.kind, each.line_id, each.pieces, Money(each.amount, row.currency), each.reference, each.created_at
            )
            for each in self._session.execute(_CREDITS, {"order_id": row.id})
        )

    def capture(
        self,
        number: str,  # noqa: ARG002 - see below
        *,
        amount: int | None = None,  # noqa: ARG002
        final: bool = False,  # noqa: ARG002
        idempotency_key: str | None = None,  # noqa: ARG002
    ) -> Order:
        """Take the money that the buyer's bank has authorized, or `amount` minor units: `shop.orders.capture(...)`.

        Several captures may follow each other while something is open; a `final` one releases the rest. The same key
        captures once. Raises NotFound, IllegalTransition when nothing is authorized or the provider refuses,
        ValidationError for more than is open, IdempotencyConflict, ProviderFailed when the provider gives no clear
        answer (call it again: it captures once), TransactionOwnershipError inside somebody else's transaction.
        """
        raise TransactionOwnershipError("orders.capture")

    def refund(self, number: str, *, amount: int | None = None, idempotency_key: str | None = None) -> Refund:  # noqa: ARG002
        """Give `amount` minor units back to the buyer, or what `begin_refund` says: `shop.orders.refund(...)`.

        The same key gives the same refund again. A provider that gives no clear answer leaves it pending:
        `shop.recover()` asks again, and nothing is given back twice. Raises NotFound, IllegalTransition when nothing is
        left to give back, ValidationError, IdempotencyConflict, TransactionOwnershipError inside somebody else's
        transaction.
        """
        raise TransactionOwnershipError("orders.refund")

    def pay(self, number: str, *, payment: Mapping[str, Any]) -> Order:  # noqa: ARG002 - see `capture`
        """Pay what is due for a placed order that was changed: `shop.orders.pay(...)`.

        `payment` is one tender, as in checkout: {"method": "card", "token": ...}, pix, gift_card... Whether it came is
        in the order's `payment_due`; one that was refused may be followed by another, one that the buyer has still to
        make (pix, boleto) is awaited until it ends. Raises what `begin_payment` raises, TransactionOwnershipError
        inside somebody else's transaction.
        """
        raise TransactionOwnershipError("orders.pay")

    def begin_confirming(self, number: str, lease: timedelta) -> Order | None:
        """The order, if its buyer has still to be told and nobody else is at it; the caller has `lease` to do it."""
        now = self._work.clock.now()
        here = (
            order.c.number == number,
            order.c.status == "placed",
            order.c.confirmed_at.is_(None),
            or_(order.c.confirming_until.is_(None), order.c.confirming_until <= now),
        )
        claim = update(order).where(*here).values(confirming_until=now + lease).returning(order.c.id)
        return None if self._session.execute(claim).first() is None else self.get(number)

    def end_confirming(self, number: str, *, told: bool) -> None:
        """The buyer has been told; or could not be, and somebody may try again at once."""
        values = {"confirming_until": None, **({"confirmed_at": self._work.clock.now()} if told else {})}
        self._session.execute(update(order).where(order.c.number == number).values(**values))

    def unconfirmed(self, *, older_than: timedelta, limit: int = 100) -> tuple[str, ...]:
        """Orders whose buyers should have been told longer ago than that, oldest first. Raises ValidationError."""
        checks = Checks()
        checks.time("older_than", older_than)
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.done()
        query = (
            select(order.c.number)
            .where(
                order.c.confirmed_at.is_(None),
                order.c.status == "placed",
                order.c.updated_at <= self._work.clock.now() - older_than,
            )
            .order_by(order.c.updated_at)
            .limit(limit)
        )
        return tuple(self._session.execute(query).scalars())

    def _take_in(self, row: Any, ledger: Ledger | None) -> Settled:
        """Money has come, or is promised by the buyer's bank."""
        ledger = ledger or self._ledger(row.number)
        brought, late = ledger.captured + ledger.authorized, row.payment_status in ENDED_UNPAID
        if row.status == "pending":
            placed = brought >= row.grand_amount
        else:
            stays = brought - ledger.asked >= row.grand_amount  # no other tender is on its way back
            placed = late and stays and may(ORDER, row.status, "placed") and self._hold_again(row)
        known: Ledger | None = ledger
        held_again = placed and row.status != "pending"
        if not placed and row.status in OVER:
            self._give_back(row.number, reason="late")
            known = None
        elif ledger.held and ledger.waiting == ledger.held and (placed or row.status in LIVE):
            self._payments.capture_accounts(row.number)  # all other money is there
            known = None
        settled = self._rebalance(row, ledger=known, **({"status": "placed"} if placed else {}))
        return replace(settled, alone=known is not None and not held_again)

    def _give_back(self, number: str, *, reason: str) -> None:
        """The order has come to nothing: what its tenders brought goes back to where it came from."""
        self._payments.begin_voids(number, leased_until=self._work.clock.now())
        self._payments.give_back(number, reason=reason)

    def _refunded(self, row: Any, amount: int, reference: str) -> Settled:
        """So much was given back. What goes beyond what was due is goodwill: it is owed no longer."""
        ledger = self._ledger(row.number)
        goodwill = amount - max(ledger.captured - (ledger.refunded - amount) - worth(row), 0)
        credited = row.credited_amount
        if row.status in LIVE and goodwill > 0:
            credited = self._credit(row, credited, [("goodwill", None, 0, goodwill)], reference)
        return self._rebalance(row, credited_amount=credited)

    def _hold_again(self, row: Any) -> bool:
        try:
            held = self._held(row)
            self._inventory.allocate(held, reference=row.number, owner=row.cart_id, address=row.address)
        except InsufficientStock:
            return False
        self._promotions.take_if_left(row.number)
        return True

    def _is_known(self, number: str, key: str | None) -> bool:
        """Whether a refund of this key has begun."""
        if key is None:
            return False
        query = select(refund.c.id).where(refund.c.order_number == number, refund.c.idempotency_key == key)
        return self._session.execute(query).first() is not None

    def _gave_credit(self, row: Any) -> bool:
        """Whether goods or shipping of a live order were credited; goodwill does not count."""
        if row.status not in LIVE or not row.credited_amount:
            return False
        found = self._session.execute(_CREDITS, {"order_id": row.id})
        return any(each.kind != "goodwill" for each in found)


def parted(
    lines: Sequence[CartLine], totals: Totals, parts: Sequence[LineParts] | None, shipping_tax: int
) -> Sequence[LineParts]:
    """Each line's parts, as given or shared out. Raises ValueError when they are not those of the totals."""
    tax = totals.tax.amount - shipping_tax
    if parts is None:
        amounts = [each.total.amount for each in lines]
        discounts = spread(totals.discount.amount, amounts)
        taxes = spread(tax, [amount - off for amount, off in zip(amounts, discounts, strict=True)])
        return [LineParts(discount=off, tax=added) for off, added in zip(discounts, taxes, strict=True)]
    given = (sum(part.discount for part in parts), sum(part.tax for part in parts))
    if len(parts) != len(lines) or given != (totals.discount.amount, tax):
        raise ValueError(f"the lines' discount and tax {given} are not the order's {(totals.discount.amount, tax)}")
    return parts


def _summary(row: Any) -> OrderSummary:
    return OrderSummary(
        row.number,
        row.status,
        row.payment_status,
        row.items_count,
        Money(row.grand_amount, row.currency),
        row.created_at,
    )


def _line_row(each: CartLine, part: LineParts) -> dict[str, Any]:
    return {
        "variant_id": each.variant_id,
        "product_id": each.product_id,
        "sku": each.sku,
        "name": each.name,
        "quantity": each.quantity,
        "unit_price": each.unit_price.amount,
        "total": each.total.amount,
        "discount_amount": part.discount,
        "tax_amount": part.tax,
        "tax_included_amount": part.tax_included,
        "attributes": dict(each.attributes),
    }
