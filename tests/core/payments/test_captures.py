"""Taking authorized money in parts, and letting it go."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import (
    IdempotencyConflict,
    IllegalTransition,
    NotFound,
    ProviderFailed,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.providers.fake import FakeCard, FakePix

Open = Callable[..., TestShop]


def authorized(shop: TestShop, price: int = 1000) -> Any:
    shop.product(price=price)
    return shop.buy(token="tok_auth").order


def test_parts_add_up(shop: TestShop) -> None:
    """Two captures take what was authorized; between them the order is paid in part; then nothing is left to take."""
    order = authorized(shop)
    grand = order.totals.grand.amount
    first = shop.orders.capture(order.number, amount=600)
    assert (first.payment_status, first.payments[0].status, first.payments[0].captured) == (
        "partially_paid",
        "partially_captured",
        600,
    )
    assert shop.payments.summary(order.number).outstanding.amount == grand - 600
    with pytest.raises(ValidationError, match=f"amount must be at most {grand - 600}"):
        shop.orders.capture(order.number, amount=grand - 599)
    assert shop.orders.capture(order.number).payment_status == "paid"
    assert shop.payments.summary(order.number).outstanding.amount == 0
    with pytest.raises(IllegalTransition):
        shop.orders.capture(order.number)
    assert shop.audit().clean


def test_a_final_part_lets_the_rest_go(sqlite_shop: TestShop) -> None:
    """After it nothing is open any more, and what was captured may be given back, no more."""
    shop = sqlite_shop
    order = authorized(shop)
    after = shop.orders.capture(order.number, amount=600, final=True)
    assert (after.payments[0].status, after.payments[0].voided) == ("captured", order.totals.grand.amount - 600)
    with pytest.raises(IllegalTransition):
        shop.orders.capture(order.number, amount=1)
    with pytest.raises(ValidationError, match="at most 600"):
        shop.orders.refund(order.number, amount=601)
    assert shop.audit().clean


def test_a_provider_that_captures_once(open_shop: Open) -> None:
    """Its first capture is final; one that knows no parts is asked for the whole only."""

    class Once(FakeCard):
        several_captures = False

    shop = open_shop(providers=(Once(),))
    order = authorized(shop)
    after = shop.orders.capture(order.number, amount=600)
    assert after.payments[0].status == "captured"
    assert shop.audit().clean


def test_the_same_key_captures_once(sqlite_shop: TestShop) -> None:
    """A repeated capture is the same capture; the key for another amount is a conflict."""
    shop = sqlite_shop
    order = authorized(shop)
    first = shop.orders.capture(order.number, amount=100, idempotency_key="k")
    assert shop.orders.capture(order.number, amount=100, idempotency_key="k") == first
    with pytest.raises(IdempotencyConflict):
        shop.orders.capture(order.number, amount=101, idempotency_key="k")
    assert shop.orders.get(order.number).payments[0].captured == 100


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": 0}, "amount"),
    ({"amount": -1}, "amount"),
    ({"amount": 1.5}, "amount"),
    ({"amount": True}, "amount"),
    ({"amount": 10**9}, "amount"),
    ({"final": "yes"}, "final"),
    ({"idempotency_key": ""}, "idempotency_key"),
    ({"idempotency_key": "k" * 256}, "idempotency_key"),
]


def test_wrong_arguments_change_nothing(sqlite_shop: TestShop) -> None:
    """A wrong argument is named, and nothing is asked of the provider."""
    shop = sqlite_shop
    order = authorized(shop)
    for wrong, field in WRONG:
        with pytest.raises(ValidationError, match=field):
            shop.orders.capture(order.number, **wrong)
    assert shop.sql("SELECT id FROM mc_payment_operation") == []
    assert shop.orders.get(order.number) == order
    with pytest.raises(NotFound):
        shop.orders.capture("MC-NOBODY")


def test_cancelling_tells_the_provider(open_shop: Open) -> None:
    """An authorized order that is called off is released at its provider, with no transaction open."""
    told: list[tuple[str, int]] = []

    class Told(FakeCard):
        def void(self, request: Any) -> Any:
            told.append((request.payment_key, shop.engine.pool.checkedout()))
            return super().void(request)

    shop = open_shop(providers=(Told(),))
    order = authorized(shop)
    after = shop.orders.cancel(order.number)
    assert told == [(order.payments[0].id, 0)]
    assert (after.status, after.payment_status, after.payments[0].status) == ("cancelled", "void", "voided")
    assert shop.available() == 10
    assert shop.audit().clean


def test_cancelling_inside_a_transaction_leaves_the_telling_to_recover(sqlite_shop: TestShop) -> None:
    """No provider is called while a host's transaction is open; the poller tells it afterwards."""
    shop = sqlite_shop
    order = authorized(shop)
    with shop.transaction() as tx:
        tx.orders.cancel(order.number)
    assert shop.orders.get(order.number).payments[0].status == "authorized"
    assert shop.recover() == 1
    assert shop.orders.get(order.number).payments[0].status == "voided"
    assert shop.audit().clean


def test_voiding_releases_what_is_open(sqlite_shop: TestShop) -> None:
    """The order stays, its money is released; what was not authorized has nothing to release."""
    shop = sqlite_shop
    order = authorized(shop)
    after = shop.payments.void(order.number)
    assert (after.status, after.payment_status, after.payments[0].status) == ("placed", "void", "voided")
    with pytest.raises(IllegalTransition):
        shop.orders.capture(order.number)
    with pytest.raises(IllegalTransition):
        shop.payments.void(order.number)
    with pytest.raises(NotFound):
        shop.payments.void("MC-NOBODY")
    with pytest.raises(TransactionOwnershipError), shop.transaction() as tx:
        tx.payments.void(order.number)
    assert shop.audit().clean


def test_an_order_that_waits_for_a_tender_is_not_voided(sqlite_shop: TestShop) -> None:
    """What its gift card holds is released by cancelling it: voided, it would wait for less than it costs."""
    shop = sqlite_shop
    shop.product("A1", price=1000, stock=10)
    card = {"method": "gift_card", "code": shop.gift_cards.issue(amount=5000).code, "amount": 700}
    quote = shop.quote(shop.cart(("A1", 1)))
    arguments = shop.arguments(quote) | {"payment": [card, {"method": "card", "token": "tok_ok"}]}
    order = shop.checkout.begin(**arguments).order
    with pytest.raises(IllegalTransition, match="pending"):
        shop.payments.void(order.number)
    assert shop.orders.get(order.number) == order
    assert shop.orders.cancel(order.number).payment_status == "void"
    assert shop.audit().clean


def test_a_refused_capture(open_shop: Open) -> None:
    """A provider's clear no leaves the authorization as it is, and is in the ledger."""

    class Refuses(FakeCard):
        refuses = True

        def capture_part(self, request: Any) -> Any:
            event = super().capture_part(request)
            return (
                event
                if not self.refuses
                else type(event)(
                    provider="card", id=f"no_{request.key}", key=request.payment_key, kind="capture_failed", amount=1
                )
            )

    card = Refuses()
    shop = open_shop(providers=(card,))
    order = authorized(shop)
    with pytest.raises(IllegalTransition, match="refused"):
        shop.orders.capture(order.number, amount=100)
    assert shop.orders.get(order.number).payment_status == "authorized"
    rows = [(each.action, each.outcome) for each in shop.payments.ledger(order.number)]
    assert rows.count(("capture", "failure")) == rows.count(("capture", "request")) == 1
    card.refuses = False
    assert shop.orders.capture(order.number, amount=100).payments[0].captured == 100
    assert shop.audit().clean


def test_an_unanswered_capture_is_asked_again_by_recover(open_shop: Open) -> None:
    """Whoever dies during a capture leaves it to the poller: it happens once."""

    class Breaks(FakeCard):
        left = 1

        def capture_part(self, request: Any) -> Any:
            done = super().capture_part(request)
            if self.left:
                self.left -= 1
                raise ConnectionError("gone")
            return done

    shop = open_shop(providers=(Breaks(),))
    order = authorized(shop)
    with pytest.raises(ProviderFailed):
        shop.orders.capture(order.number, amount=700)
    assert shop.recover() == 0
    shop.clock.advance(seconds=31)
    assert shop.recover() == 1
    assert shop.orders.get(order.number).payments[0].captured == 700
    assert shop.recover() == 0
    assert shop.audit().clean


@pytest.mark.scenario("C20")
@pytest.mark.parametrize("first", ["cancel", "capture"])
def test_capture_against_cancel_one_after_the_other(shop: TestShop, first: str) -> None:
    """Cancelled first, nothing is captured; captured first, the money is owed back. The goods are free either way."""
    order = authorized(shop)
    if first == "cancel":
        shop.orders.cancel(order.number)
        with pytest.raises(IllegalTransition, match="cancelled"):
            shop.orders.capture(order.number)
        assert shop.orders.get(order.number).payment_status == "void"
    else:
        shop.orders.capture(order.number)
        assert shop.orders.cancel(order.number).payment_status == "refund_due"
    assert shop.available() == 10
    assert shop.audit().clean


@pytest.mark.scenario("C20")
def test_cancel_while_the_capture_is_at_the_provider(open_shop: Open) -> None:
    """The money that was taken meanwhile goes back by itself; nothing is left half done."""

    class Slow(FakeCard):
        between: Any = None

        def capture(self, key: str) -> Any:
            done = super().capture(key)
            act, self.between = self.between, None
            if act:
                act()
            return done

    card = Slow()
    shop = open_shop(providers=(card,))
    order = authorized(shop)
    card.between = lambda: shop.orders.cancel(order.number)
    after = shop.orders.capture(order.number)
    assert (after.status, after.payment_status) == ("cancelled", "refund_due")
    shop.clock.advance(seconds=31)
    shop.recover()
    after = shop.orders.get(order.number)
    assert (after.payment_status, after.refunded) == ("refunded", order.totals.grand)
    assert shop.available() == 10
    assert shop.recover() == 0
    assert shop.audit().clean


@pytest.mark.scenario("C20")
@pytest.mark.stress
def test_capture_against_cancel_at_once(shop: TestShop) -> None:
    """However threads fall, one legal end is reached, with the stock right and every cent accounted for."""
    shop.product(stock=50)
    for _ in range(3):
        number = shop.buy(token="tok_auth").order.number
        barrier = threading.Barrier(2)

        def act(name: str, number: str = number, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            with contextlib.suppress(IllegalTransition, ProviderFailed):
                getattr(shop.orders, name)(number)

        threads = [threading.Thread(target=act, args=(name,)) for name in ("capture", "cancel")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shop.clock.advance(seconds=31)
        shop.recover()
        order = shop.orders.get(number)
        assert order.status == "cancelled"
        assert order.payment_status in ("void", "refund_due", "refunded")
        assert shop.available() == 50
        assert shop.audit().clean


def test_pix_has_nothing_to_capture(open_shop: Open) -> None:
    """An order that waits for PIX is not captured, and calling it off calls the code off."""
    shop = open_shop(providers=(FakePix(),))
    shop.product()
    order = shop.buy(token="pix").order
    with pytest.raises(IllegalTransition):
        shop.orders.capture(order.number)
    after = shop.orders.cancel(order.number)
    assert (after.payment_status, after.payments[0].status) == ("void", "voided")
    assert shop.audit().clean
