"""Coupons."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core_shop import TestShop
from mestres_core.errors import (
    CartClosed,
    CommerceError,
    CouponNotApplicable,
    NotFound,
    PaymentDeclined,
    QuoteChanged,
    ValidationError,
)


def _with_coupon(shop: TestShop, code: str = "CAFE10", pieces: int = 1) -> str:
    cart = shop.cart(("A1", pieces))
    shop.carts.add_coupon(cart, code)
    return cart


def test_from_cart_to_order(shop: TestShop) -> None:
    """What the coupon takes off is in the cart, the quote and the order, and the books are right."""
    shop.product(price=4590)
    shop.promotions.save_coupon("cafe10", percent=10)
    cart = shop.carts.get(_with_coupon(shop, " Cafe10 "))
    assert [(each.code, each.discount.amount, each.reason) for each in cart.coupons] == [("CAFE10", 459, None)]
    assert (cart.totals.discount.amount, cart.totals.grand.amount) == (459, 4131)
    assert shop.quote(cart.id).totals.discount.amount == 459
    order = shop.place(cart.id).order
    assert (order.totals.discount.amount, dict(order.coupons)["CAFE10"].amount) == (459, 459)
    assert order.totals.grand.amount == 4590 - 459 + order.totals.shipping.amount
    assert shop.promotions.coupon("CAFE10").uses == 1
    assert shop.audit().clean


def test_below_its_minimum_it_waits(shop: TestShop) -> None:
    """A cart that is not worth enough keeps the coupon, which counts as soon as it is, and stops when it is not."""
    shop.product(price=1000)
    shop.promotions.save_coupon("TRINTA", amount=500, minimum=3000)
    cart_id = _with_coupon(shop, "TRINTA")
    cart = shop.carts.get(cart_id)
    assert [(each.discount.amount, each.reason) for each in cart.coupons] == [(0, "minimum")]
    cart = shop.carts.update(cart_id, cart.lines[0].id, quantity=3)
    assert cart.totals.discount.amount == 500
    assert shop.carts.update(cart_id, cart.lines[0].id, quantity=2).totals.discount.amount == 0


def test_several_count_one_after_the_other(shop: TestShop) -> None:
    """Each takes off what the earlier ones have left; all together never more than the goods are worth."""
    shop.product(price=10_000)
    shop.promotions.save_coupon("DEZ", amount=1000)
    shop.promotions.save_coupon("VINTE", percent=20)
    shop.promotions.save_coupon("TUDO", amount=50_000)
    cart = _with_coupon(shop, "DEZ")
    for code in ("VINTE", "TUDO", "DEZ"):
        shop.carts.add_coupon(cart, code)
    found = shop.carts.get(cart)
    assert [(each.code, each.discount.amount) for each in found.coupons] == [
        ("DEZ", 1000),
        ("VINTE", 1800),
        ("TUDO", 7200),
    ]
    assert found.totals.grand.amount == 0
    assert shop.carts.remove_coupon(cart, "tudo").totals.discount.amount == 2800


def test_a_promise_broken_by_a_coupon_is_told(shop: TestShop) -> None:
    """A coupon that ended between quote and order raises QuoteChanged with the difference."""
    shop.product(price=1000)
    shop.promotions.save_coupon("CURTO", percent=50, ends_at=shop.clock.now() + timedelta(minutes=5))
    quote = shop.quote(_with_coupon(shop, "CURTO"))
    shop.clock.advance(minutes=6)
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert caught.value.changes["discount"] == (500, 0)


@pytest.mark.parametrize("end", ["declined", "cancelled", "expired"])
def test_a_use_comes_back_with_its_order(shop: TestShop, end: str) -> None:
    """An order that comes to nothing gives its coupon back, and the next may have it."""
    shop.product()
    shop.promotions.save_coupon("UM", percent=10, most_uses=1)
    cart = _with_coupon(shop, "UM")
    if end == "declined":
        with pytest.raises(PaymentDeclined):
            shop.place(cart, "tok_declined")
    else:
        order = shop.place(cart, "pix").order
        assert shop.promotions.coupon("UM").uses == 1
        if end == "cancelled":
            shop.orders.cancel(order.number)
        else:
            shop.clock.advance(hours=1)
            shop.recover()
    assert shop.promotions.coupon("UM").uses == 0
    shop.place(_with_coupon(shop, "UM"))
    assert shop.promotions.coupon("UM").uses == 1


def test_never_more_uses_than_there_are(shop: TestShop) -> None:
    """Eight buyers at once with a coupon for three: three orders have it, the others are told that it is gone."""
    shop.product(stock=100)
    shop.promotions.save_coupon("TRES", percent=10, most_uses=3)
    quotes = [shop.quote(_with_coupon(shop, "TRES")) for _ in range(8)]
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def buy(arguments: dict[str, object]) -> None:
        barrier.wait()
        try:
            shop.checkout.place(**arguments)
            outcomes.append("bought")
        except CommerceError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=buy, args=(shop.arguments(quote),)) for quote in quotes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bought"] * 3 + ["quote_changed"] * 5
    assert shop.promotions.coupon("TRES").uses == 3
    assert shop.audit().clean


def test_a_limit_waits_for_who_takes_a_use(shop: TestShop) -> None:
    """Fewer uses than there are once the order under way is in are refused by name, not by the database."""
    shop.product(stock=100)
    shop.promotions.save_coupon("TRES", percent=10, most_uses=3)
    shop.place(_with_coupon(shop, "TRES"))
    arguments = shop.arguments(shop.quote(_with_coupon(shop, "TRES")))
    with ThreadPoolExecutor() as pool:
        with shop.transaction() as tx:
            tx.checkout.begin(**arguments)
            saved = pool.submit(shop.promotions.save_coupon, "TRES", percent=10, most_uses=1)
            with pytest.raises(TimeoutError):
                saved.result(timeout=0.2)
        with pytest.raises(ValidationError, match="most_uses"):
            saved.result()
    assert shop.promotions.coupon("TRES").most_uses == 3


def test_what_is_refused(shop: TestShop) -> None:
    """An unknown code is wrong input; one that cannot count for anybody says why, in both languages."""
    shop.product()
    cart, now = shop.cart(("A1", 1)), shop.clock.now()
    shop.promotions.save_coupon("VELHO", percent=10, ends_at=now)
    shop.promotions.save_coupon("NOVO", percent=10, starts_at=now + timedelta(days=1))
    shop.promotions.save_coupon("FORA", percent=10, active=False)
    shop.promotions.save_coupon("DOLAR", amount=100, currency="USD")
    for code, reason in (("VELHO", "expired"), ("NOVO", "not_yet"), ("FORA", "inactive"), ("DOLAR", "currency")):
        with pytest.raises(CouponNotApplicable) as caught:
            shop.carts.add_coupon(cart, code)
        assert caught.value.reason == reason
        assert "não vale" in caught.value.describe("pt-BR")
    for wrong in ("NADA", "", "x" * 41, None, 5, "\0"):
        with pytest.raises(ValidationError, match="code"):
            shop.carts.add_coupon(cart, wrong)
    with pytest.raises(NotFound):
        shop.carts.remove_coupon(cart, "NADA")
    assert shop.carts.get(cart).coupons == ()


def test_a_cart_holds_five(shop: TestShop) -> None:
    """The sixth coupon is refused."""
    cart = shop.cart()
    for number in range(6):
        shop.promotions.save_coupon(f"C{number}", amount=1)
    for number in range(5):
        shop.carts.add_coupon(cart, f"C{number}")
    with pytest.raises(ValidationError, match="at most 5"):
        shop.carts.add_coupon(cart, "C5")


def test_a_closed_cart_takes_none(shop: TestShop) -> None:
    """What has become an order is not changed any more."""
    shop.product()
    shop.promotions.save_coupon("X", amount=1)
    cart = shop.cart(("A1", 1))
    shop.place(cart)
    with pytest.raises(CartClosed):
        shop.carts.add_coupon(cart, "X")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "percent"),
        ({"percent": 10, "amount": 5}, "percent"),
        ({"percent": 0}, "percent"),
        ({"percent": 101}, "percent"),
        ({"percent": 33.333}, "percent"),
        ({"percent": True}, "percent"),
        ({"percent": "10"}, "percent"),
        ({"percent": float("nan")}, "percent"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": 1, "minimum": -1}, "minimum"),
        ({"amount": 1, "most_uses": 0}, "most_uses"),
        ({"amount": 1, "currency": "reais"}, "currency"),
        ({"amount": 1, "ends_at": "tomorrow"}, "ends_at"),
    ],
)
def test_a_coupon_that_makes_no_sense(shop: TestShop, arguments: dict[str, object], field: str) -> None:
    """The wrong field is named and nothing is saved."""
    with pytest.raises(ValidationError) as caught:
        shop.promotions.save_coupon("X", **arguments)
    assert [error.field for error in caught.value.errors] == [field]
    assert shop.promotions.list() == ()


def test_saving_again_changes_it_and_keeps_its_uses(shop: TestShop) -> None:
    """The uses so far stay counted, and the limit cannot be put below them."""
    shop.product()
    shop.promotions.save_coupon("X", percent=10)
    for _ in range(2):
        shop.place(_with_coupon(shop, "X"))
    assert shop.promotions.save_coupon("x", amount=100, most_uses=2).uses == 2
    with pytest.raises(ValidationError, match="most_uses must be at least 2"):
        shop.promotions.save_coupon("X", amount=100, most_uses=1)
    with pytest.raises(CouponNotApplicable, match="as often"):
        _with_coupon(shop, "X")


def test_what_a_change_costs_with_a_coupon(shop: TestShop) -> None:
    """Also with a coupon inside, adding costs at most 8 statements, changing and taking out at most 6."""
    shop.product()
    shop.promotions.save_coupon("X", percent=10)
    cart = shop.cart()
    shop.carts.add_coupon(cart, "X")
    with shop.statements() as add:
        line = shop.carts.add(cart, sku="A1").lines[0].id
    with shop.statements() as update:
        shop.carts.update(cart, line, quantity=2)
    with shop.statements() as remove:
        shop.carts.remove(cart, line)
    assert (len(add) <= 8, len(update) <= 6, len(remove) <= 6) == (True, True, True)


def test_coupons_are_listed_in_pages(shop: TestShop) -> None:
    """All of them by code, or some that come after one; wrong bounds are named."""
    for code in ("B", "A", "C"):
        shop.promotions.save_coupon(code, percent=5)
    names = [
        [each.code for each in shop.promotions.list(**of)] for of in ({}, {"limit": 2}, {"after": "a", "limit": 1})
    ]
    assert names == [["A", "B", "C"], ["A", "B"], ["B"]]
    for field, wrong in (("limit", 0), ("limit", "1"), ("after", 5)):
        with pytest.raises(ValidationError) as caught:
            shop.promotions.list(**{field: wrong})
        assert [each.field for each in caught.value.errors] == [field]
