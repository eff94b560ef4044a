"""Paid when the goods change hands: cash, the shop's own card machine, a bank transfer on invoice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mestres_core.errors import InvalidSignature
from mestres_core.typing import CaptureRequest, PaymentEvent, PaymentRequest, RefundRequest, VoidRequest


class OnDelivery:
    """A promise to pay: the order is placed at once, its payment `authorized`, and captured when the money is there.

    `shop.orders.capture(number)` says that it is, `shop.orders.refund(...)` that it was handed back. Nobody is asked
    and nothing is kept beside the shop's own ledger, so an order is placed in one transaction.
    """

    at_home = True
    several_captures = True

    def __init__(self, *, name: str = "on_delivery", methods: tuple[str, ...] = ("on_delivery",)) -> None:
        """`name` is the provider's in ledgers, `methods` what buyers choose: ("on_delivery", "invoice")."""
        self.name = name
        self.methods = methods

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """The promise: an authorization of the whole amount."""
        return PaymentEvent(
            provider=self.name,
            id=f"authorized:{request.key}",
            key=request.key,
            kind="authorized",
            amount=request.amount.amount,
        )

    def capture(self, key: str) -> PaymentEvent:
        """Never asked: who keeps nothing has to be told the amount, by `capture_part`."""
        raise LookupError(f"{self.name} keeps no amounts: charge {key!r}")

    def capture_part(self, request: CaptureRequest) -> PaymentEvent:
        """The money is there, or a part of it."""
        return self._operation("captured", request.key, request.payment_key, request.amount.amount)

    def void(self, request: VoidRequest) -> PaymentEvent:
        """Nobody waits for the money any more."""
        return self._operation("voided", request.key, request.payment_key, request.amount.amount)

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """The money was handed back."""
        return self._operation("refunded", request.key, request.payment_key, request.amount.amount)

    def lookup(self, key: str) -> PaymentEvent | None:  # noqa: ARG002 - see the class
        """None: beyond the ledger nothing is known."""
        return None

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent | None:  # noqa: ARG002
        """Nobody sends webhooks for it. Raises InvalidSignature."""
        raise InvalidSignature(self.name)

    def _operation(self, kind: str, key: str, payment_key: str, amount: int) -> PaymentEvent:
        return PaymentEvent(
            provider=self.name, id=f"{kind}:{key}", key=payment_key, kind=kind, amount=amount, operation=key
        )
