"""Stock and the ledger that explains it."""

import pytest

from core_shop import TestShop
from mestres_core.errors import InsufficientStock, NotFound, ValidationError, VersionConflict


def test_every_change_is_in_the_ledger(shop: TestShop) -> None:
    """A level is the sum of its movements, whatever happened to it."""
    shop.product(stock=5)
    shop.inventory.receive("A1", quantity=3, reference="NF 12")
    shop.inventory.set("A1", on_hand=6)
    shop.orders.fulfill(shop.buy(quantity=2).order.number)
    shop.orders.cancel(shop.buy().order.number)
    level = shop.inventory.level("A1")
    assert (4, 0, 4) == (level.on_hand, level.allocated, level.available)
    assert [(4, 0)] == [tuple(row) for row in shop.sql("SELECT sum(on_hand), sum(allocated) FROM mc_stock_movement")]
    kinds = [row[0] for row in shop.sql("SELECT kind FROM mc_stock_movement ORDER BY id")]
    assert ["open", "receive", "count", "allocate", "ship", "allocate", "release"] == kinds
    assert shop.audit().clean


def test_a_count_that_is_out_of_date_is_refused(shop: TestShop) -> None:
    """`change_from` must still be right."""
    shop.product(stock=5)
    with pytest.raises(VersionConflict):
        shop.inventory.set("A1", on_hand=9, change_from=4)
    assert 9 == shop.inventory.set("A1", on_hand=9, change_from=5).on_hand
    assert 9 == shop.inventory.set("A1", on_hand=9).on_hand
    assert 2 == len(shop.sql("SELECT id FROM mc_stock_movement"))


def test_sold_pieces_cannot_be_counted_away(shop: TestShop) -> None:
    """Fewer pieces than are sold is refused."""
    shop.product(stock=5)
    shop.buy(quantity=3)
    with pytest.raises(InsufficientStock):
        shop.inventory.set("A1", on_hand=2)
    assert 0 == shop.inventory.set("A1", on_hand=3).available


def test_wrong_arguments(shop: TestShop) -> None:
    """Unknown SKUs and impossible numbers are refused."""
    shop.product()
    for sku in ("nothing", "a\0", None, 5):
        with pytest.raises(NotFound):
            shop.inventory.level(sku)
    for quantity in (0, -1, 1.0, True, None, 10**9):
        with pytest.raises(ValidationError):
            shop.inventory.receive("A1", quantity=quantity)
    with pytest.raises(ValidationError):
        shop.inventory.set("A1", on_hand=-1)
