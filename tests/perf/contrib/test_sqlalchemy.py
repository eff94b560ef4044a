"""The pool of the specification, on a real PostgreSQL."""

import contextlib
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool, StaticPool

from mestres_perf import Metrics
from mestres_perf.contrib.sqlalchemy import make_engine
from mestres_perf.settings import PoolSettings


def gauge(metrics, name):
    return next(
        sample.value for family in metrics.registry.collect() for sample in family.samples if sample.name == name
    )


@pytest.fixture
def engine(postgres_database):
    """`engine(**pool)`: an engine on a real PostgreSQL, with the specification's pool but for what is said."""
    with contextlib.ExitStack() as stack:

        def make(*, metrics=None, **pool):
            made = make_engine(postgres_database, pool=PoolSettings(**pool), metrics=metrics)
            stack.callback(made.dispose)
            return made

        yield make


def test_fifty_connections_and_not_one_more(engine):
    """Twenty connections and thirty more can be out; the next one waits for the timeout, then it is an error."""
    metrics = Metrics()
    pool = engine(timeout=0.3, metrics=metrics)
    with contextlib.ExitStack() as out:
        for _ in range(50):
            assert out.enter_context(pool.connect()).execute(text("SELECT 1")).scalar_one() == 1
        assert gauge(metrics, "database_connections_max") == 50
        assert gauge(metrics, "database_connections_active") == 50

        began = time.monotonic()
        with pytest.raises(PoolTimeout):
            pool.connect()
        assert time.monotonic() - began >= 0.3
    assert gauge(metrics, "database_connections_active") == 0
    assert pool.pool.checkedin() == 20


def test_who_waits_gets_what_comes_back(engine):
    """A connection that is given back in time goes to the one who waits."""
    pool = engine(size=1, max_overflow=0, timeout=10)
    held = pool.connect()
    got = []

    def wait():
        with pool.connect() as connection:
            got.append(connection.execute(text("SELECT 1")).scalar_one())

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(0.2)
    assert got == []
    held.close()
    waiter.join(10)

    assert got == [1]


@pytest.mark.parametrize("pre_ping", [True, False])
def test_a_connection_that_the_server_ended_is_replaced(engine, pre_ping):
    """With `pre_ping` nobody notices that the server ended an idle connection; without it somebody does."""
    pool, admin = engine(pre_ping=pre_ping), engine()
    with pool.connect() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with admin.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    expected = contextlib.nullcontext() if pre_ping else pytest.raises(OperationalError)
    with expected, pool.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid


def test_the_pool_is_that_of_the_specification(engine):
    """Without a word of one's own the pool has the specification's five values."""
    pool = engine().pool

    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow, pool.timeout(), pool._recycle, pool._pre_ping) == (20, 30, 30, 3600, True)


def test_an_sqlite_file_has_bounds_too(tmp_path):
    """Connections to a file are as many, and go from thread to thread."""
    pool = make_engine(f"sqlite:///{tmp_path / 'a.db'}", pool=PoolSettings(size=1, max_overflow=1, timeout=0.05))
    with pool.connect(), pool.connect(), pytest.raises(PoolTimeout):
        pool.connect()
    worker = threading.Thread(target=lambda: pool.connect().close())
    worker.start()
    worker.join()
    pool.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_one_database(url):
    """All who connect see the same tables."""
    pool = make_engine(url)
    assert isinstance(pool.pool, StaticPool)
    with pool.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    with pool.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
    pool.dispose()
