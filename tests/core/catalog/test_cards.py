"""Cards: what lists show is what the products' own rows say, whoever changed them and in whatever order."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.catalog.dto import ProductCard, ProductDraft, VariantDraft
from mestres_core.db import schema
from mestres_core.money import Money


def packets(*prices: int, **more: Any) -> list[dict[str, Any]]:
    """Variants P0, P1, ... at these prices."""
    return [{"sku": f"P{index}", "price": price, "stock": 5} | more for index, price in enumerate(prices)]


def shown(shop: TestShop, currency: str = "BRL") -> list[tuple[Any, ...]]:
    """What a list has of each product; the audit must have nothing against it."""
    assert shop.audit().violations == ()
    cards: tuple[ProductCard, ...] = shop.catalog.list(currency=currency, sort="price").items
    return [(card.sku, card.price.amount, card.max_price.amount, card.variants, card.in_stock) for card in cards]


def test_a_card_has_the_range_of_prices(shop: TestShop) -> None:
    """The lowest and the highest price of what can be chosen, and how many there are to choose from."""
    shop.catalog.save(name="Café", key="k", variants=packets(4590, 8990, 2990))
    card = shop.catalog.list().items[0]
    assert (card.price_range, card.min_price, card.variants) == (
        (Money(2990, "BRL"), Money(8990, "BRL")),
        card.price,
        3,
    )
    assert shop.catalog.get("cafe").card == card
    assert shop.catalog.featured() == ()


CHANGES: dict[str, tuple[Callable[[TestShop], Any], list[tuple[Any, ...]]]] = {
    "a higher price": (lambda shop: shop.pricing.set_price("P1", amount=700), [("P0", 100, 700, 2, True)]),
    "a lower price": (lambda shop: shop.pricing.set_price("P1", amount=70), [("P0", 70, 100, 2, True)]),
    "one variant fewer": (
        lambda shop: shop.catalog.save(name="C", key="k", variants=packets(150)),
        [("P0", 150, 150, 1, True)],
    ),
    "another one first": (
        lambda shop: shop.catalog.save(name="C", key="k", variants=packets(100, 200)[::-1]),
        [("P1", 100, 200, 2, True)],
    ),
    "withdrawn": (lambda shop: shop.catalog.save(name="C", key="k", active=False, variants=packets(100, 200)), []),
    "one sold out": (lambda shop: shop.inventory.set("P0", on_hand=0), [("P0", 100, 200, 2, True)]),
    "all sold out": (
        lambda shop: [shop.inventory.set(sku, on_hand=0) for sku in ("P0", "P1")],
        [("P0", 100, 200, 2, False)],
    ),
    "bought": (lambda shop: (shop.buy("P0", 5), shop.buy("P1", 5)), [("P0", 100, 200, 2, False)]),
    "taken back": (
        lambda shop: shop.orders.cancel((shop.buy("P0", 5), shop.buy("P1", 5))[1].order.number),
        [("P0", 100, 200, 2, True)],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_reaches_the_card(shop: TestShop, change: str) -> None:
    """Prices, variants, stock and whether a product is shown at all: the list has it as soon as it is written."""
    shop.catalog.save(name="C", key="k", variants=packets(100, 200))
    act, expected = CHANGES[change]
    act(shop)
    assert shown(shop) == expected


def test_each_currency_has_its_own_card(shop: TestShop) -> None:
    """A product is listed in a currency from its first price in it, by the variants that have one, and their stock."""
    shop.catalog.save(name="C", key="k", variants=packets(100, 200))
    assert shown(shop, "USD") == []
    shop.pricing.set_price("P1", amount=40, currency="USD")
    assert shown(shop, "USD") == [("P1", 40, 40, 1, True)]
    shop.inventory.set("P1", on_hand=0)
    assert (shown(shop, "USD")[0][-1], shown(shop)[0][-1]) == (False, True)
    shop.catalog.save(name="C", key="k", variants=packets(100))  # P1 is not sold any more
    assert shown(shop, "USD") == []
    shop.catalog.save(name="C", key="k", active=False, variants=packets(100, 200))
    shop.catalog.save(name="C", key="k", variants=packets(100, 200))
    assert shown(shop, "USD") == [("P1", 40, 40, 1, False)]


def test_what_is_reserved_is_not_in_stock(shop: TestShop) -> None:
    """A first price in another currency counts reserved pieces as gone, as the card beside it does."""
    shop.catalog.save(name="C", key="k", variants=packets(100))
    shop.reservations.reserve("ana", items={"P0": 5})
    shop.pricing.set_price("P0", amount=40, currency="USD")
    assert shown(shop) == [("P0", 100, 100, 1, False)]
    assert shown(shop, "USD") == [("P0", 40, 40, 1, False)]


@pytest.mark.parametrize("first", ["price", "sale"])
@pytest.mark.parametrize("currency", ["BRL", "USD"])
def test_two_who_change_one_product_take_turns(shop: TestShop, first: str, currency: str) -> None:
    """A price and the sale of the last piece at once: whichever is written first, the card is right about both."""
    shop.catalog.save(name="C", key="k", variants=packets(100))
    acts: dict[str, Callable[[Any], object]] = {
        "price": lambda services: services.pricing.set_price("P0", amount=70, currency=currency),
        "sale": lambda services: services.inventory.set("P0", on_hand=0),
    }
    second = next(name for name in acts if name != first)
    errors: list[BaseException] = []

    def other() -> None:
        try:
            shop.run(acts[second])
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            errors.append(error)

    thread = threading.Thread(target=other)
    with shop.transaction() as services:
        acts[first](services)
        thread.start()
        thread.join(0.3)  # it waits for the lock by then, or it is not under way yet: both must end alike
        assert thread.is_alive()
    thread.join()
    assert errors == []
    assert shown(shop, currency) == [("P0", 70, 70, 1, False)]


PLANTS = {
    "a card says whether there is stock": "UPDATE mc_product_card SET in_stock = NOT in_stock",
    "a card says what its product does": "UPDATE mc_product_card SET max_price = max_price + 1",
    "what a list may show has a card": "DELETE FROM mc_product_card",
    "a card is of what a list may show": "UPDATE mc_product SET active = (1 = 0)",
}


@pytest.mark.parametrize("rule", PLANTS)
def test_the_audit_finds_wrong_cards(shop: TestShop, rule: str) -> None:
    """Each way in which a card can be wrong has a rule, and the rule names the product."""
    made = shop.product()
    shop.sql(PLANTS[rule])
    assert [(each.rule, each.rows) for each in shop.audit().violations] == [(rule, (f"{made.id} BRL",))]


def test_cards_of_before_are_put_right(shop: TestShop) -> None:
    """Going back gives every product its card, as it was before; coming again drops what no list shows."""
    shop.catalog.save(name="C", key="k", variants=packets(100, 200))
    shop.pricing.set_price("P1", amount=40, currency="USD")
    shop.catalog.save(name="Fora", key="f", active=False, variants=[{"sku": "F", "price": 5, "stock": 1}])
    before = [shown(shop), shown(shop, "USD")]
    schema.migrate(shop.core.engine, f"-{int(schema.HEAD) - 15}")
    cards = shop.sql("SELECT sku, price, in_stock FROM mc_product_card ORDER BY price")
    assert [(sku, price, bool(stocked)) for sku, price, stocked in cards] == [
        ("F", 5, True),
        ("P1", 40, True),
        ("P0", 100, True),
    ]
    shop.migrate()
    assert [shown(shop), shown(shop, "USD")] == before


def test_many_are_saved_in_few_statements(shop: TestShop) -> None:
    """A hundred products take no more statements than one, new or changed."""

    def drafts(count: int, price: int) -> list[ProductDraft]:
        return [
            ProductDraft(
                key=f"{count}-{index}",
                name=f"Café {index}",
                category=("Grãos",),
                attributes={"Torra": "Média", "Nota": 'doce "de" \\ leite'},
                images=(f"https://example.com/{index}.jpg",),
                variants=tuple(
                    VariantDraft(sku=f"{count}-{index}-{size}", price=price + size, stock=1) for size in (1, 2)
                ),
            )
            for index in range(count)
        ]

    shop.catalog.save_many(drafts(1, 100))
    for price in (200, 300):
        sent = []
        for count in (2, 100):
            with shop.statements() as statements:
                shop.catalog.save_many(drafts(count, price))
            sent.append(len(statements))
        assert sent[0] == sent[1] <= 24
    assert [card.price_range for card in shop.catalog.list(per_page=1)] == [(Money(301, "BRL"), Money(302, "BRL"))]
    saved = shop.catalog.get(shop.catalog.list().items[0].id)
    assert saved.attributes == {"Torra": "Média", "Nota": 'doce "de" \\ leite'}
    assert shop.audit().clean
