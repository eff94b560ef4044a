"""Stale values, early renewal, time limits, jitter, negative answers, errors that are remembered; plain and async."""

import asyncio
import math
import random
import statistics
import threading
import time
import traceback

import pytest

from mestres_perf import MISS, Adaptive, Cache, Memory, Redis, loading
from mestres_perf.cache._adaptive import Changes
from mestres_perf.errors import ConfigurationError, LoadTimeout


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def make(request, clock):
    """Makes caches on one clock: in memory alone, or on one Redis."""
    made = []

    def make(**options):
        redis = Redis(request.getfixturevalue("redis_db"), timeout=2.0) if request.param == "redis" else None
        cache = Cache("shop", redis=redis, clock=clock, trust=1e9, **options)
        made.append(cache)
        return cache

    yield make
    for cache in made:
        cache.close()


def until(condition):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.001)


class Numbers:
    """A loader that counts."""

    def __init__(self):
        self.calls = 0
        self.error = None

    def __call__(self):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.calls


def test_stale_while_it_is_renewed(make, clock):
    """After its TTL a value is given out at once while one load renews it; after the window it is waited for."""
    cache, loader = make(ttl=10, stale_while_revalidate=30), Numbers()
    assert cache.get_or_load("k", loader) == 1
    clock.now += 11
    assert cache.get_or_load("k", loader) == 1
    until(lambda: cache.peek("k") == 2)
    assert (loader.calls, cache.stats().refreshes, cache.stats().stale) == (2, 1, 1)
    clock.now += 41
    assert cache.get_or_load("k", loader) == 3


def test_one_renewal_for_all(make, clock):
    """However many are given the stale value, one of them causes one load."""
    cache = make(ttl=10, stale_while_revalidate=30)
    cache.get_or_load("k", lambda: "old")
    clock.now += 11
    go, calls = threading.Event(), []

    def load():
        calls.append(1)
        assert go.wait(20)
        return "new"

    assert [cache.get_or_load("k", load) for _ in range(20)] == ["old"] * 20
    go.set()
    until(lambda: cache.peek("k") == "new")
    assert len(calls) == 1


def test_renewal_of_tasks(make, clock):
    """The same for async code: the renewal is a task of the caller's loop."""
    cache = make(ttl=10, stale_while_revalidate=30)
    calls = []

    async def load():
        calls.append(1)
        return len(calls)

    async def main():
        first = await cache.aget_or_load("k", load)
        clock.now += 11
        stale = [await cache.aget_or_load("k", load) for _ in range(5)]
        await asyncio.to_thread(until, lambda: len(calls) == 2 and not cache.core.flights.has("k"))
        fresh = await cache.aget_or_load("k", load)
        await cache.aclose()
        return first, stale, fresh

    assert asyncio.run(main()) == (1, [1] * 5, 2)


@pytest.mark.parametrize("how", [lambda c: c.delete("k"), lambda c: c.invalidate_tags("t"), lambda c: c.clear()])
def test_renewal_is_no_stale_fill(make, clock, how):
    """An invalidation while a renewal is under way keeps what it loads out; what is gone is not given out as stale."""
    cache = make(ttl=10, stale_while_revalidate=1000, stale_if_error=1000)
    database, began, go = ["old"], threading.Event(), threading.Event()

    def load():
        value = database[0]
        began.set()
        assert go.wait(20)
        return value

    go.set()
    cache.get_or_load("k", load, tags=["t"])
    clock.now += 11
    began.clear()
    go.clear()
    assert cache.get_or_load("k", load, tags=["t"]) == "old"
    assert began.wait(20)
    database[0] = "new"
    how(cache)
    go.set()
    assert cache.get_or_load("k", lambda: database[0], tags=["t"]) == "new"
    until(lambda: threading.active_count() < 3 or cache.stats().loads >= 3)
    assert cache.get_or_load("k", lambda: "later", tags=["t"]) == "new"


def test_stale_if_the_loader_fails(make, clock):
    """A failing loader is forgiven while there is a stale value, tried again after a second, and not for ever."""
    cache, loader = make(ttl=10, stale_if_error=100), Numbers()
    assert cache.get_or_load("k", loader) == 1
    loader.error = OSError("away")
    clock.now += 11
    assert [cache.get_or_load("k", loader) for _ in range(5)] == [1] * 5
    assert loader.calls == 2
    clock.now += 1.1
    assert cache.get_or_load("k", loader) == 1
    assert loader.calls == 3
    clock.now += 100
    with pytest.raises(OSError, match="away"):
        cache.get_or_load("k", loader)


@pytest.mark.scenario(28)
def test_cleared_is_not_stale(make, clock):
    """What was invalidated is never given out again, whatever the loader does."""
    cache, loader = make(ttl=10, stale_if_error=100), Numbers()
    cache.get_or_load("k", loader)
    cache.clear()
    loader.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        cache.get_or_load("k", loader)


def test_soft_timeout(make, clock):
    """When the loader takes longer, the stale value is given out meanwhile; the load goes on and is remembered."""
    cache = make(ttl=10, stale_if_error=100, soft_timeout=0.02)
    assert cache.get_or_load("k", lambda: "old") == "old"
    clock.now += 11
    go = threading.Event()

    def slow():
        assert go.wait(20)
        return "new"

    assert cache.get_or_load("k", slow) == "old"
    go.set()
    until(lambda: cache.peek("k") == "new")
    assert cache.stats().loads == 2


def test_hard_timeout(make):
    """Without a stale value the caller is told; the load goes on and is remembered."""
    cache = make(ttl=10, hard_timeout=0.02)
    go = threading.Event()

    def slow():
        assert go.wait(20)
        return "v"

    with pytest.raises(LoadTimeout, match="'k'"):
        cache.get_or_load("k", slow)
    go.set()
    until(lambda: cache.peek("k") == "v")


def test_hard_timeout_of_tasks(make):
    """The same for async code."""
    cache = make(ttl=10, hard_timeout=0.02)

    async def main():
        go = asyncio.Event()

        async def slow():
            await go.wait()
            return "v"

        with pytest.raises(LoadTimeout):
            await cache.aget_or_load("k", slow)
        go.set()
        await asyncio.to_thread(until, lambda: cache.peek("k") == "v")
        await cache.aclose()

    asyncio.run(main())


def test_a_loader_in_the_background_that_fails_tells_who_waits(make):
    """With a time limit the load runs elsewhere; its error reaches the caller all the same."""
    cache, loader = make(hard_timeout=20), Numbers()
    loader.error = KeyError("none")
    with pytest.raises(KeyError, match="none"):
        cache.get_or_load("k", loader)
    assert len(cache.core.flights) == 0


@pytest.mark.scenario(14)
def test_jitter(clock):
    """A thousand values that come together go in the course of a tenth of their TTL, evenly."""
    cache = Cache(ttl=60, jitter=0.1, clock=clock)
    for number in range(1000):
        cache.set(number, number)
    left = [cache.explain(number).ttl_left for number in range(1000)]
    assert 54 <= min(left) < 55
    assert 59 < max(left) <= 60
    assert abs(statistics.mean(left) - 57) < 0.5


@pytest.mark.scenario(14)
def test_early_renewal(clock):
    """With `early` a slow value is renewed before it expires, by XFetch's dice, and never by somebody who waits."""
    cache = Cache(ttl=100, early=1.0, clock=clock)

    def load():
        clock.now += 5
        return clock.now

    first = cache.get_or_load("k", load)
    cache.core.dice = lambda: 1 - 2.71828**-3  # draws three load times
    clock.now += 84  # 16 s left
    assert cache.get_or_load("k", load) == first
    assert cache.stats().refreshes == 0
    clock.now += 2  # 14 s left
    assert cache.get_or_load("k", load) == first
    until(lambda: cache.peek("k") not in (MISS, first))
    assert cache.stats().refreshes == 1


def test_negative_ttl(make, clock):
    """None is remembered for its own time."""
    cache = make(ttl=100, negative_ttl=5)
    assert cache.get_or_load("k", lambda: None) is None
    clock.now += 4
    assert cache.get_or_load("k", lambda: "there now") is None
    clock.now += 2
    assert cache.get_or_load("k", lambda: "there now") == "there now"


class NotFoundError(LookupError):
    """With more than a message."""

    def __init__(self, what, code):
        super().__init__(what, code)
        self.what = what


def test_errors_are_remembered(make, clock):
    """An error with a TTL is raised again without calling the loader, and does not grow; others are not kept."""
    cache, loader = make(errors={LookupError: 5}), Numbers()
    loader.error = NotFoundError("A1", 404)
    lengths = []
    for _ in range(5):
        with pytest.raises(NotFoundError) as caught:
            cache.get_or_load("k", loader)
        assert (caught.value.what, caught.value.args) == ("A1", ("A1", 404))
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert (loader.calls, len(set(lengths[1:]))) == (1, 1)
    assert MISS is cache.peek("k")
    assert cache.explain("k").state == "error"
    clock.now += 6
    loader.error = None
    assert cache.get_or_load("k", loader) == 2
    loader.error = OSError()
    for _ in range(2):
        with pytest.raises(OSError):
            cache.get_or_load("other", loader)
    assert loader.calls == 4


def test_a_loader_speaks_of_its_value(make, clock):
    """Inside a loader `loading()` sets TTL and tags, sees the value that is to be replaced, and may refuse keeping."""
    cache, seen = make(ttl=100, stale_if_error=1000), []

    def load():
        seen.append(loading().stale)
        loading().ttl = 5
        loading().tag("late")
        return len(seen)

    assert cache.get_or_load("k", load) == 1
    clock.now += 6
    assert cache.get_or_load("k", load) == 2
    assert seen == [MISS, 1]
    assert cache.explain("k").tags == ("late",)
    cache.invalidate_tags("late")
    assert cache.get_or_load("k", load) == 3

    def unkept():
        loading().keep = False
        return "once"

    assert [cache.get_or_load("u", unkept) for _ in range(2)] == ["once"] * 2
    assert cache.peek("u") is MISS
    with pytest.raises(ConfigurationError, match="loaders"):
        loading()


def test_a_tag_that_a_loader_adds_is_no_stale_fill(make):
    """A tag that is only known at the end of a load is invalid if it was bumped during it, also by another node."""
    here, there = make(), make()
    for node in (here, there) if here.core.shared else (here,):

        def load(node=node):
            loading().tag("late")
            node.invalidate_tags("late")
            return "old"

        assert here.get_or_load("k", load) == "old"
        assert here.get("k") is MISS


def test_copies():
    """With `copies` nobody can change what others are given: not the caller of set, the leader, or a reader."""
    cache = Cache(memory=Memory(copies=True))
    mine = {"a": [1]}
    cache.set("k", mine)
    mine["a"].append(2)

    @cache.cached
    def function(number):
        return [number]

    for _ in range(3):
        cache.get("k")["a"].append(3)
        function(1).append(9)
        cache.get_many(["k", "m"], lambda keys: {key: [0] for key in keys})["m"].append(5)
    assert (cache.get("k"), function(1), cache.get("m")) == ({"a": [1]}, [1], [0])


def test_a_batch_joins_what_is_being_loaded(make):
    """A key that somebody else is loading is waited for and not loaded twice; his failure leaves it out."""
    cache = make()
    began, go = threading.Event(), threading.Event()

    def slow():
        began.set()
        assert go.wait(20)
        return "slow"

    thread = threading.Thread(target=cache.get_or_load, args=("a", slow))
    thread.start()
    assert began.wait(20)
    asked = []

    def batch(keys):
        asked.extend(keys)
        go.set()
        return dict.fromkeys(keys, "batch")

    assert cache.get_many(["a", "b"], batch) == {"a": "slow", "b": "batch"}
    assert asked == ["b"]
    thread.join()


def test_two_batches_that_share_keys(make):
    """Batches in opposite orders end, and load each key once between them."""
    cache = make()
    loaded, found = [], []

    def batch(keys):
        time.sleep(0.01)
        loaded.extend(keys)
        return dict.fromkeys(keys, 1)

    def ask(keys):
        found.append(len(cache.get_many(keys, batch)))

    keys = [f"k{number}" for number in range(50)]
    threads = [threading.Thread(target=ask, args=(order,)) for order in (keys, keys[::-1]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [50] * 8
    assert sorted(loaded) == sorted(keys)


def test_changes_decide(clock):
    """What has never changed is kept for longest, what changes always for shortest; the right rate in between."""
    cache = Cache(ttl=Adaptive(mode="changes", max_stale=0.05, otherwise=60, shortest=1, longest=1000), clock=clock)

    @cache.cached
    def steady():
        return 1

    @cache.cached
    def restless():
        return clock.now

    for _ in range(100):
        steady()
        restless()
        clock.now += 1001
    steady()
    restless()
    assert steady.explain().ttl_left == pytest.approx(1000)
    assert restless.explain().ttl_left < 20


@pytest.mark.parametrize("every", [100.0, 1000.0])
def test_the_estimate_is_near_the_truth(every):
    """Looked at in steps, a Poisson process of changes is estimated without bias: on average within a twentieth."""
    dice, step, estimates = random.Random(7), every / 2, []
    for _ in range(100):
        changes = Changes()
        for _ in range(150):
            changes.observe("f", step, changed=dice.expovariate(1 / every) < step)
        estimates.append(changes.of("f").rate)
    assert statistics.mean(estimates) == pytest.approx(1 / every, rel=0.05)


def test_families_are_bounded():
    """However many families there are, so many are remembered."""
    changes = Changes(most=10)
    for number in range(1000):
        changes.observe(str(number), 1.0, changed=True)
    assert len(changes) == 10


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"jitter": 1}, "jitter"),
        ({"stale_while_revalidate": -1}, "stale_while_revalidate"),
        ({"stale_if_error": "long"}, "stale_if_error"),
        ({"early": -0.5}, "early"),
        ({"soft_timeout": 0}, "soft_timeout"),
        ({"hard_timeout": True}, "hard_timeout"),
        ({"negative_ttl": 0}, "negative_ttl"),
        ({"errors": {"LookupError": 5}}, "classes"),
        ({"errors": {LookupError: -5}}, "LookupError"),
        ({"tll": 5}, "tll: no such option.*stale_if_error"),
    ],
)
def test_wrong_options_are_refused(wrong, words):
    """For a cache, a function and a call alike; nothing is loaded."""
    cache = Cache()
    for attempt in (
        lambda: Cache(**wrong),
        lambda: cache.cached(**wrong),
        lambda: cache.get_or_load("k", pytest.fail, **wrong),
        lambda: cache.set("k", 1, **wrong),
    ):
        with pytest.raises(ConfigurationError, match=words):
            attempt()
    assert cache.get("k") is MISS


def test_for_ever(each_redis):
    """Times without an end are taken, in memory and through Redis."""
    url, protocol = each_redis
    with Cache("shop", redis=Redis(url, protocol=protocol), ttl=math.inf, stale_if_error=math.inf) as cache:
        assert cache.get_or_load("k", lambda: 1) == 1
        cache.set("j", 2)
        with Cache("shop", redis=Redis(url, protocol=protocol)) as other:
            assert (other.get("k"), other.get("j")) == (1, 2)
