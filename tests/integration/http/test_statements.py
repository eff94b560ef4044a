"""How many statements a request costs the database, through the API itself."""

import pytest
from sqlalchemy import event

from mestres_core import ProductDraft, VariantDraft
from mestres_core.contrib.http import Request
from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop, wire

PRODUCTS = 30


@pytest.fixture
def counted(database_url):
    """`counted(cache)`: a function that requests from a filled shop and gives the statements that this sent."""
    settings = Settings.from_environment({"MESTRES_DATABASE_URL": database_url})
    with open_shop(settings) as shop:
        shop.catalog.save_many(
            ProductDraft(
                key=str(number),
                name=f"Café {number}",
                category=("Grãos", "Torra Média"),
                attributes={"Torra": "Média", "Origem": "Cerrado"},
                images=("/a.svg", "/b.svg"),
                variants=tuple(VariantDraft(sku=f"S{number}-{size}", price=1000, stock=3) for size in range(3)),
            )
            for number in range(PRODUCTS)
        )

        def start(*, cache):
            api = wire(shop, Settings(database_url=database_url, cache=cache)).api

            def request(path, query=""):
                sent = []

                def note(_connection, _cursor, statement, *_):
                    sent.append(statement)

                event.listen(shop.engine, "before_cursor_execute", note)
                try:
                    reply = api.handle(Request("GET", path, query))
                finally:
                    event.remove(shop.engine, "before_cursor_execute", note)
                assert reply.status == 200, reply.body
                return [each for each in sent if not each.startswith("BEGIN")], reply.header("X-Cache")

            return request

        yield start


READS = [
    ("/api/v1/products", "per_page=25", 3),
    ("/api/v1/products", "category=graos&per_page=30&sort=price", 3),
    ("/api/v1/products/1", "", 5),
    ("/api/v1/categories", "", 1),
]


@pytest.mark.parametrize(("path", "query", "most"), READS)
def test_a_request_without_a_cache_keeps_its_budget(counted, path, query, most):
    """A list costs at most 3 statements and a detail 5, however many rows and variants there are: no N+1."""
    request = counted(cache=False)

    for _ in range(2):
        sent, state = request(path, query)
        assert 1 <= len(sent) <= most, sent
        assert state is None


@pytest.mark.parametrize(("path", "query", "most"), READS)
def test_a_hit_asks_the_database_nothing(counted, path, query, most):
    """What is in the cache costs no statement at all, and what is not costs no more than without one."""
    request = counted(cache=True)

    first, _ = request(path, query)
    second, state = request(path, query)

    assert len(first) <= most
    assert (second, state) == ([], "hit")


def test_a_detail_by_its_slug_is_a_hit_too(counted):
    """By id and by slug it is one document, and neither asks the database once it is known."""
    request = counted(cache=True)
    request("/api/v1/products/cafe-7")

    assert request("/api/v1/products/cafe-7") == ([], "hit")
