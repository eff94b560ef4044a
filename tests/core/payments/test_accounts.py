"""Gift cards and store credit, and orders that are paid with several tenders."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core_shop import ADDRESS, CUSTOMER, TestShop
from mestres_core.errors import (
    AccountNotUsable,
    CommerceError,
    IdempotencyConflict,
    InsufficientFunds,
    NotFound,
    PaymentDeclined,
    ValidationError,
)
from mestres_core.providers.fake import FakeCard, FakePix

Open = Callable[..., TestShop]


def tendered(shop: TestShop, *tenders: dict[str, Any], customer: Any = CUSTOMER) -> Any:
    """An order of 1000 and its shipping, paid with these."""
    quote = shop.checkout.quote(shop.cart(("A1", 1)), address=ADDRESS)
    arguments = shop.arguments(quote) | {"payment": list(tenders), "customer": customer}
    return shop.checkout.place(**arguments).order


@pytest.fixture
def stocked(shop: TestShop) -> TestShop:
    shop.product(stock=50)
    return shop


@pytest.fixture
def small(sqlite_shop: TestShop) -> TestShop:
    sqlite_shop.product(stock=50)
    return sqlite_shop


def test_a_card_lives_by_its_ledger(small: TestShop) -> None:
    """Issued, topped up, debited: the balance is the sum of its entries, and the code opens it in any spelling."""
    made = small.gift_cards.issue(amount=5000, reference="MC-1")
    again = made.code.lower().replace("-", " ")
    assert small.gift_cards.top_up(again, amount=100, idempotency_key="a").balance.amount == 5100
    assert small.gift_cards.top_up(again, amount=100, idempotency_key="a").balance.amount == 5100
    assert small.gift_cards.debit(made.code, amount=600).balance.amount == 4500
    assert [(each.kind, each.amount.amount) for each in small.gift_cards.entries(made.code)] == [
        ("issue", 5000),
        ("top_up", 100),
        ("debit", -600),
    ]
    with pytest.raises(InsufficientFunds) as caught:
        small.gift_cards.debit(made.code, amount=4501)
    assert caught.value.available == 4500
    with pytest.raises(IdempotencyConflict):
        small.gift_cards.top_up(made.code, amount=101, idempotency_key="a")
    assert made.code.replace("-", "") not in str(small.sql("SELECT * FROM mc_account"))
    assert small.audit().clean


def test_a_code_of_ones_own(small: TestShop) -> None:
    """A host may choose the code; it is taken once."""
    small.gift_cards.issue(amount=1, code="natal-2026-ana")
    assert small.gift_cards.get("NATAL2026ANA").balance.amount == 1
    with pytest.raises(ValidationError, match="already taken"):
        small.gift_cards.issue(amount=1, code="Natal 2026 Ana")


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("issue", {"amount": 0}, "amount"),
    ("issue", {"amount": 1.5}, "amount"),
    ("issue", {"amount": 1, "currency": "real"}, "currency"),
    ("issue", {"amount": 1, "code": "short"}, "code"),
    ("issue", {"amount": 1, "expires_at": "tomorrow"}, "expires_at"),
    ("top_up", {"amount": -1}, "amount"),
    ("top_up", {"amount": 1, "idempotency_key": ""}, "idempotency_key"),
    ("debit", {"amount": True}, "amount"),
    ("debit", {"amount": 1, "reference": 5}, "reference"),
    ("change", {"active": "no"}, "active"),
]


def test_wrong_arguments_change_nothing(small: TestShop) -> None:
    """Each is refused by the name of its field; an unknown card or customer is not found."""
    code = small.gift_cards.issue(amount=100).code
    for call, wrong, field in WRONG:
        arguments = () if call == "issue" else (code,)
        with pytest.raises(ValidationError, match=field):
            getattr(small.gift_cards, call)(*arguments, **wrong)
    assert small.sql("SELECT sum(balance), count(*) FROM mc_account") == [(100, 1)]
    for code in ("nobody-nobody", "a\0", None, 5):
        with pytest.raises(NotFound):
            small.gift_cards.get(code)
    for call in (small.store_credit.grant, small.store_credit.debit):
        with pytest.raises(NotFound):
            call(99, amount=1)
        with pytest.raises(ValidationError, match="amount"):
            call(99, amount=0)


def test_a_gift_card_and_a_card(stocked: TestShop) -> None:
    """The gift card pays what it has, the card the rest; together they are the order's total, and the order is paid."""
    code = stocked.gift_cards.issue(amount=700).code
    order = tendered(stocked, {"method": "gift_card", "code": code}, {"method": "card", "token": "tok_ok"})
    assert (order.status, order.payment_status) == ("placed", "paid")
    assert [(each.method, each.amount.amount, each.status) for each in order.payments] == [
        ("gift_card", 700, "captured"),
        ("card", order.totals.grand.amount - 700, "captured"),
    ]
    assert stocked.gift_cards.get(code).balance.amount == 0
    summary = stocked.payments.summary(order.number)
    assert (summary.captured, summary.outstanding.amount) == (order.totals.grand, 0)
    assert stocked.audit().clean


def test_a_gift_card_alone(stocked: TestShop) -> None:
    """A card that holds enough pays for all of it, with no provider at all; a further tender is not needed."""
    code = stocked.gift_cards.issue(amount=10_000).code
    order = tendered(stocked, {"method": "gift_card", "code": code}, {"method": "card", "token": "tok_declined"})
    assert (order.status, order.payment_status, len(order.payments)) == ("placed", "paid", 1)
    assert stocked.gift_cards.get(code).balance.amount == 10_000 - order.totals.grand.amount
    assert stocked.audit().clean


@pytest.mark.parametrize("token", ["tok_declined", "tok_down", "pix"])
def test_what_a_gift_card_paid_comes_back(stocked: TestShop, token: str) -> None:
    """When the other tender is declined, gives no answer or is never paid, the money is on the gift card again."""
    code = stocked.gift_cards.issue(amount=700).code
    other = {"method": "pix"} if token == "pix" else {"method": "card", "token": token}
    try:
        order = tendered(stocked, {"method": "gift_card", "code": code}, other)
    except PaymentDeclined as error:
        order = error.order
    else:
        assert stocked.gift_cards.get(code).balance.amount == 0
        assert stocked.audit().clean
        stocked.clock.advance(minutes=31)
        stocked.recover()
    assert stocked.gift_cards.get(code).balance.amount == 700
    assert [each.kind for each in stocked.gift_cards.entries(code)] == ["issue", "debit", "release"]
    assert stocked.orders.get(order.number).payments[0].status == "voided"
    assert stocked.available() == 50
    assert stocked.audit().clean


def test_two_cards_of_which_one_is_declined(stocked: TestShop) -> None:
    """What the first card paid goes back within the same call."""
    with pytest.raises(PaymentDeclined) as caught:
        tendered(
            stocked,
            {"method": "card", "token": "tok_ok", "amount": 500},
            {"method": "card", "token": "tok_declined"},
        )
    order = stocked.orders.get(caught.value.order.number)
    assert (order.status, order.payment_status, order.refunded.amount) == ("cancelled", "refunded", 500)
    assert stocked.available() == 50
    assert stocked.audit().clean


def test_four_tenders(stocked: TestShop) -> None:
    """Gift card, store credit, card and PIX in one order: it is placed when the last of them has paid."""
    first = stocked.buy().order
    token = stocked.customers.token(first.customer_id)
    stocked.store_credit.grant(first.customer_id, amount=300)
    code = stocked.gift_cards.issue(amount=200).code
    order = tendered(
        stocked,
        {"method": "gift_card", "code": code},
        {"method": "store_credit", "token": token},
        {"method": "card", "token": "tok_ok", "amount": 400},
        {"method": "pix"},
    )
    assert (order.status, order.payment_status) == ("pending", "partially_paid")
    pix = order.payments[-1]
    assert pix.amount.amount == order.totals.grand.amount - 900
    stocked.webhook(pix.id, "captured", pix.amount.amount)
    order = stocked.orders.get(order.number)
    assert (order.status, order.payment_status) == ("placed", "paid")
    assert stocked.store_credit.balance(first.customer_id).amount == 0
    assert stocked.audit().clean
    # Providers first, in the order of the tenders; then the shop's own accounts.
    made = stocked.orders.refund(order.number, amount=order.totals.grand.amount - 100)
    parts = [made.parts[each.id] for each in order.payments]
    assert parts == [200, 200, 400, pix.amount.amount]
    assert stocked.gift_cards.get(code).balance.amount == 200
    assert stocked.store_credit.balance(first.customer_id).amount == 200
    assert stocked.orders.refund(order.number).amount.amount == 100
    assert stocked.orders.get(order.number).payment_status == "refunded"
    assert stocked.audit().clean


def test_tenders_must_add_up(small: TestShop) -> None:
    """Too little, too much, two of the same card and two open ends are refused, and nothing is taken."""
    code = small.gift_cards.issue(amount=700).code
    card = {"method": "card", "token": "tok_ok"}
    gift = {"method": "gift_card", "code": code}
    wrong: list[tuple[list[dict[str, Any]], str]] = [
        ([gift], "payment"),
        ([gift | {"amount": 100}, card | {"amount": 100}], "payment"),
        ([card | {"amount": 10**6}], "payment"),
        ([card, card], "payment.1.amount"),
        ([gift, gift, card], "payment.1.code"),
        ([card | {"amount": 0}], "payment.0.amount"),
        ([{"method": "gift_card"}], "payment.0.code"),
        ([gift | {"code": "unknown-code-1"}, card], "payment.0.code"),
        ([{"method": "store_credit", "token": "guessed"}, card], "payment.0.token"),
        ([], "payment"),
        ([card | {"amount": 1}] * 11, "payment"),
        ([{"method": "cash", "amount": 1}, card], "payment.0.method"),
    ]
    for tenders, field in wrong:
        with pytest.raises(ValidationError) as caught:
            tendered(small, *tenders)
        assert field in [error.field for error in caught.value.errors], tenders
    with pytest.raises(InsufficientFunds):
        tendered(small, gift | {"amount": 701}, card)
    assert small.gift_cards.get(code).balance.amount == 700
    assert small.orders.list().items == ()


def test_cards_that_cannot_be_used(small: TestShop) -> None:
    """Another currency, switched off, expired and empty are told apart; what is lifted works again."""
    card = {"method": "card", "token": "tok_ok"}
    soon = small.clock.now() + timedelta(days=1)
    codes = {
        "currency": small.gift_cards.issue(amount=100, currency="USD").code,
        "inactive": small.gift_cards.issue(amount=100).code,
        "expired": small.gift_cards.issue(amount=100, expires_at=soon).code,
        "empty": small.gift_cards.issue(amount=100).code,
    }
    small.gift_cards.change(codes["inactive"], active=False)
    small.gift_cards.debit(codes["empty"], amount=100)
    small.clock.advance(days=1)
    for reason, code in codes.items():
        with pytest.raises(AccountNotUsable) as caught:
            tendered(small, {"method": "gift_card", "code": code}, card)
        assert caught.value.reason == reason
    small.gift_cards.change(codes["inactive"], active=True)
    small.gift_cards.change(codes["expired"], expires_at=small.clock.now() + timedelta(days=1))
    for reason in ("inactive", "expired"):
        assert tendered(small, {"method": "gift_card", "code": codes[reason]}, card).payment_status == "paid"
    assert small.audit().clean


def test_a_gift_card_waits_with_an_authorized_card(stocked: TestShop) -> None:
    """What is only authorized is captured together; cancelled before, the gift card has its money again."""
    codes = [stocked.gift_cards.issue(amount=700).code for _ in range(2)]
    card = {"method": "card", "token": "tok_auth"}
    first, second = (tendered(stocked, {"method": "gift_card", "code": code}, card) for code in codes)
    assert first.payment_status == "authorized"
    stocked.orders.cancel(first.number)
    assert stocked.gift_cards.get(codes[0]).balance.amount == 700
    assert stocked.orders.capture(second.number).payment_status == "paid"
    assert stocked.gift_cards.get(codes[1]).balance.amount == 0
    assert stocked.audit().clean


def test_an_order_that_costs_nothing_needs_no_provider(open_shop: Open) -> None:
    """A total of 0.00 is paid at once, whatever the card would have said."""
    from mestres_core.rules.shipping import Rate
    from mestres_core.shipping.service import TableRater

    shop = open_shop(shipping=TableRater([Rate("pac", "PAC", 8, 0, 0)]))
    shop.product(price=0)
    order = shop.buy(token="tok_declined").order
    assert (order.totals.grand.amount, order.status, order.payment_status) == (0, "placed", "paid")
    assert shop.audit().clean


@pytest.mark.scenario("C6")
@pytest.mark.stress
def test_five_orders_on_one_gift_card(stocked: TestShop) -> None:
    """Of five orders that each take 80 of a card of 100, one gets it."""
    code = stocked.gift_cards.issue(amount=100).code
    quotes = [stocked.checkout.quote(stocked.cart(("A1", 1)), address=ADDRESS) for _ in range(5)]
    grand = quotes[0].totals.grand.amount
    tenders = [
        {"method": "gift_card", "code": code, "amount": 80},
        {"method": "card", "token": "tok_ok", "amount": grand - 80},
    ]
    barrier, outcomes = threading.Barrier(5), []

    def buy(quote: Any) -> None:
        barrier.wait()
        try:
            stocked.checkout.place(**stocked.arguments(quote) | {"payment": tenders})
            outcomes.append("ordered")
        except CommerceError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=buy, args=(quote,)) for quote in quotes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["insufficient_funds"] * 4 + ["ordered"]
    assert stocked.gift_cards.get(code).balance.amount == 20
    assert stocked.available() == 49
    assert stocked.audit().clean


ACCOUNT_PLANTS = {
    "an account is the sum of its entries, and never below zero": "UPDATE mc_account SET balance = balance + 1",
    "an account has paid what its payments say": "DELETE FROM mc_account_entry WHERE kind = 'debit'",
    "what was given back is in the ledger": "UPDATE mc_refund SET amount = amount + 1",
    "a payment is what its ledger adds up to": "UPDATE mc_payment_event SET amount = 1 WHERE kind = 'refunded'",
}


def test_the_audit_names_what_is_wrong(small: TestShop) -> None:
    """Each broken rule is named with its rows."""
    code = small.gift_cards.issue(amount=700).code
    order = tendered(small, {"method": "gift_card", "code": code}, {"method": "card", "token": "tok_ok"})
    small.orders.refund(order.number, amount=100)
    assert small.audit().clean
    for rule, damage in ACCOUNT_PLANTS.items():
        small.sql(damage)
        found = {violation.rule: violation.rows for violation in small.audit().violations}
        assert found.get(rule), rule


def test_a_refund_goes_back_to_the_gift_card(open_shop: Open) -> None:
    """What only a gift card paid goes back to it at once, also when it has expired meanwhile."""
    shop = open_shop(providers=(FakeCard(), FakePix()))
    shop.product()
    code = shop.gift_cards.issue(amount=5000, expires_at=shop.clock.now() + timedelta(days=1)).code
    order = tendered(shop, {"method": "gift_card", "code": code})
    shop.clock.advance(days=2)
    made = shop.orders.refund(order.number, amount=300, idempotency_key="r")
    assert (made.status, shop.gift_cards.get(code).balance.amount) == (
        "refunded",
        5000 - order.totals.grand.amount + 300,
    )
    assert shop.orders.refund(order.number, amount=300, idempotency_key="r") == made
    assert shop.orders.get(order.number).payment_status == "partially_refunded"
    assert shop.audit().clean
