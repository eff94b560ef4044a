"""A shop with its cache and breakers on."""

import contextlib
import json
import socket
import time

import pytest
from sqlalchemy import text

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Request
from mestres_core.events.facts import CartChanged, OrderChanged, ProductChanged, StockChanged
from mestres_core.providers.fake import FakeCard, FakePix
from mestres_perf import MISS, Cache, Redis


@pytest.fixture
def shop(database_url, fill):
    """A shop that sells one coffee, of which there are two pieces."""
    fill(database_url)
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


def test_a_read_after_a_write_never_shows_the_old_value(shop, api):
    """Each of a hundred changes is seen by the very next read, by whatever way."""
    for price in range(1000, 1100):
        name = f"Café {price}"
        _save(shop, price=price, name=name)

        for path, query in _READS:
            if "categories" not in path:
                assert name in _get(api, path, query)[1], (path, query)


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
    assert perf.tags_of([CartChanged("c")]) == {"cart:c"}
    assert perf.tags_of([OrderChanged("n", "placed", "paid", 7)]) == {"order:n", "orders:7"}
    assert perf.tags_of([OrderChanged("n", "placed", "paid")]) == {"order:n"}


def test_what_is_rolled_back_invalidates_nothing(shop, api):
    """A change that is undone leaves the cache as it was."""
    _get(api, "/api/v1/products/1")

    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        tx.catalog.save(key="cafe", name="Outro", variants=[{"sku": "A", "price": 1}])
        raise ZeroDivisionError

    assert _get(api, "/api/v1/products/1")[0] == "hit"


def test_carts_and_orders_are_invalidated_too(shop):
    """What a host remembers of carts and orders under their tags is gone when they change."""
    with Cache("host") as cache:
        perf.keep_true(shop, cache)
        cart = shop.carts.create()
        customer = _buy(shop).customer_id
        cache.set("cart", 1, tags=[f"cart:{cart.id}"])
        cache.set("orders", 1, tags=[f"orders:{customer}"])

        shop.carts.add(cart.id, sku="A", quantity=1)
        assert cache.get("cart") is MISS
        assert cache.get("orders") == 1

        order = _buy(shop)
        assert cache.get("orders") is MISS
        cache.set("order", 1, tags=[f"order:{order.number}"])
        shop.orders.cancel(order.number)
        assert cache.get("order") is MISS


@pytest.fixture
def processes(database_url, redis_db):
    """`processes(cached=True)`: another process on the same database and Redis: its shop, its API."""
    with contextlib.ExitStack() as stack:

        def start(*, cached=True):
            shop = stack.enter_context(Commerce.open(database_url))
            if not cached:
                return shop, None
            cache = stack.enter_context(Cache("shop", redis=Redis(redis_db, timeout=2.0), trust=0.001))
            return shop, Api(shop, reads=perf.CachedReads(shop, cache))

        yield start


def _price(api, name="1"):
    time.sleep(0.002)  # longer than memory is trusted
    state, body = _get(api, f"/api/v1/products/{name}")
    return state, json.loads(body)["data"]["product"]["price"]["amount"]


def test_another_process_sees_a_committed_change(processes):
    """What one process commits, another one on the same Redis reads, and finds it there ready-made."""
    (shop, here), (_, there) = processes(), processes()
    _save(shop, price=1000)
    assert _price(here) == ("miss", 1000)
    assert _price(there) == ("hit", 1000)

    _save(shop, price=2000)

    assert _price(there) == ("miss", 2000)
    assert _price(here) == ("hit", 2000)


def test_a_crash_after_the_commit_is_made_up_for_by_the_relay(processes):
    """A process that dies between its commit and its listeners leaves Redis untrue until somebody relays."""
    (worker, api), (dead, _) = processes(), processes(cached=False)
    _save(worker, price=1000)
    worker.relay()
    assert _price(api) == ("miss", 1000)

    _save(dead, price=2000)  # nobody hears of it
    assert _price(api) == ("hit", 1000)
    worker.relay()

    assert _price(api) == ("miss", 2000)


def test_the_warmer_loads_what_is_asked_for_most(shop):
    """Featured products, the category tree, the first list and the common searches are hits for the first visitor."""
    shop.catalog.save(key="cafe", name="Café", featured=True, variants=[{"sku": "A", "price": 1}])
    with Cache("test") as cache:
        api = Api(shop, reads=perf.CachedReads(shop, cache))
        report = perf.warmer(api, cache).warm()

        counts = {entry.name: entry.loaded for entry in report.entries}
        assert counts == {"featured products": 1, "category tree": 1, "product list": 1, "common searches": 4}
        assert report.failed == 0
        for words in ("café", "premium", "especial", "arábica"):
            assert _get(api, "/api/v1/products", f"search={words}")[0] == "hit"
        for path in ("/api/v1/products/cafe", "/api/v1/products/1", "/api/v1/categories", "/api/v1/products"):
            assert _get(api, path)[0] == "hit"
        assert (perf.warmer(api, cache).warm().loaded, cache.stats().errors) == (0, 0)


def test_what_cannot_be_warmed_is_reported(shop):
    """An address that is refused fails by its name and leaves the others alone."""
    with Cache("test") as cache:
        api = Api(shop, reads=perf.CachedReads(shop, cache))
        declared = perf.warmer(api, cache)
        declared.visit("gone", ["/api/v1/products/unknown", "/api/v1/products?sort=name"], perf.visitor(api))
        gone = declared.warm().entries[-1]

    assert (gone.loaded, gone.failed) == (1, 1)
    assert "404" in gone.errors[0]


def test_the_relay_keeps_what_redis_could_not_be_told(database_url):
    """While Redis is away a fact stays in the outbox; it is delivered again, and not lost with this process."""
    with socket.socket() as held, contextlib.ExitStack() as stack:
        held.bind(("127.0.0.1", 0))
        redis = Redis(f"redis://127.0.0.1:{held.getsockname()[1]}/0")
        shop = stack.enter_context(Commerce.open(database_url))
        cache = stack.enter_context(Cache("shop", redis=redis))
        perf.keep_true(shop, cache)
        _save(shop, price=1000)

        assert shop.relay() == 0
    with Commerce.open(database_url) as shop:
        query = text("SELECT count(*) FROM mc_outbox WHERE delivered_at IS NULL AND last_error LIKE 'BackendUn%'")
        with shop.engine.connect() as connection:
            assert connection.execute(query).scalar_one() == 1


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
