"""From facts to invalidations."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from mestres_perf import MISS, Cache, CacheInvalidator, Redis
from mestres_perf.errors import BackendUnavailable, ConfigurationError
from mestres_perf.testing import MemoryRedis


@dataclass
class Moved:
    what: str


class MovedFar(Moved):
    pass


RULES = {Moved: lambda fact: [f"thing:{fact.what}"], "renamed": lambda fact: [f"thing:{fact['what']}", "names"]}


@pytest.mark.parametrize(
    ("fact", "tags"),
    [
        (Moved("a"), {"thing:a"}),
        (MovedFar("a"), {"thing:a"}),
        ({"type": "renamed", "what": "b"}, {"thing:b", "names"}),
        ({"type": "unknown"}, set()),
        (object(), set()),
    ],
    ids=["its class", "a parent's", "a mapping", "an unknown type", "no rule"],
)
def test_a_fact_is_known_by_its_class_or_type(fact, tags):
    """Rules are found by class, or for mappings by their type; what has no rule makes nothing untrue."""
    assert CacheInvalidator(rules=RULES).tags_of(fact) == tags


def test_every_cache_is_told():
    """One fact invalidates all caches given, and only what has its tags."""
    first, second = Cache("first"), Cache("second")
    for cache in (first, second):
        cache.set("a", 1, tags=["thing:a"])
        cache.set("b", 1, tags=["thing:b"])

    CacheInvalidator(first, second, rules=RULES).tell(Moved("a"))

    assert [cache.get("a") for cache in (first, second)] == [MISS, MISS]
    assert [cache.get("b") for cache in (first, second)] == [1, 1]


def test_the_shops_own_words():
    """A product takes lists and searches along, an order its customer's list."""
    cache = Cache()
    invalidator = CacheInvalidator(cache)
    tags = ["product:7", "category:2", "catalog", "search", "cart:c", "order:n", "orders:ana", "product:8", "user:ana"]

    def gone(act):
        for tag in tags:
            cache.set(tag, 1, tags=[tag])
        act()
        return {tag for tag in tags if cache.get(tag) is MISS}

    assert gone(lambda: invalidator.product(7, category=2)) == {"product:7", "category:2", "catalog", "search"}
    assert gone(lambda: invalidator.product(7)) == {"product:7", "catalog", "search"}
    assert gone(lambda: invalidator.order("n", customer="ana")) == {"order:n", "orders:ana"}
    assert gone(lambda: invalidator.category(2)) == {"category:2", "catalog"}
    assert gone(lambda: invalidator.user("ana")) == {"user:ana", "orders:ana"}
    assert gone(lambda: invalidator.cart("c")) == {"cart:c"}


def test_a_delivery_that_does_not_arrive_says_so():
    """When Redis cannot be told, `tell` goes on quietly and `deliver` raises."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with Cache(redis=Redis(f"redis://127.0.0.1:{held.getsockname()[1]}/0")) as cache:
            invalidator = CacheInvalidator(cache, rules=RULES)
            invalidator.tell(Moved("a"))
            with pytest.raises(BackendUnavailable):
                invalidator.deliver(Moved("a"))


def test_a_delivery_arrives_once_redis_is_back(redis_db):
    """What could not be told before is told with the next delivery."""
    now = [0.0]
    redis = Redis(redis_db, timeout=2.0, clock=lambda: now[0])
    with Cache(redis=redis) as cache, Cache(redis=Redis(redis_db, timeout=2.0)) as other:
        other.set("a", 1, tags=["thing:a"])
        other.set("b", 1, tags=["thing:b"])
        redis.failed(OSError("away"))
        invalidator = CacheInvalidator(cache, rules=RULES)
        invalidator.tell(Moved("a"))
        now[0] += 5
        invalidator.deliver(Moved("b"))

        with Cache(redis=Redis(redis_db, timeout=2.0)) as third:
            assert (third.get("a"), third.get("b")) == (MISS, MISS)


def test_tags_that_nothing_has_leave_nothing_in_redis(redis_db):
    """Invalidating what was never cached leaves two counters and one stream in Redis, however many tags there are."""
    import redis

    with Cache(redis=Redis(redis_db, timeout=2.0)) as cache:
        cache.invalidate_tags(*(f"cart:{number}" for number in range(100)))

    with redis.Redis.from_url(redis_db) as client:
        assert sorted(client.keys()) == [b"default:n", b"{default}:q", b"{default}:s"]


class Recorder(Cache):
    """A cache that notes what it was told, and in which thread."""

    def __init__(self):
        super().__init__("recorder")
        self.told = []
        self.heard = threading.Event()

    def invalidate_tags(self, *tags):
        super().invalidate_tags(*tags)
        self.told.append(set(tags))
        self.heard.set()

    async def ainvalidate_tags(self, *tags):
        await super().ainvalidate_tags(*tags)
        self.told.append(set(tags))


def test_async_code_has_the_same_words():
    """Each method with an `a` in front invalidates what its plain twin does."""
    cache = Recorder()
    invalidator = CacheInvalidator(cache, rules=RULES)

    def both(verb, *arguments, **named):
        cache.told.clear()
        getattr(invalidator, verb)(*arguments, **named)
        asyncio.run(getattr(invalidator, f"a{verb}")(*arguments, **named))
        first, second = cache.told
        assert first == second

    both("tell", Moved("a"), {"type": "renamed", "what": "b"})
    both("deliver", Moved("a"))
    both("invalidate", "x", "y")
    both("product", 7, category=2)
    both("category", 2)
    both("user", "ana")
    both("cart", "c")
    both("order", "n", customer="ana")


def test_an_async_delivery_that_does_not_arrive_says_so():
    """`adeliver` raises when Redis could not be told, and `atell` goes on."""
    redis = MemoryRedis()
    redis.is_down = True
    invalidator = CacheInvalidator(Cache(redis=redis), rules=RULES)

    async def main():
        await invalidator.atell(Moved("a"))
        with pytest.raises(BackendUnavailable):
            await invalidator.adeliver(Moved("a"))
        redis.is_down = False
        await invalidator.adeliver(Moved("a"))

    asyncio.run(main())


def test_debounced_invalidations_are_one():
    """What comes within the window is one invalidation, one round trip, with each tag once."""
    redis, cache = MemoryRedis(), Recorder()
    shared = Cache(redis=redis)
    invalidator = CacheInvalidator(shared, cache, rules=RULES, debounce=3600)
    shared.set("a", 1, tags=["thing:1"])
    for number in range(50):
        invalidator.tell(Moved(number % 5))
    asyncio.run(invalidator.atell(Moved(5)))
    assert (cache.told, shared.get("a")) == ([], 1)

    before = redis.calls
    invalidator.flush()
    assert redis.calls == before + 1
    assert cache.told == [{f"thing:{number}" for number in range(6)}]
    assert shared.get("a") is MISS


def test_a_later_one_does_not_put_the_first_off():
    """The window begins with the first, and its end comes by itself: telling again and again delays nothing."""
    cache = Recorder()
    invalidator = CacheInvalidator(cache, debounce=0.05)
    for _ in range(4000):
        invalidator.invalidate("t")
        if cache.heard.wait(0.005):
            break
    assert cache.told[0] == {"t"}
    invalidator.flush()


def test_flush_and_leaving_a_block_invalidate_at_once():
    """Nothing is pending after `flush`, `aflush` and the end of a block, and nothing comes twice."""
    cache = Recorder()
    invalidator = CacheInvalidator(cache, debounce=3600)
    invalidator.invalidate("a")
    invalidator.flush()
    invalidator.flush()
    with invalidator:
        invalidator.invalidate("b")

    async def main():
        await invalidator.ainvalidate("c")
        await invalidator.aflush()
        async with invalidator:
            await invalidator.aproduct(1)

    asyncio.run(main())
    assert cache.told == [{"a"}, {"b"}, {"c"}, {"product:1", "catalog", "search"}]


def test_flush_waits_for_what_another_is_invalidating():
    """When `flush` returns, what was told before is done, also when the timer had just taken it."""
    began, go, done = threading.Event(), threading.Event(), []

    class Slow(Cache):
        def invalidate_tags(self, *tags):
            began.set()
            assert go.wait(20)
            done.append(tags)

    invalidator = CacheInvalidator(Slow(), debounce=0.001)
    invalidator.invalidate("a")
    assert began.wait(20)
    second = threading.Thread(target=invalidator.flush)
    second.start()
    second.join(0.05)
    assert second.is_alive()
    go.set()
    second.join(20)
    assert done == [("a",)]


def test_a_delivery_is_never_debounced():
    """`deliver` invalidates before it returns, whatever else is pending."""
    cache = Recorder()
    invalidator = CacheInvalidator(cache, rules=RULES, debounce=3600)
    invalidator.deliver(Moved("a"))
    asyncio.run(invalidator.adeliver(Moved("b")))
    assert cache.told == [{"thing:a"}, {"thing:b"}]


def test_a_program_that_ends_tells_what_is_pending():
    """At the end of a program what is pending is still invalidated."""
    program = (
        "from mestres_perf import Cache, CacheInvalidator\n"
        "class Telling(Cache):\n"
        "    def invalidate_tags(self, *tags): print(*tags, flush=True)\n"
        "CacheInvalidator(Telling(), debounce=0.2).invalidate('a', 'b')\n"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout == "a b\n"


def test_after_a_fork_the_child_invalidates_its_own_memory():
    """What is pending when a process forks is invalidated in both."""
    cache = Recorder()
    cache.set("k", 1, tags=["t"])
    invalidator = CacheInvalidator(cache, debounce=0.2)
    invalidator.invalidate("t")
    child = os.fork()
    if child == 0:
        os._exit(0 if cache.heard.wait(20) and cache.get("k") is MISS else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache.heard.wait(20)


@pytest.mark.parametrize("debounce", [0, -1, "1", True])
def test_a_wrong_debounce_is_refused(debounce):
    """The window is a number of seconds above zero."""
    with pytest.raises(ConfigurationError, match="debounce"):
        CacheInvalidator(debounce=debounce)
    with pytest.raises(ConfigurationError, match="line breaks"):
        CacheInvalidator(Cache(), debounce=1).invalidate("")
