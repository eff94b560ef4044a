"""Caches by name."""

import asyncio

import pytest

from mestres_perf import MISS, Cache, Caches, NamedCache, Redis, Settings
from mestres_perf._caches import database_of, in_database
from mestres_perf.errors import ConfigurationError
from mestres_perf.settings import CacheSettings


@pytest.fixture
def caches(redis_db):
    """The usual caches on a real Redis whose next two databases are empty too."""
    import redis

    for number in range(3):
        with redis.Redis.from_url(in_database(redis_db, database_of(redis_db) + number)) as client:
            client.flushdb()
    with Caches(redis_db, settings=_patient()) as caches:
        yield caches


def _patient():
    from mestres_perf.settings import RedisSettings

    return Settings(redis=RedisSettings(timeout=2.0))


@pytest.mark.parametrize(("name", "seconds"), [("default", 300), ("session", 1800), ("long_term", 3600)])
def test_each_name_has_its_time(name, seconds):
    """The three caches of the specification keep values for 300, 1800 and 3600 seconds."""
    with Caches() as caches:
        caches[name].set("k", 1)

        assert seconds - 1 < caches[name].explain("k").ttl_left <= seconds


def test_no_two_names_share_a_key(caches, redis_db):
    """The same key in three caches is three values, each in a Redis database of its own."""
    import redis

    for name in caches:
        caches[name].set("k", name)

    assert {name: caches[name].get("k") for name in caches} == {name: name for name in caches}
    for number, name in enumerate(["default", "session", "long_term"]):
        with redis.Redis.from_url(in_database(redis_db, database_of(redis_db) + number)) as client:
            assert {key.decode().lstrip("{").partition(":")[0].rstrip("}") for key in client.scan_iter()} == {name}


def test_names_in_one_database_share_nothing(redis_db):
    """Also in one and the same database every name has its own keys, tags and clearing."""
    names = {"a": NamedCache(ttl=60), "b": NamedCache(ttl=60)}
    with Caches(redis_db, names=names, settings=_patient()) as caches:
        caches["a"].set("k", 1, tags=["t"])
        caches["b"].set("k", 2, tags=["t"])
        caches["a"].invalidate_tags("t")
        assert (caches["a"].get("k"), caches["b"].get("k")) == (MISS, 2)
        caches["a"].clear()
        assert caches["b"].get("k") == 2


def test_another_process_finds_what_was_stored(caches, redis_db):
    """The same names on the same Redis are the same caches."""
    caches["long_term"].set("menu", ["espresso"])
    with Caches(redis_db, settings=_patient()) as other:
        assert other["long_term"].get("menu") == ["espresso"]
        assert other["default"].get("menu") is MISS


def test_an_unknown_name_lists_the_known():
    """Who misspells a name is told which there are."""
    with pytest.raises(ConfigurationError, match=r"'sessions'; there are: default, long_term, session"):
        Caches()["sessions"]


def test_a_cache_is_made_once_and_closed_at_the_end(redis_db):
    """Asking twice gives the same cache; nothing is made before, and closing closes all that were made."""
    with Caches(redis_db) as caches:
        assert caches._open == {}
        assert caches["default"] is caches["default"]
        redis = caches["default"]._redis
        caches["default"].get("k")
        assert redis._blocking is not None
    assert redis._blocking is None
    assert caches._open == {}


def test_async_code_closes_its_own_connections(caches):
    """`aclose` gives back what a loop has opened."""

    async def work():
        await caches["default"].aset("k", 1)
        await caches.aclose()

    asyncio.run(work())


def test_the_settings_decide():
    """Times come from the settings, and a list of one's own replaces the usual names."""
    settings = Settings(cache=CacheSettings(default_ttl=7))
    assert Caches(settings=settings)["default"].ttl == 7
    assert list(Caches(names={"mine": NamedCache(ttl=5)})) == ["mine"]


def test_a_wrong_address_is_refused_at_once():
    """An address that is none is refused before anything is stored."""
    with pytest.raises(ConfigurationError, match="Redis address"):
        Caches("http://localhost")


@pytest.mark.parametrize(
    ("url", "number", "moved"),
    [
        ("redis://h:6379/0", 0, "redis://h:6379/2"),
        ("redis://u:p@h", 0, "redis://u:p@h/2"),
        ("rediss://h/5?ssl_cert_reqs=none", 5, "rediss://h/2?ssl_cert_reqs=none"),
        ("unix:///tmp/r.sock?db=3", 3, "unix:///tmp/r.sock?db=2"),
        ("unix:///tmp/r.sock", 0, "unix:///tmp/r.sock?db=2"),
    ],
)
def test_the_database_of_an_address(url, number, moved):
    """Every form of address says its database, and can name another."""
    assert database_of(url) == number
    assert in_database(url, 2) == moved


def test_more_of_a_named_cache(redis_db):
    """Whatever else a cache can be given, a named one can be given too."""
    with Caches(redis_db, names={"signed": NamedCache(ttl=60, more={"secret": "sixteen bytes or more"})}) as caches:
        caches["signed"].set("k", 1)
        with Cache("signed", redis=Redis(redis_db)) as other:
            assert other.get("k") is MISS
            assert other.stats().rejected == 1
