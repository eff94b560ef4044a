"""Orders that are paid when the goods change hands."""

from typing import Any

import pytest
from sqlalchemy import event

from core_shop import CUSTOMER, TestShop
from mestres_core.errors import InvalidSignature
from mestres_core.providers.fake import FakeCard
from mestres_core.providers.on_delivery import OnDelivery

PAYMENT = {"method": "on_delivery"}


def placed(shop: TestShop, payment: Any = PAYMENT, key: str = "k") -> Any:
    quote = shop.quote(shop.cart(("A1", 2)))
    return shop.checkout.place(
        quote.cart_id, quote_hash=quote.hash, idempotency_key=key, customer=CUSTOMER, payment=payment
    )


@pytest.fixture
def counter(open_shop: Any) -> TestShop:
    """A shop that takes money at the counter."""
    made: TestShop = open_shop(providers=(OnDelivery(), FakeCard(sleep=lambda _seconds: None)))
    made.product()
    return made


def test_the_order_is_placed_and_owes_its_money(counter: TestShop) -> None:
    """Placed at once, authorized; what is returned is what is kept."""
    order = placed(counter).order
    assert (order.status, order.payment_status, order.payments[0].status) == ("placed", "authorized", "authorized")
    assert counter.orders.get(order.number) == order
    assert counter.available() == 8
    assert counter.audit().violations == ()


def test_one_transaction_is_enough(counter: TestShop) -> None:
    """Nobody is asked, so nothing has to be committed before."""
    commits: list[object] = []
    event.listen(counter.engine, "commit", commits.append)
    quote = counter.quote(counter.cart(("A1", 1)))
    commits.clear()
    with counter.statements() as sent:
        counter.checkout.place(
            quote.cart_id, quote_hash=quote.hash, idempotency_key="k", customer=CUSTOMER, payment=PAYMENT
        )
    assert len(commits) == 1
    assert not any("FROM mc_order" in statement or "FROM mc_payment " in statement for statement in sent)


def test_money_comes_in_parts_and_goes_back(counter: TestShop) -> None:
    """Captures say that it is there, refunds that it was handed back; the ledger adds up."""
    number = placed(counter).order.number
    assert counter.orders.capture(number, amount=500).payment_status == "partially_paid"
    assert counter.orders.capture(number).payment_status == "paid"
    assert counter.orders.refund(number, amount=300, idempotency_key="r").status == "refunded"
    assert counter.payments.summary(number).refunded.amount == 300
    assert counter.audit().violations == ()


def test_the_whole_at_once(counter: TestShop) -> None:
    """A capture without an amount takes all of it."""
    order = placed(counter).order
    paid = counter.orders.capture(order.number)
    assert (paid.payment_status, paid.payments[0].captured) == ("paid", order.totals.grand.amount)


def test_who_does_not_come_is_called_off(counter: TestShop) -> None:
    """Cancelling releases the promise and the goods."""
    number = placed(counter).order.number
    cancelled = counter.orders.cancel(number)
    assert (cancelled.status, cancelled.payments[0].status) == ("cancelled", "voided")
    assert counter.available() == 10
    assert counter.audit().violations == ()


def test_the_same_key_is_the_same_order(counter: TestShop) -> None:
    """A repetition is told what the first call made."""
    quote = counter.quote(counter.cart(("A1", 1)))
    asked: dict[str, Any] = {"quote_hash": quote.hash, "idempotency_key": "k", "customer": CUSTOMER, "payment": PAYMENT}
    first = counter.checkout.place(quote.cart_id, **asked)
    again = counter.checkout.place(quote.cart_id, **asked)
    assert (first.replayed, again.replayed, again.order) == (False, True, first.order)


def test_beside_a_card_it_waits_for_the_card(counter: TestShop) -> None:
    """One tender that asks somebody is enough: then all are charged with no transaction open."""
    both = [{"method": "card", "token": "tok_ok", "amount": 500}, PAYMENT]
    order = placed(counter, both).order
    assert order.status == "placed"
    declined = [{"method": "on_delivery", "amount": 500}, {"method": "card", "token": "tok_declined"}]
    with pytest.raises(Exception, match="declined"):
        placed(counter, declined, key="k2")
    assert counter.audit().violations == ()


def test_nobody_sends_webhooks_for_it(counter: TestShop) -> None:
    """Whoever claims to is refused."""
    with pytest.raises(InvalidSignature):
        counter.payments.receive("on_delivery", body=b"{}", headers={})
