"""Two people who want different things of one order."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import CommerceError, IllegalTransition, ValidationError


def one_after_the_other(shop: TestShop, first: Callable[[Any], Any], second: Callable[[], Any]) -> CommerceError | None:
    """`second` begins while `first` has its transaction open; what `second` was refused with."""
    inside, refused = threading.Event(), []

    def late() -> None:
        inside.wait()
        try:
            second()
        except CommerceError as error:
            refused.append(error)

    thread = threading.Thread(target=late)
    thread.start()
    with shop.transaction() as tx:
        first(tx)
        inside.set()
        thread.join(0.2)  # it waits for the order's lock, or has not come so far: either way it is second
        assert thread.is_alive()
    thread.join()
    return refused[0] if refused else None


@pytest.mark.scenario("C20")
@pytest.mark.parametrize(("first", "second"), [("cancel", "ship"), ("ship", "cancel"), ("cancel", "fulfill")])
def test_cancel_and_ship(shop: TestShop, first: str, second: str) -> None:
    """Whoever has the order's lock wins; the other is refused, and the stock is that of the winner."""
    shop.product()
    number = shop.buy(quantity=2).order.number
    error = one_after_the_other(
        shop, lambda tx: getattr(tx.orders, first)(number), lambda: getattr(shop.orders, second)(number)
    )
    assert isinstance(error, IllegalTransition)
    order, level = shop.orders.get(number), shop.inventory.level("A1")
    expected = ("cancelled", 10, 0) if first == "cancel" else ("completed", 8, 0)
    assert (order.status, level.on_hand, level.allocated) == expected
    assert shop.audit().clean


@pytest.mark.scenario("C20")
@pytest.mark.parametrize("first", ["cancel", "captured"])
def test_cancel_and_the_money(shop: TestShop, first: str) -> None:
    """Whichever comes first, the order ends called off, its goods are free, and the money is due back."""
    shop.product()
    order = shop.buy(token="pix", quantity=2).order
    payment = order.payments[0]

    def pay() -> None:
        shop.webhook(payment.id, "captured", payment.amount.amount)

    def paid(tx: Any) -> None:
        from mestres_core.typing import PaymentEvent

        tx.checkout.apply(
            PaymentEvent(provider="pix", id="late", key=payment.id, kind="captured", amount=payment.amount.amount)
        )

    if first == "cancel":
        error = one_after_the_other(shop, lambda tx: tx.orders.cancel(order.number), pay)
    else:
        error = one_after_the_other(shop, paid, lambda: shop.orders.cancel(order.number))
    assert error is None
    after = shop.orders.get(order.number)
    assert (after.status, after.payment_status, after.refund_due) == ("cancelled", "refund_due", order.totals.grand)
    assert shop.available() == 10
    assert shop.audit().clean


def test_two_parcels_of_the_same_pieces(shop: TestShop) -> None:
    """The second finds them gone."""
    shop.product()
    order = shop.buy(quantity=2).order
    line = order.lines[0].id
    shop.product("B")
    error = one_after_the_other(
        shop,
        lambda tx: tx.orders.ship(order.number, lines={line: 1}),
        lambda: shop.orders.ship(order.number, lines={line: 2}),
    )
    assert isinstance(error, ValidationError)
    assert shop.audit().clean


def test_two_returns_of_the_same_pieces(shop: TestShop) -> None:
    """Only one of them is taken on."""
    shop.product()
    order = shop.buy(quantity=2).order
    line = order.lines[0].id
    shop.orders.ship(order.number)
    error = one_after_the_other(
        shop,
        lambda tx: tx.orders.request_return(order.number, lines={line: 2}),
        lambda: shop.orders.request_return(order.number, lines={line: 1}),
    )
    assert isinstance(error, ValidationError)
    assert shop.audit().clean


def test_a_commit_and_a_parcel(shop: TestShop) -> None:
    """A change that takes away what is being shipped is refused; nothing of it has happened."""
    shop.product()
    order = shop.buy(quantity=2).order
    line = order.lines[0].id
    edit = shop.orders.begin_edit(order.number)
    shop.orders.edit_set(edit.id, line, quantity=1)
    error = one_after_the_other(
        shop,
        lambda tx: tx.orders.ship(order.number, lines={line: 2}),
        lambda: shop.orders.commit_edit(edit.id),
    )
    assert isinstance(error, IllegalTransition)  # the order is completed by then
    assert shop.audit().clean
