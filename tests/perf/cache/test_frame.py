"""A frame is read as it was written, and whatever else stands in Redis is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf.cache._frame import Frame, unpack
from mestres_perf.errors import CodecError

FRAMES = st.builds(
    Frame,
    st.binary(min_size=8, max_size=8),
    st.integers(0, 3),
    st.binary(min_size=1, max_size=1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.text(st.characters(exclude_characters="\n")), st.binary(min_size=8, max_size=8), max_size=4),
    st.binary(),
)


@settings(deadline=None)
@given(FRAMES, st.binary(max_size=40))
def test_round_trip(frame, signature):
    """What was packed is unpacked, up to where the signature begins."""
    data = frame.pack()

    assert unpack(data) == frame
    assert unpack(data + signature, len(data)) == frame
    assert data[2:10] == frame.stamp, "the script compares these"


@settings(deadline=None)
@given(FRAMES, st.data())
def test_a_frame_that_is_cut_off(frame, data):
    """A frame without its content's beginning is refused wherever it is cut."""
    head = frame._replace(content=b"").pack()
    with pytest.raises(CodecError):
        unpack(head[: data.draw(st.integers(0, len(head) - 1))])


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda rest: b"M3" + rest))
def test_anything_may_be_read(data):
    """Random bytes are a frame or a CodecError, never anything else."""
    try:
        frame = unpack(data)
    except CodecError:
        return
    assert frame.pack() == data


def test_other_versions():
    """A frame of the version before, and one with a flag that this one does not know, are refused."""
    data = Frame(b"s" * 8, 0, b"j", 0, 0, {"": b"v" * 8}, b"1").pack()
    for other in (b"M2" + data[2:], data[:10] + b"\x04" + data[11:]):
        with pytest.raises(CodecError, match="another version"):
            unpack(other)


def test_a_tag_that_is_named_twice():
    """A tag with two versions is refused: only one of them would be compared."""
    data = Frame(b"s" * 8, 0, b"j", 0, 0, {"a": b"1" * 8, "b": b"2" * 8}, b"1").pack()
    with pytest.raises(CodecError, match="twice"):
        unpack(data.replace(b"a\nb", b"a\na"))


def test_more_than_it_can_hold():
    """One tag too many is refused when it is written."""
    with pytest.raises(CodecError, match="at most"):
        Frame(b"s" * 8, 0, b"j", 0, 0, {str(n): b"1" * 8 for n in range(65_536)}, b"1").pack()
