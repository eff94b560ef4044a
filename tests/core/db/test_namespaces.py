"""Several shops in one PostgreSQL database, each in a schema of its own."""

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.db.session import make_engine
from mestres_core.errors import DatabaseNotReady


def stocked(url, schema, stock):
    shop = Commerce.open(url, schema=schema)
    shop.catalog.save(name=f"Café {schema}", variants=[{"sku": "A", "price": 1000, "stock": stock}])
    return shop


def test_two_shops_in_one_database(postgres_database):
    """One SKU in two shops is two goods: each sells, is searched, audited and migrated by itself."""
    with stocked(postgres_database, "norte", 5) as north, stocked(postgres_database, "sul", 7) as south:
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

        assert (north.inventory.level("A").available, south.inventory.level("A").available) == (3, 7)
        assert [item.name for item in south.search.products("café").items] == ["Café sul"]
        assert north.audit().clean
        assert south.audit().clean
        south.migrate("base")
        assert north.inventory.level("A").available == 3
        with create_engine(north.engine.url, poolclass=NullPool).connect() as plain:
            assert inspect(plain).get_table_names(schema="public") == []


def test_a_host_session_finds_each_transactions_tables(postgres_database):
    """In the host's session the shop's tables are found after a commit, a rollback and a savepoint taken back; the
    host's own are where they were."""
    engine = make_engine(postgres_database)
    with stocked(postgres_database, "norte", 5) as shop, Session(engine) as session:
        session.execute(text("CREATE TABLE product (id int)"))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            services = shop.on(session)
            services.inventory.receive("A", quantity=90)
            _ = 1 / 0
        services.inventory.receive("A", quantity=1)
        session.commit()
        services.inventory.receive("A", quantity=1)
        session.rollback()
        assert shop.on(session).inventory.level("A").on_hand == 6
        session.commit()

        assert shop.inventory.level("A").on_hand == 6
        with engine.connect() as plain:
            assert inspect(plain).get_table_names(schema="public") == ["product"]
            assert "norte" not in plain.exec_driver_sql("SHOW search_path").scalar_one()
    engine.dispose()


def test_one_session_serves_one_shop(postgres_database):
    """A session that serves one shop is refused by another, before anything is written in the wrong one."""
    with (
        stocked(postgres_database, "norte", 5) as north,
        Commerce.open(postgres_database) as plain,
        Session(plain.engine) as session,
    ):
        north.on(session)
        north.on(session)
        with pytest.raises(DatabaseNotReady, match="one session for each shop"):
            plain.on(session)


@pytest.mark.parametrize("name", ["", "Loja", "loja-2", "2lojas", "a;drop", 'a"b', "pg_loja", "x" * 64])
def test_names_that_are_none(postgres_url, name):
    """A schema's name is a plain lower-case word; any other is refused before the database is asked."""
    with pytest.raises(DatabaseNotReady, match="no name for a schema"):
        Commerce.open(postgres_url, schema=name)


def test_sqlite_has_no_schemas(tmp_path):
    """On SQLite a schema is refused with what to do instead, and no file is made."""
    file = tmp_path / "shop.db"
    with pytest.raises(DatabaseNotReady, match="a file of its own"):
        Commerce.open(f"sqlite:///{file}", schema="loja")
    assert not file.exists()


def test_two_shops_on_sqlite(tmp_path):
    """On SQLite two shops are two files, beside each other in one process."""
    with (
        Commerce.open(f"sqlite:///{tmp_path / 'a.db'}") as one,
        Commerce.open(f"sqlite:///{tmp_path / 'b.db'}") as two,
    ):
        one.catalog.save(name="Café", variants=[{"sku": "A", "price": 1}])
        assert (one.catalog.list().total, two.catalog.list().total) == (1, 0)
