"""Facts: written with their transaction, delivered in order."""

import subprocess
import sys
from pathlib import Path

import pytest

from core_shop import TestShop
from mestres_core.events.facts import Fact


def test_a_fact_is_written_iff_it_is_committed(shop: TestShop) -> None:
    """A rolled back change leaves no fact, and no listener hears of it."""
    told: list[Fact] = []
    shop.on_committed(told.extend)
    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        tx.carts.add(
            tx.carts.create().id, sku=tx.catalog.save(name="a", variants=[{"sku": "a", "price": 1, "stock": 1}]) and "a"
        )
        raise ZeroDivisionError
    assert ([], []) == (told, shop.outbox())
    shop.product()
    assert ["ProductChanged"] == shop.outbox() == [fact.type for fact in told]


def test_a_listener_cannot_break_a_call(shop: TestShop) -> None:
    """A listener that raises does not make committed work look undone."""
    shop.on_committed(lambda _facts: 1 / 0)
    shop.product()
    assert 10 == shop.available()


def test_a_failing_subscriber_keeps_the_order(shop: TestShop) -> None:
    """A failed fact holds back its aggregate's later facts and is tried again when its claim runs out."""
    shop.product()
    cart = shop.cart(("A1", 1))
    shop.carts.add(cart, sku="A1")
    got: list[str] = []
    broken = [True]

    def subscriber(fact: Fact) -> None:
        if broken[0] and fact.type == "CartChanged":
            raise RuntimeError("down")
        got.append(fact.type)

    shop.subscribe(subscriber)
    assert 1 == shop.relay()
    assert 0 == shop.relay()
    broken.clear()
    broken.append(False)
    shop.clock.advance(seconds=60)
    assert 2 == shop.relay()
    assert ["ProductChanged", "CartChanged", "CartChanged"] == got


def test_another_worker_does_not_overtake(shop: TestShop) -> None:
    """While one worker delivers an aggregate's fact, another leaves its later facts alone."""
    shop.product()
    cart = shop.cart(("A1", 1))
    shop.carts.add(cart, sku="A1")
    meanwhile: list[int] = []
    shop.relay(limit=1)
    shop.subscribe(lambda _fact: meanwhile.append(shop.relay(limit=1)) if not meanwhile else None)
    assert 1 == shop.relay(limit=1)
    assert [0] == meanwhile


_DIES = """
import os, sys
from mestres_core import Commerce

def deliver(fact):
    with open(sys.argv[2], "a") as file:
        file.write(f"{fact.fact_id} {fact.type}\\n")
    os.kill(os.getpid(), 9)

with Commerce.open(sys.argv[1]) as shop:
    shop.subscribe(deliver)
    shop.relay()
"""


@pytest.mark.process
@pytest.mark.scenario("C13")
def test_a_worker_that_dies_delivers_again(shop: TestShop, database_url: str, tmp_path: Path) -> None:
    """What was committed waits for a worker; one killed after it delivered and before it said so leaves a repetition.

    Both carry the same number, by which the subscriber tells.
    """
    shop.product()
    told = tmp_path / "told"
    run = subprocess.run([sys.executable, "-c", _DIES, database_url, str(told)], check=False)
    assert run.returncode == -9
    got: list[str] = []
    shop.subscribe(lambda fact: got.append(f"{fact.fact_id} {fact.type}"))

    assert shop.relay() == 0  # the dead worker's claim has not run out
    shop.clock.advance(days=365 * 10)
    assert shop.relay() == 1
    assert got == told.read_text(encoding="utf-8").split("\n")[:-1]
    assert shop.relay() == 0
