"""The file of a process: what is written is what is read, and nothing that is read can break the reader."""

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
