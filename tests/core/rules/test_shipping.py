"""Rates by weight and value."""

import pytest

from mestres_core.rules.shipping import BRAZIL, Rate

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
