"""The one rounding policy, against the tables of other systems and by properties."""

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mestres_core
from mestres_core import money
from mestres_core.money import (
    CurrencyMismatch,
    Money,
    allocate,
    allocate_capped,
    digits,
    percent_of,
    round_half_down,
    round_half_even,
    round_half_up,
    split,
    truncate,
)

totals = st.integers(-(10**12), 10**12)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("given_weights", "total", "shares"),
    [
        ([4000, 2000, 2000], 300, [150, 75, 75]),
        ([4000, 2000, 2000], -300, [-150, -75, -75]),
        ([4300, 1400, 2300], 299, [161, 52, 86]),
        ([4300, 1400, 2300], 300, [161, 53, 86]),
        ([1000, 1000, 1000], 299, [100, 100, 99]),
        ([10, 20, 10, 30, 50, 20, 10, 40], 93, [5, 10, 5, 15, 24, 10, 5, 19]),
        ([10, 0], 40, [40, 0]),
        ([0, 0], 10, [5, 5]),
        ([100, 100], -20, [-10, -10]),
        ([7, 3], 101, [71, 30]),
        ([7, 3, 0], 5, [4, 1, 0]),
        ([1, 1, 1], 2, [1, 1, 0]),
        ([0.33, 0.66], 1, [0, 1]),
        ([7, 3], -5, [-4, -1]),
    ],
)
def test_a_total_is_shared_by_largest_remainder(given_weights: list[int], total: int, shares: list[int]) -> None:
    """Everyone gets the floor of their share and the rest goes to the largest remainders, ties to the lower index."""
    assert shares == allocate(total, given_weights)


@given(totals, weights)
def test_nothing_is_lost_in_sharing(total: int, of: list[int]) -> None:
    """The shares add up to the total."""
    assert total == sum(allocate(total, of))


@given(totals, weights)
def test_a_negative_total_is_the_mirror_image(total: int, of: list[int]) -> None:
    """allocate(-x, w) is -allocate(x, w)."""
    assert [-share for share in allocate(total, of)] == allocate(-total, of)


@given(totals, weights.filter(any))
def test_a_share_is_less_than_one_unit_off(total: int, of: list[int]) -> None:
    """No share differs from the exact one by a whole unit, and a weight of zero gets nothing."""
    for share, weight in zip(allocate(total, of), of, strict=True):
        exact = Fraction(total) * weight / sum(of)
        assert abs(share - exact) < 1
        assert weight or not share


@given(totals, weights, st.randoms(use_true_random=False))
def test_the_order_of_weights_decides_ties_only(total: int, of: list[int], chance: object) -> None:
    """Shuffled weights give the same multiset of shares for each weight."""
    shuffled = list(of)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = sorted(zip(of, allocate(total, of), strict=True))
    assert plain == sorted(zip(shuffled, allocate(total, shuffled), strict=True))


@given(totals.filter(lambda total: total >= 0), weights)
def test_of_equal_weights_the_first_gets_the_odd_unit(total: int, of: list[int]) -> None:
    """Among equal weights the shares never grow with the index."""
    shares = allocate(total, of)
    for weight in set(of):
        mine = [share for share, each in zip(shares, of, strict=True) if each == weight]
        assert sorted(mine, reverse=True) == mine


@pytest.mark.parametrize(
    ("total", "n", "parts"),
    [(1000, 3, [334, 333, 333]), (-1000, 3, [-334, -333, -333]), (0, 4, [0] * 4), (10000, 3, [3334, 3333, 3333])],
)
def test_split_gives_even_parts(total: int, n: int, parts: list[int]) -> None:
    """The parts differ by at most one unit, the larger ones first."""
    assert parts == split(total, n)


@pytest.mark.parametrize("n", [0, -1, True, 1.5])
def test_nothing_is_split_among_nobody(n: int) -> None:
    """Fewer than one part, or half a part, is an error."""
    with pytest.raises(ValueError, match="whole number"):
        split(100, n)


@pytest.mark.parametrize("wrong", [[], [1, -1]])
def test_impossible_weights_are_refused(wrong: list[int]) -> None:
    """No weights, or a negative one, is an error."""
    with pytest.raises(ValueError, match="weights must not be"):
        allocate(100, wrong)


def test_only_whole_totals_are_shared() -> None:
    """A total that is not an int (True and 1.0 are not) is an error."""
    for wrong in (1.0, True, "1"):
        with pytest.raises(TypeError):
            allocate(wrong, [1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rounding", "value", "whole"),
    [
        (round_half_up, 2.5, 3),
        (round_half_up, -2.5, -3),
        (round_half_up, -1.5, -2),
        (round_half_up, -8328.5, -8329),
        (round_half_up, "2.4999", 2),
        (round_half_even, 2.5, 2),
        (round_half_even, 3.5, 4),
        (round_half_even, -2.5, -2),
        (round_half_even, "2.51", 3),
        (round_half_down, 12.5, 12),
        (round_half_down, -12.5, -12),
        (round_half_down, "12.51", 13),
        (truncate, 2.9, 2),
        (truncate, -2.9, -2),
    ],
)
def test_halves_go_where_the_name_says(rounding: object, value: float, whole: int) -> None:
    """Half up goes away from zero, half down towards it, half even to the even neighbour."""
    assert whole == rounding(value)  # type: ignore[operator]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_rounding_is_odd_and_near(value: Decimal) -> None:
    """Every rounding is at most one unit off, half up at most half of one, and all mirror at zero."""
    assert abs(round_half_up(value) - Fraction(value)) <= Fraction(1, 2)
    for rounding in (round_half_up, round_half_even, round_half_down, truncate):
        assert rounding(-value) == -rounding(value)
        assert abs(rounding(value) - Fraction(value)) < 1


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        (50098, "JPY", 50098),
        (2.675, "USD", 268),
        (100.54, "USD", 10054),
        (0.054, "USD", 5),
        (0.005104, "USD", 1),
        (0.004104, "USD", 0),
        (5.124, "KWD", 5124),
        ("45.90", "BRL", 4590),
        (Decimal("-0.005"), "BRL", -1),
        ("0.00005", "UYW", 1),
    ],
)
def test_major_units_become_minor_units_as_written(value: object, currency: str, minor: int) -> None:
    """A float means what it prints, the currency's own decimal places count, halves go away from zero."""
    assert Money(minor, currency) == Money.parse(value, currency)  # type: ignore[arg-type]


@given(st.integers(-(10**12), 10**12), st.sampled_from(["BRL", "JPY", "KWD", "CLF"]))
def test_major_units_and_back(amount: int, currency: str) -> None:
    """to_decimal and parse undo each other, with the currency's decimal places."""
    major = Money(amount, currency).to_decimal()
    assert Money(amount, currency) == Money.parse(major, currency)
    assert -digits(currency) == major.as_tuple().exponent


def test_percent_is_taken_off_the_line() -> None:
    """line - round(line * (100 - p) / 100): ten times 0.01 less 10 % is 0.09."""
    assert 9 == 10 - percent_of(10, 10)
    lines = {2000: 1700, 2025: 1721, 1050: 893, 994: 845}
    assert list(lines.values()) == [line - percent_of(line, 15) for line in lines]


def test_currencies_do_not_mix() -> None:
    """Adding, taking away or comparing two currencies is an error."""
    reais, dollars = Money(1, "BRL"), Money(1, "USD")
    for act in (lambda: reais + dollars, lambda: reais - dollars, lambda: reais < dollars, lambda: reais >= dollars):
        with pytest.raises(CurrencyMismatch, match="BRL with USD"):
            act()
    assert reais != dollars


@pytest.mark.parametrize(
    ("amount", "currency", "error"),
    [(1.0, "BRL", TypeError), (True, "BRL", TypeError), (1, "brl", ValueError), (1, "REAL", ValueError)],
)
def test_wrong_money_cannot_be_made(amount: int, currency: str, error: type[Exception]) -> None:
    """The amount is an int of minor units and the currency a code of three capitals, or there is no Money."""
    with pytest.raises(error):
        Money(amount, currency)


def test_arithmetic_keeps_the_currency() -> None:
    """Sums, differences, multiples and negatives are Money of the same currency; only whole factors multiply."""
    assert Money(300, "BRL") == Money(100, "BRL") + Money(200, "BRL") == 3 * Money(100, "BRL")
    assert Money(-100, "BRL") == -(Money(300, "BRL") - Money(200, "BRL"))
    assert not Money(0, "BRL")
    with pytest.raises(TypeError, match="same currency"):
        Money(1, "BRL") + 1  # type: ignore[operator]
    with pytest.raises(TypeError, match="same currency"):
        _ = Money(1, "BRL") < 1  # type: ignore[operator]
    with pytest.raises(TypeError, match="allocate"):
        Money(1, "BRL") * 1.5  # type: ignore[operator]


def test_the_front_door_has_the_arithmetic() -> None:
    """Everything that mestres_core.money promises is there, and Money is the same class everywhere."""
    assert [] == [name for name in money.__all__ if not hasattr(money, name)]
    assert mestres_core.Money is money.Money


caps = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12)


@given(totals, caps)
def test_nobody_gets_more_than_the_cap(total: int, of: list[tuple[int, int]]) -> None:
    """Shares keep to caps and the sign of the total; not spent is only what no cap of a weight had room for."""
    given_weights, limits = [weight for weight, _ in of], [cap for _, cap in of]
    shares = allocate_capped(total, given_weights, limits)
    assert all(0 <= abs(share) <= cap and share * total >= 0 for share, cap in zip(shares, limits, strict=True))
    room = sum(cap for weight, cap in of if weight) if any(given_weights) else sum(limits)
    assert abs(sum(shares)) == min(abs(total), room)
    assert [-share for share in shares] == allocate_capped(-total, given_weights, limits)


@given(totals, weights)
def test_caps_that_are_not_reached_change_nothing(total: int, of: list[int]) -> None:
    """With room for everybody the shares are those of allocate."""
    assert allocate(total, of) == allocate_capped(total, of, [abs(total)] * len(of))


@given(st.integers(0, 10**9), caps)
def test_whoever_is_below_the_cap_has_the_share_of_the_others(total: int, of: list[tuple[int, int]]) -> None:
    """Of two below their caps, the heavier never has less: what the caps leave is shared out by the same weights."""
    given_weights, limits = [weight for weight, _ in of], [cap for _, cap in of]
    shares = allocate_capped(total, given_weights, limits)
    free = sorted((weight, share) for (weight, cap), share in zip(of, shares, strict=True) if share < cap)
    exact = [share for _, share in free]
    assert all(later >= earlier - 1 for earlier, later in itertools.pairwise(exact)) or not any(given_weights)
