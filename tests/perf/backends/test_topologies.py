"""Redis Cluster and Sentinel, real processes; RESP2 and RESP3; Unix sockets and passwords."""

import asyncio
import threading
import time

import pytest

from mestres_perf import MISS, Cache, Redis, loading
from mestres_perf.backends.redis._address import places_of
from mestres_perf.errors import ConfigurationError


def until(condition):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.01)


def exercise(here, there):
    """Everything that a cache does through Redis, on two nodes of an application."""
    keys = [f"k{number}" for number in range(30)]
    for key in keys:
        assert here.get_or_load(key, lambda key=key: f"v-{key}", tags=["t", key]) == f"v-{key}"
    assert {key: there.get(key) for key in keys} == {key: f"v-{key}" for key in keys}
    here.delete("k0")
    here.invalidate_tags("k1", "k2")
    until(lambda: all(there.peek(key) is MISS for key in ("k0", "k1", "k2")))
    assert [there.get(key) for key in ("k0", "k1", "k2", "k3")] == [MISS, MISS, MISS, "v-k3"]
    assert there.get_many(["k0", "k4"], lambda missing: dict.fromkeys(missing, "new")) == {"k0": "new", "k4": "v-k4"}
    there.set("k5", "set", tags=["u"])
    until(lambda: here.get("k5") == "set")

    def stale():
        loading().tag("late")
        there.invalidate_tags("late")
        return "old"

    assert here.get_or_load("late", stale) == "old"
    assert here.get("late") is MISS
    here.clear()
    until(lambda: there.peek("k3") is MISS)
    assert there.get("k3") is MISS


async def aexercise(cache):
    """The same ground for async code."""

    async def load():
        return "v"

    assert await cache.aget_or_load("k", load, tags=["t"]) == "v"
    await cache.ainvalidate_tags("t")
    assert await cache.aget("k") is MISS
    await asyncio.gather(*(cache.aset(f"a{number}", number) for number in range(50)))
    assert await asyncio.gather(*(cache.aget(f"a{number}") for number in range(50))) == list(range(50))
    await cache.aclose()


@pytest.mark.scenario(38)
def test_cluster(redis_cluster):
    """On three nodes, wherever keys and tags lie."""
    here, there = (Cache("c", redis=Redis(redis_cluster, timeout=5.0)) for _ in range(2))
    with here, there:
        exercise(here, there)
    asyncio.run(aexercise(Cache("d", redis=Redis(redis_cluster, timeout=5.0))))


@pytest.mark.scenario(30)
def test_protocols(each_redis):
    """Each supported Redis, RESP2 and RESP3 alike."""
    url, protocol = each_redis
    with (
        Cache("c", redis=Redis(url, timeout=5.0, protocol=protocol)) as here,
        Cache("c", redis=Redis(url, timeout=5.0, protocol=protocol)) as there,
    ):
        exercise(here, there)
    asyncio.run(aexercise(Cache("d", redis=Redis(url, timeout=5.0, protocol=protocol))))


@pytest.mark.scenario(39)
@pytest.mark.scenario(23)
def test_sentinel_names_another_master(redis_watched):
    """When the master is killed the cache goes on without it, finds the new one, and does not believe its memory."""
    here, there = (Cache("c", redis=Redis(redis_watched.url, timeout=1.0, rest=0.1)) for _ in range(2))
    with here, there:
        exercise(here, there)
        assert here.get_or_load("k", lambda: "before") == "before"
        redis_watched.kill_master()
        assert there.get_or_load("new", lambda: "loaded") == "loaded"
        there.delete("k")
        until(there.settle)
        until(lambda: here.get("k") is MISS)
        exercise(here, there)


def test_a_password(redis_db):
    """A user and a password are told first; a wrong one is no answer."""
    import redis

    with redis.Redis.from_url(redis_db) as client:
        client.acl_setuser(
            "ana", enabled=True, passwords=["+se:gre/do"], keys=["*"], channels=["*"], commands=["+@all"]
        )
    host = redis_db.removeprefix("redis://")
    with Cache("c", redis=Redis(f"redis://ana:se%3Agre%2Fdo@{host}", timeout=5.0)) as cache:
        cache.set("k", 1)
        assert Redis(f"redis://ana:se%3Agre%2Fdo@{host}", timeout=5.0, protocol=3).ping() is None
    with Cache("c", redis=Redis(f"redis://ana:wrong@{host}", timeout=5.0)) as cache:
        assert cache.get("k") is MISS


def test_tasks_that_give_up_hurt_nobody(redis_db):
    """A hundred tasks share a connection; those that are cancelled in the middle leave the others their own replies."""

    async def main():
        cache = Cache("c", redis=Redis(redis_db, timeout=5.0), trust=1e-9, backplane=False)
        await asyncio.gather(*(cache.aset(f"k{number}", number) for number in range(100)))
        for _ in range(20):
            tasks = [asyncio.create_task(cache.aget(f"k{number}")) for number in range(100)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert [answer for index, answer in enumerate(answers) if index % 3] == [n for n in range(100) if n % 3]
        await cache.aclose()

    asyncio.run(main())


@pytest.mark.scenario(39)
def test_a_connection_that_was_closed_while_idle(redis_db):
    """A call over a connection that the server has closed meanwhile is made over a new one: nothing is lost."""
    import redis

    with Cache("c", redis=Redis(redis_db, timeout=5.0), backplane=False, trust=1e-9) as cache:
        cache.set("k", 1)
        with redis.Redis.from_url(redis_db) as client:
            for each in client.client_list():
                if "id" in each and each["id"] != str(client.client_id()):
                    client.client_kill_filter(_id=each["id"])
        assert cache.get("k") == 1


@pytest.mark.scenario(38)
def test_after_the_scripts_are_gone(redis_db):
    """A server that has lost the scripts is told them again."""
    import redis

    with Cache("c", redis=Redis(redis_db, timeout=5.0)) as cache:
        cache.set("k", 1)
        with redis.Redis.from_url(redis_db) as client:
            client.script_flush()
        assert cache.get_or_load("other", lambda: 2) == 2
        assert cache.get("k") == 1


def test_threads_at_once(redis_db):
    """Threads have connections of their own; nobody is given another's reply."""
    with Cache("c", redis=Redis(redis_db, timeout=5.0), trust=1e-9, backplane=False) as cache:
        wrong = []

        def work(number):
            for turn in range(100):
                cache.set(f"k{number}", turn)
                if cache.get(f"k{number}") != turn:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


@pytest.mark.parametrize(
    "url",
    ["http://here", "redis://h:port", "redis://h/x", "redis+sentinel://h:26379", "redis://h:99999", ""],
)
def test_what_is_no_address(url):
    """Each is refused with one that would be right."""
    with pytest.raises(ConfigurationError, match="redis"):
        Redis(url)


def test_addresses():
    """Hosts, databases, users, sockets, sentinels and clusters are read as they are written."""
    assert places_of("redis://u:p%40@h:1/3").server.greeting() == [("AUTH", "u", "p@"), ("SELECT", 3)]
    assert places_of("redis://:p@h", protocol=3).server.greeting() == [("HELLO", 3, "AUTH", "default", "p")]
    assert places_of("redis://:p@h").server.greeting() == [("AUTH", "p")]
    assert places_of("unix:///run/redis.sock?db=2").server.path == "/run/redis.sock"
    assert places_of("redis://[::1]:7").server.host == "::1"
    sentinel = places_of("redis+sentinel://:p@a:1,b:2/shop/4")
    assert (sentinel.kind, sentinel.hosts, sentinel.name, sentinel.server.database) == (
        "sentinel", (("a", 1), ("b", 2)), "shop", 4
    )  # fmt: skip
    assert places_of("redis+cluster://a:1,b").hosts == (("a", 1), ("b", 6379))
    assert places_of("rediss://h").server.tls is not None
