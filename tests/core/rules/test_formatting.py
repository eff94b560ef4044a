"""Money as people read it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.money import Money, format_money


@given(st.integers(-(10**13), 10**13), st.sampled_from(["BRL", "JPY", "KWD", "IQD", "RSD", "CLF"]))
def test_nothing_is_lost_in_writing(amount: int, currency: str) -> None:
    """Every unit can be read back from what is shown."""
    shown = "".join(letter for letter in format_money(Money(amount, currency), "en") if letter in "0123456789-.")
    assert Money(amount, currency).to_decimal() == Decimal(shown)


@pytest.mark.parametrize("locale", ["", "klingon", "pt_BR_x y", None, 5])
def test_an_unknown_locale_is_an_error(locale: str) -> None:
    """It says what a locale looks like."""
    with pytest.raises(ValueError, match="not a locale"):
        format_money(Money(1, "BRL"), locale)
