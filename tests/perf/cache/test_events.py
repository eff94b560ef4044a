"""What a cache tells its listeners: each thing once, and never at the cost of whoever uses the cache."""

import asyncio
import logging
import threading

import pytest
from tests.perf.faces import FACES

from mestres_perf import MISS, Cache, Event, Memory, loading
from mestres_perf.cache._backplane import BUMP, CLEAR, DROP, Message
from mestres_perf.cache._events import KINDS
from mestres_perf.errors import ConfigurationError
from mestres_perf.testing import MemoryRedis


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    """Makes caches to be called by threads, or by tasks, and what is told of them."""
    made = []

    def make(*kinds, **options):
        cache = Cache("shop", **options)
        told = []
        cache.subscribe(told.append, *kinds)
        made.append(request.param(cache))
        return made[-1], told

    yield make
    for each in made:
        each.close()


def kinds(told):
    """What has been told, in order."""
    return [event.kind for event in told]


def until(condition):
    """Wait for what happens in the background."""
    for _ in range(20_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it has not happened")


def test_a_load(face, clock):
    """A load is told with its time and tags, then the miss that it was for; a hit in memory is not told at all."""
    cache, told = face(clock=clock)

    def load():
        clock.now += 2
        return 1

    assert cache.get_or_load("k", load, tags=["t"]) == 1
    assert cache.get_or_load("k", load) == cache.get("k") == 1

    assert told == [
        Event("load", "shop", "k", seconds=2.0, tags=("t",)),
        Event("miss", "shop", "k"),
    ]


def test_an_error(face):
    """A loader that raises is told with its error, once for all who wait."""
    cache, told = face()
    error = LookupError("no")

    def load():
        raise error

    with pytest.raises(LookupError):
        cache.get_or_load("k", load)

    assert kinds(told) == ["error", "miss"]
    assert told[0].error is error


def test_misses_and_redis(face, clock):
    """What Redis has is a hit in the layer "redis", looked up or to be loaded; what it does not have is a miss."""
    redis = MemoryRedis(clock)
    Cache("shop", redis=redis).set("k", 1)
    cache, told = face(redis=redis, clock=clock)
    assert MISS is cache.get("unknown")
    assert cache.get("k") == 1
    clock.now += 10  # memory is not trusted any more
    assert cache.get_or_load("k", lambda: 2) == 1

    assert told == [
        Event("miss", "shop", "unknown"),
        Event("hit", "shop", "k", "redis"),
        Event("hit", "shop", "k", "redis"),
    ]
    stats = cache.stats()
    assert (stats.hits, stats.redis_hits, stats.memory_hits, stats.misses, stats.loads) == (2, 2, 0, 1, 0)


def test_a_batch(face, clock):
    """A batch is one load without a key; each of its keys is a hit or a miss."""
    redis = MemoryRedis(clock)
    Cache("shop", redis=redis).set("a", "A")
    cache, told = face(redis=redis, clock=clock)
    assert cache.get_many(["a", "b", "c"], lambda keys: {key: key.upper() for key in keys}, tags=["t"]) == {
        "a": "A",
        "b": "B",
        "c": "C",
    }

    assert [(event.kind, event.key, event.tags) for event in told] == [
        ("hit", "a", ()),
        ("load", None, ("t",)),
        ("miss", "b", ()),
        ("miss", "c", ()),
    ]
    with pytest.raises(OSError, match="down"):
        cache.get_many(["d"], lambda _: (_ for _ in ()).throw(OSError("down")))
    assert kinds(told[4:]) == ["error", "miss"]
    assert (cache.stats().hits, cache.stats().misses) == (1, 3)


def test_stale_and_refreshed(face, clock):
    """A stale value is told with the reason for which it was given: it is renewed, or better than an error."""
    cache, told = face("stale", "refresh", clock=clock, ttl=10, stale_while_revalidate=5, stale_if_error=100)
    cache.set("k", 1)
    clock.now += 11
    assert cache.get_or_load("k", lambda: 2) == 1
    until(lambda: cache.peek("k") == 2)
    clock.now += 20
    error = OSError("down")

    def fail():
        raise error

    assert cache.get_or_load("k", fail) == 2

    assert sorted((event.kind, event.reason, event.error) for event in told[:2]) == [
        ("refresh", "", None),
        ("stale", "while it is renewed", None),
    ]
    assert told[2:] == [Event("stale", "shop", "k", error=error, reason="because its loader failed")]


def test_stale_while_it_takes_long(face, clock):
    """Whoever does not wait for a slow loader is told to have been given a stale value for that reason."""
    cache, told = face("stale", clock=clock, ttl=10, stale_if_error=100, soft_timeout=0.01)
    cache.set("k", 1)
    clock.now += 11
    end = threading.Event()

    assert cache.get_or_load("k", lambda: end.wait(20)) == 1
    end.set()

    assert [event.reason for event in told] == ["while its loader takes long"]


def test_evicted(face):
    """What has to go is told with its tags, after the lock is free: the listener may use the cache."""
    cache, told = face("evict", memory=Memory(max_items=2, policy="lru"))
    plain = cache.cache
    sizes = []
    plain.subscribe(lambda event: sizes.append((event.key, plain.peek(event.key), plain.peek("c"))), "evict")
    for key in "abc":
        cache.set(key, key, tags=[f"tag:{key}"])

    assert told == [Event("evict", "shop", "a", tags=("tag:a",), reason="no more room")]
    assert sizes == [("a", MISS, "c")]


def test_refused(face, clock):
    """What was invalidated while it was loaded is given to who asked, not remembered, and told; in Redis too."""
    for redis in (None, MemoryRedis(clock)):
        cache, told = face("refuse", redis=redis)

        def load(cache=cache):
            cache.cache.invalidate_tags("t")
            return 1

        assert cache.get_or_load("k", load, tags=["t"]) == 1
        assert [(event.kind, event.key, event.tags) for event in told] == [("refuse", "k", ("t",))]
        assert cache.stats().refused == 1

        def unkept():
            loading().keep = False

        cache.get_or_load("own wish", unkept)
        assert cache.stats().refused == 1


def test_invalidated(face):
    """Each invalidation of this process is told once, after it holds."""
    cache, told = face("invalidate")
    seen = []
    cache.cache.subscribe(lambda _: seen.append(cache.cache.peek("k")), "invalidate")
    for deed in (lambda: cache.delete("k"), lambda: cache.invalidate_tags("t", "u"), cache.clear):
        cache.set("k", 1, tags=["t"])
        deed()

    assert told == [
        Event("invalidate", "shop", "k", reason="here"),
        Event("invalidate", "shop", tags=("t", "u"), reason="here"),
        Event("invalidate", "shop", reason="here"),
    ]
    assert seen == [MISS] * 3
    assert cache.stats().invalidations == 4


def test_heard(face, clock):
    """What others invalidate is told when it is heard, if it is here; so is a gap. No lock is held meanwhile."""
    cache, told = face("invalidate", "gap", redis=MemoryRedis(clock), clock=clock)
    follower = cache.cache.core.follower
    follower.begin("0", 10)
    free = []
    cache.cache.subscribe(lambda _: free.append(follower._lock.locked() or cache.core.flights._lock.locked()))
    cache.set("k", 1)
    name = cache.cache.name_in_redis("k")

    def hear(number, kind, *parts, origin="another"):
        message = Message("0", number, origin, kind, parts)
        follower.hear([message], asked_at=clock.now, is_all=True, number=number)

    hear(11, DROP, name, "unknown")
    hear(12, BUMP, "t")
    hear(13, CLEAR)
    hear(14, CLEAR, origin=cache.core.shared.origin)
    hear(20, DROP, name)

    assert told == [
        Event("invalidate", "shop", "k", reason="heard"),
        Event("invalidate", "shop", tags=("t",), reason="heard"),
        Event("invalidate", "shop", reason="heard"),
        Event("gap", "shop", reason="message 20 after 14"),
    ]
    assert free == [False] * 4
    assert (cache.stats().heard, cache.stats().gaps) == (3, 1)


def test_a_listener_that_fails(face, caplog):
    """What a listener raises reaches nobody: not the reader, not the next listener. It is logged once."""
    cache, told = face()

    def bad(_):
        raise ZeroDivisionError("mine")

    cache.cache.subscribe(bad)
    cache.cache.subscribe(told.append)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            assert cache.get_or_load(number, lambda: 1) == 1

    assert kinds(told) == ["load", "load", "miss", "miss"] * 3
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_a_listener_may_use_the_cache(face):
    """A listener that reads the key it is told of gets the value, and waits for nobody."""
    cache, told = face("load")
    found = []
    cache.cache.subscribe(lambda event: found.append(cache.cache.get(event.key)), "load")

    cache.get_or_load("k", lambda: 1)

    assert (kinds(told), found) == (["load"], [1])


def test_who_waits_does_not_wait_for_listeners():
    """The value is given to those who wait before a listener is told of its load."""
    cache = Cache()
    begun, end, told, go_on = (threading.Event() for _ in range(4))

    def load():
        begun.set()
        assert end.wait(20)
        return 1

    def listener(_):
        told.set()
        assert go_on.wait(20)

    cache.subscribe(listener, "load")
    leader = threading.Thread(target=cache.get_or_load, args=("k", load))
    leader.start()
    assert begun.wait(20)
    found = []
    waiter = threading.Thread(target=lambda: found.append(cache.get_or_load("k", load)))
    waiter.start()
    until(lambda: cache.stats().waiting == 1)
    assert cache.stats().loading == 1
    end.set()
    assert told.wait(20)
    waiter.join(20)

    assert found == [1]
    go_on.set()
    leader.join(20)
    assert (cache.stats().waiting, cache.stats().loading) == (0, 0)


def test_subscribing(face):
    """Only the kinds that were asked for are told, until it is ended; to end it twice does nothing more."""
    cache, _ = face("load")
    told = []
    end = cache.cache.subscribe(told.append, "miss")
    cache.get("a")
    assert cache.core.events.wanted == {"load", "miss"}
    end()
    end()
    cache.get("b")

    assert told == [Event("miss", "shop", "a")]
    assert cache.core.events.wanted == {"load"}


def test_bad_listeners():
    """What cannot be called, an async function and a kind that there is not are refused, and change nothing."""
    cache = Cache()

    async def later(_): ...

    with pytest.raises(ConfigurationError, match="a plain function of one event"):
        cache.subscribe(None)
    with pytest.raises(ConfigurationError, match="a plain function of one event"):
        cache.subscribe(later)
    with pytest.raises(ConfigurationError, match="no events 'hits'; there are error, evict, gap, hit"):
        cache.subscribe(print, "hits", "miss")
    assert cache.core.events.wanted == set()


def test_nobody_listens():
    """Nothing is made, noted or told while nobody wants it."""
    cache = Cache(memory=Memory(max_items=1))
    for number in range(10):
        cache.get_or_load(number, lambda: 1)
    cache.clear()

    assert not cache.core.events._noted
    cache.subscribe(print, "gap")
    assert cache.core.events.wanted == {"gap"} < KINDS


def test_cancelled():
    """A load that is cancelled is told as an error; its request was a miss."""
    cache, told = Cache(), []
    cache.subscribe(told.append)

    async def main():
        begun = asyncio.Event()

        async def load():
            begun.set()
            await asyncio.sleep(60)

        task = asyncio.ensure_future(cache.aget_or_load("k", load))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert kinds(told) == ["error", "miss"]
    assert isinstance(told[0].error, asyncio.CancelledError)
