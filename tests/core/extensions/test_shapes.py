"""What a shop is extended with is looked at when it is opened."""

import pytest

from mestres_core import Config
from mestres_core.providers.fake import FakeCard


class Nothing:
    """An object that can do nothing."""


WRONG = [
    ({"prices": Nothing()}, "prices: Nothing has no resolve(); see mestres_core.typing.PriceResolver"),
    ({"tax": Nothing()}, "TaxCalculator"),
    ({"shipping": Nothing()}, "ShippingRater"),
    ({"allocator": Nothing()}, "StockAllocator"),
    ({"numbers": Nothing()}, "OrderNumberGenerator"),
    ({"reservations": Nothing()}, "ReservationPolicy"),
    ({"rounding": Nothing()}, "RoundingPolicy"),
    ({"clock": Nothing()}, "Clock"),
    ({"ids": Nothing()}, "ids: Nothing has no token(), order_number()"),
    ({"providers": [FakeCard(), Nothing()]}, r"providers\[1\]: Nothing has no name, methods, charge\(\)"),
    ({"providers": [FakeCard]}, "the class itself: give FakeCard"),
    ({"sinks": [Nothing()]}, r"sinks\[0\]"),
    ({"conditions": {"mine": Nothing()}}, "a class, or a function that makes one"),
    ({"conditions": [Nothing]}, "a mapping from words"),
    ({"merge_policies": {"mine": Nothing()}}, "CartMergePolicy"),
]


@pytest.mark.parametrize(
    ("settings", "says"), WRONG, ids=lambda value: "".join(value) if isinstance(value, dict) else ""
)
def test_what_lacks_something_is_named(settings, says):
    """The setting, what is missing, and the protocol to look at."""
    with pytest.raises(TypeError, match=says.replace("(", r"\(").replace(")", r"\)") if "\\" not in says else says):
        Config(**settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"conditions": {"amount": Nothing}}, "has this word already"),
        ({"actions": {"percent": Nothing}}, "has this word already"),
        ({"merge_policies": {"sum": Nothing()}}, "has this word already"),
        ({"actions": {"two words": Nothing}}, "a word is"),
        ({"actions": {3: Nothing}}, "a word is"),
        ({"providers": [FakeCard(), FakeCard()]}, "two are called 'card'"),
    ],
)
def test_words_that_are_taken_or_none(settings, says):
    """The shop's own words cannot be changed under it, and no two providers have one name."""
    with pytest.raises(ValueError, match=says):
        Config(**settings)


def test_a_shops_words_are_all_known():
    """The list of words that are taken is that of the reader."""
    from mestres_core.errors import FieldError
    from mestres_core.promotions.definitions import ACTIONS, CONDITIONS, read_actions, read_conditions
    from mestres_core.rules.checks import Checks

    for read, words in ((read_conditions, CONDITIONS), (read_actions, ACTIONS)):
        checks = Checks()
        read(checks, [{"type": "none of them"}])
        error: FieldError = checks.errors[0]
        assert dict(error.data)["choices"] == ", ".join(words)
