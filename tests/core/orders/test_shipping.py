"""Orders that leave the house in parcels, and pieces that are called off before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.errors import IllegalTransition, NotFound, ValidationError


@pytest.fixture
def bought(shop: TestShop) -> tuple[TestShop, str, int, int]:
    """A paid order of 3 pieces of A and 2 of B: the shop, its number, and its lines."""
    shop.product("A", price=1000)
    shop.product("B", price=500)
    order = shop.place(shop.cart(("A", 3), ("B", 2))).order
    return shop, order.number, order.lines[0].id, order.lines[1].id


Bought = tuple[TestShop, str, int, int]


def states(shop: TestShop, number: str) -> tuple[str, str, str]:
    order = shop.orders.get(number)
    return order.status, order.payment_status, order.fulfillment_status


def test_in_two_parcels(bought: Bought) -> None:
    """Each parcel takes its pieces off the shelf; the last one completes the order."""
    shop, number, a, b = bought
    first = shop.orders.ship(number, lines={a: 2}, tracking="BR123", carrier="Correios")
    assert (first.lines, first.tracking, first.carrier) == ({a: 2}, "BR123", "Correios")
    assert states(shop, number) == ("placed", "paid", "partially_fulfilled")
    level = shop.inventory.level("A")
    assert (level.on_hand, level.allocated) == (8, 1)
    assert shop.audit().clean
    second = shop.orders.ship(number)
    assert second.lines == {a: 1, b: 2}
    assert states(shop, number) == ("completed", "paid", "fulfilled")
    assert shop.orders.shipments(number) == (first, second)
    assert [line.shipped for line in shop.orders.get(number).lines] == [3, 2]
    assert shop.outbox("OrderShipped") == ["OrderShipped"] * 2
    assert shop.audit().clean


def test_fulfilling_ships_the_rest(bought: Bought) -> None:
    """`fulfill` after a parcel is the parcel of what is left."""
    shop, number, a, b = bought
    shop.orders.ship(number, lines={b: 1})
    assert shop.orders.fulfill(number).fulfillment_status == "fulfilled"
    assert [each.lines for each in shop.orders.shipments(number)] == [{b: 1}, {a: 3, b: 1}]


def test_a_piece_called_off_is_owed_back(bought: Bought) -> None:
    """It is free again, its share is due, a refund without an amount gives just that, and the rest may be shipped."""
    shop, number, a, _ = bought
    order = shop.orders.cancel_lines(number, lines={a: 1})
    assert (order.payment_status, order.refund_due.amount, order.lines[0].cancelled) == ("refund_due", 1000, 1)
    assert (order.totals.items.amount, order.credited.amount, shop.available("A")) == (4000, 1000, 8)
    assert shop.audit().clean
    shop.orders.ship(number, lines={a: 1})
    assert shop.orders.refund(number).amount.amount == 1000
    assert states(shop, number) == ("placed", "partially_refunded", "partially_fulfilled")
    with pytest.raises(IllegalTransition):
        shop.orders.refund(number)  # a second click gives nothing back
    shop.orders.ship(number)
    assert states(shop, number) == ("completed", "partially_refunded", "fulfilled")
    assert [(each.kind, each.pieces, each.amount.amount) for each in shop.orders.credits(number)] == [
        ("cancelled", 1, 1000),
        ("goodwill", 0, 0),
    ][:1]
    assert shop.audit().clean


def test_calling_the_rest_off_completes_what_was_shipped(bought: Bought) -> None:
    """Nothing is left to ship: the order is fulfilled with what was sent."""
    shop, number, a, b = bought
    shop.orders.ship(number, lines={a: 3})
    order = shop.orders.cancel_lines(number, lines={b: 2})
    assert (order.status, order.fulfillment_status, order.refund_due.amount) == ("completed", "fulfilled", 1000)
    assert shop.audit().clean


def test_calling_every_piece_off_cancels_the_order(bought: Bought) -> None:
    """Then the shipping is due back as well."""
    shop, number, a, b = bought
    shop.orders.cancel_lines(number, lines={a: 3})
    order = shop.orders.cancel_lines(number, lines={b: 2})
    assert (order.status, order.payment_status) == ("cancelled", "refund_due")
    assert order.refund_due == order.totals.grand
    shop.orders.refund(number)
    assert states(shop, number) == ("cancelled", "refunded", "unfulfilled")
    assert shop.audit().clean


def test_called_off_in_part_then_whole(bought: Bought) -> None:
    """Cancelling the order frees only what it still holds."""
    shop, number, a, _ = bought
    shop.orders.cancel_lines(number, lines={a: 2})
    order = shop.orders.cancel(number)
    assert (order.refund_due, shop.available("A"), shop.available("B")) == (order.totals.grand, 10, 10)
    assert shop.audit().clean


def test_an_authorized_piece_called_off_is_due_once_the_money_is_taken(shop: TestShop) -> None:
    """Before the capture nothing is owed to the buyer."""
    shop.product(price=1000)
    order = shop.buy(quantity=2, token="tok_auth").order
    order = shop.orders.cancel_lines(order.number, lines={order.lines[0].id: 1})
    assert (order.status, order.payment_status, order.refund_due.amount) == ("placed", "authorized", 0)
    assert shop.audit().clean
    order = shop.orders.capture(order.number)
    assert (order.payment_status, order.refund_due.amount) == ("refund_due", 1000)
    assert shop.audit().clean


def test_goodwill_is_owed_no_longer(bought: Bought) -> None:
    """Money given back for nothing lowers what the order is worth, and no return gives back more than was paid."""
    shop, number, a, b = bought
    grand = shop.orders.get(number).totals.grand.amount
    shop.orders.refund(number, amount=grand - 300)
    order = shop.orders.get(number)
    assert (order.payment_status, order.credited.amount) == ("partially_refunded", grand - 300)
    order = shop.orders.cancel_lines(number, lines={a: 3})
    assert (order.refund_due.amount, order.payment_status) == (300, "refund_due")
    shop.orders.refund(number)
    assert shop.orders.get(number).payment_status == "refunded"
    assert shop.audit().clean
    assert b


def test_nothing_is_shipped_before_it_is_paid(shop: TestShop) -> None:
    """Neither in parts nor whole."""
    shop.product()
    order = shop.buy(quantity=2, token="pix").order
    for lines in (None, {order.lines[0].id: 1}):
        with pytest.raises(IllegalTransition):
            shop.orders.ship(order.number, lines=lines)
    with pytest.raises(IllegalTransition):
        shop.orders.cancel_lines(order.number, lines={order.lines[0].id: 1})


def test_a_shipped_order_is_not_called_off(bought: Bought) -> None:
    """Not even when only a part of it has left."""
    shop, number, a, _ = bought
    shop.orders.ship(number, lines={a: 1})
    with pytest.raises(IllegalTransition, match="partially_fulfilled"):
        shop.orders.cancel(number)
    with pytest.raises(ValidationError, match=f"lines.{a} must be at most 2"):
        shop.orders.cancel_lines(number, lines={a: 3})


WRONG_LINES: list[Any] = [{}, [], {0: 1}, {"1": 1}, "a1", {True: 1}]
WRONG_PIECES: list[Any] = [0, -1, 4, 1.5, "1", True, None, 2**70]


@pytest.mark.parametrize("act", ["ship", "cancel_lines", "request_return"])
def test_wrong_lines_change_nothing(bought: Bought, act: str) -> None:
    """Whatever is not {a line of this order: pieces that it has} is refused by name."""
    shop, number, a, b = bought
    if act == "request_return":
        shop.orders.ship(number, lines={a: 3, b: 1})
    before = shop.orders.get(number), shop.orders.shipments(number), shop.outbox()
    for lines in WRONG_LINES:
        with pytest.raises(ValidationError, match="lines"):
            getattr(shop.orders, act)(number, lines=lines)
    for pieces in WRONG_PIECES:
        with pytest.raises(ValidationError, match=f"lines.{a}"):
            getattr(shop.orders, act)(number, lines={a: pieces, b: 1})
    assert (shop.orders.get(number), shop.orders.shipments(number), shop.outbox()) == before


def test_other_wrong_arguments(bought: Bought) -> None:
    """Orders, parcels and moments that are not there or not right are refused by name."""
    shop, number, _, _ = bought
    sent = shop.orders.ship(number)
    late = shop.clock.now() + timedelta(seconds=1)
    naive = shop.clock.now().replace(tzinfo=None)
    calls: list[tuple[type[Exception], Callable[[], Any]]] = [
        (NotFound, lambda: shop.orders.ship("MC-0")),
        (NotFound, lambda: shop.orders.shipments("MC-0")),
        (NotFound, lambda: shop.orders.credits("MC-0")),
        (NotFound, lambda: shop.orders.cancel_lines("MC-0", lines={1: 1})),
        (NotFound, lambda: shop.orders.delivered(0)),
        (NotFound, lambda: shop.orders.delivered("1")),
        (NotFound, lambda: shop.orders.delivered(2**63)),
        (ValidationError, lambda: shop.orders.delivered(sent.id, at=late)),
        (ValidationError, lambda: shop.orders.delivered(sent.id, at=sent.created_at - timedelta(seconds=1))),
        (ValidationError, lambda: shop.orders.delivered(sent.id, at=naive)),
        (ValidationError, lambda: shop.orders.delivered(sent.id, at="today")),
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()
    assert shop.orders.shipments(number) == (sent,)


def test_a_wrong_label(bought: Bought) -> None:
    """Nothing is sent with it."""
    shop, number, _, _ = bought
    labels: list[dict[str, Any]] = [{"tracking": "x" * 121}, {"carrier": 5}, {"tracking": "a\0"}]
    for label in labels:
        with pytest.raises(ValidationError, match=next(iter(label))):
            shop.orders.ship(number, **label)
    assert shop.orders.shipments(number) == ()


def test_a_hosts_rollback_takes_it_all_back(bought: Bought) -> None:
    """In the host's own session nothing has happened before its commit: no parcel, no credit, no return, no change."""
    shop, number, a, b = bought
    before = shop.orders.get(number), shop.inventory.level("A"), shop.outbox()
    with Session(shop.engine) as session:
        orders = shop.on(session).orders
        orders.ship(number, lines={a: 2})
        orders.cancel_lines(number, lines={b: 1})
        orders.request_return(number, lines={a: 1})
        edit = orders.begin_edit(number)
        orders.edit_set(edit.id, a, quantity=2)
        assert orders.commit_edit(edit.id).lines[0].cancelled == 1
        session.rollback()
    assert (shop.orders.get(number), shop.inventory.level("A"), shop.outbox()) == before
    assert (shop.orders.shipments(number), shop.orders.returns(number), shop.orders.credits(number)) == ((), (), ())
    assert shop.audit().clean


def test_a_delivery_is_reported_once(bought: Bought) -> None:
    """The first report counts."""
    shop, number, _, _ = bought
    sent = shop.orders.ship(number)
    shop.clock.advance(minutes=5)
    first = shop.orders.delivered(sent.id)
    shop.clock.advance(minutes=5)
    assert shop.orders.delivered(sent.id).delivered_at == first.delivered_at == shop.clock.now() - timedelta(minutes=5)
