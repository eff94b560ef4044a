"""Several locations: which one serves an order, and what each of them has."""

from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import ExtensionFailed, InsufficientStock, NotFound, ValidationError, VersionConflict


def spread(shop: TestShop, sku: str, **pieces: int) -> None:
    """A product with so many pieces at each location; the first one has the highest priority."""
    shop.product(sku, stock=0)
    for priority, (code, number) in enumerate(pieces.items()):
        shop.inventory.save_location(code, name=code.title(), priority=priority - 10)
        if number:
            shop.inventory.receive(sku, quantity=number, location=code)


def where(shop: TestShop, sku: str = "A1") -> dict[str, tuple[int, int]]:
    return {each.location: (each.on_hand, each.allocated) for each in shop.inventory.places(sku) if each.on_hand}


def test_a_shop_with_one_location_notices_nothing(shop: TestShop) -> None:
    """There is a location called `default`; nothing has to be named, and no places are kept."""
    shop.product(stock=5)
    assert [(each.code, each.priority) for each in shop.inventory.locations()] == [("default", 0)]
    assert [(each.location, each.available) for each in shop.inventory.places("A1")] == [("default", 5)]
    assert not shop.inventory.level("A1").spread
    assert shop.sql("SELECT * FROM mc_stock_place") == []


def test_a_level_is_the_sum_of_its_places(shop: TestShop) -> None:
    """Receiving elsewhere spreads a variant; from then on every call has to say where."""
    shop.product(stock=5)
    shop.inventory.save_location("loja", name="Loja")
    level = shop.inventory.receive("A1", quantity=3, location="loja", reference="NF 1")
    assert (level.on_hand, level.spread, where(shop)) == (8, True, {"default": (5, 0), "loja": (3, 0)})
    for call in (
        lambda: shop.inventory.receive("A1", quantity=1),
        lambda: shop.inventory.set("A1", on_hand=1),
        lambda: shop.inventory.adjust("A1", by=1, reason="found"),
        lambda: shop.inventory.configure("A1", backorder_limit=1),
    ):
        with pytest.raises(ValidationError, match="location"):
            call()
    assert shop.inventory.set("A1", on_hand=1, change_from=3, location="loja").on_hand == 6
    with pytest.raises(VersionConflict):
        shop.inventory.set("A1", on_hand=1, change_from=6, location="loja")
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({"A": 2}, {"A": {"first": 2}}, id="the first one has it"),
        pytest.param({"A": 5}, {"A": {"second": 5}}, id="only the second one has all of it"),
        pytest.param({"A": 2, "B": 3}, {"A": {"second": 2}, "B": {"second": 3}}, id="one location has the whole order"),
        pytest.param({"A": 8}, {"A": {"first": 3, "second": 5}}, id="split in order of priority"),
        pytest.param({"A": 5, "B": 6}, {"A": {"second": 5}, "B": {"second": 4, "third": 2}}, id="one line is split"),
        pytest.param(
            {"A": 10, "B": 8}, {"A": {"first": 3, "second": 5, "third": 2}, "B": {"second": 4, "third": 4}}, id="all"
        ),
    ],
)
def test_which_location_serves(shop: TestShop, wanted: dict[str, int], expected: dict[str, dict[str, int]]) -> None:
    """One location for the whole order if there is one, else one for each line, else a split, by priority."""
    spread(shop, "A", first=3, second=5, third=2)
    spread(shop, "B", first=0, second=4, third=4)
    number = shop.place(shop.cart(*wanted.items())).order.number
    taken: dict[str, dict[str, int]] = {}
    for move in shop.inventory.of_reference(number):
        taken.setdefault(move.sku, {})[move.location] = move.allocated
    assert taken == expected
    shop.orders.cancel(number)
    assert all(each.allocated == 0 for sku in "AB" for each in shop.inventory.places(sku))
    assert shop.audit().clean


def test_pieces_leave_from_where_they_were_taken(shop: TestShop) -> None:
    """Shipping takes each piece off the location that holds it; what comes back comes back there."""
    spread(shop, "A1", first=1, second=2)
    number = shop.place(shop.cart(("A1", 3))).order.number
    shop.inventory.receive("A1", quantity=5, location="first")
    shop.orders.fulfill(number)
    assert where(shop) == {"first": (5, 0)}
    variant = shop.inventory.level("A1").variant_id
    shop.inventory.take_back({variant: 1}, reference=number)
    shop.inventory.take_back({variant: 1}, reference=number, location="second")
    assert where(shop) == {"first": (6, 0), "second": (1, 0)}
    assert shop.audit().clean


def test_transfers(shop: TestShop) -> None:
    """Only free pieces move, the total stays, and both ends are in the ledger."""
    shop.product(stock=5)
    shop.inventory.save_location("loja")
    shop.buy(quantity=2)
    shop.reservations.reserve("counter", items={"A1": 1})
    with pytest.raises(InsufficientStock) as refused:
        shop.inventory.transfer("A1", quantity=3, source="default", target="loja")
    assert refused.value.available == 2
    shop.inventory.transfer("A1", quantity=2, source="default", target="loja", reference="van")
    assert where(shop) == {"default": (3, 2), "loja": (2, 0)}
    assert shop.inventory.level("A1").on_hand == 5
    moves = [(move.location, move.on_hand) for move in shop.inventory.of_reference("van")]
    assert moves == [("default", -2), ("loja", 2)]
    assert shop.audit().clean


def test_reservations_are_split_and_bought_where_they_are(shop: TestShop) -> None:
    """A reservation holds pieces at locations, and its order takes just those."""
    spread(shop, "A1", first=2, second=2)
    cart = shop.cart(("A1", 3))
    made = shop.carts.reserve(cart)
    assert {each.location: each.quantity for each in made.lines} == {"first": 2, "second": 1}
    shop.inventory.receive("A1", quantity=9, location="first")
    number = shop.place(cart).order.number
    moves = [(move.location, move.allocated, move.reserved) for move in shop.inventory.of_reference(number)]
    assert moves == [("first", 2, -2), ("second", 1, -1)]
    assert shop.audit().clean


def test_an_allocator_of_your_own(open_shop: Any) -> None:
    """It sees places, quantities and the address under the lock; what it says is done, nonsense is refused."""
    answers: list[Any] = []
    seen: list[Any] = []

    class Nearest:
        def allocate(self, *, wanted: Any, places: Any, address: Any) -> Any:
            seen.append((wanted, {of: [(p.location, p.buyable) for p in each] for of, each in places.items()}, address))
            return answers.pop(0)({of: {p.location: p.location_id for p in each} for of, each in places.items()})

    shop = open_shop(allocator=Nearest())
    spread(shop, "A1", first=3, second=5)
    variant = shop.inventory.level("A1").variant_id
    answers.append(lambda ids: {variant: {ids[variant]["second"]: 2}})
    shop.place(shop.cart(("A1", 2)))
    assert where(shop) == {"first": (3, 0), "second": (5, 2)}
    assert seen[0][:2] == ({variant: 2}, {variant: [("first", 3), ("second", 5), ("default", 0)]})
    assert seen[0][2]["city"] == "Patrocínio"

    answers.append(lambda _ids: {})
    with pytest.raises(InsufficientStock):
        shop.place(shop.cart(("A1", 1)))
    for nonsense in ({"first": 4}, {"first": 1, "second": 1}, {"first": 2, "second": -1}):
        answers.append(lambda ids, said=nonsense: {variant: {ids[variant][code]: n for code, n in said.items()}})
        with pytest.raises((ExtensionFailed, InsufficientStock)):
            shop.reservations.reserve("counter", items={"A1": 1 if len(nonsense) > 1 else 4})
    for shapeless in (None, [], {variant: None}, {variant: {1: 1.0}}, {variant: [1]}, {"A1": {1: 1}}):
        answers.append(lambda _ids, said=shapeless: said)
        with pytest.raises(ExtensionFailed, match="allocator"):
            shop.reservations.reserve("counter", items={"A1": 1})
    assert (shop.inventory.level("A1").allocated, shop.inventory.level("A1").reserved) == (2, 0)
    assert shop.audit().clean


def test_backorders_at_a_location(shop: TestShop) -> None:
    """Pieces that are there are enough, wherever they are; if not, the rest is promised where it may be."""
    spread(shop, "A1", first=1, second=2)
    shop.inventory.configure("A1", backorder_limit=3, location="second")
    assert (shop.inventory.level("A1").buyable, shop.inventory.level("A1").backorder_limit) == (6, 3)
    number = shop.place(shop.cart(("A1", 3))).order.number
    assert where(shop) == {"first": (1, 1), "second": (2, 2)}
    shop.orders.cancel(number)
    assert shop.place(shop.cart(("A1", 5))).order.lines[0].quantity == 5
    assert where(shop) == {"first": (1, 0), "second": (2, 5)}
    shop.orders.cancel(shop.orders.list()[0].number)
    number = shop.place(shop.cart(("A1", 6))).order.number
    assert where(shop) == {"first": (1, 1), "second": (2, 5)}
    with pytest.raises(InsufficientStock):
        shop.orders.fulfill(number)
    shop.inventory.receive("A1", quantity=3, location="second")
    shop.orders.fulfill(number)
    assert where(shop) == {}
    assert shop.audit().clean


def test_locations_can_be_renamed(shop: TestShop) -> None:
    """Saving a known code changes its name and priority, and with it the order of serving."""
    spread(shop, "A1", first=2, second=2)
    shop.inventory.save_location("second", name="Depósito", priority=-20)
    assert next((each.code, each.name) for each in shop.inventory.locations()) == ("second", "Depósito")
    shop.buy(quantity=1)
    assert where(shop) == {"second": (2, 1), "first": (2, 0)}


def test_wrong_arguments(sqlite_shop: TestShop) -> None:
    """Each wrong argument gives one typed error and changes nothing."""
    sqlite_shop.product(stock=5)
    stock = sqlite_shop.inventory
    stock.save_location("loja")
    before = sqlite_shop.sql("SELECT count(*) FROM mc_stock_movement"), stock.locations()
    table: list[tuple[Any, type[Exception], str]] = [
        (lambda: stock.save_location(""), ValidationError, "code"),
        (lambda: stock.save_location("x" * 41, priority="high"), ValidationError, "priority"),
        (lambda: stock.save_location("x", name=5), ValidationError, "name"),
        (lambda: stock.receive("A1", quantity=1, location="moon"), NotFound, "moon"),
        (lambda: stock.receive("A1", quantity=1, location=5), NotFound, "location"),
        (lambda: stock.set("A1", on_hand=1, location="loja"), NotFound, "location"),
        (lambda: stock.set("A1", on_hand=1, change_from="5"), ValidationError, "change_from"),
        (lambda: stock.transfer("A1", quantity=0, source="default", target="loja"), ValidationError, "quantity"),
        (lambda: stock.transfer("A1", quantity=1, source="default", target="default"), ValidationError, "target"),
        (lambda: stock.transfer("A1", quantity=1, source="default", target="moon"), NotFound, "moon"),
        (lambda: stock.transfer("A1", quantity=1, source="loja", target="default"), NotFound, "location"),
        (lambda: stock.transfer("Z9", quantity=1, source="default", target="loja"), NotFound, "Z9"),
        (lambda: stock.adjust("A1", by=0, reason="x"), ValidationError, "by"),
        (lambda: stock.adjust("A1", by=1, reason=""), ValidationError, "reason"),
        (lambda: stock.adjust("A1", by=-6, reason="lost"), InsufficientStock, "A1"),
        (lambda: stock.configure("A1", backorder_limit=-1), ValidationError, "backorder_limit"),
        (lambda: stock.configure("A1", low_at="few"), ValidationError, "low_at"),
        (lambda: stock.configure("A1", expected_on="soon"), ValidationError, "expected_on"),
        (lambda: stock.movements("A1", limit=0), ValidationError, "limit"),
        (lambda: stock.of_reference(""), ValidationError, "reference"),
        (lambda: stock.allocate({"A1": 1}, reference="MC-1"), ValidationError, "variant"),
        (lambda: stock.allocate({1: 0}, reference=""), ValidationError, "reference"),
        (lambda: stock.allocate([1], reference="MC-1"), ValidationError, "quantities"),
        (lambda: stock.allocate({999: 1}, reference="MC-1"), NotFound, "variant"),
        (lambda: stock.release({1: -1}, reference="MC-1"), ValidationError, "quantities.1"),
        (lambda: stock.ship({1: True}, reference="MC-1"), ValidationError, "quantities.1"),
        (lambda: stock.reconcile(repair="yes"), ValidationError, "repair"),
        (lambda: stock.write_off_expired(limit=0), ValidationError, "limit"),
    ]
    for call, kind, named in table:
        with pytest.raises(kind, match=named):
            call()
    assert (sqlite_shop.sql("SELECT count(*) FROM mc_stock_movement"), stock.locations()) == before
    assert sqlite_shop.audit().clean
