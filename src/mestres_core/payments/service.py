"""Payments: what orders are paid with, and the ledger of everything their providers reported.

The invariants are those of `books.py`, `tenders.py`, `operations.py` and `refunds.py`. Who brings an event (an answer,
a webhook, the poller) makes no difference, and neither does when: before the redirect, after it, at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update

from mestres_core.customers.service import CustomerService
from mestres_core.errors import InvalidSignature, NotFound, TransactionOwnershipError, ValidationError
from mestres_core.events.work import Work
from mestres_core.payments.books import as_payment, event_of
from mestres_core.payments.dto import LedgerEntry, Payment, Summary
from mestres_core.payments.models import event as ledger
from mestres_core.payments.models import operation, payment, refund
from mestres_core.payments.operations import Operations
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.ledger import HELD
from mestres_core.rules.money import Money
from mestres_core.typing import PaymentEvent, PaymentProvider

_OF_ORDER = (
    select(payment)
    .where(payment.c.order_number == bindparam("number"))
    .order_by(payment.c.created_at, payment.c.position, payment.c.id)
)
_LONGEST_BODY = 1_048_576
_STATES = ("applied", "parked", "disputed")
# What each kind of event says: the action, and how it went.
_SAID = {
    "pending": ("charge", "pending"),
    "authorized": ("authorize", "success"),
    "captured": ("capture", "success"),
    "voided": ("void", "success"),
    "refunded": ("refund", "success"),
    "declined": ("charge", "failure"),
    "failed": ("charge", "failure"),
    "expired": ("charge", "failure"),
    "capture_failed": ("capture", "failure"),
    "void_failed": ("void", "failure"),
    "refund_failed": ("refund", "failure"),
}


class PaymentService(Operations):
    """Payments in one unit of work. `on_event` is what happens with a webhook's event once it is proved."""

    def __init__(
        self,
        work: Work,
        providers: Mapping[str, PaymentProvider],
        webhook_secret: str | None,
        customers: CustomerService,
    ) -> None:
        super().__init__(work, providers, customers)
        self._secret = webhook_secret
        self.on_event: Callable[[PaymentEvent], Any] = lambda _event: None
        self.on_replay: Callable[[str], bool] = lambda _key: False

    def receive(self, provider: str, *, body: bytes, headers: Mapping[str, str]) -> None:
        """Take a webhook in: check its signature and apply its event; a repetition changes nothing.

        An event of a payment that is not known yet is kept and applied as soon as it is; one that the provider says is
        nothing of ours is dropped. Raises NotFound for an unknown provider, InvalidSignature, ValidationError for a
        body that it cannot read.
        """
        known = self._providers.get(provider) if isinstance(provider, str) else None
        if known is None:
            raise NotFound("provider", provider)
        checks = Checks()
        if not isinstance(body, bytes):
            checks.wrong("body", "invalid", reason="must be bytes, as they came")
        if not isinstance(headers, Mapping) or not all(isinstance(name, str) for name in headers):
            checks.wrong("headers", "not_mapping")
        checks.done()
        if self._secret is None:
            raise InvalidSignature(provider)
        if len(body) > _LONGEST_BODY:
            raise ValidationError.of("body", "too_long", limit=_LONGEST_BODY)
        now = self._work.clock.now()
        told = known.read_event(body=body, headers=headers, secret=self._secret, now=now)
        if told is not None:
            self.on_event(event_of(provider, told))

    def replay(self, payment_id: str | None = None, *, order_number: str | None = None, limit: int = 1000) -> int:
        """Work out again what the ledger says: of one payment, of one order, or of whatever has parked events.

        Parked events of payments that are known by now are applied; states and sums become what the events add up to.
        Doing it again changes nothing. Returns how many payments have changed. Raises NotFound, ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=100_000)
        checks.done()
        query = select(payment.c.id).order_by(payment.c.id).limit(limit)
        if payment_id is not None:
            query = query.where(payment.c.id == payment_id)
        elif order_number is not None:
            query = query.where(payment.c.order_number == order_number)
        else:
            parked = select(ledger.c.payment_id).where(ledger.c.state == "parked")
            query = query.where(payment.c.id.in_(parked))
        named = payment_id if payment_id is not None else order_number
        readable = named is None or (isinstance(named, str) and storable(named))
        keys = self._session.execute(query).scalars().all() if readable else []
        if named is not None and not keys:
            raise NotFound("payment" if payment_id is not None else "order", named)
        return sum(self.on_replay(key) for key in keys)

    def work_out(self, key: str) -> Any:
        """What the events of a payment add up to, once more: a Change, or None. The order is locked by the caller."""
        rows = self._rows(self.order_of(key) or "")
        row = next((each for each in rows if each.id == key), None)
        return None if row is None or not (row.acknowledged or row.has_parked) else self.refold(row)

    def of_order(self, number: str) -> tuple[Payment, ...]:
        """An order's tenders, oldest first; none of an order that there is not."""
        if not isinstance(number, str) or not storable(number):
            return ()
        rows = self._session.execute(_OF_ORDER, {"number": number}).mappings()
        return tuple(as_payment(row) for row in rows)

    def summary(self, number: str) -> Summary:
        """The money of an order, added up over its tenders. Raises NotFound."""
        found = self.of_order(number)
        if not found:
            raise NotFound("order", number)
        currency = found[0].amount.currency
        over = ("declined", "failed", "expired", "voided")
        open_ = sum(each.amount.amount - each.captured - each.voided for each in found if each.status not in over)
        return Summary(
            total=Money(sum(each.amount.amount for each in found), currency),
            authorized=Money(
                sum(each.authorized - each.captured - each.voided for each in found if each.status in HELD), currency
            ),
            captured=Money(sum(each.captured for each in found), currency),
            refunded=Money(sum(each.refunded for each in found), currency),
            refunding=Money(sum(each.refunding for each in found), currency),
            outstanding=Money(open_, currency),
        )

    def ledger(self, number: str) -> tuple[LedgerEntry, ...]:
        """Everything that was asked and answered for an order, oldest first. Raises NotFound."""
        found = self.of_order(number)
        if not found:
            raise NotFound("order", number)
        keys = [each.id for each in found]
        asked = [
            *self._requests(select(payment).where(payment.c.id.in_(keys)), lambda _row: "charge"),
            *self._requests(select(operation).where(operation.c.payment_id.in_(keys)), lambda row: str(row.kind)),
            *self._requests(select(refund).where(refund.c.payment_id.in_(keys)), lambda _row: "refund"),
        ]
        events = self._session.execute(select(ledger).where(ledger.c.payment_id.in_(keys)).order_by(ledger.c.id))
        return tuple(sorted([*asked, *(_entry(row) for row in events)], key=lambda each: each.at))

    def events(self, *, state: str = "disputed", limit: int = 100) -> tuple[LedgerEntry, ...]:
        """Events that somebody should look at, oldest first: `state` is disputed or parked. Raises ValidationError."""
        checks = Checks()
        checks.choice("state", state, _STATES)
        checks.whole("limit", limit, at_least=1, at_most=1000)
        checks.done()
        query = select(ledger).where(ledger.c.state == state).order_by(ledger.c.id).limit(limit)
        return tuple(_entry(row) for row in self._session.execute(query))

    def order_of(self, key: str) -> str | None:
        """The number of the order that a payment is for."""
        found = self._session.execute(select(payment.c.order_number).where(payment.c.id == key)).scalar()
        return None if found is None else str(found)

    def void(self, number: str) -> None:  # noqa: ARG002 - see below
        """Release what is authorized of an order and was not captured: `shop.payments.void(...)`.

        The order stays; one that still waits for a payment is cancelled instead. Raises NotFound, IllegalTransition
        when nothing is to be released or the order is pending, TransactionOwnershipError in another's transaction.
        """
        raise TransactionOwnershipError("payments.void")

    def unfinished(self, *, limit: int = 100) -> list[Any]:
        """Attempts whose caller is gone: their lease has run out and no end is known.

        Those whose time to pay is over come first: they hold pieces that somebody may be waiting for.
        """
        now = self._work.clock.now()
        # What a provider has acknowledged only a webhook or the expiry can end; ask again every so often.
        overdue = or_(payment.c.leased_until <= now, payment.c.expires_at <= now)
        query = (
            select(payment.c.id, payment.c.provider, payment.c.amount, payment.c.acknowledged, payment.c.expires_at)
            .where(payment.c.status == "pending", overdue)
            .order_by(case((payment.c.expires_at <= now, 0), else_=1), payment.c.leased_until)
            .limit(limit)
        )
        return list(self._session.execute(query))

    def has_expired(self, key: str) -> bool:
        """Whether the time to pay is over."""
        ends = self._session.execute(select(payment.c.expires_at).where(payment.c.id == key)).scalar_one()
        return bool(ends <= self._work.clock.now())

    def lease(self, key: str, duration: timedelta) -> bool:
        """Say that somebody is asking after this attempt; False when it has ended or somebody else is."""
        now = self._work.clock.now()
        here = (
            payment.c.id == key,
            payment.c.status == "pending",
            or_(payment.c.leased_until <= now, payment.c.expires_at <= now),
        )
        query = update(payment).where(*here).values(leased_until=now + duration).returning(payment.c.id)
        return self._session.execute(query).first() is not None

    def _requests(self, query: Any, action: Callable[[Any], str]) -> Sequence[LedgerEntry]:
        return [
            LedgerEntry(
                payment_id=getattr(row, "payment_id", row.id),
                action=action(row),
                outcome="request",
                amount=row.amount,
                operation=row.id if hasattr(row, "payment_id") else "",
                provider=getattr(row, "provider", ""),
                event_id="",
                reference="",
                state="applied",
                at=row.created_at,
            )
            for row in self._session.execute(query)
        ]


def _entry(row: Any) -> LedgerEntry:
    action, outcome = _SAID[row.kind]
    return LedgerEntry(
        row.payment_id,
        action,
        outcome,
        row.amount,
        row.operation,
        row.provider,
        row.event_id,
        row.reference,
        row.state,
        row.created_at,
    )
