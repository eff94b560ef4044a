"""Wish lists."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core import Money
from mestres_core.errors import CommerceError, InsufficientStock, NotFound, ValidationError


def _ana(shop: TestShop) -> int:
    found: int = shop.customers.create(email="ana@example.com", name="Ana").id
    return found


def test_a_list_shows_todays_prices_and_stock(shop: TestShop) -> None:
    """Newest wish first, each once, with what it costs now and how many can be bought."""
    shop.product("A1", price=1000, stock=3)
    shop.product("B2", price=2000, stock=0)
    ana = _ana(shop)
    made = shop.wishlists.create(ana)
    assert (made.name, made.items, made.share_token) == ("Favoritos", (), None)
    assert shop.wishlists.create(ana).id == made.id
    of = {"customer_id": ana}
    shop.wishlists.add(made.id, sku="A1", **of)
    shop.clock.advance(seconds=1)
    shop.wishlists.add(made.id, sku="B2", **of)
    shown = shop.wishlists.add(made.id, sku="A1", **of)
    assert [(each.sku, each.available) for each in shown.items] == [("B2", 0), ("A1", 3)]
    shop.product("A1", price=800)
    assert shop.wishlists.get(made.id, **of).items[1].price == Money(800, "BRL")
    assert shop.wishlists.get(made.id, currency="USD", **of).items[1].price is None
    shop.sql("UPDATE mc_product SET active = false")
    assert not shop.wishlists.get(made.id, **of).items[0].active
    left = shop.wishlists.remove(made.id, sku="B2", **of)
    assert [each.sku for each in left.items] == ["A1"]


def test_a_wish_moves_into_a_cart_whole(shop: TestShop) -> None:
    """It is in the cart and off the list, or neither when there are not enough pieces."""
    shop.product(stock=2)
    ana = _ana(shop)
    of = {"customer_id": ana}
    made = shop.wishlists.add(shop.wishlists.create(ana).id, sku="A1", **of)
    cart = shop.cart()
    with pytest.raises(InsufficientStock):
        shop.wishlists.move_to_cart(made.id, sku="A1", cart_id=cart, quantity=3, **of)
    assert len(shop.wishlists.get(made.id, **of).items) == 1
    assert shop.wishlists.move_to_cart(made.id, sku="A1", cart_id=cart, quantity=2, **of).lines[0].quantity == 2
    assert shop.wishlists.get(made.id, **of).items == ()


def test_a_wish_stays_when_its_cart_refuses_it_in_a_hosts_transaction(shop: TestShop) -> None:
    """A host that goes on after the refusal, and commits, has lost no wish."""
    shop.product(stock=2)
    of = {"customer_id": _ana(shop)}
    made = shop.wishlists.add(shop.wishlists.create(**of).id, sku="A1", **of)
    cart = shop.cart()
    with Session(shop.engine) as session, session.begin():
        mine = shop.on(session).wishlists
        for wrong in ({"cart_id": cart, "quantity": 3}, {"cart_id": cart, "quantity": None}, {"cart_id": "none"}):
            with pytest.raises(CommerceError):
                mine.move_to_cart(made.id, sku="A1", **of, **wrong)
    assert [each.sku for each in shop.wishlists.get(made.id, **of).items] == ["A1"]


def test_a_shared_list(shop: TestShop) -> None:
    """Whoever has the token reads it until it is taken back; a new token is another one."""
    shop.product()
    ana = _ana(shop)
    of = {"customer_id": ana}
    made = shop.wishlists.create(ana, name="Casamento")
    shop.wishlists.add(made.id, sku="A1", **of)
    token = shop.wishlists.share(made.id, **of)
    assert shop.wishlists.share(made.id, **of) == token
    assert [each.sku for each in shop.wishlists.of_token(token).items] == ["A1"]
    shop.wishlists.unshare(made.id, **of)
    with pytest.raises(NotFound, match="wish list"):
        shop.wishlists.of_token(token)
    assert shop.wishlists.share(made.id, **of) != token


def test_several_lists(shop: TestShop) -> None:
    """Each has a name of its own, in three statements however many they are; one may be renamed and deleted."""
    shop.product()
    ana = _ana(shop)
    of = {"customer_id": ana}
    one, two = (shop.wishlists.create(ana, name=name) for name in ("Um", "Dois"))
    shop.wishlists.add(two.id, sku="A1", **of)
    with shop.statements() as sent:
        lists = shop.wishlists.of_customer(ana)
    assert ([each.name for each in lists], len(sent)) == (["Um", "Dois"], 3)
    assert shop.wishlists.rename(one.id, name="Três", **of).name == "Três"
    with pytest.raises(ValidationError, match="taken"):
        shop.wishlists.rename(one.id, name="Dois", **of)
    shop.wishlists.delete(two.id, **of)
    assert [each.name for each in shop.wishlists.of_customer(ana)] == ["Três"]


Call = Callable[[TestShop, int, int], Any]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda s, me, _: s.wishlists.get(999, customer_id=me), id="unknown"),
        pytest.param(lambda s, me, _: s.wishlists.get(True, customer_id=me), id="no id"),
        pytest.param(lambda s, _, mine: s.wishlists.get(mine, customer_id=2), id="somebody else's"),
        pytest.param(lambda s, _, mine: s.wishlists.add(mine, customer_id=2, sku="A1"), id="add to another's"),
        pytest.param(lambda s, me, mine: s.wishlists.add(mine, customer_id=me, sku="ZZ"), id="unknown sku"),
        pytest.param(lambda s, me, mine: s.wishlists.remove(mine, customer_id=me, sku="A1"), id="not on it"),
        pytest.param(lambda s, me, mine: s.wishlists.remove(mine, customer_id=me, sku="\0"), id="no sku"),
        pytest.param(lambda s, _, mine: s.wishlists.delete(mine, customer_id=2), id="delete another's"),
        pytest.param(lambda s, _, mine: s.wishlists.share(mine, customer_id=2), id="share another's"),
        pytest.param(lambda s, _, __: s.wishlists.create(999), id="unknown customer"),
        pytest.param(lambda s, _, __: s.wishlists.of_token(5), id="no token"),
    ],
)
def test_what_is_unknown(sqlite_shop: TestShop, call: Call) -> None:
    """Neither unknown things nor somebody else's lists are found."""
    sqlite_shop.product()
    ana = _ana(sqlite_shop)
    sqlite_shop.customers.create(email="bia@example.com")
    mine = sqlite_shop.wishlists.create(ana).id
    with pytest.raises(NotFound):
        call(sqlite_shop, ana, mine)


def test_bounds(sqlite_shop: TestShop) -> None:
    """A name has 1 to 120 characters, a customer at most 50 lists."""
    ana = _ana(sqlite_shop)
    for name in ("", "x" * 121, None):
        with pytest.raises(ValidationError, match="name"):
            sqlite_shop.wishlists.create(ana, name=name)
    with sqlite_shop.transaction() as tx:
        for n in range(50):
            tx.wishlists.create(ana, name=f"L{n}")
        with pytest.raises(ValidationError, match="lists"):
            tx.wishlists.create(ana, name="one more")
