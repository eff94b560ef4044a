"""Orders: what was bought, and what becomes of it.

Invariant: an order that is pending or placed and not yet shipped holds exactly its lines' pieces in stock; any other
holds none. State and stock change in one transaction, under the order's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from mestres_core.cart.dto import CartLine, Totals
from mestres_core.catalog.dto import Page
from mestres_core.catalog.service import check_paging
from mestres_core.customers.service import CustomerService
from mestres_core.db.dialects.sql import as_dict
from mestres_core.errors import IllegalTransition, InsufficientStock, NotFound, TransactionOwnershipError
from mestres_core.events.facts import OrderChanged
from mestres_core.events.work import Work
from mestres_core.inventory.service import InventoryService
from mestres_core.orders.dto import Order, OrderLine, OrderSummary
from mestres_core.orders.models import line, order
from mestres_core.payments.dto import Refund
from mestres_core.payments.service import PaymentService
from mestres_core.promotions.dto import Use
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable
from mestres_core.rules.money import Money
from mestres_core.rules.states import ORDER, ORDER_AFTER, may
from mestres_core.typing import RefundRequest

_ORDER = select(order).where(order.c.number == bindparam("number"))
_LOCK = _ORDER.with_for_update()
_LINES = select(line).where(line.c.order_id == bindparam("order_id")).order_by(line.c.id)
_HELD = (
    select(line.c.variant_id, func.sum(line.c.quantity))
    .where(line.c.order_id == bindparam("order_id"))
    .group_by(line.c.variant_id)
)

_UNPAID = ("declined", "failed", "expired")
_PAID = ("paid", "partially_refunded")
_PAID_AFTER = {"authorized": "authorized", "captured": "paid"}
_SUMMARIES = select(
    order.c.id,
    order.c.number,
    order.c.status,
    order.c.payment_status,
    order.c.grand_amount,
    order.c.currency,
    order.c.created_at,
    select(func.count()).where(line.c.order_id == order.c.id).scalar_subquery().label("items_count"),
).order_by(order.c.id.desc())


class OrderService:
    """Orders in one unit of work."""

    def __init__(
        self,
        work: Work,
        *,
        inventory: InventoryService,
        payments: PaymentService,
        customers: CustomerService,
        promotions: PromotionService,
    ) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory
        self._payments = payments
        self._customers = customers
        self._promotions = promotions

    def get(self, number: str) -> Order:
        """An order with its lines and payments. Raises NotFound."""
        row = self._row(number, lock=False)
        lines = tuple(
            OrderLine(
                each.id,
                each.variant_id,
                each.sku,
                each.name,
                each.quantity,
                Money(each.unit_price, row.currency),
                Money(each.total, row.currency),
            )
            for each in self._session.execute(_LINES, {"order_id": row.id})
        )
        return Order(
            number=row.number,
            status=row.status,
            payment_status=row.payment_status,
            fulfillment_status=row.fulfillment_status,
            customer_id=row.customer_id,
            customer=row.customer,
            address=row.address,
            shipping_method=row.shipping_method,
            lines=lines,
            totals=_totals(row),
            payments=self._payments.of_order(number),
            access_token=row.access_token,
            created_at=row.created_at,
            coupons={code: Money(off, row.currency) for code, off in row.coupons},
            refunded=Money(self._payments.refunded(number), row.currency),
        )

    def list(self, *, limit: int = 50) -> tuple[OrderSummary, ...]:
        """The newest orders."""
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=1000)
        checks.done()
        return tuple(_summary(row) for row in self._session.execute(_SUMMARIES.limit(limit)))

    def of_customer(
        self, customer_id: int, *, page: int = 1, per_page: int = 20, cursor: str | None = None
    ) -> Page[OrderSummary]:
        """A customer's orders, newest first; `cursor` (from `next_cursor`) goes before `page`.

        Raises NotFound for an unknown customer, ValidationError.
        """
        checks = Checks()
        check_paging(checks, page=page, per_page=per_page)
        after = _read_cursor(checks, cursor)
        checks.done()
        self._customers.get(customer_id)
        mine = order.c.customer_id == customer_id
        query = _SUMMARIES.where(mine).limit(per_page + 1)
        query = query.offset((page - 1) * per_page) if after is None else query.where(order.c.id < after)
        rows = self._session.execute(query).all()
        total = self._session.execute(select(func.count()).select_from(order).where(mine)).scalar_one()
        found = tuple(_summary(row) for row in rows[:per_page])
        following = str(rows[per_page - 1].id) if len(rows) > per_page else None
        return Page(found, page, per_page, total, following)

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
        uses: Sequence[Use] = (),
    ) -> Order:
        """Set the goods aside and write the order down, as yet without a payment; `coupons`: minor units taken off.

        `uses` is what it takes of promotions. Raises InsufficientStock, and RetryableError when a promotion was used up
        a moment ago.
        """
        number, now = self._work.ids.order_number(), self._work.clock.now()
        self._inventory.allocate({each.variant_id: each.quantity for each in lines}, reference=number)
        customer_id = self._customers.know(customer)
        self._promotions.take(number, uses, customer=str(customer_id))
        row: dict[str, Any] = {
            "number": number,
            "cart_id": cart_id,
            "quote_hash": quote_hash,
            "status": "pending",
            "payment_status": "pending",
            "fulfillment_status": "unfulfilled",
            "currency": totals.grand.currency,
            "items_amount": totals.items.amount,
            "discount_amount": totals.discount.amount,
            "shipping_amount": totals.shipping.amount,
            "tax_amount": totals.tax.amount,
            "grand_amount": totals.grand.amount,
            "customer_id": customer_id,
            "customer": dict(customer),
            "address": dict(address),
            "shipping_method": shipping_method,
            "coupons": [[code, off] for code, off in coupons.items()],
            "access_token": self._work.ids.token(),
            "created_at": now,
            "updated_at": now,
        }
        order_id = self._session.execute(insert(order).returning(order.c.id), row).scalar_one()
        query = insert(line).returning(line.c.variant_id, line.c.id)
        line_ids = as_dict(self._session.execute(query, [_line_row(order_id, each) for each in lines]))
        self._announce(number, "pending", "pending", row["customer_id"])
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
                    line_ids[each.variant_id],
                    each.variant_id,
                    each.sku,
                    each.name,
                    each.quantity,
                    each.unit_price,
                    each.total,
                )
                for each in lines
            ),
            totals=totals,
            payments=(),
            access_token=row["access_token"],
            created_at=now,
            coupons={code: Money(off, totals.grand.currency) for code, off in coupons.items()},
            refunded=Money(0, totals.grand.currency),
        )

    def settle(self, number: str, payment: str) -> str | None:
        """Let what became of a payment (authorized, captured, declined, failed, expired) have its effect on the order.

        Returns the cart to open again when the order has come to nothing, None otherwise. Money that arrives after its
        payment had failed brings the order back if its goods can still be set aside; if not, or if somebody called the
        order off, the money is due back to the buyer.
        """
        row = self._row(number, lock=True)
        if payment in _PAID_AFTER:
            self._take_in(row, _PAID_AFTER[payment])
            return None
        if row.status != "pending":
            return None
        self._release(row)
        self._change(row, status=ORDER_AFTER[payment], payment_status=payment)
        return str(row.cart_id)

    def begin_refund(
        self, number: str, *, amount: int | None, idempotency_key: str | None, lease: timedelta
    ) -> tuple[Refund, RefundRequest | None]:
        """Write a refund down, as `PaymentService.begin_refund` does. Raises NotFound and what that raises."""
        checks = Checks()
        if idempotency_key is not None:
            checks.text("idempotency_key", idempotency_key, limit=255)
        checks.done()
        self._row(number, lock=True)
        until = self._work.clock.now() + lease
        return self._payments.begin_refund(number, amount=amount, idempotency_key=idempotency_key, leased_until=until)

    def end_refund(self, refund_id: str, status: str) -> None:
        """The provider has answered: `refunded` or `failed`. A repetition changes nothing."""
        # The order's lock comes first here too, or two refunds could wait for each other.
        row = self._row(self._payments.refund(refund_id).order_number, lock=True)
        ended = self._payments.end_refund(refund_id, status)
        if ended is not None and ended[1]:
            self._change(row, payment_status="refunded")
        elif ended is not None and row.payment_status != "refund_due":
            self._change(row, payment_status="partially_refunded")

    def cancel(self, number: str) -> Order:
        """Call an order off before it is shipped; its goods are free again, a payment made is due back.

        `shop.refund(number)` then gives the money back. An authorization that was not captured lapses by itself.
        Raises NotFound, IllegalTransition.
        """
        row = self._row(number, lock=True)
        if not may(ORDER, row.status, "cancelled"):
            raise IllegalTransition(what=f"order {number}", state=row.status, target="cancelled")
        self._release(row)
        paid = row.payment_status in _PAID
        self._change(row, status="cancelled", payment_status="refund_due" if paid else "void")
        return self.get(number)

    def fulfill(self, number: str) -> Order:
        """The goods have left the house. Raises NotFound, IllegalTransition when the order is not placed and paid."""
        row = self._row(number, lock=True)
        if not may(ORDER, row.status, "completed"):
            raise IllegalTransition(what=f"order {number}", state=row.status, target="completed")
        if row.payment_status not in _PAID:
            raise IllegalTransition(what=f"order {number}", state=row.payment_status, target="completed")
        self._inventory.ship(self._held(row.id), reference=number)
        self._change(row, status="completed", fulfillment_status="fulfilled")
        return self.get(number)

    def capture(self, number: str) -> Order:  # noqa: ARG002 - see below
        """Take the money that the buyer's bank has authorized: `shop.orders.capture(...)`.

        Raises NotFound, IllegalTransition when nothing is authorized, ProviderFailed when the provider gives no clear
        answer (call it again: it captures once), TransactionOwnershipError inside somebody else's transaction.
        """
        raise TransactionOwnershipError("orders.capture")

    def refund(self, number: str, *, amount: int | None = None, idempotency_key: str | None = None) -> Refund:  # noqa: ARG002
        """Give `amount` minor units back to the buyer, or all that is left: `shop.orders.refund(...)`.

        The same key gives the same refund again. A provider that gives no clear answer leaves it pending:
        `shop.recover()` asks again, and nothing is given back twice. Raises NotFound, IllegalTransition when nothing is
        left to give back, ValidationError, IdempotencyConflict, TransactionOwnershipError inside somebody else's
        transaction.
        """
        raise TransactionOwnershipError("orders.refund")

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
        """Orders whose buyers should have been told longer ago than that, oldest first."""
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

    def _row(self, number: str, *, lock: bool) -> Any:
        known = isinstance(number, str) and storable(number)
        row = self._session.execute(_LOCK if lock else _ORDER, {"number": number}).first() if known else None
        if row is None:
            raise NotFound("order", number)
        return row

    def _held(self, order_id: int) -> dict[int, int]:
        rows = self._session.execute(_HELD, {"order_id": order_id})
        return {variant: int(quantity) for variant, quantity in rows}

    def _take_in(self, row: Any, payment_status: str) -> None:
        """Money has come, or is promised by the buyer's bank."""
        came_late = row.payment_status in _UNPAID and may(ORDER, row.status, "placed")
        if row.status == "pending" or (came_late and self._hold_again(row)):
            self._change(row, status="placed", payment_status=payment_status)
        elif row.payment_status == "authorized":
            self._change(row, payment_status=payment_status)
        else:
            self._change(row, payment_status="refund_due" if payment_status == "paid" else "void")

    def _release(self, row: Any) -> None:
        self._inventory.release(self._held(row.id), reference=row.number)
        self._promotions.give_back(row.number)

    def _hold_again(self, row: Any) -> bool:
        try:
            self._inventory.allocate(self._held(row.id), reference=row.number)
        except InsufficientStock:
            return False
        self._promotions.take_if_left(row.number)
        return True

    def _change(self, row: Any, **values: str) -> None:
        self._session.execute(
            update(order).where(order.c.id == row.id).values(**values, updated_at=self._work.clock.now())
        )
        status = values.get("status", row.status)
        self._announce(row.number, status, values.get("payment_status", row.payment_status), row.customer_id)

    def _announce(self, number: str, status: str, payment_status: str, customer_id: int) -> None:
        self._work.outbox.announce(OrderChanged(number, status, payment_status, customer_id))


def _summary(row: Any) -> OrderSummary:
    return OrderSummary(
        row.number,
        row.status,
        row.payment_status,
        row.items_count,
        Money(row.grand_amount, row.currency),
        row.created_at,
    )


def _read_cursor(checks: Checks, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and int(cursor[:19]) <= BIGGEST_ID):
        checks.wrong("cursor", "invalid", reason="not a cursor of this list")
        return 0
    return int(cursor[:19])


def _totals(row: Any) -> Totals:
    parts = (row.items_amount, row.discount_amount, row.shipping_amount, row.tax_amount, row.grand_amount)
    return Totals(*(Money(part, row.currency) for part in parts))


def _line_row(order_id: int, each: CartLine) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "variant_id": each.variant_id,
        "sku": each.sku,
        "name": each.name,
        "quantity": each.quantity,
        "unit_price": each.unit_price.amount,
        "total": each.total.amount,
    }
