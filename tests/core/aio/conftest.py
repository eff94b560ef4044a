"""A database for each async driver."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core_aio import DRIVERS


def _database(driver: str, request: pytest.FixtureRequest, folder: Path, fill: Callable[[str], None]) -> str:
    if driver == "aiosqlite":
        url = f"sqlite:///{folder / 'shop.db'}"
        fill(url)
        return url
    return str(request.getfixturevalue("migrated_database")).replace("postgresql+psycopg:", f"postgresql+{driver}:")


@pytest.fixture(params=DRIVERS)
def aio_url(request: pytest.FixtureRequest, quick_path: Path, fill: Callable[[str], None]) -> str:
    """A migrated database, once for each async driver."""
    return _database(request.param, request, quick_path, fill)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, quick_path: Path, fill: Callable[[str], None]) -> str:
    """A migrated SQLite database, for rules in which the database has no part."""
    return _database("aiosqlite", request, quick_path, fill)
