"""Customers: who an e-mail address is, and what opens their orders."""

import threading

import pytest

from core_shop import CUSTOMER, TestShop
from mestres_core.errors import NotFound, ValidationError


def _buy(shop: TestShop, email: str) -> int:
    quote = shop.quote(shop.cart(("A1", 1)))
    arguments = shop.arguments(quote) | {"customer": {**CUSTOMER, "email": email}}
    found: int = shop.checkout.place(**arguments).order.customer_id
    return found


def test_an_address_is_one_customer(shop: TestShop) -> None:
    """Whatever the capitals, the same address buys as the same customer; another one as another."""
    shop.product()
    first = _buy(shop, "Ana@Example.com")
    assert (_buy(shop, "ana@example.COM"), _buy(shop, "bia@example.com") == first) == (first, False)
    assert shop.customers.find("ANA@example.com").id == first
    assert (shop.customers.get(first).email, shop.customers.get(first).name) == ("ana@example.com", "Ana Souza")
    assert shop.audit().clean


def test_two_first_orders_at_once_make_one_customer(shop: TestShop) -> None:
    """Eight buyers with one new address, all at once: one customer, eight orders."""
    shop.product(stock=100)
    quotes = [shop.quote(shop.cart(("A1", 1))) for _ in range(8)]
    found, barrier = [], threading.Barrier(8)

    def buy(arguments: dict[str, object]) -> None:
        barrier.wait()
        found.append(shop.checkout.place(**arguments).order.customer_id)

    threads = [threading.Thread(target=buy, args=(shop.arguments(quote),)) for quote in quotes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert shop.orders.of_customer(found[0]).total == 8


def test_a_token_opens_one_customers_orders_until_the_next(shop: TestShop) -> None:
    """Only the newest token opens, only its own customer, and the database keeps none that could be stolen."""
    shop.product()
    ana, bia = _buy(shop, "ana@example.com"), _buy(shop, "bia@example.com")
    assert not shop.customers.opens(ana, "")
    old = shop.customers.token(ana)
    assert shop.customers.opens(ana, old)
    assert not shop.customers.opens(bia, old)
    new = shop.customers.token(ana)
    assert (shop.customers.opens(ana, old), shop.customers.opens(ana, new)) == (False, True)
    assert not shop.customers.opens(999, new)
    assert new not in str(shop.sql("SELECT * FROM mc_customer"))


def test_an_unknown_customer(shop: TestShop) -> None:
    """Nobody is found, and nobody gets a token."""
    for ask in (
        lambda: shop.customers.get(1),
        lambda: shop.customers.get(2**70),
        lambda: shop.customers.find("nobody@example.com"),
        lambda: shop.customers.find("\0"),
        lambda: shop.customers.token(1),
        lambda: shop.customers.token(True),
        lambda: shop.orders.of_customer(1),
    ):
        with pytest.raises(NotFound):
            ask()


def test_orders_of_a_customer_newest_first_in_pages(shop: TestShop) -> None:
    """Every order once, newest first, by page or by cursor, with its number of lines."""
    shop.product(stock=100)
    customer = _buy(shop, "ana@example.com")
    _buy(shop, "bia@example.com")
    numbers = [shop.buy(quantity=pieces).order.number for pieces in (1, 2, 3, 4)]
    everything = shop.orders.of_customer(customer, per_page=3)
    assert [each.number for each in everything.items] == numbers[::-1][:3]
    assert [each.items_count for each in everything.items] == [1, 1, 1]
    assert everything.total == 5
    rest = shop.orders.of_customer(customer, per_page=3, cursor=everything.next_cursor)
    assert rest.items == shop.orders.of_customer(customer, per_page=3, page=2).items
    assert (rest.items[0].number, len(rest.items), rest.next_cursor) == (numbers[0], 2, None)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 400, 5, "\0"])
def test_a_wrong_cursor(shop: TestShop, cursor: object) -> None:
    """What is no cursor is refused by name."""
    with pytest.raises(ValidationError, match="cursor"):
        shop.orders.of_customer(1, cursor=cursor)


def test_what_the_list_costs(shop: TestShop) -> None:
    """Three statements for any number of orders: the customer, the page, the count."""
    shop.product(stock=100)
    customer = _buy(shop, "ana@example.com")
    for _ in range(5):
        shop.buy()
    with shop.statements() as sent:
        shop.orders.of_customer(customer)
    assert len(sent) == 3


def test_orders_from_before_there_were_customers(shop: TestShop) -> None:
    """Upgrading gives every order its customer, one for each address."""
    shop.product(stock=100)
    for email in ("Ana@example.com", "ana@example.com", "bia@example.com"):
        _buy(shop, email)
    shop.migrate("0001")
    shop.migrate()
    ana = shop.customers.find("ana@example.com")
    assert shop.orders.of_customer(ana.id).total == 2
    assert shop.audit().clean
