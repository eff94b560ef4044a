"""The cases of the anchors' checkouts: a total that changed (A34), keys that stand for one effect (A40)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core_shop import ADDRESS, CUSTOMER, TestShop
from mestres_core.errors import (
    CartClosed,
    CartEmpty,
    CommerceError,
    IdempotencyConflict,
    InsufficientStock,
    NotFound,
    QuoteChanged,
    ValidationError,
)

Act = Callable[[TestShop], Any]


def _rates(shop: TestShop, percent: int) -> None:
    shop.tax.set_rate("VAT", percent=percent)


def _way(shop: TestShop, base: int) -> None:
    shop.shipping.set_zone("br", countries=["BR"])
    shop.shipping.set_method("post", zone="br", name="Post", days=3, base=base)


def _promotion(shop: TestShop, **rest: Any) -> None:
    shop.promotions.save("ten", name="Ten off", currency="BRL", actions=[{"type": "fixed", "amount": 1000}], **rest)


def _expired(shop: TestShop) -> None:
    from datetime import timedelta

    _promotion(shop, ends_at=shop.clock.now() + timedelta(minutes=5))


# (what there is, what changes, what the error names): every case on a cart of one T-shirt at 19.99
CHANGES = [
    pytest.param(
        lambda _: None,
        lambda shop: shop.product("T", price=2500),
        {"lines": ([["T", 1, 1999]], [["T", 1, 2500]]), "items": (1999, 2500)},
        id="A34 price 19.99 -> 25.00 (Sylius)",
    ),
    pytest.param(
        lambda shop: _rates(shop, 23),
        lambda shop: _rates(shop, 10),
        {"tax": (460, 200)},
        id="A34 tax 23 -> 10 % (Sylius)",
    ),
    pytest.param(
        lambda shop: _way(shop, 2000),
        lambda shop: _way(shop, 3000),
        {"shipping": (2000, 3000)},
        id="A34 shipping 20 -> 30 (Sylius)",
    ),
    pytest.param(
        _promotion,
        lambda shop: _promotion(shop, active=False),
        {"discount": (1000, 0)},
        id="A34 promotion off (Sylius)",
    ),
    pytest.param(
        _expired, lambda shop: shop.clock.advance(minutes=6), {"discount": (1000, 0)}, id="A34 promotion over (Sylius)"
    ),
    pytest.param(
        lambda _: None, _promotion, {"discount": (0, 1000)}, id="C17 a promotion that is new: cheaper is told too"
    ),
    pytest.param(
        lambda _: None,
        lambda shop: shop.pricing.set_prices("T", prices=[{"amount": 1500}]),
        {"items": (1999, 1500)},
        id="C17 a special price",
    ),
    pytest.param(
        lambda shop: shop.promotions.save_coupon("FIVE", amount=500),
        lambda shop: shop.promotions.save_coupon("FIVE", amount=300),
        {"discount": (500, 300)},
        id="C17 a coupon that is worth less",
    ),
]


@pytest.mark.scenario("C17")
@pytest.mark.parametrize(("before", "change", "told"), CHANGES)
def test_a_total_that_changed(shop: TestShop, before: Act, change: Act, told: dict[str, tuple[Any, Any]]) -> None:
    """The first confirmation fails and says what has changed; the second, with the new quote, buys at the new total."""
    shop.product("T", price=1999)
    before(shop)
    cart = shop.cart(("T", 1))
    for coupon in shop.promotions.list():
        shop.carts.add_coupon(cart, coupon.code)
    quote = shop.quote(cart)
    change(shop)
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    changes = caught.value.changes
    assert {name: changes.get(name) for name in told} == told
    assert changes["grand"] == (quote.totals.grand.amount, caught.value.quote.totals.grand.amount)
    assert (shop.carts.get(cart).status, len(shop.orders.list())) == ("open", 0)
    placed = shop.checkout.place(**shop.arguments(caught.value.quote))
    assert placed.order.totals == caught.value.quote.totals
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("hide", "error"),
    [
        pytest.param({"active": False}, CartEmpty, id="A34 a product that was disabled (Sylius)"),
        pytest.param({"variants": [{"sku": "OTHER", "price": 1, "stock": 1}]}, CartEmpty, id="A34 a variant (Sylius)"),
    ],
)
def test_what_is_not_sold_any_more(shop: TestShop, hide: dict[str, Any], error: type[CommerceError]) -> None:
    """It is not bought: its line stays in the cart, unavailable, and the rest of the cart has a new quote."""
    shop.product("T", price=1999)
    shop.product("B2")
    alone, both = shop.cart(("T", 1)), shop.cart(("T", 1), ("B2", 1))
    first, second = shop.quote(alone), shop.quote(both)
    shop.catalog.save(**{"key": "T", "name": "Café T", "variants": [{"sku": "T", "price": 1999, "stock": 10}]} | hide)
    with pytest.raises(error):
        shop.checkout.place(**shop.arguments(first))
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(second))
    assert [line.sku for line in caught.value.quote.lines] == ["B2"]
    assert [(line.sku, line.reason) for line in shop.carts.get(both).unavailable] == [("T", "inactive")]
    assert len(shop.carts.remove(both, shop.carts.get(both).unavailable[0].id).unavailable) == 0


def test_a_placed_cart_is_immutable(shop: TestShop) -> None:
    """A34 (Sylius, five cases): adding, changing, removing, coupons and a new quote are refused after the order."""
    shop.product("T")
    shop.promotions.save_coupon("FIVE", amount=500)
    cart = shop.cart(("T", 1))
    line = shop.carts.get(cart).lines[0].id
    shop.place(cart)
    version = shop.carts.get(cart).version
    for act in (
        lambda: shop.carts.add(cart, sku="T"),
        lambda: shop.carts.update(cart, line, quantity=2),
        lambda: shop.carts.remove(cart, line),
        lambda: shop.carts.add_coupon(cart, "FIVE"),
        lambda: shop.carts.remove_coupon(cart, "FIVE"),
        lambda: shop.checkout.quote(cart, address=ADDRESS),
        lambda: shop.carts.change_currency(cart, currency="USD"),
        lambda: shop.carts.assign(cart, owner="ana"),
        lambda: shop.carts.merge(shop.carts.create().id, into=cart),
        lambda: shop.carts.merge(cart, into=shop.carts.create().id),
    ):
        with pytest.raises(CartClosed) as caught:
            act()
        assert caught.value.reason == "ordered"
    assert shop.carts.get(cart).version == version


BODIES = [
    pytest.param({"customer": CUSTOMER | {"name": "Eva"}}, id="A40 same key, other customer (Stripe)"),
    pytest.param({"payment": {"method": "card", "token": "tok_auth"}}, id="A40 same key, other token (Stripe)"),
    pytest.param({"payment": {"method": "pix"}}, id="A40 same key, other method (Stripe)"),
    pytest.param({"quote_hash": "other"}, id="A40 same key, other quote (Stripe)"),
    pytest.param({"cart_id": "other"}, id="A40 same key, other cart (Stripe)"),
]


def test_a_key_stands_for_one_request(shop: TestShop) -> None:
    """A40 (Stripe, Spree): the same body is replayed, any other refused, and neither buys anything more."""
    shop.product("T", stock=50)
    first, other = shop.quote(shop.cart(("T", 1))), shop.quote(shop.cart(("T", 2)))
    arguments = shop.arguments(first, key="k" * 255)
    placed = shop.checkout.place(**arguments)
    for _ in range(3):
        again = shop.checkout.place(**arguments)
        assert (again.replayed, again.order) == (True, placed.order)
    for case in BODIES:
        change = dict(case.values[0])
        if "cart_id" in change:
            change = {"cart_id": other.cart_id, "quote_hash": other.hash}
        if "quote_hash" in change and "cart_id" not in change:
            change = {"quote_hash": shop.quote(other.cart_id).hash}
        with pytest.raises(IdempotencyConflict):
            shop.checkout.place(**arguments | change)
    assert (len(shop.orders.list()), shop.available("T")) == (1, 49)
    assert len(shop.sql("SELECT id FROM mc_payment")) == 1


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("k" * 256, id="A40 longer than 255 (Stripe)"),
        pytest.param("", id="empty"),
        pytest.param("  ", id="blanks"),
        pytest.param(None, id="none"),
        pytest.param(7, id="no text"),
        pytest.param("a\0b", id="NUL"),
    ],
)
def test_a_key_that_is_none(sqlite_shop: TestShop, key: Any) -> None:
    """It is refused by name, and nothing is bought."""
    sqlite_shop.product("T")
    arguments = sqlite_shop.arguments(sqlite_shop.quote(sqlite_shop.cart(("T", 1))))
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.checkout.place(**arguments | {"idempotency_key": key})
    assert [error.field for error in caught.value.errors] == ["idempotency_key"]
    assert sqlite_shop.orders.list().items == ()


def test_keys_of_two_channels_are_two(shop: TestShop) -> None:
    """A40 (Stripe: other account): the same key in another channel is another request."""
    shop.product("T")
    quotes = []
    for channel in ("default", "b2b"):
        cart = shop.carts.create(channel=channel).id
        shop.carts.add(cart, sku="T")
        quotes.append(shop.quote(cart))
    placed = [shop.checkout.place(**shop.arguments(quote, key="same")) for quote in quotes]
    assert [each.replayed for each in placed] == [False, False]
    assert [each.order.channel for each in placed] == ["default", "b2b"]
    assert placed[0].order.number != placed[1].order.number
    with pytest.raises(IdempotencyConflict):
        shop.checkout.place(**shop.arguments(quotes[1], key="same") | {"customer": CUSTOMER | {"name": "Eva"}})


@pytest.mark.parametrize(
    ("break_", "mend", "error"),
    [
        pytest.param(
            {"customer": {"name": "", "email": "x"}},
            lambda _: None,
            ValidationError,
            id="A40 failed validation (Stripe)",
        ),
        pytest.param({}, lambda shop: shop.inventory.receive("T", quantity=1), InsufficientStock, id="A40 no stock"),
    ],
)
def test_what_was_refused_does_not_use_a_key_up(
    shop: TestShop, break_: dict[str, Any], mend: Act, error: type[CommerceError]
) -> None:
    """The same key may be used for the request put right."""
    shop.product("T", stock=1)
    quote = shop.quote(shop.cart(("T", 1)))
    if error is InsufficientStock:
        shop.buy("T")
    arguments = shop.arguments(quote, key="k")
    with pytest.raises(error):
        shop.checkout.place(**arguments | break_)
    assert shop.sql("SELECT key FROM mc_idempotency WHERE key = 'k'") == []
    mend(shop)
    assert not shop.checkout.place(**arguments).replayed


def test_keys_are_forgotten_after_their_time(shop: TestShop) -> None:
    """Not before a day, and not before they are older than they are told to be; ended quotes go with them."""
    shop.product("T")
    quote = shop.quote(shop.cart(("T", 1)))
    arguments = shop.arguments(quote, key="k")
    placed = shop.checkout.place(**arguments)
    waiting = shop.quote(shop.cart(("T", 1)))
    for wrong in ({"older_than": timedelta(hours=23)}, {"older_than": 7}, {"limit": 0}):
        with pytest.raises(ValidationError):
            shop.checkout.forget(**wrong)
    shop.clock.advance(hours=24)
    assert shop.checkout.forget() == 0
    assert shop.checkout.place(**arguments).replayed
    assert shop.checkout.forget(older_than=timedelta(hours=24)) == 1
    shop.clock.advance(minutes=30)
    assert shop.checkout.forget(older_than=timedelta(hours=24)) == 2
    assert shop.sql("SELECT hash FROM mc_quote") == []
    assert shop.checkout.place(**arguments | {"idempotency_key": "other"}).order.number == placed.order.number
    with pytest.raises(NotFound):
        shop.checkout.place(**shop.arguments(waiting))
    assert shop.audit().clean
