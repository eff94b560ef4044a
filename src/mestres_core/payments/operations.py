"""Captures and voids: written down before a provider is asked, under a key that makes each happen once.

Invariant: the captures that were asked for and those that happened never exceed what was authorized. They are begun
under the order's lock, so that two of them are worked out one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from mestres_core.errors import IdempotencyConflict, IllegalTransition, ValidationError
from mestres_core.payments.models import operation, payment
from mestres_core.payments.refunds import Refunds
from mestres_core.rules.checks import Checks
from mestres_core.rules.ledger import HELD
from mestres_core.rules.money import Money
from mestres_core.typing import CaptureRequest, VoidRequest

_WITH_PAYMENT = select(
    operation,
    payment.c.provider,
    payment.c.currency,
    payment.c.reference,
    payment.c.amount.label("whole"),
    payment.c.status.label("payment_status"),
).join(payment, payment.c.id == operation.c.payment_id)


class Operations(Refunds):
    """Captures and voids in one unit of work."""

    def begin_capture(
        self, number: str, *, amount: int | None, final: bool, idempotency_key: str | None, leased_until: datetime
    ) -> list[CaptureRequest] | None:
        """Write down what is to be captured of an order; None when an earlier call with the key has done it.

        What the order's accounts hold is captured at once. A capture that had no answer is asked again first. Raises
        IllegalTransition when nothing is authorized, ValidationError for more than is open, IdempotencyConflict.
        """
        rows = self._rows(number)
        earlier = self._earlier_capture(number, idempotency_key, amount)
        if earlier is not None:
            return [each for each in earlier if each] or None
        waiting = self._session.execute(
            _WITH_PAYMENT.where(
                operation.c.order_number == number, operation.c.kind == "capture", operation.c.status == "pending"
            )
        ).all()
        if waiting:
            if amount is not None and amount != sum(each.amount for each in waiting):
                raise IllegalTransition(what=f"order {number}", state="capturing", target="captured")
            return [capture_request(each) for each in waiting]
        left = {row.id: _open(row) for row in rows if row.status in HELD and _open(row) > 0}
        if not left:
            raise IllegalTransition(what=f"order {number}", state=_state(rows), target="captured")
        checks = Checks()
        if amount is not None:
            checks.whole("amount", amount, at_least=1, at_most=sum(left.values()))
        checks.done()
        held = sorted((row for row in rows if row.id in left), key=lambda row: (row.account_id is None, row.position))
        wanted = sum(left.values()) if amount is None else amount
        shares = []
        for row in held:
            share = min(left[row.id], wanted)
            wanted -= share
            if share:
                shares.append((row, share))
        return self._ask_captures(shares, left, final=final, key=idempotency_key, until=leased_until)

    def begin_voids(self, number: str, *, leased_until: datetime) -> list[VoidRequest]:
        """Write down that everything of an order that is authorized or waited for is to be released.

        What its accounts hold goes back at once; what a provider cannot release lapses by itself: so it is released.
        """
        rows = []
        busy = self._under_way(number, "void")
        for row in self._rows(number):
            waiting = row.status == "pending" and row.acknowledged
            if row.id in busy or not (waiting or (row.status in HELD and _open(row) > 0)):
                continue
            if row.account_id is not None:
                self.release_account(row, operation_id=f"void_{row.id}")
            elif hasattr(self._providers.get(row.provider), "void"):
                amount = row.amount if waiting else _open(row)
                rows.append(self._operation(row, "void", amount, until=leased_until))
            elif not waiting:
                self._note(row, "voided", _open(row), operation_id=f"lapsed_{row.id}")
        if rows:
            self._session.execute(insert(operation), rows)
        return [void_request(each) for each in self._session.execute(_named(row["id"] for row in rows))] if rows else []

    def end_operation(self, operation_id: str, *, done: bool) -> Any:
        """The provider has answered. Once: the operation with its payment's present state, None when it had ended."""
        status = "done" if done else "failed"
        here = (operation.c.id == operation_id, operation.c.status == "pending")
        ended = self._session.execute(update(operation).where(*here).values(status=status).returning(operation.c.id))
        if ended.first() is None:
            return None
        return self._session.execute(_named([operation_id])).one()

    def let_go_of_the_rest(self, operation_id: str) -> None:
        """A final capture has happened: what is left of its authorization is released."""
        found = self._session.execute(_named([operation_id])).one()
        provider = self._providers.get(found.provider)
        if not (found.final or not getattr(provider, "several_captures", True)):
            return
        row = next(each for each in self._rows(found.order_number) if each.id == found.payment_id)
        if row.status in HELD and _open(row) > 0:
            self._note(row, "voided", _open(row), operation_id=f"rest_{operation_id}")

    def unfinished_operations(self, *, number: str | None = None, limit: int = 100) -> list[Any]:
        """Captures and voids whose caller is gone: their lease has run out and no answer is known."""
        query = _WITH_PAYMENT.where(
            operation.c.status == "pending", operation.c.leased_until <= self._work.clock.now()
        ).order_by(operation.c.leased_until, operation.c.id)
        if number is not None:
            query = query.where(operation.c.order_number == number)
        return [
            capture_request(row) if row.kind == "capture" else void_request(row)
            for row in self._session.execute(query.limit(limit))
        ]

    def lease_operation(self, operation_id: str, duration: timedelta) -> bool:
        """Say that somebody is asking; False when it has ended or somebody else is."""
        now = self._work.clock.now()
        here = (operation.c.id == operation_id, operation.c.status == "pending", operation.c.leased_until <= now)
        query = update(operation).where(*here).values(leased_until=now + duration).returning(operation.c.id)
        return self._session.execute(query).first() is not None

    def is_whole(self, request: CaptureRequest) -> bool:
        """Whether a capture is of all that was authorized, so that any provider can do it."""
        row = self._session.execute(select(payment).where(payment.c.id == request.payment_key)).one()
        return bool(request.amount.amount == row.authorized_amount and not row.captured_amount)

    def _earlier_capture(self, number: str, key: str | None, amount: int | None) -> list[CaptureRequest | None] | None:
        if key is None:
            return None
        query = _WITH_PAYMENT.where(operation.c.order_number == number, operation.c.idempotency_key == key)
        found = self._session.execute(query).all()
        if not found:
            return None
        if amount is not None and amount != sum(each.amount for each in found):
            raise IdempotencyConflict(key)
        return [capture_request(each) if each.status == "pending" else None for each in found]

    def _ask_captures(
        self,
        shares: Sequence[tuple[Any, int]],
        left: dict[str, int],
        *,
        final: bool,
        key: str | None,
        until: datetime,
    ) -> list[CaptureRequest]:
        rows = []
        for row, share in shares:
            provider = self._providers.get(row.provider)
            whole = share == row.authorized_amount
            if row.account_id is None and not whole and not hasattr(provider, "capture_part"):
                raise ValidationError.of("amount", "invalid", reason=f"{row.provider} captures only the whole")
            made = self._operation(row, "capture", share, until=until, key=key, final=final)
            if row.account_id is not None:
                made["status"] = "done"
                self._note(row, "captured", share, operation_id=made["id"])
                if final and share < left[row.id]:
                    fresh = next(each for each in self._rows(row.order_number) if each.id == row.id)
                    self.release_account(fresh, operation_id=f"rest_{made['id']}")
            rows.append(made)
        self._session.execute(insert(operation), rows)
        pending = [row["id"] for row in rows if row["status"] == "pending"]
        return [capture_request(each) for each in self._session.execute(_named(pending))]

    def _under_way(self, number: str, kind: str) -> frozenset[str]:
        query = select(operation.c.payment_id).where(
            operation.c.order_number == number, operation.c.kind == kind, operation.c.status == "pending"
        )
        return frozenset(self._session.execute(query).scalars())

    def _operation(
        self, row: Any, kind: str, amount: int, *, until: datetime, key: str | None = None, final: bool = False
    ) -> dict[str, Any]:
        return {
            "id": f"{kind[:3]}_{self._work.ids.token()}",
            "payment_id": row.id,
            "order_number": row.order_number,
            "kind": kind,
            "amount": amount,
            "final": final,
            "status": "pending",
            "idempotency_key": key,
            "leased_until": until,
            "created_at": self._work.clock.now(),
        }


def capture_request(row: Any) -> CaptureRequest:
    """A capture as its provider is asked for it."""
    return CaptureRequest(
        key=row.id,
        payment_key=row.payment_id,
        provider=row.provider,
        amount=Money(row.amount, row.currency),
        final=row.final,
        reference=row.reference,
    )


def void_request(row: Any) -> VoidRequest:
    """A void as its provider is asked for it."""
    return VoidRequest(
        key=row.id,
        payment_key=row.payment_id,
        provider=row.provider,
        amount=Money(row.amount, row.currency),
        reference=row.reference,
    )


def _named(ids: Any) -> Any:
    return _WITH_PAYMENT.where(operation.c.id.in_(list(ids))).order_by(operation.c.created_at, operation.c.id)


def _open(row: Any) -> int:
    return int(row.authorized_amount - row.captured_amount - row.voided_amount)


def _state(rows: Sequence[Any]) -> str:
    """What an order's payments are, in one word, for a refusal."""
    return ", ".join(sorted({row.status for row in rows})) or "unpaid"
