"""What the audit asks of payments: what their ledgers add up to, refunds, and the shop's own accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, literal, or_, select

from mestres_core.payments.models import account, entry, event, payment, refund
from mestres_core.rules.ledger import TAKEN


def _sums(by: Any, where: Any = None, **sums: Any) -> Any:
    query = select(by.label("of"), *(func.sum(column).label(name) for name, column in sums.items())).group_by(by)
    return (query if where is None else query.where(where)).subquery()


def _or_zero(column: Any) -> Any:
    return func.coalesce(column, 0)


def _told(kind: str) -> Any:
    """What the ledger says of each payment: the most that was told of the whole, or the sum of its operations."""
    here = and_(event.c.kind == kind, event.c.state == "applied")
    each = (
        select(event.c.payment_id, event.c.operation, func.max(event.c.amount).label("amount"))
        .where(here)
        .group_by(event.c.payment_id, event.c.operation)
        .subquery()
    )
    whole = func.max(case((each.c.operation == "", each.c.amount), else_=0))
    parts = func.sum(case((each.c.operation != "", each.c.amount), else_=0))
    total = case((whole > parts, whole), else_=parts)
    return select(each.c.payment_id.label("of"), total.label("amount")).group_by(each.c.payment_id).subquery()


_captures = _sums(event.c.payment_id, and_(event.c.kind == "captured", event.c.state == "applied"), times=literal(1))
_given_back = _sums(refund.c.payment_id, refund.c.status == "refunded", amount=refund.c.amount)
_asked_back = _sums(refund.c.payment_id, refund.c.status == "pending", amount=refund.c.amount)
_entered = _sums(entry.c.account_id, amount=entry.c.amount)
_by_account = _sums(entry.c.payment_id, entry.c.payment_id.is_not(None), amount=entry.c.amount)
_authorized, _captured, _refunded = (_told(kind) for kind in ("authorized", "captured", "refunded"))
_back = case(
    (_or_zero(_refunded.c.amount) > payment.c.captured_amount, payment.c.captured_amount),
    else_=_or_zero(_refunded.c.amount),
)


def _of_payments(*joined: Any) -> Any:
    source: Any = payment
    for each in joined:
        source = source.outerjoin(each, each.c.of == payment.c.id)
    return source


PAYMENT_RULES: dict[str, Any] = {
    "a captured payment has its event, any other has none": select(payment.c.id)
    .select_from(_of_payments(_captures))
    .where(payment.c.status.in_(TAKEN) != _captures.c.of.is_not(None)),
    "a payment is what its ledger adds up to": select(payment.c.id)
    .select_from(_of_payments(_authorized, _captured, _refunded))
    .where(
        or_(
            payment.c.authorized_amount != _or_zero(_authorized.c.amount),
            payment.c.captured_amount != _or_zero(_captured.c.amount),
            payment.c.refunded_amount != _back,
        )
    ),
    "no more is given back than was captured": select(payment.c.id, payment.c.refunded_amount).where(
        payment.c.refunded_amount > payment.c.captured_amount
    ),
    "what was given back is in the ledger": select(payment.c.id)
    .select_from(_of_payments(_given_back, _asked_back))
    .where(
        or_(
            _or_zero(_given_back.c.amount) != payment.c.refunded_amount,
            _or_zero(_asked_back.c.amount) != payment.c.refunding_amount,
        )
    ),
    "an account is the sum of its entries, and never below zero": select(account.c.id, account.c.balance)
    .select_from(account.outerjoin(_entered, _entered.c.of == account.c.id))
    .where(or_(account.c.balance < 0, account.c.balance != _or_zero(_entered.c.amount))),
    "an account has paid what its payments say": select(payment.c.id)
    .select_from(_of_payments(_by_account))
    .where(
        payment.c.account_id.is_not(None),
        payment.c.authorized_amount - payment.c.voided_amount - payment.c.refunded_amount
        != -_or_zero(_by_account.c.amount),
    ),
}
"""Each rule's name, and the statement that finds the rows that break it."""
