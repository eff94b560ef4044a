"""The tables and their history."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

from mestres_core import Commerce, configure_sqlite, metadata
from mestres_core.db import schema
from mestres_core.db.base import VERSION_TABLE
from mestres_core.db.session import make_engine
from mestres_core.errors import DatabaseNotReady


def differences(engine):
    with engine.connect() as connection:
        options = {
            "version_table": VERSION_TABLE,
            "include_name": lambda name, kind, _parents: kind != "table" or name.startswith("mc_"),
            # The full-text index and one by an expression are the database's own: no two databases have the same.
            "include_object": lambda _object, name, _kind, _reflected, _other: (
                not name.startswith(
                    ("mc_search_document", "search_", "ix_mc_product_search_", "ix_mc_stock_level_available")
                )
            ),
        }
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


# What is neither a table nor a part of one: indexes by themselves, triggers, the full-text index.
OTHERS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE sql NOT LIKE 'CREATE TABLE%'",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
    " UNION ALL SELECT concat_ws(' ', relkind, relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
}
# The migrations that let these columns be wider had to add them anew; SQLite cannot take the default away again.
WIDENED = {
    ("mc_order", "payment_status"),
    ("mc_order", "fulfillment_status"),
    ("mc_payment", "status"),
    ("mc_payment_event", "kind"),
}


def shape(engine):
    """All that the shop has in a database, as the database tells it; in any order."""
    found = inspect(engine)
    parts = {
        "columns": found.get_multi_columns(),
        "key": found.get_multi_pk_constraint(),
        "references": found.get_multi_foreign_keys(),
        "unique": found.get_multi_unique_constraints(),
        "checks": found.get_multi_check_constraints(),
        "indexes": found.get_multi_indexes(),
    }
    if engine.name == "sqlite":
        for (_, table), columns in parts["columns"].items():
            for column in columns:
                if (table, column["name"]) in WIDENED:
                    assert column.pop("default") in (None, "''")
    told = {part: {name: plain(of) for (_, name), of in tables.items()} for part, tables in parts.items()}
    with engine.connect() as connection:
        told["others"] = sorted(" ".join(row.split()) for (row,) in connection.exec_driver_sql(OTHERS[engine.name]))
        for table in found.get_table_names():
            told["rows", table] = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
        told["locations"] = connection.exec_driver_sql("SELECT * FROM mc_location").all()
    return told


def plain(of):
    """Names and values as text: types and conditions are other objects each time."""
    if isinstance(of, dict):
        return {name: plain(value) for name, value in of.items()}
    return sorted(map(plain, of), key=str) if isinstance(of, list) else str(of)


def test_a_new_database_is_as_a_migrated_one(database_url):
    """What a new database gets at once is what the whole history makes, and what the code declares."""
    with Commerce.open(database_url) as shop:
        new = shape(shop.engine)
        assert differences(shop.engine) == []
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1}])
        shop.migrate("base")
        assert {VERSION_TABLE} >= set(inspect(shop.engine).get_table_names())

        shop.migrate("0001")
        shop.migrate()
        assert shape(shop.engine) == new
        assert differences(shop.engine) == []

        shop.migrate("base")
        shop.migrate()
        assert shape(shop.engine) == new
        assert shop.catalog.list().items == ()


def test_head_is_the_last_script():
    """The constant that spares a start from loading Alembic names the last migration."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(schema._SCRIPTS))

    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_who_comes_while_tables_are_made_waits(postgres_database):
    """Longer than it waits for other locks, and it sees what was made, whatever its engine says of isolation."""
    engine = make_engine(postgres_database, options="-c lock_timeout=100ms")
    late = engine.execution_options(isolation_level="REPEATABLE READ")
    with ThreadPoolExecutor(1) as pool, engine.connect() as first:
        with first.begin():
            first.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": schema._LOCK})
            schema._create(first, None)
            waiting = pool.submit(schema.migrate, late)
            time.sleep(0.4)
            assert not waiting.done()
        assert waiting.result(10) is None
    assert schema.version(late) == schema.HEAD
    with late.connect() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "100ms"
        assert connection.get_isolation_level() == "REPEATABLE READ"
    engine.dispose()


def test_many_open_at_once(database_url):
    """Eight threads that open an empty database at once all find their tables."""
    results = []

    def open_shop() -> None:
        try:
            with Commerce.open(database_url) as shop:
                results.append(len(shop.catalog.categories()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            results.append(repr(error))

    threads = [threading.Thread(target=open_shop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [0] * 8


def test_the_hosts_tables_are_left_alone(database_url):
    """Tables of the host's own, even named like nouns of ours, are neither touched nor proposed for removal."""
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT)")
        connection.exec_driver_sql("INSERT INTO product VALUES (1, 'theirs')")
    engine.dispose()
    with Commerce.open(database_url) as shop:
        shop.migrate("base")
        with shop.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name FROM product").all()

    assert [tuple(row) for row in rows] == [("theirs",)]


def test_sqlite_must_be_configured(tmp_path):
    """A SQLite engine without the settings that make it safe is refused, with the remedy in the message."""
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")

    with pytest.raises(DatabaseNotReady, match="configure_sqlite"):
        Commerce(engine)
    configure_sqlite(engine)
    Commerce(engine).close()


@pytest.mark.parametrize("how", ["created", "derived"])
def test_an_engine_without_transactions_is_refused(tmp_path, how):
    """In autocommit half of what was refused would stay."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT") if how == "created" else create_engine(url)
    configure_sqlite(engine)
    if how == "derived":
        engine = engine.execution_options(isolation_level="autocommit")
    with pytest.raises(DatabaseNotReady, match="autocommit"):
        Commerce(engine)


def test_a_session_without_transactions_is_refused(database_url):
    """The host's rollback could not take the shop's rows with it: neither an engine nor a connection passes for one."""
    with Commerce.open(database_url) as shop:
        derived = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
        with Session(derived) as session, pytest.raises(DatabaseNotReady, match="autocommit"):
            shop.on(session)
        with derived.connect() as given, Session(given) as session, pytest.raises(DatabaseNotReady, match="autocommit"):
            shop.on(session)


def test_tables_that_are_missing_are_told(database_url):
    """Where no table was ever made, and where a column is not there yet, each way in says what to do."""
    with Commerce(make_engine(database_url)) as shop:
        for _ in range(2):
            for call in (shop.catalog.list, shop.carts.create, shop.relay, shop.audit):
                with pytest.raises(DatabaseNotReady, match=r"shop\.migrate"):
                    call()
            with pytest.raises(DatabaseNotReady, match=r"shop\.migrate"), shop.snapshot() as then:
                then.catalog.list()
            with pytest.raises(DatabaseNotReady, match=r"shop\.migrate"), shop.transaction() as tx:
                tx.carts.create()
        shop.migrate("0020")
        with pytest.raises(DatabaseNotReady, match=r"shop\.migrate"):
            shop.audit()
        shop.migrate()
        assert shop.audit().clean


def test_tables_that_a_host_has_made_itself(database_url):
    """A test set-up that makes and drops all by the metadata may do so again; a shop says that it has not made them."""
    engine = make_engine(database_url)
    for _ in range(2):
        metadata.create_all(engine)
        shop = Commerce(engine)
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1}])
        assert len(shop.search.products("cafe").items) == 1
        with pytest.raises(DatabaseNotReady, match="no revision"):
            shop.migrate()
        assert shop.audit().clean
        metadata.drop_all(engine)
        assert inspect(engine).get_table_names() == []
    shop.migrate()
    shop.close()


@pytest.mark.parametrize("revision", ["", None, 21, "0099", "002", "-x"])
def test_what_is_no_revision(tmp_path, revision):
    """It is refused as what it is, and the tables stay as they are."""
    with Commerce.open(f"sqlite:///{tmp_path / 'shop.db'}") as shop:
        with pytest.raises(DatabaseNotReady, match="revision"):
            shop.migrate(revision)
        assert schema.version(shop.engine) == schema.HEAD


def test_other_databases_are_refused():
    """An address of any other database is refused with the two that are supported."""
    with pytest.raises(DatabaseNotReady, match="sqlite:///"):
        Commerce.open("mysql://localhost/x")
