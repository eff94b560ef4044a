"""Shops for the tests of the core; see core_shop.py for what they can do in a few words."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from core_shop import TestShop
from mestres_core import Commerce

Fill = Callable[[str], None]


@pytest.fixture(scope="session")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fill]:
    """`fill(url)`: give an empty database its tables, as a copy of one that was migrated once.

    A test that begins with a shop has no use for a second of migrations; those have tests of their own.
    """
    file = tmp_path_factory.mktemp("migrated") / "shop.db"
    template: list[tuple[str, str]] = []

    def fill(url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and not Path(parsed.database).exists():
                if not file.exists():
                    Commerce.open(f"sqlite:///{file}").close()
                shutil.copy(file, parsed.database)
            return
        plain = parsed.set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False)) as connection:
            if connection.execute("SELECT to_regclass('mc_alembic_version')").fetchone() != (None,):
                return
        admin = plain.set(database="postgres").render_as_string(hide_password=False)
        if not template:
            name = f"mestres_migrated_{uuid.uuid4().hex}"
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            Commerce.open(parsed.set(database=name)).close()
            template.append((admin, name))
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {parsed.database}")
            connection.execute(f"CREATE DATABASE {parsed.database} TEMPLATE {template[0][1]}")

    yield fill
    # A server of the tests' own has gone with all that it had; somebody else's is left as it was.
    with suppress(psycopg.OperationalError):
        for admin, name in template:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
def sqlite_shop(quick_path: Path, fill: Fill) -> Iterator[TestShop]:
    """An empty shop on SQLite only, for rules that no database has a part in."""
    url = f"sqlite:///{quick_path / 'shop.db'}"
    fill(url)
    made = TestShop(url)
    yield made
    made.close()


@pytest.fixture
def postgres_shop(postgres_database: str, fill: Fill) -> Iterator[TestShop]:
    """An empty shop on PostgreSQL only, for what is sent there in another way."""
    fill(postgres_database)
    made = TestShop(postgres_database)
    yield made
    made.close()
