"""Giving money back: written down before a provider is asked, under a key that makes it happen once.

Invariant: what was given back of a payment and what is asked for together never exceed what was captured of it. The
room is taken by a conditional update, so that two refunds at once cannot both have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from mestres_core.errors import IdempotencyConflict, IllegalTransition, RetryableError
from mestres_core.payments.books import END_REFUND, NO_LONGER_ASKED, Change
from mestres_core.payments.dto import Refund
from mestres_core.payments.models import payment, refund
from mestres_core.payments.tenders import Tenders
from mestres_core.rules.checks import Checks
from mestres_core.rules.money import Money
from mestres_core.typing import RefundRequest

BY_ITSELF = ("late", "undone")
"""Why money goes back without anybody having asked: it came too late, or the order's other tenders did not come."""

_ROOM = payment.c.captured_amount - payment.c.refunded_amount - payment.c.refunding_amount
_ASK_BACK = (
    update(payment)
    .where(payment.c.id == bindparam("of"), bindparam("more") <= _ROOM)
    .values(refunding_amount=payment.c.refunding_amount + bindparam("more"))
    .returning(payment.c.id)
)
_WITH_PAYMENT = select(refund, payment.c.provider, payment.c.currency, payment.c.reference).join(
    payment, payment.c.id == refund.c.payment_id
)
_BATCH = _WITH_PAYMENT.where(
    refund.c.batch == select(refund.c.batch).where(refund.c.id == bindparam("key")).scalar_subquery()
).order_by(refund.c.created_at, refund.c.id)


class Refunds(Tenders):
    """Refunds in one unit of work."""

    def begin_refund(
        self, number: str, *, amount: int | None, idempotency_key: str | None, leased_until: datetime
    ) -> tuple[Refund, tuple[RefundRequest, ...], int]:
        """Write a refund down before anybody is called; no requests when an earlier call with the key has ended it.

        Money goes back to the providers first, in the order of the tenders, then to the shop's own accounts; the last
        value is how much went to those, at once. Raises IllegalTransition when nothing is left to give back,
        ValidationError for more than that, IdempotencyConflict.
        """
        rows = self._rows(number)
        earlier = self._earlier_refund(number, idempotency_key, amount)
        if earlier is not None:
            return earlier
        left = {row.id: row.captured_amount - row.refunded_amount - row.refunding_amount for row in rows}
        if sum(left.values()) <= 0:
            due = self._due_by_itself(number) if amount is None else None
            if due is not None:
                return due
            state = "refunded" if any(row.captured_amount for row in rows) else "unpaid"
            raise IllegalTransition(what=f"order {number}", state=state, target="refunded")
        checks = Checks()
        if amount is not None:
            checks.whole("amount", amount, at_least=1, at_most=sum(left.values()))
        checks.done()
        made, at_once = self._ask_back(
            rows, left, amount or sum(left.values()), key=idempotency_key, until=leased_until, reason="asked"
        )
        return self._told(made[0]["id"], at_once=at_once)

    def give_back(self, number: str, *, reason: str) -> int:
        """Write down that all that was captured goes back by itself (`shop.recover` asks the providers).

        Returns what went back at once, into the shop's own accounts.
        """
        rows = self._rows(number)
        left = {row.id: row.captured_amount - row.refunded_amount - row.refunding_amount for row in rows}
        whole = sum(each for each in left.values() if each > 0)
        return self._ask_back(rows, left, whole, key=None, until=self._work.clock.now(), reason=reason)[1]

    def end_refund(self, refund_id: str, status: str) -> Change | None:
        """A provider's clear answer: `refunded` or `failed`. Once; None when it had ended already."""
        row = self._session.execute(_WITH_PAYMENT.where(refund.c.id == refund_id)).first()
        if row is None or row.status != "pending":
            return None
        if status == "refunded":
            locked = next(each for each in self._rows(row.order_number) if each.id == row.payment_id)
            return self._note(locked, "refunded", row.amount, operation_id=refund_id, event_id=refund_id)
        self._session.execute(END_REFUND, {"of": refund_id, "to": "failed"})
        self._session.execute(NO_LONGER_ASKED, {"of": row.payment_id, "less": row.amount})
        self._note(
            next(each for each in self._rows(row.order_number) if each.id == row.payment_id),
            "refund_failed",
            row.amount,
            operation_id=refund_id,
        )
        return Change(row.order_number, "refund_failed")

    def refund(self, refund_id: str) -> Refund:
        """A refund with all its parts, as it stands now."""
        parts = self._session.execute(_BATCH, {"key": refund_id}).all()
        first = next(each for each in parts if each.id == each.batch)
        return Refund(
            first.id,
            first.order_number,
            Money(sum(each.amount for each in parts), first.currency),
            _status([each.status for each in parts]),
            {each.payment_id: each.amount for each in parts},
        )

    def refund_order(self, refund_id: str) -> str:
        """The number of the order that a refund is of."""
        return str(self._session.execute(select(refund.c.order_number).where(refund.c.id == refund_id)).scalar_one())

    def refunded(self, number: str) -> int:
        """Minor units that the buyer of an order has got back."""
        query = select(func.coalesce(func.sum(payment.c.refunded_amount), 0)).where(payment.c.order_number == number)
        return int(self._session.execute(query).scalar_one())

    def unfinished_refunds(self, *, number: str | None = None, limit: int = 100) -> list[RefundRequest]:
        """Refunds whose caller is gone: their lease has run out and no answer is known."""
        query = (
            _WITH_PAYMENT.where(refund.c.status == "pending", refund.c.leased_until <= self._work.clock.now())
            .order_by(refund.c.leased_until, refund.c.id)
            .limit(limit)
        )
        if number is not None:
            query = query.where(refund.c.order_number == number)
        return [_request(row) for row in self._session.execute(query)]

    def lease_refund(self, refund_id: str, duration: timedelta) -> bool:
        """Say that somebody is asking again; False when it has ended or somebody else is."""
        now = self._work.clock.now()
        here = (refund.c.id == refund_id, refund.c.status == "pending", refund.c.leased_until <= now)
        query = update(refund).where(*here).values(leased_until=now + duration).returning(refund.c.id)
        return self._session.execute(query).first() is not None

    def _ask_back(
        self,
        rows: Sequence[Any],
        left: Mapping[str, int],
        amount: int,
        *,
        key: str | None,
        until: datetime,
        reason: str,
    ) -> tuple[list[dict[str, Any]], int]:
        """Take the room, write the refunds down; what goes to accounts goes now. The refunds, and that sum."""
        made: list[dict[str, Any]] = []
        local: list[tuple[Any, dict[str, Any]]] = []
        for row in sorted(rows, key=lambda row: (row.account_id is not None, row.position)):
            share = min(left[row.id], amount)
            if share <= 0:
                continue
            amount -= share
            if self._session.execute(_ASK_BACK, {"of": row.id, "more": share}).first() is None:
                raise RetryableError(f"payment {row.id} was given back just now")
            one = self._refund_row(row, share, reason=reason) | {"leased_until": until}
            one |= {"batch": made[0]["id"], "idempotency_key": None} if made else {"idempotency_key": key}
            made.append(one)
            if row.account_id is not None:
                local.append((row, one))
        if made:
            self._session.execute(insert(refund), made)
        for row, one in local:
            self._accounts.put(row.account_id, "refund", one["amount"], payment_id=row.id, reference=row.order_number)
            self._note(row, "refunded", one["amount"], operation_id=one["id"], event_id=one["id"])
        return made, sum(one["amount"] for _, one in local)

    def _earlier_refund(
        self, number: str, key: str | None, amount: int | None
    ) -> tuple[Refund, tuple[RefundRequest, ...], int] | None:
        if key is None:
            return None
        query = select(refund.c.id).where(refund.c.order_number == number, refund.c.idempotency_key == key)
        found = self._session.execute(query).scalar()
        if found is None:
            return None
        made, requests, _ = self._told(found, at_once=0)
        if amount is not None and amount != made.amount.amount:
            raise IdempotencyConflict(key)
        return made, requests, 0

    def _due_by_itself(self, number: str) -> tuple[Refund, tuple[RefundRequest, ...], int] | None:
        """What is on its way back already, without anybody having asked: whoever asks now asks for that."""
        here = (refund.c.order_number == number, refund.c.status == "pending", refund.c.reason.in_(BY_ITSELF))
        found = self._session.execute(select(refund.c.batch).where(*here).limit(1)).scalar()
        return None if found is None else self._told(found, at_once=0)

    def _told(self, refund_id: str, *, at_once: int) -> tuple[Refund, tuple[RefundRequest, ...], int]:
        parts = self._session.execute(_BATCH, {"key": refund_id}).all()
        requests = tuple(_request(each) for each in parts if each.status == "pending")
        return self.refund(refund_id), requests, at_once


def _request(row: Any) -> RefundRequest:
    return RefundRequest(
        key=row.id,
        payment_key=row.payment_id,
        provider=row.provider,
        amount=Money(row.amount, row.currency),
        reference=row.reference,
    )


def _status(parts: Sequence[str]) -> str:
    """One word for several refunds that were asked for as one."""
    if "pending" in parts:
        return "pending"
    ended = set(parts)
    return ended.pop() if len(ended) == 1 else "partial"
