"""The frozen share of each piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.money import split
from mestres_core.rules.shares import share


@pytest.mark.parametrize(
    ("paid", "quantity", "taken", "expected"),
    [
        pytest.param(1000, 3, (1, 1, 1), (334, 333, 333), id="one by one"),
        pytest.param(1000, 3, (2, 1), (667, 333), id="two, then one"),
        pytest.param(1000, 3, (3,), (1000,), id="all at once"),
        pytest.param(0, 2, (1, 1), (0, 0), id="nothing was paid"),
        pytest.param(2, 5, (1, 3, 1), (1, 1, 0), id="fewer cents than pieces"),
    ],
)
def test_shares(paid: int, quantity: int, taken: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """The pieces given back first carry the cents left over."""
    given_back, shares = 0, []
    for pieces in taken:
        shares.append(share(paid, quantity, given=given_back, pieces=pieces))
        given_back += pieces
    assert tuple(shares) == expected


@given(st.integers(0, 10**9), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_any_sequence_adds_up(paid: int, taken: list[int]) -> None:
    """However the pieces come back, each time their entries of split(paid, n) go back, and in the end all of it."""
    quantity, given_back, total = sum(taken), 0, 0
    entries = split(paid, quantity)
    for pieces in taken:
        one = share(paid, quantity, given=given_back, pieces=pieces)
        assert one == sum(entries[given_back : given_back + pieces])
        given_back, total = given_back + pieces, total + one
    assert total == paid


@pytest.mark.parametrize(("given_back", "pieces"), [(0, 4), (3, 1), (-1, 1), (0, -1)])
def test_more_pieces_than_there_are(given_back: int, pieces: int) -> None:
    """That is a mistake of the caller's."""
    with pytest.raises(ValueError, match="pieces"):
        share(100, 3, given=given_back, pieces=pieces)
