"""The tables of states."""

from collections.abc import Mapping

import pytest

from mestres_core.rules.ledger import KINDS, UNPAID, Entry, fold
from mestres_core.rules.states import (
    CHANGE,
    ORDER,
    ORDER_AFTER,
    RETURN,
    checked,
    fulfillment_status,
    may,
    payment_status,
)

_TABLES = {"order": ORDER, "return": RETURN, "change": CHANGE}
TABLES = pytest.mark.parametrize("table", _TABLES.values(), ids=_TABLES)


@TABLES
def test_tables_are_closed(table: Mapping[str, frozenset[str]]) -> None:
    """Every state that may follow has a row of its own."""
    assert set() == set().union(*table.values()) - set(table)


@TABLES
def test_every_state_can_be_reached(table: Mapping[str, frozenset[str]]) -> None:
    """From the first state, some path leads to every other."""
    reached = {next(iter(table))}
    while more := set().union(*(table[state] for state in reached)) - reached:
        reached |= more
    assert set(table) == reached


def test_every_end_of_a_payment_has_its_effect() -> None:
    """Each state a payment may end in says what becomes of a pending order, and the order may become it."""
    assert {"authorized", "captured", *UNPAID} == set(ORDER_AFTER)
    assert all(may(ORDER, "pending", target) for target in ORDER_AFTER.values())


def test_ends_are_final() -> None:
    """A shipped order and a captured payment change no more, and nothing goes back to pending."""
    assert frozenset() == ORDER["completed"]
    assert not any("pending" in targets for state, targets in ORDER.items() if state != "pending")
    captured = Entry("captured", 100)
    for kind in KINDS:
        later = Entry(kind, 100)
        assert fold(100, [captured, later]).status == fold(100, [later, captured]).status == "captured", kind


@pytest.mark.parametrize(
    ("table", "message"),
    [({"a": "b"}, "without a row: b"), ({"a": "", "b": "a"}, "nothing leads to: b"), ({"b": ""}, "without a row: a")],
)
def test_a_wrong_table_is_refused(table: dict[str, str], message: str) -> None:
    """A state without a row, or that nothing leads to, is named."""
    with pytest.raises(ValueError, match=message):
        checked("a", table)


@pytest.mark.parametrize(
    ("shipped", "open_", "expected"),
    [(0, 3, "unfulfilled"), (1, 2, "partially_fulfilled"), (3, 0, "fulfilled"), (0, 0, "unfulfilled")],
)
def test_fulfillment_is_derived(shipped: int, open_: int, expected: str) -> None:
    """From pieces shipped and still to be shipped."""
    assert fulfillment_status(shipped=shipped, open_=open_) == expected


@pytest.mark.parametrize(
    ("due", "captures", "captured", "authorized", "refunded", "expected"),
    [
        pytest.param(100, 0, 0, 0, 0, "pending", id="nothing yet"),
        pytest.param(100, 0, 0, 100, 0, "authorized", id="promised"),
        pytest.param(100, 0, 0, 60, 0, "pending", id="promised in part"),
        pytest.param(100, 1, 100, 0, 0, "paid", id="paid"),
        pytest.param(0, 1, 0, 0, 0, "paid", id="an order of nothing"),
        pytest.param(100, 1, 60, 0, 0, "partially_paid", id="part of it"),
        pytest.param(100, 1, 60, 40, 0, "partially_paid", id="part of it, the rest promised"),
        pytest.param(100, 2, 200, 0, 0, "refund_due", id="paid twice"),
        pytest.param(0, 1, 100, 0, 0, "refund_due", id="called off"),
        pytest.param(0, 1, 100, 0, 30, "refund_due", id="called off, part of it back"),
        pytest.param(0, 1, 100, 0, 100, "refunded", id="all of it back"),
        pytest.param(70, 1, 100, 0, 30, "partially_refunded", id="what was due is back"),
        pytest.param(120, 1, 100, 0, 0, "partially_paid", id="more was ordered"),
    ],
)
def test_payment_status_is_derived(  # noqa: PLR0917 - the columns of the table
    due: int, captures: int, captured: int, authorized: int, refunded: int, expected: str
) -> None:
    """From what the order is worth and what the ledgers add up to."""
    amounts = {"captured": captured, "authorized": authorized, "refunded": refunded}
    assert payment_status(due=due, captures=captures, **amounts, otherwise="pending") == expected
