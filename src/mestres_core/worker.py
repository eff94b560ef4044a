"""The work that no visitor waits for, in this process: one loop, which may run in many processes at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from mestres_core.commerce import Commerce
from mestres_core.events.facts import Fact
from mestres_core.orders.confirming import OVERDUE, is_due

_log = logging.getLogger(__name__)
_LONGEST_IDLE = 30.0
_SALES_EVERY = 3600.0


class Worker:
    """Delivers the outbox, sends webhooks, processes placed orders, does jobs, recovers payments, frees what expired.

    `idle` seconds are waited after a round that found nothing to do, `recover_every` seconds between two recoveries.
    What fails is logged and tried again: a worker outlives whatever a database or a provider does.
    """

    def __init__(self, shop: Commerce, *, idle: float = 0.5, recover_every: float = 5.0) -> None:
        self._shop = shop
        self._idle = idle
        self._recover_every = recover_every
        self._recover_at = 0.0
        self._count_sales_at = 0.0
        self._failures = 0
        if shop.config.notifier is not None:
            shop.subscribe(self._process)

    def round(self) -> int:
        """Do what there is to do now; returns how many things were done. Raises nothing."""
        done = self._try("relay", self._shop.relay)
        done += self._try("webhooks", self._shop.send_webhooks)
        done += self._try("jobs", self._shop.jobs.run)
        if time.monotonic() >= self._recover_at:
            self._recover_at = time.monotonic() + self._recover_every
            done += self._try("recovery", self._shop.recover)
            done += self._try("late confirmations", self._catch_up)
            done += self._try("reservations", self._shop.reservations.expire)
            done += self._try("carts past their time", self._shop.carts.expire)
            done += self._try("keys and quotes past their time", self._shop.checkout.forget)
            done += self._try("lots past their date", self._shop.inventory.write_off_expired)
            done += self._try("facts past their time", self._shop.events.cleanup)
            done += self._try("webhooks past their time", self._shop.webhooks.cleanup)
            done += self._try("log of searches", self._shop.search.flush)
        if time.monotonic() >= self._count_sales_at:
            self._count_sales_at = time.monotonic() + _SALES_EVERY
            self._try("what is sold most", self._shop.search.count_sales)
            self._try("searches of long ago", self._shop.search.forget)
        return done

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop` is set; the round under way is finished first."""
        in_a_row = 0
        while not stop.is_set():
            before = self._failures
            done = self.round()
            in_a_row = in_a_row + 1 if self._failures > before else 0
            if in_a_row or not done:
                stop.wait(min(self._idle * 2**in_a_row, _LONGEST_IDLE))

    def _try(self, what: str, act: Callable[[], int]) -> int:
        try:
            return act()
        except Exception:  # noqa: BLE001 - see the class
            self._failures += 1
            _log.exception("%s failed; it is tried again", what)
            return 0

    def _process(self, fact: Fact) -> None:
        if is_due(fact):
            self._shop.process_order(fact.aggregate_id)

    def _catch_up(self) -> int:
        """Orders whose facts were delivered by somebody who could not process them."""
        if self._shop.config.notifier is None:
            return 0
        late = self._shop.orders.unconfirmed(older_than=OVERDUE)
        return sum(self._shop.process_order(number) for number in late)
