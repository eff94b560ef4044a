"""What payments take and give, and what passes between a provider and the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay an order.

    `status`: pending, captured, declined, expired, failed. `action` is what the buyer must do next, if anything: for
    PIX {"type": "pix", "br_code": ..., "expires_at": ...}.
    """

    id: str
    provider: str
    method: str
    amount: Money
    status: str
    action: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """What a provider is asked to charge. `key` is the same on every retry of one attempt: it makes the charge idempotent."""

    key: str
    order_number: str
    amount: Money
    method: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """What a provider reports, by answer or by webhook. `id` is unique per provider; `kind` is one of
    pending, captured, declined, expired, failed."""

    provider: str
    id: str
    key: str
    kind: str
    amount: int
    reference: str = ""
    action: Mapping[str, Any] = field(default_factory=dict)
