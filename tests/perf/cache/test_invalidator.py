"""From facts to invalidations."""

import socket
from dataclasses import dataclass

import pytest

from mestres_perf import MISS, Cache, CacheInvalidator, Redis
from mestres_perf.errors import BackendUnavailable


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
