"""Fixtures every test may ask for: real databases and a real Redis, started once per run and always stopped."""

import gc
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from servers.postgres import running_postgres
from servers.process import Unavailable
from servers.quick import quick_folder
from servers.redis import OLDEST, running_redis
from servers.redis_many import Watched, running_cluster, running_sentinel
from turns import forget_turns, turn

T = TypeVar("T")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that measures be alone."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


# A file is one process's from its first test to its last: begun late, one of these would keep the others waiting.
_LONG = (
    "perf/test_simulation.py",
    "core/acceptance/test_machine.py",
    "core/acceptance/test_machine_postgres.py",
    "core/acceptance/test_machine_again.py",
    "core/acceptance/test_replay.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files begin first."""
    here = Path(__file__).parent
    first = {here / name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: first.get(item.path, len(_LONG)))


def pytest_collection_finish() -> None:
    """Spare every later look for garbage what lives to the end: the tests themselves and the modules they imported."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    forget_turns()


def _part_is_missing(reason: str) -> NoReturn:
    if os.environ.get("MESTRES_REQUIRE_ALL") == "1" or os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _enter(server: AbstractContextManager[T]) -> Iterator[T]:
    try:
        url = server.__enter__()
    except Unavailable as error:
        _part_is_missing(str(error))
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def require_part() -> Callable[[object, str], None]:
    """`require_part(found, reason)`: without the part, skip; where every part is promised (CI), fail."""

    def require(found: object, reason: str) -> None:
        if not found:
            _part_is_missing(reason)

    return require


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL on which databases may be created."""
    yield from _enter(running_postgres())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis whose database the tests may flush."""
    yield from _enter(running_redis())


@pytest.fixture(scope="session")
def oldest_redis_url() -> Iterator[str]:
    """URL of a Redis of the oldest version that is supported, which the tests may flush."""
    yield from _enter(running_redis(OLDEST))


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[str]:
    """Address of a Redis Cluster of three nodes."""
    yield from _enter(running_cluster())


@pytest.fixture
def redis_watched() -> Iterator[Watched]:
    """A Redis master with a replica, watched by a sentinel."""
    yield from _enter(running_sentinel())


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """SQLAlchemy URL of a fresh, empty PostgreSQL database, dropped after the test."""
    import psycopg
    from sqlalchemy import make_url

    url = make_url(postgres_url)
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield url.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        # FORCE: a connection the test left open must not keep the database.
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """A folder of the test's own, in memory if possible, for databases: a commit there waits for no disk."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('quick_path') / 'test.db'}"
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def redis_db(redis_url: str) -> str:
    """URL of an empty Redis database."""
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


# Each Redis and each protocol once; the other two pairs in the long form.
_PAIRS = ["oldest-resp2", "newest-resp3"]
if os.environ.get("MESTRES_STRESS") == "long":
    _PAIRS += ["oldest-resp3", "newest-resp2"]


@pytest.fixture(params=_PAIRS)
def each_redis(request: pytest.FixtureRequest) -> tuple[str, int]:
    """URL of an empty Redis database and the protocol to speak; the test runs on each supported Redis."""
    import redis

    age, _, protocol = request.param.partition("-resp")
    url = request.getfixturevalue("oldest_redis_url" if age == "oldest" else "redis_url")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url, int(protocol)
