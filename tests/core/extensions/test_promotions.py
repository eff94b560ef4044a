"""Conditions and actions of a shop's own."""

from dataclasses import dataclass

import pytest

from core_shop import ADDRESS, CUSTOMER
from mestres_core.errors import ExtensionFailed, ValidationError
from mestres_core.testing import Factory, memory_shop


@dataclass(frozen=True)
class OwnerIn:
    """The buyer is one of these users of the host's."""

    among: list

    def __post_init__(self):
        if not self.among:
            raise ValueError("among must name somebody")

    def unmet(self, deal):
        if deal.basket.owner in self.among:
            return None
        return "owner", {"en": "is for members", "pt-BR": "vale para membros"}


@dataclass(frozen=True)
class OffDearest:
    """So many minor units off the dearest line."""

    amount: int

    def act(self, deal):
        place = max(range(len(deal.left)), key=deal.left.__getitem__)
        off = min(self.amount, deal.room(place))
        deal.take(place, off)
        return None if off else "nothing_left"


class Say:
    """A condition or action that does what it was given."""

    def __init__(self, does):
        self.does = does

    def __call__(self, **fields):
        return self

    def unmet(self, deal):
        return self.does(deal)

    act = unmet


WORDS = {"conditions": {"owner_in": OwnerIn}, "actions": {"off_dearest": OffDearest}}
MEMBERS = {"type": "owner_in", "among": ["ana"]}
DEAREST = {"type": "off_dearest", "amount": 300}


@pytest.fixture
def shop():
    with memory_shop(**WORDS) as shop:
        shop.make = Factory(shop)
        shop.make.product("A", price=1000)
        shop.make.product("B", price=2000)
        yield shop


def _discount(shop, owner="ana", lines=("A", "B")):
    cart = shop.make.cart(*lines, owner=owner)
    return cart.totals.discount.amount, [line.discount.amount for line in cart.lines], cart.explanations


def test_own_words_work_like_the_shops(shop):
    """They are saved as data, applied, explained in both languages, and frozen in the order."""
    saved = shop.promotions.save("m", name="Membros", conditions=[MEMBERS], actions=[DEAREST])
    assert saved.conditions == (MEMBERS,)
    assert shop.promotions.get("m") == saved

    assert _discount(shop)[:2] == (300, [0, 300])
    none, _, (told,) = _discount(shop, owner=None)
    assert (none, told.reason) == (0, "owner")
    assert (told.describe(), told.describe("pt-BR")) == ("is for members", "vale para membros")

    order = shop.make.place(shop.make.cart("A", "B", owner="ana")).order
    assert (order.totals.discount.amount, shop.promotions.of_order(order.number)[0].amount) == (300, 300)
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("conditions", "owner", "discount"),
    [
        ([{"type": "not", "condition": MEMBERS}], "ana", 0),
        ([{"type": "not", "condition": MEMBERS}], None, 300),
        ([{"type": "any", "conditions": [{"type": "group", "in": ["vip"]}, MEMBERS]}], "ana", 300),
        ([{"type": "amount", "minimum": 9000}, MEMBERS], "ana", 0),
    ],
)
def test_own_words_within_others(shop, conditions, owner, discount):
    """An own condition may stand within `any` and `not`, and beside the shop's."""
    shop.promotions.save("m", name="M", conditions=conditions, actions=[DEAREST])
    assert _discount(shop, owner)[0] == discount


@pytest.mark.parametrize(
    ("conditions", "actions", "field", "says"),
    [
        ([{"type": "owner_in", "among": []}], [DEAREST], "conditions[0]", "must name somebody"),
        ([{"type": "owner_in"}], [DEAREST], "conditions[0]", "among"),
        ([{"type": "owner_in", "among": ["a"], "x": 1}], [DEAREST], "conditions[0]", "x"),
        ([{"type": "owner_in", "among": [object()]}], [DEAREST], "conditions[0]", "cannot be kept"),
        ([{"type": "owner_of"}], [DEAREST], "conditions[0].type", "owner_in"),
        ([], [{"type": "off_cheapest"}], "actions[0].type", "off_dearest"),
        ([], [MEMBERS], "actions[0].type", "unknown"),
        ([{"type": "any", "conditions": [{"type": "owner_in"}]}], [DEAREST], "conditions[0].conditions[0]", "among"),
    ],
)
def test_a_wrong_definition_is_named(shop, conditions, actions, field, says):
    """What a maker refuses is the error of its field; an unknown word is told with all that are known."""
    with pytest.raises(ValidationError) as caught:
        shop.promotions.save("m", name="M", conditions=conditions, actions=actions)
    assert [each.field for each in caught.value.errors] == [field]
    assert says in str(caught.value)
    assert shop.promotions.all() == ()


def test_a_catalogue_promotion_has_no_own_words(shop):
    """A price on a page is for everybody, so it asks no basket."""
    with pytest.raises(ValidationError, match="catalogue"):
        shop.promotions.save("m", name="M", kind="catalog", conditions=[MEMBERS], actions=[DEAREST])


@pytest.mark.parametrize("gone", ["conditions", "actions"])
def test_a_word_that_is_gone_gives_nothing_away(open_shop, gone):
    """A promotion whose word the shop does not know any more applies to nobody, and says so."""
    shop = open_shop(**WORDS)
    shop.product("A")
    shop.promotions.save("m", name="M", conditions=[MEMBERS], actions=[DEAREST])
    less = open_shop(**(WORDS | {gone: {}}))
    cart = less.carts.create(owner="ana").id
    made = less.carts.add(cart, sku="A")

    assert (made.totals.discount.amount, made.explanations[0].reason) == (0, "unreadable")
    assert made.explanations[0].describe("pt-BR") != made.explanations[0].describe()
    assert shop.carts.get(cart).totals.discount.amount == 300


def _take(deal, place, off):
    deal.left[place] -= off


BAD_ACTIONS = {
    "more than there is": lambda deal: _take(deal, 0, 1001),
    "below the floor": lambda deal: _take(deal, 0, 501),
    "dearer": lambda deal: _take(deal, 0, -1),
    "parts of a unit": lambda deal: _take(deal, 0, 0.5),
    "a line goes": lambda deal: deal.left.pop() and None,
    "shipping below zero": lambda deal: setattr(deal, "shipping", -1),
    "an answer that is none": lambda deal: 17,
}


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_an_action_that_does_what_it_may_not(name):
    """Whatever an action tries, no line is dearer, below zero or its floor; the cart stays as it was."""
    with memory_shop(actions={"bad": Say(BAD_ACTIONS[name])}) as shop:
        make = Factory(shop)
        make.product("A", price=1000)
        shop.pricing.set_floor("A", amount=500)
        cart = make.cart("A")
        shop.promotions.save("m", name="M", actions=[{"type": "bad"}])
        with pytest.raises(ExtensionFailed, match="'bad'"):
            shop.carts.get(cart.id)
        shop.promotions.remove("m")
        assert shop.carts.get(cart.id) == cart


@pytest.mark.parametrize("answer", [True, "word", ("word",), ("", {}), ("word", None)], ids=repr)
def test_a_condition_that_answers_nonsense(answer):
    """None, or a word with a mapping; anything else is told as the extension's failure."""
    with memory_shop(conditions={"odd": Say(lambda deal: answer)}) as shop:
        make = Factory(shop)
        make.product("A")
        shop.promotions.save("m", name="M", conditions=[{"type": "odd"}], actions=[{"type": "percent", "percent": 5}])
        with pytest.raises(ExtensionFailed, match="'odd'"):
            make.cart("A")


def test_a_condition_cannot_change_anything():
    """It sees a copy: what it takes off is not taken."""
    with memory_shop(conditions={"sly": Say(lambda deal: deal.take(0, 900))}) as shop:
        make = Factory(shop)
        make.product("A", price=1000)
        shop.promotions.save("m", name="M", conditions=[{"type": "sly"}], actions=[{"type": "percent", "percent": 10}])
        assert make.cart("A").totals.discount.amount == 100


def test_own_words_know_categories_and_earlier_orders():
    """Whatever a basket has is there for them, though it costs a statement."""
    seen = []

    def look(deal):
        seen.append((deal.basket.orders_before, bool(deal.basket.items[0].categories)))

    with memory_shop(conditions={"look": Say(look)}) as shop:
        make = Factory(shop)
        make.product("A", category=["Grãos"])
        shop.promotions.save("m", name="M", conditions=[{"type": "look"}], actions=[{"type": "percent", "percent": 10}])
        make.order("A")
        make.order("A")
    assert {before for before, _ in seen} == {None, 0, 1}
    assert all(categories for _, categories in seen)


def test_a_first_order_is_looked_up(open_shop):
    """A promotion for first orders counts for the first order of a customer, and for no other."""
    shop = open_shop()
    shop.product("A", price=1000)
    shop.promotions.save(
        "first", name="Boas-vindas", conditions=[{"type": "first_order"}], actions=[{"type": "percent", "percent": 10}]
    )
    discounts = []
    for key in ("one", "two"):
        cart = shop.cart(("A", 1))
        quote = shop.checkout.quote(cart, address=ADDRESS, customer=CUSTOMER)
        placed = shop.checkout.place(**shop.arguments(quote, key=key))
        discounts.append(placed.order.totals.discount.amount)
    assert discounts == [100, 0]
