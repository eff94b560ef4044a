"""The tables and their history."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

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
            # The full-text index is the database's own, and no two databases have the same.
            "include_object": lambda _object, name, _kind, _reflected, _other: (
                not name.startswith(("mc_search_document", "search_", "ix_mc_product_search_"))
            ),
        }
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_migrations_make_what_the_code_means(database_url):
    """A migrated database has exactly the tables, columns and indexes that the code declares."""
    with Commerce.open(database_url) as shop:
        assert differences(shop.engine) == []


def test_head_is_the_last_script():
    """The constant that spares a start from loading Alembic names the last migration."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(schema._SCRIPTS))

    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_up_and_down(database_url):
    """Going back to nothing and forth again leaves a working shop."""
    with Commerce.open(database_url) as shop:
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1}])
        shop.migrate("base")
        tables = set(inspect(shop.engine).get_table_names())
        shop.migrate()

        assert {VERSION_TABLE} >= tables
        assert shop.catalog.list().items == ()


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


def test_other_databases_are_refused():
    """An address of any other database is refused with the two that are supported."""
    with pytest.raises(DatabaseNotReady, match="sqlite:///"):
        Commerce.open("mysql://localhost/x")
