"""Laws of the tax engine, whatever the rates, the level and the rounding."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_core.money import ROUNDINGS
from mestres_core.rules.tax import LEVELS, MODES, Rate, Taxable, tax

rates = st.builds(
    Rate,
    name=st.sampled_from("abc"),
    ppm=st.integers(0, 300_000),
    mode=st.sampled_from(MODES),
    informational=st.booleans(),
    compound=st.booleans(),
)
taxables = st.builds(
    Taxable,
    key=st.integers(),
    amount=st.integers(0, 10**9),
    quantity=st.integers(1, 1000),
    rates=st.lists(rates, max_size=3).map(tuple),
)
levels = st.sampled_from(LEVELS)
roundings = st.sampled_from(sorted(ROUNDINGS)).map(ROUNDINGS.__getitem__)


@settings(max_examples=60)
@given(st.lists(taxables, max_size=6), levels, roundings)
def test_the_parts_are_the_whole(lines, level, rounding):
    """net + parts = gross, gross - added = amount, no part is negative; keys and rates come back in their order."""
    found = tax(lines, level=level, rounding=rounding)
    assert [line.key for line in lines] == [each.key for each in found]
    for line, each in zip(lines, found, strict=True):
        assert line.rates == tuple(rate for rate, _ in each.parts)
        assert all(type(amount) is int and amount >= 0 for _, amount in each.parts)
        assert line.amount == each.gross - each.added == each.net + each.included
        assert each.gross == each.net + sum(amount for rate, amount in each.parts if not rate.informational)


@settings(max_examples=60)
@given(st.lists(taxables, max_size=6), roundings)
def test_an_order_is_rounded_once_for_each_rate(lines, rounding):
    """By order, the parts of one rate over all lines add up to the rounded sum of the exact ones."""
    alone = [line for line in lines if len(line.rates) == 1]
    exact: dict[Rate, Fraction] = {}
    for line in alone:
        (rate,) = line.rates
        share = Fraction(rate.ppm, 10**6) if rate.mode != "inclusive" else Fraction(rate.ppm, 10**6 + rate.ppm)
        exact[rate] = exact.get(rate, Fraction(0)) + line.amount * share
    found: dict[Rate, int] = {}
    for each in tax(alone, level="order", rounding=rounding):
        for rate, amount in each.parts:
            found[rate] = found.get(rate, 0) + amount
    assert {rate: rounding(amount) for rate, amount in exact.items()} == found


@settings(max_examples=60)
@given(taxables, roundings)
def test_one_line_of_one_piece_is_the_same_at_each_level(line, rounding):
    """Where there is one piece in one line there is nothing to choose, as long as its rates differ."""
    one = Taxable(key=line.key, amount=line.amount, rates=tuple(dict.fromkeys(line.rates)))
    assert 1 == len({tax([one], level=level, rounding=rounding) for level in LEVELS})


@settings(max_examples=60)
@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 500_000))
def test_a_price_that_contains_tax_is_taken_apart(net, quantity, ppm):
    """Tax on top of a net, then taken out of the gross again, is the same tax."""
    (on_top,) = tax([Taxable(key=1, amount=net, quantity=quantity, rates=(Rate(name="x", ppm=ppm),))])
    inside = Rate(name="x", ppm=ppm, mode="inclusive")
    (taken_out,) = tax([Taxable(key=1, amount=on_top.gross, quantity=quantity, rates=(inside,))])
    assert (on_top.net, on_top.added) == (taken_out.net, taken_out.included)


@settings(max_examples=60)
@given(st.integers(1, 10**6), st.integers(1, 999), st.integers(0, 400_000))
def test_pieces_of_one_price_are_taxed_alike(price, quantity, ppm):
    """By piece, the tax of n equal pieces is n times the tax of one."""
    rate = Rate(name="x", ppm=ppm)
    (one,) = tax([Taxable(key=1, amount=price, rates=(rate,))])
    (many,) = tax([Taxable(key=1, amount=price * quantity, quantity=quantity, rates=(rate,))], level="unit")
    assert one.added * quantity == many.added


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Rate(name="x", ppm=-1), "ppm must be"),
        (lambda: Rate(name="x", ppm=18.0), "ppm must be"),
        (lambda: Rate(name="x", ppm=1, mode="included"), "mode must be one of exclusive"),
        (lambda: Rate(name="x", ppm=10**6, mode="gross"), "below 100 %"),
        (lambda: tax([Taxable(key=1, amount=-1)]), "amount must be"),
        (lambda: tax([Taxable(key=1, amount=1.5)]), "amount must be"),
        (lambda: tax([Taxable(key=1, amount=1, quantity=0)]), "quantity must be"),
        (lambda: tax([], level="item"), "level must be one of line"),
        (
            lambda: tax([Taxable(key=1, amount=1, rates=(Rate(name="x", ppm=500_000, mode="gross"),) * 2)]),
            "below 100 % together",
        ),
    ],
)
def test_what_cannot_be_taxed_is_refused(make, match):
    """Wrong rates, amounts, quantities and levels are errors that say what would be right."""
    with pytest.raises(ValueError, match=match):
        make()
