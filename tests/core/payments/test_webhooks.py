"""What providers report: in any order, any number of times, before and after the order, and late."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import IllegalTransition, NotFound, ValidationError
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix
from mestres_core.rules.br.boleto import barcode_of, due_factor
from mestres_core.typing import PaymentEvent

Open = Callable[..., TestShop]


def state(shop: TestShop, number: str) -> tuple[Any, ...]:
    """All that the ledgers make of an order."""
    order = shop.orders.get(number)
    paid = order.payments[0]
    return (
        order.status,
        order.payment_status,
        (paid.status, paid.authorized, paid.captured, paid.voided, paid.refunded),
        order.refunded.amount,
        shop.available(),
    )


@pytest.mark.scenario("C10")
def test_events_in_any_order_end_alike(sqlite_shop: TestShop) -> None:
    """Authorized, captured, refunded in part: every order of them, each told twice, makes the same ledger."""
    shop, found = sqlite_shop, set()
    shop.product(stock=100)
    for order_of_events in itertools.permutations(["authorized", "captured", "refunded"]):
        order = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1))))).order
        key, grand = order.payments[0].id, order.totals.grand.amount
        for kind in (*order_of_events, *order_of_events):
            amount = 300 if kind == "refunded" else grand
            shop.webhook(key, kind, amount, provider="card")
        found.add((*state(shop, order.number)[:4],))
        assert shop.audit().clean
    assert found == {("placed", "partially_refunded", ("captured", grand, grand, 0, 300), 300)}


@pytest.mark.scenario("C10")
@pytest.mark.parametrize("when", ["before", "after", "both at once"])
def test_a_webhook_beside_the_redirect(shop: TestShop, when: str) -> None:
    """Before the provider's answer, after it, and at the same time: one payment, once."""
    shop.product()
    begun = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1)))))
    card, request = shop.config.providers[0], begun.request
    amount = request.amount.amount

    def webhook() -> None:
        for _ in range(5):
            shop.webhook(request.key, "captured", amount, provider="card")

    def redirect() -> None:
        event = card.charge(request)
        shop.core.run(lambda services: services.checkout.apply(event))

    if when == "both at once":
        threads = [threading.Thread(target=act) for act in (webhook, redirect, webhook)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for act in (webhook, redirect) if when == "before" else (redirect, webhook):
            act()
    assert state(shop, begun.order.number) == ("placed", "paid", ("captured", 0, amount, 0, 0), 0, 9)
    assert len(shop.sql("SELECT id FROM mc_payment_event")) == 2
    assert shop.audit().clean


@pytest.mark.scenario("C11")
@pytest.mark.parametrize("how", ["begin", "recover", "replay"])
def test_an_event_before_its_order(open_shop: Open, how: str) -> None:
    """It is parked, and has its effect as soon as its payment is known: with the order, by the poller, or by hand."""

    class Known:
        """Ids of which the test knows the next payment's."""

        def __init__(self) -> None:
            self.count = itertools.count()

        def token(self) -> str:
            return f"token-{next(self.count):04d}"

        def order_number(self) -> str:
            return f"MC-{next(self.count):04d}"

    shop = open_shop(ids=Known())
    shop.product()
    cart = shop.quote(shop.cart(("A1", 1)))
    grand = cart.totals.grand.amount
    if how == "begin":
        for number in range(next(shop.config.ids.count), 60):
            shop.webhook(f"pay_token-{number:04d}", "captured", grand, event_id=f"e{number}")
        assert shop.payments.events(state="parked")
        begun = shop.checkout.begin(**shop.arguments(cart, token="pix"))
        assert (begun.order.status, begun.order.payment_status) == ("placed", "paid")
        return
    order = shop.checkout.begin(**shop.arguments(cart, token="pix")).order
    key = order.payments[0].id
    # As it is when the webhook's transaction began before the order's was committed.
    shop.sql(
        "INSERT INTO mc_payment_event"
        " (provider, event_id, payment_id, kind, amount, action, reference, state, created_at)"
        " SELECT 'pix', 'early', id, 'captured', amount, '{}', '', 'parked', created_at FROM mc_payment"
    )
    assert (shop.recover() if how == "recover" else shop.payments.replay(key)) == 1
    assert (shop.recover() if how == "recover" else shop.payments.replay()) == 0
    assert shop.orders.get(order.number).payment_status == "paid"
    assert shop.payments.events(state="parked") == ()
    assert shop.audit().clean


def test_replaying_the_whole_ledger_changes_nothing(sqlite_shop: TestShop) -> None:
    """What is right stays; what somebody broke by hand is worked out again from the events."""
    shop = sqlite_shop
    shop.product()
    order = shop.buy(token="tok_auth").order
    shop.orders.capture(order.number, amount=500)
    shop.orders.refund(order.number, amount=100)
    before = state(shop, order.number)
    assert shop.payments.replay(order_number=order.number) == 0
    shop.sql("UPDATE mc_payment SET captured_amount = 0, refunded_amount = 0, status = 'pending'")
    assert not shop.audit().clean
    assert shop.payments.replay(order.payments[0].id) == 1
    assert state(shop, order.number) == before
    assert shop.audit().clean
    for wrong in ("pay_nobody", "a\0", 5):
        with pytest.raises(NotFound):
            shop.payments.replay(wrong)
    with pytest.raises(ValidationError, match="limit"):
        shop.payments.replay(limit=0)


def test_the_ledger_tells_what_was_asked_and_answered(sqlite_shop: TestShop) -> None:
    """Each request has its row, and each answer."""
    shop = sqlite_shop
    shop.product()
    order = shop.buy(token="tok_auth").order
    shop.orders.capture(order.number, amount=500, final=True)
    shop.orders.refund(order.number, amount=100)
    assert sorted((each.action, each.outcome) for each in shop.payments.ledger(order.number)) == [
        ("authorize", "success"),
        ("capture", "request"),
        ("capture", "success"),
        ("charge", "request"),
        ("refund", "request"),
        ("refund", "success"),
        ("void", "success"),
    ]
    for call in (shop.payments.ledger, shop.payments.summary):
        with pytest.raises(NotFound):
            call("MC-NOBODY")
    with pytest.raises(ValidationError, match="state"):
        shop.payments.events(state="odd")


def test_a_transfer_counts_once(sqlite_shop: TestShop) -> None:
    """One endToEndId told in two events is one transfer; a second transfer is disputed, for people to send back."""
    shop = sqlite_shop
    shop.product()
    order = shop.buy(token="pix").order
    paid = order.payments[0]
    for event_id in ("a", "b"):
        shop.webhook(paid.id, "captured", paid.amount.amount, event_id=event_id, end_to_end_id="E1")
    assert len(shop.sql("SELECT id FROM mc_payment_event WHERE kind = 'captured'")) == 1
    assert shop.orders.get(order.number).payments[0].reference == "E1"
    shop.webhook(paid.id, "captured", paid.amount.amount, event_id="c", end_to_end_id="E2")
    assert [(each.state, each.reference) for each in shop.payments.events()] == [("disputed", "E2")]
    assert shop.orders.get(order.number).payments[0].captured == paid.amount.amount
    assert shop.audit().clean


@pytest.mark.scenario("C14")
@pytest.mark.parametrize("resold", [False, True])
def test_pix_that_is_paid_late(shop: TestShop, resold: bool) -> None:
    """Its goods are taken again; where they are sold, the money goes back by itself."""
    shop.product(stock=1)
    waiting = shop.cart(("A1", 1))
    order = shop.buy(token="pix").order
    paid = order.payments[0]
    shop.clock.advance(minutes=31)
    shop.recover()
    if resold:
        shop.place(waiting)
    shop.webhook(paid.id, "captured", paid.amount.amount, end_to_end_id="E1")
    now = shop.orders.get(order.number)
    assert (now.status, now.payment_status) == (("expired", "refund_due") if resold else ("placed", "paid"))
    assert shop.audit().clean
    assert shop.recover() == int(resold)
    now = shop.orders.get(order.number)
    assert now.payment_status == ("refunded" if resold else "paid")
    assert shop.recover() == 0
    level = shop.inventory.level("A1")
    assert (level.on_hand, level.allocated) == (1, 1)
    assert shop.audit().clean


def test_late_money_may_be_sent_back_by_hand_at_once(sqlite_shop: TestShop) -> None:
    """Whoever does not wait for the poller asks for the refund that is under way; it happens once."""
    shop = sqlite_shop
    shop.product()
    order = shop.orders.cancel(shop.buy(token="pix").order.number)
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount)
    assert shop.orders.get(order.number).payment_status == "refund_due"
    assert shop.orders.refund(order.number).status == "refunded"
    assert shop.recover() == 0
    assert len(shop.sql("SELECT id FROM mc_refund")) == 1
    with pytest.raises(IllegalTransition):
        shop.orders.refund(order.number)
    assert shop.audit().clean


def test_a_refund_told_by_webhook_of_an_order_called_off(sqlite_shop: TestShop) -> None:
    """What the shop still owes it pays when its people say so: a part that was given back does not send the rest."""
    shop = sqlite_shop
    shop.product()
    order = shop.orders.cancel(shop.buy().order.number)
    assert order.payment_status == "refund_due"
    shop.webhook(order.payments[0].id, "refunded", 100, provider="card")
    now = shop.orders.get(order.number)
    assert (now.payment_status, now.refunded.amount, now.payments[0].refunding) == ("refund_due", 100, 0)
    assert shop.recover() == 0
    assert shop.orders.refund(order.number).amount.amount == order.totals.grand.amount - 100
    assert shop.orders.get(order.number).payment_status == "refunded"
    assert shop.audit().clean


@pytest.mark.scenario("C19")
def test_two_partial_refunds_at_once(shop: TestShop) -> None:
    """Two that together exceed what was captured: one is refused, and never more goes back than came."""
    shop.product()
    order = shop.buy().order
    grand = order.totals.grand.amount
    part = grand * 2 // 3
    barrier, refused = threading.Barrier(2), []

    def give_back() -> None:
        barrier.wait()
        try:
            shop.orders.refund(order.number, amount=part)
        except ValidationError as error:
            refused.append(error)

    threads = [threading.Thread(target=give_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert shop.orders.get(order.number).refunded.amount == part
    assert shop.audit().clean


@pytest.mark.scenario("C19")
def test_a_refund_that_is_under_way_counts(open_shop: Open) -> None:
    """While the provider has not answered, its part is not given a second time."""

    class Between(FakeCard):
        act: Any = None

        def refund(self, request: Any) -> PaymentEvent:
            act, self.act = self.act, None
            if act:
                act()
            return super().refund(request)

    card = Between()
    shop = open_shop(providers=(card,))
    shop.product()
    order = shop.buy().order
    grand = order.totals.grand.amount
    refused = []

    def again() -> None:
        assert shop.engine.pool.checkedout() == 0
        with pytest.raises(ValidationError, match=f"at most {grand - 500}"):
            shop.orders.refund(order.number, amount=grand - 499)
        refused.append(True)

    card.act = again
    assert shop.orders.refund(order.number, amount=500).status == "refunded"
    assert refused == [True]
    assert shop.audit().clean


def test_a_refund_made_at_the_provider(sqlite_shop: TestShop) -> None:
    """Money that somebody gave back in the provider's own pages is known here, and not given twice."""
    shop = sqlite_shop
    shop.product()
    order = shop.buy().order
    shop.webhook(order.payments[0].id, "refunded", 400, provider="card")
    now = shop.orders.get(order.number)
    assert (now.payment_status, now.refunded.amount) == ("partially_refunded", 400)
    with pytest.raises(ValidationError):
        shop.orders.refund(order.number, amount=order.totals.grand.amount - 399)
    assert shop.orders.refund(order.number).amount.amount == order.totals.grand.amount - 400
    assert shop.orders.get(order.number).payment_status == "refunded"
    assert shop.audit().clean


@pytest.mark.scenario("C12")
def test_whoever_died_after_the_charge_is_found_by_the_poller(shop: TestShop) -> None:
    """Charged, never applied: asked by the same key, the provider says what it did; nobody is charged twice."""
    shop.product()
    begun = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1)))))
    card = shop.config.providers[0]
    first = card.charge(begun.request)
    shop.clock.advance(seconds=31)
    assert shop.recover() == 1
    assert card.charge(begun.request) == first
    assert state(shop, begun.order.number)[:2] == ("placed", "paid")
    assert shop.audit().clean


def test_a_boleto_is_a_slip_that_is_paid_later(open_shop: Open) -> None:
    """A43: the slip has barcode, line and due day; it is paid by webhook, and waits for the banks' grace."""
    shop = open_shop(providers=(FakeCard(), FakePix(), FakeBoleto(days=3)))
    shop.product(price=8410)
    quote = shop.quote(shop.cart(("A1", 1)))
    order = shop.checkout.place(**shop.arguments(quote) | {"payment": {"method": "boleto"}}).order
    slip = order.payments[0].action
    assert (order.status, slip["type"], slip["due_date"]) == ("pending", "boleto", "2026-03-05")
    code = slip["barcode"]
    assert barcode_of(slip["line"]) == code
    due = shop.clock.now().date().replace(day=5)
    assert (code[:4], code[5:9], code[9:19]) == ("3419", f"{due_factor(due)}", f"{order.totals.grand.amount:010d}")
    # Due on Thursday the 5th; banks tell of the money until Monday the 9th.
    shop.clock.advance(days=6)
    assert shop.recover() == 0
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount, provider="boleto")
    assert shop.orders.get(order.number).payment_status == "paid"
    late = shop.checkout.place(
        **shop.arguments(shop.quote(shop.cart(("A1", 1)))) | {"payment": {"method": "boleto"}}
    ).order
    shop.clock.advance(days=8)
    assert shop.recover() == 1
    assert shop.orders.get(late.number).status == "expired"
    assert shop.audit().clean


def test_a_slip_in_another_currency_is_no_slip() -> None:
    """A boleto is in reais."""
    from mestres_core.testing.providers import Setting, charges_once

    with pytest.raises(ValueError, match="BRL"):
        charges_once(Setting(make=FakeBoleto, method="boleto", currency="USD"))


@pytest.mark.parametrize(
    ("price", "shipping", "grand"),
    [pytest.param(2768, 644, 3412, id="A18 Medusa 14818"), pytest.param(1029, 0, 1029, id="A18 Medusa 13972")],
)
def test_nothing_is_outstanding_when_all_is_paid(open_shop: Open, price: int, shipping: int, grand: int) -> None:
    """What was captured is the stored total, to the cent; never is a fraction left."""
    from mestres_core.rules.shipping import Rate
    from mestres_core.shipping.service import TableRater

    shop = open_shop(shipping=TableRater([Rate("pac", "PAC", 8, shipping, 0)]))
    shop.product(price=price)
    order = shop.buy().order
    summary = shop.payments.summary(order.number)
    assert (order.totals.grand.amount, summary.captured.amount, summary.outstanding.amount) == (grand, grand, 0)
    assert order.payment_due.amount == 0
