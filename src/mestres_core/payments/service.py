"""Payment attempts and their ledger.

Invariant: an event of a provider is in the ledger at most once, whoever brings it (answer, webhook, poller) and however
often. An attempt's status is what its events, in the order of their arrival, allow by the table in rules/states.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, insert, or_, select, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import InvalidSignature, NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.payments.dto import Payment
from mestres_core.payments.models import event as ledger
from mestres_core.payments.models import payment
from mestres_core.rules.checks import storable
from mestres_core.rules.money import Money
from mestres_core.rules.states import PAYMENT, may
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest

_BY_KEY = select(payment).where(payment.c.id == bindparam("key")).with_for_update()
_OF_ORDER = (
    select(payment).where(payment.c.order_number == bindparam("number")).order_by(payment.c.created_at, payment.c.id)
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
