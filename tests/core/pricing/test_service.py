"""Prices as a shop keeps them, and what a cart pays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, QuoteChanged, ValidationError
from mestres_core.pricing.dto import SpecialPrice


def unit_prices(shop: TestShop, cart_id: str) -> list[int]:
    return [line.unit_price.amount for line in shop.carts.get(cart_id).lines]


def test_tiers_in_a_cart(shop: TestShop) -> None:
    """The more pieces, the less each costs: from cart to order, by the highest tier reached."""
    shop.product(price=1000, stock=100)
    shop.pricing.set_prices("A1", prices=[{"amount": 900, "min_quantity": 10}, {"amount": 800, "min_quantity": 50}])
    cart = shop.cart(("A1", 9))
    line = shop.carts.get(cart).lines[0].id
    assert unit_prices(shop, cart) == [1000]
    for quantity, price in ((10, 900), (49, 900), (50, 800), (9, 1000)):
        shop.carts.update(cart, line, quantity=quantity)
        assert unit_prices(shop, cart) == [price]
    shop.carts.update(cart, line, quantity=20)
    order = shop.place(cart).order
    assert (order.totals.items.amount, order.lines[0].unit_price.amount) == (18_000, 900)
    assert shop.audit().clean


def test_a_scheduled_price_begins_and_ends(shop: TestShop) -> None:
    """A price with a beginning and an end counts just then, and the cart follows the clock."""
    shop.product(price=1000)
    now = shop.clock.now()
    black_friday = SpecialPrice(amount=700, starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2))
    shop.pricing.set_prices("A1", prices=[black_friday])
    cart = shop.cart(("A1", 1))
    assert unit_prices(shop, cart) == [1000]
    shop.clock.advance(hours=1)
    assert unit_prices(shop, cart) == [700]
    assert shop.pricing.resolve("A1").regular.amount == 1000
    shop.clock.advance(hours=1)
    assert unit_prices(shop, cart) == [1000]
    assert shop.pricing.resolve("A1", at=now + timedelta(minutes=90)).price.amount == 700


@pytest.mark.scenario("C17")
def test_a_price_that_changes_between_quote_and_order(shop: TestShop) -> None:
    """C17: the buyer is told both prices, and the new promise can be kept at once."""
    shop.product(price=1999)
    quote = shop.quote(shop.cart(("A1", 1)))
    shop.pricing.set_prices("A1", prices=[{"amount": 2500, "starts_at": shop.clock.now()}])
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert caught.value.changes["items"] == (1999, 2500)
    assert shop.checkout.place(**shop.arguments(caught.value.quote)).order.totals.items.amount == 2500
    assert shop.audit().clean


def test_groups_channels_and_lists(sqlite_shop: TestShop) -> None:
    """Who buys where decides; a list says it for all its prices; a withdrawn list is as if it were not there."""
    shop = sqlite_shop
    shop.product(price=1000)
    shop.pricing.save_list("atacado", name="Atacado", group="b2b", priority=1)
    shop.pricing.save_list("queima", sale=True, channel="app")
    shop.pricing.set_prices("A1", prices=[{"amount": 850, "group": "vip"}])
    shop.pricing.set_prices("A1", prices=[{"amount": 800}, {"amount": 750, "min_quantity": 10}], price_list="atacado")
    shop.pricing.set_prices("A1", prices=[{"amount": 790}], price_list="queima")

    def paid(**buyer: Any) -> tuple[int, str]:
        found = shop.pricing.resolve("A1", **buyer)
        return found.price.amount, found.why

    assert paid() == (1000, "plain")
    assert paid(group="vip") == (850, "group")
    assert paid(group="b2b") == (800, "list")
    assert paid(group="b2b", quantity=10) == (750, "list")
    assert paid(channel="app") == (790, "sale")
    assert paid(group="b2b", channel="app", quantity=10) == (750, "list")
    shop.pricing.save_list("queima", sale=True, channel="app", active=False)
    assert paid(channel="app") == (1000, "plain")
    shop.pricing.remove_list("atacado")
    assert paid(group="b2b") == (1000, "plain")
    assert [each.code for each in shop.pricing.lists()] == ["queima"]
    assert [each.amount for each in shop.pricing.prices("A1")] == [1000, 850]


def test_an_explanation_names_every_price(sqlite_shop: TestShop) -> None:
    """What was looked at and why it lost, in both languages, catalogue promotions included."""
    shop = sqlite_shop
    shop.product(price=1000)
    shop.pricing.set_prices("A1", prices=[{"amount": 900, "group": "b2b"}, {"amount": 800, "min_quantity": 5}])
    shop.promotions.save("c", name="Vitrine", kind="catalog", actions=[{"type": "percent", "percent": 10}])
    found = shop.pricing.explain("A1", group="b2b")
    assert {each.amount: why for each, why in found.considered} == {1000: "outranked", 900: "won", 800: "quantity"}
    assert (found.price.price.amount, found.price.why) == (810, "promotion")
    assert found.describe()[-1] == "Vitrine: it applies"
    assert found.describe("pt-BR")[-1] == "Vitrine: foi aplicada"
    assert len(found.describe()) == 4


def test_a_second_currency(shop: TestShop) -> None:
    """A product is listed and sold in every currency that it has a price in, and only there."""
    made = shop.product(price=1000)
    assert shop.catalog.list(currency="USD").items == ()
    shop.pricing.set_price("A1", amount=250, currency="USD")
    assert [each.price.amount for each in shop.catalog.list(currency="USD").items] == [250]
    cart = shop.carts.create(currency="USD").id
    assert shop.carts.add(cart, sku="A1").totals.items.amount == 250
    shop.pricing.set_price("A1", amount=1100)
    assert shop.catalog.get(made.id).card.price.amount == 1100
    assert shop.audit().clean


def test_the_card_shows_the_plain_price(sqlite_shop: TestShop) -> None:
    """Lists sort and filter by the plain price; what a buyer pays is asked of pricing."""
    shop = sqlite_shop
    made = shop.product(price=1000)
    shop.pricing.set_prices("A1", prices=[{"amount": 700, "starts_at": shop.clock.now()}])
    shop.promotions.save("c", name="C", kind="catalog", actions=[{"type": "percent", "percent": 50}])
    assert shop.catalog.get(made.id).card.price.amount == 1000
    found = shop.pricing.resolve("A1")
    assert (found.price.amount, found.regular.amount, found.why) == (350, 1000, "promotion")


def test_nothing_is_sold_below_its_floor(sqlite_shop: TestShop) -> None:
    """Tiers are lifted to it, catalogue promotions stop at it, and discounts go to the other lines."""
    shop = sqlite_shop
    shop.product("A1", price=1000, stock=50)
    shop.product("B1", price=1000, stock=50)
    shop.pricing.set_floor("A1", amount=900)
    shop.pricing.set_prices("A1", prices=[{"amount": 100, "min_quantity": 5}])
    assert shop.pricing.resolve("A1", quantity=5).price.amount == 900
    shop.promotions.save("f", name="F", actions=[{"type": "fixed", "amount": 600}])
    assert shop.carts.get(shop.cart(("A1", 1), ("B1", 1))).totals.discount.amount == 600
    assert shop.carts.get(shop.cart(("A1", 1))).totals.discount.amount == 100
    shop.promotions.save("c", name="C", kind="catalog", actions=[{"type": "percent", "percent": 50}])
    assert shop.pricing.resolve("A1").price.amount == 900
    shop.pricing.set_floor("A1", amount=0)
    assert shop.pricing.resolve("A1").price.amount == 500


def test_what_a_cart_of_any_size_costs(shop: TestShop) -> None:
    """One line or many, with tiers and lists: prices come with the cart's own lines."""
    variants = [{"sku": f"S{number}", "price": 1000, "stock": 9} for number in range(20)]
    shop.catalog.save(name="Café", variants=variants)
    shop.pricing.save_list("l")
    shop.pricing.set_prices("S0", prices=[{"amount": 900}], price_list="l")
    small, large = shop.cart(("S0", 1)), shop.cart()
    shop.sql(
        "INSERT INTO mc_special_price (variant_id, currency, list_id, min_quantity, amount)"
        " SELECT id, 'BRL', (SELECT max(id) FROM mc_price_list), 1, 900 FROM mc_variant WHERE sku <> 'S0'"
    )
    shop.sql("INSERT INTO mc_cart_line (cart_id, variant_id, quantity) SELECT :cart, id, 1 FROM mc_variant", cart=large)
    shop.carts.get(small)
    counts = []
    for cart, lines in ((small, 1), (large, 20)):
        with shop.statements() as sent:
            assert unit_prices(shop, cart) == [900] * lines
        counts.append(len(sent))
    assert counts == [1, 1]


NOW = datetime(2026, 11, 28, tzinfo=UTC)
Call = Callable[[TestShop], Any]
WRONG: list[Any] = [
    pytest.param(lambda shop: shop.pricing.set_price("A1", amount=-1), ["amount"], id="a negative price"),
    pytest.param(lambda shop: shop.pricing.set_price("A1", amount=1.5), ["amount"], id="half a cent"),
    pytest.param(lambda shop: shop.pricing.set_price("A1", amount=1, currency="real"), ["currency"], id="currency"),
    pytest.param(lambda shop: shop.pricing.set_floor("A1", amount=1001), ["amount"], id="a floor above the price"),
    pytest.param(lambda shop: shop.pricing.set_floor("A1", amount=1, currency="USD"), ["sku"], id="a floor of nothing"),
    pytest.param(lambda shop: shop.pricing.set_prices("A1", prices="1"), ["prices"], id="no list"),
    pytest.param(lambda shop: shop.pricing.set_prices("A1", prices=[{}]), ["prices[0].amount"], id="no amount"),
    pytest.param(
        lambda shop: shop.pricing.set_prices("A1", prices=[{"amount": 1, "min_quantity": 0}]),
        ["prices[0].min_quantity"],
        id="from no piece on",
    ),
    pytest.param(
        lambda shop: shop.pricing.set_prices("A1", prices=[{"amount": 1, "grupo": "x"}]),
        ["prices[0].grupo"],
        id="a misspelt field",
    ),
    pytest.param(
        lambda shop: shop.pricing.set_prices("A1", prices=[{"amount": 1}, {"amount": 2}]), ["prices[1]"], id="twice"
    ),
    pytest.param(
        lambda shop: shop.pricing.set_prices("A1", prices=[{"amount": 1, "starts_at": NOW, "ends_at": NOW}]),
        ["prices[0].ends_at"],
        id="over before it begins",
    ),
    pytest.param(lambda shop: shop.pricing.save_list(""), ["code"], id="a list without a code"),
    pytest.param(
        lambda shop: shop.pricing.save_list("l", priority="1", sale="yes", group=""),
        ["group", "priority", "sale"],
        id="all at once",
    ),
    pytest.param(lambda shop: shop.pricing.resolve("A1", quantity=0), ["quantity"], id="no pieces"),
    pytest.param(lambda shop: shop.pricing.resolve("A1", at="now"), ["at"], id="a moment that is none"),
    pytest.param(lambda shop: shop.pricing.resolve("A1", currency="USD"), ["sku"], id="no price there"),
]


@pytest.fixture(scope="module")
def quiet_shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One shop for all that is refused: nothing is ever changed in it."""
    made = TestShop(f"sqlite:///{tmp_path_factory.mktemp('pricing') / 'shop.db'}")
    made.product(price=1000)
    yield made
    made.close()


@pytest.mark.parametrize(("call", "wrong"), WRONG)
def test_what_is_refused_is_named(quiet_shop: TestShop, call: Call, wrong: list[str]) -> None:
    """Every wrong field has one error with its place, and nothing is changed."""
    with pytest.raises(ValidationError) as caught:
        call(quiet_shop)
    assert [error.field for error in caught.value.errors] == wrong
    assert [each.amount for each in quiet_shop.pricing.prices("A1")] == [1000]
    assert quiet_shop.pricing.lists() == ()


def test_what_is_not_there(quiet_shop: TestShop) -> None:
    """An unknown SKU or list is told by name."""
    for call in (
        lambda: quiet_shop.pricing.set_price("B", amount=1),
        lambda: quiet_shop.pricing.set_prices("A1", prices=[], price_list="nada"),
        lambda: quiet_shop.pricing.remove_list("nada"),
        lambda: quiet_shop.pricing.resolve(None),
        lambda: quiet_shop.pricing.explain("\0"),
    ):
        with pytest.raises(NotFound):
            call()
