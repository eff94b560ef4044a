"""Taking and giving back money after the order."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import (
    ExtensionFailed,
    IdempotencyConflict,
    IllegalTransition,
    NotFound,
    ProviderFailed,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.providers.fake import FakeCard, FakePix


class Flaky(FakeCard):
    """Fails as often as it is told to, before or after having done what it was asked."""

    def __init__(self, *, before: int = 0, after: int = 0, refuses: bool = False) -> None:
        super().__init__(sleep=lambda _seconds: None)
        self.before, self.after, self.refuses = before, after, refuses
        self.keys: list[str] = []

    def refund(self, request: Any) -> Any:
        if self.before:
            self.before -= 1
            raise ConnectionError("gone before")
        self.keys.append(request.key)
        if self.after:
            self.after -= 1
            raise ConnectionError("gone after")
        event = super().refund(request)
        return replace(event, kind="failed") if self.refuses else event


@pytest.fixture
def flaky(open_shop: Callable[..., TestShop]) -> Callable[..., tuple[TestShop, Flaky]]:
    """`flaky(before=1)`: a shop with such a card provider, one product, and the provider."""

    def make(**how: Any) -> tuple[TestShop, Flaky]:
        provider = Flaky(**how)
        shop = open_shop(providers=(provider, FakePix()))
        shop.product()
        return shop, provider

    return make


def test_all_of_it_and_then_no_more(shop: TestShop) -> None:
    """A whole refund makes the order refunded; a second one finds nothing left."""
    shop.product()
    order = shop.buy().order
    made = shop.orders.refund(order.number)
    assert (made.status, made.amount) == ("refunded", order.totals.grand)
    after = shop.orders.get(order.number)
    assert (after.payment_status, after.refunded) == ("refunded", order.totals.grand)
    with pytest.raises(IllegalTransition, match="refunded"):
        shop.orders.refund(order.number)
    assert shop.audit().clean


def test_in_parts(shop: TestShop) -> None:
    """Parts add up; more than is left is refused with what is left; the last part makes it whole."""
    shop.product(price=1000)
    order = shop.buy().order
    grand = order.totals.grand.amount
    shop.orders.refund(order.number, amount=300)
    assert shop.orders.get(order.number).payment_status == "partially_refunded"
    with pytest.raises(ValidationError, match=f"amount must be at most {grand - 300}"):
        shop.orders.refund(order.number, amount=grand - 299)
    assert shop.orders.refund(order.number).amount.amount == grand - 300
    assert shop.orders.get(order.number).payment_status == "refunded"
    assert shop.audit().clean


@pytest.mark.parametrize("amount", [0, -1, 1.5, "10", True])
def test_a_wrong_amount(shop: TestShop, amount: object) -> None:
    """It is refused by name and nothing goes back."""
    shop.product()
    number = shop.buy().order.number
    with pytest.raises(ValidationError, match="amount"):
        shop.orders.refund(number, amount=amount)
    assert shop.orders.get(number).refunded.amount == 0


def test_the_same_key_gives_back_once(shop: TestShop) -> None:
    """A repeated request gets the same refund; the key for another amount is a conflict."""
    shop.product()
    number = shop.buy().order.number
    first = shop.orders.refund(number, amount=100, idempotency_key="k")
    assert shop.orders.refund(number, amount=100, idempotency_key="k") == first
    assert shop.orders.get(number).refunded.amount == 100
    with pytest.raises(IdempotencyConflict):
        shop.orders.refund(number, amount=101, idempotency_key="k")


@pytest.mark.parametrize("how", [{"before": 1}, {"after": 1}])
def test_without_a_clear_answer_it_is_asked_again_under_the_same_key(
    flaky: Callable[..., tuple[TestShop, Flaky]], how: dict[str, int]
) -> None:
    """A provider that broke off leaves the refund pending and counted; recovery asks again and it happens once."""
    shop, provider = flaky(**how)
    number = shop.buy().order.number
    made = shop.orders.refund(number)
    assert (made.status, shop.orders.get(number).payment_status) == ("pending", "paid")
    with pytest.raises(IllegalTransition):
        shop.orders.refund(number)
    assert shop.recover() == 0
    shop.clock.advance(seconds=60)
    assert shop.recover() == 1
    assert shop.orders.get(number).payment_status == "refunded"
    assert set(provider.keys) == {made.id}
    assert shop.audit().clean


def test_a_refused_refund_leaves_the_money_where_it_is(flaky: Callable[..., tuple[TestShop, Flaky]]) -> None:
    """A provider's clear no ends the refund; another may be tried."""
    shop, provider = flaky(refuses=True)
    number = shop.buy().order.number
    assert shop.orders.refund(number).status == "failed"
    assert shop.orders.get(number).payment_status == "paid"
    provider.refuses = False
    assert shop.orders.refund(number).status == "refunded"
    assert shop.audit().clean


def test_many_refunds_at_once_never_exceed_the_payment(shop: TestShop) -> None:
    """Eight whole refunds at once give the money back once."""
    shop.product()
    order = shop.buy().order
    made, refused, barrier = [], [], threading.Barrier(8)

    def give_back() -> None:
        barrier.wait()
        try:
            made.append(shop.orders.refund(order.number).amount)
        except IllegalTransition as error:
            refused.append(error)

    threads = [threading.Thread(target=give_back) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made, len(refused)) == ([order.totals.grand], 7)
    assert shop.orders.get(order.number).refunded == order.totals.grand
    assert shop.audit().clean


def test_a_cancelled_order_gets_its_money_back(shop: TestShop) -> None:
    """Cancelling owes the money, refunding pays it; a part of it still owes the rest."""
    shop.product()
    number = shop.orders.cancel(shop.buy().order.number).number
    shop.orders.refund(number, amount=1)
    assert shop.orders.get(number).payment_status == "refund_due"
    shop.orders.refund(number)
    assert shop.orders.get(number).payment_status == "refunded"
    assert shop.audit().clean


def test_nothing_paid_nothing_back(shop: TestShop) -> None:
    """An unpaid order and an unknown one have nothing to give back."""
    shop.product()
    with pytest.raises(IllegalTransition, match="unpaid"):
        shop.orders.refund(shop.buy(token="pix").order.number)
    with pytest.raises(NotFound):
        shop.orders.refund("MC-NOTHING")


def test_an_authorized_order_is_captured_before_it_is_shipped(shop: TestShop) -> None:
    """The goods are set aside, no money has come, and only capturing makes the order ready to ship."""
    shop.product()
    order = shop.buy(token="tok_auth").order
    assert (order.status, order.payment_status, shop.available()) == ("placed", "authorized", 9)
    assert shop.audit().clean
    with pytest.raises(IllegalTransition, match="authorized"):
        shop.orders.fulfill(order.number)
    with pytest.raises(IllegalTransition, match="unpaid"):
        shop.orders.refund(order.number)
    assert shop.orders.capture(order.number).payment_status == "paid"
    assert shop.orders.fulfill(order.number).status == "completed"
    with pytest.raises(IllegalTransition):
        shop.orders.capture(order.number)
    assert shop.audit().clean


def test_an_authorized_order_called_off_costs_nobody_anything(shop: TestShop) -> None:
    """It is void: there is nothing to give back."""
    shop.product()
    order = shop.orders.cancel(shop.buy(token="tok_auth").order.number)
    assert (order.payment_status, shop.available()) == ("void", 10)
    assert shop.audit().clean


def test_a_capture_without_an_answer_may_be_asked_again(open_shop: Callable[..., TestShop]) -> None:
    """The caller is told, and the second try captures once."""

    class Breaks(FakeCard):
        left = 1

        def capture(self, key: str) -> Any:
            done = super().capture(key)
            if self.left:
                self.left -= 1
                raise ConnectionError("gone")
            return done

    shop = open_shop(providers=(Breaks(),))
    shop.product()
    number = shop.buy(token="tok_auth").order.number
    with pytest.raises(ProviderFailed):
        shop.orders.capture(number)
    assert shop.orders.get(number).payment_status == "authorized"
    assert shop.orders.capture(number).payment_status == "paid"
    assert shop.audit().clean


@pytest.mark.parametrize("said", [None, {"kind": "captured"}, "ok"], ids=repr)
def test_an_answer_that_is_no_event_is_none(open_shop: Callable[..., TestShop], said: object) -> None:
    """Whatever a provider is asked, it is asked again later under the same key, and happens once."""

    class Odd(FakeCard):
        """Does what it is asked, and answers something else as long as the test wants."""

        odd = False

        def charge(self, request: Any) -> Any:
            return self._said(super().charge(request))

        def lookup(self, key: str) -> Any:
            return self._said(super().lookup(key))

        def capture(self, key: str) -> Any:
            return self._said(super().capture(key))

        def refund(self, request: Any) -> Any:
            return self._said(super().refund(request))

        def read_event(self, **_given: Any) -> Any:
            return said

        def _said(self, event: Any) -> Any:
            return said if self.odd else event

    card = Odd(sleep=lambda _seconds: None)
    shop = open_shop(providers=(card,))
    shop.product()
    authorized, paid = shop.buy(token="tok_auth").order, shop.buy().order
    card.odd = True
    unclear = shop.buy().order
    assert unclear.payment_status == "pending"
    with pytest.raises(ProviderFailed):
        shop.orders.capture(authorized.number)
    assert shop.orders.refund(paid.number, amount=100).status == "pending"
    if said is not None:  # None: it is nothing of ours
        with pytest.raises(ExtensionFailed, match="payment provider 'card'"):
            shop.payments.receive("card", body=b"{}", headers={})

    card.odd = False
    shop.clock.advance(seconds=31)
    assert shop.recover() == 3
    numbers = [each.number for each in (authorized, paid, unclear)]
    assert [shop.orders.get(number).payment_status for number in numbers] == ["paid", "partially_refunded", "paid"]
    assert shop.audit().clean


@pytest.mark.parametrize("act", ["capture", "refund"])
def test_not_inside_somebody_elses_transaction(shop: TestShop, act: str) -> None:
    """Both call a provider between transactions of their own, and say so where they cannot."""
    with pytest.raises(TransactionOwnershipError), shop.transaction() as tx:
        getattr(tx.orders, act)("MC-X")
