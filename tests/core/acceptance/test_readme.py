"""The table of cases is complete, and true."""

import pytest

from core.acceptance import marks

TEXT = marks.TABLE.read_text(encoding="utf-8")
ROWS = list(marks.ROW.finditer(TEXT))
LISTED = "1 2 3 4 5 7 9 10 11 13 15 17 18 19 22 23 26 28 30 31 32 33 34 35 37 40 41 42 43".split()


def test_every_case_has_a_row():
    """Each case and each scenario has one row, in order."""
    assert [row["number"] for row in ROWS] == [*(f"A{n}" for n in LISTED), *(f"C{n}" for n in range(1, 29))]


def test_nothing_is_missing():
    """Each of them has a test."""
    assert [row["number"] for row in ROWS if row["tests"] == "-"] == []


def test_the_table_is_what_the_marks_say():
    """The right column was written by the program, from the marks that there are now."""
    assert marks.written(TEXT) == TEXT, "run: python tests/core/acceptance/marks.py"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('@pytest.mark.scenario("C1", "C2")\ndef test_it(): ...', ["C1", "C2"]),
        ('@pytest.mark.parametrize("a", [pytest.param(1, id="A13 two")])\ndef test_it(a): ...', ["A13"]),
        ('ROWS = [pytest.param(1, id="A13 two")]\n@pytest.mark.parametrize("a", ROWS)\ndef test_it(a): ...', ["A13"]),
        ('ROWS: list = [pytest.param(1, id="A13")]\n@pytest.mark.parametrize("a", ROWS)\ndef test_it(a): ...', ["A13"]),
        ('def test_it():\n    """A13: a rule."""', ["A13"]),
        ('# @pytest.mark.scenario("C1")\ndef test_it():\n    """As A13 has it."""', []),
        ('@pytest.mark.parametrize("a", [pytest.param(1, id="A13.5")])\ndef test_it(a): ...', []),
    ],
    ids=str,
)
def test_cases_are_found(source, found):
    """Marks and ids are found, also in a table above; a comment is none."""
    assert [number for number, _ in marks.cases_of(source)] == found
