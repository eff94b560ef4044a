"""To bytes and back, the same; nothing that is read can run code."""

import json
import math
import pickle
import sys
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum, StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf.cache._codec import JsonCodec, PickleCodec
from mestres_perf.cache._words import is_plain
from mestres_perf.errors import CodecError

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**66),
    st.floats(allow_nan=False),
    st.text(),
    st.text(st.characters()),  # lone surrogates, too
    st.sampled_from(["$", "\ud800", '"$":', "v"]),
)
OTHERS = st.one_of(
    st.binary(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.times(),
    st.timedeltas(),
    st.uuids(),
)
NAMES = st.one_of(st.text(), st.sampled_from(["$", "v"]))
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(NAMES, inner)),
    max_leaves=12,
)
VALUES = st.recursive(
    st.one_of(LEAVES, OTHERS),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(NAMES, inner),
        st.dictionaries(st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False)), inner),
        st.frozensets(OTHERS),
        st.sets(OTHERS),
    ),
    max_leaves=8,
)


def without_msgspec():
    """A codec of a process in which msgspec is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec", None)
        codec = JsonCodec()
        assert codec._text.loads.__module__ == "mestres_perf.cache._text"
        assert "quick" not in codec._text.loads.__name__
    return codec


def with_msgspec():
    """A codec of a process in which it is."""
    codec = JsonCodec()
    assert "quick" in codec._text.loads.__name__
    return codec


BOTH = (with_msgspec(), without_msgspec())


def spelled(value):
    """A value with the types of all its parts: True is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return dict, [(spelled(name), spelled(item)) for name, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), {spelled(item) for item in value}
    if isinstance(value, (list, tuple)):
        return type(value), tuple(spelled(item) for item in value)
    if isinstance(value, (datetime, time)):
        return type(value), value.isoformat(), value.fold, getattr(value.tzinfo, "key", None)
    return type(value), repr(value)


@pytest.mark.parametrize("values", [PLAIN, VALUES], ids=["plain", "any"])
def test_round_trip(values):
    """Every value comes back equal, with the types of all its parts, whichever of the two processes has msgspec."""

    @settings(deadline=None)
    @given(values)
    def holds(value):
        for writer in BOTH:
            for reader in BOTH:
                assert spelled(reader.decode(*writer.encode(value))) == spelled(value)

    holds()


@settings(deadline=None)
@given(PLAIN)
def test_one_format(value):
    """With msgspec and without the same letter is written, and JSON that means the same."""
    (letter, quick), (other, plain) = (codec.encode(value) for codec in BOTH)

    assert letter == other
    assert spelled(json.loads(quick.decode("utf-8", "surrogatepass"))) == spelled(
        json.loads(plain.decode("utf-8", "surrogatepass"))
    )


@pytest.mark.parametrize("codec", BOTH)
def test_types_are_kept(codec):
    """A tuple stays a tuple, a dict with the codec's own word in it stays itself, NaN stays NaN."""
    value = {"$": (1, [2], {3}), "when": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), 5: timedelta(1)}
    value["more"] = [Decimal("1.10"), UUID(int=7), b"\0", {"$": 1}, math.inf, -0.0, {True: 1}]
    value["zone"] = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    value["offset"] = time(3, 4, tzinfo=timezone(timedelta(hours=-3)))

    assert spelled(codec.decode(*codec.encode(value))) == spelled(value)
    assert math.isnan(codec.decode(*codec.encode([math.nan]))[0])


@pytest.mark.parametrize("codec", [*BOTH, PickleCodec()])
def test_bytes_travel_raw(codec):
    """A value of bytes is stored as those bytes."""
    body = bytes(range(256))

    assert codec.encode(body) == (b"b", body)
    assert codec.decode(b"b", body) == body


class Level(IntEnum):
    LOW = 1


class Colour(StrEnum):
    RED = "red"


class Name(str):
    __slots__ = ()


class Zone(tzinfo):
    def utcoffset(self, when):
        return timedelta(0)


OF_A_KIND = [
    Level.LOW,
    Colour.RED,
    Name("n"),
    OrderedDict(a=1),
    bytearray(b"a"),
    1j,
    range(3),
    type("Strange", (), {})(),
]


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize("value", OF_A_KIND, ids=lambda value: type(value).__name__)
def test_what_would_not_come_back_is_refused(codec, value):
    """What JSON, or msgspec, would quietly turn into something similar is refused by its type's name, however deep."""
    for each in (value, [value], {"a": [1, {"b": value}]}, (value,), {"a": {1, 2}, "b": value}):
        with pytest.raises(CodecError, match=type(value).__name__):
            codec.encode(each)


@pytest.mark.parametrize("codec", BOTH)
def test_each_key_is_looked_at(codec):
    """A key that is of a class like text is refused, also when another dict has an equal key that is text."""
    for value in ({Name("n"): 1}, [{"n": 1}, {Name("n"): 1}], [{Name("n"): 1}, {"n": 1}]):
        with pytest.raises(CodecError, match="Name"):
            codec.encode(value)


def test_a_class_is_told_to_be_declared():
    """A class that could travel is refused with the argument that lets it; one that cannot is told what can."""
    with pytest.raises(CodecError, match=r"types=\(Colour,\)"):
        BOTH[0].encode(Colour.RED)
    with pytest.raises(CodecError, match="cache plain data"):
        BOTH[0].encode(range(3))


@pytest.mark.parametrize("codec", BOTH)
def test_what_has_no_end_is_refused(codec):
    """A value that holds itself, is nested without measure, or is a number of ten thousand digits is refused."""
    itself = [1]
    itself.append(itself)
    deep = "deep"
    for _ in range(100_000):
        deep = [deep]

    twice, thousand = [], {}
    twice += [twice, twice]
    thousand.update(dict.fromkeys(map(str, range(999)), thousand))

    for value in (itself, {"a": itself}, twice, thousand, [[twice], thousand], deep, 10**10_000, [10**10_000]):
        with pytest.raises(CodecError):
            codec.encode(value)
    with pytest.raises(CodecError, match="zone"):
        codec.encode(datetime(2026, 1, 2, tzinfo=Zone()))


@pytest.mark.parametrize("codec", BOTH)
def test_wide_values_come_back(codec, monkeypatch):
    """Values too wide for the quick look go the slow way, and come back the same."""
    monkeypatch.setattr("mestres_perf.cache._words._WIDEST", 100)
    for size in (98, 99, 100, 101):
        keys = list(map(str, range(size)))
        for value in (["x"] * size, [{"a": size}] * size, {key: [1.5] for key in keys}):
            assert codec.decode(*codec.encode(value)) == value
        with pytest.raises(CodecError, match="Level"):
            codec.encode([*[{}] * size, Level.LOW])
        with pytest.raises(CodecError, match="Name"):
            codec.encode([{**{key: [] for key in keys}, Name("n"): []}])


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize("depth", [150, 199, 200, 201, 250])
def test_deep_values_come_back(codec, depth):
    """Where the quick look ends the slow one goes on: depth makes no difference to what comes back."""
    value = 1
    for _ in range(depth):
        value = [value, "x"]

    assert codec.decode(*codec.encode(value)) == value


@settings(deadline=None)
@given(PLAIN, st.sampled_from([(1,), {1}, b"x", Decimal(1), math.nan, math.inf, Level.LOW, {1: 2}, {"$": 1}]))
def test_only_what_is_plain_is_plain(value, strange):
    """Whatever JSON would not give back makes the whole value one that is not plain."""
    with suppress(TypeError):
        assert is_plain(value) == (b'{"$":' not in BOTH[1].encode(value)[1])
    assert not is_plain([value, strange])
    assert not is_plain({"a": [value, {"b": strange}]})


@settings(deadline=None)
@given(st.sampled_from([b"j", b"w", b"b", b"p", b"", b"?"]), st.binary() | VALUES.map(lambda v: BOTH[0].encode(v)[1]))
def test_anything_may_be_read(letter, data):
    """Whatever stands in Redis is a value or a CodecError, never anything else."""
    for codec in BOTH:
        with suppress(CodecError):
            codec.decode(letter, data)


WRONG = [
    '{"$":"UUID","v":5}',
    '{"$":["x"],"v":5}',
    '{"$":"dict","v":[[[],1]]}',
    '{"$":"set","v":[[]]}',
    '{"$":"no","v":1}',
]


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize("text", [*WRONG, '{"$":"timedelta","v":[1e300]}', '{"$":"tuple"}', "[" * 100_000, '"', ""])
def test_wrong_words(codec, text):
    """Words with parts that make no sense are damage."""
    with pytest.raises(CodecError):
        codec.decode(b"w", text.encode())


RUN = []


def explode(what):
    RUN.append(what)


class Bomb:
    def __reduce__(self):
        return (explode, ("run",))


def test_a_pickle_is_not_run():
    """The JSON codec runs no pickle, whatever letter it comes with."""
    bomb = pickle.dumps(Bomb())
    for codec in BOTH:
        for letter in (b"p", b"j", b"w"):
            with pytest.raises(CodecError):
                codec.decode(letter, bomb)
        assert codec.decode(b"b", bomb) == bomb

    assert RUN == []
    PickleCodec().decode(b"p", bomb)
    assert RUN == ["run"], "the bomb would have worked"


def test_pickle_round_trip():
    """A pickle brings any object back; what cannot be pickled, and what other code has pickled, is a CodecError."""
    codec = PickleCodec()

    assert codec.decode(*codec.encode([Level.LOW, {1j}])) == [Level.LOW, {1j}]
    with pytest.raises(CodecError, match="function"):
        codec.encode(lambda: 1)
    for data in (b"", b"\x80\x05cnowhere\nNothing\n.", pickle.dumps(Level.LOW).replace(b"Level", b"Lever")):
        with pytest.raises(CodecError):
            codec.decode(b"p", data)
    with pytest.raises(CodecError):
        codec.decode(b"j", b"1")
