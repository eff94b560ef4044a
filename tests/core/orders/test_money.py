"""Whatever becomes of an order's pieces, the money adds up."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_shop import TestShop
from mestres_core.errors import CommerceError

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ship", "cancel_lines", "come_back", "refuse", "refund", "goodwill", "edit"]),
        st.integers(0, 1),
        st.integers(1, 4),
    ),
    min_size=3,
    max_size=10,
)


def come_back(shop: TestShop, number: str, lines: dict[int, int]) -> None:
    asked = shop.orders.request_return(number, lines=lines, reason="withdrawal")
    shop.orders.receive_return(asked.id)
    shop.orders.refund_return(asked.id)


def act(shop: TestShop, number: str, what: str, line: int, pieces: int) -> None:
    """One step of a clerk; a refusal is fine."""
    lines = {line: pieces}
    with contextlib.suppress(CommerceError):
        if what in {"ship", "cancel_lines"}:
            getattr(shop.orders, what)(number, lines=lines)
        elif what == "come_back":
            come_back(shop, number, lines)
        elif what == "refuse":
            shop.orders.reject_return(shop.orders.request_return(number, lines=lines).id)
        elif what == "refund":
            if shop.orders.get(number).refund_due:
                shop.orders.refund(number)
        elif what == "goodwill":
            shop.orders.refund(number, amount=pieces)
        else:
            edit = shop.orders.begin_edit(number)
            shop.orders.edit_set(edit.id, line, quantity=max(pieces - 1, 0))
            # More pieces would have to be paid for: this buyer only gives some back.
            if shop.orders.preview_edit(edit.id).difference.amount > 0:
                shop.orders.discard_edit(edit.id)
            else:
                shop.orders.commit_edit(edit.id)


def give_everything_back(shop: TestShop, number: str) -> None:
    """Call off what has not been shipped, and have the rest come back."""
    order = shop.orders.get(number)
    open_ = {line.id: line.to_ship for line in order.lines if line.to_ship}
    if order.status == "placed" and open_:
        shop.orders.cancel_lines(number, lines=open_)
    rest = {line.id: line.shipped - line.returned for line in order.lines if line.shipped > line.returned}
    if rest:
        come_back(shop, number, rest)
    if shop.orders.get(number).refund_due:
        shop.orders.refund(number)


def check(shop: TestShop, number: str) -> Any:
    order = shop.orders.get(number)
    assert order.refunded <= order.totals.grand
    report = shop.audit()
    assert report.clean, report.violations
    return order


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prices=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    quantities=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    percent=st.sampled_from([0, 10, 33.33, 100]),
    steps=STEPS,
)
def test_refunds_never_exceed_what_was_paid_and_end_there(
    prices: tuple[int, int], quantities: tuple[int, int], percent: float, steps: list[tuple[str, int, int]]
) -> None:
    """After every step the audit is clean; once everything is given back, the buyer has exactly what was paid."""
    shop = TestShop("sqlite://")
    try:
        for index in range(2):
            shop.product(f"S{index}", price=prices[index], stock=20)
        cart_id = shop.cart(*((f"S{index}", quantities[index]) for index in range(2)))
        if percent:
            shop.promotions.save_coupon("OFF", percent=percent)
            shop.carts.add_coupon(cart_id, "OFF")
        order = shop.place(cart_id).order
        for what, which, pieces in steps:
            act(shop, order.number, what, order.lines[which].id, pieces)
            check(shop, order.number)
        give_everything_back(shop, order.number)
        after = check(shop, order.number)
        assert after.refunded == order.totals.grand
        assert after.refund_due.amount == 0
        if order.totals.grand:
            assert after.payment_status == "refunded"
    finally:
        shop.close()
