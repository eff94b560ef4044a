"""The tables of states."""

from collections.abc import Mapping

import pytest

from mestres_core.rules.states import ORDER, ORDER_AFTER, PAYMENT, may

TABLES = pytest.mark.parametrize("table", [ORDER, PAYMENT], ids=["order", "payment"])


@TABLES
def test_tables_are_closed(table: Mapping[str, frozenset[str]]) -> None:
    """Every state that may follow has a row of its own."""
    assert set() == set().union(*table.values()) - set(table)


@TABLES
def test_every_state_can_be_reached(table: Mapping[str, frozenset[str]]) -> None:
    """From pending, some path leads to every state."""
    reached = {"pending"}
    while more := set().union(*(table[state] for state in reached)) - reached:
        reached |= more
    assert set(table) == reached


def test_every_end_of_a_payment_has_its_effect() -> None:
    """Each state a payment may end in says what becomes of a pending order, and the order may become it."""
    assert {*PAYMENT["pending"], "captured"} - {"pending"} == set(ORDER_AFTER)
    assert all(may(ORDER, "pending", target) for target in ORDER_AFTER.values())


def test_ends_are_final() -> None:
    """A shipped order and a captured payment change no more, and nothing goes back to pending."""
    assert frozenset() == ORDER["completed"] == PAYMENT["captured"]
    assert not any("pending" in targets for state, targets in {**ORDER, **PAYMENT}.items() if state != "pending")
