"""Two who want the same cart at the same moment: whichever comes first, what is ordered is what is charged."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from core_shop import CUSTOMER, TestShop
from mestres_core import Services
from mestres_core.checkout.dto import Quote
from mestres_core.errors import CartClosed, CommerceError, QuoteChanged
from mestres_core.testing import pause_before

PAYMENT = {"method": "card", "token": "tok_ok"}
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def outcome(act: Callable[[], Any]) -> Any:
    """What it gives, or the error that it raises."""
    try:
        return act()
    except CommerceError as error:
        return error


def while_open(shop: TestShop, first: Callable[[Services], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """`second` begins while the transaction of `first` is open, and waits for it; what both came to."""
    with ThreadPoolExecutor(1) as pool:
        future: Future[Any]
        with shop.transaction() as tx:
            done = outcome(lambda: first(tx))
            future = pool.submit(outcome, second)
            _until_it_waits(shop, future)
        return done, future.result(30)


def _until_it_waits(shop: TestShop, future: Future[Any]) -> None:
    """On PostgreSQL until the lock is asked for. SQLite lets nobody in before the first has ended, so any moment is."""
    for _ in range(500):
        if shop.engine.dialect.name == "sqlite" or future.done() or shop.sql(_WAITING)[0][0]:
            return
        time.sleep(0.01)
    raise AssertionError("the second one never came to the lock")


def begin(services: Any, cart: str, quote_hash: str, key: str = "k") -> Any:
    return services.checkout.begin(cart, quote_hash=quote_hash, idempotency_key=key, customer=CUSTOMER, payment=PAYMENT)


CHANGES: dict[str, Callable[[Any, str, int], Any]] = {
    "add": lambda services, cart, _: services.carts.add(cart, sku="B2"),
    "update": lambda services, cart, line: services.carts.update(cart, line, quantity=2),
    "coupon": lambda services, cart, _: services.carts.add_coupon(cart, "TEN"),
    "merge": lambda services, cart, _: services.carts.merge(services.carts.create().id, into=cart, policy="use_guest"),
}


def _stage(shop: TestShop) -> tuple[str, int, Any]:
    shop.product(price=1000)
    shop.product("B2", price=500)
    shop.promotions.save_coupon("TEN", percent=10)
    cart = shop.cart(("A1", 1))
    return cart, shop.carts.get(cart).lines[0].id, shop.quote(cart)


@pytest.mark.scenario("C16")
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_that_comes_before_the_order(shop: TestShop, change: str) -> None:
    """`begin` waits for it, sees it, and refuses the old promise: nothing is ordered that was not quoted."""
    cart, line, quote = _stage(shop)
    changed, begun = while_open(shop, lambda tx: CHANGES[change](tx, cart, line), lambda: begin(shop, cart, quote.hash))
    assert not isinstance(changed, Exception)
    assert isinstance(begun, CommerceError)
    if change != "merge":  # which has emptied the cart
        assert isinstance(begun, QuoteChanged)
        assert begun.quote.totals.items == changed.totals.items
        assert begun.quote.totals.discount == changed.totals.discount
    assert (len(shop.orders.list()), shop.carts.get(cart).status) == (0, "open")


@pytest.mark.scenario("C16")
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_that_comes_after_the_order(shop: TestShop, change: str) -> None:
    """It waits for `begin`, and finds the cart closed: the order is what was quoted and will be charged."""
    cart, line, quote = _stage(shop)
    begun, changed = while_open(shop, lambda tx: begin(tx, cart, quote.hash), lambda: CHANGES[change](shop, cart, line))
    assert isinstance(changed, CartClosed)
    assert (begun.order.totals, begun.request.amount) == (quote.totals, quote.totals.grand)
    assert shop.orders.get(begun.order.number).totals == quote.totals
    assert shop.audit().clean


@pytest.mark.scenario("C16")
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_line_that_comes_after_a_change(shop: TestShop, change: str) -> None:
    """It waits for the change, counts on from it, and shows the cart as it then is."""
    cart, line, _ = _stage(shop)
    before, added = while_open(
        shop, lambda tx: CHANGES[change](tx, cart, line), lambda: CHANGES["add"](shop, cart, line)
    )
    assert added.version == before.version + 1
    pieces = {each.sku: each.quantity for each in before.lines}
    assert {each.sku: each.quantity for each in added.lines} == {**pieces, "B2": pieces.get("B2", 0) + 1}
    assert added == shop.carts.get(cart)


@pytest.mark.scenario("C9")
@pytest.mark.parametrize("keys", [("k", "k"), ("k", "l")], ids=["one key", "two keys"])
def test_a_double_click(shop: TestShop, keys: tuple[str, str]) -> None:
    """The second click waits for the first and gets its order."""
    cart, _, quote = _stage(shop)
    one, other = while_open(
        shop, lambda tx: begin(tx, cart, quote.hash, keys[0]), lambda: begin(shop, cart, quote.hash, keys[1])
    )
    assert (one.replayed, other.replayed) == (False, True)
    assert one.order.number == other.order.number
    assert (len(shop.orders.list()), shop.available()) == (1, 9)


@pytest.mark.scenario("C8")
def test_one_key_for_two_carts(shop: TestShop) -> None:
    """Of two carts under one key only one is ordered; the other's request is refused, and leaves nothing."""
    from mestres_core.errors import IdempotencyConflict

    shop.product()
    quotes = [shop.quote(shop.cart(("A1", 1))) for _ in range(2)]
    one, other = while_open(
        shop,
        lambda tx: begin(tx, quotes[0].cart_id, quotes[0].hash),
        lambda: begin(shop, quotes[1].cart_id, quotes[1].hash),
    )
    assert not one.replayed
    assert isinstance(other, IdempotencyConflict)
    assert (len(shop.orders.list()), shop.available()) == (1, 9)
    assert shop.carts.get(quotes[1].cart_id).status == "open"


@pytest.mark.scenario("C18")
@pytest.mark.parametrize("policy", ["sum", "merge"])
def test_two_logins_merge_one_guest(shop: TestShop, policy: str) -> None:
    """The second login waits for the first and finds it done: quantities are not doubled."""
    shop.product()
    account, guest = shop.cart(("A1", 1)), shop.cart(("A1", 2))
    one, other = while_open(
        shop,
        lambda tx: tx.carts.merge(guest, into=account, policy=policy),
        lambda: shop.carts.merge(guest, into=account, policy=policy),
    )
    pieces = {"sum": 3, "merge": 2}[policy]
    assert [cart.lines[0].quantity for cart in (one, other)] == [pieces, pieces]
    assert one.version == other.version
    assert (shop.carts.get(guest).status, shop.carts.get(guest).merged_into) == ("merged", account)


@pytest.mark.scenario("C18")
def test_many_logins_merge_many_guests(shop: TestShop) -> None:
    """Four guests, each merged by three logins at once, in both directions of the ids: each counts once."""
    shop.product(stock=100)
    account = shop.cart(("A1", 1))
    guests = [shop.cart(("A1", 2)) for _ in range(4)]
    barrier = threading.Barrier(12)

    def login(guest: str) -> Any:
        barrier.wait()
        return outcome(lambda: shop.carts.merge(guest, into=account, policy="sum"))

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(login, guests * 3))
    assert not [each for each in found if isinstance(each, Exception)]
    assert shop.carts.get(account).lines[0].quantity == 9
    assert {shop.carts.get(guest).status for guest in guests} == {"merged"}


@pytest.mark.scenario("C18")
def test_two_carts_merged_into_each_other(shop: TestShop) -> None:
    """One of the two wins, the other finds its cart closed, and neither waits for ever."""
    shop.product()
    one, other = shop.cart(("A1", 1)), shop.cart(("A1", 2))
    first, second = while_open(
        shop, lambda tx: tx.carts.merge(one, into=other), lambda: shop.carts.merge(other, into=one)
    )
    assert first.id == other
    assert isinstance(second, CartClosed)


@pytest.mark.scenario("C17")
def test_a_price_that_changes_while_it_is_ordered(shop: TestShop) -> None:
    """A change that is not committed is not seen: the order is at the price that was promised, to the end."""
    cart, _, quote = _stage(shop)
    with shop.transaction() as tx:
        begun = begin(tx, cart, quote.hash)
        if shop.engine.dialect.name == "postgresql":  # SQLite lets one write at a time
            shop.product(price=9999)
        assert begun.order.totals == quote.totals
    shop.product(price=9999)
    assert shop.orders.get(begun.order.number).totals == quote.totals
    assert begun.request.amount == quote.totals.grand


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_orders_of_a_new_customer_do_not_wait_for_each_other(shop: TestShop) -> None:
    """One has the goods and finds that the buyer is known by now; the other has the buyer and waits for the goods."""
    shop.product(stock=9)
    quotes = [shop.quote(shop.cart(("A1", 1))) for _ in range(2)]
    failed: list[str] = []
    event.listen(shop.engine, "handle_error", lambda context: failed.append(str(context.original_exception)))

    def buy(quote: Quote) -> str:
        placed = shop.checkout.place(
            quote.cart_id, quote_hash=quote.hash, idempotency_key=quote.cart_id, customer=CUSTOMER, payment=PAYMENT
        )
        return placed.order.payment_status

    with pause_before(shop, "INSERT INTO mc_customer") as pause, ThreadPoolExecutor(2) as pool:
        one = pool.submit(buy, quotes[0])
        pause.wait()
        shop.customers.create(email=CUSTOMER["email"])
        other = pool.submit(buy, quotes[1])
        _until_it_waits(shop, other)
        pause.go()
        assert ["paid", "paid"] == [one.result(30), other.result(30)]
    assert [] == failed
    assert shop.audit().clean
