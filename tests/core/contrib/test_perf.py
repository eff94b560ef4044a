"""A shop with its cache and breakers on."""

import pytest

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Request
from mestres_core.events.facts import CartChanged, OrderChanged, ProductChanged, StockChanged
from mestres_core.providers.fake import FakeCard, FakePix
from mestres_perf import Cache


@pytest.fixture
def shop(database_url):
    """A shop that sells one coffee, of which there are two pieces."""
    with Commerce.open(database_url, providers=perf.guarded((FakeCard(), FakePix()))) as shop:
        _save(shop, price=1000)
        yield shop


@pytest.fixture
def api(shop):
    """Its API, reading through a cache."""
    cache = Cache("test")
    yield Api(shop, reads=perf.CachedReads(shop, cache))
    cache.close()


def _save(shop, *, price, name="Café"):
    return shop.catalog.save(
        key="cafe",
        name=name,
        category="Grãos",
        variants=[{"sku": "A", "price": price, "stock": 2, "weight_grams": 250}],
    )


def _get(api, path, query=""):
    reply = api.handle(Request("GET", path, query))
    return reply.header("X-Cache"), reply.body.decode()


def _buy(shop, *, token="tok_ok"):
    cart = shop.carts.create()
    shop.carts.add(cart.id, sku="A", quantity=1)
    quote = shop.checkout.quote(cart.id, address=ADDRESS)
    payment = {"method": "card", "token": token}
    return shop.checkout.place(
        cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=payment
    ).order


_READS = [
    ("/api/v1/products", ""),
    ("/api/v1/products", "search=cafe"),
    ("/api/v1/products/1", ""),
    ("/api/v1/products/cafe", ""),
    ("/api/v1/categories", ""),
    ("/api/v1/search/suggest", "q=ca"),
]


@pytest.mark.parametrize(("path", "query"), _READS)
def test_the_second_read_is_a_hit_with_the_same_answer(api, path, query):
    """What was read once is remembered, to the byte."""
    first, second = _get(api, path, query), _get(api, path, query)

    assert (first[0], second[0]) == ("miss", "hit")
    assert first[1] == second[1]


@pytest.mark.parametrize(("path", "query"), [read for read in _READS if "categories" not in read[0]])
def test_a_read_after_a_write_never_shows_the_old_value(shop, api, path, query):
    """Each of a hundred changes is seen by the very next read."""
    for price in range(1000, 1100):
        name = f"Café {price}"
        _save(shop, price=price, name=name)

        assert name in _get(api, path, query)[1]


def test_stock_that_is_bought_is_gone_from_the_page(shop, api):
    """A purchase is seen by the next read of the product, and of the list when it was the last piece."""
    _get(api, "/api/v1/products")
    _get(api, "/api/v1/products/1")

    _buy(shop)
    assert '"available":1' in _get(api, "/api/v1/products/1")[1]
    assert _get(api, "/api/v1/products")[0] == "hit"
    _buy(shop)
    assert '"available":0' in _get(api, "/api/v1/products/1")[1]
    assert '"in_stock":false' in _get(api, "/api/v1/products")[1]


def test_a_hidden_product_is_gone_under_both_names(shop, api):
    """What is no longer active is not found at once, by id and by slug."""
    for name in ("1", "cafe"):
        assert _get(api, f"/api/v1/products/{name}")[1].startswith('{"data"')

    shop.catalog.save(key="cafe", name="Café", active=False, variants=[{"sku": "A", "price": 1}])

    for name in ("1", "cafe"):
        assert api.handle(Request("GET", f"/api/v1/products/{name}")).status == 404


def test_facts_name_what_they_make_untrue():
    """A changed product takes lists and searches with it; stock does so only when availability flips."""
    assert perf.tags_of([ProductChanged(1, 2)]) == {"product:1", "category:2", "catalog", "search"}
    assert perf.tags_of([ProductChanged(1, None)]) == {"product:1", "catalog", "search"}
    assert perf.tags_of([StockChanged(1, availability_flipped=False)]) == {"product:1"}
    assert perf.tags_of([StockChanged(1, availability_flipped=True)]) == {"product:1", "catalog", "search"}
    assert perf.tags_of([CartChanged("c"), OrderChanged("n", "placed", "paid")]) == set()


def test_an_open_breaker_is_a_provider_that_does_not_answer(shop):
    """While the breaker is open a checkout gives a pending order at once, never an error."""
    _save(shop, price=1000)
    shop.inventory.set("A", on_hand=100)
    for _ in range(5):
        _buy(shop, token="tok_down")

    order = _buy(shop, token="tok_ok")

    assert (order.status, order.payment_status) == ("pending", "pending")
    assert shop.config.providers[0].lookup(order.payments[0].id) is None


def test_declined_cards_do_not_open_the_breaker(shop):
    """A refusal is an answer: ten of them in a row leave the breaker closed."""
    from mestres_core.errors import PaymentDeclined

    for _ in range(10):
        with pytest.raises(PaymentDeclined):
            _buy(shop, token="tok_declined")

    assert _buy(shop).payment_status == "paid"
