"""From quote to order, with every answer that a provider may give."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core_shop import ADDRESS, CUSTOMER, SECRET, TestShop
from mestres_core import Times
from mestres_core.checkout import placing
from mestres_core.errors import (
    CartClosed,
    CartEmpty,
    CommerceError,
    IdempotencyConflict,
    InsufficientStock,
    InvalidSignature,
    NotFound,
    OutcomeUnknown,
    PaymentDeclined,
    QuoteChanged,
    RetryableError,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.money import Money
from mestres_core.orders.numbers import SequentialNumbers
from mestres_core.providers.fake import FakeCard, FakePix, signed_event
from mestres_core.typing import PaymentEvent

Open = Callable[..., TestShop]


def test_a_quote_is_the_sum_of_its_parts(shop: TestShop) -> None:
    """The grand total is items and shipping; the cheapest way is chosen unless another is asked for."""
    shop.product(price=4590)
    cart = shop.cart(("A1", 2))
    cheap, fast = shop.quote(cart), shop.quote(cart, "sedex")
    assert ("pac", 9180, 1590, 10770) == (
        cheap.shipping_method,
        cheap.totals.items.amount,
        cheap.totals.shipping.amount,
        cheap.totals.grand.amount,
    )
    assert ("sedex", Money(9180 + 2890, "BRL")) == (fast.shipping_method, fast.totals.grand)
    assert ["pac", "sedex"] == [option.id for option in cheap.shipping_methods]


def test_what_cannot_be_quoted(shop: TestShop) -> None:
    """An empty or unknown cart, an unknown way and a wrong address are refused, every wrong field by name."""
    shop.product()
    cart = shop.cart(("A1", 1))
    with pytest.raises(CartEmpty):
        shop.quote(shop.cart())
    with pytest.raises(NotFound):
        shop.quote("nobody")
    with pytest.raises(ValidationError, match="pac, sedex"):
        shop.quote(cart, "balloon")
    with pytest.raises(ValidationError) as caught:
        shop.checkout.quote(cart, address=ADDRESS | {"state": "XX", "postal_code": "1"})
    assert ["address.state", "address.postal_code"] == [error.field for error in caught.value.errors]
    with pytest.raises(ValidationError, match="nothing can be sent there"):
        shop.checkout.quote(cart, address=ADDRESS | {"country": "PT"})


def test_a_paid_order_is_placed(shop: TestShop) -> None:
    """A captured card places the order, holds its pieces, closes the cart, and the books are right."""
    shop.product(stock=5)
    cart = shop.cart(("A1", 2))
    order = shop.place(cart).order
    assert ("placed", "paid", "unfulfilled") == (order.status, order.payment_status, order.fulfillment_status)
    assert ("captured", order.totals.grand) == (order.payments[0].status, order.payments[0].amount)
    assert [("A1", 2, 2000)] == [(line.sku, line.quantity, line.total.amount) for line in order.lines]
    assert 3 == shop.available()
    assert "ordered" == shop.carts.get(cart).status
    assert order == shop.orders.get(order.number)
    assert shop.audit().clean


def change_price(shop: TestShop) -> None:
    shop.product(price=2500)


def hide_the_other(shop: TestShop) -> None:
    shop.catalog.save(name="B", key="B2", variants=[{"sku": "B2", "price": 500}], active=False)


def let_it_expire(shop: TestShop) -> None:
    shop.clock.advance(minutes=30)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (change_price, {"lines", "items", "grand"}),
        (hide_the_other, {"lines", "items", "grand"}),
        (let_it_expire, {"expired"}),
    ],
)
@pytest.mark.parametrize("call", ["place", "begin"])
def test_a_changed_quote_is_not_charged(
    shop: TestShop, change: Callable[[TestShop], None], named: set[str], call: str
) -> None:
    """What is not as promised raises QuoteChanged with what changed; the new quote can be confirmed at once."""
    shop.product()
    shop.product("B2", price=500)
    quote = shop.quote(shop.cart(("A1", 1), ("B2", 1)))
    change(shop)
    arguments = shop.arguments(quote)
    with pytest.raises(QuoteChanged) as caught:
        getattr(shop.checkout, call)(**arguments)
    assert named == set(caught.value.changes)
    assert () == shop.orders.list().items
    placed = shop.checkout.place(**arguments | {"quote_hash": caught.value.quote.hash})
    assert caught.value.quote.totals == placed.order.totals
    assert "placed" == placed.order.status


def test_a_changed_shipping_rate_changes_the_quote(open_shop: Open) -> None:
    """A way that got dearer, or is gone, is not charged at the old price."""
    from mestres_core.rules.shipping import Rate
    from mestres_core.shipping.service import TableRater

    rates = [Rate("pac", "PAC", 8, 2000, 0), Rate("sedex", "SEDEX", 3, 3000, 0)]
    shop = open_shop(shipping=TableRater(rates))
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)), "sedex")
    rates[1] = Rate("sedex", "SEDEX", 3, 3500, 0)
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert {"shipping": (3000, 3500), "grand": (4000, 4500)} == caught.value.changes
    del rates[1]
    dearer = caught.value.quote
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(dearer))
    assert ("sedex", "pac") == caught.value.changes["shipping_method"]


def test_a_quote_is_of_its_cart(shop: TestShop) -> None:
    """The hash of another cart's quote, or an invented one, is unknown."""
    shop.product()
    quote, other = shop.quote(shop.cart(("A1", 1))), shop.cart(("A1", 1))
    for wrong in ({"cart_id": other}, {"quote_hash": "0" * 64}):
        with pytest.raises(NotFound):
            shop.checkout.place(**shop.arguments(quote) | wrong)


def test_a_key_stands_for_one_order(shop: TestShop) -> None:
    """The same key with the same request gives the same order again; with another request it is refused."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    first, second = shop.checkout.place(**arguments), shop.checkout.place(**arguments)
    assert (False, True) == (first.replayed, second.replayed)
    assert first.order == second.order
    other = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    with pytest.raises(IdempotencyConflict):
        shop.checkout.place(**other)
    assert 1 == len(shop.orders.list())
    assert 9 == shop.available()


@pytest.mark.parametrize("key", ["", "  ", "k" * 256, None, 5, "a\0"])
def test_keys_have_bounds(shop: TestShop, key: Any) -> None:
    """A key is text of 1 to 255 characters; a refused one leaves nothing."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    with pytest.raises(ValidationError):
        shop.checkout.place(**shop.arguments(quote) | {"idempotency_key": key})
    assert "placed" == shop.checkout.place(**shop.arguments(quote, key="k" * 255)).order.status


def test_a_refused_request_does_not_use_its_key_up(shop: TestShop) -> None:
    """After a validation error the same key may be used for the right request."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    wrong = CUSTOMER | {"email": "ana", "document": "111.111.111-11"}
    with pytest.raises(ValidationError) as caught:
        shop.checkout.place(**arguments | {"customer": wrong})
    assert ["customer.email", "customer.document"] == [error.field for error in caught.value.errors]
    assert not shop.checkout.place(**arguments).replayed


@pytest.mark.scenario("C9")
def test_a_double_click_buys_once(shop: TestShop) -> None:
    """A second request for the same quote under another key gets the first one's order."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    first, second = (shop.checkout.place(**shop.arguments(quote)) for _ in range(2))
    assert first.order == second.order
    assert second.replayed
    with pytest.raises(NotFound):
        shop.checkout.place(**shop.arguments(quote) | {"cart_id": "x"})
    with pytest.raises(CartClosed):
        shop.checkout.place(**shop.arguments(quote) | {"quote_hash": "other"})


def test_a_double_click_after_a_decline_gets_the_newest_order(shop: TestShop) -> None:
    """When the first order of a quote was declined and the second placed, a further click gets the second."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    with pytest.raises(PaymentDeclined):
        shop.checkout.place(**shop.arguments(quote, token="tok_declined"))
    placed = shop.checkout.place(**shop.arguments(quote))
    assert placed.order == shop.checkout.place(**shop.arguments(quote)).order


@pytest.mark.scenario("C8")
def test_twenty_at_once_with_one_key_make_one_order(shop: TestShop) -> None:
    """Twenty simultaneous requests with one key have one effect."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    barrier = threading.Barrier(20)

    def click() -> Any:
        barrier.wait()
        return shop.checkout.place(**arguments)

    with ThreadPoolExecutor(20) as pool:
        placed = [future.result() for future in [pool.submit(click) for _ in range(20)]]
    assert 1 == len({each.order.number for each in placed})
    assert 1 == [each.replayed for each in placed].count(False)
    assert 9 == shop.available()
    assert 1 == len(shop.sql("SELECT id FROM mc_payment"))


def test_a_declined_card_leaves_everything_as_it_was(shop: TestShop) -> None:
    """A decline cancels the order, frees its pieces and opens the cart; a new key may try another card."""
    shop.product(stock=1)
    cart = shop.cart(("A1", 1))
    quote = shop.quote(cart)
    arguments = shop.arguments(quote, token="tok_declined")
    for _ in range(2):  # the second is the same key again: the same answer
        with pytest.raises(PaymentDeclined) as caught:
            shop.checkout.place(**arguments)
        assert ("cancelled", "declined") == (caught.value.order.status, caught.value.order.payment_status)
    assert 1 == shop.available()
    assert "open" == shop.carts.get(cart).status
    assert "placed" == shop.checkout.place(**shop.arguments(quote)).order.status
    assert 2 == len(shop.orders.list())
    assert shop.audit().clean


def test_an_unclear_answer_is_settled_later(shop: TestShop) -> None:
    """A provider that cannot be reached leaves the order pending until, after the lease, it says it knows nothing."""
    shop.product(stock=1)
    cart = shop.cart(("A1", 1))
    order = shop.place(cart, "tok_down").order
    assert ("pending", 0) == (order.status, shop.available())
    assert 0 == shop.recover()
    shop.clock.advance(seconds=30)
    assert 1 == shop.recover()
    order = shop.orders.get(order.number)
    assert ("cancelled", "failed") == (order.status, order.payment_status)
    assert ("open", 1) == (shop.carts.get(cart).status, shop.available())
    assert 0 == shop.recover()
    assert shop.audit().clean


def test_a_slow_charge_is_not_cancelled_meanwhile(open_shop: Open) -> None:
    """While its caller waits for the provider, nobody else ends the payment."""
    ended: list[int] = []
    shop = open_shop(providers=(FakeCard(sleep=lambda _seconds: ended.append(shop.recover())), FakePix()))
    shop.product()
    assert "placed" == shop.buy(token="tok_slow").order.status
    assert [0] == ended


def test_a_caller_who_died_after_the_charge_is_replaced(shop: TestShop) -> None:
    """Charged but never applied: recovery asks the provider and places the order, without a second charge."""
    shop.product()
    begun = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1)))))
    shop.config.providers[0].charge(begun.request)
    shop.clock.advance(seconds=31)
    assert 1 == shop.recover()
    assert "placed" == shop.orders.get(begun.order.number).status
    assert shop.audit().clean


class Moody(FakeCard):
    """A card provider whose answer to `lookup` the test sets."""

    answer: Any = None

    def lookup(self, key: str) -> PaymentEvent | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            return None
        return PaymentEvent(provider=self.name, id=f"{self.answer}_{key}", key=key, kind=self.answer, amount=2590)


def test_a_silent_provider_decides_nothing(open_shop: Open) -> None:
    """A provider that cannot be asked leaves the payment as it is; asked again, its answer counts."""
    card = Moody()
    shop = open_shop(providers=(card,))
    shop.product()
    order = shop.buy(token="tok_down").order
    card.answer = RuntimeError("down")
    shop.clock.advance(seconds=31)
    assert 0 == shop.recover()
    assert "pending" == shop.orders.get(order.number).status
    card.answer = None
    shop.clock.advance(seconds=31)
    assert 1 == shop.recover()
    assert "cancelled" == shop.orders.get(order.number).status


def test_a_charge_that_the_provider_is_working_on_is_not_failed(open_shop: Open) -> None:
    """A provider that answers "pending" knows the charge: only its own end or the expiry ends it."""
    card = Moody()
    shop = open_shop(providers=(card,))
    shop.product()
    order = shop.buy(token="tok_down").order
    card.answer = "pending"
    shop.clock.advance(seconds=31)
    assert 0 == shop.recover()
    card.answer = None
    shop.clock.advance(seconds=31)
    assert 0 == shop.recover()
    assert "pending" == shop.orders.get(order.number).status
    shop.clock.advance(minutes=30)
    assert 1 == shop.recover()
    assert "expired" == shop.orders.get(order.number).status


def test_pix_is_paid_by_webhook(shop: TestShop) -> None:
    """PIX answers with a code to pay; the signed webhook places the order, once however often it comes."""
    shop.product()
    order = shop.buy(token="pix").order
    payment = order.payments[0]
    assert ("pending", "pix") == (order.status, payment.action["type"])
    for _ in range(5):
        shop.webhook(payment.id, "captured", payment.amount.amount)
    order = shop.orders.get(order.number)
    assert ("placed", "paid") == (order.status, order.payment_status)
    assert 1 == len(shop.sql("SELECT id FROM mc_payment_event WHERE kind = 'captured'"))
    shop.webhook(payment.id, "expired", payment.amount.amount)
    shop.webhook(payment.id, "pending", payment.amount.amount, event_id="late")
    assert order == shop.orders.get(order.number)
    assert 9 == shop.available()
    assert shop.audit().clean


def test_a_webhook_of_a_wrong_amount_is_disputed(shop: TestShop) -> None:
    """Another amount than asked for places nothing; the right one still can."""
    shop.product()
    order = shop.buy(token="pix").order
    payment = order.payments[0]
    shop.webhook(payment.id, "captured", payment.amount.amount - 1, event_id="wrong")
    assert "pending" == shop.orders.get(order.number).status
    assert [("disputed",)] == shop.sql("SELECT state FROM mc_payment_event WHERE event_id = 'wrong'")
    shop.webhook(payment.id, "captured", payment.amount.amount)
    assert "placed" == shop.orders.get(order.number).status
    assert shop.audit().clean


def test_a_provider_speaks_of_its_own_payments_only(shop: TestShop) -> None:
    """An event about another provider's payment is disputed."""
    shop.product()
    order = shop.buy(token="pix").order
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount, provider="card")
    assert "pending" == shop.orders.get(order.number).status
    assert [("disputed",)] == shop.sql("SELECT state FROM mc_payment_event WHERE provider = 'card'")


def test_a_webhook_of_no_payment_is_parked(shop: TestShop) -> None:
    """An event of an unknown key is kept for people and does nothing else."""
    shop.webhook("pay_nobody", "captured", 100)
    assert [("parked",)] == shop.sql("SELECT state FROM mc_payment_event")
    assert shop.audit().clean


@pytest.mark.parametrize("key", ["a\0", "\ud800"])
def test_a_key_that_cannot_be_stored_is_refused(shop: TestShop, key: str) -> None:
    """A signed body with a key that no database takes is a validation error."""
    with pytest.raises(ValidationError):
        shop.webhook(key, "captured", 100)


def test_webhooks_must_be_signed_and_fresh(shop: TestShop, open_shop: Open) -> None:
    """A wrong, missing, foreign or old signature is refused, and every webhook where no secret is set."""
    body, headers = signed_event(key="k", kind="captured", amount=1, secret=SECRET, now=shop.clock.now())
    refused: list[tuple[bytes, dict[str, str]]] = [
        (body + b" ", headers),
        (body, {}),
        (body, {"Mestres-Signature": "t=,v1="}),
    ]
    refused.append(signed_event(key="k", kind="captured", amount=1, secret="another", now=shop.clock.now()))
    for sent, with_headers in refused:
        with pytest.raises(InvalidSignature):
            shop.payments.receive("pix", body=sent, headers=with_headers)
    with pytest.raises(NotFound):
        shop.payments.receive("nobody", body=body, headers=headers)
    with pytest.raises(InvalidSignature):
        open_shop(webhook_secret=None).payments.receive("pix", body=body, headers=headers)
    shop.clock.advance(seconds=301)
    with pytest.raises(InvalidSignature):
        shop.payments.receive("pix", body=body, headers=headers)
    assert [] == shop.sql("SELECT id FROM mc_payment_event")


def test_an_unpaid_order_expires(shop: TestShop) -> None:
    """When its time is up, an unpaid order ends, its pieces are free and its cart is open."""
    shop.product(stock=1)
    cart = shop.cart(("A1", 1))
    order = shop.place(cart, "pix").order
    shop.clock.advance(minutes=29)
    assert 0 == shop.recover()
    shop.clock.advance(minutes=1)
    assert 1 == shop.recover()
    assert ("expired", "expired") == (
        shop.orders.get(order.number).status,
        shop.orders.get(order.number).payment_status,
    )
    assert ("open", 1) == (shop.carts.get(cart).status, shop.available())
    assert shop.audit().clean


@pytest.mark.parametrize(("resold", "status", "paid"), [(False, "placed", "paid"), (True, "expired", "refund_due")])
def test_money_that_comes_late(shop: TestShop, resold: bool, status: str, paid: str) -> None:
    """Money after the expiry brings the order back if its pieces are there, else it is due back."""
    shop.product(stock=1)
    waiting = shop.cart(("A1", 1))
    order = shop.buy(token="pix").order
    shop.clock.advance(minutes=30)
    if resold:
        assert "placed" == shop.place(waiting).order.status  # the expired order gives way within this very call
    else:
        shop.recover()
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount)
    order = shop.orders.get(order.number)
    assert (status, paid) == (order.status, order.payment_status)
    assert 0 == shop.available()
    assert shop.audit().clean


def test_expired_orders_give_way_before_others_are_asked_after(open_shop: Open) -> None:
    """However many payments wait for an answer, those whose time is up are ended first."""
    shop = open_shop()
    shop.product(stock=1)
    shop.product("B2", stock=50)
    shop.buy(token="pix")
    shop.clock.advance(minutes=29)
    for _ in range(5):
        shop.buy("B2", token="pix")
    shop.clock.advance(minutes=1)
    assert 1 == shop.recover(limit=1)


def test_too_few_pieces_leave_nothing(shop: TestShop) -> None:
    """An order that cannot be had whole leaves no order, no pieces held and an open cart."""
    shop.product(stock=2)
    shop.product("B2", stock=1)
    quote = shop.quote(shop.cart(("A1", 1), ("B2", 1)))
    shop.buy("B2")
    with pytest.raises(InsufficientStock) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert ("B2", 1, 0) == (caught.value.sku, caught.value.requested, caught.value.available)
    assert (2, "open") == (shop.available(), shop.carts.get(quote.cart_id).status)
    assert 1 == len(shop.orders.list())
    assert shop.audit().clean


def test_no_provider_is_called_inside_a_transaction(open_shop: Open) -> None:
    """While a provider is charged or asked, no database connection is out of the pool."""
    out: list[int] = []

    class Probe(FakeCard):
        def charge(self, request: Any) -> PaymentEvent:
            out.append(shop.engine.pool.checkedout())
            return super().charge(request)

        def lookup(self, key: str) -> PaymentEvent | None:
            out.append(shop.engine.pool.checkedout())
            return super().lookup(key)

    shop = open_shop(providers=(Probe(),))
    shop.product()
    shop.buy()
    shop.buy(token="tok_down")
    shop.clock.advance(minutes=1)
    shop.recover()
    assert [0, 0, 0] == out


def test_place_is_refused_inside_a_transaction(shop: TestShop) -> None:
    """`place` needs transactions of its own."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))))
    with pytest.raises(TransactionOwnershipError), shop.transaction() as tx:
        tx.checkout.place(**arguments)


def test_a_transaction_of_several_calls_is_undone_by_any_error(shop: TestShop) -> None:
    """An error that leaves `transaction()`, a changed quote too, takes the calls before it along."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    shop.product(price=1)
    with pytest.raises(QuoteChanged), shop.transaction() as tx:
        tx.inventory.receive("A1", quantity=5)
        tx.checkout.begin(**shop.arguments(quote))
    assert 10 == shop.available()


@pytest.mark.parametrize("lines", [1, 50])
@pytest.mark.parametrize("stock", [1, 2])
def test_begin_costs_the_same_for_any_number_of_lines(shop: TestShop, lines: int, stock: int) -> None:
    """Begin sends at most 15 statements, also when it takes the last pieces."""
    for index in range(lines):
        shop.product(f"S{index}", stock=stock)
    quote = shop.quote(shop.cart(*((f"S{index}", 1) for index in range(lines))))
    with shop.statements() as sent:
        shop.checkout.begin(**shop.arguments(quote))
    assert len(sent) <= 15, "\n".join(sent)


@pytest.mark.parametrize(
    ("payment", "field"),
    [
        ({"method": "card"}, "payment.token"),
        ({"method": "cash"}, "payment.method"),
        ({}, "payment.method"),
        (None, "payment"),
        ({"method": "pix", "x": "y"}, "payment.x"),
    ],
)
def test_payments_are_checked(shop: TestShop, payment: Any, field: str) -> None:
    """A payment names a known method, and a card its token."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    with pytest.raises(ValidationError) as caught:
        shop.checkout.place(**shop.arguments(quote) | {"payment": payment})
    assert field in [error.field for error in caught.value.errors]


def test_times_are_settings(open_shop: Open) -> None:
    """The host says how long a quote, an unpaid order and a lease hold."""
    from datetime import timedelta

    shop = open_shop(times=Times(payment=timedelta(minutes=5), lease=timedelta(seconds=5)))
    shop.product()
    order = shop.buy(token="pix").order
    shop.clock.advance(minutes=5)
    assert 1 == shop.recover()
    assert "expired" == shop.orders.get(order.number).status
    assert issubclass(PaymentDeclined, CommerceError)


def test_what_was_rolled_back_is_not_charged(open_shop: Callable[..., TestShop]) -> None:
    """A begin whose transaction was lost, and the one after it with the same number, are two: the second is paid."""
    shop = open_shop(numbers=SequentialNumbers())
    shop.product()
    asked = shop.arguments(shop.quote(shop.cart(("A1", 1))))
    lost: list[object] = []

    def run(call: Callable[[Any], Any]) -> Any:
        if lost:
            return shop.core.run(call)
        with contextlib.suppress(ZeroDivisionError), shop.core.transaction() as tx:
            lost.append(call(tx))
            raise ZeroDivisionError
        raise OutcomeUnknown

    order = placing.place(run, shop.core._providers, asked).order
    assert (order.payment_status, shop.orders.get(order.number)) == ("paid", order)
    assert shop.audit().violations == ()


def test_an_order_that_was_called_off_meanwhile_is_not_placed(shop: TestShop) -> None:
    """`apply(begun=...)` believes the database, not what was begun."""
    shop.product(stock=1)
    asked = shop.arguments(shop.quote(shop.cart(("A1", 1))))
    with shop.transaction() as tx:
        begun = tx.checkout.begin(**asked)
        tx.orders.cancel(begun.order.number)
        request = begun.request
        event = PaymentEvent(provider="card", id="e", key=request.key, kind="captured", amount=request.amount.amount)
        order = tx.checkout.apply(event, begun=begun.order)
    assert order.status == "cancelled"
    assert shop.audit().violations == ()


def test_two_carts_with_one_key(postgres_shop: TestShop) -> None:
    """In a transaction of several calls, too, a key that was taken meanwhile is a RetryableError."""
    shop = postgres_shop
    shop.product()
    first, second = (shop.arguments(shop.quote(shop.cart(("A1", 1))), key="same") for _ in range(2))
    with pytest.raises(RetryableError), shop.transaction() as tx:
        looked = tx.checkout._known(second["cart_id"], second["quote_hash"], "same", CUSTOMER)
        shop.checkout.place(**first)
        tx.checkout._claim((looked.scope, "same", "another request"), "MC-OTHER")
        tx.carts.get(second["cart_id"])
