"""Taking and giving back money after the order: like a checkout, with no transaction open while a provider is called.

Invariants: a refund is written down before its provider is asked, under a key that makes it happen once; all refunds of
a payment together, those on their way included, never exceed it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from mestres_core.checkout.service import CheckoutService
from mestres_core.errors import IllegalTransition, ProviderFailed
from mestres_core.orders.dto import Order
from mestres_core.orders.service import OrderService
from mestres_core.payments.dto import Refund
from mestres_core.payments.service import PaymentService
from mestres_core.typing import PaymentProvider, RefundRequest

_log = logging.getLogger(__name__)
_LEASE = timedelta(seconds=30)


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    checkout: CheckoutService
    orders: OrderService
    payments: PaymentService


Run = Callable[[Callable[[Any], Any]], Any]


def capture(run: Run, providers: Mapping[str, PaymentProvider], number: str) -> Order:
    """`OrderService.capture`, with the transactions it needs."""

    def look(services: Services) -> tuple[str, tuple[str, str] | None]:
        return services.orders.get(number).payment_status, services.payments.authorized(number)

    state, found = run(look)
    if found is None:
        raise IllegalTransition(what=f"order {number}", state=state, target="captured")
    provider, key = found
    try:
        event = providers[provider].capture(key)
    except Exception as error:
        raise ProviderFailed(provider) from error
    captured: Order = run(lambda services: services.checkout.apply(event))
    return captured


def refund(
    run: Run,
    providers: Mapping[str, PaymentProvider],
    number: str,
    *,
    amount: int | None = None,
    idempotency_key: str | None = None,
) -> Refund:
    """`OrderService.refund`, with the transactions it needs."""

    def begin(services: Services) -> tuple[Refund, RefundRequest | None]:
        return services.orders.begin_refund(number, amount=amount, idempotency_key=idempotency_key, lease=_LEASE)

    made, request = run(begin)
    if request is not None:
        _ask(run, providers, request)
    ended: Refund = run(lambda services: services.payments.refund(made.id))
    return ended


def recover_refunds(run: Run, providers: Mapping[str, PaymentProvider], *, limit: int = 100) -> int:
    """Ask again for refunds whose caller is gone; returns how many ended."""
    ended = 0
    for request in run(lambda services: services.payments.unfinished_refunds(limit=limit)):
        if run(partial(_lease, key=request.key)):
            ended += _ask(run, providers, request)
    return ended


def _lease(services: Services, *, key: str) -> bool:
    return services.payments.lease_refund(key, _LEASE)


def _ask(run: Run, providers: Mapping[str, PaymentProvider], request: RefundRequest) -> bool:
    """Whether the provider gave a clear answer, which then has had its effect."""
    try:
        event = providers[request.provider].refund(request)
    except Exception:  # noqa: BLE001 - whatever it was, the money may or may not be on its way: the same key is asked again
        _log.warning("refund %s: no clear answer from %s", request.key, request.provider, exc_info=True)
        return False
    status = "refunded" if event.kind == "refunded" else "failed"
    run(lambda services: services.orders.end_refund(request.key, status))
    return True
