"""Many at once: whatever they do to the same pieces, none is sold twice and none is lost."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, text

from core_shop import SECRET, TestShop
from mestres_core import Commerce
from mestres_core.db.clock import DatabaseClock
from mestres_core.errors import CommerceError, InsufficientStock, NotFound, VersionConflict
from mestres_core.testing.clock import FakeClock

LONG = os.environ.get("MESTRES_STRESS") == "long"
HALF_AN_HOUR = timedelta(minutes=30)


def at_once(calls: Iterable[Callable[[], Any]]) -> Counter[str]:
    """Start every call at the same moment in a thread of its own; counts how they ended."""
    waiting = list(calls)
    start, ends = threading.Barrier(len(waiting)), list[str]()

    def run(call: Callable[[], Any]) -> None:
        start.wait()
        try:
            call()
            ends.append("done")
        except Exception as error:  # noqa: BLE001 - the test wants to see every kind of end
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(call,)) for call in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(ends)


def counts(shop: TestShop, sku: str = "A1") -> tuple[int, int, int]:
    level = shop.inventory.level(sku)
    return level.on_hand, level.allocated, level.reserved


@pytest.mark.scenario("C1")
@pytest.mark.stress
def test_the_last_piece_is_reserved_once(shop: TestShop) -> None:
    """Of many who reserve the last piece at once, over two locations, exactly one has it."""
    shop.product(stock=0)
    shop.inventory.save_location("loja")
    shop.inventory.receive("A1", quantity=1, location="loja")
    buyers = 50 if LONG else 16
    ends = at_once(lambda n=n: shop.reservations.reserve(f"buyer-{n}", items={"A1": 1}) for n in range(buyers))
    assert ends == {"done": 1, "InsufficientStock": buyers - 1}
    assert counts(shop) == (1, 0, 1)
    assert shop.audit().clean


@pytest.mark.scenario("C2")
@pytest.mark.stress
def test_no_more_is_sold_than_there_is(shop: TestShop) -> None:
    """Random orders and reservations of three SKUs, at two locations and in lots, never sell more than there is."""
    dice = Random(2)
    skus = ("A", "B", "C")
    for sku in skus:
        shop.product(sku, stock=10 if sku != "B" else 0)
    shop.inventory.save_location("loja", priority=-1)
    shop.inventory.receive("B", quantity=6, location="loja", lot="L1")
    shop.inventory.receive("B", quantity=4, location="default")
    variants = {sku: shop.inventory.level(sku).variant_id for sku in skus}
    buyers = 40 if LONG else 14

    def buy(number: int, wanted: dict[str, int]) -> None:
        if number % 2:
            shop.reservations.reserve(f"buyer-{number}", items=wanted)
            shop.reservations.convert(f"buyer-{number}", reference=f"till-{number}")
        else:
            shop.inventory.allocate({variants[sku]: n for sku, n in wanted.items()}, reference=f"till-{number}")

    wishes = [{sku: dice.randint(1, 5) for sku in dice.sample(skus, 2)} for _ in range(buyers)]
    ends = at_once(lambda n=n, w=w: buy(n, w) for n, w in enumerate(wishes))
    assert set(ends) <= {"done", "InsufficientStock"}
    for sku in skus:
        on_hand, allocated, reserved = counts(shop, sku)
        assert (on_hand, reserved) == (10, 0)
        assert allocated <= 10
    rules = {each.rule for each in shop.audit().violations}
    assert rules <= {"allocated pieces are those of open orders"}  # these tills keep orders of their own


@pytest.mark.scenario("C3")
def test_allocated_and_reserved_both_count(shop: TestShop) -> None:
    """Under the lock a new order sees what others allocated and what others reserved, also those of a moment ago."""
    shop.product(stock=5)
    variant = shop.inventory.level("A1").variant_id
    order = shop.cart(("A1", 3))
    quote = shop.quote(order)
    shop.inventory.allocate({variant: 2}, reference="till-1")
    shop.reservations.reserve("counter", items={"A1": 2})
    with pytest.raises(InsufficientStock) as refused:
        shop.checkout.begin(**shop.arguments(quote))
    assert refused.value.available == 1
    with pytest.raises(InsufficientStock):
        shop.reservations.reserve(order, items={"A1": 2})
    shop.reservations.reserve(order, items={"A1": 1})
    assert counts(shop) == (5, 2, 3)


def wait_until_blocked(shop: TestShop, number: int) -> None:
    """Until so many transactions wait for a lock; fails when they never do."""
    question = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    end = time.monotonic() + 60
    while shop.sql(question)[0][0] != number:
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


@pytest.mark.scenario("C4")
@pytest.mark.parametrize("reservation_first", [True, False])
def test_opposite_orders_do_not_wait_for_each_other(migrated_database: str, reservation_first: bool) -> None:
    """An order and a reservation of the same goods, named in opposite order, both wait for the first of them.

    Somebody holds it while both begin. Were they to lock in opposite orders, one would hold the second one by then, and
    they would wait for each other; that would be tried again and end well, so it is the driver's errors that count.
    """
    shop = TestShop(migrated_database)
    for sku in ("P", "Q"):
        shop.product(sku, stock=8)
    first, second = (shop.inventory.level(sku).variant_id for sku in ("P", "Q"))
    refused: list[str] = []
    event.listen(shop.engine, "handle_error", lambda context: refused.append(str(context.original_exception)))
    calls: list[Callable[[], Any]] = [
        lambda: shop.inventory.allocate({second: 1, first: 1}, reference="till-1"),
        lambda: shop.reservations.reserve("cart", items={"Q": 1, "P": 1}),
    ]
    if reservation_first:
        calls.reverse()
    threads = [threading.Thread(target=call) for call in calls]
    with shop.engine.connect() as holder:
        holder.execute(text("SELECT 1 FROM mc_stock_level WHERE sku = 'P' FOR UPDATE"))
        for number, thread in enumerate(threads, 1):
            thread.start()
            wait_until_blocked(shop, number)
        holder.rollback()
    for thread in threads:
        thread.join()
    assert refused == []
    assert [counts(shop, sku) for sku in ("P", "Q")] == [(8, 1, 1)] * 2
    shop.close()


@pytest.mark.scenario("C7")
def test_releasing_twice_gives_back_once(shop: TestShop) -> None:
    """Four who release the same five pieces at once, or one after the other, give them back once."""
    shop.product(stock=9)
    variant = shop.inventory.level("A1").variant_id
    shop.inventory.allocate({variant: 5}, reference="till-1")
    shop.inventory.allocate({variant: 2}, reference="till-2")
    ends = at_once([lambda: shop.inventory.release({variant: 5}, reference="till-1")] * 4)
    assert ends == {"done": 4}
    assert counts(shop) == (9, 2, 0)
    assert shop.inventory.release({variant: 5}, reference="till-2") == {variant: 2}
    assert shop.inventory.release({variant: 5}, reference="till-2") == {}
    assert counts(shop) == (9, 0, 0)


@pytest.mark.scenario("C14")
@pytest.mark.parametrize("resold", ["sold", "reserved", "reserved and expired", "free"])
def test_a_pix_that_is_paid_too_late(shop: TestShop, resold: str) -> None:
    """Late money brings the order back if its pieces can be had, else it is due back; nothing falls below zero."""
    shop.product(stock=2)
    cart = shop.cart(("A1", 2))
    shop.carts.reserve(cart)
    order = shop.place(cart, "pix").order
    assert counts(shop) == (2, 2, 0)
    shop.clock.advance(minutes=31)
    shop.recover()
    assert (shop.orders.get(order.number).status, counts(shop)) == ("expired", (2, 0, 0))
    if resold == "sold":
        shop.buy(quantity=1)
    elif resold != "free":
        shop.reservations.reserve("counter", items={"A1": 1}, ttl=HALF_AN_HOUR)
    if resold == "reserved and expired":
        shop.clock.advance(minutes=30)
    payment = order.payments[0]
    shop.webhook(payment.id, "captured", payment.amount.amount)
    came_back = resold in ("free", "reserved and expired")
    now = shop.orders.get(order.number)
    assert (now.status, now.payment_status) == (("placed", "paid") if came_back else ("expired", "refund_due"))
    assert counts(shop)[:2] == (2, {"sold": 1, "reserved": 0}.get(resold, 2))
    assert shop.audit().clean


@pytest.mark.scenario("C15")
@pytest.mark.stress
def test_extending_against_taking(shop: TestShop) -> None:
    """At the moment a reservation expires, its owner's extension and another's purchase never both get the piece."""
    shop.product(stock=1)
    for number in range(12 if LONG else 4):
        shop.reservations.reserve("owner", items={"A1": 1}, ttl=HALF_AN_HOUR)
        shop.clock.advance(minutes=30)
        ends = at_once(
            (
                lambda: shop.reservations.extend("owner", ttl=HALF_AN_HOUR),
                lambda n=number: shop.reservations.reserve(f"other-{n}", items={"A1": 1}, ttl=HALF_AN_HOUR),
            )
        )
        assert ends == {"done": 1, "InsufficientStock": 1}
        assert counts(shop) == (1, 0, 1)
        assert shop.audit().clean
        shop.clock.advance(hours=1)
        shop.reservations.expire()


@pytest.mark.stress
def test_an_owners_calls_at_once(shop: TestShop) -> None:
    """One owner's clicks at once reserve, extend, release and buy in some order: the numbers add up afterwards."""
    dice = Random(5)
    for sku in ("A", "B", "C"):
        shop.product(sku, stock=4)

    def click(kind: int, items: dict[str, int]) -> None:
        try:
            if kind == 0:
                shop.reservations.release("cart")
            elif kind == 1:
                shop.reservations.extend("cart")
            else:
                shop.reservations.reserve("cart", items=items)
        except (CommerceError, NotFound):
            pass

    for _ in range(10 if LONG else 3):
        clicks = [
            (dice.randint(0, 4), {sku: dice.randint(1, 4) for sku in dice.sample("ABC", 2)}) for _number in range(8)
        ]
        assert at_once(lambda c=c: click(*c) for c in clicks) == {"done": 8}
        assert shop.audit().clean, shop.audit().violations
        assert shop.inventory.reconcile().clean


@pytest.mark.scenario("C21")
def test_a_count_against_sales(shop: TestShop) -> None:
    """A count that is out of date is refused, of two equal ones one counts, and a saved product keeps what is sold."""
    shop.product(stock=9)
    shop.orders.fulfill(shop.buy(quantity=2).order.number)
    with pytest.raises(VersionConflict):
        shop.inventory.set("A1", on_hand=20, change_from=9)
    ends = at_once([lambda: shop.inventory.set("A1", on_hand=20, change_from=7)] * 2)
    assert ends == {"done": 1, "VersionConflict": 1}
    shop.buy(quantity=3)
    shop.reservations.reserve("counter", items={"A1": 1})
    shop.product(stock=1, price=1234)
    assert counts(shop) == (20, 3, 1)
    assert shop.audit().clean


@pytest.mark.scenario("C26")
def test_servers_whose_clocks_differ(database_url: str, fill: Callable[[str], None]) -> None:
    """With clocks ten minutes apart a reservation may end early or late, but it ends once and nothing is sold twice."""
    early, late = FakeClock(), FakeClock()
    early.advance(minutes=-5)
    fill(database_url)
    late.advance(minutes=5)
    shop = TestShop(database_url, clock=early)
    shop.product(stock=1)
    with Commerce.open(database_url, clock=late, webhook_secret=SECRET) as other:
        shop.reservations.reserve("cart", items={"A1": 1}, ttl=timedelta(minutes=10))
        other.reservations.reserve("quick", items={"A1": 1})  # by its clock the time of the first one is over
        assert [shop.reservations.get(owner).state for owner in ("cart", "quick")] == ["expired", "active"]
        with pytest.raises(InsufficientStock):
            shop.reservations.extend("cart")
        with pytest.raises(InsufficientStock):
            shop.reservations.convert("cart", reference="till-1")
        assert counts(shop) == (1, 0, 1)
        assert shop.audit().clean
    shop.close()


@pytest.mark.scenario("C26")
def test_the_databases_clock_is_one_for_all(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that ask the database agree, whatever their own clocks say, and time goes on between two questions."""
    clocks = [DatabaseClock(database_url, ask_every=1000) for _ in range(2)]
    moments = [clock.now() for clock in (*clocks, *clocks)]
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)
    assert max(moments) - min(moments) < timedelta(minutes=1)
    assert clocks[0].now() <= clocks[0].now()
    if database_url.startswith("postgresql"):
        steady = time.monotonic
        asked = clocks[0]._known
        monkeypatch.setattr(time, "monotonic", lambda: steady() + 500)
        assert clocks[0].now() - moments[0] >= timedelta(seconds=500)
        assert clocks[0]._known == asked
        monkeypatch.setattr(time, "monotonic", lambda: steady() + 2000)
        clocks[0].now()
        assert clocks[0]._known != asked
