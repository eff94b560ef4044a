"""Forged, damaged and foreign bytes under a value's key in a real Redis, read through a cache, by threads and tasks."""

import pickle
import sys
from dataclasses import dataclass, make_dataclass
from decimal import Decimal

import pytest
import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mestres_perf import MISS, Cache, Redis
from mestres_perf.cache._keys import name_of
from mestres_perf.cache._shared import Names
from mestres_perf.errors import CodecError
from perf.faces import FACES

SECRET, OTHER = b"0123456789abcdef", b"fedcba9876543210"


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def shop(request, each_redis):
    """Makes caches on one Redis that ask it each time, in one colour; `shop.raw(key)` reads and writes the bytes."""
    url, protocol = each_redis
    made = []

    def make(name="shop", **options):
        layer = Redis(url, timeout=5.0, protocol=protocol)
        cache = Cache(name, redis=layer, trust=1e-9, backplane=False, ttl=60, **options)
        made.append(request.param(cache))
        return made[-1]

    with redis_py.Redis.from_url(url) as client:
        make.client = client
        yield make
    for face in made:
        face.close()


def place(key, name="shop"):
    """Where Redis has the value of a key."""
    return Names(name).value(name_of(key))


def put(shop, key, data, name="shop"):
    """Write bytes where a value is, or would be."""
    shop.client.set(place(key, name), data, px=60_000)


def taken(shop, key, name="shop"):
    """The bytes of a value."""
    return shop.client.get(place(key, name))


CONFIGURED = {"json": {}, "signed": {"secret": SECRET}, "pickle": {"codec": "pickle", "secret": SECRET}}


@pytest.mark.parametrize("options", CONFIGURED.values(), ids=CONFIGURED)
def test_values_travel(shop, options):
    """What one process has stored another one with the same configuration reads, alone and among many."""
    here, there = shop(**options), shop(**options)
    here.set("k", {"price": Decimal("1.10"), "sizes": (1, 2)}, tags=["t"])
    here.set("body", b"\0" * 50_000)

    assert there.get("k") == {"price": Decimal("1.10"), "sizes": (1, 2)}
    assert there.get_many(["k", "body"], lambda missing: {}) == {"k": there.get("k"), "body": b"\0" * 50_000}
    assert len(taken(shop, "body")) < 1000
    assert there.stats().rejected == 0
    here.invalidate_tags("t")
    assert there.get("k") is MISS


FORGED = {
    "cut off": lambda data: data[:-1],
    "cut to nothing": lambda data: b"",
    "cut in the stamp": lambda data: data[:5],
    "another stamp": lambda data: data[:2] + b"\0" * 8 + data[10:],
    "the version before": lambda data: b"M2" + data[2:],
    "unknown codec": lambda data: data[:11] + b"?" + data[12:],
    "served stale for longer": lambda data: data[:19] + b"\xff" + data[20:],
    "another tag": lambda data: data.replace(b"catalog", b"CATALOG"),
    "another value": lambda data: data.replace(b"true", b"eurt"),
    "longer": lambda data: data + b"\0",
    "random": lambda data: bytes(range(256)),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_was_tampered_with_is_loaded_anew(shop, forge):
    """With a secret a changed frame is a rejected read and a miss; the next load repairs what is stored."""
    cache = shop(secret=SECRET)
    cache.set("k", "true", tags=["catalog"])
    put(shop, "k", forge(taken(shop, "k")))

    assert cache.get("k") is MISS
    assert cache.get_many(["k"], lambda missing: {}) == {}
    assert cache.stats().rejected >= 2
    assert cache.get_or_load("k", lambda: "new") == "new"
    before = cache.stats().rejected
    assert shop(secret=SECRET).get("k") == "new"
    assert cache.stats().rejected == before


def test_a_frame_does_not_count_elsewhere(shop):
    """With a secret a value that was copied to another key, or to another cache, is a rejected read."""
    cache, other = shop(secret=SECRET), shop("other", secret=SECRET)
    cache.set("mine", "admin")
    put(shop, "yours", taken(shop, "mine"))
    put(shop, "mine", taken(shop, "mine"), name="other")

    assert cache.get("mine") == "admin"
    assert cache.get("yours") is MISS
    assert other.get("mine") is MISS
    assert (cache.stats().rejected, other.stats().rejected) == (1, 1)


def test_what_was_invalidated_cannot_be_put_back(shop):
    """A frame from before an invalidation of its tag, put back afterwards, is signed and still does not hold."""
    cache = shop(secret=SECRET)
    cache.set("k", "old", tags=["t"])
    old = taken(shop, "k")
    cache.invalidate_tags("t")
    put(shop, "k", old)

    assert cache.get("k") is MISS
    assert cache.get_or_load("k", lambda: "new", tags=["t"]) == "new"


def test_each_reads_its_own(shop):
    """Unsigned and signed, with one secret and with another: what is not one's own is a miss, and loaded anew."""
    makers = [{}, {"secret": SECRET}, {"secret": OTHER}, {"secret": SECRET, "codec": "pickle"}]
    for writer in makers:
        for reader in makers:
            mine, yours = shop(**writer), shop(**reader)
            mine.set("k", {"a": 1})
            assert yours.get("k") == ({"a": 1} if writer == reader else MISS)
            assert yours.get_or_load("k", lambda: 2) == ({"a": 1} if writer == reader else 2)


def test_secrets_are_rotated(shop):
    """While both secrets are known, what the old one has signed is read, and what is new is signed with the new one."""
    old, both, new = shop(secret=OTHER), shop(secret=[SECRET, OTHER]), shop(secret=SECRET)
    old.set("k", 1)
    assert both.get("k") == 1
    both.set("k", 2)
    assert new.get("k") == 2
    assert old.get("k") is MISS


RUN = []


def explode(what):
    RUN.append(what)


class Bomb:
    def __reduce__(self):
        return (explode, ("run",))


def test_a_pickle_is_not_run(shop):
    """A pickle in Redis is not run by a JSON cache, nor by one of pickles without the signature."""
    bomb = pickle.dumps(Bomb())
    forger, thief = shop(codec="pickle", secret=OTHER), shop()
    forger.set("k", Bomb())
    framed = taken(shop, "k")
    thief.set("k", b"")
    unsigned = taken(shop, "k")[:11] + b"p" + taken(shop, "k")[12:] + bomb
    assert RUN == []
    for options in ({}, {"secret": SECRET}, {"codec": "pickle", "secret": SECRET}):
        cache = shop(**options)
        for data in (bomb, framed, unsigned, b"M3" + bomb):
            put(shop, "k", data)
            assert cache.get("k") is MISS
            assert cache.get_or_load("k", lambda: 1) == 1
        assert cache.stats().rejected >= 4

    assert RUN == []
    put(shop, "k", framed)
    shop(codec="pickle", secret=OTHER).get("k")
    assert RUN == ["run"], "the bomb would have worked"
    RUN.clear()


def test_processes_with_and_without_msgspec(shop, monkeypatch):
    """What a process with msgspec has stored one without it reads, and the other way round."""
    value = {"name": "café \ud800", "price": Decimal("1.10"), "big": 2**70, "many": [1, 2.5, None, True], "none": {}}
    quick = shop()
    quick.set("quick", value)
    monkeypatch.setitem(sys.modules, "msgspec", None)
    plain = shop()
    plain.set("plain", value)

    assert plain.get("quick") == quick.get("plain") == value


def test_two_versions_of_the_code_share_a_redis(shop):
    """Two processes whose class has different fields each read their own; neither gets an error."""
    old_class = make_dataclass("Product", [("sku", str)])
    new_class = make_dataclass("Product", [("sku", str), ("price", int)])
    old, new = shop(types=[old_class]), shop(types=[new_class])

    for _ in range(2):
        assert old.get_or_load("k", lambda: [old_class("A")]) == [old_class("A")]
        assert new.get("k") is MISS
        assert new.get_or_load("k", lambda: [new_class("A", 1)]) == [new_class("A", 1)]
        assert old.get("k") is MISS
    assert new.stats().rejected


def test_declared_classes_travel(shop):
    """A dataclass that is declared goes through Redis; one that is not is refused and changes nothing."""
    cache, other = shop(types=[Money]), shop()
    cache.set("k", {"price": Money(Decimal(1), "BRL")})

    assert shop(types=[Money]).get("k") == {"price": Money(Decimal(1), "BRL")}
    assert other.get("k") is MISS
    other.set("k", 1)
    with pytest.raises(CodecError, match=r"types=\(Money,\)"):
        other.set("k", Money(Decimal(1), "BRL"))
    assert other.get("k") == 1


def test_anything_may_lie_in_redis(shop):
    """Random bytes, and a frame with random bytes in it, are a miss or a value, and never an error."""
    caches = {name: shop(**options) for name, options in CONFIGURED.items()}
    caches["json"].set("k", "true", tags=["t"])
    whole = taken(shop, "k")

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(), st.integers(0, len(whole)), st.integers(0, len(whole)))
    def holds(data, start, end):
        for each in (data, whole[:start] + data + whole[end:]):
            put(shop, "k", each)
            for name, cache in caches.items():
                assert name == "json" or cache.get("k") is MISS
                cache.get("k")

    holds()
