"""The numbers of a boleto."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.br.boleto import barcode, barcode_of, due_date, due_factor, is_barcode, typeable_line

LINE = "00190.50095 40144.816069 06809.350314 3 37370000000100"  # Banco do Brasil's own example: R$ 1,00
CODE = "00193373700000001000500940144816060680935031"


def test_the_banks_example() -> None:
    """The line that people type and the barcode stand for each other; factor and amount can be read from it."""
    assert CODE == barcode_of(LINE)
    assert LINE.replace(".", "").replace(" ", "") == typeable_line(CODE)
    due = due_date(int(CODE[5:9]), near=date(2008, 1, 1))
    assert date(2007, 12, 31) == due
    assert CODE == barcode(bank="001", due=due, cents=100, free=CODE[19:])


@given(st.dates(date(2000, 7, 3), date(2060, 12, 31)), st.integers(-4000, 4000))
def test_a_factor_means_the_nearest_day(due: date, apart: int) -> None:
    """Within eleven years of the day that is meant, a factor finds it again."""
    near = due + timedelta(days=apart)
    assert 1000 <= due_factor(due) <= 9999
    if near >= date(2000, 7, 3):
        assert due == due_date(due_factor(due), near=near)


@given(
    st.from_regex(r"[0-9]{3}", fullmatch=True),
    st.from_regex(r"[0-9]{25}", fullmatch=True),
    st.integers(0, 10**10 - 1),
    st.dates(date(2000, 7, 3), date(2060, 12, 31)),
    st.integers(0, 31),  # within the three fields: beyond them the check digit has one value for three rests
)
def test_a_wrong_digit_is_found(bank: str, free: str, cents: int, due: date, place: int) -> None:
    """Whatever is billed, the line leads back to the barcode; the amount is in it."""
    code = barcode(bank=bank, due=due, cents=cents, free=free)
    assert is_barcode(code)
    assert code == barcode_of(typeable_line(code))
    assert cents == int(code[9:19])
    line = typeable_line(code)
    other = str((int(line[place]) + 1) % 10)
    with pytest.raises(ValueError, match="not the line"):
        barcode_of(line[:place] + other + line[place + 1 :])


@pytest.mark.parametrize(
    ("act", "match"),
    [
        (lambda: due_factor(date(2000, 7, 2)), "2000-07-03"),
        (lambda: due_date(999, near=date(2026, 1, 1)), "between 1000 and 9999"),
        (lambda: due_date("1000", near=date(2026, 1, 1)), "between 1000 and 9999"),
        (lambda: barcode(bank="1", due=date(2026, 1, 1), cents=1, free="0" * 25), "bank must be 3"),
        (lambda: barcode(bank="001", due=date(2026, 1, 1), cents=1, free="0" * 24), "free must be 25"),
        (lambda: barcode(bank="001", due=date(2026, 1, 1), cents=-1, free="0" * 25), "cents must be"),
        (lambda: barcode(bank="001", due=date(2026, 1, 1), cents=10**10, free="0" * 25), "cents must be"),
        (lambda: typeable_line(CODE[:-1] + "2"), "not the barcode"),
        (lambda: typeable_line("٤" * 44), "not the barcode"),
        (lambda: barcode_of(LINE[:-1]), "not the line"),
        (lambda: barcode_of(LINE[:-1] + "1"), "not the line"),
        (lambda: barcode_of("1" + LINE[1:]), "not the line"),
    ],
)
def test_what_is_no_boleto_is_refused(act: object, match: str) -> None:
    """Earlier days, other lengths and wrong check digits are errors that say so."""
    with pytest.raises(ValueError, match=match):
        act()  # type: ignore[operator]
