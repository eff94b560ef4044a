"""An order's rows: reading and locking them, and keeping what is derived from the ledgers true.

Invariants, each under the order's lock and in the transaction of the change:

- `payment_status` is what the captured, authorized and refunded amounts make of the order's worth; `fulfillment_status`
  what the pieces shipped and still to be shipped make.
- The order's worth is its total less what was credited; it is nothing once the order is called off or has expired.
  What was captured beyond that and not given back is due to the buyer.
- An order that is pending or placed holds exactly its lines' pieces still to be shipped; any other holds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, exists, func, insert, select, update

from mestres_core.cart.dto import Totals
from mestres_core.customers.service import CustomerService
from mestres_core.db.changes import change
from mestres_core.errors import IllegalTransition, NotFound
from mestres_core.events.facts import OrderChanged
from mestres_core.events.work import Work
from mestres_core.inventory.service import InventoryService
from mestres_core.orders.dto import Order, OrderLine
from mestres_core.orders.models import credit, giving_back, line, order
from mestres_core.payments.dto import Payment
from mestres_core.payments.models import payment
from mestres_core.payments.service import PaymentService
from mestres_core.pricing.service import PricingService
from mestres_core.promotions.service import PromotionService
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.ledger import HELD, TAKEN
from mestres_core.rules.money import Money
from mestres_core.rules.shares import share
from mestres_core.rules.states import fulfillment_status, payment_status
from mestres_core.tax.service import TaxService
from mestres_core.typing import OrderNumberGenerator

_ORDER = select(order).where(order.c.number == bindparam("number"))
_LOCK = _ORDER.with_for_update()
_LINES = select(line).where(line.c.order_id == bindparam("order_id")).order_by(line.c.id)
_OPEN = line.c.quantity - line.c.cancelled_quantity - line.c.shipped_quantity
_HELD = (
    select(line.c.variant_id, func.sum(_OPEN))
    .where(line.c.order_id == bindparam("order_id"), _OPEN > 0)
    .group_by(line.c.variant_id)
)
_SHIPPED = select(func.coalesce(func.sum(line.c.shipped_quantity), 0)).where(line.c.order_id == bindparam("order_id"))


_OPEN_AMOUNT = payment.c.authorized_amount - payment.c.captured_amount - payment.c.voided_amount
_IS_OPEN = payment.c.status.in_(HELD)


def _sum(amount: Any, where: Any = None) -> Any:
    return func.coalesce(func.sum(amount if where is None else case((where, amount), else_=0)), 0)


_LEDGER = select(
    _sum(1, payment.c.status.in_(TAKEN)).label("captures"),
    _sum(payment.c.captured_amount).label("captured"),
    _sum(_OPEN_AMOUNT, _IS_OPEN).label("authorized"),
    _sum(payment.c.refunded_amount).label("refunded"),
    _sum(payment.c.refunded_amount + payment.c.refunding_amount).label("asked"),
    _sum(1, payment.c.status.in_(["pending", *HELD])).label("waiting"),
    _sum(1, and_(_IS_OPEN, payment.c.account_id.is_not(None))).label("held"),
).where(payment.c.order_number == bindparam("number"))
_ADD = (
    update(line)
    .where(line.c.id == bindparam("of"))
    .values(
        cancelled_quantity=line.c.cancelled_quantity + bindparam("cancelled"),
        shipped_quantity=line.c.shipped_quantity + bindparam("shipped"),
        returned_quantity=line.c.returned_quantity + bindparam("returned"),
        credited_quantity=line.c.credited_quantity + bindparam("credited"),
    )
)
_CREDIT = insert(credit)
WITHDRAWAL = "withdrawal"
_WITHDRAWN = select(
    exists().where(
        giving_back.c.order_id == bindparam("order_id"),
        giving_back.c.reason == WITHDRAWAL,
        giving_back.c.status == "refunded",
    )
)
OVER = ("cancelled", "expired")
LIVE = ("placed", "completed")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the payments and refunds of an order add up to, in minor units; `asked` counts refunds under way, too.

    `waiting` tenders may still be captured; `held` of them are the shop's own accounts.
    """

    captures: int
    captured: int
    authorized: int
    refunded: int
    asked: int
    waiting: int
    held: int

    @classmethod
    def of(cls, tender: Payment, *, by_account: bool) -> Ledger:
        """What an order's only tender adds up to."""
        open_ = tender.status in HELD
        return cls(
            captures=int(tender.status in TAKEN),
            captured=tender.captured,
            authorized=tender.authorized - tender.captured - tender.voided if open_ else 0,
            refunded=tender.refunded,
            asked=tender.refunded + tender.refunding,
            waiting=int(open_ or tender.status == "pending"),
            held=int(open_ and by_account),
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """What an order has become; `reopens` is the cart that its buyer may try again with, if it has come to nothing.

    `alone`: nothing else of it was moved, neither goods nor other money.
    """

    status: str
    payment_status: str
    reopens: str | None = None
    alone: bool = False


class OrderBooks:
    """What all services of orders stand on."""

    def __init__(
        self,
        work: Work,
        *,
        inventory: InventoryService,
        payments: PaymentService,
        customers: CustomerService,
        promotions: PromotionService,
        numbers: OrderNumberGenerator,
        tax: TaxService,
        pricing: PricingService,
    ) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory
        self._payments = payments
        self._customers = customers
        self._promotions = promotions
        self._numbers = numbers
        self._tax = tax
        self._pricing = pricing
        self._written: dict[str, Any] = {}

    def get(self, number: str) -> Order:
        """An order with its lines and payments. Raises NotFound."""
        row = self._row(number, lock=False)
        payments = self._payments.of_order(number)
        balance = _balance(payments, row, row.status)
        return Order(
            number=row.number,
            status=row.status,
            payment_status=row.payment_status,
            fulfillment_status=row.fulfillment_status,
            customer_id=row.customer_id,
            customer=row.customer,
            address=row.address,
            shipping_method=row.shipping_method,
            lines=tuple(to_line(each, row.currency) for each in self._lines(row)),
            totals=totals_of(row),
            payments=payments,
            access_token=row.access_token,
            created_at=row.created_at,
            coupons={code: Money(off, row.currency) for code, off in row.coupons},
            refunded=balance.refunded,
            credited=Money(row.credited_amount, row.currency),
            refund_due=balance.refund_due,
            payment_due=balance.payment_due,
            tax_included=Money(row.tax_included_amount, row.currency),
            shipping_tax=Money(row.shipping_tax_amount, row.currency),
            channel=row.channel,
            customer_group=row.customer_group,
            owner=row.owner,
        )

    def written(self, number: str) -> Any:
        """The row of an order that was written in this very transaction, once; None for any other order.

        Nobody else has seen it yet, so it need be neither locked nor read.
        """
        return self._written.pop(number, None)

    def _row(self, number: str, *, lock: bool) -> Any:
        known = isinstance(number, str) and storable(number)
        row = self._session.execute(_LOCK if lock else _ORDER, {"number": number}).first() if known else None
        if row is None:
            raise NotFound("order", number)
        return row

    def _lines(self, row: Any) -> Sequence[Any]:
        return self._session.execute(_LINES, {"order_id": row.id}).all()

    def _ledger(self, number: str) -> Ledger:
        return Ledger(*(int(part) for part in self._session.execute(_LEDGER, {"number": number}).one()))

    def _held(self, row: Any) -> dict[int, int]:
        found = self._session.execute(_HELD, {"order_id": row.id})
        return {variant: int(quantity) for variant, quantity in found}

    def _has_shipped(self, row: Any) -> bool:
        return bool(self._session.execute(_SHIPPED, {"order_id": row.id}).scalar_one())

    def _move(self, moves: Mapping[int, Mapping[str, int]]) -> None:
        """Count pieces of lines: {line id: {"shipped": 2}}; cancelled, shipped, returned, credited."""
        none = {"cancelled": 0, "shipped": 0, "returned": 0, "credited": 0}
        rows = [none | {"of": line_id} | dict(counts) for line_id, counts in sorted(moves.items())]
        if rows:
            self._session.connection().execute(_ADD, rows)

    def _credit_pieces(
        self, row: Any, taken: Mapping[int, int], lines: Sequence[Any], *, kind: str, reference: str
    ) -> int:
        """Write down that so many pieces of each line are owed no longer; the order's credited amount then.

        Each goes by its frozen share. Where goodwill was given before, no more than what is left.
        """
        entries = [
            (
                kind,
                each.id,
                taken[each.id],
                share(paid_for(each), each.quantity, given=each.credited_quantity, pieces=taken[each.id]),
            )
            for each in lines
            if taken.get(each.id)
        ]
        return self._credit(row, row.credited_amount, entries, reference)

    def _withdrawn_shipping(
        self, row: Any, taken: Mapping[int, int], lines: Sequence[Any], *, withdrawn: bool = False
    ) -> int:
        """The shipping that goes back because `taken` leaves nothing with a buyer who has withdrawn (CDC art. 49).

        Whatever came first: the rest may have been called off, or come back for another reason.
        """
        left: int = row.shipping_amount + row.shipping_tax_amount - row.shipping_credited_amount
        if not left or any(each.credited_quantity + taken.get(each.id, 0) < each.quantity for each in lines):
            return 0
        return left if withdrawn or self._session.execute(_WITHDRAWN, {"order_id": row.id}).scalar_one() else 0

    def _credit_shipping(self, row: Any, credited: int, amount: int, reference: str) -> dict[str, Any]:
        """Write down that so much of the shipping is owed no longer; both credited amounts of the order then."""
        if not amount:
            return {"credited_amount": credited}
        credited = self._credit(row, credited, [("shipping", None, 0, amount)], reference)
        return {"credited_amount": credited, "shipping_credited_amount": row.shipping_credited_amount + amount}

    def _credit(
        self, row: Any, credited: int, entries: Iterable[tuple[str, int | None, int, int]], reference: str
    ) -> int:
        now, rows = self._work.clock.now(), []
        for kind, line_id, pieces, amount in entries:
            counted = min(amount, row.grand_amount - credited)
            credited += counted
            rows.append(
                {
                    "order_id": row.id,
                    "line_id": line_id,
                    "kind": kind,
                    "pieces": pieces,
                    "amount": counted,
                    "reference": reference,
                    "created_at": now,
                }
            )
        if rows:
            self._session.execute(_CREDIT, rows)
        return credited

    def after(self, known: Order, row: Any, settled: Settled, tender: Payment) -> Order:
        """The order that was `known`, of which nothing but its only tender and what follows from that has changed."""
        balance = _balance((tender,), row, settled.status)
        return replace(
            known,
            status=settled.status,
            payment_status=settled.payment_status,
            payments=(tender,),
            refunded=balance.refunded,
            refund_due=balance.refund_due,
            payment_due=balance.payment_due,
        )

    def _rebalance(
        self, row: Any, *, unpaid: str | None = None, ledger: Ledger | None = None, **values: Any
    ) -> Settled:
        """Change the order's row, and its payment status by what the ledgers then say.

        `unpaid` is what to call an order that ends without any money, `ledger` what they say if it is known.
        """
        status = values.get("status", row.status)
        ledger = ledger or self._ledger(row.number)
        values["payment_status"] = payment_status(
            due=worth(row, **values),
            captures=ledger.captures,
            captured=ledger.captured,
            authorized=ledger.authorized,
            refunded=ledger.refunded,
            otherwise=unpaid
            or (row.payment_status if status in OVER or row.payment_status == "void" else _WITHOUT_MONEY[status]),
        )
        self._change(row, **values)
        return Settled(status, values["payment_status"])

    def _after_moving(self, lines: Sequence[Any], moves: Mapping[int, Mapping[str, int]]) -> dict[str, Any]:
        """Both statuses of a placed order whose lines' pieces were moved: shipped, called off, added."""
        shipped = sum(each.shipped_quantity + moves.get(each.id, {}).get("shipped", 0) for each in lines)
        open_ = sum(
            open_pieces(each) - moves.get(each.id, {}).get("shipped", 0) - moves.get(each.id, {}).get("cancelled", 0)
            for each in lines
        )
        values: dict[str, Any] = {"fulfillment_status": fulfillment_status(shipped=shipped, open_=open_)}
        if not open_:
            values["status"] = "completed" if shipped else "cancelled"
        return values

    def _change(self, row: Any, **values: Any) -> None:
        change(self._session, order, row.id, values | {"updated_at": self._work.clock.now()})
        status = values.get("status", row.status)
        self._announce(row.number, status, values.get("payment_status", row.payment_status), row.customer_id)

    def _announce(self, number: str, status: str, payment_status: str, customer_id: int) -> None:
        self._work.outbox.announce(OrderChanged(number, status, payment_status, customer_id))


class _Balance(NamedTuple):
    """What of an order was given back, what is to go back, and what is still to be paid."""

    refunded: Money
    refund_due: Money
    payment_due: Money


def _balance(payments: Sequence[Payment], row: Any, status: str) -> _Balance:
    refunded = sum(each.refunded for each in payments)
    left = sum(each.captured for each in payments) - refunded - worth(row, status=status)
    due = max(-left, 0) if status in LIVE else 0
    return _Balance(Money(refunded, row.currency), Money(max(left, 0), row.currency), Money(due, row.currency))


_WITHOUT_MONEY = {"pending": "pending", "placed": "authorized", "completed": "authorized"}


def worth(row: Any, **values: Any) -> int:
    """What an order is worth to the shop, in minor units, with `values` in place of its row's."""
    if values.get("status", row.status) in OVER:
        return 0
    total: int = values.get("grand_amount", row.grand_amount)
    return total - int(values.get("credited_amount", row.credited_amount))


def open_pieces(row: Any) -> int:
    """Pieces of a line that are still to be shipped."""
    return int(row.quantity - row.cancelled_quantity - row.shipped_quantity)


def paid_for(row: Any) -> int:
    """What the buyer pays for a line, in minor units."""
    return int(row.total - row.discount_amount + row.tax_amount)


def to_line(row: Any, currency: str) -> OrderLine:
    """A line's row as it is shown."""
    return OrderLine(
        row.id,
        row.variant_id,
        row.sku,
        row.name,
        row.quantity,
        Money(row.unit_price, currency),
        Money(row.total, currency),
        Money(row.discount_amount, currency),
        Money(row.tax_amount, currency),
        Money(row.tax_included_amount, currency),
        row.cancelled_quantity,
        row.shipped_quantity,
        row.returned_quantity,
        row.attributes,
    )


def totals_of(row: Any) -> Totals:
    """What was agreed."""
    parts = (row.items_amount, row.discount_amount, row.shipping_amount, row.tax_amount)
    return Totals(*(Money(part, row.currency) for part in (*parts, row.grand_amount, row.tax_included_amount)))


def read_pieces(checks: Checks, field: str, value: Any, most: Mapping[int, int]) -> dict[int, int]:
    """{line id: pieces} as somebody gave it: at least one line, of each at least one piece and at most `most`."""
    if not isinstance(value, Mapping):
        checks.wrong(field, "required" if value is None else "not_mapping")
        return {}
    if not value:
        checks.wrong(field, "required")
    for line_id, pieces in value.items():
        name = f"{field}.{str(line_id)[:40]}"
        if type(line_id) is not int or line_id not in most:
            checks.wrong(name, "unknown", choices=", ".join(map(str, sorted(most))))
        elif most[line_id] < 1:
            checks.wrong(name, "too_large", limit=most[line_id])
        else:
            checks.whole(name, pieces, at_least=1, at_most=most[line_id])
    return {line_id: pieces for line_id, pieces in value.items() if type(pieces) is int}


def by_variant(lines: Iterable[Any], pieces: Mapping[int, int]) -> dict[int, int]:
    """{variant id: pieces} of {line id: pieces}: two lines may be of one variant."""
    summed: dict[int, int] = {}
    for each in lines:
        if pieces.get(each.id):
            summed[each.variant_id] = summed.get(each.variant_id, 0) + pieces[each.id]
    return summed


def refuse(number: str, state: str, target: str) -> IllegalTransition:
    """What is raised when an order is in no state for it."""
    return IllegalTransition(what=f"order {number}", state=state, target=target)
