"""Failure modes 40 to 49 and 70: keys that collide or escape, values that are damaged, forged, changed or used up."""

import gc
import io
import itertools
import pickle
import struct
import sys
import threading
import weakref
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf.cache._keys import freeze, name_of
from mestres_perf.errors import CodecError, ConfigurationError, KeyArgumentError, UncacheableError
from perf.faces import FACES


@pytest.fixture
def pair(each_redis):
    """Makes two nodes on one Redis, the first of them for threads or for tasks."""
    url, protocol = each_redis
    made = []

    def make(face, name="shop", **options):
        here, there = (
            Cache(name, redis=Redis(url, timeout=5.0, protocol=protocol), backplane=False, trust=1e-9, **options)
            for _ in range(2)
        )
        made.extend((face(here), there))
        return made[-2], made[-1]

    yield make
    for each in made:
        each.close()


DIFFERENT = [
    (1,), ("1",), (True,), (1.0,), (Decimal(1),), (None,), ("",), ("None",), (b"a",), ("a",), (b"",), ((1, 2),),
    ([1, 2],), ({1, 2},), (frozenset({1, 2}),), ({"a": 1},), ({"a": "1"},), (((1,), 2),), ((1, (2,)),), ("x:y", "z"),
    ("x", "y:z"), ("1:x",), ("}{\r\n*",), ("\ud800",), ("\\ud800",), (2**61,), (str(2**61),), (hex(2**61),), (1j,),
    ((hex(2**61),),), (-(2**61),), (Decimal(10) ** 30,), (10**30,),
]  # fmt: skip
EQUAL = [
    (0.0, -0.0),
    (Decimal("1.0"), Decimal("1.00")),
    (Decimal("1E+30"), Decimal(10) ** 30),
    (Decimal("0E-30"), Decimal("-0")),
    (datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=-3)))),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (10**5000, 10**4999 * 10),
]


@pytest.mark.scenario(40)
@pytest.mark.parametrize("face", FACES)
def test_no_two_calls_share_a_value(pair, face):
    """Calls that differ in the type, the place or the grouping of an argument differ in what they are given, here and
    in another process."""
    here, there = pair(face)
    arguments = [(one, two) for one, two in ((*each, None) if len(each) == 1 else each for each in DIFFERENT)]

    def tell(one, two):
        return repr((one, two))

    function = here.decorate(tell)
    for each in arguments:
        assert here.call(function, *each) == repr(each)
    keys = {function.key(*each) for each in arguments}
    assert len(keys) == len(arguments)
    for each in arguments:
        assert there.get(function.key(*each)) == repr(each)


@pytest.mark.scenario(40)
@pytest.mark.parametrize(("one", "same"), EQUAL, ids=[type(one).__name__ + str(n) for n, (one, _) in enumerate(EQUAL)])
@pytest.mark.parametrize("face", FACES)
def test_equal_arguments_are_one_key_everywhere(redis_db, face, one, same):
    """What Python calls equal and is of one type has one key, here and in Redis: to delete one deletes the other."""
    assert one == same
    node = face(Cache("shop", redis=Redis(redis_db, timeout=5.0), backplane=False, trust=1e-9))
    assert freeze(one) == freeze(same)
    assert name_of(freeze(one)) == name_of(freeze(same))
    node.set(one, 1)
    assert node.get(same) == 1
    node.delete(same)
    assert node.get(one) is MISS
    calls = []
    function = node.decorate(lambda argument: calls.append(argument is None))
    node.call(function, one)
    node.call(function, same)
    assert len(calls) == 1
    node.close()


@pytest.mark.scenario(40)
@pytest.mark.parametrize("face", FACES)
def test_spelled_out_defaults_and_the_order_of_keywords(pair, face):
    """However a call is written, it is the same call."""
    here, _ = pair(face)
    calls = []

    def load(a, b=2, *, c=3, d=4):
        calls.append((a, b, c, d))
        return len(calls)

    function = here.decorate(load)
    assert here.call(function, 1) == 1
    assert here.call(function, 1, 2) == here.call(function, a=1, b=2) == here.call(function, b=2, a=1) == 1
    assert here.call(function, 1, d=4, c=3) == here.call(function, c=3, b=2, d=4, a=1) == 1
    assert here.call(function, 1, c=4, d=3) == 2


def colours(module):
    kinds = Enum("Colour", ["RED"], module=module), IntEnum("Number", ["ONE"], module=module)
    return [kinds[0].RED, kinds[1].ONE]


@pytest.mark.scenario(40)
def test_types_of_one_name_in_two_modules():
    """Two enums, or two classes with a name of their own, that are called the same in two modules are not the same."""
    for here, there in zip(colours("shop.a"), colours("shop.b"), strict=True):
        assert freeze(here) != freeze(there)
        assert name_of(freeze(here)) != name_of(freeze(there))

    def kind(module):
        named = {"__cache_key__": lambda self: 1, "__hash__": None, "__module__": module}
        return type("Product", (), named)()

    assert freeze(kind("shop.a")) != freeze(kind("shop.b"))
    assert freeze(kind("shop.a")) == freeze(kind("shop.a"))


STRANGE = [
    "}",
    "{",
    "{}",
    "{other}",
    "*",
    "a\r\nb",
    "\x00",
    "\ud800",
    " ",
    "x" * 10_000_000,
    "ç" * 300,
    "GET k\r\n",
    "?",
]


@pytest.mark.scenario(41)
@pytest.mark.parametrize("face", FACES)
def test_strange_keys_mean_nothing_to_redis(pair, each_redis, face):
    """Braces, line breaks, globs, lone surrogates, ten megabytes: each is a key, of 32 letters in Redis."""
    import redis

    here, there = pair(face)
    for number, key in enumerate(STRANGE):
        here.set(key, number)
    assert [there.get(key) for key in STRANGE] == list(range(len(STRANGE)))
    with redis.Redis.from_url(each_redis[0]) as client:
        names = [key.decode() for key in client.keys("{shop:*}:v")]
    assert len(names) == len(STRANGE)
    assert all(name[6:-3].isalnum() and len(name) == 41 for name in names)
    here.delete("*")
    assert [there.get(key) is MISS for key in STRANGE] == [key == "*" for key in STRANGE]


@pytest.mark.scenario(41)
@pytest.mark.parametrize("face", FACES)
def test_strange_tags_are_tags(pair, face):
    """A tag may be any text of one line; each invalidates what has it, here and elsewhere, and nothing else."""
    here, there = pair(face)
    tags = [tag for tag in STRANGE if "\n" not in tag and len(tag) < 1000]
    for tag in tags:
        here.set(f"of {tag}", tag, tags=[tag])
    for position, tag in enumerate(tags):
        here.invalidate_tags(tag)
        left = [there.get(f"of {each}") is MISS for each in tags]
        assert left == [index <= position for index in range(len(tags))]
    with pytest.raises(ConfigurationError, match="line breaks"):
        here.set("k", 1, tags=["a\nb"])
    here.set("k", 1, tags=["x" * 70_000])
    here.invalidate_tags("x" * 70_000)
    assert there.get("k") is MISS


@pytest.mark.scenario(41)
@pytest.mark.parametrize("name", ["", "a{b", "a}b", "a\nb", "a:t", "a:t:b"])
def test_names_of_caches_that_would_mean_something_else(name):
    """A cache's name that Redis, or another cache's tags, would take for something else is refused."""
    with pytest.raises(ConfigurationError, match="name"):
        Cache(name)


@pytest.mark.scenario(42)
def test_an_object_at_the_place_of_another():
    """What was remembered for an object that is gone is never given to the next one at its place in memory."""
    cache = Cache("methods")

    class Shop:
        def __init__(self, number):
            self.number = number

        @cache.cached
        def title(self):
            return self.number

    places = set()
    for number in range(2000):
        shop = Shop(number)
        places.add(id(shop))
        assert shop.title() == number
        gone = weakref.ref(shop)
        del shop
        assert gone() is None
    assert len(places) < 1000  # they did share places
    assert len(Shop.title._remembered.instances._names) == 0


@pytest.mark.scenario(42)
def test_an_object_that_cannot_be_watched_is_refused():
    """Methods of an object without weak references, which might be mistaken for another, are refused."""
    cache = Cache("methods")

    class Slotted:
        __slots__ = ()

        @cache.cached
        def title(self):
            return 1

    with pytest.raises(KeyArgumentError, match="__cache_key__"):
        Slotted().title()


@pytest.mark.scenario(42)
def test_values_do_not_keep_objects_alive():
    """Neither a call under way, nor its key, nor its tags hold the object when the call has ended."""
    cache = Cache("methods")

    class Shop:
        @cache.cached(tags=lambda self, name: [f"shop:{name}"])
        def title(self, name):
            return name

        @cache.cached
        async def atitle(self, name):
            return name

    import asyncio

    shop = Shop()
    shop.title("a")
    asyncio.run(shop.atitle("a"))
    gone = weakref.ref(shop)
    del shop
    gc.collect()
    assert gone() is None


@pytest.mark.scenario(43)
@pytest.mark.parametrize("face", FACES)
def test_none_goes_through_redis(pair, face):
    """None is loaded once for all processes, and told from nothing by a default."""
    here, there = pair(face)
    calls = []
    assert here.get_or_load("k", lambda: calls.append(1)) is None
    assert there.get_or_load("k", lambda: calls.append(2)) is None
    assert calls == [1]
    assert here.get("k", "default") is None
    assert here.get("other", "default") == "default"
    assert here.get_many(["k", "n"], dict.fromkeys) == {"k": None, "n": None}


def place_of(client, name="shop"):
    (place,) = client.keys(f"{{{name}:*}}:v")
    return place


class Bomb:
    def __reduce__(self):
        return (sys.exit, ("a pickle was run",))


def zipped(data):
    import zlib

    return zlib.compress(b"0" * 10_000_000) + data[:0]


DAMAGE = {
    "pickle": lambda data: pickle.dumps(Bomb()),
    "a frame around a pickle": lambda data: data[:40] + pickle.dumps(Bomb()),
    "of an older version": lambda data: b"M1" + data[2:],
    "of a newer version": lambda data: b"M9" + data[2:],
    "an unknown codec": lambda data: data[:11] + b"z" + data[12:],
    "a zlib bomb": zipped,
    "a deep nest": lambda data: data.replace(b'"value"', b"[" * 100_000),
    "more tags than bytes": lambda data: data[:24] + b"\xff\xff" + data[26:],
    "a long tag": lambda data: data[:26] + b"\xff\xff\xff\xff" + data[30:],
    "a word nobody knows": lambda data: data[:11] + b"w" + data[12:].replace(b'"value"', b'{"$":"os.system","v":"x"}'),
    "nothing": lambda data: b"",
    "another cache's": lambda data: struct.pack(">I", 7) * 20,
}


@pytest.mark.scenario(45)
@pytest.mark.scenario(46)
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("face", FACES)
def test_what_is_no_value_of_ours_is_loaded_anew(pair, each_redis, damage, face):
    """Bytes of another version, of another program, damaged or malicious, are a miss: nothing runs, nothing is raised,
    and what is loaded takes their place."""
    import redis

    here, there = pair(face)
    here.set("k", "value")
    with redis.Redis.from_url(each_redis[0]) as client:
        place = place_of(client)
        client.set(place, DAMAGE[damage](client.get(place)), px=60_000)
        assert there.get("k") is MISS
        assert here.get_or_load("k", lambda: "loaded") == "loaded"
        assert there.get_or_load("k", lambda: "again") == "loaded"


@pytest.mark.scenario(45)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 200), flip=st.integers(0, 10_000))
def test_every_truncation_and_every_flipped_bit(cut, flip):
    """However a value in Redis is cut or changed, reading it gives a value or a miss, and never an error."""
    from mestres_perf.testing import MemoryRedis

    redis = MemoryRedis()
    with Cache("shop", redis=redis) as cache:
        cache.set("k", {"name": ("a", 1), "b": b"bytes"}, tags=["t"])
        (place,) = (key for key in redis._values if key.endswith(":v"))
        data, until = redis._values[place]
        flipped = bytearray(data)
        flipped[flip % len(data)] ^= 1 << (flip % 8)
        for damaged in (data[: cut % len(data)], bytes(flipped)):
            redis._values[place] = (damaged, until)
            other = Cache("shop", redis=redis)
            other.get("k")
            assert other.get_or_load("k2", lambda: 1) == 1


@pytest.mark.scenario(46)
@pytest.mark.parametrize("face", FACES)
def test_two_releases_share_a_redis(pair, each_redis, face):
    """While two versions of the wire format run side by side each loads for itself, and neither waits for the other."""
    import redis

    here, _ = pair(face)
    with redis.Redis.from_url(each_redis[0]) as client:
        for _ in range(3):
            assert here.get_or_load("k", lambda: "ours") == "ours"
            place = place_of(client)
            client.set(place, b"M9" + client.get(place)[2:], px=60_000)


READS = {
    "get": lambda node, load, function: node.get("k"),
    "get_or_load": lambda node, load, function: node.get_or_load("k", load),
    "get_many": lambda node, load, function: node.get_many(["k"], lambda keys: dict.fromkeys(keys, load()))["k"],
    "decorated": lambda node, load, function: node.call(function),
    "peek": lambda node, load, function: node.cache.peek("k"),
}


@pytest.mark.scenario(47)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("face", FACES)
def test_everybody_may_change_his_copy(redis_db, face, shared):
    """With `copies` whoever is given a value may change it, who loaded it too: the next is given the original."""
    redis = Redis(redis_db, timeout=5.0) if shared else None
    node = face(Cache("copies", memory=Memory(copies=True), redis=redis, backplane=False, trust=60))

    def load():
        return {"list": [1]}

    function = node.decorate(load)
    for _ in range(3):
        for read in ("get_or_load", "get_many", "get", "decorated", "peek"):
            value = READS[read](node, load, function)
            assert value == {"list": [1]}, read
            value["list"].append(2)
    given = load()
    node.set("k", given)
    given["list"].append(2)
    assert node.get("k") == {"list": [1]}
    node.close()


@pytest.mark.scenario(47)
@pytest.mark.parametrize("face", FACES)
def test_those_who_waited_are_given_copies(face):
    """Nobody shares the object with those who waited for the same load."""
    node = face(Cache("copies", memory=Memory(copies=True)))
    go, results = threading.Event(), []

    def load():
        go.wait(10)
        return [1]

    threads = [threading.Thread(target=lambda: results.append(node.get_or_load("k", load))) for _ in range(6)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 6
    assert len({id(each) for each in results}) == 6
    node.close()


@pytest.mark.scenario(47)
def test_without_copies_everybody_is_given_the_same():
    """The other policy, as documented: one object, for a hit that costs nothing more."""
    cache = Cache("trust")
    value = [1]
    cache.set("k", value)
    assert cache.get("k") is value


async def coroutine():
    return 1


async def steps():
    yield 1


USED_UP = {
    "generator": lambda: (n for n in range(3)),
    "coroutine": coroutine,
    "async generator": steps,
    "map": lambda: map(str, [1]),
    "zip": lambda: zip([1], [2], strict=True),
    "iterator": lambda: iter([1]),
    "file": lambda: io.StringIO("text"),
    "stream": lambda: io.BytesIO(b"bytes"),
    "islice": lambda: itertools.islice([1], 1),
}


@pytest.mark.scenario(48)
@pytest.mark.parametrize("kind", USED_UP)
@pytest.mark.parametrize("face", FACES)
def test_what_can_be_read_once_is_refused(face, kind):
    """Iterators, open files and coroutines are refused, and not given, used up, to the second caller."""
    node = face(Cache("once"))
    made = []

    def load():
        made.append(USED_UP[kind]())
        return made[-1]

    with pytest.raises(UncacheableError):
        node.get_or_load("k", load)
    with pytest.raises(UncacheableError):
        node.get_many(["k"], lambda keys: {"k": load()})
    with pytest.raises(UncacheableError):
        node.cache.set("k", load())
    with pytest.raises(UncacheableError):
        node.call(node.decorate(load))
    assert node.get("k") is MISS
    assert len(node.cache.core.flights) == 0
    for each in made:
        if hasattr(each, "close"):
            each.close()
    node.close()


@pytest.mark.scenario(48)
@pytest.mark.parametrize("value", [10**5000, object(), {1: {2: object()}}], ids=["long", "object", "inside"])
@pytest.mark.parametrize("face", FACES)
def test_what_cannot_go_through_redis_is_one_typed_error(redis_db, face, value):
    """A value that would not come back the same is refused by name, and its lease is given back at once."""
    import redis

    node = face(Cache("typed", redis=Redis(redis_db, timeout=5.0)))
    with pytest.raises(CodecError):
        node.set("k", value)
    with pytest.raises(CodecError):
        node.get_or_load("k", lambda: value)
    with redis.Redis.from_url(redis_db) as client:
        assert not client.keys("*:l")
    assert node.get_or_load("k", lambda: 1) == 1
    node.close()


@pytest.mark.scenario(48)
def test_what_is_nested_without_end_is_one_typed_error(redis_db):
    """A list that is inside itself, or a hundred thousand deep, is refused and not run into."""
    ring, deep = [], []
    ring.append(ring)
    for _ in range(100_000):
        deep = [deep]
    with Cache("typed", redis=Redis(redis_db, timeout=5.0)) as cache:
        for value in (ring, deep):
            with pytest.raises(CodecError):
                cache.set("k", value)
    while deep:  # Python itself cannot let go of it otherwise
        deep = deep[0]


@pytest.mark.scenario(49)
@pytest.mark.parametrize("policy", ["s3fifo", "lru", "tinylfu"])
@pytest.mark.parametrize("face", FACES)
def test_a_value_that_is_too_large(face, policy):
    """What would drive out too much is given to its caller, not kept, and drives out nothing; a smaller one it would
    have replaced is gone, for it is not true any more."""
    node = face(Cache("large", memory=Memory(max_bytes=100_000, policy=policy)))
    for number in range(20):
        node.set(number, "x" * 500)
    assert node.get_or_load("large", lambda: b"x" * 200_000) == b"x" * 200_000
    assert node.get("large") is MISS
    assert sum(node.get(number) is not MISS for number in range(20)) == 20
    node.set(3, b"x" * 200_000)
    assert node.get(3) is MISS
    assert node.cache.core.store._policy._bytes <= 100_000
    node.close()


@pytest.mark.scenario(70)
@pytest.mark.parametrize("face", FACES)
def test_clearing_touches_nothing_else(pair, each_redis, face):
    """Clearing one cache of a thousand values costs a few commands, none of which looks at all keys or flushes, and
    leaves what belongs to other programs and caches."""
    import redis

    here, there = pair(face)
    other = Cache("other", redis=Redis(each_redis[0], timeout=5.0), backplane=False)
    other.set("k", "theirs", tags=["t"])
    for number in range(50):
        here.set(number, number, tags=["t"])
    with redis.Redis.from_url(each_redis[0]) as client:
        client.set("foreign", "x")
        client.set("shop", "x")
        client.set("shopping:t:t", "x")
        foreign = {key: client.dump(key) for key in client.keys("*") if not key.startswith((b"{shop", b"shop:"))}
        said = []
        with client.monitor() as monitor:
            here.clear()
            client.echo("the end")
            for command in monitor.listen():
                if "the end" in command["command"]:
                    break
                said.append(command["command"].split()[0].upper())
        assert {key: client.dump(key) for key in foreign} == foreign
    assert len(said) < 12
    assert not {"KEYS", "SCAN", "FLUSHDB", "FLUSHALL", "UNLINK", "DEL"} & set(said)
    assert {there.get(number) for number in range(50)} == {MISS}
    assert other.get("k") == "theirs"
    other.close()
