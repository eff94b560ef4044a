"""What payments give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class Payment:
    """One tender of an order: a card, a PIX code, a slip, a gift card, store credit.

    `status`: pending, authorized, partially_captured, captured, voided, declined, expired, failed. `action` is what
    the buyer must do next, if anything: for PIX {"type": "pix", "br_code": ..., "expires_at": ...}. What was
    `authorized`, `captured`, `voided` (released again), `refunded`, and is `refunding` (asked for, unanswered) is in
    minor units.
    """

    id: str
    provider: str
    method: str
    amount: Money
    status: str
    action: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    authorized: int = 0
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    refunding: int = 0


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the buyer. `status`: pending, refunded, failed, or partial when some of it failed.

    `parts` is what goes to each tender, {payment id: minor units}: several when one did not hold enough.
    """

    id: str
    order_number: str
    amount: Money
    status: str
    parts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """The money of an order: what its tenders are to bring, and what has become of it.

    `outstanding` is what is neither captured nor released yet: nothing for a paid order, and nothing for one that came
    to nothing. `refunding` is asked for and not answered.
    """

    total: Money
    authorized: Money
    captured: Money
    refunded: Money
    refunding: Money
    outstanding: Money


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A row of an order's payment ledger.

    `action`: charge, authorize, capture, void, refund. `outcome`: request (the shop asked), success, failure, pending.
    `operation` is the request that an answer belongs to, empty for the whole payment. `state`: applied, disputed (it
    counts for nothing: wrong amount or provider), parked (there is no such payment yet).
    """

    payment_id: str
    action: str
    outcome: str
    amount: int
    operation: str
    provider: str
    event_id: str
    reference: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A gift card or a customer's store credit. `hint` is the end of a gift card's code; `expires_at` None: never.

    `kind`: gift_card, store_credit.
    """

    id: int
    kind: str
    hint: str
    customer_id: int | None
    balance: Money
    active: bool
    expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedGiftCard:
    """A new gift card and its code, which is not kept: it is told this once."""

    card: Account
    code: str


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A change of a balance. `kind`: issue, top_up, debit, release, refund; `amount` is below zero for a debit."""

    kind: str
    amount: Money
    payment_id: str | None
    reference: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tender:
    """How a part of an order is to be paid. `amount` None: what is left of the order, or all that an account has.

    `token` is a card's, or for store credit the customer's own; `code` a gift card's.
    """

    method: str
    token: str = ""
    amount: int | None = None
    code: str = ""
