"""Stock is proved number by number, and put right only when asked."""

from datetime import date, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import InsufficientStock, ValidationError


def busy(shop: TestShop) -> str:
    """A shop in which everything occurs: two locations, lots, an order, a reservation; returns the order's number."""
    shop.product(stock=5)
    shop.product("B2", stock=5)
    shop.inventory.save_location("loja")
    shop.inventory.receive("A1", quantity=4, location="loja", lot="L1", best_before=date(2026, 6, 1))
    shop.reservations.reserve("counter", items={"A1": 1, "B2": 1}, ttl=timedelta(days=1))
    number: str = shop.place(shop.cart(("A1", 7), ("B2", 2))).order.number
    return number


DAMAGES = [
    pytest.param(
        "UPDATE mc_stock_level SET on_hand = on_hand + 1 WHERE sku = 'B2'",
        {"a level is the sum of its movements"},
        {"a level is the sum of its movements"},
        id="level",
    ),
    pytest.param(
        "UPDATE mc_stock_level SET on_hand = on_hand + 1 WHERE sku = 'A1'",
        {"a level is the sum of its movements", "a level is the sum of its places"},
        {"a level is the sum of its places"},
        id="level of several places",
    ),
    pytest.param(
        "UPDATE mc_stock_place SET on_hand = on_hand + 1 WHERE location_id = 1",
        {"a place is the sum of its movements", "a level is the sum of its places"},
        {"a level is the sum of its movements", "a level is the sum of its places"},
        id="place",
    ),
    pytest.param(
        "UPDATE mc_stock_lot SET allocated = allocated - 1",
        {"a lot is the sum of its movements"},
        {"a lot is the sum of its movements"},
        id="lot",
    ),
    pytest.param(
        "UPDATE mc_stock_reservation SET state = 'expired' WHERE variant_id ="
        " (SELECT variant_id FROM mc_stock_level WHERE sku = 'B2')",
        {"reserved pieces are those of active reservations"},
        {"reserved pieces are those of active reservations"},
        id="reservation",
    ),
    pytest.param(
        "UPDATE mc_stock_movement SET reference = 'other' WHERE reference LIKE 'MC-%' AND variant_id ="
        " (SELECT variant_id FROM mc_stock_level WHERE sku = 'B2')",
        set(),
        {"allocated pieces are those of open orders"},
        id="an order that the ledger does not know",
    ),
    pytest.param(
        "UPDATE mc_order_line SET quantity = 1, total = unit_price WHERE sku = 'B2'",
        {"allocated pieces are those of open orders"},
        {"allocated pieces are those of open orders"},
        id="order",
    ),
]


@pytest.mark.parametrize(("damage", "in_audit", "in_stock"), DAMAGES)
def test_damage_is_named_and_repaired(shop: TestShop, damage: str, in_audit: set[str], in_stock: set[str]) -> None:
    """Each damage is named by the audit and by `reconcile`, which changes nothing until it is told to repair."""
    busy(shop)
    assert shop.audit().clean
    assert shop.inventory.reconcile().clean
    shop.sql(damage)
    assert in_audit <= {each.rule for each in shop.audit().violations}
    found = shop.inventory.reconcile()
    assert {each.rule for each in found.discrepancies} == in_stock
    assert shop.inventory.reconcile() == found
    assert not found.clean

    repaired = shop.inventory.reconcile(repair=True)
    assert {each.rule for each in repaired.discrepancies} == in_stock
    assert repaired.clean
    assert shop.inventory.reconcile().discrepancies == ()
    assert not in_audit & {each.rule for each in shop.audit().violations}


def test_repairs_are_in_the_ledger(shop: TestShop) -> None:
    """What was allocated to an order that holds less is given back by a line that names it."""
    number = busy(shop)
    shop.sql("UPDATE mc_order_line SET quantity = 1, total = unit_price WHERE sku = 'B2'")
    shop.inventory.reconcile(repair=True)
    moves = [move for move in shop.inventory.of_reference(number) if move.kind == "repair"]
    assert [(move.sku, move.allocated) for move in moves] == [("B2", -1)]
    assert shop.inventory.level("B2").allocated == 1


def test_what_would_oversell_is_not_repaired(shop: TestShop) -> None:
    """When orders hold more than is there, the numbers are named and left to people."""
    shop.product(stock=2)
    shop.buy(quantity=2)
    shop.sql("UPDATE mc_order_line SET quantity = 3, total = unit_price * 3")
    found = shop.inventory.reconcile(repair=True)
    assert [(each.sku, each.found, each.expected, each.repaired) for each in found.discrepancies] == [
        ("A1", 2, 3, False)
    ]
    assert not found.clean
    assert shop.inventory.level("A1").allocated == 2


def test_a_repair_tells_the_catalogue(shop: TestShop) -> None:
    """A card that said "sold out" by a wrong number is right again."""
    shop.product(stock=1)
    shop.reservations.reserve("counter", items={"A1": 1})
    shop.sql("UPDATE mc_stock_reservation SET state = 'released'")
    assert not shop.catalog.list().items[0].in_stock
    shop.inventory.reconcile(repair=True)
    assert shop.catalog.list().items[0].in_stock


def test_preorders(shop: TestShop) -> None:
    """A coffee that has still to come is sold up to its limit, is shown as to be had, and ships when it is there."""
    shop.product(stock=0)
    assert not shop.catalog.list().items[0].in_stock
    level = shop.inventory.configure("A1", backorder_limit=3, expected_on=date(2026, 4, 1))
    assert (level.available, level.buyable, level.expected_on) == (0, 3, date(2026, 4, 1))
    assert shop.catalog.list().items[0].in_stock
    number = shop.buy(quantity=3).order.number
    assert (shop.inventory.level("A1").available, shop.inventory.level("A1").buyable) == (-3, 0)
    assert not shop.catalog.list().items[0].in_stock
    with pytest.raises(InsufficientStock) as refused:
        shop.orders.fulfill(number)
    assert (refused.value.requested, refused.value.available) == (3, 0)
    with pytest.raises(InsufficientStock):
        shop.cart(("A1", 1))
    with pytest.raises(ValidationError, match="backorder_limit must be at least 3"):
        shop.inventory.configure("A1", backorder_limit=2)
    shop.inventory.receive("A1", quantity=4)
    shop.orders.fulfill(number)
    level = shop.inventory.configure("A1", backorder_limit=0, expected_on=None)
    assert (level.on_hand, level.buyable, level.expected_on) == (1, 1, None)
    assert shop.audit().clean


def test_low_stock_is_told_once(shop: TestShop) -> None:
    """When a variant falls to its mark a fact is written, and again only after it had been above it."""
    shop.product(stock=5)
    shop.inventory.configure("A1", low_at=2)
    heard: list[Any] = []
    shop.subscribe(lambda fact: heard.append(fact.payload()) if fact.type == "StockLow" else None)
    for step in (
        lambda: shop.buy(quantity=2),
        lambda: shop.reservations.reserve("counter", items={"A1": 1}),
        lambda: shop.buy(quantity=1),
        lambda: shop.inventory.receive("A1", quantity=5),
        lambda: shop.inventory.adjust("A1", by=-4, reason="damaged"),
    ):
        step()
        while shop.relay():
            pass
    variant = shop.inventory.level("A1").variant_id
    assert [(each["sku"], each["variant_id"], each["available"], each["low_at"]) for each in heard] == [
        ("A1", variant, 2, 2),
        ("A1", variant, 2, 2),
    ]
    shop.inventory.configure("A1", low_at=None)
    assert shop.inventory.level("A1").low_at is None


def test_every_movement_says_what_and_why(shop: TestShop) -> None:
    """The ledger gives kinds, references, reasons, places and lots, newest first, page by page."""
    busy(shop)
    shop.inventory.adjust("A1", by=-1, reason="damaged", reference="report 7", location="loja", lot="L1")
    first = shop.inventory.movements("A1", limit=3)
    rest = shop.inventory.movements("A1", before=first[-1].id)
    assert [move.id for move in (*first, *rest)] == sorted((move.id for move in (*first, *rest)), reverse=True)
    assert [move.kind for move in reversed((*first, *rest))] == [
        "open",
        "receive",
        "reserve",
        "allocate",
        "allocate",
        "adjust",
    ]
    newest = first[0]
    assert (newest.location, newest.on_hand, newest.reason, newest.reference) == ("loja", -1, "damaged", "report 7")
    assert {move.lot for move in rest} == {"", "L1"}
