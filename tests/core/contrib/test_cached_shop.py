"""A shop whose catalogue is read through a cache: `perf.with_cache`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core import ProductDraft, VariantDraft
from mestres_core.contrib import perf
from mestres_core.errors import NotFound, ValidationError


@pytest.fixture
def cached(shop: TestShop) -> Iterator[Any]:
    """The shop with two products, through a cache in memory."""
    shop.product("A1")
    shop.product("B1")
    with perf.open_cache() as cache:
        yield perf.with_cache(shop.core, cache)


_CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("get", lambda shop: shop.catalog.get(1)),
    ("get by slug", lambda shop: shop.catalog.get("cafe-a1")),
    ("list", lambda shop: shop.catalog.list(per_page=5, currency="BRL")),
    ("list of prices", lambda shop: shop.catalog.list(max_price=5000)),
    ("featured", lambda shop: shop.catalog.featured(limit=3)),
    ("categories", lambda shop: shop.catalog.categories()),
    ("search", lambda shop: shop.search.products("café")),
    ("suggest", lambda shop: shop.search.suggest("caf")),
]


@pytest.mark.parametrize(("name", "call"), _CALLS, ids=[name for name, _ in _CALLS])
def test_a_second_read_asks_no_database(cached: Any, shop: TestShop, name: str, call: Callable[[Any], Any]) -> None:
    """What was read once is answered without one statement, and is what the shop itself says; a change is seen."""
    assert call(cached) == call(shop.core), name
    with shop.statements() as sent:
        call(shop.core)
    own = len(sent)
    with shop.statements() as sent:
        call(cached)
    assert (own > 0, sent) == (True, [])

    shop.product("A1", price=7777, featured=True)
    assert call(cached) == call(shop.core)


def test_a_change_of_stock_is_seen_on_its_page(cached: Any, shop: TestShop) -> None:
    """Pieces are part of the detail, under both of its names."""
    for which in (1, "cafe-a1"):
        cached.catalog.get(which)
    shop.inventory.set("A1", on_hand=3)
    assert [cached.catalog.get(which).variants[0].available for which in (1, "cafe-a1")] == [3, 3]


def test_a_bulk_change_is_seen_whole(cached: Any, shop: TestShop) -> None:
    """What is saved as a set invalidates each of its products."""
    for which in (1, 2):
        cached.catalog.get(which)
    drafts = [ProductDraft(key=sku, name=sku, variants=(VariantDraft(sku=sku, price=5),)) for sku in ("A1", "B1")]
    shop.catalog.save_many(drafts)
    assert [cached.catalog.get(which).card.price.amount for which in (1, 2)] == [5, 5]


@pytest.mark.parametrize("arguments", [{"per_page": 0}, {"currency": []}, {"attributes": {1: object()}}, {"page": "1"}])
def test_a_wrong_argument_is_refused_as_by_the_shop(cached: Any, shop: TestShop, arguments: dict[str, Any]) -> None:
    """The error is the shop's own; nothing is remembered."""
    errors = []
    for each in (shop.core, cached, cached):
        with pytest.raises((ValidationError, TypeError)) as refused:
            each.catalog.list(**arguments)
        errors.append((type(refused.value), str(refused.value)))
    assert len(set(errors)) == 1


@pytest.mark.parametrize("which", [99, "unknown", "", True, None, 2**70])
def test_what_is_not_there(cached: Any, which: Any) -> None:
    """It is not found, again and again, and found once it is there."""
    for _ in range(2):
        with pytest.raises((NotFound, ValidationError)):
            cached.catalog.get(which)


def test_not_found_is_not_remembered(cached: Any, shop: TestShop) -> None:
    """A product that is made after somebody asked for it is there at once."""
    with pytest.raises(NotFound):
        cached.catalog.get("cafe-c1")
    made = shop.product("C1")
    assert cached.catalog.get("cafe-c1") == cached.catalog.get(made.card.id)


@pytest.mark.parametrize("end", ["commit", "rollback", "savepoint"])
def test_the_hosts_own_session(cached: Any, shop: TestShop, end: str) -> None:
    """What a host commits is seen by the next read; what it rolls back leaves the cache as it was."""
    cached.catalog.get(1)
    variants = [{"sku": "A1", "price": 4321}]
    with Session(shop.engine) as session:
        nested = session.begin_nested() if end == "savepoint" else None
        cached.on(session).catalog.save(key="A1", name="Café A1", variants=variants)
        if nested is not None:
            nested.commit()
        if end == "rollback":
            session.rollback()
        else:
            session.commit()
    with shop.statements() as sent:
        price = cached.catalog.get(1).card.price.amount
    assert price == (1000 if end == "rollback" else 4321)
    assert bool(sent) is (end != "rollback")


def test_a_host_may_go_on_in_the_same_session(shop: TestShop) -> None:
    """Each commit tells what it has committed, once; a rollback before it is forgotten."""
    told: list[list[str]] = []
    shop.on_committed(lambda facts: told.append([fact.type for fact in facts]))
    with Session(shop.engine) as session:
        services = shop.on(session)
        services.catalog.save(name="a", variants=[{"sku": "a", "price": 1}])
        session.rollback()
        services.catalog.save(name="b", variants=[{"sku": "b", "price": 1}])
        shop.on(session).catalog.save(name="c", variants=[{"sku": "c", "price": 1}])
        session.commit()
        session.commit()
        services.catalog.save(name="d", variants=[{"sku": "d", "price": 1}])
        session.commit()
    assert told == [["ProductChanged", "ProductChanged"], ["ProductChanged"]]


def test_a_transaction_that_is_the_connections(cached: Any, shop: TestShop) -> None:
    """A session that joined it has committed, and nothing is committed yet: what is read meanwhile is not kept."""
    before = cached.catalog.get(1).card.price.amount
    with shop.engine.connect() as connection, connection.begin():
        with Session(connection) as session:
            shop.core.on(session).pricing.set_price("A1", amount=7777)
            session.commit()
        assert before == cached.catalog.get(1).card.price.amount
    assert 7777 == cached.catalog.get(1).card.price.amount == cached.catalog.list().items[-1].price.amount


def test_warming(cached: Any, shop: TestShop) -> None:
    """What is asked for most is there before anybody asks."""
    shop.product("F1", featured=True)
    assert cached.warm(searches=["café"]) == 5
    with shop.statements() as sent:
        cached.catalog.list()
        cached.catalog.get(3)
        cached.search.products("café")
        cached.catalog.categories()
    assert sent == []


def test_all_else_is_the_shops_own(cached: Any, shop: TestShop) -> None:
    """Carts, checkout, transactions are reached through it, uncached."""
    cart = cached.carts.create()
    cached.carts.add(cart.id, sku="A1")
    with cached.transaction() as tx:
        tx.catalog.save(key="A1", name="Café A1", variants=[{"sku": "A1", "price": 1}])
        assert tx.catalog.get(1).card.price.amount == 1
    assert cached.audit().violations == shop.audit().violations == ()


_READS: tuple[Callable[[Any], Any], ...] = (
    lambda shop: shop.catalog.get(1),
    lambda shop: shop.catalog.get("cafe-a1", locale="en"),
    lambda shop: shop.catalog.list(per_page=5),
    lambda shop: shop.catalog.list(category="torra"),
    lambda shop: shop.catalog.list(collection="escolhidos"),
    lambda shop: shop.catalog.list(channel="loja"),
    lambda shop: shop.catalog.list(locale="en"),
    lambda shop: shop.catalog.featured(),
    lambda shop: shop.catalog.categories(),
    lambda shop: shop.search.products("café"),
    lambda shop: shop.search.suggest("caf"),
)


def _approved_review(shop: Any) -> None:
    customer = shop.buy("A1").order.customer_id
    shop.reviews.approve(shop.reviews.submit(customer, product_id=1, rating=4).id)


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "a category's name": lambda shop: shop.categories.rename("torra", name="Torras"),
    "a category's place": lambda shop: shop.categories.create("Clara", parent="torra"),
    "a collection": lambda shop: shop.collections.take("escolhidos", "cafe-a1"),
    "a tag": lambda shop: shop.collections.tag("cafe-a1", "novo"),
    "a picture": lambda shop: shop.media.add("cafe-a1", url="https://example.com/a.jpg"),
    "a translation": lambda shop: shop.translations.save("product", 1, "en", name="Coffee A1"),
    "a channel": lambda shop: shop.channels.unpublish("cafe-a1", "loja"),
    "an attribute": lambda shop: shop.attributes.set("cafe-a1", {"altitude": 1200}),
    "options": lambda shop: shop.variants.assign("A1", {"moagem": "fina"}),
    "a price list": lambda shop: shop.pricing.save_list("loja", channel="loja", active=False),
    "a price": lambda shop: shop.pricing.set_price("A1", amount=4321),
    "the last piece": lambda shop: shop.inventory.set("A1", on_hand=0),
    "a review": _approved_review,
}


@pytest.mark.parametrize("name", _CHANGES)
def test_a_change_of_any_room_is_seen_by_every_read(sqlite_shop: TestShop, name: str) -> None:
    """Whatever of the catalogue changes, each cached read says at once what the shop itself says."""
    shop = sqlite_shop
    shop.product("A1")
    shop.product("B1")
    shop.categories.create("Torra")
    shop.product("A1", category="torra")
    shop.collections.save("Escolhidos", products=["cafe-a1", "cafe-b1"])
    shop.channels.save("loja")
    shop.channels.publish("cafe-a1", "loja")
    shop.pricing.save_list("loja", channel="loja")
    shop.pricing.set_prices("A1", prices=[{"amount": 900}], price_list="loja")
    shop.attributes.define("altitude", type="number")
    shop.variants.set_options("cafe-a1", {"moagem": ["fina", "grossa"]})
    with perf.open_cache() as cache:
        cached: Any = perf.with_cache(shop.core, cache)
        for read in _READS:
            read(cached)
        _CHANGES[name](shop)
        assert [read(cached) for read in _READS] == [read(shop.core) for read in _READS]
