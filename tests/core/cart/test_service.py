"""Carts: limits, versions, and what they cost."""

import pytest

from core_shop import TestShop
from mestres_core.cart.service import MOST_LINES
from mestres_core.errors import CartClosed, InsufficientStock, NotFound, ValidationError, VersionConflict


def test_lines_add_up(shop: TestShop) -> None:
    """Adding a SKU again raises its line; the items are the sum of the lines, and every change a version."""
    shop.product(price=1000)
    cart = shop.carts.create()
    assert (1, "open", ()) == (cart.version, cart.status, cart.lines)
    shop.carts.add(cart.id, sku="A1", quantity=2)
    cart = shop.carts.add(cart.id, sku=" A1 ")
    assert [("A1", 3, 3000)] == [(line.sku, line.quantity, line.total.amount) for line in cart.lines]
    assert (3, 3000) == (cart.version, cart.totals.grand.amount)
    assert cart == shop.carts.get(cart.id)
    line = cart.lines[0].id
    assert 5 == shop.carts.update(cart.id, line, quantity=5).lines[0].quantity
    assert () == shop.carts.remove(cart.id, line).lines
    with pytest.raises(NotFound):
        shop.carts.remove(cart.id, line)


def test_no_more_than_there_is(shop: TestShop) -> None:
    """Of five pieces six are refused, four and five taken, and five more refused."""
    shop.product(stock=5)
    cart = shop.cart()
    with pytest.raises(InsufficientStock) as caught:
        shop.carts.add(cart, sku="A1", quantity=6)
    assert 5 == caught.value.available
    line = shop.carts.add(cart, sku="A1", quantity=4).lines[0].id
    shop.carts.add(cart, sku="A1", quantity=1)
    with pytest.raises(InsufficientStock):
        shop.carts.add(cart, sku="A1", quantity=5)
    with pytest.raises(InsufficientStock):
        shop.carts.update(cart, line, quantity=6)
    assert 5 == shop.carts.get(cart).lines[0].quantity


def test_a_stale_version_is_refused(shop: TestShop) -> None:
    """A change that expects another version changes nothing."""
    shop.product()
    cart = shop.cart(("A1", 1))
    with pytest.raises(VersionConflict) as caught:
        shop.carts.add(cart, sku="A1", expected_version=1)
    assert (1, 2) == (caught.value.data["expected"], caught.value.data["actual"])
    assert 2 == shop.carts.add(cart, sku="A1", expected_version=2).lines[0].quantity


def test_an_ordered_cart_is_closed(shop: TestShop) -> None:
    """A cart that has become an order cannot be changed or quoted."""
    shop.product()
    cart = shop.cart(("A1", 1))
    line = shop.carts.get(cart).lines[0].id
    shop.place(cart)
    for act in (
        lambda: shop.carts.add(cart, sku="A1"),
        lambda: shop.carts.update(cart, line, quantity=2),
        lambda: shop.carts.remove(cart, line),
        lambda: shop.quote(cart),
    ):
        with pytest.raises(CartClosed):
            act()


def test_lines_are_of_their_cart(shop: TestShop) -> None:
    """Nobody reaches another cart's line, nor what does not exist."""
    shop.product()
    line = shop.carts.get(shop.cart(("A1", 1))).lines[0].id
    other = shop.cart()
    for wrong in (line, 0, -1, 2**63, "1", None):
        with pytest.raises(NotFound):
            shop.carts.update(other, wrong, quantity=1)
    for cart, sku in ((other, "nothing"), ("nobody", "A1"), ("a\0", "A1")):
        with pytest.raises(NotFound):
            shop.carts.add(cart, sku=sku)


@pytest.mark.parametrize("quantity", [0, -1, 1000, 1.5, True, "2", None])
def test_quantities_have_bounds(shop: TestShop, quantity: int) -> None:
    """One to 999 pieces, in whole numbers."""
    shop.product(stock=2000)
    with pytest.raises(ValidationError):
        shop.carts.add(shop.cart(), sku="A1", quantity=quantity)


def test_a_refused_line_is_not_kept(shop: TestShop) -> None:
    """The line after the last allowed one is refused, also for a caller who goes on in the same transaction."""
    for index in range(MOST_LINES + 1):
        shop.product(f"S{index}")
    with shop.transaction() as tx:
        cart = tx.carts.create().id
        for index in range(MOST_LINES):
            tx.carts.add(cart, sku=f"S{index}")
        with pytest.raises(ValidationError, match="at most 100"):
            tx.carts.add(cart, sku=f"S{MOST_LINES}")
        tx.carts.add(cart, sku="S0")
    assert MOST_LINES == len(shop.carts.get(cart).lines)


def test_a_currency_without_prices(shop: TestShop) -> None:
    """What has no price in the cart's currency cannot be added; a currency is a code."""
    shop.product()
    with pytest.raises(ValidationError, match="no price in USD"):
        shop.carts.add(shop.carts.create(currency="USD").id, sku="A1")
    for wrong in ("real", None, 5):
        with pytest.raises(ValidationError):
            shop.carts.create(currency=wrong)


def test_what_a_change_costs(shop: TestShop) -> None:
    """Adding costs at most 8 statements, changing and taking out at most 6."""
    shop.product()
    cart = shop.cart()
    with shop.statements() as add:
        line = shop.carts.add(cart, sku="A1").lines[0].id
    with shop.statements() as update:
        shop.carts.update(cart, line, quantity=2)
    with shop.statements() as remove:
        shop.carts.remove(cart, line)
    assert len(add) <= 8
    assert len(update) <= 6
    assert len(remove) <= 6
