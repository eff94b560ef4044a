"""Pieces that are set aside for a while."""

from datetime import timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import IllegalTransition, InsufficientStock, NotFound, ValidationError

HALF_AN_HOUR = timedelta(minutes=30)


def counts(shop: TestShop, sku: str = "A1") -> tuple[int, int, int, int]:
    level = shop.inventory.level(sku)
    return level.on_hand, level.allocated, level.reserved, level.available


def test_reserved_pieces_are_nobody_elses(shop: TestShop) -> None:
    """What one owner has reserved no other can reserve, buy or put into a cart; it is in the ledger."""
    shop.product(stock=5)
    made = shop.reservations.reserve("counter", items={"A1": 4})
    assert (made.active, [(each.sku, each.location, each.quantity) for each in made.lines]) == (
        True,
        [("A1", "default", 4)],
    )
    assert counts(shop) == (5, 0, 4, 1)
    with pytest.raises(InsufficientStock) as refused:
        shop.reservations.reserve("other", items={"A1": 2})
    assert (refused.value.requested, refused.value.available) == (2, 1)
    with pytest.raises(InsufficientStock):
        shop.carts.add(shop.cart(), sku="A1", quantity=2)
    assert next((move.kind, move.reserved, move.reference) for move in shop.inventory.movements("A1")) == (
        "reserve",
        4,
        "counter",
    )
    assert shop.audit().clean


def test_reserving_again_replaces_and_counts_once(shop: TestShop) -> None:
    """The same twice holds the same pieces once; other items take the place of the first ones."""
    shop.product(stock=5)
    shop.product("B2", stock=5)
    shop.reservations.reserve("cart", items={"A1": 4})
    shop.reservations.reserve("cart", items={"A1": 4})
    assert counts(shop) == (5, 0, 4, 1)
    shop.reservations.reserve("cart", items={"A1": 5})
    shop.reservations.reserve("cart", items={"A1": 1, "B2": 2})
    assert (counts(shop), counts(shop, "B2")) == ((5, 0, 1, 4), (5, 0, 2, 3))
    shop.reservations.reserve("cart", items={"B2": 3})
    assert (counts(shop), counts(shop, "B2")) == ((5, 0, 0, 5), (5, 0, 3, 2))
    assert shop.audit().clean


def test_all_or_nothing(shop: TestShop) -> None:
    """When one of the items is short, nothing is reserved and what was reserved before stays."""
    shop.product(stock=5)
    shop.product("B2", stock=1)
    shop.reservations.reserve("cart", items={"A1": 2})
    with pytest.raises(InsufficientStock):
        shop.reservations.reserve("cart", items={"A1": 4, "B2": 2})
    assert (counts(shop), counts(shop, "B2")) == ((5, 0, 2, 3), (1, 0, 0, 1))
    assert shop.audit().clean


def test_what_expired_is_free_without_a_sweeper(shop: TestShop) -> None:
    """Once its time is over, whoever needs the pieces gets them: by reserving, by ordering, in a cart."""
    shop.product(stock=3)
    shop.reservations.reserve("gone", items={"A1": 3}, ttl=HALF_AN_HOUR)
    cart = shop.cart()
    shop.clock.advance(minutes=30)
    assert shop.reservations.get("gone").state == "expired"
    shop.carts.add(cart, sku="A1", quantity=2)
    shop.place(cart)
    assert counts(shop) == (3, 2, 0, 1)
    shop.reservations.reserve("next", items={"A1": 1}, ttl=HALF_AN_HOUR)
    shop.clock.advance(minutes=30)
    shop.reservations.reserve("last", items={"A1": 1})
    assert counts(shop) == (3, 2, 1, 0)
    assert shop.audit().clean


def test_only_as_much_as_is_needed_is_taken_from_the_expired(shop: TestShop) -> None:
    """Without a shortage nobody's late reservation is touched; its owner may still buy."""
    shop.product(stock=5)
    shop.reservations.reserve("late", items={"A1": 3}, ttl=HALF_AN_HOUR)
    shop.clock.advance(hours=1)
    shop.reservations.reserve("other", items={"A1": 2})
    assert counts(shop) == (5, 0, 5, 0)
    shop.reservations.convert("late", reference="MC-1")
    assert counts(shop) == (5, 3, 2, 0)


def test_a_sweeper_keeps_lists_true(shop: TestShop) -> None:
    """`expire` gives back what is due, tells the catalogue, and leaves what is not due alone."""
    shop.product(stock=2)
    shop.product("B2", stock=2)
    shop.reservations.reserve("a", items={"A1": 2}, ttl=HALF_AN_HOUR)
    shop.reservations.reserve("b", items={"B2": 2}, ttl=2 * HALF_AN_HOUR)
    assert [card.in_stock for card in shop.catalog.list().items] == [False, False]
    shop.clock.advance(minutes=30)
    assert (shop.reservations.expire(), shop.reservations.expire()) == (1, 0)
    assert (counts(shop), counts(shop, "B2")) == ((2, 0, 0, 2), (2, 0, 2, 0))
    assert {card.sku: card.in_stock for card in shop.catalog.list().items} == {"A1": True, "B2": False}
    assert shop.audit().clean


def test_extending(shop: TestShop) -> None:
    """More time while it is active; after its end the same pieces anew, if they are still there."""
    shop.product(stock=3)
    shop.reservations.reserve("cart", items={"A1": 3}, ttl=HALF_AN_HOUR)
    shop.clock.advance(minutes=20)
    again = shop.reservations.extend("cart", ttl=HALF_AN_HOUR)
    assert again.expires_at == shop.clock.now() + HALF_AN_HOUR
    shop.clock.advance(minutes=40)
    assert shop.reservations.get("cart").state == "expired"
    assert shop.reservations.extend("cart", ttl=HALF_AN_HOUR).active
    assert counts(shop) == (3, 0, 3, 0)
    assert shop.audit().clean


@pytest.mark.scenario("C15")
@pytest.mark.parametrize("swept", [False, True])
def test_extending_what_is_gone_fails(shop: TestShop, swept: bool) -> None:
    """A reservation that expired and whose pieces somebody else has is not brought back to life."""
    shop.product(stock=3)
    shop.reservations.reserve("late", items={"A1": 3}, ttl=HALF_AN_HOUR)
    shop.clock.advance(hours=1)
    if swept:
        assert shop.reservations.expire() == 1
    shop.reservations.reserve("quick", items={"A1": 1})
    with pytest.raises(InsufficientStock) as refused:
        shop.reservations.extend("late")
    assert refused.value.available == 2
    assert counts(shop) == (3, 0, 1, 2)
    assert shop.audit().clean


def test_releasing(shop: TestShop) -> None:
    """What is given back is free at once; a second time nothing happens; it cannot be extended or bought."""
    shop.product(stock=3)
    shop.reservations.reserve("cart", items={"A1": 2})
    assert [shop.reservations.release("cart").state for _ in range(2)] == ["released"] * 2
    assert counts(shop) == (3, 0, 0, 3)
    for refused in (shop.reservations.extend, lambda owner: shop.reservations.convert(owner, reference="MC-1")):
        with pytest.raises(IllegalTransition):
            refused("cart")
    assert [move.kind for move in shop.inventory.movements("A1")] == ["unreserve", "reserve", "open"]


def test_an_order_takes_what_its_cart_reserved(shop: TestShop) -> None:
    """A cart that reserved buys its pieces although nobody else could; one movement makes them sold."""
    shop.product(stock=3)
    cart = shop.cart(("A1", 3))
    assert shop.carts.reserve(cart).active
    with pytest.raises(InsufficientStock):
        shop.cart(("A1", 1))
    order = shop.place(cart).order
    assert counts(shop) == (3, 3, 0, 0)
    assert shop.reservations.get(cart).state == "converted"
    moves = shop.inventory.of_reference(order.number)
    assert [(move.kind, move.allocated, move.reserved) for move in moves] == [("convert", 3, -3)]
    assert shop.audit().clean


def test_a_cart_that_changed_after_reserving(shop: TestShop) -> None:
    """More pieces come from the shelf, fewer go back, and what was taken out of the cart is free at once."""
    for sku in ("A1", "B2", "C3"):
        shop.product(sku, stock=5)
    cart = shop.cart(("A1", 2), ("B2", 4), ("C3", 5))
    shop.carts.reserve(cart)
    lines = {each.sku: each.id for each in shop.carts.get(cart).lines}
    shop.carts.update(cart, lines["A1"], quantity=5)
    shop.carts.update(cart, lines["B2"], quantity=1)
    shop.carts.remove(cart, lines["C3"])
    shop.place(cart)
    assert [counts(shop, sku) for sku in ("A1", "B2")] == [(5, 5, 0, 0), (5, 1, 0, 4)]
    shop.place(shop.cart(("C3", 5)))
    assert counts(shop, "C3") == (5, 5, 0, 0)
    assert shop.audit().clean


def test_an_order_after_its_reservation_expired(shop: TestShop) -> None:
    """Pieces that nobody took meanwhile are bought as if nothing had been; those that are gone are refused."""
    shop.product(stock=3)
    cart = shop.cart(("A1", 2))
    shop.carts.reserve(cart, ttl=HALF_AN_HOUR)
    shop.clock.advance(hours=1)
    shop.place(cart)
    late = shop.cart(("A1", 1))
    quote = shop.quote(late)
    shop.carts.reserve(late, ttl=timedelta(minutes=1))
    shop.clock.advance(minutes=2)
    shop.reservations.reserve("quick", items={"A1": 1})
    with pytest.raises(InsufficientStock):
        shop.checkout.place(**shop.arguments(quote))
    assert counts(shop) == (3, 2, 1, 0)
    assert shop.audit().clean


def test_a_merged_guests_reservation_is_no_hindrance(shop: TestShop) -> None:
    """What a guest's cart reserved is free for the account's cart that it becomes part of."""
    shop.product(stock=3)
    guest, account = shop.cart(("A1", 3)), shop.carts.create(owner="ana").id
    shop.carts.reserve(guest)
    assert shop.carts.merge(guest, into=account).lines[0].quantity == 3
    shop.place(account)
    assert counts(shop) == (3, 3, 0, 0)
    assert shop.audit().clean


def test_converting_by_hand(shop: TestShop) -> None:
    """A host that keeps its own orders sells what it reserved under its own reference."""
    shop.product(stock=3)
    shop.reservations.reserve("counter", items={"A1": 2})
    assert shop.reservations.convert("counter", reference="till-7").state == "converted"
    assert counts(shop) == (3, 2, 0, 1)
    variant = shop.inventory.level("A1").variant_id
    shop.inventory.ship({variant: 2}, reference="till-7")
    assert counts(shop) == (1, 0, 0, 1)


def test_ended_reservations_are_forgotten(shop: TestShop) -> None:
    """Rows of reservations that ended long ago can be deleted; active ones and the ledger stay."""
    shop.product(stock=5)
    shop.reservations.reserve("old", items={"A1": 1}, ttl=HALF_AN_HOUR)
    shop.reservations.release("old")
    shop.reservations.reserve("active", items={"A1": 1}, ttl=timedelta(days=30))
    shop.clock.advance(days=20)
    assert shop.reservations.forget(older_than=timedelta(days=10)) == 1
    with pytest.raises(NotFound):
        shop.reservations.get("old")
    assert shop.reservations.get("active").active
    assert len(shop.inventory.movements("A1")) == 4


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        pytest.param({"owner": ""}, {"owner"}, id="no owner"),
        pytest.param({"owner": "x" * 81}, {"owner"}, id="long owner"),
        pytest.param({"owner": None, "items": {}}, {"owner", "items"}, id="two at once"),
        pytest.param({"items": {"A1": 0}}, {"items.A1"}, id="zero"),
        pytest.param({"items": {"A1": True}}, {"items.A1"}, id="bool"),
        pytest.param({"items": {"A1": 10**9}}, {"items.A1"}, id="too many"),
        pytest.param({"items": [("A1", 1)]}, {"items"}, id="a list"),
        pytest.param({"items": {5: 1}}, {"items"}, id="a number for a SKU"),
        pytest.param({"ttl": timedelta(0)}, {"ttl"}, id="no time"),
        pytest.param({"ttl": timedelta(days=31)}, {"ttl"}, id="too long"),
        pytest.param({"ttl": 900}, {"ttl"}, id="seconds"),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, arguments: dict[str, Any], fields: set[str]) -> None:
    """Every wrong field is named in one error, and nothing is reserved."""
    sqlite_shop.product(stock=3)
    given: dict[str, Any] = {"owner": "cart", "items": {"A1": 1}} | arguments
    with pytest.raises(ValidationError) as refused:
        sqlite_shop.reservations.reserve(given.pop("owner"), **given)
    assert {each.field for each in refused.value.errors} == fields
    assert counts(sqlite_shop) == (3, 0, 0, 3)


def test_what_is_not_there(sqlite_shop: TestShop) -> None:
    """Unknown owners and SKUs are NotFound; a convert needs a reference."""
    sqlite_shop.product()
    for call in (sqlite_shop.reservations.get, sqlite_shop.reservations.extend, sqlite_shop.reservations.release):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound, match="Z9"):
        sqlite_shop.reservations.reserve("cart", items={"A1": 1, "Z9": 1})
    sqlite_shop.reservations.reserve("cart", items={"A1": 1})
    with pytest.raises(ValidationError, match="reference"):
        sqlite_shop.reservations.convert("cart", reference="")
    for wrong in (0, -1, "1"):
        with pytest.raises(ValidationError):
            sqlite_shop.reservations.expire(limit=wrong)


@pytest.mark.parametrize("lines", [1, 50])
def test_what_an_order_costs(sqlite_shop: TestShop, lines: int) -> None:
    """Statements of `begin` do not depend on the lines, and reserving before costs two more, a second location two."""
    skus = [f"S{number}" for number in range(lines)]
    for sku in skus:
        sqlite_shop.product(sku, stock=20)
    cost: dict[str, int] = {}
    for case in ("plain", "reserved", "spread"):
        if case == "spread":
            sqlite_shop.inventory.save_location("loja")
            for sku in skus:
                sqlite_shop.inventory.receive(sku, quantity=1, location="loja")
        cart = sqlite_shop.cart(*((sku, 1) for sku in skus))
        if case == "reserved":
            sqlite_shop.carts.reserve(cart)
        arguments = sqlite_shop.arguments(sqlite_shop.quote(cart))
        with sqlite_shop.statements() as sent:
            sqlite_shop.checkout.begin(**arguments)
        cost[case] = len(sent)
    assert cost["plain"] <= cost["reserved"] <= cost["plain"] + 2
    assert cost["plain"] <= cost["spread"] <= cost["plain"] + 2
    assert max(cost.values()) <= 15
