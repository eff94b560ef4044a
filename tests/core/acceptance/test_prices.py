"""Which price a buyer pays, case by case (docs/promotions.md has the rule)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.pricing import REASONS, Price, resolve

NOON = datetime(2026, 11, 28, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def price(amount: int, **fields: Any) -> Price:
    return Price(amount=amount, currency="BRL", **fields)


PLAIN = price(1000)
CASES = [
    pytest.param([PLAIN], {}, (1000, "plain"), id="commercetools: the plain price"),
    pytest.param([], {}, None, id="no price"),
    pytest.param([PLAIN, price(900, group="b2b")], {"group": "b2b"}, (900, "group"), id="commercetools: its group"),
    pytest.param([PLAIN, price(900, group="b2b")], {}, (1000, "plain"), id="commercetools: nobody's group"),
    pytest.param([PLAIN, price(1100, group="b2b")], {"group": "b2b"}, (1100, "group"), id="a group may pay more"),
    pytest.param([PLAIN, price(900, min_quantity=10)], {"quantity": 9}, (1000, "plain"), id="Medusa: below the tier"),
    pytest.param([PLAIN, price(900, min_quantity=10)], {"quantity": 10}, (900, "quantity"), id="Medusa: at the tier"),
    pytest.param(
        [PLAIN, price(900, min_quantity=10), price(800, min_quantity=50)],
        {"quantity": 60},
        (800, "quantity"),
        id="Medusa: the highest tier reached",
    ),
    pytest.param(
        [PLAIN, price(950, group="b2b"), price(900, group="b2b", min_quantity=10)],
        {"quantity": 10, "group": "b2b"},
        (900, "group"),
        id="Spree: a tier of the group",
    ),
    pytest.param(
        [PLAIN, price(950, group="b2b"), price(900, min_quantity=10)],
        {"quantity": 10, "group": "b2b"},
        (950, "group"),
        id="the group goes before everybody's tier",
    ),
    pytest.param([PLAIN, price(700, starts_at=NOON)], {}, (700, "schedule"), id="commercetools: from its start on"),
    pytest.param([PLAIN, price(700, starts_at=NOON + HOUR)], {}, (1000, "plain"), id="commercetools: not before"),
    pytest.param([PLAIN, price(700, ends_at=NOON)], {}, (1000, "plain"), id="commercetools: not at its end"),
    pytest.param([PLAIN, price(1200, starts_at=NOON - HOUR)], {}, (1200, "schedule"), id="a price that has gone up"),
    pytest.param([PLAIN, price(900, list="natal")], {}, (900, "list"), id="a list of equal rank: the lower"),
    pytest.param([PLAIN, price(1200, list="natal", priority=1)], {}, (1200, "list"), id="a list before all others"),
    pytest.param(
        [price(800, group="b2b"), price(900, list="natal", priority=1)],
        {"group": "b2b"},
        (900, "list"),
        id="priority goes before the group",
    ),
    pytest.param([PLAIN, price(900, list="sale", sale=True)], {}, (900, "sale"), id="Medusa: a sale that is lower"),
    pytest.param([PLAIN, price(1100, list="sale", sale=True)], {}, (1000, "plain"), id="Medusa: a sale that is not"),
    pytest.param(
        [price(700, group="b2b"), price(900, list="sale", sale=True)],
        {"group": "b2b"},
        (700, "group"),
        id="a sale never makes the group's price dearer",
    ),
    pytest.param(
        [price(950, group="b2b"), price(900, list="sale", sale=True)],
        {"group": "b2b"},
        (900, "sale"),
        id="a group profits from a sale too",
    ),
    pytest.param(
        [PLAIN, price(900, list="a", sale=True), price(800, list="b", sale=True)],
        {},
        (800, "sale"),
        id="of two sales the lower",
    ),
    pytest.param([price(900, list="sale", sale=True)], {}, (900, "sale"), id="a sale alone is a price"),
    pytest.param(
        [PLAIN, price(900, channel="app")], {"channel": "app"}, (900, "channel"), id="Vendure: its channel", marks=()
    ),
    pytest.param([PLAIN, price(900, channel="app")], {}, (1000, "plain"), id="Vendure: another channel"),
    pytest.param([PLAIN, price(500, min_quantity=10)], {"quantity": 10, "floor": 600}, (600, "floor"), id="a floor"),
    pytest.param([PLAIN], {"floor": 600}, (1000, "plain"), id="above the floor"),
]


@pytest.mark.parametrize(("prices", "buyer", "expected"), CASES)
def test_the_one_rule(prices: list[Price], buyer: dict[str, Any], expected: tuple[int, str] | None) -> None:
    """The price and what decided; the order in which prices are handed over does not matter."""
    for ordered in permutations(prices):
        found = resolve(ordered, **({"quantity": 1, "group": None, "at": NOON} | buyer))
        assert (None if found is None else (found.amount, found.why)) == expected


def test_the_answer_is_explained() -> None:
    """Every candidate is there with why it lost, and one has won."""
    prices = [
        PLAIN,
        price(900, group="b2b"),
        price(800, min_quantity=10),
        price(700, starts_at=NOON + HOUR),
        price(650, ends_at=NOON),
        price(600, channel="app"),
        price(1100, list="sale", sale=True),
        price(1000, list="other"),
        Price(amount=1, currency="USD"),
    ]
    found = resolve(prices, quantity=1, group=None, at=NOON, currency="BRL")
    assert found is not None
    assert [why for _, why in found.considered] == [
        *("won", "other_group", "quantity", "not_yet", "expired", "other_channel", "dearer", "outranked", "currency"),
    ]
    assert {why for _, why in found.considered} - {"won"} == set(REASONS)
    assert (found.amount, found.regular) == (1000, 1000)


_PRICES = st.builds(
    price,
    st.integers(0, 5000),
    min_quantity=st.integers(1, 5),
    group=st.sampled_from([None, "b2b"]),
    starts_at=st.sampled_from([None, NOON - HOUR, NOON + HOUR]),
    priority=st.integers(0, 2),
    sale=st.booleans(),
    list=st.sampled_from(["", "a", "b"]),
)


@given(prices=st.lists(_PRICES, max_size=6), quantity=st.integers(1, 6), floor=st.integers(0, 3000))
def test_what_always_holds(prices: list[Price], quantity: int, floor: int) -> None:
    """One of those that count wins, never below the floor, and no sale makes it dearer."""
    found = resolve(prices, quantity=quantity, group=None, at=NOON, floor=floor)
    if found is None:
        assert all(each.group or each.min_quantity > quantity or each.starts_at == NOON + HOUR for each in prices)
        return
    won = [each for each, why in found.considered if why == "won"]
    assert len(won) == 1
    assert found.amount == max(won[0].amount, floor)
    without = resolve([each for each in prices if not each.sale], quantity=quantity, group=None, at=NOON, floor=floor)
    assert without is None or found.amount <= without.amount
