"""Leases: who may load, for how long, and what becomes of a lease that nobody holds."""

import os
import threading
import time

import pytest

from mestres_perf import Cache, Redis
from mestres_perf._kernel.drive import run
from mestres_perf.cache._leases import _MOST_ROUNDS, Leases
from mestres_perf.errors import ConfigurationError
from mestres_perf.testing import MemoryRedis
from perf.faces import FACES


@pytest.mark.parametrize("lease", [0, -1, "10", None, True, 0.01, float("nan")])
def test_a_lease_that_makes_no_sense_is_refused(lease):
    """`lease` is a number of seconds, long enough to be renewed in time."""
    with pytest.raises(ConfigurationError, match="lease must be"):
        Cache("shop", redis=MemoryRedis(), lease=lease)


@pytest.mark.parametrize("face", FACES)
def test_a_loader_that_outlives_its_lease_keeps_it(redis_db, face):
    """The lease is renewed while the loader runs: a second process waits, however long, and loads nothing."""
    here, there = (face(Cache("shop", redis=Redis(redis_db, timeout=5.0), lease=2.0)) for _ in range(2))
    begun, go_on, given = threading.Event(), threading.Event(), []

    def load():
        begun.set()
        assert go_on.wait(60)
        return "v"

    threads = [threading.Thread(target=lambda: given.append(here.get_or_load("k", load)))]
    threads[0].start()
    assert begun.wait(30)
    threads.append(threading.Thread(target=lambda: given.append(there.get_or_load("k", lambda: "second load"))))
    threads[1].start()
    time.sleep(5.0)  # two leases and a half; nothing has to happen in that time
    assert given == []
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert given == ["v", "v"]
    assert len(here.cache.core.shared.leases) == 0
    here.close()
    there.close()


@pytest.mark.parametrize("garbage", ["string", "for an hour", "for ever", "list"])
def test_garbage_in_a_lease_key_is_broken(redis_db, garbage):
    """What another program wrote into the key of a lease holds nobody up for longer than a lease."""
    import redis

    with (
        redis.Redis.from_url(redis_db) as client,
        Cache("shop", redis=Redis(redis_db, timeout=5.0), lease=0.5) as cache,
    ):
        key = cache.core.shared.names.lease(cache.name_in_redis("k"))
        if garbage == "list":
            client.rpush(key, "x")
        else:
            client.set(key, "x", ex={"for an hour": 3600, "string": 1}.get(garbage))
        assert cache.get_or_load("k", lambda: "v") == "v"
        assert cache.core.shared.leases.longest > 10  # so it was not by loading beside it
        assert client.exists(cache.core.shared.names.value(cache.name_in_redis("k")))


class Asked(MemoryRedis):
    """Counts renewals."""

    renewals = 0

    def _run_renew(self, *arguments):
        self.renewals += 1
        return super()._run_renew(*arguments)


def test_a_short_load_is_never_renewed():
    """A load that ends before a second round costs no call."""
    redis = Asked(time.monotonic)
    cache = Cache("shop", redis=redis, lease=600)
    for number in range(100):
        cache.get_or_load(number, lambda: 1)
    assert redis.renewals == 0
    assert len(cache.core.shared.leases) == 0


def rounds(leases, redis, number):
    """So many rounds, without any time between them."""
    for _ in range(number):
        run(leases.renew(), redis, lambda: None)


def test_a_loader_that_hangs_loses_its_lease_in_the_end():
    """After so many rounds nobody renews it any more: one process that hangs does not stop the others for ever."""
    redis = Asked()
    leases = Leases(10.0)
    leases.hold("t", "place")
    redis._set("place", "t")
    rounds(leases, redis, _MOST_ROUNDS + 5)
    assert redis.renewals == _MOST_ROUNDS - 1
    assert len(leases) == 0


def test_a_lease_that_was_taken_away_is_not_asked_for_again():
    """What an invalidation took, or another process has by now, is renewed by nobody and given back to nobody."""
    redis = Asked()
    leases = Leases(10.0)
    leases.hold("t", "place")
    redis._set("place", "somebody else")
    rounds(leases, redis, 5)
    assert redis.renewals == 1
    assert redis._get("place") == b"somebody else"


def test_the_thread_ends_by_itself():
    """Where nothing is loaded no thread is left."""
    cache = Cache("shop", redis=MemoryRedis(time.monotonic), lease=0.1)
    cache.get_or_load("k", lambda: 1)
    thread = cache.core.shared.leases._thread
    if thread is not None:
        thread.join(30)
    assert cache.core.shared.leases._thread is None
    assert cache.get_or_load("another", lambda: 2) == 2


@pytest.mark.process
def test_a_forked_child_holds_and_renews_leases_of_its_own():
    """A child has none of its parent's leases, and a thread of its own."""
    leases = Leases(600, MemoryRedis())
    leases.hold("parent", "place")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before = len(leases)
        leases.hold("child", "place")
        os.write(writer, b"ok" if before == 0 and leases._thread is not None and leases._thread.is_alive() else b"no")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 2) == b"ok"
    assert len(leases) == 1
    leases.drop("parent")
