"""One piece, fifty buyers: the promise that this package is built around."""

import json
import subprocess
import sys
import threading
from collections import Counter

import pytest

import core_buyers as buyers
from core_shop import ADDRESS
from mestres_core import Commerce

BUYERS = 50


@pytest.fixture
def shop(database_url, fill):
    fill(database_url)
    with Commerce.open(database_url) as shop:
        shop.catalog.save(name="Último Geisha", variants=[{"sku": "LAST", "price": 9900, "stock": 1}])
        yield shop


def check_one_sold(shop: Commerce, outcomes: Counter[str]) -> None:
    level = shop.inventory.level("LAST")
    report = shop.audit()

    assert dict(outcomes) == {"ordered": 1, "InsufficientStock": BUYERS - 1}
    assert (level.on_hand, level.allocated, level.available) == (1, 1, 0)
    assert (report.orders, report.clean) == (1, True), report.violations
    assert not shop.catalog.list().items[0].in_stock


@pytest.mark.scenario("C1")
def test_threads(shop):
    """Of fifty threads that buy the last piece at once, one gets it and 49 are told that there is none."""
    carts = [buyers.wish(shop, "LAST") for _ in range(BUYERS)]

    outcomes = buyers.crowd(shop, carts, threading.Barrier(BUYERS))

    check_one_sold(shop, outcomes)


@pytest.mark.scenario("C1")
@pytest.mark.process
def test_processes(shop, database_url):
    """The same with five processes of ten threads each."""
    carts = [buyers.wish(shop, "LAST") for _ in range(BUYERS)]
    command = [sys.executable, buyers.__file__, "crowd", database_url]
    crowds = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(BUYERS // 10)
    ]
    outcomes: Counter[str] = Counter()
    try:
        for index, process in enumerate(crowds):
            process.stdin.write(json.dumps(carts[index * 10 : index * 10 + 10]) + "\n")
            process.stdin.flush()
        assert ["ready\n"] * len(crowds) == [process.stdout.readline() for process in crowds]
        for process in crowds:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in crowds:
            outcomes.update(json.loads(process.communicate()[0]))
    finally:
        for process in crowds:
            process.kill()
            process.communicate()

    check_one_sold(shop, outcomes)


def test_two_variants_of_one_product(shop):
    """When the last pieces of two variants go at once, the card of their product does not keep saying "in stock"."""
    variants = [{"sku": sku, "price": 100, "stock": 1} for sku in ("X", "Y")]
    product = shop.catalog.save(name="Par", variants=variants)
    for _ in range(10):
        carts = [buyers.wish(shop, "X"), buyers.wish(shop, "Y")]
        outcomes = buyers.crowd(shop, carts, threading.Barrier(2))
        report = shop.audit()

        assert dict(outcomes) == {"ordered": 2}
        assert report.clean, report.violations
        assert not shop.catalog.get(product.id).card.in_stock

        for sku in ("X", "Y"):
            shop.inventory.receive(sku, quantity=1)


@pytest.mark.scenario("C4")
def test_same_goods_in_opposite_order(shop):
    """Orders for the same goods in opposite order neither deadlock nor oversell."""
    for sku in ("P", "Q"):
        shop.catalog.save(name=sku, variants=[{"sku": sku, "price": 100, "stock": 15}])
    carts = []
    for index in range(20):
        cart = shop.carts.create()
        for sku in ("P", "Q") if index % 2 else ("Q", "P"):
            shop.carts.add(cart.id, sku=sku)
        carts.append((cart.id, shop.checkout.quote(cart.id, address=ADDRESS).hash))

    outcomes = buyers.crowd(shop, carts, threading.Barrier(len(carts)))

    assert dict(outcomes) == {"ordered": 15, "InsufficientStock": 5}
    assert shop.audit().clean
