"""Background work on a real Celery worker with a real Redis as its broker."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core_shop import TestShop

pytestmark = pytest.mark.process

# What a user would write: the application, and a notifier that obeys files in a folder.
_APP = """
import os, time
from pathlib import Path
from celery import Celery
from mestres_core import Commerce
from mestres_core.contrib.celery import connect
from mestres_core.events.webhooks import WebhookPolicy

FOLDER = Path(os.environ["FOLDER"])

class Notifier:
    def order_confirmed(self, order):
        started = FOLDER / f"{order.number}.started"
        first = not started.exists()
        started.write_text(str(os.getpid()))
        if first and (FOLDER / "hang").exists():
            time.sleep(600)
        if first and (FOLDER / "fail").exists():
            raise ConnectionError("no mail today")
        with (FOLDER / "told").open("a") as told:
            told.write(order.number + "\\n")

class Sender:
    def check(self, url):
        return None

    def post(self, url, body, headers):
        with (FOLDER / "posted").open("a") as posted:
            posted.write(headers["webhook-id"] + "\\n")
        return 204

app = Celery("shop", broker=os.environ["BROKER"])
app.conf.update(
    broker_transport_options={"visibility_timeout": 2, "unacked_restore_limit": None},
    task_reject_on_worker_lost=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True,
)
connect(
    app, lambda: Commerce.open(
        os.environ["DATABASE"], notifier=Notifier(), webhooks=WebhookPolicy(sender=Sender())
    ),
    countdown=0.1, relay_every=0.3, recover_every=0.5,
)
"""


class Workers:
    """Celery processes on one broker, and what their notifier has done."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "application", *arguments]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        self._running.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO")

    def wait(self, ready: Callable[[], bool]) -> None:
        """However slow the machine is: what is waited for comes, or never."""
        for _ in range(1200):
            if ready():
                return
            time.sleep(0.1)
        pytest.fail((self.folder / "log").read_text(errors="replace")[-4000:])

    def told(self) -> list[str]:
        path = self.folder / "told"
        return path.read_text().split() if path.exists() else []

    def posted(self) -> list[str]:
        path = self.folder / "posted"
        return path.read_text().split() if path.exists() else []

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def celery(tmp_path: Path, postgres_database: str, redis_db: str) -> Iterator[Workers]:
    """Celery on PostgreSQL and Redis, nothing started yet."""
    (tmp_path / "application.py").write_text(textwrap.dedent(_APP))
    environment = {**os.environ, "FOLDER": str(tmp_path), "BROKER": redis_db, "DATABASE": postgres_database}
    workers = Workers(tmp_path, environment)
    yield workers
    workers.stop()


@pytest.fixture
def shop(postgres_database: str) -> Iterator[Any]:
    """The shop that the application sells in."""
    from mestres_core.config import SystemClock

    made = TestShop(postgres_database, clock=SystemClock())
    made.product(stock=100)
    yield made
    made.close()


def test_orders_are_processed_by_a_worker(celery: Workers, shop: TestShop) -> None:
    """Beat has the outbox delivered and webhooks sent, the worker confirms every order once, and tries again."""
    shop.webhooks.create(url="https://example.com/hooks", events=["OrderChanged"])
    (celery.folder / "fail").touch()
    numbers = [shop.buy().order.number for _ in range(3)]
    celery.worker()
    celery.start("beat", "--schedule", str(celery.folder / "beat"))
    celery.wait(lambda: len(celery.told()) >= 3)
    numbers.append(shop.buy().order.number)
    celery.wait(lambda: len(celery.told()) >= 4)
    assert sorted(celery.told()) == sorted(numbers)
    celery.wait(lambda: shop.sql("SELECT count(*) FROM mc_order WHERE confirmed_at IS NULL")[0][0] == 0)
    facts = shop.sql("SELECT id FROM mc_outbox WHERE type = 'OrderChanged' ORDER BY id")
    celery.wait(lambda: len(celery.posted()) >= len(facts))
    assert sorted(celery.posted()) == sorted(f"evt_{fact_id}" for (fact_id,) in facts)


# When the whole worker is gone, Redis gives its task to another one only when that one happens to look, which is every
# hundred seconds or so: the long form waits for it.
_KILLED = ["process", "worker"] if os.environ.get("MESTRES_STRESS") == "long" else ["process"]


@pytest.mark.parametrize("killed", _KILLED)
def test_a_killed_workers_task_is_done_by_another(celery: Workers, shop: TestShop, killed: str) -> None:
    """A worker killed in the middle of an order has not acknowledged it: another one takes it up."""
    (celery.folder / "hang").touch()
    number = shop.buy().order.number
    first = celery.worker()
    celery.start("beat", "--schedule", str(celery.folder / "beat"))
    started = celery.folder / f"{number}.started"
    celery.wait(lambda: started.exists() and started.read_text() != "")
    # The order is in the hands of the one that will die: nobody else touches it while that claim holds.
    shop.sql("UPDATE mc_order SET confirming_until = created_at WHERE number = :number", number=number)
    assert celery.told() == []
    if killed == "process":
        os.kill(int(started.read_text()), signal.SIGKILL)
    else:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        celery.worker()
    celery.wait(lambda: celery.told() == [number])
    celery.wait(lambda: shop.sql("SELECT confirmed_at IS NOT NULL FROM mc_order")[0][0])
