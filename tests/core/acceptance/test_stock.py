"""What other shop systems expect of their stock, case by case; the ids name the case and where it comes from."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import InsufficientStock, VersionConflict
from mestres_core.rules.stock import LotPieces, StockPlace, by_priority, first_expired_first, take

TODAY = date(2026, 3, 2)


# A33: what a cart may hold (Sylius, Vendure) -----------------------------------------------------------------------

A33: list[Any] = [
    pytest.param(5, [("add", "", 6, False)], id="A33 stock 5, six at once: refused, 5 available (Sylius)"),
    pytest.param(5, [("add", "", 5, True), ("add", "", 5, False)], id="A33 stock 5, five and five more (Sylius)"),
    pytest.param(5, [("add", "", 4, True)], id="A33 stock 5, four (Sylius)"),
    pytest.param(5, [("add", "", 5, True), ("set", "", 6, False)], id="A33 stock 5, a line of five made six (Sylius)"),
    pytest.param(
        1, [("add", "a", 1, True), ("add", "b", 1, False)], id="A33 stock 1, two lines of a SKU (vendure#2702)"
    ),
    pytest.param(
        2,
        [("add", "a", 1, True), ("add", "b", 1, True), ("set", "a", 2, False)],
        id="A33 stock 2, 1+1, then 2 (vendure#2736)",
    ),
    pytest.param(0, [("add", "", 1, False)], id="zero saleable stock adds no line (Vendure stock-control)"),
    pytest.param(3, [("add", "", 3, True), ("add", "", 1, False)], id="too many one by one (vendure#691)"),
]


@pytest.mark.parametrize(("stock", "steps"), A33)
def test_what_a_cart_may_hold(shop: TestShop, stock: int, steps: Sequence[tuple[str, str, int, bool]]) -> None:
    """All lines of a SKU together hold no more than can be bought; a refused step changes nothing."""
    shop.product(stock=stock)
    cart = shop.carts.create().id
    for act, wish, pieces, allowed in steps:
        before = shop.carts.get(cart)
        lines = {each.attributes.get("wish", ""): each.id for each in before.lines}

        def step(act: str = act, wish: str = wish, pieces: int = pieces, lines: Any = lines) -> Any:
            if act == "set":
                return shop.carts.update(cart, lines[wish], quantity=pieces)
            attributes = {"wish": wish} if wish else {}
            return shop.carts.add(cart, sku="A1", quantity=pieces, attributes=attributes)

        if allowed:
            step()
        else:
            with pytest.raises(InsufficientStock) as refused:
                step()
            assert refused.value.available == stock
            assert shop.carts.get(cart) == before
    assert shop.audit().clean


# A35: the choice of a batch (cosmicpython), here of a lot -----------------------------------------------------------


def lot(number: int, free: int, best_before: date | None) -> LotPieces:
    return LotPieces(number, None, best_before, free)


A35: list[Any] = [
    pytest.param([(1, 20, 30)], 2, {1: 2}, 0, id="A35 allocating takes from the batch"),
    pytest.param([(1, 20, 30)], 20, {1: 20}, 0, id="A35 required equals available"),
    pytest.param([(1, 2, 30)], 20, {1: 2}, 18, id="A35 available smaller than required"),
    pytest.param([(1, 100, None), (2, 100, 1)], 10, {2: 10}, 0, id="A35 a dated lot before one without a date"),
    pytest.param([(1, 100, 2), (2, 100, 1), (3, 100, 30)], 10, {2: 10}, 0, id="A35 the earliest first"),
    pytest.param([(1, 10, 1)], 10, {1: 10}, 0, id="A35 ten of ten"),
    pytest.param([(1, 0, 1)], 1, {}, 1, id="A35 then one more: out of stock"),
    pytest.param([(1, 5, -1), (2, 5, 0)], 6, {2: 5}, 1, id="a lot past its date is not there"),
]


@pytest.mark.parametrize(("batches", "pieces", "taken", "missing"), A35)
def test_which_lot_is_sold(batches: Any, pieces: int, taken: dict[int, int], missing: int) -> None:
    """First expired first out, nothing past its date; what is missing is told."""
    lots = [lot(number, free, None if days is None else TODAY + timedelta(days=days)) for number, free, days in batches]
    assert take(lots, pieces, TODAY) == (taken, missing)
    assert take(reversed(lots), pieces, TODAY) == (taken, missing)


def test_equal_dates() -> None:
    """Of equal best-before dates the earlier roast goes first, then the lot that came first."""
    lots = [LotPieces(3, None, TODAY, 1), LotPieces(2, TODAY, TODAY, 1), LotPieces(1, TODAY, TODAY, 1)]
    assert [each.lot_id for each in first_expired_first(lots)] == [1, 2, 3]


def test_in_stock_before_shipment(shop: TestShop) -> None:
    """A35: pieces that are there are sold before pieces that have still to come."""
    shop.product(stock=1)
    shop.inventory.configure("A1", backorder_limit=5)
    shop.buy(quantity=1)
    assert shop.inventory.level("A1").available == 0
    shop.buy(quantity=2)
    assert (shop.inventory.level("A1").on_hand, shop.inventory.level("A1").available) == (1, -2)


def test_out_of_stock_is_told(shop: TestShop) -> None:
    """A35: the tenth of ten makes the product sold out, which is a fact; one more is refused."""
    shop.product(stock=10)
    shop.buy(quantity=10)
    flips = shop.sql("SELECT payload FROM mc_outbox WHERE type = 'StockChanged' ORDER BY id DESC LIMIT 1")
    assert "true" in str(flips[0][0]).lower()
    with pytest.raises(InsufficientStock):
        shop.buy()


def test_the_same_twice_counts_once(shop: TestShop) -> None:
    """A35: reserving the same, or placing the same order twice, takes the pieces once."""
    shop.product(stock=10)
    for _ in range(2):
        shop.reservations.reserve("cart", items={"A1": 2})
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 3))), key="k")
    assert [shop.checkout.place(**arguments).replayed for _ in range(2)] == [False, True]
    level = shop.inventory.level("A1")
    assert (level.reserved, level.allocated) == (2, 3)


# Spree: stock_level_spec, stock_reservations specs -------------------------------------------------------------------


def spree_available_is_the_shelf_minus_the_promise(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 4}, reference="x")
    assert shop.inventory.level("A1").available == 6


def spree_not_in_stock_once_all_is_promised(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 9}, reference="x")
    assert shop.catalog.list().items[0].in_stock
    shop.inventory.allocate({variant: 1}, reference="x")
    assert not shop.catalog.list().items[0].in_stock


def spree_releases_only_what_was_promised(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 2}, reference="x")
    assert shop.inventory.release({variant: 5}, reference="x") == {variant: 2}
    assert shop.inventory.level("A1").allocated == 0


def spree_stale_copies_add_up(shop: TestShop, variant: int) -> None:
    stale = shop.inventory.level("A1")
    shop.inventory.adjust("A1", by=5, reason="found")
    assert shop.inventory.adjust("A1", by=5, reason="found").on_hand == stale.on_hand + 10


def spree_a_stale_count_is_refused(shop: TestShop, variant: int) -> None:
    stale = shop.inventory.level("A1")
    shop.inventory.set("A1", on_hand=5)
    with pytest.raises(VersionConflict) as refused:
        shop.inventory.set("A1", on_hand=12, change_from=stale.on_hand)
    assert (refused.value.expected, refused.value.actual) == (10, 5)  # type: ignore[attr-defined]


def spree_on_hand_is_never_below_zero(shop: TestShop, variant: int) -> None:
    shop.inventory.configure("A1", backorder_limit=50)
    with pytest.raises(InsufficientStock):
        shop.inventory.adjust("A1", by=-11, reason="lost")
    assert shop.inventory.adjust("A1", by=-10, reason="lost").on_hand == 0


def spree_arriving_pieces_fill_backorders(shop: TestShop, variant: int) -> None:
    shop.inventory.configure("A1", backorder_limit=5)
    shop.inventory.allocate({variant: 15}, reference="x")
    assert shop.inventory.receive("A1", quantity=3).available == -2
    assert shop.inventory.receive("A1", quantity=3).available == 1


def spree_backorderable_is_available(shop: TestShop, variant: int) -> None:
    shop.inventory.set("A1", on_hand=0)
    assert not shop.catalog.list().items[0].in_stock
    shop.inventory.configure("A1", backorder_limit=1)
    assert shop.catalog.list().items[0].in_stock


def spree_reserving_again_updates(shop: TestShop, variant: int) -> None:
    shop.reservations.reserve("cart", items={"A1": 2})
    shop.reservations.reserve("cart", items={"A1": 7})
    assert shop.inventory.level("A1").reserved == 7


def spree_own_reservation_is_left_out_of_the_sum(shop: TestShop, variant: int) -> None:
    shop.reservations.reserve("cart", items={"A1": 10})
    shop.reservations.reserve("cart", items={"A1": 10})
    with pytest.raises(InsufficientStock):
        shop.reservations.reserve("other", items={"A1": 1})


# Saleor: test_stock_management ---------------------------------------------------------------------------------------


def many_stocks(shop: TestShop) -> int:
    """Two warehouses with four and three pieces."""
    shop.product("S", stock=0)
    for priority, (code, pieces) in enumerate((("one", 4), ("two", 3))):
        shop.inventory.save_location(code, priority=priority - 10)
        shop.inventory.receive("S", quantity=pieces, location=code)
    return shop.inventory.level("S").variant_id


def allocated(shop: TestShop) -> list[int]:
    return [each.allocated for each in shop.inventory.places("S")][:2]


def saleor_allocates(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 5}, reference="x")
    level = shop.inventory.level("A1")
    assert (level.on_hand, level.allocated) == (10, 5)


def saleor_many_stocks(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({many_stocks(shop): 5}, reference="x")
    assert allocated(shop) == [4, 1]


def saleor_many_stocks_partly_allocated(shop: TestShop, variant: int) -> None:
    of = many_stocks(shop)
    shop.inventory.allocate({of: 3}, reference="earlier")
    shop.inventory.allocate({of: 3}, reference="x")  # one location has all three: it is not split
    assert allocated(shop) == [3, 3]
    with pytest.raises(InsufficientStock) as refused:
        shop.inventory.allocate({of: 6}, reference="y")
    assert (refused.value.available, allocated(shop)) == (1, [3, 3])


def saleor_all_or_nothing_over_lines(shop: TestShop, variant: int) -> None:
    of = many_stocks(shop)
    with pytest.raises(InsufficientStock):
        shop.inventory.allocate({variant: 1, of: 10}, reference="x")
    assert (shop.inventory.level("A1").allocated, allocated(shop)) == (0, [0, 0])


def saleor_deallocates(shop: TestShop, variant: int) -> None:
    of = many_stocks(shop)
    shop.inventory.allocate({of: 7}, reference="x")
    shop.inventory.release({of: 5}, reference="x")
    assert sum(allocated(shop)) == 2
    shop.inventory.release({of: 2}, reference="x")
    assert (allocated(shop), shop.inventory.level("S").on_hand) == ([0, 0], 7)


def saleor_increases_without_allocating(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 8}, reference="x")
    level = shop.inventory.receive("A1", quantity=5)
    assert (level.on_hand, level.allocated) == (15, 8)


def saleor_decreases(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 8}, reference="x")
    shop.inventory.ship({variant: 5}, reference="x")
    level = shop.inventory.level("A1")
    assert (level.on_hand, level.allocated) == (5, 3)


def saleor_decreases_many_allocations(shop: TestShop, variant: int) -> None:
    of = many_stocks(shop)
    shop.inventory.allocate({of: 7}, reference="x")
    shop.inventory.ship({of: 7}, reference="x")
    assert [(each.on_hand, each.allocated) for each in shop.inventory.places("S")][:2] == [(0, 0), (0, 0)]


def saleor_more_than_allocated_is_refused_here(shop: TestShop, variant: int) -> None:
    shop.inventory.allocate({variant: 3}, reference="x")
    with pytest.raises(InsufficientStock) as refused:
        shop.inventory.ship({variant: 4}, reference="x")
    assert refused.value.available == 3
    assert (shop.inventory.level("A1").on_hand, shop.inventory.level("A1").allocated) == (10, 3)


# Vendure: stock-control ---------------------------------------------------------------------------------------------


def vendure_the_same_count_is_no_movement(shop: TestShop, variant: int) -> None:
    shop.inventory.set("A1", on_hand=10)
    assert len(shop.inventory.movements("A1")) == 1


def vendure_counts_are_movements(shop: TestShop, variant: int) -> None:
    shop.inventory.set("A1", on_hand=15)
    shop.inventory.set("A1", on_hand=13)
    assert [move.on_hand for move in shop.inventory.movements("A1")] == [-2, 5, 10]


def vendure_movements_of_an_order(shop: TestShop, variant: int) -> None:
    number = shop.buy(quantity=3).order.number
    shop.inventory.release({variant: 1}, reference=number)
    shop.inventory.ship({variant: 2}, reference=number)
    shop.inventory.take_back({variant: 2}, reference=number)
    moves = [(move.kind, move.on_hand, move.allocated) for move in shop.inventory.of_reference(number)]
    assert moves == [("allocate", 0, 3), ("release", 0, -1), ("ship", -2, -2), ("return", 2, 0)]


def vendure_threshold_allows_backorders(shop: TestShop, variant: int) -> None:
    shop.inventory.set("A1", on_hand=3)
    shop.inventory.configure("A1", backorder_limit=5)
    shop.cart(("A1", 8))
    with pytest.raises(InsufficientStock) as refused:
        shop.cart(("A1", 9))
    assert refused.value.available == 8


def vendure_capturing_allocates_nothing_again(shop: TestShop, variant: int) -> None:
    number = shop.buy(quantity=3, token="tok_auth").order.number
    shop.orders.capture(number)
    assert shop.inventory.level("A1").allocated == 3


def vendure_ships_what_is_on_hand(shop: TestShop, variant: int) -> None:
    shop.inventory.set("A1", on_hand=3)
    shop.inventory.configure("A1", backorder_limit=5)
    shop.inventory.allocate({variant: 8}, reference="x")
    with pytest.raises(InsufficientStock) as refused:
        shop.inventory.ship({variant: 8}, reference="x")
    assert refused.value.available == 3
    shop.inventory.ship({variant: 3}, reference="x")
    assert (shop.inventory.level("A1").on_hand, shop.inventory.level("A1").allocated) == (0, 5)
    shop.inventory.set("A1", on_hand=10)
    shop.inventory.ship({variant: 5}, reference="x")
    assert (shop.inventory.level("A1").on_hand, shop.inventory.level("A1").allocated) == (5, 0)


def vendure_a_cancelled_order_releases_what_it_holds(shop: TestShop, variant: int) -> None:
    number = shop.buy(quantity=3).order.number
    shop.orders.cancel(number)
    assert shop.inventory.level("A1").allocated == 0
    assert shop.inventory.release({variant: 3}, reference=number) == {}


def vendure_a_line_after_stock_is_gone(shop: TestShop, variant: int) -> None:
    cart = shop.cart(("A1", 1))
    shop.inventory.set("A1", on_hand=0)
    with pytest.raises(InsufficientStock):
        shop.carts.update(cart, shop.carts.get(cart).lines[0].id, quantity=2)
    with pytest.raises(InsufficientStock):
        shop.place(cart)


_CASES: list[Callable[[TestShop, int], None]] = [
    case for name, case in sorted(globals().items()) if name.startswith(("spree_", "saleor_", "vendure_"))
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.__name__.replace("_", " ")) for case in _CASES])
def test_cases_of_other_systems(sqlite_shop: TestShop, case: Callable[[TestShop, int], None]) -> None:
    """Ten pieces of one SKU, and what that system's own tests do with them."""
    sqlite_shop.product(stock=10)
    case(sqlite_shop, sqlite_shop.inventory.level("A1").variant_id)
    assert sqlite_shop.inventory.level("A1").available >= -sqlite_shop.inventory.level("A1").backorder_limit


def place(number: int, on_hand: int, *, backorder_limit: int = 0) -> StockPlace:
    return StockPlace(
        location_id=number,
        location=str(number),
        priority=number,
        on_hand=on_hand,
        allocated=0,
        reserved=0,
        backorder_limit=backorder_limit,
    )


@pytest.mark.parametrize(
    ("wanted", "places", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing wanted"),
        pytest.param({1: 3}, {1: [place(1, 3)]}, {1: {1: 3}}, id="one place"),
        pytest.param({1: 3}, {1: [place(1, 2)]}, {1: {1: 2}}, id="less than was wanted"),
        pytest.param({1: 3}, {1: []}, {1: {}}, id="no place at all"),
        pytest.param({1: 3}, {1: [place(1, 2), place(2, 3)]}, {1: {2: 3}}, id="one has the whole"),
        pytest.param({1: 3}, {1: [place(1, 2), place(2, 2)]}, {1: {1: 2, 2: 1}}, id="split"),
        pytest.param(
            {1: 3}, {1: [place(1, 2, backorder_limit=1), place(2, 3)]}, {1: {2: 3}}, id="there before promised"
        ),
        pytest.param({1: 6}, {1: [place(1, 2, backorder_limit=4), place(2, 3)]}, {1: {1: 6}}, id="promised by one"),
        pytest.param(
            {1: 6},
            {1: [place(1, 2, backorder_limit=2), place(2, 1, backorder_limit=1)]},
            {1: {1: 4, 2: 2}},
            id="promised by two",
        ),
    ],
)
def test_the_default_choice_of_places(wanted: Any, places: Any, expected: Any) -> None:
    """One place for the whole if there is one, else a split in order of priority."""
    assert by_priority(wanted, places) == expected
