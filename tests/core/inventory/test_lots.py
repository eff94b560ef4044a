"""Lots: sold first-expired-first-out, and found again."""

from datetime import date, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import InsufficientStock, NotFound, ValidationError

TODAY = date(2026, 3, 2)  # the day of the tests' clock


def day(number: int, month: int = 3) -> date:
    return date(2026, month, number)


def lots(shop: TestShop, sku: str = "A1") -> dict[str, tuple[int, int]]:
    return {each.code: (each.on_hand, each.allocated) for each in shop.inventory.lots(sku)}


def stocked(shop: TestShop) -> None:
    """Ten pieces: four without a lot, and three lots that came in another order than they expire."""
    shop.product(stock=2)
    shop.inventory.receive("A1", quantity=3, lot="late", roasted_on=day(1), best_before=day(30))
    shop.inventory.receive("A1", quantity=2, lot="dateless")
    shop.inventory.receive("A1", quantity=3, lot="early", roasted_on=day(1, 2), best_before=day(10))


def taken(shop: TestShop, number: str) -> list[tuple[str, int]]:
    return [(move.lot, move.allocated) for move in shop.inventory.of_reference(number)]


def test_first_expired_first_out(shop: TestShop) -> None:
    """The earliest best-before date goes first, what has none after it, pieces of no lot last."""
    stocked(shop)
    assert [each.code for each in shop.inventory.lots("A1")] == ["early", "late", "dateless"]
    assert taken(shop, shop.buy(quantity=2).order.number) == [("early", 2)]
    assert taken(shop, shop.buy(quantity=5).order.number) == [("early", 1), ("late", 3), ("dateless", 1)]
    assert taken(shop, shop.buy(quantity=3).order.number) == [("dateless", 1), ("", 2)]
    with pytest.raises(InsufficientStock):
        shop.buy()
    assert shop.audit().clean


def test_what_comes_back_is_sold_again(shop: TestShop) -> None:
    """A cancelled order gives its pieces back to their lots; of a part the latest date goes back first."""
    stocked(shop)
    variant = shop.inventory.level("A1").variant_id
    shop.inventory.allocate({variant: 5}, reference="till-1")
    assert lots(shop) == {"early": (3, 3), "late": (3, 2), "dateless": (2, 0)}
    assert shop.inventory.release({variant: 1}, reference="till-1") == {variant: 1}
    assert lots(shop) == {"early": (3, 3), "late": (3, 1), "dateless": (2, 0)}
    shop.inventory.ship({variant: 3}, reference="till-1")
    assert lots(shop) == {"late": (3, 1), "dateless": (2, 0)}
    shop.inventory.release({variant: 9}, reference="till-1")
    assert lots(shop) == {"late": (3, 0), "dateless": (2, 0)}


def test_nothing_past_its_date_is_sold(shop: TestShop) -> None:
    """On its best-before day a lot may be sold, after it never; a worker writes it off, but for what is allocated."""
    stocked(shop)
    number = shop.buy(quantity=1).order.number
    shop.clock.advance(days=8)
    assert taken(shop, shop.buy(quantity=1).order.number) == [("early", 1)]
    shop.clock.advance(days=1)
    assert [(each.blocked, each.available) for each in shop.inventory.places("A1")] == [(1, 7)]
    cart = shop.cart(("A1", 8))
    with pytest.raises(InsufficientStock) as refused:
        shop.place(cart)
    assert refused.value.available == 7
    assert (shop.inventory.write_off_expired(), shop.inventory.write_off_expired()) == (1, 0)
    assert (shop.inventory.level("A1").on_hand, lots(shop)["early"]) == (9, (2, 2))
    assert [(m.kind, m.lot, m.on_hand, m.reason) for m in shop.inventory.movements("A1", limit=1)] == [
        ("adjust", "early", -1, "expired")
    ]
    shop.orders.fulfill(number)
    assert shop.audit().clean


def test_what_was_reserved_may_pass_its_date(shop: TestShop) -> None:
    """A reservation does not make good what expired meanwhile: other pieces are sold, or none."""
    shop.product(stock=0)
    shop.inventory.receive("A1", quantity=3, lot="early", best_before=day(3))
    cart = shop.cart(("A1", 3))
    shop.carts.reserve(cart, ttl=timedelta(days=5))
    shop.clock.advance(days=2)
    with pytest.raises(InsufficientStock) as refused:
        shop.place(cart)
    assert refused.value.available == 0
    with pytest.raises(InsufficientStock):
        shop.carts.reserve(cart)
    shop.inventory.save_location("loja")
    shop.inventory.receive("A1", quantity=3, location="loja")
    number = shop.place(cart).order.number
    moves = shop.inventory.of_reference(number)
    assert [(m.kind, m.location, m.lot, m.allocated, m.reserved) for m in moves] == [
        ("unreserve", "default", "", 0, -3),
        ("allocate", "loja", "", 3, 0),
    ]
    assert shop.inventory.write_off_expired() == 3
    assert shop.audit().clean


def test_a_recall_names_the_orders(shop: TestShop) -> None:
    """Every order that has or had pieces of a lot is named, those that gave them back are not; so is what is left."""
    stocked(shop)
    shipped, held, cancelled = (shop.buy(quantity=1).order.number for _ in range(3))
    shop.orders.fulfill(shipped)
    shop.orders.cancel(cancelled)
    found = shop.inventory.recall("A1", lot="early")
    assert (found.shipped, found.held, found.on_hand) == ({shipped: 1}, {held: 1}, 2)
    assert found.orders == tuple(sorted((shipped, held)))
    for unknown in ("early ", None, "x\0"):
        with pytest.raises(NotFound):
            shop.inventory.recall("A1", lot=unknown)


def test_a_recall_reaches_every_location(shop: TestShop) -> None:
    """A lot that was divided between locations is one lot."""
    stocked(shop)
    shop.inventory.save_location("loja", priority=-1)
    shop.inventory.transfer("A1", quantity=4, source="default", target="loja")
    assert [(each.location, each.code, each.on_hand) for each in shop.inventory.lots("A1")] == [
        ("loja", "early", 3),
        ("default", "late", 2),
        ("loja", "late", 1),
        ("default", "dateless", 2),
    ]
    numbers = sorted((shop.buy(quantity=4).order.number, shop.buy(quantity=1).order.number))
    assert list(shop.inventory.recall("A1", lot="late").orders) == numbers
    assert shop.audit().clean


def test_pieces_sold_before_they_come_get_their_lot_when_they_leave(shop: TestShop) -> None:
    """A backorder has no lot; shipped out of what came since, the recall of that lot names it."""
    stocked(shop)
    shop.inventory.configure("A1", backorder_limit=5)
    shop.buy(quantity=10)
    number = shop.buy(quantity=2).order.number
    assert taken(shop, number) == [("", 2)]
    with pytest.raises(InsufficientStock):
        shop.inventory.adjust("A1", by=-1, reason="lost", lot="early")
    shop.inventory.receive("A1", quantity=2, lot="new", best_before=day(1, 6))
    shop.orders.fulfill(number)
    # Two pieces of no lot were there for others, and are as good: what left is on the shelf no more.
    assert shop.inventory.level("A1").on_hand == 10
    assert shop.audit().clean


def test_shipping_backorders_out_of_lots_only(shop: TestShop) -> None:
    """When everything is in lots, a backorder leaves out of the lot that expires first."""
    shop.product(stock=0)
    shop.inventory.configure("A1", backorder_limit=2)
    number = shop.buy(quantity=2).order.number
    shop.inventory.receive("A1", quantity=3, lot="new", best_before=day(1, 6))
    shop.orders.fulfill(number)
    assert lots(shop) == {"new": (1, 0)}
    assert shop.inventory.recall("A1", lot="new").shipped == {number: 2}
    assert shop.audit().clean


def test_receiving_a_lot_again(shop: TestShop) -> None:
    """It grows, and keeps its dates: others are refused."""
    stocked(shop)
    shop.inventory.receive("A1", quantity=1, lot="early")
    shop.inventory.receive("A1", quantity=1, lot="early", best_before=day(10))
    assert lots(shop)["early"] == (5, 0)
    with pytest.raises(ValidationError, match="best_before"):
        shop.inventory.receive("A1", quantity=1, lot="early", best_before=day(11))


def test_counting_lots(shop: TestShop) -> None:
    """A lot is counted by its name; what is in lots cannot be counted away without one."""
    stocked(shop)
    shop.inventory.set("A1", on_hand=1, lot="early", change_from=3, reason="stocktake")
    shop.inventory.adjust("A1", by=-2, lot="late", reason="damaged")
    shop.inventory.set("A1", on_hand=5)
    assert (shop.inventory.level("A1").on_hand, lots(shop)) == (
        5,
        {"early": (1, 0), "late": (1, 0), "dateless": (2, 0)},
    )
    with pytest.raises(ValidationError, match="lot"):
        shop.inventory.set("A1", on_hand=3)
    with pytest.raises(NotFound):
        shop.inventory.set("A1", on_hand=3, lot="moon")
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        pytest.param({"lot": ""}, "lot", id="no code"),
        pytest.param({"lot": "x" * 41}, "lot", id="long code"),
        pytest.param({"best_before": TODAY}, "lot", id="a date without a lot"),
        pytest.param({"lot": "x", "best_before": "2026-03-02"}, "best_before", id="text for a date"),
        pytest.param({"lot": "x", "roasted_on": day(3), "best_before": day(2)}, "best_before", id="before the roast"),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, arguments: dict[str, Any], field: str) -> None:
    """What is no lot is refused, and nothing is received."""
    sqlite_shop.product(stock=1)
    with pytest.raises(ValidationError) as refused:
        sqlite_shop.inventory.receive("A1", quantity=1, **arguments)
    assert [each.field for each in refused.value.errors] == [field]
    assert sqlite_shop.inventory.level("A1").on_hand == 1
