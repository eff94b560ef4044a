"""The file of a process: what is written is what is read, and nothing that is read can break the reader."""

import errno
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._cellfile import CellFile, records, size_for, written

COUNTER = Metric("things_total", "counter", "Things, \u00e0 la carte", ("name",))
HISTOGRAM = Metric("took_seconds", "histogram", "Time", ("first", "second"), (0.1, 1.0))
text = st.text(max_size=10)
rows = st.lists(
    st.tuples(st.just(COUNTER), st.tuples(text), st.lists(st.floats(allow_nan=False), min_size=1, max_size=1))
    | st.tuples(st.just(HISTOGRAM), st.tuples(text, text), st.lists(st.floats(0), min_size=4, max_size=4)),
    max_size=6,
)
FILE = written([(COUNTER, ("a",), [1.0]), (HISTOGRAM, ("a", "b"), [1.0, 2.0, 3.0, 4.0]), (COUNTER, ("c",), [5.0])])


@settings(max_examples=25, deadline=None)
@given(rows=rows)
def test_what_is_written_is_read(rows):
    """Metrics, labels and numbers come back as they were, whatever the labels are."""
    assert list(records(memoryview(written(rows)))) == rows


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, len(FILE) - 1), byte=st.integers(0, 255), length=st.integers(0, len(FILE)))
def test_damage(at, byte, length):
    """A file with a wrong byte, or cut off, is read, or refused with one sort of error, in finite time."""
    damaged = bytearray(FILE)
    damaged[at] = byte
    with suppress(ValueError):
        assert len(list(records(memoryview(bytes(damaged[:length]))))) <= 3


def test_numbers_are_seen_as_they_are_counted(tmp_path):
    """Whoever reads the file sees each series from the moment that it is made, with what it has by then."""
    path = tmp_path / "1.cells"
    sheet = CellFile(path, size_for(10))
    seen = []
    for number in range(3):
        sheet.row(COUNTER, (str(number),))[0] += number
        seen.append([(labels[0], values[0]) for _, labels, values in records(memoryview(path.read_bytes()))])

    assert seen == [[("0", 0)], [("0", 0), ("1", 1)], [("0", 0), ("1", 1), ("2", 2)]]


def test_a_name_is_used_once(tmp_path):
    """A file that is there is never taken over."""
    first = CellFile(tmp_path / "1.cells", size_for(1))
    with pytest.raises(FileExistsError):
        CellFile(first.path, size_for(1))


def test_a_disk_that_gives_less_than_it_was_asked_for(tmp_path, monkeypatch):
    """What a nearly full disk did not give is never touched: a series that has no place there is in memory."""
    left, pwrite = [40_000], os.pwrite

    def nearly_full(file, content, at):
        given = min(len(content), left[0])
        if not given:
            raise OSError(errno.ENOSPC, "no space left on device")
        left[0] -= given
        return pwrite(file, content[:given], at)

    monkeypatch.setattr(os, "pwrite", nearly_full)
    sheet = CellFile(tmp_path / "1.cells", size_for(2000))
    rows = [sheet.row(COUNTER, (str(number),)) for number in range(2000)]
    placed = [row for row in rows if isinstance(row, memoryview)]

    assert 0 < len(placed) < 2000
    assert sheet._used <= sheet._on_disk <= 40_000
    assert len(list(records(memoryview(sheet.path.read_bytes())))) == len(placed)


def test_no_disk_at_all(tmp_path, monkeypatch):
    """A file that has not even room for its header is refused before it is touched."""
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(OSError, match="space"):
        CellFile(tmp_path / "1.cells", size_for(1))


def test_a_finalizer_that_makes_series_while_the_disk_is_asked(tmp_path, monkeypatch):
    """Series that are made in the midst of another one's being made keep their numbers, and none shares its place."""
    sheet, pwrite, late = CellFile(tmp_path / "1.cells", size_for(2000)), os.pwrite, list(range(3))
    reached = [sheet._on_disk]

    def interrupted(file, content, at):
        given = pwrite(file, content, at)
        reached.append(at + given)
        if late:
            number = late.pop()
            for each in range(500):
                sheet.row(COUNTER, (f"late {number} {each}",))[0] += 7
        return given

    monkeypatch.setattr(os, "pwrite", interrupted)
    for number in range(1500):
        sheet.row(COUNTER, (str(number),))[0] += 7
    numbers = [values[0] for _, _, values in records(memoryview(sheet.path.read_bytes()))]

    assert numbers == [7] * 3000
    assert sheet._used <= sheet._on_disk == max(reached)
