"""Background work on Celery, for shops that outgrow one process. Needs `pip install 'mestres[celery]'`.

    app = Celery("shop", broker="redis://localhost:6379/0")
    connect(app, lambda: Commerce.open(url, notifier=MailFolder("mail")))

    celery -A shop worker        any number of them
    celery -A shop beat          one: it makes them deliver the outbox and recover payments

A task is acknowledged after it was done: a worker that is killed leaves it to another one. So tasks may be done twice,
and are written so that twice does no harm.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

try:
    from celery import Celery
except ModuleNotFoundError as missing:
    if missing.name != "celery":
        raise
    raise ModuleNotFoundError("Celery is not installed: pip install 'mestres[celery]'", name="celery") from missing

from mestres_core.commerce import Commerce
from mestres_core.events.facts import Fact
from mestres_core.orders.confirming import OVERDUE, is_due

PROCESS_ORDER = "mestres.process_order"
RELAY = "mestres.relay"
RECOVER = "mestres.recover"
SEND_WEBHOOKS = "mestres.send_webhooks"


def connect(
    app: Celery,
    open_shop: Callable[[], Commerce],
    *,
    max_retries: int = 3,
    countdown: float = 60.0,
    relay_every: float = 1.0,
    recover_every: float = 5.0,
) -> None:
    """Give `app` the shop's tasks and their schedule; all times are in seconds.

    The shop is opened once in each worker process, when it is first needed. A task whose notifier fails is tried again
    `max_retries` times, `countdown` apart; after that the recovery finds the order and starts anew.
    """
    shops = _Shops(open_shop, app)
    late = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}

    def process_order(task: Any, number: str) -> None:
        try:
            shops.get().process_order(number)
        except Exception as error:
            raise task.retry(exc=error, countdown=countdown) from error

    def relay() -> None:
        while shops.get().relay():
            pass

    def send_webhooks() -> None:
        while shops.get().send_webhooks():
            pass

    def recover() -> None:
        shop = shops.get()
        shop.recover()
        for number in shop.orders.unconfirmed(older_than=OVERDUE):
            app.send_task(PROCESS_ORDER, (number,))
        shop.events.cleanup()
        shop.webhooks.cleanup()

    app.task(name=PROCESS_ORDER, bind=True, max_retries=max_retries, **late)(process_order)
    app.task(name=RELAY, **late)(relay)
    app.task(name=SEND_WEBHOOKS, **late)(send_webhooks)
    app.task(name=RECOVER, **late)(recover)
    # A message that waited longer than its period is worth nothing: the next one does the same.
    app.conf.beat_schedule = {
        **(app.conf.beat_schedule or {}),
        RELAY: {"task": RELAY, "schedule": relay_every, "options": {"expires": max(1, relay_every)}},
        SEND_WEBHOOKS: {
            "task": SEND_WEBHOOKS,
            "schedule": relay_every,
            "options": {"expires": max(1, relay_every)},
        },
        RECOVER: {"task": RECOVER, "schedule": recover_every, "options": {"expires": max(1, recover_every)}},
    }


class _Shops:
    """One shop a process: connections must not be shared with the process that this one was forked from."""

    def __init__(self, open_shop: Callable[[], Commerce], app: Celery) -> None:
        self._open = open_shop
        self._app = app
        self._shop: Commerce | None = None
        self._pid = 0

    def get(self) -> Commerce:
        if self._shop is None or self._pid != os.getpid():
            self._shop = self._open()
            self._pid = os.getpid()
            self._shop.subscribe(self._dispatch)
        return self._shop

    def _dispatch(self, fact: Fact) -> None:
        if is_due(fact):
            self._app.send_task(PROCESS_ORDER, (fact.aggregate_id,))
