"""The table of failure modes is complete, and true."""

import pytest

from perf.resilience import marks

ROWS = list(marks.ROW.finditer(marks.TABLE.read_text(encoding="utf-8")))
TESTS = marks.marked()


def test_every_number_has_a_row():
    """Each failure mode has one row, in order, and no row is of another number."""
    assert [row["number"] for row in ROWS] == marks.NUMBERS


def test_every_row_names_a_test_that_carries_its_number():
    """The test that a row names is there and is marked with the row's number."""
    wrong = [
        row["number"]
        for row in ROWS
        if row["file"] and f"{row['file']}::{row['test']}" not in TESTS.get(row["number"], [])
    ]
    assert wrong == []


def test_nothing_is_missing():
    """Each failure mode has a test."""
    without = {row["number"] for row in ROWS if not row["file"]}
    assert not without


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('@pytest.mark.scenario("B1")\n@pytest.mark.scenario("B2", "B3")\ndef test_it(): ...', ["B1", "B2", "B3"]),
        ('class TestIt:\n    @pytest.mark.scenario("B1")\n    async def test_it(self): ...', ["B1"]),
        ('# @pytest.mark.scenario("B1")\ndef test_it(): ...', []),
        ('@pytest.mark.process\ndef test_it():\n    """B1"""', []),
    ],
)
def test_marks_are_read(source, found):
    """Marks of functions and methods are found, whatever stands between; a comment is none."""
    assert sorted(number for number, test in marks.marks_of(source) if test == "test_it") == found
