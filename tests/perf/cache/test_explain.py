"""Why a reader would be given what he would be given: said before, and then done."""

import asyncio
import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.perf.faces import FACES

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf.errors import ConfigurationError
from mestres_perf.testing import MemoryRedis

# No sum of the steps is one of these: at the very end of a TTL, Redis and memory differ by a millisecond.
TTL, STALE, ERROR, TRUST = 10.05, 5.02, 4.04, 1.03
STEPS = (0.3, 1.1, 2.7, 6.1)


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Nodes:
    """Two caches on one Redis; `here` is the one that is asked."""

    def __init__(self, redis, clock, **options):
        self.clock, self.redis = clock, redis
        options = {"ttl": TTL, "stale_while_revalidate": STALE, "errors": {LookupError: ERROR}, **options}
        if redis is None:
            self.here = self.there = Cache("shop", clock=clock, **options)
        else:
            self.here, self.there = (Cache("shop", redis=redis, clock=clock, trust=TRUST, **options) for _ in range(2))
        self.is_failing = False
        self.loads = 0

    def load(self):
        """The value says until when it is fresh."""
        self.loads += 1
        if self.is_failing:
            raise LookupError("not there")
        return self.clock.now + TTL

    def wait(self):
        """Until what is loaded in the background has landed."""
        while len(self.here.core.flights) or len(self.there.core.flights):
            threading.Event().wait(0.001)

    def given(self, ask):
        """What `ask` gives, in the words of an explanation."""
        try:
            value = ask()
        except LookupError:
            return "error"
        if value is MISS:
            return "missing"
        return "fresh" if self.clock.now < value else "stale"

    def counted(self):
        """Everything that explaining might change."""
        kept = {} if self.redis is None else self.redis._values.items()
        return self.here.stats(), {key: value for key, value in kept if value[1] is None or value[1] > self.clock.now}


def _pass(node, steps):
    node.clock.now += steps


DEEDS = {
    "here loads": lambda node: node.given(lambda: node.here.get_or_load("k", node.load, tags=["a"])),
    "there loads": lambda node: node.given(lambda: node.there.get_or_load("k", node.load, tags=["a", "b"])),
    "here sets": lambda node: node.here.set("k", node.clock.now + TTL, tags=["a", "b"]),
    "there sets": lambda node: node.there.set("k", node.clock.now + TTL, tags=["b"]),
    "here forgets": lambda node: node.here.delete("k"),
    "there forgets": lambda node: node.there.delete("k"),
    "here invalidates": lambda node: node.here.invalidate_tags("a"),
    "there invalidates": lambda node: node.there.invalidate_tags("b"),
    "all is cleared": lambda node: node.there.clear(),
    "the loader fails": lambda node: setattr(node, "is_failing", not node.is_failing),
    "redis is switched": lambda node: setattr(node.redis, "is_down", not node.redis.is_down) if node.redis else None,
    "redis is emptied": lambda node: node.redis.flush() if node.redis else None,
    **{f"{step} s pass": lambda node, step=step: _pass(node, step) for step in STEPS},
}


@pytest.mark.parametrize("layers", ["memory", "redis"])
@settings(max_examples=150, deadline=None)
@given(history=st.lists(st.sampled_from(sorted(DEEDS)), max_size=12), reader=st.sampled_from(["get", "load"]))
def test_what_is_said_is_done(layers, history, reader):
    """After any history of both processes the next reader is given what is explained; explaining changes nothing."""
    clock = Clock()
    node = Nodes(MemoryRedis(clock) if layers == "redis" else None, clock)
    for deed in history:
        DEEDS[deed](node)
        node.wait()
        was = node.counted()

        said = node.here.explain("k")

        assert said == node.here.explain("k")
        assert was == node.counted()
        assert (said.layer is None) == (said.state == "missing")
    node.is_failing, loads = False, node.loads
    said = node.here.explain("k")
    if reader == "get":
        assert node.given(lambda: node.here.get("k", MISS)) == said.state
        return
    found = node.given(lambda: node.here.get_or_load("k", node.load))
    at_once = node.loads - loads  # a stale value is renewed behind the reader's back
    node.wait()
    assert found == ("fresh" if said.state == "missing" else said.state)
    assert (at_once if said.state != "stale" else 0) == (said.state == "missing")


@pytest.fixture
def nodes():
    clock = Clock()
    return Nodes(MemoryRedis(clock), clock)


def _untrusted(node):
    node.here.set("k", node.clock.now + TTL, tags=["product:7", "catalog"])
    node.clock.now += 2


def _told(node, deed):
    _untrusted(node)
    deed()


REASONS = {
    "unknown": (lambda _: None, "missing", "not in memory"),
    "fresh": (lambda node: node.here.set("k", 1), "fresh", r"fresh for 10\.\d s more"),
    "in redis": (lambda node: node.there.set("k", 1), "fresh", "not in memory; in Redis fresh for"),
    "not trusted": (_untrusted, "fresh", r"not trusted: nothing heard from Redis for 2\.0 s; in Redis fresh for 8"),
    "a tag": (
        lambda node: _told(node, lambda: node.there.invalidate_tags("product:7")),
        "missing",
        "its tag product:7 was invalidated",
    ),
    "two tags": (
        lambda node: _told(node, lambda: node.there.invalidate_tags("product:7", "catalog")),
        "missing",
        "its tags product:7, catalog were invalidated",
    ),
    "everything": (lambda node: _told(node, node.there.clear), "missing", "everything was invalidated"),
    "a tag is lost": (
        lambda node: _told(node, lambda: node.redis._del("shop:t:catalog")),
        "missing",
        "its tag catalog was forgotten by Redis",
    ),
    "stale": (
        lambda node: _told(node, lambda: _pass(node, 10)),
        "stale",
        r"not trusted: .* 12\.0 s; in Redis expired 1\.9 s ago, given for 3\.1 s more while it is renewed",
    ),
    "too old": (lambda node: _told(node, lambda: _pass(node, 13.1)), "missing", "nothing heard from Redis for 15.1 s"),
    "no redis": (
        lambda node: _told(node, lambda: setattr(node.redis, "is_down", True)),
        "missing",
        "nothing heard from Redis for 2.0 s, and Redis does not answer",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons(nodes, name):
    """Each reason has words of its own, and a reader is given what they say."""
    prepare, state, words = REASONS[name]
    prepare(nodes)

    said = nodes.here.explain("k")

    assert (said.state, bool(re.search(words, said.because))) == (state, True), said.because
    assert said.because in str(said)
    assert (nodes.here.get("k") is MISS) == (state == "missing")


def test_an_invalidation_that_redis_was_not_told_of(nodes):
    """What Redis must still be told is not paid by explaining, and its value counts for nothing."""
    nodes.there.set("k", 1, tags=["catalog"])
    nodes.redis.is_down = True
    nodes.here.invalidate_tags("catalog")
    nodes.redis.is_down = False

    said = nodes.here.explain("k")

    assert said.because == "it was invalidated, which Redis could not be told yet"
    assert said.redis is not None
    assert nodes.here.core.shared.owes
    assert nodes.here.get("k") is MISS


def test_versions_and_layers(nodes):
    """What both layers hold is shown side by side: the versions of the tags tell which of them has made it untrue."""
    nodes.here.set("k", 1, tags=["product:7", "catalog"])
    nodes.here.get("k")
    nodes.there.invalidate_tags("product:7")

    said = nodes.here.explain("k")

    assert (said.state, said.layer, said.trusted) == ("fresh", "memory", True)  # as long as it has not been heard
    assert [(each.tag, each.holds) for each in said.versions] == [("", True), ("product:7", False), ("catalog", True)]
    assert said.memory.hits == 1
    assert said.redis.tags == said.memory.tags == said.tags == ("product:7", "catalog")
    assert said.redis.age == said.memory.age == 0.0
    assert "product:7 had version" in str(said)


def test_a_load_under_way(nodes):
    """Whoever asks while a key is loaded is told so, here and in the other process, which sees the lease."""
    begun, end = threading.Event(), threading.Event()

    def load():
        begun.set()
        assert end.wait(20)
        return 1

    thread = threading.Thread(target=nodes.here.get_or_load, args=("k", load))
    thread.start()
    assert begun.wait(20)
    nodes.clock.now += 3
    here, there = nodes.here.explain("k"), nodes.there.explain("k")
    end.set()
    thread.join()

    assert (here.loading, here.loading_for, here.loading_elsewhere) == (True, pytest.approx(3), None)
    assert here.because.startswith("a load is under way for 3.0 s")
    assert (there.loading, there.loading_for, there.loading_elsewhere) == (True, None, pytest.approx(3))
    assert there.because.startswith("a load is under way in another process for 3.0 s")
    assert "being loaded here for 3.0 s" in str(here)
    assert "being loaded in another process for 3.0 s" in str(there)
    assert not nodes.there.explain("k").loading


def test_remembered_error(nodes):
    """A remembered error is named, as long as it is raised again."""
    nodes.is_failing = True
    nodes.given(lambda: nodes.here.get_or_load("k", nodes.load))

    said = nodes.here.explain("k")

    assert (said.state, said.layer, said.because) == ("error", "memory", "remembered error LookupError")
    assert said.ttl_left == said.stale_left == pytest.approx(ERROR)


@pytest.mark.parametrize("policy", ["s3fifo", "lru", "tinylfu"])
def test_looking_keeps_nothing_alive(policy):
    """Explaining is no use: what would have to go goes."""
    one, other = (Cache(memory=Memory(max_items=5, policy=policy)) for _ in range(2))
    for cache in (one, other):
        for number in range(5):
            cache.set(number, number)
        if cache is one:
            for _ in range(5):
                cache.explain(0)
                cache.peek(0)
        for number in range(5, 8):
            cache.set(number, number)

    assert set(one.core.store.nodes) == set(other.core.store.nodes)


def test_peek_asks_nobody(nodes):
    """`peek` looks at memory only; `explain` asks Redis in one round trip, or in two for tags that are new here."""
    nodes.there.set("k", 1, tags=["a"])
    calls = nodes.redis.calls
    assert nodes.here.peek("k") is MISS
    assert nodes.redis.calls == calls
    nodes.here.explain("k")
    assert nodes.redis.calls == calls + 2
    nodes.here.get("k")
    calls = nodes.redis.calls
    nodes.here.explain("k")
    assert nodes.redis.calls == calls + 1


def test_options_of_the_reader():
    """A decorated function is explained by its own options, a key by those that are given."""
    clock = Clock()
    cache = Cache(clock=clock, ttl=10)

    @cache.cached(stale_while_revalidate=30)
    def answer():
        return 42

    answer()
    clock.now += 12
    key = answer.key()

    assert (answer.explain().state, answer.explain().stale_left) == ("stale", pytest.approx(28))
    assert cache.explain(key).because == "expired 2.0 s ago"
    assert cache.explain(key, stale_while_revalidate=5).state == "stale"
    with pytest.raises(ConfigurationError, match="no such option"):
        cache.explain(key, stale=5)


def test_memory_alone():
    """Without Redis there is nothing to trust and no version; what is not known is said to be so. Bytes are shown."""
    cache = Cache(memory=Memory(max_bytes=10_000_000), ttl=300)
    cache.set("k", "v" * 1000)

    assert cache.explain("k").memory.size > 1000
    assert "bytes" in str(cache.explain("k"))
    assert (cache.explain("k").versions, cache.explain("k").trusted) == ((), True)
    assert cache.explain("other").because == "nothing is known of it"
    assert "a reader is given nothing: nothing is known of it" in str(cache.explain("other"))


@pytest.mark.parametrize("face", FACES)
def test_on_every_redis(each_redis, face):
    """Plain and async, on each Redis with each protocol: where it is, what is left of it, and which tag has gone."""
    url, protocol = each_redis
    caches = [
        Cache("shop", redis=Redis(url, timeout=2.0, protocol=protocol), trust=1e-6, backplane=False, ttl=60)
        for _ in range(2)
    ]
    here, there = (face(cache) for cache in caches)
    try:
        there.set("k", 1, tags=["a", "b"])
        said = here.explain("k")
        there.invalidate_tags("b")
        gone = here.explain("k")
    finally:
        here.close()
        there.close()

    assert (said.state, said.layer, said.tags, said.memory) == ("fresh", "redis", ("a", "b"), None)
    assert 50 < said.ttl_left <= 60
    assert all(each.holds for each in said.versions)
    assert (gone.state, gone.because) == ("missing", "its tag b was invalidated")


def test_on_a_cluster(redis_cluster):
    """In a Redis Cluster the places lie on several nodes; the answer is the same."""
    with Cache("explained", redis=Redis(f"{redis_cluster}", timeout=5.0), backplane=False, trust=1e-6) as cache:
        cache.set("k", 1, tags=["a", "b"])
        assert cache.explain("k").layer == "redis"
        cache.invalidate_tags("a")
        assert cache.explain("k").state == "missing"


def test_redis_is_left_alone():
    """After a failure it is said for how long Redis is left alone; an async function is explained to async code."""
    cache = Cache("shop", redis=Redis("redis://localhost:1", rest=60.0))

    @cache.cached
    async def answer():
        return 42

    async def main():
        await answer()
        said = await answer.aexplain()
        await cache.aclose()
        return said

    said = asyncio.run(main())

    assert said.is_redis_away
    assert 50 < said.redis_rests <= 60
    assert "Redis does not answer, and is left alone for" in str(said)
    assert cache.stats().redis_failures >= 1
    assert cache.stats().redis_away > 0
