"""Fixtures for pytest. In a conftest.py: `pytest_plugins = ["mestres_core.testing.fixtures"]`.

def test_a_purchase(shop, factory):
    assert factory.order().payment_status == "paid"
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mestres_core.commerce import Commerce
from mestres_core.testing.clock import FakeClock
from mestres_core.testing.factories import Factory
from mestres_core.testing.shops import memory_shop


@pytest.fixture
def clock() -> FakeClock:
    """The shop's clock: it stands still until `clock.advance(minutes=31)`."""
    return FakeClock()


@pytest.fixture
def shop_settings() -> dict[str, object]:
    """Settings for `shop`: override it to test a shop with extensions of your own."""
    return {}


@pytest.fixture
def shop(clock: FakeClock, shop_settings: dict[str, object]) -> Iterator[Commerce]:
    """An empty shop in memory, on `clock`."""
    with memory_shop(**({"clock": clock} | shop_settings)) as made:
        yield made


@pytest.fixture
def factory(shop: Commerce) -> Factory:
    """Products, carts and orders of `shop`."""
    return Factory(shop)
