"""Shops for the tests of the core; see core_shop.py for what they can do in a few words."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core_shop import TestShop


@pytest.fixture
def open_shop(database_url: str) -> Iterator[Callable[..., TestShop]]:
    """`open_shop(**settings)`: a shop on the test's database with settings of its own; the clock is its `clock`."""
    opened: list[TestShop] = []

    def open_(**settings: Any) -> TestShop:
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
def sqlite_shop(tmp_path: Path) -> Iterator[TestShop]:
    """An empty shop on SQLite only, for rules that no database has a part in."""
    made = TestShop(f"sqlite:///{tmp_path / 'shop.db'}")
    yield made
    made.close()
