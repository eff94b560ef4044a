"""SQLite under a shop: a long read and many writers, and no engine without the settings that make it safe."""

import contextlib
import threading

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core import Commerce, configure_sqlite
from mestres_core.errors import DatabaseNotReady
from mestres_core.testing import memory_shop, race

WRITERS, WRITES = 8, 10


@pytest.mark.scenario("C27")
def test_a_long_read_beside_writers(quick_path, fill):
    """A read that lasts sees one moment; meanwhile the writers of two shops all get through, and none is locked out."""
    url = f"sqlite:///{quick_path / 'shop.db'}"
    fill(url)
    with contextlib.closing(TestShop(url)) as shop, contextlib.closing(TestShop(url)) as other:
        shop.product("A", stock=0)
        counted, reading, written = [], threading.Event(), threading.Event()

        def long_read(services):
            for _ in range(3):
                counted.append(services.inventory.level("A").on_hand)
                reading.set()
                assert written.wait(60)

        def write(which: TestShop) -> None:
            assert reading.wait(60)
            for _ in range(WRITES):
                which.inventory.receive("A", quantity=1)
                which.cart(("A", 1))

        def all_writers() -> None:
            crowd = [lambda which=which: write(which) for which in (shop, other) for _ in range(WRITERS // 2)]
            outcomes.extend(race(*crowd))
            written.set()

        outcomes: list = []
        ends = race(lambda: shop.read(long_read), all_writers, timeout=120)

        assert [each.error for each in (*ends, *outcomes)] == [None] * (2 + WRITERS)
        assert counted == [0, 0, 0]
        assert shop.inventory.level("A").on_hand == WRITERS * WRITES
        assert shop.audit().clean


def _two_who_read_and_write(engine: Engine) -> None:
    """One reads, then another reads and writes; then the first one writes on what it has read."""
    add = text("UPDATE pieces SET n = n + 1")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pieces (n integer)"))
        connection.execute(text("INSERT INTO pieces VALUES (0)"))
    first = engine.connect()
    first.execute(text("SELECT n FROM pieces")).all()
    other = threading.Thread(target=_add, args=(engine, add))
    other.start()
    # Without the settings the other one is through at once; with them it has to wait for the first.
    other.join(0.3)
    try:
        first.execute(add)
        first.commit()
    finally:
        first.close()
        other.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT n FROM pieces")).scalar_one() == 2


def _add(engine: Engine, add) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT n FROM pieces")).all()
        connection.execute(add)


@pytest.mark.scenario("C27")
@pytest.mark.parametrize("configured", [True, False])
def test_what_the_settings_are_for(quick_path, configured):
    """Who reads first and writes later is locked out by whoever wrote in between, unless the engine is configured."""
    engine = create_engine(f"sqlite:///{quick_path / 'host.db'}")
    if configured:
        configure_sqlite(engine)
        _two_who_read_and_write(engine)
    else:
        # A write-ahead log and plain transactions, which is what a careful host without these settings has.
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        _begin_at_the_first_statement(engine)
        with pytest.raises(OperationalError, match="database is locked"):
            _two_who_read_and_write(engine)
    engine.dispose()


def _begin_at_the_first_statement(engine: Engine) -> None:
    from sqlalchemy import event

    event.listen(engine, "connect", lambda connection, _record: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


@pytest.mark.scenario("C27")
def test_without_the_settings_no_shop_begins(quick_path):
    """A shop says at its start what to call, on an engine of the host's and in its session."""
    engine = create_engine(f"sqlite:///{quick_path / 'host.db'}")
    with pytest.raises(DatabaseNotReady, match="configure_sqlite"):
        Commerce(engine)
    with memory_shop() as shop, Session(engine) as session, pytest.raises(DatabaseNotReady, match="configure_sqlite"):
        shop.on(session)
    configure_sqlite(engine)
    with Commerce(engine) as shop:
        shop.migrate()
        assert shop.catalog.list().items == ()
