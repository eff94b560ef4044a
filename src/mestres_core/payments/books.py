"""The ledger of payments: writing events down, and keeping beside each payment what its events add up to.

Invariants, under the lock of the payment's order and in the transaction of the event:

- an event of a provider is in the ledger at most once, whoever brings it (answer, webhook, poller) and however often;
- a payment's status and amounts are what `rules.ledger.fold` makes of its events, whatever their order;
- the refunds of a payment that have ended as refunded are the sum that its ledger says was given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, select, update

from mestres_core.db.changes import change
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.later import write
from mestres_core.errors import ExtensionFailed, ValidationError
from mestres_core.events.work import Work
from mestres_core.payments.dto import Payment
from mestres_core.payments.models import event as ledger
from mestres_core.payments.models import operation, payment, refund
from mestres_core.rules.checks import BIGGEST_ID, storable
from mestres_core.rules.ledger import HELD, KINDS, Balance, Entry, fold, unexplained
from mestres_core.rules.money import Money
from mestres_core.typing import PaymentEvent, PaymentProvider

_HAS_PARKED = exists().where(ledger.c.payment_id == payment.c.id, ledger.c.state == "parked").label("has_parked")
_TIMES = ("leased_until", "expires_at", "created_at", "position", "account_id")
_OF_BOOKS = [column for column in payment.columns if column.name not in _TIMES]
_others = payment.alias("others")
_TENDERS = (
    select(func.count()).where(_others.c.order_number == payment.c.order_number).scalar_subquery().label("tenders")
)
_IS_TOLD = (
    exists().where(ledger.c.provider == bindparam("provider"), ledger.c.event_id == bindparam("event_id")).label("told")
)
_BY_KEY = (
    select(*_OF_BOOKS, _HAS_PARKED, _TENDERS, _IS_TOLD)
    .where(payment.c.id == bindparam("key"))
    .with_for_update(of=payment)
)
_OF_ORDER = (
    select(payment, _HAS_PARKED)
    .where(payment.c.order_number == bindparam("number"))
    .order_by(payment.c.position, payment.c.created_at, payment.c.id)
    .with_for_update(of=payment)
)
_ENTRIES = (
    select(ledger)
    .where(ledger.c.payment_id == bindparam("key"), ledger.c.provider == bindparam("provider"))
    .order_by(ledger.c.id)
)
_ASKED = select(operation.c.id).where(operation.c.payment_id == bindparam("key"), operation.c.kind == "capture")
# Put together once for each database: that costs more than sending them.
_NOTES = {dialect: upsert(dialect, ledger).on_conflict_do_nothing().inline() for dialect in ("sqlite", "postgresql")}
_NEW_ONES = {
    dialect: upsert(dialect, ledger).on_conflict_do_nothing().returning(ledger.c.id)
    for dialect in ("sqlite", "postgresql")
}
_STATE = update(ledger).where(ledger.c.id == bindparam("of")).values(state=bindparam("to"))
_REFUNDS_UNDER_WAY = (
    select(refund.c.id, refund.c.amount)
    .where(refund.c.payment_id == bindparam("key"), refund.c.status == "pending")
    .order_by(refund.c.created_at, refund.c.id)
)
_GIVEN_BACK = select(func.coalesce(func.sum(refund.c.amount), 0)).where(
    refund.c.payment_id == bindparam("key"), refund.c.status == "refunded"
)
END_REFUND = (
    update(refund)
    .where(refund.c.id == bindparam("of"), refund.c.status == "pending")
    .values(status=bindparam("to"))
    .returning(refund.c.payment_id, refund.c.order_number, refund.c.amount)
)
NO_LONGER_ASKED = (
    update(payment)
    .where(payment.c.id == bindparam("of"))
    .values(refunding_amount=payment.c.refunding_amount - bindparam("less"))
)
_LONGEST = {"id": 120, "key": 64, "reference": 120, "operation": 120}


@dataclass(frozen=True, slots=True)
class Change:
    """What an event has changed: the payment's status now, and how many minor units it reported as given back.

    `gained` says whether money has come, or was promised; `tender` is the payment as it is now, if it is its order's
    only one and nothing else of it was changed.
    """

    order_number: str
    status: str
    refunded: int = 0
    reference: str = ""
    gained: bool = False
    tender: Payment | None = None


class PaymentBooks:
    """What all services of payments stand on."""

    def __init__(self, work: Work, providers: Mapping[str, PaymentProvider]) -> None:
        self._work = work
        self._session = work.session
        self._providers = providers
        self._written: dict[str, Any] = {}

    def record(self, event: PaymentEvent, *, at_once: bool = False) -> Change | None:
        """Put an event into the ledger: what it has changed, None when that is nothing. The caller holds the order.

        `at_once` says that its payment was opened in this very transaction: what was written need not be read.

        An event of no known payment is parked until there is one; one of another amount or provider is disputed: it
        stays in the ledger for people. Raises ValidationError for what no ledger can hold.
        """
        check(event)
        asked = {"key": event.key, "provider": event.provider, "event_id": event.id}
        row = self._written.pop(event.key, None) if at_once else None
        row = row or self._session.execute(_BY_KEY, asked).first()
        state = "parked" if row is None else "applied" if event.provider == row.provider else "disputed"
        if row is None or not row.told:
            # Whoever tells of it in this moment, too, had not seen the payment: it is parked, and counts once.
            write(self._session, _NOTES[self._work.dialect], self._noted(event, state))
        if row is None or state != "applied" or (row.told and not row.has_parked):
            return None
        first = not row.told and not row.acknowledged and not row.has_parked
        return self.refold(row, event if first else None)

    def refold(self, row: Any, only: PaymentEvent | None = None) -> Change | None:
        """Make a locked payment what its events add up to: what that has changed. `only`: its one event so far."""
        entries: Sequence[Any] = (
            [] if only else self._session.execute(_ENTRIES, {"key": row.id, "provider": row.provider}).all()
        )
        facts: Sequence[Any] = [only] if only else entries
        balance = fold(
            row.amount,
            [Entry(each.kind, each.amount, each.operation) for each in facts],
            asked=self._asked(row, facts),
        )
        self._mark(row, only, entries, balance)
        now = {
            "status": balance.status,
            "authorized_amount": balance.authorized,
            "captured_amount": balance.captured,
            "voided_amount": balance.voided,
            "refunded_amount": balance.refunded,
            "acknowledged": True,
        }
        now |= {name: value for name in ("reference", "action") if (value := _last(facts, name))}
        values = {name: value for name, value in now.items() if getattr(row, name) != value}
        if not values:
            return None
        change(self._session, payment, row.id, values)
        grown = self._attribute(row, facts, balance) if balance.refunded != row.refunded_amount else 0
        if balance.status == "partially_captured" and balance.captured > row.captured_amount:
            self._explain_captures(row, facts)
        if row.status in HELD and not balance.open:
            self._close_operations(row.id, balance)
        gained = balance.captured > row.captured_amount or balance.authorized > row.authorized_amount
        reference = (grown and _last(facts, "operation")) or ""
        alone = getattr(row, "tenders", 0) == 1 and not grown
        tender = as_payment({**row._mapping, **values}) if alone else None  # noqa: SLF001 - a row's public way to its names
        return Change(row.order_number, balance.status, grown, reference, gained, tender)

    def _rows(self, number: str) -> Sequence[Any]:
        """The payments of an order, locked."""
        return self._session.execute(_OF_ORDER, {"number": number}).all()

    def _asked(self, row: Any, facts: Iterable[Any]) -> frozenset[str]:
        """The captures that the shop has asked for, where it matters."""
        parts = any(each.kind == "captured" and each.operation and each.amount != row.amount for each in facts)
        return frozenset(self._session.execute(_ASKED, {"key": row.id}).scalars()) if parts else frozenset()

    def _mark(self, row: Any, only: PaymentEvent | None, entries: Sequence[Any], balance: Balance) -> None:
        """Say of each event whether it counts."""
        if only is not None:
            if not balance.accepted[0]:
                here = (ledger.c.provider == only.provider, ledger.c.event_id == only.id, ledger.c.payment_id == row.id)
                self._session.execute(update(ledger).where(*here).values(state="disputed"))
            return
        states = [
            {"of": each.id, "to": "applied" if counts else "disputed"}
            for each, counts in zip(entries, balance.accepted, strict=True)
            if each.state != ("applied" if counts else "disputed")
        ]
        if states:
            self._session.connection().execute(_STATE, states)

    def _attribute(self, row: Any, facts: Sequence[Any], balance: Balance) -> int:
        """Find the refunds that have brought the sum given back up, asked for here or at the provider; by how much.

        What the provider told only as a sum is written down as that refund's own event, or the next refund would seem
        to be a part of it.
        """
        grown = balance.refunded - int(self._session.execute(_GIVEN_BACK, {"key": row.id}).scalar_one())
        if grown <= 0:
            return 0
        told = {each.operation for each in facts if each.kind == "refunded" and each.operation}
        waiting = self._session.execute(_REFUNDS_UNDER_WAY, {"key": row.id}).all()
        ended = [(each.id, each.amount) for each in waiting if each.id in told]
        left = grown - sum(amount for _, amount in ended)
        seen = [(each.id, each.amount) for each in waiting if each.id not in told and each.amount == left][:1]
        for refund_id, amount in (*ended, *seen):
            self._session.execute(END_REFUND, {"of": refund_id, "to": "refunded"})
            self._session.execute(NO_LONGER_ASKED, {"of": row.id, "less": amount})
        if left > 0 and not seen:
            made = self._refund_row(row, left, status="refunded", reason="provider")
            self._session.execute(insert(refund), made)
            seen = [(made["id"], left)]
        for refund_id, amount in seen:
            self._explain(row, "refunded", amount, refund_id)
        return grown

    def _explain_captures(self, row: Any, facts: Sequence[Any]) -> None:
        """The same for a part of an authorization that the provider told only as a sum."""
        gap = unexplained([Entry(each.kind, each.amount, each.operation) for each in facts], "captured")
        if gap > 0:
            here = (operation.c.payment_id == row.id, operation.c.kind == "capture", operation.c.amount == gap)
            asked = select(operation.c.id).where(*here, operation.c.status == "pending").limit(1)
            known = self._session.execute(asked).scalar()
            self._explain(row, "captured", gap, known or f"seen_{self._work.ids.token()}")

    def _explain(self, row: Any, kind: str, amount: int, operation_id: str) -> None:
        explained = PaymentEvent(
            provider=row.provider,
            id=f"{kind}:{operation_id}",
            key=row.id,
            kind=kind,
            amount=amount,
            operation=operation_id,
        )
        self._write([(explained, "applied")])

    def _refund_row(self, row: Any, amount: int, *, status: str = "pending", reason: str = "asked") -> dict[str, Any]:
        now, key = self._work.clock.now(), f"ref_{self._work.ids.token()}"
        return {
            "id": key,
            "payment_id": row.id,
            "order_number": row.order_number,
            "amount": amount,
            "status": status,
            "idempotency_key": None,
            "leased_until": now,
            "created_at": now,
            "batch": key,
            "reason": reason,
        }

    def _close_operations(self, payment_id: str, balance: Balance) -> None:
        """Nothing is open any more: what was asked for has happened, or never will."""
        for kind, happened in (("capture", balance.captured > 0), ("void", balance.voided > 0)):
            here = (operation.c.payment_id == payment_id, operation.c.kind == kind, operation.c.status == "pending")
            self._session.execute(update(operation).where(*here).values(status="done" if happened else "failed"))

    def _write(self, events: Iterable[tuple[PaymentEvent, str]]) -> bool:
        """Whether any of these was not in the ledger yet."""
        rows = [self._noted(event, state) for event, state in events]
        sent = rows if len(rows) > 1 else rows[0]
        return self._session.execute(_NEW_ONES[self._work.dialect], sent).first() is not None

    def _noted(self, event: PaymentEvent, state: str) -> dict[str, Any]:
        return {
            "provider": event.provider,
            "event_id": event.id,
            "payment_id": event.key,
            "kind": event.kind,
            "amount": event.amount,
            "action": dict(event.action),
            "reference": event.reference,
            "state": state,
            "created_at": self._work.clock.now(),
            "operation": event.operation,
        }

    def _note(
        self, row: Any, kind: str, amount: int, *, operation_id: str, event_id: str | None = None
    ) -> Change | None:
        """An event that the shop itself is the source of: an account's debit, an authorization that is let lapse."""
        told = PaymentEvent(
            provider=row.provider,
            id=event_id or f"{kind}:{operation_id}",
            key=row.id,
            kind=kind,
            amount=amount,
            operation=operation_id,
        )
        return self.record(told)


def as_payment(row: Any) -> Payment:
    """A payment's row as it is shown."""
    return Payment(
        row["id"],
        row["provider"],
        row["method"],
        Money(row["amount"], row["currency"]),
        row["status"],
        row["action"],
        row["reference"],
        row["authorized_amount"],
        row["captured_amount"],
        row["voided_amount"],
        row["refunded_amount"],
        row["refunding_amount"],
    )


def _last(facts: Sequence[Any], name: str) -> Any:
    """What the latest event that says anything of it says; None when none does."""
    for each in reversed(facts):
        value = getattr(each, name)
        if value:
            return dict(value) if name == "action" else value
    return None


def event_of(provider: str, answer: Any) -> PaymentEvent:
    """What a provider has answered. Raises ExtensionFailed for what is no event: then nothing is known."""
    if not isinstance(answer, PaymentEvent):
        raise ExtensionFailed(f"payment provider {provider!r}", f"a PaymentEvent is expected, not {answer!r}")
    return answer


def check(event: PaymentEvent) -> None:
    """Raises ValidationError for an event that no ledger can hold."""
    for name, longest in _LONGEST.items():
        text = getattr(event, name)
        if not storable(text):
            raise ValidationError.of("event", "invalid", reason="control characters")
        if len(text) > longest:
            raise ValidationError.of(f"event.{name}", "too_long", limit=longest)
    if event.kind not in KINDS:
        raise ValidationError.of("event.kind", "unknown", choices=", ".join(sorted(KINDS)))
    if type(event.amount) is not int or not 0 <= event.amount <= BIGGEST_ID:
        raise ValidationError.of("event.amount", "not_integer")
