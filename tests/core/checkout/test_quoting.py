"""Quotes and orders with everything configured: what they say, what is frozen, and what it costs to work out."""

from typing import Any

import pytest

from core_shop import ADDRESS, TestShop
from mestres_core.errors import NotFound, QuoteChanged, ValidationError
from mestres_core.rules.money import split


def configure(shop: TestShop, *, limited: bool = False) -> None:
    """Taxes on goods and shipping, a zone, a promotion for all and a coupon."""
    for name in ("standard", "shipping"):
        shop.tax.set_rate("VAT", percent=10, tax_class=name)
        shop.tax.set_rate("ICMS", percent=18, tax_class=name, mode="gross")
    shop.shipping.set_zone("br", countries=["BR"])
    shop.shipping.set_method("post", zone="br", name="Post", days=3, base=1000)
    shop.shipping.set_method("fast", zone="br", name="Fast", days=1, base=3000)
    shop.promotions.save(
        "ship",
        name="Half the shipping",
        currency="BRL",
        actions=[{"type": "shipping", "percent": 50}],
        most_uses=100 if limited else None,
    )
    shop.promotions.save_coupon("TEN", percent=10, most_uses=100)


def test_a_quote_says_what_it_is_made_of(shop: TestShop) -> None:
    """Shipping before and after its discount, taxes by name, each line's parts, and why each promotion applies."""
    shop.product("A1", price=1000)
    shop.product("B2", price=333)
    configure(shop)
    cart = shop.cart(("A1", 2), ("B2", 1))
    shop.carts.add_coupon(cart, "TEN")
    quote = shop.quote(cart)
    totals = quote.totals
    assert (quote.shipping_price.amount, quote.shipping_discount.amount, totals.shipping.amount) == (1000, 500, 500)
    assert [(line.discount.amount, line.tax.amount, line.tax_included.amount) for line in quote.lines] == [
        (200, 180, 324),
        (33, 30, 54),
    ]
    assert [(tax.name, tax.mode, tax.amount.amount) for tax in quote.taxes] == [
        ("ICMS", "gross", 468),
        ("VAT", "exclusive", 260),
    ]
    assert (totals.items.amount, totals.discount.amount, totals.tax.amount) == (2333, 233, 260)
    assert (totals.tax_included.amount, totals.grand.amount) == (468, 2333 - 233 + 500 + 260)
    assert sorted((each.name, each.amount.amount, each.shipping.amount) for each in quote.promotions) == [
        ("Half the shipping", 500, 500),
        ("TEN", 233, 0),
    ]
    assert {each.name: each.reason for each in quote.explanations} == {"Half the shipping": "applied", "TEN": "applied"}
    assert [(option.id, option.price.amount) for option in quote.shipping_methods] == [("post", 1000), ("fast", 3000)]


def test_the_cart_and_the_quote_are_of_one_composition(shop: TestShop) -> None:
    """What a cart shows of goods and discounts is what its quote has; only shipping and taxes come with the address."""
    shop.product("A1", price=1000)
    configure(shop)
    cart = shop.cart(("A1", 3))
    shown = shop.carts.add_coupon(cart, "TEN")
    quote = shop.quote(cart)
    assert (shown.totals.items, shown.totals.discount) == (quote.totals.items, quote.totals.discount)
    assert [line.discount for line in shown.lines] == [line.discount for line in quote.lines]
    assert (shown.totals.shipping.amount, shown.totals.tax.amount, shown.totals.grand.amount) == (0, 0, 2700)
    assert {each.name: each.reason for each in shown.explanations}["Half the shipping"] == "no_shipping"


def test_an_order_freezes_its_parts(shop: TestShop) -> None:
    """Whatever is changed afterwards, the order's lines keep their discount, taxes, wishes and frozen shares."""
    shop.product("A1", price=1000, stock=10)
    configure(shop)
    cart = shop.carts.create(owner="ana", channel="b2b", customer_group="gold").id
    shop.carts.add(cart, sku="A1", quantity=3, attributes={"grind": "fine"})
    shop.carts.add(cart, sku="A1", quantity=1, attributes={"grind": "coarse"})
    shop.carts.add_coupon(cart, "TEN")
    quote = shop.quote(cart)
    order = shop.checkout.place(**shop.arguments(quote)).order
    shop.product("A1", price=1, stock=10)
    shop.tax.set_rate("VAT", percent=99)
    shop.promotions.save_coupon("TEN", percent=99)
    kept = shop.orders.get(order.number)
    assert kept == order
    assert (kept.owner, kept.channel, kept.customer_group) == ("ana", "b2b", "gold")
    assert [line.attributes for line in kept.lines] == [{"grind": "fine"}, {"grind": "coarse"}]
    assert [line.paid for line in kept.lines] == [line.paid for line in quote.lines]
    assert [line.tax_included for line in kept.lines] == [line.tax_included for line in quote.lines]
    assert kept.totals.grand == quote.totals.grand
    assert shop.available() == 6
    first = kept.lines[0]
    parts = split(first.paid.amount, 3)
    after = shop.orders.cancel_lines(order.number, lines={first.id: 1})
    assert after.credited.amount == parts[0]
    assert shop.audit().clean


@pytest.mark.parametrize("lines", [1, 50])
@pytest.mark.parametrize("limited", [False, True])
def test_what_it_costs_with_everything_configured(shop: TestShop, lines: int, limited: bool) -> None:
    """For 1 and 50 lines alike: a quote at most 8 statements, `begin` 15, one more where promotions have limits."""
    for index in range(lines):
        shop.product(f"S{index}", stock=20)
    configure(shop, limited=limited)
    shop.buy("S0")
    cart = shop.cart(*((f"S{index}", 1) for index in range(lines)))
    shop.carts.add_coupon(cart, "TEN")
    with shop.statements() as quoting:
        quote = shop.quote(cart)
    with shop.statements() as beginning:
        shop.checkout.begin(**shop.arguments(quote))
    with shop.statements() as adding:
        other = shop.cart(("S0", 1))
    with shop.statements() as changing:
        shop.carts.update(other, shop.carts.get(other).lines[0].id, quantity=2)
    assert len(quoting) <= 8, "\n".join(quoting)
    assert len(beginning) <= 15 + limited, "\n".join(beginning)
    assert len(adding) - 1 <= 8  # creating the cart is one
    assert len(changing) - 2 <= 6  # reading its line is two
    assert shop.audit().clean


def test_what_is_known_of_the_customer(shop: TestShop) -> None:
    """A promotion for the first order counts in a quote that knows the customer; one that does not is told at begin."""
    shop.product(price=1000, stock=50)
    shop.promotions.save(
        "first",
        name="First order",
        currency="BRL",
        conditions=[{"type": "orders", "maximum": 0}],
        actions=[{"type": "fixed", "amount": 100}],
    )
    cart = shop.cart(("A1", 1))
    known = {"email": "ANA@example.com"}
    assert shop.quote(cart).totals.discount.amount == 0
    assert shop.checkout.quote(cart, address=ADDRESS, customer=known).totals.discount.amount == 100
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(shop.quote(cart)))
    assert caught.value.changes["discount"] == (0, 100)
    shop.checkout.place(**shop.arguments(caught.value.quote))
    again = shop.cart(("A1", 1))
    assert shop.checkout.quote(again, address=ADDRESS, customer=known).totals.discount.amount == 0
    assert shop.place(again).order.totals.discount.amount == 0


def test_a_promotion_once_for_each_customer(shop: TestShop) -> None:
    """A buyer who has had it is told at begin what it costs without, and never waits for ever."""
    shop.product(price=1000, stock=50)
    shop.promotions.save(
        "once",
        name="Once",
        currency="BRL",
        actions=[{"type": "fixed", "amount": 100}],
        most_uses_per_customer=1,
    )
    assert shop.place(shop.cart(("A1", 1))).order.totals.discount.amount == 100
    quote = shop.quote(shop.cart(("A1", 1)))
    assert quote.totals.discount.amount == 100
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert caught.value.changes["discount"] == (100, 0)
    assert shop.checkout.place(**shop.arguments(caught.value.quote)).order.totals.discount.amount == 0


def test_taxes_of_businesses(shop: TestShop) -> None:
    """Who has a CNPJ is a business, for the quote as for the order."""
    shop.product(price=1000)
    shop.tax.set_rate("IPI", percent=10, customer_type="business")
    cart = shop.cart(("A1", 1))
    cnpj = {"document": "11222333000181"}
    assert shop.quote(cart).totals.tax.amount == 0
    quote = shop.checkout.quote(cart, address=ADDRESS, customer=cnpj)
    assert quote.totals.tax.amount == 100
    arguments = shop.arguments(quote)
    placed = shop.checkout.place(**arguments | {"customer": arguments["customer"] | cnpj})
    assert placed.order.totals.tax.amount == 100


def test_a_way_of_sending_that_is_gone(shop: TestShop) -> None:
    """The buyer is told, with a quote for the cheapest way that there is."""
    shop.product()
    configure(shop)
    quote = shop.quote(shop.cart(("A1", 1)), "fast")
    shop.shipping.remove_method("fast", zone="br")
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    assert caught.value.changes["shipping_method"] == ("fast", "post")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"address": None}, ValidationError),
        ({"address": {**ADDRESS, "state": "XX"}}, ValidationError),
        ({"shipping_method": "nothing"}, ValidationError),
        ({"customer": "Ana"}, ValidationError),
        ({"customer": {"email": "x"}}, ValidationError),
        ({"customer": {"document": "1"}}, ValidationError),
        ({"customer": {"age": "1"}}, ValidationError),
        ({"cart_id": "nobody"}, NotFound),
        ({"cart_id": None}, NotFound),
        ({"cart_id": "a\0"}, NotFound),
    ],
)
def test_wrong_arguments_of_a_quote(sqlite_shop: TestShop, wrong: dict[str, Any], error: type[Exception]) -> None:
    """Each gives one typed error, and no quote is kept."""
    sqlite_shop.product()
    arguments = {"cart_id": sqlite_shop.cart(("A1", 1)), "address": ADDRESS} | wrong
    with pytest.raises(error):
        sqlite_shop.checkout.quote(**arguments)
    assert sqlite_shop.sql("SELECT hash FROM mc_quote") == []
