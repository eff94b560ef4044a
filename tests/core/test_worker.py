"""Background work in this process."""

import email
import email.policy
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.contrib.mail import MailFolder
from mestres_core.errors import PaymentDeclined
from mestres_core.worker import Worker

_MESTRES = Path(sys.executable).with_name("mestres")


class Notes:
    """A notifier that remembers, and fails as often as it is told to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.told: list[str] = []
        self.failures = failures

    def order_confirmed(self, order: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no mail today")
        self.told.append(order.number)


def _work(shop: TestShop) -> Worker:
    return Worker(shop.core, recover_every=0)


def test_a_paid_order_is_confirmed_once(open_shop: Callable[..., TestShop]) -> None:
    """Round after round, and by a second worker too, a buyer is told once."""
    notes = Notes()
    shop = open_shop(notifier=notes)
    shop.product()
    number = shop.buy().order.number
    workers = _work(shop), _work(shop)
    for _ in range(3):
        for worker in workers:
            worker.round()
    assert notes.told == [number]
    assert not shop.process_order(number)


@pytest.mark.parametrize("token", ["pix", "tok_declined"])
def test_an_unpaid_order_is_not_confirmed(open_shop: Callable[..., TestShop], token: str) -> None:
    """Nobody is told of an order that is not paid; once the money comes, the buyer is."""
    notes = Notes()
    shop = open_shop(notifier=notes)
    shop.product()
    worker = _work(shop)
    if token == "tok_declined":
        with pytest.raises(PaymentDeclined):
            shop.buy(token=token)
        worker.round()
        assert notes.told == []
        return
    order = shop.buy(token=token).order
    worker.round()
    assert notes.told == []
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount)
    worker.round()
    assert notes.told == [order.number]


def test_a_notifier_that_fails_is_tried_again(open_shop: Callable[..., TestShop]) -> None:
    """The fact stays in the outbox until its claim runs out, and then the buyer is told."""
    notes = Notes(failures=1)
    shop = open_shop(notifier=notes)
    shop.product()
    number = shop.buy().order.number
    worker = _work(shop)
    worker.round()
    assert notes.told == []
    shop.clock.advance(seconds=120)
    worker.round()
    assert notes.told == [number]


def test_a_fact_lost_on_its_way_is_found(open_shop: Callable[..., TestShop]) -> None:
    """An order that was delivered to somebody who could not confirm it is found after ten minutes."""
    notes = Notes()
    silent = open_shop()
    silent.product()
    number = silent.buy().order.number
    while silent.relay():
        pass
    shop = open_shop(notifier=notes, clock=silent.clock)
    worker = _work(shop)
    worker.round()
    assert notes.told == []
    silent.clock.advance(minutes=11)
    worker.round()
    assert notes.told == [number]


def test_two_that_tell_at_once(open_shop: Callable[..., TestShop]) -> None:
    """While one is telling the buyer, another leaves it to that one."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Notes):
        def order_confirmed(self, order: Any) -> None:
            inside.set()
            assert go_on.wait(30)
            super().order_confirmed(order)

    notes = Slow()
    shop = open_shop(notifier=notes)
    shop.product()
    number = shop.buy().order.number
    thread = threading.Thread(target=shop.process_order, args=(number,))
    thread.start()
    assert inside.wait(30)
    assert not shop.process_order(number)
    go_on.set()
    thread.join()
    assert notes.told == [number]


def test_a_worker_outlives_what_fails(open_shop: Callable[..., TestShop], caplog: pytest.LogCaptureFixture) -> None:
    """A broken round is logged, and the next one does the work."""
    notes = Notes()
    shop = open_shop(notifier=notes)
    shop.product()
    number = shop.buy().order.number
    worker, real, broken = _work(shop), shop.core.relay, [OSError("gone"), OSError("gone again")]

    def relay() -> int:
        if broken:
            raise broken.pop()
        return real()

    shop.core.relay = relay
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    for _ in range(600):
        if notes.told:
            break
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert notes.told == [number]
    assert "relay failed" in caplog.text


def test_the_mail(open_shop: Callable[..., TestShop], tmp_path: Path) -> None:
    """The file is a message to the buyer with every line and the total, readable by any mail program."""
    shop = open_shop(notifier=MailFolder(tmp_path / "mail"))
    shop.product(price=4590, name="Café Ação")
    order = shop.buy(quantity=2).order
    _work(shop).round()
    (path,) = (tmp_path / "mail").iterdir()
    assert path.name == f"{order.number}.eml"
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert (message["To"], order.number in message["Subject"]) == ("ana@example.com", True)
    text = message.get_content()
    assert "2 x Café Ação: R$ 91,80" in text
    assert "Olá, Ana Souza!" in text


@pytest.mark.process
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, None])
def test_the_command(open_shop: Callable[..., TestShop], database_url: str, tmp_path: Path, end: int | None) -> None:
    """`mestres worker` works until it is told to stop, and with --once until there is nothing left to do."""
    shop = open_shop()
    shop.product()
    number = shop.buy().order.number
    command = [_MESTRES, "worker", "--database", database_url, "--mail", tmp_path / "mail"]
    command += ["--once"] if end is None else []
    environment = {name: value for name, value in os.environ.items() if name != "MESTRES_REDIS_URL"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        if end is not None:
            for _ in range(600):
                if (tmp_path / "mail" / f"{number}.eml").exists():
                    break
                time.sleep(0.05)
            process.send_signal(end)
        output, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
    assert ("working" in output, "done" in output) == (end is not None, end is None)
    assert (tmp_path / "mail" / f"{number}.eml").exists()
