"""What travels: who may have written it, what it was written for, and how much room it may take."""

import random
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf import Cache
from mestres_perf.cache import _serializer
from mestres_perf.cache._frame import COMPRESSED, SIGNED, Frame
from mestres_perf.cache._seal import Seal
from mestres_perf.cache._serializer import Serializer
from mestres_perf.errors import CodecError, ConfigurationError

SECRET = b"0123456789abcdef"
OTHER = b"fedcba9876543210"
STAMP, VERSIONS = b"s" * 8, {"": b"v" * 8, "catalog": b"w" * 8}
PLACE = "{shop:key}:v"


def written(serializer, value, place=PLACE):
    """What a serializer would store."""
    content = serializer.encode(value)
    return serializer.pack(place, content, stamp=STAMP, versions=VERSIONS, stale=5, took=0.25)


def read(serializer, data, place=PLACE):
    """What a serializer makes of it; None for no value."""
    frame = serializer.unpack(place, data)
    if frame is None:
        return None
    try:
        return serializer.decode(frame)
    except CodecError:
        return None


CONFIGURED = {
    "json": {},
    "signed json": {"secret": SECRET},
    "signed pickle": {"secret": SECRET, "codec": "pickle"},
    "another secret": {"secret": OTHER},
    "signed pickle, another secret": {"secret": OTHER, "codec": "pickle"},
}


@pytest.mark.parametrize("writer", CONFIGURED)
@pytest.mark.parametrize("reader", CONFIGURED)
@pytest.mark.parametrize("value", [{"a": [1]}, "x" * 100_000], ids=["short", "compressed"])
def test_each_reads_its_own(writer, reader, value):
    """A cache reads what one configured as it is has written; what any other has written is a rejected read."""
    data, serializer = written(Serializer(**CONFIGURED[writer]), value), Serializer(**CONFIGURED[reader])

    assert read(serializer, data) == (value if reader == writer else None)
    assert serializer.rejected == (reader != writer)


@pytest.mark.parametrize("reader", CONFIGURED)
@pytest.mark.parametrize("writer", CONFIGURED)
def test_bytes_need_the_same_secret_too(writer, reader):
    """Bytes are the same for each codec, believed with the right signature only, or without one where none is asked."""
    data, serializer = written(Serializer(**CONFIGURED[writer]), b"body"), Serializer(**CONFIGURED[reader])
    is_same = CONFIGURED[writer].get("secret") == CONFIGURED[reader].get("secret")

    assert read(serializer, data) == (b"body" if is_same else None)


def test_the_head_comes_back():
    """Stamp, versions, and both durations in milliseconds are those that were given."""
    for options in CONFIGURED.values():
        frame = Serializer(**options).unpack(PLACE, written(Serializer(**options), 1))
        assert (frame.stamp, frame.versions, frame.stale, frame.took) == (STAMP, VERSIONS, 5000, 250)


@pytest.mark.parametrize("codec", ["json", "pickle"])
def test_no_bit_can_be_changed(codec):
    """With a secret each flipped bit is noticed: of stamp, flags, times, tags, versions, content, signature."""
    serializer = Serializer(codec, secret=SECRET)
    data = written(serializer, {"a": 1})
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        assert serializer.unpack(PLACE, bytes(changed)) is None
    assert serializer.rejected == len(data) * 8


def test_no_part_can_be_cut_off_or_added():
    """With a secret a frame that is shorter or longer than it was written is no frame."""
    serializer = Serializer(secret=SECRET)
    data = written(serializer, {"a": 1})
    for end in range(len(data)):
        assert serializer.unpack(PLACE, data[:end]) is None
        assert serializer.unpack(PLACE, data[end + 1 :]) is None
    assert serializer.unpack(PLACE, data + b"\0") is None


def test_a_frame_belongs_to_its_key():
    """A frame that was moved to another key, or to a cache of another name, is no frame."""
    serializer = Serializer(secret=SECRET)
    data = written(serializer, 1, "{shop:a}:v")

    assert read(serializer, data, "{shop:a}:v") == 1
    for place in ("{shop:b}:v", "{other:a}:v", "{shop:a}:", "{shop:a}:vM", ""):
        assert serializer.unpack(place, data) is None


def test_where_the_name_ends():
    """The signature tells the name of a key from the frame behind it: no byte can pass from one to the other."""
    assert len({Seal(SECRET).sign(*each) for each in (("ab", b"c"), ("a", b"bc"), ("", b"abc"), ("abc", b""))}) == 4


def test_an_unsigned_frame_cannot_call_itself_signed():
    """The flag that says whether there is a signature decides nothing: a secret always asks for one."""
    serializer = Serializer(secret=SECRET)
    for flags in (0, SIGNED):
        frame = Frame(STAMP, flags, b"j", 0, 0, VERSIONS, b"1").pack()
        assert serializer.unpack(PLACE, frame) is None
        assert serializer.unpack(PLACE, frame + b"\0" * 32) is None


def test_secrets_are_rotated():
    """The first secret signs and all are believed, so that a new one may be put in front of the old one."""
    old, both, new = Serializer(secret=OTHER), Serializer(secret=[SECRET, OTHER]), Serializer(secret=(SECRET,))

    assert read(both, written(old, 1)) == 1
    assert read(both, written(new, 1)) == 1
    assert read(new, written(both, 1)) == 1
    assert read(old, written(both, 1)) is None


def test_text_is_a_secret_too():
    """A secret of text is its UTF-8; one that is longer than the hash's key still counts to its last letter."""
    assert read(Serializer(secret=SECRET), written(Serializer(secret=SECRET.decode()), 1)) == 1
    assert read(Serializer(secret="x" * 99 + "a"), written(Serializer(secret="x" * 99 + "b"), 1)) is None


WRONG = [
    ({"codec": "pickle"}, "needs secret"),
    ({"codec": "yaml", "secret": SECRET}, "'json' or 'pickle'"),
    ({"codec": None}, "'json' or 'pickle'"),
    ({"secret": b"short"}, "at least 16 bytes"),
    ({"secret": ""}, "at least 16 bytes"),
    ({"secret": "x" * 15}, "at least 16 bytes"),
    ({"secret": [SECRET, b"short"]}, "at least 16 bytes"),
    ({"secret": [SECRET, None]}, "at least 16 bytes"),
    ({"secret": []}, "sequence"),
    ({"secret": 5}, "sequence"),
    ({"secret": {SECRET}}, "sequence"),
    ({"compress_over": -1}, "number of bytes"),
    ({"compress_over": "1 kB"}, "number of bytes"),
    ({"compress_over": True}, "number of bytes"),
    ({"types": 5}, "sequence of classes"),
    ({"types": [dict]}, "dataclasses"),
    ({"types": [[]]}, "dataclasses"),
    ({"codec": "pickle", "secret": SECRET, "types": [dict]}, "for codec='json'"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_wrong_arguments(options, says):
    """What makes no sense is refused when the cache is made, without Redis too, and no secret is in the message."""
    with pytest.raises(ConfigurationError, match=says) as refused:
        Cache("shop", **options)
    assert "short" not in str(refused.value)


def test_what_is_large_is_compressed():
    """Above the limit a value takes less room, at the limit and without one it is as it was; it comes back the same."""
    text = "abc" * 1000
    sizes = {over: len(written(Serializer(compress_over=over), text)) for over in (None, 3002, 3001, 0)}

    assert sizes[None] == sizes[3002] > 3000
    assert sizes[3001] == sizes[0] < 300
    for over in sizes:
        assert read(Serializer(compress_over=None), written(Serializer(compress_over=over), text)) == text


def test_what_gets_no_smaller_is_left_alone():
    """What cannot be compressed travels as it is, and of a large body only the beginning is tried."""
    noise = random.Random(1).randbytes(4096)
    for body in (noise[:50], noise * 5, noise + b"a" * 20_000):
        flags, _, data = Serializer(compress_over=0).encode(body)
        assert (flags, data) == (0, body)


def bomb(size, *, secret=None):
    """A frame that says it is compressed, of so many bytes when it is not."""
    press, megabyte = zlib.compressobj(9), b"\0" * 2**20
    first, other = (press.compress(megabyte) + press.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    content = first + other * (size // 2**20 - 1) + press.flush()
    packer = Serializer(secret=secret)
    return packer.pack(PLACE, (COMPRESSED, b"b", content), stamp=STAMP, versions=VERSIONS, stale=0, took=0)


@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_bomb_stays_small(secret):
    """A megabyte that would become a gigabyte is a miss, with memory for the most that is unpacked and no more."""
    data, serializer = bomb(2**30, secret=secret), Serializer(secret=secret)
    assert len(data) < 1.1 * 2**20

    tracemalloc.start()
    try:
        assert read(serializer, data) is None
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 3 * _serializer._MOST_BYTES
    assert serializer.rejected == 1


def test_a_bomb_that_is_not_signed_is_not_unpacked():
    """With a secret nothing is decompressed before it is believed."""
    data, serializer = bomb(2**26), Serializer(secret=SECRET)
    tracemalloc.start()
    try:
        assert read(serializer, data) is None
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_what_is_written_can_be_read(monkeypatch):
    """A value of just the most that is unpacked comes back; a larger one is not compressed, and comes back as well."""
    monkeypatch.setattr(_serializer, "_MOST_BYTES", 50_000)
    serializer = Serializer()
    for size, flags in ((49_999, COMPRESSED), (50_000, COMPRESSED), (50_001, 0)):
        assert serializer.encode(b"a" * size)[0] == flags
        assert read(serializer, written(serializer, b"a" * size)) == b"a" * size


@pytest.mark.parametrize("content", [b"", b"no zlib", zlib.compress(b"1")[:-1], zlib.compress(b"1") + b"1"])
def test_compressed_damage(content):
    """What says that it is compressed and is not, is cut off, or has something behind it, is a miss."""
    serializer = Serializer()
    data = serializer.pack(PLACE, (COMPRESSED, b"j", content), stamp=STAMP, versions=VERSIONS, stale=0, took=0)

    assert read(serializer, data) is None
    assert serializer.rejected == 1


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda rest: b"M3" + rest), st.sampled_from(list(CONFIGURED.values())))
def test_anything_may_be_read(data, options):
    """Random bytes are never an error; without a valid signature they are never a value where one is asked for."""
    serializer = Serializer(**options)
    value = read(serializer, data)

    if "secret" in options:
        assert value is None
        assert serializer.rejected == 1


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 7))
def test_a_flipped_bit_is_never_an_error(at, bit):
    """Without a secret a changed byte is a value or a miss."""
    serializer = Serializer(compress_over=50)
    data = bytearray(written(serializer, {"a": "b" * 100, "c": (1, 2)}))
    data[at % len(data)] ^= 1 << bit
    read(serializer, bytes(data))
