"""Rates by weight and value, parcels, places."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_core.rules.shipping import BRAZIL, PostalRange, Rate, ShippingItem, Zone, pack

RATE = Rate("x", "X", days=1, base=1000, per_kg=300, free_over=20000)


@pytest.mark.parametrize(
    ("grams", "items", "price"),
    [
        (0, 0, 1000),
        (1000, 0, 1000),
        (1001, 0, 1300),
        (2000, 0, 1300),
        (2001, 0, 1600),
        (1, 19999, 1000),
        (9999, 20000, 0),
    ],
)
def test_a_rate_grows_with_every_started_kilogram(grams: int, items: int, price: int) -> None:
    """The first kilogram is in the base, every started one more costs, and from the limit on it is free."""
    assert price == RATE.price(weight_grams=grams, items_total=items)


def test_the_table_is_well_formed() -> None:
    """The ids are unique and fit their column, and without a limit nothing is free."""
    assert len(BRAZIL) == len({rate.id for rate in BRAZIL})
    assert all(len(rate.id) <= 40 and rate.days > 0 for rate in BRAZIL)
    assert 2890 == BRAZIL[1].price(weight_grams=1, items_total=10**9)


items = st.lists(
    st.builds(
        ShippingItem,
        weight_grams=st.integers(0, 1000),
        quantity=st.integers(1, 60),
        location=st.sampled_from(["here", "there"]),
    ),
    min_size=1,
    max_size=8,
)


def packed_by_hand(goods: list[ShippingItem], most: int) -> list[int]:
    """First fit, the heaviest first, piece by piece: the weights of the parcels."""
    parcels: list[int] = []
    for location in dict.fromkeys(item.location for item in goods):
        mine: list[int] = [0]
        for item in sorted((each for each in goods if each.location == location), key=lambda each: -each.weight_grams):
            for _ in range(item.quantity):
                place = next((n for n, grams in enumerate(mine) if grams + item.weight_grams <= most), None)
                if place is None:
                    mine.append(item.weight_grams)
                else:
                    mine[place] += item.weight_grams
        parcels += mine
    return sorted(parcels)


@settings(max_examples=60)
@given(items, st.integers(1000, 3000))
def test_parcels_are_those_of_packing_by_hand(goods: list[ShippingItem], most: int) -> None:
    """Counting equal parcels gives the same parcels as packing piece by piece; none is too heavy, nothing is lost."""
    parcels = pack(goods, most)
    weights = sorted(grams for grams, count in parcels for _ in range(count))
    assert packed_by_hand(goods, most) == weights
    assert weights[-1] <= most
    assert sum(weights) == sum(item.weight_grams * item.quantity for item in goods)


def test_a_hundred_thousand_pieces_are_packed_at_once() -> None:
    """The number of steps does not grow with the number of pieces."""
    assert ((30_000, 1), (30_000, 9_999)) == pack([ShippingItem(weight_grams=3000, quantity=100_000)], 30_000)


def test_without_a_limit_there_is_one_parcel_for_each_location() -> None:
    """All goods of a location travel together; nothing to send is no parcel."""
    goods = [ShippingItem(weight_grams=100, quantity=3, location=each) for each in "aba"]
    assert ((600, 1), (300, 1)) == pack(goods, None)
    assert () == pack([], None) == pack([], 1000)
    with pytest.raises(ValueError, match="heavier than a parcel"):
        pack(goods, 99)


@pytest.mark.parametrize(
    ("first", "last", "code", "inside"),
    [
        ("38740-000", "38749-999", "38740000", True),
        ("38740-000", "38749-999", "38749-999", True),
        ("38740-000", "38749-999", "38750-000", False),
        ("38740-000", "38749-999", "38739-999", False),
        ("387", "389", "38999-999", True),
        ("387", "387", "38800-000", False),
        ("SW1", "SW9", "sw1a 1aa", True),
        ("SW1", "SW9", "SE1 7PB", False),
        ("10001", "10001", "10001", True),
        ("10001", "10001", "10001-1234", True),
        ("387", "389", "", False),
        ("387", "389", "٣٨٧٤٠٠٠٠", False),
        ("387", "389", "3" * 13, False),
    ],
)
def test_postal_codes_are_compared_from_their_beginning(first: str, last: str, code: str, inside: bool) -> None:
    """A range takes in all codes that begin as its ends do, in any spelling; what is no code is in none."""
    assert inside is PostalRange(first, last).has({"postal_code": code})


def test_of_two_ranges_the_narrower_is_the_more_specific() -> None:
    """Ranges before states, states before countries, countries before everywhere."""
    address = {"country": "BR", "state": "MG", "postal_code": "38740-000"}
    zones = [
        Zone(code="town", countries=("BR",), postal_codes=(("38740", "38740"),)),
        Zone(code="triangle", countries=("BR",), postal_codes=(("1", "2"), ("38", "38"))),
        Zone(code="mg", countries=("BR",), regions=("MG",)),
        Zone(code="brazil", countries=("BR",)),
        Zone(code="everywhere"),
        Zone(code="sp", countries=("BR",), regions=("SP",)),
        Zone(code="abroad", countries=("UY",)),
    ]
    ranked = [(zone.rank(address), zone.code) for zone in zones if zone.rank(address) is not None]
    assert ["town", "triangle", "mg", "brazil", "everywhere"] == [code for _, code in sorted(ranked, reverse=True)]
