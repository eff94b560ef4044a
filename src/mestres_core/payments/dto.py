"""What payments give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the buyer. `status`: pending, refunded, failed."""

    id: str
    order_number: str
    amount: Money
    status: str
