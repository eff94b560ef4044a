"""Taking, releasing and giving back money after the order, with no transaction open while a provider is called.

Invariants: each is written down before its provider is asked, under a key that makes it happen once; whoever dies in
between, or gets no answer, leaves something that `recover` asks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from mestres_core.checkout.service import CheckoutService
from mestres_core.db.waiting import ask, to_the_end
from mestres_core.errors import IllegalTransition, ProviderFailed
from mestres_core.orders.dto import Order
from mestres_core.orders.service import OrderService
from mestres_core.payments.books import event_of
from mestres_core.payments.dto import Refund
from mestres_core.payments.service import PaymentService
from mestres_core.typing import CaptureRequest, PaymentEvent, PaymentProvider, RefundRequest, VoidRequest

_log = logging.getLogger(__name__)
_LEASE = timedelta(seconds=30)


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    checkout: CheckoutService
    orders: OrderService
    payments: PaymentService


Run = Callable[[Callable[[Any], Any]], Any]


def capture(
    run: Run,
    providers: Mapping[str, PaymentProvider],
    number: str,
    *,
    amount: int | None = None,
    final: bool = False,
    idempotency_key: str | None = None,
) -> Order:
    """`OrderService.capture`, with the transactions it needs."""

    def begin(services: Services) -> Any:
        return services.orders.begin_capture(
            number, amount=amount, final=final, idempotency_key=idempotency_key, lease=_LEASE
        )

    for request in run(begin):
        if not _take(run, providers, request):
            raise IllegalTransition(what=f"order {number}", state=f"refused by {request.provider}", target="captured")
    captured: Order = run(lambda services: services.orders.get(number))
    return captured


def void(run: Run, providers: Mapping[str, PaymentProvider], number: str) -> Order:
    """`PaymentService.void`, with the transactions it needs."""

    def begin(services: Services) -> Any:
        return services.orders.begin_voids(number, lease=_LEASE)

    for request in run(begin):
        _release(run, providers, request)
    voided: Order = run(lambda services: services.orders.get(number))
    return voided


def cancel(run: Run, providers: Mapping[str, PaymentProvider], number: str, **arguments: Any) -> Order:
    """`OrderService.cancel`; then whoever holds an authorization is told, with no transaction open."""
    cancelled: Order = run(lambda services: services.orders.cancel(number, **arguments))
    return finish(run, providers, number) or cancelled


def refund(
    run: Run,
    providers: Mapping[str, PaymentProvider],
    number: str,
    *,
    amount: int | None = None,
    idempotency_key: str | None = None,
) -> Refund:
    """`OrderService.refund`, with the transactions it needs."""

    def begin(services: Services) -> Any:
        return services.orders.begin_refund(number, amount=amount, idempotency_key=idempotency_key, lease=_LEASE)

    made, requests = run(begin)
    for request in requests:
        _give(run, providers, request)
    ended: Refund = run(lambda services: services.payments.refund(made.id))
    return ended


def finish(run: Run, providers: Mapping[str, PaymentProvider], number: str) -> Order | None:
    """Ask for what an order has to be asked for now, if there is anything; the order after that."""
    if not recover(run, providers, number=number):
        return None
    order: Order = run(lambda services: services.orders.get(number))
    return order


def recover(run: Run, providers: Mapping[str, PaymentProvider], *, number: str | None = None, limit: int = 100) -> int:
    """Ask again for captures, voids and refunds whose caller is gone; how many ended. `number`: of one order only."""

    def look(services: Services) -> tuple[list[CaptureRequest | VoidRequest], list[RefundRequest]]:
        operations = services.payments.unfinished_operations(number=number, limit=limit)
        return operations, services.payments.unfinished_refunds(number=number, limit=limit)

    operations, refunds = run(look)
    ended = 0
    for request in operations:
        if run(partial(_lease_operation, key=request.key)):
            ended += _settled(run, providers, request)
    for back in refunds:
        if run(partial(_lease_refund, key=back.key)):
            ended += _give(run, providers, back)
    return ended


def _lease_refund(services: Services, *, key: str) -> bool:
    return services.payments.lease_refund(key, _LEASE)


def _lease_operation(services: Services, *, key: str) -> bool:
    return services.payments.lease_operation(key, _LEASE)


def _settled(run: Run, providers: Mapping[str, PaymentProvider], request: CaptureRequest | VoidRequest) -> bool:
    """Whether an operation that nobody waits for has ended now."""
    if isinstance(request, VoidRequest):
        return _release(run, providers, request)
    try:
        _take(run, providers, request)
    except ProviderFailed:
        return False
    return True


def _take(run: Run, providers: Mapping[str, PaymentProvider], request: CaptureRequest) -> bool:
    """Whether a capture was done; False for the provider's clear no. Raises ProviderFailed."""
    whole = run(lambda services: services.payments.is_whole(request))
    provider: Any = providers.get(request.provider)
    whole = whole and not getattr(provider, "at_home", False)
    try:
        # The plain way first: every provider has it.
        answer = ask(provider.capture, request.payment_key) if whole else ask(provider.capture_part, request)
        event = event_of(request.provider, answer)
    except Exception as error:
        raise ProviderFailed(request.provider) from error
    _end(run, request.key, event, no="capture_failed")
    return bool(event.kind == "captured")


def _release(run: Run, providers: Mapping[str, PaymentProvider], request: VoidRequest) -> bool:
    """Whether the provider gave a clear answer to a void, which then has had its effect."""
    provider: Any = providers.get(request.provider)
    try:
        event = event_of(request.provider, ask(provider.void, request))
    except Exception:  # noqa: BLE001 - whatever it was, the same key is asked again
        _log.warning("void %s: no clear answer from %s", request.key, request.provider, exc_info=True)
        return False
    _end(run, request.key, event, no="void_failed")
    return True


def _end(run: Run, operation_id: str, event: PaymentEvent, *, no: str) -> None:
    told = event if event.kind in ("captured", "voided") else replace(event, kind=no, operation=operation_id)
    _written(run, lambda services: services.checkout.end_operation(operation_id, told))


def _give(run: Run, providers: Mapping[str, PaymentProvider], request: RefundRequest) -> bool:
    """Whether the provider gave a clear answer to a refund, which then has had its effect."""
    try:
        event = event_of(request.provider, ask(providers[request.provider].refund, request))
    except Exception:  # noqa: BLE001 - whatever it was, the money may or may not be on its way: the same key is asked again
        _log.warning("refund %s: no clear answer from %s", request.key, request.provider, exc_info=True)
        return False
    if event.kind == "pending":
        return False  # the provider is at it; its webhook, or the next look, tells
    status = "refunded" if event.kind == "refunded" else "failed"
    _written(run, lambda services: services.orders.end_refund(request.key, status))
    return True


def _written(run: Run, call: Callable[[Any], Any]) -> None:
    """Write down what a provider has done, whoever goes away meanwhile."""
    to_the_end(partial(run, call))
