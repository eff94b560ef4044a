"""The table of failure modes is complete, and true."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ROW = re.compile(
    r"^\| (?P<number>\d+) \| (?P<rule>[^|]+) \| (?:`(?P<file>[^`:]+)(?:::(?P<test>\w+))?`|- (?P<reason>.+)) \|$",
    re.MULTILINE,
)
ROWS = list(ROW.finditer((HERE / "README.md").read_text()))


def test_every_number_has_a_row():
    """The failure modes are numbered from 1 to 70, in order, and each has a rule."""
    assert [int(row["number"]) for row in ROWS] == list(range(1, 71))


def test_every_test_that_is_named_is_there():
    """Each row names a file that exists, and a test in it; one without any gives its reason."""
    missing = [row["number"] for row in ROWS if row["file"] and not _is_there(ROOT / row["file"], row["test"])]
    assert missing == []


def _is_there(file, test):
    return file.exists() and (test is None or f"def {test}(" in file.read_text())


def test_what_is_missing_is_noticed(tmp_path):
    """A file that is not there, and a test that is not in it, are not taken for present."""
    file = tmp_path / "test_it.py"
    assert not _is_there(file, None)
    file.write_text("def test_one(): ...")
    assert _is_there(file, "test_one")
    assert not _is_there(file, "test_two")


@pytest.mark.parametrize("file", ["test_stampede.py", "test_invalidation_races.py"])
def test_the_tests_of_this_folder_are_named_and_marked(file):
    """Rows 1 to 28 that name a test of these files name one that is marked with the row's number."""
    source = (HERE / file).read_text()
    for row in ROWS[:28]:
        if row["file"] and row["file"].endswith(file):
            marked = source.split(f"def {row['test']}(")[0].rpartition("\n\n\n")[2]
            numbers = re.findall(r"\d+", marked.partition("scenario(")[2].partition(")")[0])
            assert row["number"] in numbers, row["test"]
