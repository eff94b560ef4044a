"""To bytes and back, the same; nothing that is read can run code."""

import pickle
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_perf.cache._codec import decode, encode
from mestres_perf.errors import CodecError

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.uuids(),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.integers(), inner),
        st.frozensets(PLAIN),
    ),
    max_leaves=8,
)


@given(VALUES)
def test_round_trip(value):
    """Every value comes back equal and of the same type."""
    back = decode(encode(value))

    assert value == back
    assert type(value) is type(back)


def test_types_are_kept():
    """A tuple stays a tuple, a dict with the codec's own word in it stays itself."""
    value = {"$": (1, [2], {3}), "when": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), 5: timedelta(1)}
    value["more"] = [Decimal("1.10"), UUID(int=7), b"\0"]

    assert value == decode(encode(value))


def test_what_would_not_come_back_is_refused():
    """An object that cannot come back the same is refused by its type's name."""
    with pytest.raises(CodecError, match="Strange"):
        encode([type("Strange", (), {})()])


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))


@given(st.binary())
def test_anything_may_be_read(data):
    """Whatever stands in Redis is a value or a CodecError, never anything else."""
    for bytes_ in (data, b"M1" + data):
        with suppress(CodecError):
            decode(bytes_)


def test_a_pickle_is_not_run():
    """Pickled code is no value of ours."""
    with pytest.raises(CodecError):
        decode(pickle.dumps(Bomb()))
