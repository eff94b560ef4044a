"""A Redis that is down, hangs, or comes back; and two processes on one Redis."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from mestres_perf import MISS, Cache, Redis
from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.errors import BackendUnavailable, ConfigurationError

ASK = Fetch((("GET", "v"),))


@pytest.fixture
def refused():
    """An address on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


@pytest.fixture
def hung():
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.scenario(32)
@pytest.mark.scenario(33)
@pytest.mark.parametrize("how", ["refused", "hung"])
def test_a_dead_redis_is_asked_once(how, request):
    """After one failure Redis is left alone for its rest, then one caller tries it again and the others do not wait."""
    now = [0.0]
    redis = Redis(request.getfixturevalue(how), rest=2.0, clock=lambda: now[0])
    tried = []
    connection = redis.blocking
    exchange = connection._exchange
    connection._exchange = lambda commands, again: tried.append(1) or exchange(commands, again=again)

    for _ in range(10):
        with pytest.raises(BackendUnavailable):
            connection.ask(ASK)
    assert len(tried) == 1

    now[0] += 2.1
    for _ in range(10):
        with pytest.raises(BackendUnavailable):
            connection.ask(ASK)
    assert len(tried) == 2


@pytest.mark.scenario(32)
@pytest.mark.scenario(33)
@pytest.mark.parametrize("how", ["refused", "hung"])
def test_a_dead_redis_reaches_no_caller(how, request):
    """Without Redis every operation works in this process's memory; nobody is given an exception."""
    cache = Cache("shop", redis=Redis(request.getfixturevalue(how)))

    assert cache.get_or_load("k", lambda: 1, tags=["t"]) == 1
    assert cache.get_or_load("k", lambda: 2, tags=["t"]) == 1
    cache.set("s", 3)
    assert cache.get_many(["a"], lambda keys: dict.fromkeys(keys, 1)) == {"a": 1}
    cache.invalidate_tags("t")
    assert MISS is cache.get("k")
    cache.delete("s")
    cache.clear()


@pytest.mark.scenario(32)
def test_a_dead_redis_reaches_no_task(refused):
    """The same for async code."""

    async def load():
        return 1

    async def main():
        cache = Cache("shop", redis=Redis(refused))
        values = [await cache.aget_or_load("k", load), await cache.aget_or_load("k", load)]
        await cache.ainvalidate_tags("t")
        await cache.adelete("k")
        await cache.aclose()
        return values

    assert asyncio.run(main()) == [1, 1]


class Gate:
    """A Redis that can be taken away and brought back."""

    def __init__(self, redis):
        self._redis = redis
        self.open = True

    @property
    def blocking(self):
        return self

    def ask(self, effect):
        if not self.open:
            raise BackendUnavailable("the gate is closed")
        return self._redis.blocking.ask(effect)

    def close(self):
        self._redis.close()


@pytest.mark.scenario(35)
@pytest.mark.parametrize("how", [lambda c: c.delete("k"), lambda c: c.invalidate_tags("t"), lambda c: c.clear()])
def test_what_redis_missed_is_told_before_it_is_believed(redis_db, how):
    """An invalidation while Redis is away is made up for when it is back: the old value in it is never read."""
    gate = Gate(Redis(redis_db, timeout=2.0))
    cache = Cache("shop", redis=gate)
    assert cache.get_or_load("k", lambda: "old", tags=["t"]) == "old"
    gate.open = False
    how(cache)
    gate.open = True

    assert cache.get_or_load("k", lambda: "new", tags=["t"]) == "new"
    cache.close()


def test_another_process_is_believed_after_trust(redis_db):
    """Without a backplane, what another node invalidates is gone here when `trust` seconds are over."""
    now = [0.0]
    here = Cache("shop", redis=Redis(redis_db, timeout=2.0), trust=1.0, backplane=False, clock=lambda: now[0])
    there = Cache("shop", redis=Redis(redis_db, timeout=2.0))
    assert here.get_or_load("k", lambda: "old") == "old"
    there.delete("k")
    assert here.get("k") == "old"
    now[0] += 1.1

    assert here.get_or_load("k", lambda: "new") == "new"
    here.close()
    there.close()


def test_one_load_for_two_nodes(redis_db):
    """While one node loads under its lease another waits, and is given the value from Redis."""
    one, two = (Cache("shop", redis=Redis(redis_db, timeout=2.0)) for _ in range(2))
    began, go = threading.Event(), threading.Event()

    def load():
        began.set()
        go.wait(10)
        return "v"

    results = []
    first = threading.Thread(target=lambda: results.append(one.get_or_load("k", load)))
    first.start()
    assert began.wait(10)
    second = threading.Thread(target=lambda: results.append(two.get_or_load("k", lambda: "twice")))
    second.start()
    go.set()
    first.join()
    second.join()

    assert results == ["v", "v"]
    one.close()
    two.close()


@pytest.mark.scenario(22)
def test_a_lost_lease_refuses_the_fill(redis_db):
    """A loader whose lease is gone (here: everything in Redis was) gives its caller the value and stores it nowhere."""
    import redis

    cache = Cache("shop", redis=Redis(redis_db, timeout=2.0))
    with redis.Redis.from_url(redis_db) as client:

        def load():
            client.flushdb()
            return "v"

        assert cache.get_or_load("k", load) == "v"
        assert MISS is cache.get("k")
    cache.close()


@pytest.mark.scenario(24)
def test_forgotten_tag_versions_hide_the_value(redis_db):
    """When Redis has thrown a tag's version away, values with that tag no longer hold."""
    import redis

    cache, other = (Cache("shop", redis=Redis(redis_db, timeout=2.0)) for _ in range(2))
    cache.set("k", 1, tags=["t"])
    with redis.Redis.from_url(redis_db) as client:
        assert client.delete("shop:t:t") == 1

    assert MISS is other.get("k")
    cache.close()
    other.close()


@pytest.mark.scenario(70)
def test_what_others_wrote_there_is_left_alone(redis_db):
    """Clearing a cache touches no key that is not its own, and foreign bytes under its keys are no value."""
    import redis

    cache = Cache("shop", redis=Redis(redis_db, timeout=2.0))
    cache.set("k", 1)
    with redis.Redis.from_url(redis_db) as client:
        client.set("theirs", "x")
        cache.clear()
        assert client.get("theirs") == b"x"
        cache.set("k", 1)
        (place,) = (key for key in client.scan_iter("{shop:*}:v"))
        client.set(place, b"\x80\x04garbage")

    assert MISS is Cache("shop", redis=Redis(redis_db, timeout=2.0)).get("k")
    cache.close()


@pytest.mark.scenario(52)
@pytest.mark.process
def test_after_a_fork(redis_db):
    """A child process uses connections of its own."""
    program = """
import os, sys
from mestres_perf import Cache, Redis
cache = Cache("shop", redis=Redis(sys.argv[1], timeout=2.0))
cache.set("k", 1)
before = cache._redis.blocking
child = os.fork()
if child == 0:
    fine = cache._redis.blocking is not before and cache.get_or_load("other", lambda: 2) == 2
    os._exit(0 if fine else 1)
_, status = os.waitpid(child, 0)
assert cache.get("other") == 2
sys.exit(os.waitstatus_to_exitcode(status))
"""
    run = subprocess.run([sys.executable, "-c", program, redis_db], check=False, capture_output=True, text=True)

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("again", "times"), [(False, 1), (True, 2)])
def test_a_timeout_is_tried_again_when_asked_to(again, times):
    """With `retry_on_timeout` a call that has no answer in time is sent once more, and never else."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        redis = Redis(f"redis://127.0.0.1:{server.getsockname()[1]}/0", retry_on_timeout=again)
        with pytest.raises(BackendUnavailable):
            redis.blocking.ask(ASK)
        redis.close()
        server.setblocking(False)
        seen = 0
        with pytest.raises(BlockingIOError):
            while True:
                server.accept()[0].close()
                seen += 1

    assert seen == times


def test_a_lease_whose_grant_was_lost_is_granted_again(redis_db):
    """Asking again with the same token gives the lease again; another token has to wait."""
    redis = Redis(redis_db, timeout=2.0)

    def lease(token):
        return redis.blocking.ask(Ask("lease", ("v", "l"), (token, 10_000, b"")))

    assert [lease("mine"), lease("mine"), lease("another")] == [2, 2, 3]
    redis.close()


@pytest.mark.parametrize("colour", ["threads", "tasks"])
def test_connections_are_bounded(redis_db, colour):
    """However many ask at once, no more connections are open than allowed, and everybody is answered."""
    import redis as client

    redis = Redis(redis_db, timeout=5.0, max_connections=3)

    async def tasks():
        replies = await asyncio.gather(*(redis.awaiting.ask(ASK) for _ in range(100)))
        opened.append(count())
        await redis.aclose()
        return replies

    def count():
        return len(ids() - before)

    def ids():
        return {each["id"] for each in watcher.client_list()}

    opened = []
    with client.Redis.from_url(redis_db) as watcher:
        before = ids()
        if colour == "tasks":
            assert asyncio.run(tasks()) == [[None]] * 100
        else:
            threads = [threading.Thread(target=redis.blocking.ask, args=(ASK,)) for _ in range(100)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            opened.append(count())
    redis.close()

    assert 1 <= opened[0] <= 3


def test_no_free_connection_is_not_a_dead_redis(redis_db):
    """Who finds every connection in use goes without; the others go on asking."""
    redis = Redis(redis_db, timeout=0.5, max_connections=1)
    redis.blocking.ask(ASK)
    with redis.blocking._turns:
        quick = Redis(redis_db, timeout=0.01, max_connections=1)
        quick.blocking._turns = redis.blocking._turns
        redis.blocking._turns._timeout = 0.01
        with pytest.raises(BackendUnavailable, match="max_connections"):
            quick.blocking.ask(ASK)
        quick.close()
    quick.check()
    assert redis.blocking.ask(ASK) == [None]
    redis.close()


@pytest.mark.parametrize("bound", [0, -1, 1.5, True])
def test_a_wrong_bound_is_refused(bound):
    """A bound below one connection is refused."""
    with pytest.raises(ConfigurationError, match="max_connections"):
        Redis("redis://localhost", max_connections=bound)
