"""What the events of one payment add up to."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_core.rules.ledger import Entry, fold

# Ideas from Saleor's test_transaction_item_calculations: what is authorized, charged, refunded and cancelled after some
# events of a payment of 1000, told by operation or as a whole.
CASES = [
    pytest.param([], (0, 0, 0, 0, "pending"), id="nothing yet"),
    pytest.param([("pending", 1000, "")], (0, 0, 0, 0, "pending"), id="the provider knows of it"),
    pytest.param([("authorized", 1000, "")], (1000, 0, 0, 0, "authorized"), id="authorized"),
    pytest.param([("authorized", 1000, ""), ("declined", 1000, "")], (1000, 0, 0, 0, "authorized"), id="a late no"),
    pytest.param([("captured", 1000, "")], (0, 1000, 0, 0, "captured"), id="charged at once"),
    pytest.param([("captured", 999, "")], (0, 0, 0, 0, "pending"), id="a wrong amount is disputed"),
    pytest.param([("captured", 1001, "")], (0, 0, 0, 0, "pending"), id="too much is disputed"),
    pytest.param([("authorized", 1001, "")], (0, 0, 0, 0, "pending"), id="too large a promise is disputed"),
    pytest.param(
        [("authorized", 1000, ""), ("captured", 600, "a")], (1000, 600, 0, 0, "partially_captured"), id="a part"
    ),
    pytest.param(
        [("authorized", 1000, ""), ("captured", 600, "a"), ("captured", 400, "b")],
        (1000, 1000, 0, 0, "captured"),
        id="two parts",
    ),
    pytest.param(
        [("authorized", 1000, ""), ("captured", 600, "a"), ("captured", 600, "")],
        (1000, 600, 0, 0, "partially_captured"),
        id="one part, told twice: by its key and as the sum so far",
    ),
    pytest.param(
        [("authorized", 1000, ""), ("captured", 600, "a"), ("captured", 600, "b")],
        (1000, 600, 0, 0, "partially_captured"),
        id="parts beyond the payment are disputed",
    ),
    pytest.param(
        [("authorized", 1000, ""), ("captured", 600, "a"), ("voided", 400, "r")],
        (1000, 600, 400, 0, "captured"),
        id="a part, and the rest released",
    ),
    pytest.param([("authorized", 1000, ""), ("voided", 1000, "v")], (1000, 0, 1000, 0, "voided"), id="released"),
    pytest.param([("authorized", 1000, ""), ("expired", 0, "")], (1000, 0, 1000, 0, "voided"), id="lapsed"),
    pytest.param([("pending", 1000, ""), ("voided", 1000, "v")], (0, 0, 1000, 0, "voided"), id="called off"),
    pytest.param(
        [("pending", 1000, ""), ("voided", 1000, "v"), ("captured", 1000, "e2e")],
        (0, 1000, 0, 0, "captured"),
        id="called off, and paid all the same",
    ),
    pytest.param([("expired", 1000, ""), ("captured", 1000, "")], (0, 1000, 0, 0, "captured"), id="paid late"),
    pytest.param([("captured", 1000, "x"), ("captured", 1000, "y")], (0, 1000, 0, 0, "captured"), id="paid twice"),
    pytest.param([("refunded", 300, "r")], (0, 0, 0, 0, "pending"), id="a refund before its capture waits"),
    pytest.param(
        [("refunded", 300, "r"), ("captured", 1000, "")], (0, 1000, 0, 300, "captured"), id="and counts after it"
    ),
    pytest.param(
        [("captured", 1000, ""), ("refunded", 300, "r"), ("refunded", 300, "s"), ("refunded", 600, "")],
        (0, 1000, 0, 600, "captured"),
        id="two refunds, and the provider's sum of them",
    ),
    pytest.param(
        [("captured", 1000, ""), ("refunded", 700, "r"), ("refunded", 700, "s")],
        (0, 1000, 0, 1000, "captured"),
        id="no more goes back than came",
    ),
    pytest.param(
        [("captured", 1000, ""), ("refund_failed", 300, "r")], (0, 1000, 0, 0, "captured"), id="a refused refund"
    ),
    pytest.param([("captured", 1000, ""), ("failed", 1000, "")], (0, 1000, 0, 0, "captured"), id="a late failure"),
]


@pytest.mark.parametrize(("events", "expected"), CASES)
def test_every_order_of_events_ends_alike(events: list[tuple[str, int, str]], expected: tuple[object, ...]) -> None:
    """Whatever the order, and however often each is told, the sums and the status are the same."""
    for order in permutations(events):
        entries = [Entry(*each) for each in (*order, *order)]
        found = fold(1000, entries)
        assert (found.authorized, found.captured, found.voided, found.refunded, found.status) == expected


def test_a_part_that_was_asked_for_counts_without_an_authorization() -> None:
    """The answer to our own capture may come before the news of the authorization."""
    part = [Entry("captured", 600, "cap_1")]
    assert fold(1000, part).captured == 0
    assert fold(1000, part, asked=["cap_1"]).captured == 600


def test_nothing_can_be_paid() -> None:
    """An order of 0.00 is captured by an event of 0."""
    assert fold(0, [Entry("captured", 0)]).status == "captured"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["authorized", "captured", "voided", "refunded", "declined", "expired", "pending"]),
            st.integers(0, 1200),
            st.sampled_from(["", "a", "b", "c"]),
        ),
        max_size=8,
    )
)
def test_the_sums_keep_their_bounds(events: list[tuple[str, int, str]]) -> None:
    """Refunds stay within captures, captures and releases within the payment, whatever a provider says."""
    found = fold(1000, [Entry(*each) for each in events])
    assert 0 <= found.refunded <= found.captured <= 1000
    assert 0 <= found.voided
    assert found.voided + found.captured <= 1000
    assert found.authorized <= 1000
    assert len(found.accepted) == len(events)
