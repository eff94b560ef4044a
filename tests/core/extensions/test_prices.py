"""Prices of a shop's own."""

import pytest
from sqlalchemy import text

from mestres_core.errors import ExtensionFailed
from mestres_core.testing import Factory, memory_shop


class Contracts:
    """Prices that a host has agreed on with its buyers, in a table of the host's."""

    def __init__(self):
        self.asked = []

    def resolve(self, requests, *, session):
        self.asked.append(requests)
        rows = session.execute(text("SELECT owner, sku, amount FROM contract"))
        agreed = {(row.owner, row.sku): row.amount for row in rows}
        return [agreed.get((request.owner, request.sku)) for request in requests]


class Answer:
    """A resolver that always says the same."""

    def __init__(self, answer):
        self.answer = answer

    def resolve(self, requests, *, session):
        return self.answer


@pytest.fixture
def contracts():
    return Contracts()


@pytest.fixture
def shop(open_shop, contracts):
    shop = open_shop(prices=contracts)
    shop.sql("CREATE TABLE contract (owner varchar(20), sku varchar(20), amount integer)")
    shop.sql("INSERT INTO contract VALUES ('ana', 'A', 700), ('ana', 'C', 10)")
    for sku in "ABC":
        shop.product(sku, price=1000)
    return shop


def test_what_a_resolver_says_is_paid(shop, contracts):
    """Its price is that of cart, quote and order; where it says nothing the rule stands; one question for all."""
    cart = shop.carts.create(owner="ana").id
    shop.carts.add(cart, sku="A", quantity=2)
    contracts.asked.clear()
    with shop.statements() as sent:
        lines = shop.carts.add(cart, sku="B").lines
    assert [(line.unit_price.amount, line.why) for line in lines] == [(700, "resolver"), (1000, "plain")]
    assert [len(each) for each in contracts.asked] == [2]
    assert sum("contract" in statement for statement in sent) == 1

    order = shop.place(cart).order
    assert order.totals.items.amount == 2400
    assert shop.audit().clean
    assert shop.carts.add(shop.cart(), sku="A").lines[0].unit_price.amount == 1000  # a guest


def test_it_is_explained(shop):
    """The price of the shop's own rule has lost, the plain price is still shown, and the question says whose it is."""
    shop.pricing.set_prices("A", prices=[{"amount": 900, "min_quantity": 3}])
    told = shop.pricing.explain("A", quantity=3, owner="ana")

    assert (told.price.price.amount, told.price.regular.amount, told.price.why) == (700, 1000, "resolver")
    assert [why for _, why in told.considered] == ["outranked", "outranked"]
    assert shop.pricing.resolve("A", quantity=3).why == "quantity"


def test_floors_and_promotions_hold_all_the_same(shop):
    """No piece goes below its minimum price; catalogue promotions lower what the resolver says."""
    shop.pricing.set_floor("C", amount=600)
    assert shop.pricing.resolve("C", owner="ana").price.amount == 600
    assert shop.pricing.resolve("C", owner="ana").why == "floor"

    shop.promotions.save("dez", name="Dez", kind="catalog", actions=[{"type": "percent", "percent": 10, "on": "unit"}])
    assert shop.pricing.resolve("A", owner="ana").price.amount == 630


@pytest.mark.parametrize("answer", [None, [], [1, 2], [-1], [1.5], [True], ["1"], [10**13]], ids=repr)
def test_a_price_that_is_none_is_refused(answer):
    """One whole number of minor units, or None, for each line; whatever else it says, the cart stays as it was."""
    resolver = Answer([None])
    with memory_shop(prices=resolver) as shop:
        make = Factory(shop)
        make.product("A")
        cart = make.cart("A")
        resolver.answer = answer
        with pytest.raises(ExtensionFailed, match="price resolver"):
            shop.carts.update(cart.id, cart.lines[0].id, quantity=3)
        resolver.answer = [None]
        assert shop.carts.get(cart.id) == cart
