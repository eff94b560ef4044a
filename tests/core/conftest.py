"""Shops for the tests of the core; see core_shop.py for what they can do in a few words."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from core_shop import TestShop
from mestres_core import Commerce
from servers.migrated import MigratedDatabases
from servers.quick import quick_folder

Fill = Callable[[str], None]


@pytest.fixture(scope="session")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Fill:
    """`fill(url)`: give an empty database its tables; a SQLite file as a copy of one that was migrated once.

    A test that begins with a shop has no use for a second of migrations; those have tests of their own.
    """
    file = tmp_path_factory.mktemp("migrated") / "shop.db"

    def fill(url: str) -> None:
        parsed = make_url(url)
        # One of PostgreSQL that a test with `fill` was given has them.
        if parsed.get_backend_name() == "sqlite" and parsed.database and not Path(parsed.database).exists():
            if not file.exists():
                Commerce.open(f"sqlite:///{file}").close()
            shutil.copy(file, parsed.database)

    return fill


@pytest.fixture(scope="session")
def migrated(postgres_url: str) -> Iterator[MigratedDatabases]:
    """PostgreSQL databases that have the shop's tables."""
    made = MigratedDatabases(postgres_url, lambda url: Commerce.open(url).close())
    yield made
    # A server of the tests' own has gone with all that it had; somebody else's is left as it was.
    with suppress(psycopg.OperationalError):
        made.close()


@pytest.fixture
def migrated_database(migrated: MigratedDatabases) -> Iterator[str]:
    """The URL of one of them, for one test."""
    url = migrated.lend()
    yield url
    migrated.put_right(url)


@pytest.fixture(scope="session")
def lent_folder() -> Iterator[Path]:
    """Where the tests that begin with a shop have their SQLite file, one after another: see core_shop.py."""
    with quick_folder() as folder:
        yield folder / "lent"


@pytest.fixture
def lent_file(lent_folder: Path) -> Path:
    """The place of such a file, with nothing beside it."""
    shutil.rmtree(lent_folder, ignore_errors=True)
    lent_folder.mkdir()
    return lent_folder / "test.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of a database on each in turn: empty, or with tables for a test that fills it anyhow."""
    filled = "fill" in request.fixturenames
    if request.param == "sqlite":
        file = request.getfixturevalue("lent_file") if filled else request.getfixturevalue("quick_path") / "test.db"
        return f"sqlite:///{file}"
    return request.getfixturevalue("migrated_database" if filled else "postgres_database")


@pytest.fixture
def open_shop(database_url: str, fill: Fill) -> Iterator[Callable[..., TestShop]]:
    """`open_shop(**settings)`: a shop on the test's database with settings of its own; the clock is its `clock`."""
    opened: list[TestShop] = []

    def open_(**settings: Any) -> TestShop:
        fill(database_url)
        opened.append(TestShop(database_url, **settings))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def shop(open_shop: Callable[..., TestShop]) -> TestShop:
    """An empty shop on each database in turn."""
    return open_shop()


@pytest.fixture
def sqlite_shop(lent_file: Path, fill: Fill) -> Iterator[TestShop]:
    """An empty shop on SQLite only, for rules that no database has a part in."""
    url = f"sqlite:///{lent_file}"
    fill(url)
    made = TestShop(url)
    yield made
    made.close()


@pytest.fixture
def postgres_shop(migrated_database: str) -> Iterator[TestShop]:
    """An empty shop on PostgreSQL only, for what is sent there in another way."""
    made = TestShop(migrated_database)
    yield made
    made.close()
