"""Payment attempts and their ledger.

Invariant: an event of a provider is in the ledger at most once, whoever brings it (answer, webhook, poller) and however
often. An attempt's status is what its events, in the order of their arrival, allow by the table in rules/states.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, func, insert, or_, select, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import IdempotencyConflict, IllegalTransition, InvalidSignature, NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.payments.dto import Payment, Refund
from mestres_core.payments.models import event as ledger
from mestres_core.payments.models import payment, refund
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.money import Money
from mestres_core.rules.states import PAYMENT, may
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest, RefundRequest

_BY_KEY = select(payment).where(payment.c.id == bindparam("key")).with_for_update()
_OF_ORDER = (
    select(payment).where(payment.c.order_number == bindparam("number")).order_by(payment.c.created_at, payment.c.id)
)
# Locked: two refunds of one payment are worked out one after the other.
_CAPTURED = (
    select(payment.c.id, payment.c.provider, payment.c.amount, payment.c.currency)
    .where(payment.c.order_number == bindparam("number"), payment.c.status == "captured")
    .order_by(payment.c.created_at, payment.c.id)
    .with_for_update()
)
_LONGEST_BODY = 1_048_576


class PaymentService:
    """Payments in one unit of work. `on_event` is what happens with a webhook's event once it is proved."""

    def __init__(self, work: Work, providers: Mapping[str, PaymentProvider], webhook_secret: str | None) -> None:
        self._work = work
        self._session = work.session
        self._providers = providers
        self._secret = webhook_secret
        self.on_event: Callable[[PaymentEvent], Any] = lambda _event: None

    def receive(self, provider: str, *, body: bytes, headers: Mapping[str, str]) -> None:
        """Take a webhook in: check its signature and apply its event; a repetition changes nothing.

        Raises NotFound for an unknown provider, InvalidSignature, ValidationError for a body that it cannot read.
        """
        known = self._providers.get(provider)
        if known is None:
            raise NotFound("provider", provider)
        if self._secret is None:
            raise InvalidSignature(provider)
        if len(body) > _LONGEST_BODY:
            raise ValidationError.of("body", "too_long", limit=_LONGEST_BODY)
        now = self._work.clock.now()
        self.on_event(known.read_event(body=body, headers=headers, secret=self._secret, now=now))

    def provider_for(self, method: str) -> PaymentProvider:
        """The provider that takes `method`. Raises ValidationError."""
        for provider in self._providers.values():
            if method in provider.methods:
                return provider
        methods = sorted({method for provider in self._providers.values() for method in provider.methods})
        raise ValidationError.of("payment.method", "unknown", choices=", ".join(methods))

    def attempt(self, *, request: PaymentRequest, leased_until: datetime) -> Payment:
        """Write the attempt down before anybody is called. Until `leased_until` its caller is presumed at work."""
        row = {
            "id": request.key,
            "order_number": request.order_number,
            "provider": request.provider,
            "method": request.method,
            "currency": request.amount.currency,
            "amount": request.amount.amount,
            "status": "pending",
            "acknowledged": False,
            "reference": "",
            "action": {},
            "leased_until": leased_until,
            "expires_at": request.expires_at,
            "created_at": self._work.clock.now(),
        }
        self._session.execute(insert(payment), row)
        return Payment(request.key, request.provider, request.method, request.amount, "pending", {})

    def record(self, event: PaymentEvent) -> tuple[str, str] | None:
        """Put an event into the ledger: (order number, new status) when it changes its attempt, None otherwise.

        An event of no known attempt is parked, one of another amount or provider disputed: both stay in the ledger for
        people.
        """
        for text in (event.id, event.key, event.reference):
            if not storable(text):
                raise ValidationError.of("event", "invalid", reason="control characters")
        row = self._session.execute(_BY_KEY, {"key": event.key}).first()
        state = "applied"
        if row is None:
            state = "parked"
        elif event.provider != row.provider or (event.kind == "captured" and event.amount != row.amount):
            state = "disputed"
        if (
            not self._write(event, state)
            or row is None
            or state != "applied"
            or not may(PAYMENT, row.status, event.kind)
        ):
            return None
        change: dict[str, Any] = {"status": event.kind, "acknowledged": True}
        if event.reference:
            change["reference"] = event.reference
        if event.action:
            change["action"] = dict(event.action)
        self._session.execute(update(payment).where(payment.c.id == row.id).values(**change))
        return row.order_number, event.kind

    def of_order(self, number: str) -> tuple[Payment, ...]:
        """An order's attempts, oldest first."""
        return tuple(
            Payment(row.id, row.provider, row.method, Money(row.amount, row.currency), row.status, row.action)
            for row in self._session.execute(_OF_ORDER, {"number": number})
        )

    def order_of(self, key: str) -> str | None:
        """The number of the order that an attempt is for."""
        found = self._session.execute(select(payment.c.order_number).where(payment.c.id == key)).scalar()
        return None if found is None else str(found)

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

    def authorized(self, number: str) -> tuple[str, str] | None:
        """(provider, key) of the order's authorized attempt, if it has one."""
        query = select(payment.c.provider, payment.c.id).where(
            payment.c.order_number == number, payment.c.status == "authorized"
        )
        row = self._session.execute(query).first()
        return None if row is None else (row.provider, row.id)

    def refunded(self, number: str) -> int:
        """Minor units that the buyer of an order has got back."""
        query = select(func.coalesce(func.sum(refund.c.amount), 0))
        done = query.where(refund.c.order_number == number, refund.c.status == "refunded")
        return int(self._session.execute(done).scalar_one())

    def begin_refund(
        self, number: str, *, amount: int | None, idempotency_key: str | None, leased_until: datetime
    ) -> tuple[Refund, RefundRequest | None]:
        """Write a refund down before anybody is called; no request when an earlier call with the key has ended it.

        Raises IllegalTransition when nothing is left to give back, ValidationError for more than that,
        IdempotencyConflict.
        """
        attempts = self._session.execute(_CAPTURED, {"number": number}).all()
        earlier = self._earlier_refund(number, idempotency_key, amount)
        if earlier is not None:
            return earlier
        left = {row.id: row.amount - self._given_back(row.id) for row in attempts}
        chosen = max(attempts, key=lambda row: left[row.id], default=None)
        if chosen is None or left[chosen.id] <= 0:
            state = "unpaid" if chosen is None else "refunded"
            raise IllegalTransition(what=f"order {number}", state=state, target="refunded")
        checks = Checks()
        if amount is not None:
            checks.whole("amount", amount, at_least=1, at_most=left[chosen.id])
        checks.done()
        row = {
            "id": f"ref_{self._work.ids.token()}",
            "payment_id": chosen.id,
            "order_number": number,
            "amount": left[chosen.id] if amount is None else amount,
            "status": "pending",
            "idempotency_key": idempotency_key,
            "leased_until": leased_until,
            "created_at": self._work.clock.now(),
        }
        self._session.execute(insert(refund), row)
        return _refund(row, chosen)

    def end_refund(self, refund_id: str, status: str) -> tuple[str, bool] | None:
        """A provider's clear answer: `refunded` or `failed`. Once; then (order number, whether all is given back)."""
        change = update(refund).where(refund.c.id == refund_id, refund.c.status == "pending").values(status=status)
        row = self._session.execute(
            change.returning(refund.c.payment_id, refund.c.order_number, refund.c.amount)
        ).first()
        if row is None or status != "refunded":
            return None
        attempt = self._session.execute(_BY_KEY, {"key": row.payment_id}).one()
        event = PaymentEvent(
            provider=attempt.provider, id=refund_id, key=row.payment_id, kind=status, amount=row.amount
        )
        self._write(event, "applied")
        captured = sum(each.amount for each in self._session.execute(_CAPTURED, {"number": row.order_number}))
        return row.order_number, self.refunded(row.order_number) >= captured

    def unfinished_refunds(self, *, limit: int = 100) -> list[RefundRequest]:
        """Refunds whose caller is gone: their lease has run out and no answer is known."""
        query = (
            select(refund, payment.c.provider, payment.c.currency)
            .join(payment, payment.c.id == refund.c.payment_id)
            .where(refund.c.status == "pending", refund.c.leased_until <= self._work.clock.now())
            .order_by(refund.c.leased_until)
            .limit(limit)
        )
        return [_request(row._asdict(), row) for row in self._session.execute(query)]

    def lease_refund(self, refund_id: str, duration: timedelta) -> bool:
        """Say that somebody is asking again; False when it has ended or somebody else is."""
        now = self._work.clock.now()
        here = (refund.c.id == refund_id, refund.c.status == "pending", refund.c.leased_until <= now)
        query = update(refund).where(*here).values(leased_until=now + duration).returning(refund.c.id)
        return self._session.execute(query).first() is not None

    def refund(self, refund_id: str) -> Refund:
        """One refund, as it stands now."""
        row = self._session.execute(select(refund).where(refund.c.id == refund_id)).one()
        currency = self._session.execute(select(payment.c.currency).where(payment.c.id == row.payment_id)).scalar_one()
        return Refund(row.id, row.order_number, Money(row.amount, currency), row.status)

    def _earlier_refund(
        self, number: str, key: str | None, amount: int | None
    ) -> tuple[Refund, RefundRequest | None] | None:
        if key is None:
            return None
        query = (
            select(refund, payment.c.provider, payment.c.currency)
            .join(payment, payment.c.id == refund.c.payment_id)
            .where(refund.c.order_number == number, refund.c.idempotency_key == key)
        )
        row = self._session.execute(query).first()
        if row is None:
            return None
        if amount is not None and amount != row.amount:
            raise IdempotencyConflict(key)
        made, request = _refund(row._asdict(), row)
        return made, request if row.status == "pending" else None

    def _given_back(self, payment_id: str) -> int:
        """Minor units given back or on their way."""
        query = select(func.coalesce(func.sum(refund.c.amount), 0))
        alive = query.where(refund.c.payment_id == payment_id, refund.c.status != "failed")
        return int(self._session.execute(alive).scalar_one())

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

    def _write(self, event: PaymentEvent, state: str) -> bool:
        row = {
            "provider": event.provider,
            "event_id": event.id,
            "payment_id": event.key,
            "kind": event.kind,
            "amount": event.amount,
            "action": dict(event.action),
            "reference": event.reference,
            "state": state,
            "created_at": self._work.clock.now(),
        }
        query = upsert(self._work.dialect, ledger).values(row).on_conflict_do_nothing().returning(ledger.c.id)
        return self._session.execute(query).first() is not None


def _refund(row: Mapping[str, Any], attempt: Any) -> tuple[Refund, RefundRequest]:
    """A refund as it is shown, and as its provider is asked for it."""
    request = _request(row, attempt)
    return Refund(row["id"], row["order_number"], request.amount, row["status"]), request


def _request(row: Mapping[str, Any], attempt: Any) -> RefundRequest:
    return RefundRequest(
        key=row["id"],
        payment_key=row["payment_id"],
        provider=attempt.provider,
        amount=Money(row["amount"], attempt.currency),
    )
