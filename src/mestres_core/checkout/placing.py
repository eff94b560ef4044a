"""What takes several transactions: placing an order, and finding out what became of unfinished ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from mestres_core.checkout import returning
from mestres_core.checkout.dto import Begun, Placed
from mestres_core.checkout.service import CheckoutService
from mestres_core.db.waiting import ask, to_the_end
from mestres_core.errors import InsufficientStock, OutcomeUnknown, PaymentDeclined
from mestres_core.orders.dto import Order
from mestres_core.payments.books import event_of
from mestres_core.payments.service import PaymentService
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest

_log = logging.getLogger(__name__)
_ASK_AGAIN = timedelta(seconds=30)


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    checkout: CheckoutService
    payments: PaymentService


class Run(Protocol):
    """Runs a function of the services in a transaction of its own, with bounded retries."""

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        """What `call` returns."""
        ...


def place(run: Run, providers: Mapping[str, PaymentProvider], arguments: Mapping[str, Any]) -> Placed:
    """`CheckoutService.place`, with the transactions it needs."""
    begun: Begun
    with _withdrawing(run) as unasked:
        try:
            begun = _begin(run, providers, arguments, unasked)
        except InsufficientStock:
            # Unpaid orders whose time is up may hold the pieces that are missing here.
            if not recover(run, providers):
                raise
            begun = _begin(run, providers, arguments, unasked)
        order = begun.order
        for request in begun.requests:
            unasked.pop(request.key)
            event = _charge(providers[request.provider], request)
            if event is not None:
                order = _apply(run, event, begun.order) or order
            if order.status not in ("pending", "placed"):
                # What the tenders before this one brought goes back now; recover asks again for what gives no answer.
                order = returning.finish(run, providers, order.number) or order
                break
    return _outcome(order, replayed=begun.replayed)


@contextmanager
def _withdrawing(run: Run) -> Iterator[dict[str, PaymentRequest]]:
    """For the payments, by key, that nobody has been asked for yet: if the task is cancelled, they come to nothing.

    One that was asked for is left to `recover`: only its provider knows.
    """
    unasked: dict[str, PaymentRequest] = {}
    try:
        yield unasked
    except asyncio.CancelledError:
        to_the_end(partial(_withdraw, run, tuple(unasked.values())))
        raise


def _withdraw(run: Run, requests: Sequence[PaymentRequest]) -> None:
    for request in requests:

        def end(services: Services, asked: PaymentRequest = request) -> None:
            if services.payments.order_of(asked.key) is not None:  # else it was rolled back
                services.checkout.apply(_end_of(asked.key, asked.provider, asked.amount.amount, "failed"))

        run(end)


def _begin(
    run: Run,
    providers: Mapping[str, PaymentProvider],
    arguments: Mapping[str, Any],
    unasked: dict[str, PaymentRequest],
) -> Begun:
    made: dict[str, Begun] = {}

    def begin(services: Services) -> Begun:
        begun = services.checkout.begin(**arguments)
        if begun.requests and all(getattr(providers[each.provider], "at_home", False) for each in begun.requests):
            begun = _charged_at_home(services, providers, begun)
        unasked.update({request.key: request for request in begun.requests})
        return made.setdefault(begun.order.access_token, begun)  # what this very call has made is no replay

    begun: Begun = _run_again(run, begin)
    return begun


def _charged_at_home(services: Services, providers: Mapping[str, PaymentProvider], begun: Begun) -> Begun:
    """The order after providers have answered that ask nobody: its transaction need not end for that."""
    order: Order = begun.order
    for request in begun.requests:
        event = event_of(request.provider, providers[request.provider].charge(request))
        order = services.checkout.apply_at_once(event, begun=begun.order) or order
    return replace(begun, order=order, request=None, requests=())


def _run_again(run: Run, call: Callable[[Any], Any]) -> Any:
    """A call that has its effect once however often it is made: once more when nobody knows whether it had."""
    try:
        return run(call)
    except OutcomeUnknown:
        return run(call)


def pay(
    run: Run, providers: Mapping[str, PaymentProvider], number: str, *, payment: Any, ends: timedelta, lease: timedelta
) -> Order:
    """`OrderService.pay`, with the transactions it needs."""

    def begin(services: Any) -> Sequence[PaymentRequest]:
        asked: Sequence[PaymentRequest] = services.orders.begin_payment(number, payment=payment, ends=ends, lease=lease)
        unasked.update({request.key: request for request in asked})
        return asked

    with _withdrawing(run) as unasked:
        for request in run(begin):
            unasked.pop(request.key)
            event = _charge(providers[request.provider], request)
            if event is not None:
                _apply(run, event)
    order: Order = run(lambda services: services.orders.get(number))
    return order


def recover(run: Run, providers: Mapping[str, PaymentProvider], *, limit: int = 100) -> int:
    """Find out what became of payments whose caller is gone, and end those whose time is up; returns how many ended."""
    ended = 0
    for row in run(lambda services: services.payments.unfinished(limit=limit)):
        if not run(partial(_lease, key=row.id)):
            continue
        try:
            found = _inquire(providers.get(row.provider), row)
        except Exception:  # noqa: BLE001 - as in _charge: nothing is known, so nothing is decided
            _log.warning("payment %s: %s could not be asked", row.id, row.provider, exc_info=True)
            continue
        if found is not None and found.kind == "pending":
            _apply(run, found)  # the provider has the charge: only its webhook or the expiry can end it now
        event = found
        if found is None or found.kind == "pending":
            event = run(partial(_verdict, row=row, known=found is not None))
        if event is not None:
            order = _apply(run, event)
            ended += order is not None and (order.status != "pending" or event.kind != "pending")
    return ended


def _apply(run: Run, event: PaymentEvent, begun: Order | None = None) -> Any:
    def apply(services: Services) -> Order | None:
        return services.checkout.apply(event, begun=begun)

    return to_the_end(partial(_run_again, run, apply))  # money has moved: that is written down, whoever goes away


def _charge(provider: PaymentProvider, request: PaymentRequest) -> PaymentEvent | None:
    try:
        return event_of(provider.name, ask(provider.charge, request))
    except Exception:  # noqa: BLE001 - whatever it was, the buyer may or may not have been charged: ask later
        _log.warning("payment %s: no clear answer from %s", request.key, provider.name, exc_info=True)
        return None


def _inquire(provider: PaymentProvider | None, row: Any) -> PaymentEvent | None:
    found = None if provider is None else ask(provider.lookup, row.id)
    return None if found is None else event_of(row.provider, found)


def _lease(services: Services, *, key: str) -> bool:
    return services.payments.lease(key, _ASK_AGAIN)


def _verdict(services: Services, *, row: Any, known: bool) -> PaymentEvent | None:
    """What the core itself says of a payment that its provider has not ended."""
    kind = None
    if services.payments.has_expired(row.id):
        kind = "expired"
    elif not (known or row.acknowledged):
        kind = "failed"  # its caller is gone and the provider has never heard of it
    if kind is None:
        return None
    return _end_of(row.id, row.provider, row.amount, kind)


def _end_of(key: str, provider: str, amount: int, kind: str) -> PaymentEvent:
    return PaymentEvent(provider=provider, id=f"{kind}:{key}", key=key, kind=kind, amount=amount)


def _outcome(order: Order, *, replayed: bool) -> Placed:
    declined = order.status == "cancelled" and any(each.status == "declined" for each in order.payments)
    if order.payment_status == "declined" or declined:
        raise PaymentDeclined(order=order)
    return Placed(order, replayed)
