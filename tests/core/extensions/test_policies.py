"""Merge and reservation policies, rounding and sinks of a shop's own."""

import contextlib
import math
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core_shop import ADDRESS
from mestres_core import Money
from mestres_core.errors import ExtensionFailed, InsufficientStock, ValidationError
from mestres_core.inventory.holding import ReserveInCart
from mestres_core.testing import Factory, memory_shop
from mestres_core.typing import ShippingOption


class Larger:
    """Of two lines the larger one; what only the account has goes."""

    def merge(self, *, existing, guest):
        return {key: max(pieces, existing.get(key, 0)) for key, pieces in guest.items()}


class Saying:
    """Any policy, that says what it was given."""

    def __init__(self, answer):
        self.answer = answer

    def merge(self, *, existing, guest):
        return self.answer(existing, guest)

    def hold(self, request):
        return self.answer

    def round(self, amount, *, currency):
        return self.answer(amount)


def test_a_merge_policy_of_ones_own():
    """It decides the lines, named by SKU; stock cuts them afterwards, and the notes say so."""
    with memory_shop(merge_policies={"larger": Larger()}) as shop:
        make = Factory(shop)
        for sku in "ABC":
            make.product(sku, stock=3)
        guest, account = make.cart(("A", 3), ("C", 1)), make.cart(("A", 1), ("B", 1))
        shop.inventory.set("A", on_hand=2)

        made = shop.carts.merge(guest.id, into=account.id, policy="larger")

        assert [(line.sku, line.quantity) for line in made.lines] == [("A", 2), ("C", 1)]
        assert [(note.sku, note.wanted, note.reason) for note in made.notes] == [("A", 3, "stock")]
        assert shop.carts.get(guest.id).merged_into == account.id
        with pytest.raises(ValidationError, match="larger"):
            shop.carts.merge(make.cart().id, into=account.id, policy="smaller")


@pytest.mark.parametrize(
    "answer",
    [
        lambda existing, guest: {(99, ""): 1},
        lambda existing, guest: dict.fromkeys(guest, -1),
        lambda existing, guest: dict.fromkeys(guest, 1.0),
        lambda existing, guest: None,
        lambda existing, guest: [*guest],
    ],
    ids=["a line of neither", "fewer than none", "parts of a piece", "nothing", "no quantities"],
)
def test_a_merge_that_cannot_be(answer):
    """Lines of neither cart and quantities that are none are refused, and both carts stay as they were."""
    with memory_shop(merge_policies={"odd": Saying(answer)}) as shop:
        make = Factory(shop)
        make.product("A")
        guest, account = make.cart("A"), make.cart("A")
        with pytest.raises(ExtensionFailed, match="'odd'"):
            shop.carts.merge(guest.id, into=account.id, policy="odd")
        assert (shop.carts.get(guest.id), shop.carts.get(account.id)) == (guest, account)


@pytest.fixture
def holding(open_shop):
    shop = open_shop(reservations=ReserveInCart(timedelta(minutes=10)))
    shop.product("A", stock=3)
    return shop


def test_pieces_belong_to_the_cart_they_are_in(holding):
    """From the change on nobody else has them, until they are taken out, ordered, or their time is over."""
    shop, cart = holding, holding.cart(("A", 2))
    assert shop.available("A") == 1
    with pytest.raises(InsufficientStock):
        shop.cart(("A", 2))

    line = shop.carts.get(cart).lines[0].id
    shop.carts.update(cart, line, quantity=3)
    assert shop.available("A") == 0
    shop.carts.remove(cart, line)
    other = shop.cart(("A", 3))
    assert shop.place(other).order.payment_status == "paid"
    assert (shop.inventory.level("A").allocated, shop.inventory.level("A").reserved) == (3, 0)
    shop.inventory.receive("A", quantity=1)
    late = shop.cart(("A", 1))
    shop.clock.advance(minutes=11)
    shop.cart(("A", 1))
    with pytest.raises(InsufficientStock):
        shop.carts.update(late, shop.carts.get(late).lines[0].id, quantity=2)
    assert shop.audit().clean


@pytest.mark.parametrize("whose", ["the host's", "the shop's"])
def test_a_change_that_cannot_be_held_is_no_change(holding, whose):
    """In a transaction that goes on, whoever's it is: the line stays as it was when its pieces are somebody else's."""
    shop, cart = holding, holding.cart(("A", 1))
    # Somebody takes the rest at the last moment: in between, so to speak.
    line = shop.carts.get(cart).lines[0].id
    with contextlib.ExitStack() as stack:
        if whose == "the host's":
            session = stack.enter_context(Session(shop.engine))
            stack.enter_context(session.begin())
            services = shop.on(session)
        else:
            services = stack.enter_context(shop.transaction())
        reserve = services.reservations.reserve

        def too_late(owner, **arguments):
            raise InsufficientStock(sku="A", requested=3, available=1)

        services.reservations.reserve = too_late
        with pytest.raises(InsufficientStock):
            services.carts.update(cart, line, quantity=3)
        with pytest.raises(InsufficientStock):
            services.carts.add(cart, sku="A", attributes={"grind": "fine"})
        services.reservations.reserve = reserve
    assert [each.quantity for each in shop.carts.get(cart).lines] == [1]
    assert shop.available("A") == 2


def test_a_policy_is_asked_at_the_quote():
    """The step, the cart's pieces and what they come to are told; None sets nothing aside."""
    asked = []

    class Dear:
        def hold(self, request):
            asked.append((request.step, dict(request.items), request.total.amount))
            return timedelta(minutes=5) if request.step == "quote" and request.total.amount > 5000 else None

    with memory_shop(reservations=Dear()) as shop:
        make = Factory(shop)
        make.product("A", price=1000, stock=9)
        small, large = make.cart("A"), make.cart(("A", 5))
        make.quote(small)
        assert shop.inventory.level("A").reserved == 0
        make.quote(large)
        assert shop.inventory.level("A").reserved == 5
    assert [step for step, _, _ in asked] == ["cart", "cart", "quote", "quote"]
    assert asked[1][1:] == ({"A": 5}, 5000)
    assert asked[3][2] > 5000


@pytest.mark.parametrize("answer", [5, timedelta(0), timedelta(days=31)], ids=repr)
def test_a_time_that_is_none_is_refused(answer):
    """One second to thirty days, or None."""
    with memory_shop(reservations=Saying(answer)) as shop:
        make = Factory(shop)
        make.product("A")
        with pytest.raises(ExtensionFailed, match="reservation"):
            make.cart("A")


class Floor:
    """Always down."""

    def round(self, amount, *, currency):
        assert currency == "BRL"
        return math.floor(amount)


def test_rounding_of_ones_own():
    """Taxes and what a percentage leaves go by the policy; without one, halves go up."""
    taken = []
    for settings in ({}, {"rounding": Floor()}):
        with memory_shop(**settings) as shop:
            make = Factory(shop)
            make.product("A", price=1005)
            shop.tax.set_rate("ICMS", percent=10)
            shop.promotions.save("p", name="P", actions=[{"type": "percent", "percent": 50}])
            quote = make.quote(make.cart("A"))
            taken.append((quote.totals.discount.amount, quote.lines[0].tax.amount))
            assert shop.audit().clean
    # 1005 - round(502.5), then a tenth of what is left: 50.2 or 50.3 of 502 or 503.
    assert taken == [(502, 50), (503, 50)]


@pytest.mark.parametrize(
    "answer",
    [lambda amount: amount, lambda amount: 1, lambda amount: float(math.floor(amount))],
    ids=["exact", "far", "float"],
)
def test_rounding_that_is_none(answer):
    """One of the two whole numbers around the amount, and nothing else."""
    with memory_shop(rounding=Saying(answer)) as shop:
        make = Factory(shop)
        make.product("A", price=1005)
        shop.promotions.save("p", name="P", actions=[{"type": "percent", "percent": 50}])
        with pytest.raises(ExtensionFailed, match="rounding"):
            make.cart("A")


class Answering:
    """A rater and a generator of order numbers that answer whatever they were made with."""

    def __init__(self, answer):
        self.answer = answer

    def options(self, **_asked):
        return self.answer

    def next(self, session, *, channel):
        return self.answer


def _way(**other):
    return ShippingOption(**({"id": "bike", "name": "Bike", "price": Money(800, "BRL"), "days": 1} | other))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        1.5,
        [None],
        "bike",
        [_way(id=None)],
        [_way(id="x" * 41)],
        [_way(price=800)],
        [_way(price=Money(800, "USD"))],
        [_way(price=Money(-1, "BRL"))],
        [_way(), _way(days=1.5)],
    ],
    ids=repr,
)
def test_a_way_to_send_that_is_none(answer):
    """Nothing is quoted by it: least of all in another currency, or for less than nothing."""
    with memory_shop(shipping=Answering(answer)) as shop:
        make = Factory(shop)
        make.product("A")
        cart = make.cart("A")
        with pytest.raises(ExtensionFailed, match="shipping rater"):
            make.quote(cart)
        assert shop.carts.get(cart.id) == cart


@pytest.mark.parametrize("answer", [None, 7, "", "x" * 33, "a\0b", ["A1"]], ids=repr)
def test_an_order_number_that_is_none(answer):
    """It is the generator that has failed, not what the buyer has said; nothing is set aside for the order."""
    with memory_shop(numbers=Answering(answer)) as shop:
        make = Factory(shop)
        make.product("A", stock=3)
        with pytest.raises(ExtensionFailed, match="order numbers"):
            make.order("A")
        assert shop.inventory.level("A").available == 3
        assert not shop.orders.list().items


def test_sinks_are_told_what_was_committed():
    """Each committed fact, in its order, when the outbox is relayed; what was rolled back never."""
    told = []
    with memory_shop(sinks=[told.append]) as shop:
        make = Factory(shop)
        make.product("A")
        with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
            tx.catalog.save(key="B", name="B", variants=[{"sku": "B", "price": 1}])
            raise ZeroDivisionError
        shop.relay()
        assert {fact.type for fact in told} == {"ProductChanged"}
        assert [fact.fact_id for fact in told] == sorted(fact.fact_id for fact in told)


def test_a_quote_goes_by_times_without_a_policy(open_shop):
    """`Times.reservation` is the policy of a shop that has no other."""
    from mestres_core import Times

    shop = open_shop(times=Times(reservation=timedelta(minutes=1)))
    shop.product("A", stock=3)
    cart = shop.cart(("A", 2))
    assert shop.inventory.level("A").reserved == 0
    shop.checkout.quote(cart, address=ADDRESS)
    assert shop.inventory.level("A").reserved == 2
