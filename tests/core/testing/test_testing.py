"""What `mestres_core.testing` gives to users."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from mestres_core.errors import InsufficientStock, NotFound
from mestres_core.testing import (
    SECRET,
    Factory,
    FakeClock,
    SequentialIds,
    memory_shop,
    pause_before,
    race,
    rolled_back,
)

CONFTEST = 'pytest_plugins = ["mestres_core.testing.fixtures"]\n'
TESTS = '''
import pytest

def test_a_purchase(shop, factory, clock):
    """Everything is there, and stands still."""
    order = factory.order()
    assert (order.number, order.payment_status) == ("TEST-0001", "paid")
    assert order.created_at == clock.now()

@pytest.mark.parametrize("again", [1, 2])
def test_each_has_its_own(shop, factory, again):
    """A shop is empty at first."""
    assert shop.catalog.list().items == ()
    assert factory.order().number == "TEST-0001"

class TestMine:
    """With settings of one's own."""

    @pytest.fixture
    def shop_settings(self):
        return {"webhook_secret": "mine"}

    def test_it_has_them(self, shop):
        assert shop.config.webhook_secret == "mine"
'''


@pytest.mark.process
def test_the_fixtures_in_a_project_of_a_users(tmp_path):
    """One line in a conftest.py gives `shop`, `factory`, `clock` and `shop_settings`."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=alone, check=False)
    assert "4 passed" in run.stdout, run.stdout + run.stderr


def test_memory_shops_are_apart_and_alike():
    """Two shops share nothing, and the same acts give the same names and times."""
    made = []
    for _ in range(2):
        with memory_shop() as shop:
            make = Factory(shop)
            order = make.order()
            made.append((order.number, order.access_token, order.created_at, order.payments[0].id))
            assert shop.audit().clean
    assert made[0] == made[1]


def test_what_a_factory_makes():
    """Products, carts, quotes, paid and unpaid orders, and what providers report."""
    with memory_shop() as shop:
        make = Factory(shop)
        make.product("A", price=700, stock=5, name="Um")
        assert shop.catalog.get(make.product("B").id).variants[0].sku == "B"
        cart = make.cart("A", ("B", 2), owner="ana")
        assert ([line.quantity for line in cart.lines], cart.owner) == ([1, 2], "ana")
        assert make.quote(cart, method="sedex").shipping_method == "sedex"
        for token, status in (
            ("tok_ok", "paid"),
            ("tok_auth", "authorized"),
            ("pix", "pending"),
            ("boleto", "pending"),
        ):
            assert make.order("A", token=token).payment_status == status
        order = make.order("A", token="pix")
        make.webhook(order)
        assert shop.orders.get(order.number).payment_status == "paid"
        assert shop.config.webhook_secret == SECRET
        with pytest.raises(InsufficientStock):
            make.order(("A", 3))
        assert shop.audit().clean


def test_a_session_of_which_nothing_stays():
    """What is committed in it is there for it, and gone afterwards; a block that fails leaves nothing either."""
    with memory_shop() as shop:
        with rolled_back(shop) as session:
            services = shop.on(session)
            cart = services.carts.create()
            session.commit()
            services.carts.get(cart.id)
            session.rollback()
            services.carts.get(cart.id)
        with pytest.raises(NotFound):
            shop.carts.get(cart.id)
        with pytest.raises(ZeroDivisionError), rolled_back(shop) as session:
            again = shop.on(session).carts.create()
            session.commit()
            raise ZeroDivisionError
        with pytest.raises(NotFound):
            shop.carts.get(again.id)


def test_racing_for_the_last_piece(open_shop):
    """All calls happen at once and each outcome is told; on both databases one of ten gets the last piece."""
    shop = open_shop()
    shop.product("A", stock=1)
    quotes = [shop.quote(shop.cart(("A", 1))) for _ in range(10)]

    outcomes = race(*(lambda quote=quote: shop.checkout.place(**shop.arguments(quote)) for quote in quotes))

    assert Counter(each.name for each in outcomes) == {"ok": 1, "InsufficientStock": 9}
    assert sum(each.value is not None for each in outcomes) == 1


def test_all_of_a_race_run_at_the_same_time():
    """None ends before all have begun; the outcomes stand in the order of the calls; one that hangs is told."""
    together = threading.Barrier(6)
    first, *_, last = race(lambda: together.wait(10), lambda: together.wait(10) * 0 + 7, times=3)
    assert (first.name, last.value) == ("ok", 7)
    stop = threading.Event()
    try:
        with pytest.raises(AssertionError, match="1 of 2 calls had not ended"):
            race(lambda: stop.wait(60), lambda: None, timeout=0.2)
    finally:
        stop.set()
    with pytest.raises(ValueError, match="somebody who runs"):
        race()


def test_what_happens_in_between(open_shop):
    """A thread is held up before a statement of its own; what another does meanwhile is there when it goes on."""
    shop = open_shop()
    shop.product("A", price=1000)
    cart = shop.cart(("A", 1))
    told = []
    with pause_before(shop.core, "from mc_cart") as pause:
        reader = threading.Thread(target=lambda: told.append(shop.carts.get(cart)))
        reader.start()
        pause.wait()
        shop.pricing.set_price("A", amount=2000)
        assert told == []
        pause.go()
        reader.join(30)
    assert told[0].lines[0].unit_price.amount == 2000


def test_nobody_comes(monkeypatch):
    """Waiting for a statement that is never sent fails with that said, and soon."""
    with memory_shop() as shop, pause_before(shop, "no such statement") as pause:
        begun = time.monotonic()
        with pytest.raises(AssertionError, match="nobody has come"):
            pause.wait(timeout=0.05)
        assert time.monotonic() - begun < 20


def test_clock_and_ids():
    """Time moves when it is told to; names count up, whoever asks."""
    clock = FakeClock()
    before = clock.now()
    assert clock.advance(minutes=1, days=1) - before == timedelta(days=1, minutes=1)
    ids = SequentialIds()
    names = [each.value for each in race(ids.token, times=20)]
    assert sorted(names) == [f"token-{number:04d}" for number in range(1, 21)]
    assert (ids.order_number(), ids.order_number()) == ("TEST-0001", "TEST-0002")
