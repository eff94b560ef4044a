"""Telling the buyer that an order has been placed.

Invariant: one order is confirmed once, however often its fact is delivered and however many workers there are; only a
process that dies between telling and writing it down leaves an order whose buyer is told again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from mestres_core.db.waiting import ask, to_the_end
from mestres_core.events.facts import Fact, OrderChanged
from mestres_core.orders.dto import Order

OVERDUE = timedelta(minutes=10)
"""How long a buyer may wait before somebody looks whether the order's fact was lost on its way."""

_LEASE = timedelta(minutes=5)
_TAKEN = ("paid", "authorized")


class Notifier(Protocol):
    """Somebody who tells buyers things. Never called while a transaction is open."""

    def order_confirmed(self, order: Order) -> None:
        """Tell the buyer of this order that it has been placed. What it raises is tried again later."""
        ...


def is_due(fact: Fact) -> bool:
    """Whether this fact means that a buyer may have to be told."""
    return isinstance(fact, OrderChanged) and fact.status == "placed" and fact.payment_status in _TAKEN


def confirm(run: Callable[[Callable[[Any], Any]], Any], notifier: Notifier | None, number: str) -> bool:
    """Tell the buyer, if that is still to be done; whether it was done now. Raises what the notifier raises."""
    if notifier is None:
        return False
    order = run(lambda services: services.orders.begin_confirming(number, _LEASE))
    if order is None:
        return False
    try:
        ask(notifier.order_confirmed, order)
    except BaseException:
        to_the_end(lambda: run(lambda services: services.orders.end_confirming(number, told=False)))
        raise
    to_the_end(lambda: run(lambda services: services.orders.end_confirming(number, told=True)))
    return True
