"""Customers from the command line."""

import json

import pytest

from core_shop import CUSTOMER, TestShop
from mestres_core.cli import main
from mestres_core.errors import ErasureRefused, NotFound


def test_telling_and_erasing(sqlite_shop: TestShop, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """`mestres customers export` prints all as JSON; `erase` says what is gone and what stays, or names open orders."""
    sqlite_shop.product()
    number = sqlite_shop.buy().order.number
    where = ["--database", str(sqlite_shop.engine.url)]
    email = CUSTOMER["email"]
    assert main(["customers", "export", email, *where]) == 0
    assert json.loads(capsysbinary.readouterr().out)["orders"][0]["number"] == number
    with pytest.raises(ErasureRefused, match=number):
        sqlite_shop.customers.erase(1, open_orders="refuse")
    assert main(["customers", "erase", email, "--refuse-open", *where]) != 0
    capsysbinary.readouterr()
    assert main(["customers", "erase", email, *where]) == 0
    said = capsysbinary.readouterr().out.decode()
    assert "erased orders: 1" in said
    assert "kept payments: 1" in said
    with pytest.raises(NotFound):
        sqlite_shop.customers.find(email)
