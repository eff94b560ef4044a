"""Orders: what was bought, and what becomes of it.

Invariant: an order that is pending or placed and not yet shipped holds exactly its lines' pieces in stock; any other
holds none. State and stock change in one transaction, under the order's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from mestres_core.cart.dto import CartLine, Totals
from mestres_core.db.dialects.sql import as_dict
from mestres_core.errors import IllegalTransition, InsufficientStock, NotFound
from mestres_core.events.facts import OrderChanged, customer_key
from mestres_core.events.work import Work
from mestres_core.inventory.service import InventoryService
from mestres_core.orders.dto import Order, OrderLine, OrderSummary
from mestres_core.orders.models import line, order
from mestres_core.payments.service import PaymentService
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.money import Money
from mestres_core.rules.states import ORDER, ORDER_AFTER, may

_ORDER = select(order).where(order.c.number == bindparam("number"))
_LOCK = _ORDER.with_for_update()
_LINES = select(line).where(line.c.order_id == bindparam("order_id")).order_by(line.c.id)
_HELD = (
    select(line.c.variant_id, func.sum(line.c.quantity))
    .where(line.c.order_id == bindparam("order_id"))
    .group_by(line.c.variant_id)
)

_UNPAID = ("declined", "failed", "expired")


class OrderService:
    """Orders in one unit of work."""

    def __init__(self, work: Work, inventory: InventoryService, payments: PaymentService) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory
        self._payments = payments

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
            customer=row.customer,
            address=row.address,
            shipping_method=row.shipping_method,
            lines=lines,
            totals=_totals(row),
            payments=self._payments.of_order(number),
            access_token=row.access_token,
            created_at=row.created_at,
        )

    def list(self, *, limit: int = 50) -> tuple[OrderSummary, ...]:
        """The newest orders."""
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=1000)
        checks.done()
        pieces = select(func.sum(line.c.quantity)).where(line.c.order_id == order.c.id).scalar_subquery()
        query = select(order, pieces.label("items_count")).order_by(order.c.id.desc()).limit(limit)
        return tuple(
            OrderSummary(
                row.number,
                row.status,
                row.payment_status,
                int(row.items_count or 0),
                Money(row.grand_amount, row.currency),
                row.created_at,
            )
            for row in self._session.execute(query)
        )

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
    ) -> Order:
        """Set the goods aside and write the order down, as yet without a payment. Raises InsufficientStock."""
        number, now = self._work.ids.order_number(), self._work.clock.now()
        self._inventory.allocate({each.variant_id: each.quantity for each in lines}, reference=number)
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
            "customer": dict(customer),
            "address": dict(address),
            "shipping_method": shipping_method,
            "access_token": self._work.ids.token(),
            "created_at": now,
            "updated_at": now,
        }
        order_id = self._session.execute(insert(order).returning(order.c.id), row).scalar_one()
        query = insert(line).returning(line.c.variant_id, line.c.id)
        line_ids = as_dict(self._session.execute(query, [_line_row(order_id, each) for each in lines]))
        self._announce(number, "pending", "pending", customer)
        return Order(
            number=number,
            status="pending",
            payment_status="pending",
            fulfillment_status="unfulfilled",
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
        )

    def settle(self, number: str, payment: str) -> str | None:
        """Let an ended payment (captured, declined, failed, expired) have its effect on the order.

        Returns the cart to open again when the order has come to nothing, None otherwise. Money that arrives after its
        payment had failed brings the order back if its goods can still be set aside; if not, or if somebody called the
        order off, the money is due back to the buyer.
        """
        row = self._row(number, lock=True)
        target = ORDER_AFTER[payment]
        if payment == "captured":
            came_late = row.payment_status in _UNPAID and may(ORDER, row.status, "placed")
            if row.status == "pending" or (came_late and self._hold_again(row)):
                self._change(row, status="placed", payment_status="paid")
            else:
                self._change(row, payment_status="refund_due")
            return None
        if row.status != "pending":
            return None
        self._release(row)
        self._change(row, status=target, payment_status=payment)
        return str(row.cart_id)

    def cancel(self, number: str) -> Order:
        """Call an order off before it is shipped; its goods are free again, a payment made is due back.

        Raises NotFound, IllegalTransition.
        """
        row = self._row(number, lock=True)
        if not may(ORDER, row.status, "cancelled"):
            raise IllegalTransition(what=f"order {number}", state=row.status, target="cancelled")
        self._release(row)
        paid = row.payment_status == "paid"
        self._change(row, status="cancelled", payment_status="refund_due" if paid else "void")
        return self.get(number)

    def fulfill(self, number: str) -> Order:
        """The goods have left the house. Raises NotFound, IllegalTransition when the order is not placed."""
        row = self._row(number, lock=True)
        if not may(ORDER, row.status, "completed"):
            raise IllegalTransition(what=f"order {number}", state=row.status, target="completed")
        self._inventory.ship(self._held(row.id), reference=number)
        self._change(row, status="completed", fulfillment_status="fulfilled")
        return self.get(number)

    def _row(self, number: str, *, lock: bool) -> Any:
        known = isinstance(number, str) and storable(number)
        row = self._session.execute(_LOCK if lock else _ORDER, {"number": number}).first() if known else None
        if row is None:
            raise NotFound("order", number)
        return row

    def _held(self, order_id: int) -> dict[int, int]:
        rows = self._session.execute(_HELD, {"order_id": order_id})
        return {variant: int(quantity) for variant, quantity in rows}

    def _release(self, row: Any) -> None:
        self._inventory.release(self._held(row.id), reference=row.number)

    def _hold_again(self, row: Any) -> bool:
        try:
            self._inventory.allocate(self._held(row.id), reference=row.number)
        except InsufficientStock:
            return False
        return True

    def _change(self, row: Any, **values: str) -> None:
        self._session.execute(
            update(order).where(order.c.id == row.id).values(**values, updated_at=self._work.clock.now())
        )
        status = values.get("status", row.status)
        self._announce(row.number, status, values.get("payment_status", row.payment_status), row.customer)

    def _announce(self, number: str, status: str, payment_status: str, customer: Mapping[str, str]) -> None:
        key = customer_key(customer.get("email", ""))
        self._work.outbox.announce(OrderChanged(number, status, payment_status, key))


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
