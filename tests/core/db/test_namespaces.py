"""Several shops in one database, each in a schema or under a prefix of its own."""

import asyncio

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.cli import main
from mestres_core.db.session import make_engine
from mestres_core.errors import DatabaseNotReady, ValidationError

PLACES = {
    "schema": ({"schema": "norte"}, {"schema": "sul"}),
    "prefix": ({"prefix": "norte_"}, {"prefix": "sul_"}),
}


@pytest.fixture(params=[("postgresql", "schema"), ("postgresql", "prefix"), ("sqlite", "prefix")], ids="-".join)
def places(request, tmp_path):
    """The URL of an empty database, and how two shops in it are told apart."""
    database, way = request.param
    url = f"sqlite:///{tmp_path / 'app.db'}"
    return (request.getfixturevalue("postgres_database") if database == "postgresql" else url), *PLACES[way]


def stocked(url, where, stock):
    shop = Commerce.open(url, **where)
    shop.catalog.save(name=f"Café {[*where.values()]}", variants=[{"sku": "A", "price": 1000, "stock": stock}])
    return shop


@pytest.mark.parametrize("places", [("postgresql", "schema"), ("sqlite", "prefix")], ids="-".join, indirect=True)
def test_two_shops_in_one_database(places, capsys):
    """One SKU in two shops is two goods: each sells, is searched, audited and migrated by itself, also awaited, in a
    snapshot, from the command line, and on an engine that the host brings, whose other users see nothing of it."""
    url, first, second = places
    engine = make_engine(url)
    with stocked(url, first, 5) as north, Commerce(engine, **second) as south:
        south.migrate()
        south.catalog.save(name="Café Sul", variants=[{"sku": "A", "price": 1000, "stock": 7}])
        cart = north.carts.create()
        north.carts.add(cart.id, sku="A", quantity=2)
        quote = north.checkout.quote(cart.id, address=ADDRESS)
        north.checkout.place(
            cart.id,
            quote_hash=quote.hash,
            idempotency_key="k",
            customer=CUSTOMER,
            payment={"method": "card", "token": "tok_ok"},
        )

        with south.snapshot() as frozen:
            assert (north.inventory.level("A").available, frozen.inventory.level("A").available) == (3, 7)
        assert [item.name for item in south.search.products("café").items] == ["Café Sul"]
        assert north.audit().clean
        assert south.audit().clean
        assert main(["audit", "--database", url, *(f"--{name}={value}" for name, value in first.items())]) == 0
        assert capsys.readouterr().out.startswith("1 orders, 1 stock levels: clean")
        assert (asyncio.run(_awaited(north)), asyncio.run(_awaited(south))) == (3, 7)
        with engine.connect() as plain:
            assert not inspect(plain).has_table("mc_product")
        _same_reference_twice(north)
        south.migrate("base")
        assert north.inventory.level("A").available == 3


def test_a_schema_beside_a_shop_that_has_none(postgres_database):
    """The tables of the shop in `public` are behind on the search path, and never taken for those of the schema."""
    with stocked(postgres_database, {}, 5) as plain, stocked(postgres_database, {"schema": "norte"}, 7) as north:
        south = Commerce(plain.engine, schema="sul")
        south.migrate("base")  # there is nothing to take away, least of all the other shop's
        south.migrate("0019")
        south.migrate()
        assert [shop.catalog.list().total for shop in (plain, north, south)] == [1, 1, 0]
        assert [shop.inventory.level("A").available for shop in (plain, north)] == [5, 7]
        assert main(["migrate", "--database", postgres_database, "--schema=sul", "--to=base"]) == 0
        south.migrate()
        assert south.catalog.list().total == 0
        assert plain.inventory.level("A").available == 5


def _same_reference_twice(shop):
    """Which rule was broken is read from the name that the database gives it."""
    shop.customers.create(email="a@x.com", reference="r1")
    with pytest.raises(ValidationError, match="reference"):
        shop.customers.create(email="b@x.com", reference="r1")


async def _awaited(shop):
    try:
        return (await shop.aio.inventory.level("A")).available
    finally:
        await shop.aio.close()


def test_a_host_session_finds_each_transactions_tables(places):
    """In the host's session the shop's tables are found after a commit, a rollback and a savepoint taken back; the
    host's own, and its own words, are where they were."""
    url, first, _ = places
    engine = make_engine(url)
    with stocked(url, first, 5) as shop, Session(engine) as session:
        session.execute(text("CREATE TABLE product (name text)"))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            services = shop.on(session)
            services.inventory.receive("A", quantity=90)
            _ = 1 / 0
        session.execute(text("INSERT INTO product VALUES ('mc_product')"))
        services.inventory.receive("A", quantity=1)
        session.commit()
        services.inventory.receive("A", quantity=1)
        session.rollback()
        assert shop.on(session).inventory.level("A").on_hand == 6
        session.commit()

        assert shop.inventory.level("A").on_hand == 6
        _same_reference_twice(shop)
        with engine.connect() as plain:
            assert plain.execute(text("SELECT name FROM product")).scalar() == "mc_product"
            assert "product" in inspect(plain).get_table_names()
            if engine.dialect.name == "postgresql":
                assert "norte" not in plain.exec_driver_sql("SHOW search_path").scalar_one()
    engine.dispose()


def test_a_scoped_session_is_the_session_that_it_stands_for(places):
    """As Flask-SQLAlchemy's: the shop's tables are found in it, and its rollback is the shop's."""
    url, first, _ = places
    with stocked(url, first, 5) as shop:
        engine = make_engine(url)
        scoped = scoped_session(sessionmaker(engine))
        shop.on(scoped).inventory.receive("A", quantity=1)
        scoped.rollback()
        assert shop.on(scoped).inventory.level("A").on_hand == 5
        shop.on(scoped).inventory.receive("A", quantity=1)
        scoped.commit()
        scoped.remove()
        assert shop.on(scoped).inventory.level("A").on_hand == 6
        scoped.remove()
        engine.dispose()


def test_a_path_is_not_longer_for_each_savepoint(postgres_database):
    """Who takes many back in one transaction, a row at a time, does not pay more for each."""
    engine = make_engine(postgres_database)
    with stocked(postgres_database, {"schema": "norte"}, 5) as shop, Session(engine) as session:
        services = shop.on(session)
        assert services.inventory.level("A").on_hand == 5
        path = session.execute(text("SHOW search_path")).scalar_one()
        for _ in range(3):
            session.begin_nested().rollback()
        assert session.execute(text("SHOW search_path")).scalar_one() == path
        assert services.inventory.level("A").on_hand == 5
    engine.dispose()


def test_one_session_serves_one_shop(places):
    """A session, and a connection that sessions are given, serves one shop: another refuses it before anything is
    written in the wrong place."""
    url, first, _ = places
    with Commerce(make_engine(url), **first) as north, Commerce(make_engine(url)) as plain:
        with Session(plain.engine) as session:
            north.on(session)
            north.on(session)
            with pytest.raises(DatabaseNotReady, match="one session for each shop"):
                plain.on(session)
        if "prefix" in first:
            with plain.engine.connect() as given, Session(given) as one, Session(given) as two:
                north.on(one)
                one.connection()
                with pytest.raises(DatabaseNotReady, match="one session for each shop"):
                    plain.on(two)


@pytest.mark.parametrize(
    "prefix", ["", "Loja_", "loja", "2_", "mc_", "a_mc_", "pg_a_", "sqlite_", "a;_", "x" * 17 + "_"]
)
def test_prefixes_that_are_none(prefix):
    """A prefix is a short plain lower-case word that ends in _; any other is refused before the database is asked."""
    with pytest.raises(DatabaseNotReady, match="no prefix for tables"):
        Commerce.open("sqlite://", prefix=prefix)


@pytest.mark.parametrize("name", ["", "Loja", "loja-2", "2lojas", "a;drop", 'a"b', "pg_loja", "x" * 64])
def test_names_that_are_none(postgres_url, name):
    """A schema's name is a plain lower-case word; any other is refused before the database is asked."""
    with pytest.raises(DatabaseNotReady, match="no name for a schema"):
        Commerce.open(postgres_url, schema=name)


def test_sqlite_has_no_schemas(tmp_path):
    """On SQLite a schema is refused with what to do instead, and no file is made."""
    file = tmp_path / "shop.db"
    with pytest.raises(DatabaseNotReady, match="give each shop a prefix"):
        Commerce.open(f"sqlite:///{file}", schema="loja")
    assert not file.exists()
