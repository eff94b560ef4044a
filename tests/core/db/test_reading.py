"""Statements that come back go straight to the driver, and nobody can tell but by the time."""

from contextlib import closing
from itertools import islice

import pytest
from sqlalchemy import Boolean, bindparam, create_engine, event, func, literal, select, text
from sqlalchemy.exc import DBAPIError

from mestres_core import Commerce
from mestres_core.db.later import pages_of
from mestres_core.db.reading import rows_of
from mestres_core.db.session import Database, make_engine
from mestres_core.errors import DatabaseNotReady, RetryableError
from mestres_core.events.models import outbox


def test_an_answer_is_the_same_by_either_way(migrated_database):
    """What a statement gives straight from the driver is what it gives through SQLAlchemy: values, types and names."""
    told = bindparam("told", type_=Boolean).label("told")
    again = select(outbox, told, outbox.c.type.label("by_name")).where(
        outbox.c.id >= bindparam("least"), outbox.c.type != "never"
    )
    values = {"least": 1, "told": True}
    with Commerce.open(migrated_database) as shop:
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1}])
        database = Database(shop.engine)
        answers = [database.read(lambda session: session.execute(again, values).all()) for _ in range(3)]
        assert database._questions.find(again) is not None

        heard = []
        event.listen(shop.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_rest: heard.append(sql))
        assert database.read(lambda session: rows_of(session, again, values)) == answers[0]
        assert [sql for sql in heard if "mc_outbox" in sql]

    assert len(answers[0]) >= 1
    assert answers == [answers[0]] * 3
    assert [row._asdict() for row in answers[2]] == [row._asdict() for row in answers[0]]
    assert [list(map(type, row)) for row in answers[2]] == [list(map(type, row)) for row in answers[0]]


def test_a_connection_is_given_back_as_it_was(postgres_database):
    """Whoever gets the connection of a read next has transactions, unless the host has told the engine otherwise."""
    for level in (None, "AUTOCOMMIT"):
        engine = make_engine(postgres_database)
        if level is not None:
            engine = create_engine(engine.url, isolation_level=level)
        database, query = Database(engine), select(literal(1))
        for _ in range(3):
            assert database.read(lambda session, query=query: session.scalar(query)) == 1
        pooled = engine.raw_connection()
        assert pooled.driver_connection.autocommit == (level is not None)
        assert engine.pool.checkedout() == 1
        pooled.close()
        engine.dispose()


def test_an_error_is_sqlalchemys_own(migrated_database):
    """A statement that fails on the short way fails as on the usual one, and the next read is answered."""
    with Commerce.open(migrated_database) as shop:
        database = Database(shop.engine)
        count = select(outbox.c.id)
        for _ in range(3):
            database.read(lambda session: session.execute(count).all())
        with shop.engine.begin() as connection:
            connection.execute(text("ALTER TABLE mc_outbox RENAME TO elsewhere"))
        with pytest.raises(DatabaseNotReady) as refused:
            database.read(lambda session: session.execute(count).all())
        assert isinstance(refused.value.__cause__, DBAPIError)
        assert "mc_outbox" in str(refused.value.__cause__)
        with shop.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO mc_outbox"))
        assert database.read(lambda session: session.execute(count).all()) == []

        def together(session):
            session.execute(text("SELECT 1"))  # SQLAlchemy has a connection now, and the next one takes the same
            with pytest.raises(DBAPIError, match="mc_outbox"):
                session.execute(count)
            return session.scalar(text("SELECT 2"))

        with shop.engine.begin() as connection:
            connection.execute(text("ALTER TABLE mc_outbox RENAME TO elsewhere"))
        assert database.read(together) == 2
        with shop.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO mc_outbox"))


def _pages(database, statement, size, *, most=None):
    with database.snapshot() as session, closing(pages_of(session, statement, size)) as pages:
        return [[tuple(row) for row in page] for page in islice(pages, most)]


@pytest.mark.parametrize("streaming", [True, False])
def test_pages_have_every_row_once(shop, monkeypatch, streaming):
    """Pages of one statement have every row in its order, as many as asked for, values as always, on every way."""
    if not streaming:
        monkeypatch.setattr("mestres_core.db.later.streams", lambda _dialect: False)
    for number in range(25):
        shop.product(f"P{number}")
    database, statement = Database(shop.engine), select(outbox, (outbox.c.id > 3).label("late")).order_by(outbox.c.id)
    rows = [tuple(row) for row in database.read(lambda session: session.execute(statement).all())]

    for size in (1, 7, len(rows), len(rows) + 1):
        pages = _pages(database, statement, size)
        assert [row for page in pages for row in page] == rows
        assert {len(page) for page in pages[:-1]} <= {size}
        assert [[type(value) for value in row] for page in pages for row in page] == [
            [type(value) for value in row] for row in rows
        ]
    assert _pages(database, statement.where(outbox.c.id < 0), 5) == []


def test_pages_can_be_left_unread(shop):
    """Who stops reading leaves a snapshot that ends, and a connection that the next one takes."""
    for number in range(5):
        shop.product(f"P{number}")
    database, statement = Database(shop.engine), select(outbox).order_by(outbox.c.id)
    for most in (0, 1, 2):
        assert len(_pages(database, statement, 1, most=most)) == most
    with pytest.raises(LookupError), database.snapshot() as session, closing(pages_of(session, statement, 1)) as pages:
        next(pages)
        raise LookupError
    shop.product("LAST")

    assert shop.engine.pool.checkedout() == 0
    assert len(_pages(database, statement, 1000)) == 1


def test_a_connection_lost_between_pages_may_be_tried_again(postgres_shop):
    """It is a RetryableError, and whoever tries again gets another connection."""
    many = select(func.generate_series(1, 100_000).label("number"))
    database = Database(postgres_shop.engine)

    def broken():
        with database.snapshot() as session:
            pid = session.execute(select(func.pg_backend_pid())).scalar()
            with closing(pages_of(session, many, 10)) as pages:
                next(pages)
                postgres_shop.sql("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
                for _ in pages:
                    pass

    with pytest.raises(RetryableError):
        broken()
    assert sum(len(page) for page in _pages(database, many, 1000)) == 100_000
