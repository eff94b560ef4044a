"""Whose a cart is, in which currency, how long it lasts, and what its lines may wish."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core import Times
from mestres_core.errors import CartClosed, InsufficientStock, NotFound, ValidationError, VersionConflict


def test_an_owners_cart_is_found_again(shop: TestShop) -> None:
    """The open cart that was changed last, of this channel; none when there is none, or it has been ordered."""
    shop.product()
    assert shop.carts.of_owner("ana") is None
    first = shop.carts.create(owner="ana", customer_group="gold")
    shop.clock.advance(minutes=1)
    second = shop.carts.create(owner="ana")
    assert shop.carts.of_owner("ana") == second
    shop.clock.advance(minutes=1)
    shop.carts.add(first.id, sku="A1")
    found = shop.carts.of_owner("ana")
    assert (found.id, found.owner, found.customer_group, found.channel) == (first.id, "ana", "gold", "default")
    assert shop.carts.of_owner("ana", channel="b2b") is None
    shop.place(first.id)
    assert shop.carts.of_owner("ana") == second


def test_a_guests_cart_is_assigned_once(shop: TestShop) -> None:
    """It becomes the account's, with its group's prices; somebody else's never does."""
    shop.product(price=1000)
    shop.pricing.set_prices("A1", prices=[{"amount": 800, "group": "gold"}])
    guest = shop.carts.get(shop.cart(("A1", 1)))
    assert guest.totals.grand.amount == 1000
    mine = shop.carts.assign(guest.id, owner="ana", customer_group="gold", expected_version=guest.version)
    assert (mine.owner, mine.totals.grand.amount, mine.version) == ("ana", 800, guest.version + 1)
    assert shop.carts.assign(guest.id, owner="ana").totals.grand.amount == 1000
    with pytest.raises(ValidationError, match="another account"):
        shop.carts.assign(guest.id, owner="eva")
    other = shop.carts.create(owner="eva").id
    with pytest.raises(ValidationError, match="another account"):
        shop.carts.merge(guest.id, into=other)
    with pytest.raises(ValidationError, match="different channels"):
        shop.carts.merge(shop.carts.create(channel="b2b").id, into=other)


def test_another_currency(shop: TestShop) -> None:
    """The whole cart gets the other list's prices, or keeps its own and is told what has none there."""
    for sku in ("A1", "B2"):
        shop.product(sku, price=1000)
    shop.pricing.set_price("A1", amount=300, currency="USD")
    cart = shop.cart(("A1", 2))
    changed = shop.carts.change_currency(cart, currency="USD")
    assert (changed.currency, changed.totals.grand.amount, changed.totals.grand.currency) == ("USD", 600, "USD")
    assert shop.carts.change_currency(cart, currency="USD").version == changed.version
    back = shop.carts.change_currency(cart, currency="BRL")
    shop.carts.add(cart, sku="B2")
    with pytest.raises(ValidationError) as caught:
        shop.carts.change_currency(cart, currency="USD")
    assert [(error.field, error.reason) for error in caught.value.errors] == [("lines.B2", "no_price")]
    assert shop.carts.get(cart).currency == back.currency == "BRL"


def test_a_cart_that_is_left_alone(open_shop: Callable[..., TestShop]) -> None:
    """After its time it is closed, written down or not; whoever changes it before gains all of the time again."""
    shop = open_shop(times=Times(cart=timedelta(days=30)))
    shop.product()
    cart = shop.cart(("A1", 1))
    assert shop.carts.get(cart).expires_at == shop.clock.now() + timedelta(days=30)
    shop.clock.advance(days=29)
    shop.carts.add(cart, sku="A1")
    shop.clock.advance(days=29)
    assert shop.carts.expire() == 0
    other = shop.carts.create(owner="ana").id
    shop.clock.advance(days=1)
    for _ in range(2):
        with pytest.raises(CartClosed) as caught:
            shop.carts.add(cart, sku="A1")
        assert caught.value.reason == "expired"
        assert "tempo" in caught.value.describe("pt-BR")
        shop.carts.expire()
    assert (shop.carts.get(cart).status, shop.carts.get(cart).expires_at) == ("expired", None)
    assert shop.carts.of_owner("ana").id == other
    assert shop.carts.expire() == 0


def test_a_quote_may_set_pieces_aside(open_shop: Callable[..., TestShop]) -> None:
    """With `Times.reservation` the pieces of a quote are only its own order's, until their time is over."""
    shop = open_shop(times=Times(reservation=timedelta(minutes=10)))
    shop.product(stock=2)
    first, second = shop.cart(("A1", 2)), shop.cart(("A1", 1))
    quote = shop.quote(first)
    assert shop.quote(first).totals == quote.totals
    with pytest.raises(InsufficientStock):
        shop.quote(second)
    with pytest.raises(InsufficientStock):
        shop.carts.add(second, sku="A1")
    order = shop.checkout.place(**shop.arguments(quote)).order
    assert (shop.orders.get(order.number).status, shop.available()) == ("placed", 0)
    assert shop.audit().clean


def test_pieces_that_were_not_bought_in_time(open_shop: Callable[..., TestShop]) -> None:
    """They are everybody's again, without anybody having to clear up."""
    shop = open_shop(times=Times(reservation=timedelta(minutes=10)))
    shop.product(stock=2)
    first, second = shop.cart(("A1", 2)), shop.cart(("A1", 1))
    quote = shop.quote(first)
    shop.clock.advance(minutes=10)
    shop.place(second)
    with pytest.raises(InsufficientStock):
        shop.checkout.place(**shop.arguments(quote))
    assert shop.audit().clean


def test_wishes_are_kept_as_they_are(shop: TestShop) -> None:
    """Text, numbers and booleans come back as they were; the order of names does not matter, an empty wish is none."""
    shop.product(stock=50)
    cart = shop.carts.create().id
    wishes = {"grind": "fine", "engraving": "Ana & Eva", "bags": 2, "gift": True}
    shop.carts.add(cart, sku="A1", attributes=wishes)
    shop.carts.add(cart, sku="A1", attributes=dict(reversed(wishes.items())))
    shop.carts.add(cart, sku="A1", attributes={})
    shop.carts.add(cart, sku="A1")
    assert [(line.quantity, line.attributes) for line in shop.carts.get(cart).lines] == [(2, wishes), (2, {})]
    order = shop.place(cart).order
    assert [line.attributes for line in shop.orders.get(order.number).lines] == [wishes, {}]


def test_lines_of_a_variant_count_together_for_its_tiers(shop: TestShop) -> None:
    """Six and four bags, ground otherwise, are ten bags."""
    shop.product(price=1000, stock=50)
    shop.pricing.set_prices("A1", prices=[{"amount": 700, "min_quantity": 10}])
    cart = shop.carts.create().id
    shop.carts.add(cart, sku="A1", quantity=6, attributes={"grind": "fine"})
    assert shop.carts.get(cart).totals.items.amount == 6000
    shop.carts.add(cart, sku="A1", quantity=4, attributes={"grind": "coarse"})
    lines = shop.carts.get(cart).lines
    assert [(line.unit_price.amount, line.regular_price.amount, line.why) for line in lines] == [
        (700, 1000, "quantity"),
        (700, 1000, "quantity"),
    ]


Call = tuple[str, dict[str, Any]]
WRONG: list[tuple[Call, type[Exception], str]] = [
    (("create", {"currency": "real"}), ValidationError, "currency"),
    (("create", {"currency": None}), ValidationError, "currency"),
    (("create", {"owner": ""}), ValidationError, "owner"),
    (("create", {"owner": "x" * 121}), ValidationError, "owner"),
    (("create", {"owner": 7}), ValidationError, "owner"),
    (("create", {"channel": None}), ValidationError, "channel"),
    (("create", {"customer_group": "x" * 41}), ValidationError, "customer_group"),
    (("of_owner", {"owner": ""}), ValidationError, "owner"),
    (("add", {"sku": None}), ValidationError, "sku"),
    (("add", {"sku": "A1", "quantity": 0}), ValidationError, "quantity"),
    (("add", {"sku": "A1", "attributes": ["fine"]}), ValidationError, "attributes"),
    (("add", {"sku": "A1", "attributes": {"": "x"}}), ValidationError, "attributes"),
    (("add", {"sku": "A1", "attributes": {"x" * 61: "x"}}), ValidationError, "attributes"),
    (("add", {"sku": "A1", "attributes": {"grind": "x" * 401}}), ValidationError, "attributes.grind"),
    (("add", {"sku": "A1", "attributes": {"grind": 1.5}}), ValidationError, "attributes.grind"),
    (("add", {"sku": "A1", "attributes": {"grind": None}}), ValidationError, "attributes.grind"),
    (("add", {"sku": "A1", "attributes": {"grind": "a\0"}}), ValidationError, "attributes.grind"),
    (("add", {"sku": "A1", "attributes": {str(n): 1 for n in range(21)}}), ValidationError, "attributes"),
    (("add", {"sku": "A1", "expected_version": "1"}), ValidationError, "expected_version"),
    (("add", {"sku": "A1", "expected_version": 1}), VersionConflict, ""),
    (("update", {"line_id": 1, "quantity": -1}), ValidationError, "quantity"),
    (("update", {"line_id": 1, "quantity": 1, "expected_version": 1}), VersionConflict, ""),
    (("remove", {"line_id": 1, "expected_version": 1}), VersionConflict, ""),
    (("add_coupon", {"code": "TEN", "expected_version": 1}), VersionConflict, ""),
    (("add_coupon", {"code": "TEN", "expected_version": True}), ValidationError, "expected_version"),
    (("remove_coupon", {"code": "TEN", "expected_version": 1}), VersionConflict, ""),
    (("change_currency", {"currency": "x"}), ValidationError, "currency"),
    (("change_currency", {"currency": "USD", "expected_version": 1}), VersionConflict, ""),
    (("assign", {"owner": None}), ValidationError, "owner"),
    (("assign", {"owner": "ana", "expected_version": 1}), VersionConflict, ""),
    (("merge", {"into": "nobody"}), NotFound, ""),
    (("merge", {"into": None}), NotFound, ""),
    (("merge", {"into": "other", "policy": "both"}), ValidationError, "policy"),
    (("merge", {"into": "other", "expected_version": 0}), VersionConflict, ""),
    (("merge", {"into": "itself"}), ValidationError, "into"),
    (("expire", {"limit": 0}), ValidationError, "limit"),
]


def test_wrong_arguments(sqlite_shop: TestShop) -> None:
    """Each gives one typed error that names the field, and leaves the cart as it was."""
    shop = sqlite_shop
    shop.product()
    shop.promotions.save_coupon("TEN", percent=10)
    cart, other = shop.cart(("A1", 1)), shop.carts.create().id
    before = shop.carts.get(cart)
    for (method, arguments), error, field in WRONG:
        named = {"other": other, "itself": cart}
        given = {name: named.get(value, value) if name == "into" else value for name, value in arguments.items()}
        whose = () if method in ("create", "of_owner", "expire") else (cart,)
        with pytest.raises(error) as caught:
            getattr(shop.carts, method)(*whose, **given)
        if field:
            assert [each.field for each in caught.value.errors] == [field], (method, arguments)
        assert shop.carts.get(cart) == before, (method, arguments)
    assert len(shop.sql("SELECT id FROM mc_cart")) == 2


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE mc_cart SET status = 'ordered' WHERE id = :guest", "an ordered cart has an order"),
        (
            "UPDATE mc_cart SET status = 'merged', merged_into = 'nobody' WHERE id = :guest",
            "a merged cart went into another one of its channel",
        ),
        (
            "UPDATE mc_cart SET status = 'merged', merged_into = id WHERE id = :guest",
            "a merged cart went into another one of its channel",
        ),
        ("UPDATE mc_cart SET channel = 'b2b' WHERE id = :ordered", "an order is of its cart's channel and owner"),
        ("UPDATE mc_cart SET owner = 'eva' WHERE id = :ordered", "an order is of its cart's channel and owner"),
    ],
)
def test_damage_is_named(sqlite_shop: TestShop, damage: str, rule: str) -> None:
    """The audit names the rule and the row."""
    shop = sqlite_shop
    shop.product()
    guest, ordered = shop.cart(("A1", 1)), shop.carts.create(owner="ana").id
    shop.carts.add(ordered, sku="A1")
    number = shop.place(ordered).order.number
    assert shop.audit().clean
    shop.sql(damage.replace(":guest", f"'{guest}'").replace(":ordered", f"'{ordered}'"))
    assert [(found.rule, found.rows) for found in shop.audit().violations] == [
        (rule, (number if rule.startswith("an order is") else guest,))
    ]
