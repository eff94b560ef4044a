"""kill -9 in the middle of checkouts: what is left must be whole, and what was paid must be found."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import core_buyers as buyers
from mestres_core import Commerce, Times
from mestres_core.orders.models import order
from mestres_core.payments.models import payment
from mestres_core.providers.fake import FakeCard, FakePix

STOCK = 5_000
KILLS = 4


def buy_until_killed(url: str, memory: Path, seed: int, purchases: int) -> None:
    command = [sys.executable, buyers.__file__, "endless", url, str(memory), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if int(line) >= purchases:
                break
        process.kill()


@pytest.mark.process
def test_nothing_is_half_done(database_url, fill, tmp_path):
    """After four kills no order lacks its payment attempt, no stock and no charge is lost."""
    fill(database_url)
    memory = tmp_path / "provider.jsonl"
    providers = (FakeCard(memory=memory), FakePix())
    with Commerce.open(database_url, providers=providers, times=Times(lease=timedelta(0))) as shop:
        for sku in ("A", "B"):
            shop.catalog.save(name=sku, variants=[{"sku": sku, "price": 1000, "stock": STOCK}])
        for seed in range(KILLS):
            buy_until_killed(database_url, memory, seed, purchases=5 + 3 * seed)
            report = shop.audit()
            assert report.clean, report.violations
        shop.recover(limit=10_000)

        report = shop.audit()
        with shop.engine.connect() as connection:
            orders = connection.execute(select(order.c.number, order.c.payment_status)).all()
            attempts = dict(connection.execute(select(payment.c.id, payment.c.status)).all())
            attempted = set(connection.execute(select(payment.c.order_number)).scalars())
        charged = [json.loads(line) for line in memory.read_text().splitlines() if line.endswith("}")]

        assert report.clean, report.violations
        assert len(orders) >= KILLS * 5
        assert {number for number, _ in orders} == attempted
        assert {event["key"]: event["kind"] for event in charged}.items() <= attempts.items()
        assert {STOCK} == {shop.inventory.level(sku).on_hand for sku in ("A", "B")}
