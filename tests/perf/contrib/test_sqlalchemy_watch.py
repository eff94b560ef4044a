"""Watching a real engine: connections, waiting, statements, errors, and what it costs."""

import asyncio
import contextlib
import gc
import threading
import time
import warnings

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AssertionPool, NullPool, QueuePool, StaticPool

from mestres_perf import Metrics
from mestres_perf.contrib.sqlalchemy import DatabaseReady, instrument_engine
from mestres_perf.errors import ConfigurationError

POOLS = [QueuePool, NullPool, StaticPool]
THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, unique=True))


@pytest.fixture
def engine(tmp_path):
    """`engine(**options)`: an engine on an SQLite file with the table `things`, disposed of after the test."""
    with contextlib.ExitStack() as stack:

        def make(**options):
            made = create_engine(f"sqlite:///{tmp_path / 'a.db'}", **options)
            stack.callback(made.dispose)
            THINGS.metadata.create_all(made)
            return made

        yield make


def samples(metrics, name):
    """The values of one sample by its labels' values."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def gauge(metrics, name):
    (value,) = samples(metrics, name).values()
    return value


def in_use(metrics):
    return gauge(metrics, "database_connections_active")


def counted(metrics):
    """How many statements of each kind."""
    return {kind: count for (kind,), count in samples(metrics, "database_query_duration_seconds_count").items()}


def errors(metrics):
    return samples(metrics, "database_query_errors_total")


@pytest.mark.scenario("C1")
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("way", ["close", "invalidate", "detach", "forgotten", "disposed"])
def test_every_way_back(engine, pool, way):
    """A connection counts while it is out, whichever pool it is from and however it comes back, or does not."""
    watched, metrics = engine(poolclass=pool), Metrics()
    instrument_engine(watched, metrics)
    assert in_use(metrics) == 0
    connection = watched.connect()
    assert in_use(metrics) == 1
    if way == "forgotten":
        del connection
        gc.collect()
    elif way == "disposed":
        watched.dispose()
        connection.close()
    else:
        getattr(connection, way)()
    assert in_use(metrics) == 0
    if way == "detach":
        connection.close()
    with watched.connect():
        assert in_use(metrics) == 1
    assert in_use(metrics) == 0


@pytest.mark.scenario("C1")
@pytest.mark.parametrize("pool", POOLS)
def test_an_error_on_the_way_out(engine, pool):
    """A connection that somebody else's listener refuses is not in use, though its error lives on."""
    watched, metrics = engine(poolclass=pool), Metrics()
    instrument_engine(watched, metrics)

    def refuse(*_):
        raise RuntimeError("not today")

    event.listen(watched, "checkout", refuse)
    with pytest.raises(RuntimeError) as error:
        watched.connect()

    assert in_use(metrics) == 0
    assert error.value.__traceback__ is not None
    event.remove(watched, "checkout", refuse)


@pytest.mark.scenario("C1")
def test_several_at_once(engine):
    """Each connection of a pool counts once, also one that several share, until the last of them gives it back."""
    several, shared = engine(), engine(poolclass=StaticPool, connect_args={"check_same_thread": False})
    one, other = Metrics(), Metrics()
    instrument_engine(several, one)
    instrument_engine(shared, other)
    with several.connect(), several.connect() as second:
        assert in_use(one) == 2
        second.invalidate()
        assert in_use(one) == 1
    first, second = shared.connect(), shared.connect()
    assert in_use(other) == 1
    first.close()
    assert in_use(other) == 1
    second.close()
    assert in_use(other) == 0


@pytest.mark.scenario("C1")
@pytest.mark.parametrize("options", [{}, {"poolclass": NullPool}, {"poolclass": StaticPool}])
def test_an_async_engine(tmp_path, options):
    """An async engine is watched as any other, a connection that nobody closes included."""
    metrics = Metrics()

    async def use():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", **options)
        stop = instrument_engine(engine, metrics)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            assert in_use(metrics) == 1
            await connection.invalidate()
            assert in_use(metrics) == 0
        connection = await engine.connect()
        assert in_use(metrics) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy says that nobody closed it
            del connection
            gc.collect()
        assert in_use(metrics) == 0
        stop()
        await engine.dispose()

    asyncio.run(use())
    assert counted(metrics) == {"select": 1}


@pytest.mark.scenario("C1")
def test_a_child_has_none_of_its_parents(engine):
    """What was out when a process forked is not in use in its child."""
    watched, metrics = engine(), Metrics()
    instrument_engine(watched, metrics)
    with watched.connect():
        metrics.pools[0].start_anew()  # what each child does
        assert in_use(metrics) == 0


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"poolclass": QueuePool, "pool_size": 3, "max_overflow": 4}, 7),
        ({"poolclass": QueuePool, "pool_size": 3, "max_overflow": -1}, float("inf")),
        ({"poolclass": QueuePool, "pool_size": 0}, float("inf")),
        ({"poolclass": NullPool}, float("inf")),
        ({"poolclass": StaticPool}, 1),
        ({"poolclass": AssertionPool}, 1),
    ],
)
def test_how_many_there_can_be(engine, options, most):
    """The bound is the pool's own; where nothing bounds it, none is made up, and no share of it is ever high."""
    metrics = Metrics()
    watched = engine(**options)
    stop = instrument_engine(watched, metrics)
    assert gauge(metrics, "database_connections_max") == most
    watched.dispose()
    assert gauge(metrics, "database_connections_max") == most
    stop()
    assert gauge(metrics, "database_connections_max") == 0


def test_an_engine_that_is_gone(engine):
    """An engine that nobody has any more has no connections to give."""
    metrics = Metrics()
    instrument_engine(create_engine("sqlite://"), metrics)
    gc.collect()

    assert gauge(metrics, "database_connections_max") == 0


@pytest.mark.scenario("C1")
def test_engines_are_told_apart(engine):
    """A pool that is full is seen beside one that nothing bounds, and beside one of the same database that is idle."""
    metrics = Metrics()
    full, free, idle = engine(pool_size=1, max_overflow=0), engine(poolclass=NullPool), engine(pool_size=40)
    for each in (full, free):
        instrument_engine(each, metrics)
    instrument_engine(idle, metrics, name="reports")
    with full.connect(), free.connect():
        assert samples(metrics, "database_connections_active") == {("a.db",): 1, ("a.db 2",): 1, ("reports",): 0}
        most = samples(metrics, "database_connections_max")
        assert most == {("a.db",): 1, ("a.db 2",): float("inf"), ("reports",): 50}
        assert metrics.connections_in_use() == 2


@pytest.mark.scenario("C1")
def test_engines_of_one_name_are_counted_together(engine):
    """Many engines that come and go can share a name: then they are one series."""
    metrics = Metrics()
    tenants = [engine(pool_size=2, max_overflow=0) for _ in range(3)]
    for tenant in tenants:
        instrument_engine(tenant, metrics, name="tenants")
    with tenants[0].connect(), tenants[1].connect():
        assert samples(metrics, "database_connections_active") == {("tenants",): 2}
        assert samples(metrics, "database_connections_max") == {("tenants",): 6}
    with pytest.raises(ConfigurationError, match="must be a name"):
        instrument_engine(tenants[0], metrics, name="")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql+psycopg://user:secret@db.internal:5432/shop", "shop"),
        ("postgresql+psycopg://user:secret@db.internal", "postgresql"),
        ("sqlite://", "sqlite"),
        ("sqlite:///:memory:", "sqlite"),
        ("sqlite:////var/lib/shop/shop.db", "shop.db"),
    ],
)
def test_what_an_engine_is_called(url, name):
    """By its database, and never by an address, a password or a folder."""
    metrics, watched = Metrics(), create_engine(url)
    instrument_engine(watched, metrics)
    assert list(samples(metrics, "database_connections_max")) == [(name,)]


@pytest.mark.scenario("C4")
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 2)])
def test_an_engine_and_its_options_are_one(engine, order):
    """What `execution_options` makes of an engine shares its pool: statements and connections are counted once."""
    watched, metrics = engine(pool_size=3, max_overflow=0), Metrics()
    twin = watched.execution_options(isolation_level="AUTOCOMMIT")
    engines = (watched, twin, twin.execution_options(logging_token="reports"))
    before = installed(watched)
    stops = [instrument_engine(engines[who], metrics) for who in order]
    assert stops[0] is stops[1]
    with twin.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert in_use(metrics) == 1
    with pytest.raises(OperationalError), watched.connect() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    assert counted(metrics) == {"select": 2}
    assert errors(metrics) == {("select", "OperationalError"): 1}
    assert gauge(metrics, "database_connections_max") == 3
    stops[0]()
    assert installed(watched) == before


def test_options_that_are_gone(engine):
    """An engine goes on being watched when the options by which it was named are gone."""
    watched, metrics = engine(pool_size=3, max_overflow=0), Metrics()
    instrument_engine(watched.execution_options(isolation_level="AUTOCOMMIT"), metrics)
    gc.collect()
    with watched.connect():
        assert (in_use(metrics), gauge(metrics, "database_connections_max")) == (1, 3)


def test_engines_that_are_gone_are_forgotten(tmp_path):
    """Engines that come and go leave nothing behind, and their names to those that follow."""
    metrics = Metrics()
    for _ in range(20):
        passing = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
        instrument_engine(passing, metrics)
        with passing.connect() as connection:
            connection.execute(text("SELECT 1"))
        del passing, connection
        gc.collect()
    assert metrics.pools == []
    assert samples(metrics, "database_connections_max") in ({("a.db",): 0}, {("",): 0})
    assert counted(metrics) == {"select": 20}


@pytest.mark.scenario("C4")
def test_threads_that_watch_one_engine(engine):
    """Several threads that begin to watch an engine at once watch it once, and stop once."""
    for _ in range(20):
        watched, metrics = engine(), Metrics()
        before, together, stops = installed(watched), threading.Barrier(4), []

        def begin(watched=watched, metrics=metrics, together=together, stops=stops):
            together.wait()
            stops.append(instrument_engine(watched, metrics))

        run(begin)
        assert len(metrics.pools) == 1
        with watched.connect() as connection:
            connection.execute(text("SELECT 1"))
        assert counted(metrics) == {"select": 1}
        run(*stops)
        assert installed(watched) == before


def run(*works):
    """Each in a thread; one alone in four."""
    threads = [threading.Thread(target=work) for work in (works * 4 if len(works) == 1 else works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


@pytest.mark.scenario("C2")
def test_waiting_for_a_connection(engine):
    """The time until there is a connection is observed, and so is the time after which there was none."""
    watched, metrics = engine(poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.2), Metrics()
    instrument_engine(watched, metrics)
    with watched.connect(), pytest.raises(PoolTimeout):
        watched.connect()
    assert gauge(metrics, "database_connection_wait_seconds_count") == 2
    assert gauge(metrics, "database_connection_wait_seconds_sum") > 0.15

    held, waiting = watched.connect(), threading.Event()

    def wait():
        waiting.set()
        with contextlib.suppress(PoolTimeout):
            watched.connect().close()

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiting.wait()
    held.close()
    waiter.join()
    assert gauge(metrics, "database_connection_wait_seconds_count") == 4
    watched.dispose()
    watched.connect().close()
    assert gauge(metrics, "database_connection_wait_seconds_count") == 5


@pytest.mark.scenario("C2")
def test_waiting_tasks(tmp_path):
    """The waiting of tasks is observed too, and holds up no loop."""
    metrics = Metrics()

    async def use():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", pool_size=1, max_overflow=0)
        stop = instrument_engine(engine, metrics)
        held = await engine.connect()
        waiter = asyncio.create_task(engine.connect().start())
        await asyncio.sleep(0.1)
        assert not waiter.done()
        await held.close()
        await (await waiter).close()
        stop()
        await engine.dispose()

    asyncio.run(use())
    assert gauge(metrics, "database_connection_wait_seconds_count") == 2
    assert gauge(metrics, "database_connection_wait_seconds_sum") > 0.05


@pytest.mark.scenario("C2", "S7")
def test_ready_though_every_connection_is_out(engine):
    """An exhausted pool delays no answer and is no reason to say no."""
    watched, metrics = engine(poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=60), Metrics()
    instrument_engine(watched, metrics)
    ready = DatabaseReady(watched, within=20)
    with watched.connect():
        began = time.monotonic()
        assert ready()
        assert time.monotonic() - began < 20
        assert in_use(metrics) == 1
    assert gauge(metrics, "database_connection_wait_seconds_count") == 1


@pytest.mark.scenario("S7")
def test_a_database_that_hangs():
    """A database that does not answer is a no in time, is asked once at a time, and is a yes when it answers again."""
    answering, asked = threading.Event(), []

    def connect():
        import sqlite3

        asked.append(threading.current_thread())
        answering.wait()
        return sqlite3.connect(":memory:", check_same_thread=False)

    watched = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    ready = DatabaseReady(watched, within=0.3, good_for=1e-9)
    assert not ready()
    assert [ready() for _ in range(50)] == [False] * 50
    assert len(asked) == 1
    answering.set()
    asked[0].join()
    assert any(ready() for _ in range(100))


def test_ready_of_others(tmp_path, engine):
    """A database that is not there is a no; one behind an async engine is asked as well; times must be above 0."""
    assert not DatabaseReady(create_engine(f"sqlite:///{tmp_path}/nowhere/a.db"), within=20)()
    assert DatabaseReady(create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'b.db'}"), within=20)()
    with pytest.raises(ConfigurationError, match="within"):
        DatabaseReady(engine(), within=0)


@pytest.mark.scenario("C3")
def test_the_kinds_of_statements(engine):
    """A statement is told apart by what it is: nothing of its text is ever a label."""
    watched, metrics = engine(), Metrics()
    stop = instrument_engine(watched, metrics)
    few = select(THINGS.c.id).where(THINGS.c.id > 7).cte("few")
    with watched.begin() as connection:
        connection.execute(insert(THINGS), {"name": "secret"})
        connection.execute(insert(THINGS).from_select(["id"], select(few.c.id + 100)))
        connection.execute(update(THINGS).values(name="other"))
        connection.execute(select(few.c.id))
        connection.execute(select(THINGS).union(select(THINGS)))
        connection.execute(delete(THINGS).where(THINGS.c.id.in_(select(few.c.id))))
        connection.execute(text("-- secret\n /* secret */ /* */ SELECT 'secret'"))
        connection.execute(text("WITH secret AS (SELECT 1) SELECT * FROM secret"))
        connection.exec_driver_sql("PRAGMA user_version")
        connection.exec_driver_sql("EXPLAIN SELECT 'secret'")
        connection.exec_driver_sql("UPDATE things SET name = 'secret'")
    stop()
    with watched.begin() as connection:
        connection.execute(delete(THINGS))

    assert counted(metrics) == {
        "insert": 2,
        "update": 2,
        "select": 3,
        "delete": 1,
        "with": 1,
        "pragma": 1,
        "other": 1,
    }
    assert b"secret" not in metrics.render()


@pytest.mark.scenario("C3")
def test_many_rows_are_one_statement(engine):
    """What one `execute` sends is one statement: an executemany, and rows that go in several batches."""
    watched, metrics = engine(insertmanyvalues_page_size=10), Metrics()
    instrument_engine(watched, metrics)
    with watched.begin() as connection:
        connection.execute(insert(THINGS), [{"name": f"a{number}"} for number in range(50)])
        assert counted(metrics) == {"insert": 1}
        rows = connection.execute(insert(THINGS).returning(THINGS.c.id), [{"name": f"b{n}"} for n in range(45)])
        assert len(rows.all()) == 45
        assert counted(metrics) == {"insert": 2}
        with pytest.raises(IntegrityError):
            connection.execute(insert(THINGS).returning(THINGS.c.id), [{"name": f"c{n % 33}"} for n in range(45)])

    assert counted(metrics) == {"insert": 3}
    assert errors(metrics) == {("insert", "IntegrityError"): 1}


@pytest.mark.scenario("C3")
def test_failures(engine, tmp_path):
    """What the database refuses is counted by kind and class, and timed; a database that cannot be reached is one."""
    watched, metrics = engine(), Metrics()
    instrument_engine(watched, metrics)
    with watched.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT secret FROM nowhere"))
    with watched.connect() as connection, pytest.raises(StatementError):
        connection.execute(select(THINGS).where(THINGS.c.id == bindparam("x")), {})
    nowhere = create_engine(f"sqlite:///{tmp_path}/nowhere/a.db")
    instrument_engine(nowhere, metrics)
    with pytest.raises(OperationalError):
        nowhere.connect()

    assert counted(metrics) == {"select": 1}
    assert errors(metrics) == {("select", "OperationalError"): 1, ("connect", "OperationalError"): 1}


@pytest.mark.scenario("C3")
def test_a_server_side_cursor(postgres_database):
    """A result that is fetched in pieces is one statement."""
    watched, metrics = create_engine(postgres_database), Metrics()
    instrument_engine(watched, metrics)
    with watched.connect() as connection:
        rows = connection.execution_options(stream_results=True, yield_per=10).execute(
            text("SELECT * FROM generate_series(1, 95)")
        )
        assert len(rows.all()) == 95
    watched.dispose()

    assert counted(metrics) == {"select": 1}


def test_a_statement_within_a_statement(engine):
    """A listener that asks the database itself does not spoil the time of the statement that it was called for."""
    watched, metrics = engine(), Metrics()
    instrument_engine(watched, metrics)

    @event.listens_for(watched, "before_cursor_execute")
    def look(connection, _cursor, statement, *_):
        if statement.startswith("DELETE"):
            connection.execute(select(THINGS))

    with watched.begin() as connection:
        connection.execute(delete(THINGS))

    assert counted(metrics) == {"delete": 1, "select": 1}


@pytest.mark.scenario("C4")
@pytest.mark.parametrize("disposed", [False, True])
def test_nothing_is_left_behind(engine, disposed):
    """What was installed is removed again, also from a pool that has taken another's place, and only once."""
    watched, metrics = engine(), Metrics()
    before = installed(watched)
    stop = instrument_engine(watched, metrics)
    assert instrument_engine(watched, metrics) is stop
    if disposed:
        watched.dispose()
    assert installed(watched) != before
    stop()
    stop()

    assert installed(watched) == before
    assert metrics.connections_in_use() is None
    with watched.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert counted(metrics) == {}
    assert gauge(metrics, "database_connection_wait_seconds_count") == 0


def installed(engine):
    """How many listeners an engine has for each event, and what stands before its pool."""
    found = {name: len(getattr(engine.pool.dispatch, name)) for name in ("checkout", "checkin", "detach")}
    names = ("before_cursor_execute", "after_cursor_execute", "before_execute", "after_execute", "engine_disposed")
    found |= {name: len(getattr(engine.dispatch, name)) for name in names}
    return (
        found | {"handle_error": len(engine.dialect.dispatch.handle_error)} | {"pool": "connect" in vars(engine.pool)}
    )


def test_who_else_carries_out_statements(engine):
    """Somebody who listens to `do_execute` before or after us is asked as if we were not there."""
    watched, metrics, asked = engine(), Metrics(), []

    def look(_cursor, statement, *_):
        asked.append(statement)

    def carry_out(cursor, statement, *_):
        if statement == "SELECT 1":
            cursor.execute("SELECT 2")
            return True
        return False

    event.listen(watched, "do_execute", look)
    instrument_engine(watched, metrics)
    event.listen(watched, "do_execute", carry_out)
    with watched.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 2
        assert connection.execute(text("SELECT 3")).scalar() == 3

    assert asked == ["SELECT 1", "SELECT 3"]
    assert counted(metrics) == {"select": 2}


@pytest.mark.scenario("C4")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_who_watch(engine, order):
    """Two who watch one engine do not meet, in whichever order they go."""
    watched, metrics = engine(), (Metrics(), Metrics())
    stops = [instrument_engine(watched, each) for each in metrics]
    for who in order:
        with watched.connect() as connection:
            connection.execute(text("SELECT 1"))
        stops[who]()
    goes_first, goes_last = (metrics[who] for who in order)

    assert (counted(goes_first), counted(goes_last)) == ({"select": 1}, {"select": 2})
    waited = [gauge(each, "database_connection_wait_seconds_count") for each in (goes_first, goes_last)]
    assert waited == [1, 2]
    with watched.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert waited == [gauge(each, "database_connection_wait_seconds_count") for each in (goes_first, goes_last)]


@pytest.mark.scenario("C5")
def test_what_it_costs(engine):
    """A watched statement on SQLite, where statements are quickest, takes little longer than one that is not."""
    plain, watched = engine(), engine()
    instrument_engine(watched, Metrics())
    best = {}
    asked = select(THINGS.c.id).where(THINGS.c.id == 1)
    with plain.connect() as one, watched.connect() as other:
        for _ in range(100):
            for name, connection in (("plain", one), ("watched", other)):
                began = time.perf_counter()
                for _ in range(20):
                    connection.execute(asked).all()
                took = (time.perf_counter() - began) / 20
                best[name] = min(took, best.get(name, took))
    extra = best["watched"] - best["plain"]
    print(f"a statement: {1e6 * best['plain']:.1f} µs; watched {1e6 * extra:.2f} µs more")

    assert extra < 0.6 * best["plain"]
