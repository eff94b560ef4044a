"""A host that has users, products and orders of its own takes a shop in: Flask and FastAPI, on both databases."""

import asyncio

import httpx
import pytest
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from integration.hosts import fastapi_host, flask_host
from integration.hosts.models import Base, Order, Product, User
from mestres_core import Commerce, metadata
from mestres_core.contrib.alembic import include_name, include_object
from mestres_core.db import schema


@pytest.fixture
def shop(database_url, fill):
    """A shop beside the host's tables, in the host's database and on one engine."""
    fill(database_url)
    with Commerce.open(database_url) as shop:
        Base.metadata.create_all(shop.engine)
        with Session(shop.engine) as session:
            session.add_all([User(name="ana"), Product(name="no coffee")])
            session.commit()
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1000, "stock": 5}])
        yield shop


class _Flask:
    def __init__(self, shop):
        self.client = flask_host.create_app(shop).test_client()

    def ask(self, method, path, **headers):
        answer = self.client.open(path, method=method, headers=headers)
        return answer.status_code, answer.headers["Content-Type"], answer.get_json(force=True, silent=True)


class _FastAPI:
    def __init__(self, shop):
        self.app = fastapi_host.create_app(shop)

    def ask(self, method, path, **headers):
        answer = asyncio.run(self._ask(method, path, headers))
        body = answer.json() if "json" in answer.headers["Content-Type"] else None
        return answer.status_code, answer.headers["Content-Type"], body

    async def _ask(self, method, path, headers):
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await client.request(method, path, headers=headers)


@pytest.fixture(params=[_Flask, _FastAPI], ids=["flask", "fastapi"])
def host(request, shop):
    return request.param(shop)


def counted(shop):
    """Rows of the host's orders, and of the shop's orders and facts; pieces set aside."""
    with Session(shop.engine) as session:
        host = session.scalar(select(func.count()).select_from(Order))
        ours = [
            session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("mc_order", "mc_cart", "mc_payment", "mc_outbox")
        ]
        session.commit()
    return host, *ours, shop.inventory.level("A").allocated


def test_one_request_is_one_transaction(shop, host):
    """What the host and the shop wrote in a request is there together after it."""
    status, _, body = host.ask("POST", "/users/ana/orders/A/well")

    assert status == 200
    with Session(shop.engine) as session:
        assert [order.shop_order for order in session.scalars(select(Order))] == [body["number"]]
    assert shop.orders.get(body["number"]).status == "pending"
    assert shop.inventory.level("A").allocated == 2
    assert shop.audit().clean


@pytest.mark.scenario("C24")
@pytest.mark.parametrize(("ending", "status"), [("fails", 500), ("aborts", 400)])
def test_a_request_that_fails_leaves_nothing(shop, host, ending, status):
    """The host's error, and its refusal, take the shop's rows back with the host's."""
    before = counted(shop)

    assert host.ask("POST", f"/users/ana/orders/A/{ending}")[0] == status
    assert counted(shop) == before
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Not found"), ("pt-BR", "Não encontrado")], ids=["english", "portuguese"]
)
def test_refusals_are_problem_documents(shop, host, language, title):
    """What the shop refuses in a host's own view is a problem document in the reader's language."""
    before = counted(shop)
    status, kind, body = host.ask("POST", "/users/ana/orders/NONE/well", **{"Accept-Language": language})

    assert (status, kind.partition(";")[0]) == (404, "application/problem+json")
    assert body["status"] == 404
    assert body["type"] == f"urn:mestres:problem:{body['code']}"
    assert body["title"]
    assert counted(shop) == before


def test_the_shops_own_api_is_served_beside(host):
    """The shop's HTTP API answers at its own paths in the host's app."""
    status, _, body = host.ask("GET", "/api/v1/products")

    assert status == 200
    assert [item["name"] for item in body["data"]["products"]] == ["Café"]


def test_one_openapi_document(shop):
    """The host's document has the shop's routes and its own; a component's name that both use means two things."""
    status, _, document = _FastAPI(shop).ask("GET", "/openapi.json")

    assert status == 200
    assert "/users/{name}/orders/{sku}/{ending}" in document["paths"]
    assert set(document["paths"]) > {"/api/v1/products"}
    schemas = document["components"]["schemas"]
    assert list(schemas["CartAnswer"]["properties"]) == ["number"]
    assert schemas["ShopCartAnswer"] != schemas["CartAnswer"]
    answer = document["paths"]["/api/v1/carts"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/ShopCartAnswer"}
    _resolved(document, document)


def _resolved(part, document):
    """Every `$ref` leads somewhere."""
    if isinstance(part, dict):
        if "$ref" in part:
            found = document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        for each in part.values():
            _resolved(each, document)
    elif isinstance(part, list):
        for each in part:
            _resolved(each, document)


@pytest.mark.parametrize("target", [Base.metadata, [Base.metadata, metadata]], ids=["own", "both"])
def test_the_hosts_autogenerate_leaves_the_shop_alone(shop, target):
    """Alembic on the host's side proposes nothing, whether or not it was told of the shop's metadata."""
    options = {"include_name": include_name, "include_object": include_object, "target_metadata": target}
    with shop.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, target) == []
        assert produce_migrations(context, target).upgrade_ops.is_empty()


def test_without_the_filter_it_would_not(shop):
    """The filter is what does it: without it the host's autogenerate drops every table of the shop."""
    with shop.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        dropped = {step[1].name for step in compare_metadata(context, Base.metadata) if step[0] == "remove_table"}

    assert {"mc_order", schema.VERSION_TABLE} <= dropped


def test_the_hosts_own_changes_are_still_seen(shop):
    """A column that the host's database lacks is proposed, and nothing else."""
    with shop.engine.begin() as connection:
        connection.exec_driver_sql('ALTER TABLE "product" DROP COLUMN name')
    options = {"include_name": include_name, "include_object": include_object}
    with shop.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        changes = compare_metadata(context, [Base.metadata, metadata])

    assert [(step[0], step[2], step[3].name) for step in changes] == [("add_column", "product", "name")]


def test_the_shops_history_leaves_the_host_alone(shop):
    """Down to nothing and up again, the host's tables and rows are as they were."""
    shop.migrate("base")
    with Session(shop.engine) as session:
        assert [user.name for user in session.scalars(select(User))] == ["ana"]
        session.commit()
    shop.migrate()

    assert shop.catalog.list().items == ()
