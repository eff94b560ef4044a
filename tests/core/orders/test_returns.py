"""Goods that come back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import IllegalTransition, InsufficientStock, NotFound, ValidationError
from mestres_core.orders.returns import withdrawal_ends

Sent = tuple[TestShop, str, int, int]


@pytest.fixture
def sent(shop: TestShop) -> Sent:
    """A shipped order of 3 pieces of A and 2 of B: the shop, its number, and its lines."""
    shop.product("A", price=1000)
    shop.product("B", price=500)
    order = shop.place(shop.cart(("A", 3), ("B", 2))).order
    shop.orders.ship(order.number)
    return shop, order.number, order.lines[0].id, order.lines[1].id


def on_hand(shop: TestShop, sku: str) -> int:
    found: int = shop.inventory.level(sku).on_hand
    return found


def test_asked_for_come_credited(sent: Sent) -> None:
    """The pieces are on the shelf again when they have come; their share is due once they are credited."""
    shop, number, a, _ = sent
    asked = shop.orders.request_return(number, lines={a: 2}, reason="defect", note="moída grossa")
    assert (asked.status, asked.lines, asked.note, on_hand(shop, "A")) == ("requested", {a: 2}, "moída grossa", 7)
    assert shop.orders.get(number).lines[0].returned == 2
    came = shop.orders.receive_return(asked.id)
    assert (came.status, on_hand(shop, "A"), shop.orders.get(number).refund_due.amount) == ("received", 9, 0)
    done = shop.orders.refund_return(asked.id)
    order = shop.orders.get(number)
    assert (done.status, order.refund_due.amount, order.payment_status) == ("refunded", 2000, "refund_due")
    assert shop.orders.refund(number).amount.amount == 2000
    order = shop.orders.get(number)
    assert (order.status, order.payment_status, order.fulfillment_status) == (
        "completed",
        "partially_refunded",
        "fulfilled",
    )
    assert shop.orders.returns(number) == (done,)
    assert shop.outbox("ReturnChanged") == ["ReturnChanged"] * 3
    assert shop.audit().clean


def test_no_more_than_was_shipped(sent: Sent) -> None:
    """What is on its way back cannot be sent back again; a refused return may be asked for anew."""
    shop, number, a, _ = sent
    first = shop.orders.request_return(number, lines={a: 2})
    with pytest.raises(ValidationError, match=f"lines.{a} must be at most 1"):
        shop.orders.request_return(number, lines={a: 2})
    shop.orders.reject_return(first.id, note="used")
    assert shop.orders.returns(number)[0].note == "used"
    again = shop.orders.request_return(number, lines={a: 3})
    shop.orders.receive_return(again.id)
    shop.orders.refund_return(again.id)
    with pytest.raises(ValidationError, match=f"lines.{a}"):
        shop.orders.request_return(number, lines={a: 1})
    assert shop.audit().clean


def test_scrapped_pieces_are_not_sold_again(sent: Sent) -> None:
    """They are credited like the others, and do not come back to the shelf."""
    shop, number, a, _ = sent
    asked = shop.orders.request_return(number, lines={a: 3}, reason="damaged")
    came = shop.orders.receive_return(asked.id, scrap={a: 2})
    assert (came.scrapped, on_hand(shop, "A")) == ({a: 2}, 8)
    shop.orders.refund_return(asked.id)
    assert shop.orders.get(number).refund_due.amount == 3000
    assert shop.audit().clean


def test_fewer_came_than_were_announced(sent: Sent) -> None:
    """Only what came counts; the rest is with the buyer and may be sent back later."""
    shop, number, a, b = sent
    asked = shop.orders.request_return(number, lines={a: 2, b: 2})
    came = shop.orders.receive_return(asked.id, arrived={a: 1})
    assert (came.lines, on_hand(shop, "A"), on_hand(shop, "B")) == ({a: 1, b: 0}, 8, 8)
    assert [line.returned for line in shop.orders.get(number).lines] == [1, 0]
    shop.orders.refund_return(asked.id)
    assert shop.orders.get(number).refund_due.amount == 1000
    assert shop.audit().clean


def test_refused_after_it_came(sent: Sent) -> None:
    """What had been put on the shelf goes back to the buyer, if it has not been sold meanwhile."""
    shop, number, a, _ = sent
    asked = shop.orders.request_return(number, lines={a: 2})
    shop.orders.receive_return(asked.id, scrap={a: 1})
    assert on_hand(shop, "A") == 8
    shop.inventory.set("A", on_hand=0)
    with pytest.raises(InsufficientStock):
        shop.orders.reject_return(asked.id)
    shop.inventory.set("A", on_hand=8)
    assert shop.orders.reject_return(asked.id).status == "rejected"
    order = shop.orders.get(number)
    assert (on_hand(shop, "A"), order.lines[0].returned, order.refund_due.amount) == (7, 0, 0)
    assert shop.audit().clean


def test_a_withdrawal_of_everything_includes_the_shipping(sent: Sent) -> None:
    """CDC art. 49: all that was paid goes back, the shipping once, with the return that leaves nothing."""
    shop, number, a, b = sent
    for lines in ({a: 3, b: 1}, {b: 1}):
        asked = shop.orders.request_return(number, lines=lines, reason="withdrawal")
        shop.orders.receive_return(asked.id)
        shop.orders.refund_return(asked.id)
    order = shop.orders.get(number)
    assert order.refund_due == order.totals.grand
    assert [each.kind for each in shop.orders.credits(number)] == ["returned", "returned", "returned", "shipping"]
    shop.orders.refund(number)
    assert shop.orders.get(number).payment_status == "refunded"
    assert shop.audit().clean


@pytest.mark.parametrize("last", ["cancelled", "edited", "defect"])
def test_whatever_comes_last_after_a_withdrawal(shop: TestShop, last: str) -> None:
    """Nothing is left with the buyer: the shipping goes back with what comes last, as a change says before."""
    shop.product("A", price=1000)
    shop.product("B", price=500)
    order = shop.place(shop.cart(("A", 1), ("B", 2))).order
    a, b = (each.id for each in order.lines)
    shop.orders.ship(order.number, lines={a: 1, b: 2} if last == "defect" else {a: 1, b: 1})
    asked = shop.orders.request_return(order.number, lines={a: 1, b: 1}, reason="withdrawal")
    shop.orders.receive_return(asked.id)
    shop.orders.refund_return(asked.id)
    assert shop.orders.get(order.number).refund_due.amount == 1500
    if last == "cancelled":
        shop.orders.cancel_lines(order.number, lines={b: 1})
    elif last == "edited":
        edit = shop.orders.edit_set(shop.orders.begin_edit(order.number).id, b, quantity=1)
        assert edit.difference.amount == -500 - order.totals.shipping.amount
        shop.orders.commit_edit(edit.id, expected=edit.difference.amount)
    else:
        shop.orders.refund_return(
            shop.orders.receive_return(shop.orders.request_return(order.number, lines={b: 1}, reason="defect").id).id
        )
    after = shop.orders.get(order.number)
    assert after.refund_due == order.totals.grand
    assert [each.kind for each in shop.orders.credits(order.number)].count("shipping") == 1
    shop.orders.refund(order.number)
    assert shop.orders.get(order.number).payment_status == "refunded"
    assert shop.audit().clean


def test_the_shipping_is_given_back_when_the_shop_says_so_once(sent: Sent) -> None:
    """With any return, but only once; and not by itself with a return for another reason."""
    shop, number, a, b = sent
    shipping = shop.orders.get(number).totals.shipping.amount
    made = [shop.orders.request_return(number, lines=lines).id for lines in ({a: 1}, {a: 2}, {b: 2})]
    for each in made:
        shop.orders.receive_return(each)
    shop.orders.refund_return(made[0], shipping=True)
    assert shop.orders.get(number).refund_due.amount == 1000 + shipping
    with pytest.raises(ValidationError, match="shipping"):
        shop.orders.refund_return(made[1], shipping=True)
    for each in made[1:]:
        shop.orders.refund_return(each)
    assert shop.orders.get(number).refund_due == shop.orders.get(number).totals.grand
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("delivered", "ends"),
    [
        pytest.param(datetime(2026, 11, 2, 15, tzinfo=UTC), datetime(2026, 11, 10, 3, tzinfo=UTC), id="by day"),
        pytest.param(datetime(2026, 11, 3, 2, 59, tzinfo=UTC), datetime(2026, 11, 10, 3, tzinfo=UTC), id="by night"),
        pytest.param(datetime(2026, 11, 3, 3, tzinfo=UTC), datetime(2026, 11, 11, 3, tzinfo=UTC), id="at midnight"),
    ],
)
def test_the_seven_days(delivered: datetime, ends: datetime) -> None:
    """They begin on the day after the delivery, by the calendar of Brasília, and end with the seventh."""
    assert withdrawal_ends(delivered) == ends


def test_a_withdrawal_in_time(sent: Sent) -> None:
    """Before the delivery its time has not begun; after it, it may come until the last moment, and not later."""
    shop, number, a, _ = sent
    shop.orders.request_return(number, lines={a: 1}, reason="withdrawal")
    parcel = shop.orders.delivered(shop.orders.shipments(number)[0].id)
    ends = withdrawal_ends(parcel.delivered_at)
    shop.clock.advance(seconds=(ends - shop.clock.now()).total_seconds() - 1)
    shop.orders.request_return(number, lines={a: 1}, reason="withdrawal")
    shop.clock.advance(seconds=1)
    with pytest.raises(ValidationError, match="seven days"):
        shop.orders.request_return(number, lines={a: 1}, reason="withdrawal")
    assert shop.orders.request_return(number, lines={a: 1}, reason="defect").status == "requested"


def test_nothing_shipped_nothing_back(shop: TestShop) -> None:
    """An order that is not shipped is called off, not sent back."""
    shop.product()
    order = shop.buy().order
    with pytest.raises(IllegalTransition):
        shop.orders.request_return(order.number, lines={order.lines[0].id: 1})


ILLEGAL = [
    ("", "refund_return"),
    ("receive_return", "receive_return"),
    ("receive_return refund_return", "receive_return refund_return reject_return"),
    ("reject_return", "receive_return refund_return reject_return"),
]


def test_illegal_steps(sent: Sent) -> None:
    """What the table of states does not have is refused and changes nothing."""
    shop, number, a, b = sent
    for steps, refused in ILLEGAL:
        made = shop.orders.request_return(number, lines={b: 1} if steps.startswith("receive") else {a: 1})
        for step in steps.split():
            getattr(shop.orders, step)(made.id)
        before = shop.orders.get(number), shop.orders.returns(number), on_hand(shop, "A")
        for act in refused.split():
            with pytest.raises(IllegalTransition):
                getattr(shop.orders, act)(made.id)
        assert (shop.orders.get(number), shop.orders.returns(number), on_hand(shop, "A")) == before


def test_wrong_arguments(sent: Sent) -> None:
    """Each is refused by name, and nothing is changed."""
    shop, number, a, b = sent
    made = shop.orders.request_return(number, lines={a: 1})
    before = shop.orders.get(number), shop.orders.returns(number), shop.outbox()
    calls: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (NotFound, "order", lambda: shop.orders.request_return("MC-0", lines={a: 1})),
        (NotFound, "order", lambda: shop.orders.returns("MC-0")),
        (ValidationError, "reason", lambda: shop.orders.request_return(number, lines={a: 1}, reason="regret")),
        (ValidationError, "reason", lambda: shop.orders.request_return(number, lines={a: 1}, reason=None)),
        (ValidationError, "note", lambda: shop.orders.request_return(number, lines={a: 1}, note="x" * 401)),
        (ValidationError, "arrived", lambda: shop.orders.receive_return(made.id, arrived={a: 2})),
        (ValidationError, "arrived", lambda: shop.orders.receive_return(made.id, arrived={b: 1})),
        (ValidationError, "arrived", lambda: shop.orders.receive_return(made.id, arrived={})),
        (ValidationError, "scrap", lambda: shop.orders.receive_return(made.id, scrap={a: 2})),
        (ValidationError, "scrap", lambda: shop.orders.receive_return(made.id, scrap=[a])),
        (ValidationError, "note", lambda: shop.orders.reject_return(made.id, note=5)),
        *((NotFound, "return", lambda each=each: shop.orders.receive_return(each)) for each in (0, "1", None, 2**63)),
    ]
    for error, message, call in calls:
        with pytest.raises(error, match=message):
            call()
    assert (shop.orders.get(number), shop.orders.returns(number), shop.outbox()) == before
    shop.orders.receive_return(made.id)
    with pytest.raises(ValidationError, match="shipping"):
        shop.orders.refund_return(made.id, shipping=1)
    assert timedelta(0) == shop.clock.now() - shop.orders.returns(number)[0].created_at
