"""One cache, in memory and through a real Redis, for threads and for tasks."""

import asyncio
import threading
import time

import pytest

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf.errors import ConfigurationError, RecursiveLoadError, UncacheableError


@pytest.fixture(params=["memory", "redis"])
def make(request):
    """Makes caches that share what they can share: nothing in memory, everything in Redis."""
    made = []

    def make(name="shop", **options):
        if request.param == "redis":
            options.setdefault("redis", Redis(request.getfixturevalue("redis_db"), timeout=2.0))
        made.append(Cache(name, **options))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def cache(make):
    return make()


class Slow:
    """A loader that stops in the middle until it is told to go on."""

    def __init__(self, source):
        self.source = source
        self.calls = 0
        self.read = threading.Event()
        self.go = threading.Event()

    def __call__(self):
        self.calls += 1
        value = self.source[0]
        self.read.set()
        assert self.go.wait(10)
        return value


def in_thread(function, *arguments, **named):
    results = []

    def work():
        try:
            results.append(function(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - the test wants to see whatever it is
            results.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, results


INVALIDATIONS = {
    "delete": lambda cache: cache.delete("k"),
    "tags": lambda cache: cache.invalidate_tags("t"),
    "clear": lambda cache: cache.clear(),
    "set": lambda cache: cache.set("k", 2),
}


@pytest.mark.parametrize("how", INVALIDATIONS)
def test_no_stale_fill(cache, how):
    """A load that was under way when its key was invalidated does not put the old value back."""
    database = [1]
    slow = Slow(database)
    thread, seen = in_thread(cache.get_or_load, "k", slow, tags=["t"])
    assert slow.read.wait(10)
    database[0] = 2
    INVALIDATIONS[how](cache)
    slow.go.set()
    thread.join()

    assert seen == [1]  # it had begun before
    assert cache.get_or_load("k", lambda: database[0], tags=["t"]) == 2
    assert cache.get("k") == 2


@pytest.mark.parametrize("how", ["delete", "tags", "clear"])
def test_nobody_joins_an_invalidated_load(how):
    """Who comes after the invalidation loads for himself, though the old load is still running."""
    cache = Cache("joining")
    database = [1]
    slow = Slow(database)
    thread, _ = in_thread(cache.get_or_load, "k", slow, tags=["t"])
    assert slow.read.wait(10)
    database[0] = 2
    INVALIDATIONS[how](cache)

    assert cache.get_or_load("k", lambda: database[0], tags=["t"]) == 2

    slow.go.set()
    thread.join()
    assert cache.get("k") == 2


@pytest.mark.parametrize("how", ["delete", "tags", "clear"])
def test_no_stale_fill_from_another_process(make, how):
    """What one node invalidates, a load that is running on another does not put back into Redis or memory."""
    here, there = make(), make()
    if here._redis is None:
        here = there  # without Redis there is but one node
    database = [1]
    slow = Slow(database)
    thread, _ = in_thread(there.get_or_load, "k", slow, tags=["t"])
    assert slow.read.wait(10)
    database[0] = 2
    INVALIDATIONS[how](here)
    slow.go.set()
    thread.join()

    assert here.get_or_load("k", lambda: database[0], tags=["t"]) == 2
    assert there.peek("k") in (MISS, 2)


def test_one_load_for_all_threads(cache):
    """Twenty threads that ask for a cold key at once cause one load, and all get its value."""
    slow = Slow(["v"])
    crowd = [in_thread(cache.get_or_load, "k", slow) for _ in range(20)]
    assert slow.read.wait(10)
    slow.go.set()
    for thread, _ in crowd:
        thread.join()

    assert [seen for _, seen in crowd] == [["v"]] * 20
    assert slow.calls == 1
    assert len(cache.core.flights) == 0


def test_one_load_for_threads_and_tasks(cache):
    """A task that asks while a thread is loading waits for the thread, and blocks nobody else meanwhile."""
    slow = Slow(["v"])
    thread, seen = in_thread(cache.get_or_load, "k", slow)
    assert slow.read.wait(10)

    async def never():
        raise AssertionError("loaded twice")

    async def main():
        waiting = asyncio.create_task(cache.aget_or_load("k", never))
        for _ in range(5):
            await asyncio.sleep(0)  # the loop goes on turning
        slow.go.set()
        value = await waiting
        await cache.aclose()
        return value

    assert asyncio.run(main()) == "v"
    thread.join()
    assert seen == ["v"]


def test_error_reaches_all_and_stays_nowhere(cache):
    """What the loader raises reaches everybody who waited; the next caller loads anew."""
    go = threading.Event()
    began = threading.Event()

    def fails():
        began.set()
        go.wait(10)
        raise OSError("down")

    crowd = [in_thread(cache.get_or_load, "k", fails) for _ in range(5)]
    assert began.wait(10)
    while len(cache.core.flights) != 1:
        time.sleep(0)
    go.set()
    for thread, _ in crowd:
        thread.join()

    assert [OSError] * 5 == [type(seen[0]) for _, seen in crowd]
    assert cache.get_or_load("k", lambda: 7) == 7
    assert len(cache.core.flights) == 0


def test_cancelled_leader_hands_over(cache):
    """When the task that loads is cancelled, one of those who wait loads instead; none of them is cancelled."""
    calls = []

    async def loader():
        calls.append(1)
        await asyncio.sleep(0.02)
        return "v"

    async def main():
        leader = asyncio.create_task(cache.aget_or_load("k", loader))
        while not calls:  # noqa: ASYNC110 - the loader is no place for an event
            await asyncio.sleep(0)
        others = [asyncio.create_task(cache.aget_or_load("k", loader)) for _ in range(5)]
        await asyncio.sleep(0)
        leader.cancel()
        results = await asyncio.gather(leader, *others, return_exceptions=True)
        await cache.aclose()
        return results

    first, *rest = asyncio.run(main())

    assert isinstance(first, asyncio.CancelledError)
    assert rest == ["v"] * 5
    assert len(calls) == 2


def test_cancelled_waiter_hurts_nobody(cache):
    """A task that stops waiting takes neither the load nor the other waiters with it."""

    async def loader():
        await asyncio.sleep(0.02)
        return "v"

    async def main():
        tasks = [asyncio.create_task(cache.aget_or_load("k", loader)) for _ in range(4)]
        await asyncio.sleep(0.005)
        tasks[2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await cache.aclose()
        return results

    results = asyncio.run(main())

    assert isinstance(results.pop(2), asyncio.CancelledError)
    assert results == ["v"] * 3


def test_a_loader_may_not_ask_for_its_own_key(cache):
    """A loader that asks for the key that it is loading gets a clear error instead of waiting for ever."""
    with pytest.raises(RecursiveLoadError):
        cache.get_or_load("k", lambda: cache.get_or_load("k", lambda: 1))
    with pytest.raises(RecursiveLoadError):
        cache.get_or_load("a", lambda: cache.get_or_load("b", lambda: cache.get_or_load("a", lambda: 1)))
    assert cache.get_or_load("k", lambda: 1) == 1


def test_two_threads_that_need_each_other():
    """f(a) needs f(b) and f(b) needs f(a), in two threads at once: both end."""
    cache = Cache("knot")
    both = threading.Barrier(2)

    def load(other, value):
        both.wait(10)
        cache.get_or_load(other, lambda: f"beside {other}")
        return value

    crowd = [in_thread(cache.get_or_load, mine, lambda o=other: load(o, "v")) for mine, other in ("ab", "ba")]
    for thread, _ in crowd:
        thread.join(10)

    assert [seen for _, seen in crowd] == [["v"], ["v"]]


@pytest.mark.scenario(43)
def test_none_is_a_value(cache):
    """None is remembered like any other value, and told from nothing."""
    calls = []

    def loader():
        calls.append(1)

    assert cache.get_or_load("k", loader) is None
    assert cache.get_or_load("k", loader) is None
    assert len(calls) == 1
    assert cache.get("k", "default") is None
    assert MISS is cache.get("other")


@pytest.mark.scenario(48)
def test_what_can_be_used_once_is_refused(cache):
    """A generator or coroutine is refused instead of being given, used up, to the second caller."""
    with pytest.raises(UncacheableError, match="generator"):
        cache.get_or_load("k", lambda: (n for n in range(3)))
    with pytest.raises(UncacheableError):
        cache.set("k", (n for n in range(3)))
    assert MISS is cache.get("k")


def test_values_expire(make):
    """A value holds for its TTL by the monotonic clock, and not longer."""
    now = [100.0]
    cache = make(clock=lambda: now[0])
    cache.set("k", 1, ttl=0.9)
    now[0] += 0.8
    assert cache.peek("k") == 1
    now[0] += 0.2
    assert MISS is cache.peek("k")


def test_tags(cache):
    """Invalidating a tag forgets what has it, and nothing else."""
    cache.set("a", 1, tags=["x", "y"])
    cache.set("b", 2, tags=["y"])
    cache.set("c", 3)
    cache.invalidate_tags("x")

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (MISS, 2, 3)

    cache.invalidate_tags("y", "unknown")
    assert (cache.get("b"), cache.get("c")) == (MISS, 3)


@pytest.mark.scenario(70)
def test_names_keep_caches_apart(make):
    """Two caches with different names share nothing, and clearing one leaves the other."""
    one, two = make("one"), make("two")
    one.set("k", 1)
    two.set("k", 2)
    one.clear()

    assert (one.get("k"), two.get("k")) == (MISS, 2)


def test_bound(make):
    """There are never more values than `max_items`."""
    cache = make(memory=Memory(max_items=10))
    for number in range(50):
        cache.set(number, number)

    assert cache.stats().size == 10
    assert cache.stats().evictions == 40


def test_batch(cache):
    """One call of the batch loader for all that is missing; what it leaves out is left out."""
    asked = []

    def load(keys):
        asked.append(sorted(keys))
        return {key: key.upper() for key in keys if key != "z"}

    cache.set("a", "A")

    assert cache.get_many(["a", "b", "c", "z"], load) == {"a": "A", "b": "B", "c": "C"}
    assert asked == [["b", "c", "z"]]
    assert cache.get("b") == "B"
    assert MISS is cache.get("z")


def test_batch_for_tasks(cache):
    """The same for async code."""

    async def load(keys):
        return {key: key.upper() for key in keys}

    async def main():
        found = await cache.aget_many(["a", "b"], load)
        again = await cache.aget("a")
        await cache.aclose()
        return found, again

    assert asyncio.run(main()) == ({"a": "A", "b": "B"}, "A")


def test_batch_is_no_stale_fill_either(cache):
    """An invalidation while a batch loads keeps its old values out."""

    def load(keys):
        cache.invalidate_tags("t")
        return dict.fromkeys(keys, "old")

    assert cache.get_many(["k"], load, tags=["t"]) == {"k": "old"}
    assert MISS is cache.get("k")


@pytest.mark.scenario(56)
def test_statistics(make):
    """Every request is a hit or a miss, also from eight threads at once; reading them changes nothing."""
    cache = make()
    cache.set("k", 1)

    def ask():
        for _ in range(500):
            cache.get_or_load("k", lambda: 1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = cache.stats()

    assert stats.hits + stats.misses == 4000
    assert stats == cache.stats()
    assert 0.9 < cache.hit_rate <= 1


def test_decorated(cache):
    """A decorated function is called as before; it can be asked, invalidated, refreshed and bypassed."""
    calls = []

    @cache.cached(ttl=60, tags=lambda sku, **_: [f"product:{sku}"])
    def product(sku: str, *, full: bool = False) -> dict[str, object]:
        """Its own words."""
        calls.append(sku)
        return {"sku": sku, "n": len(calls)}

    assert {"sku": "A", "n": 1} == product("A") == product(sku="A") == product("A", full=False)
    assert product("A", full=True)["n"] == 2
    product.invalidate("A")
    assert product("A")["n"] == 3
    assert product.refresh("A")["n"] == 4
    assert product.peek("A")["n"] == 4
    assert product.explain("A").layer == "memory"
    assert product.explain("A").tags == ("product:A",)
    assert product.uncached("A")["n"] == 5
    assert [one["n"] for one in product.many([("A",), ("B",)])] == [4, 6]
    cache.invalidate_tags("product:A")
    assert product("A")["n"] == 7
    assert cache.get(product.key("A"))["n"] == 7
    assert (product.__name__, product.__doc__) == ("product", "Its own words.")


def test_decorated_async(cache):
    """The same for an async function, which stays one."""
    import inspect

    from asgiref.sync import iscoroutinefunction

    calls = []

    @cache.cached
    async def double(number: int) -> int:
        calls.append(number)
        await asyncio.sleep(0.01)
        return 2 * number

    async def main():
        first = await asyncio.gather(*(double(4) for _ in range(20)))
        await double.ainvalidate(4)
        second = await double(4)
        many = await double.many([(4,), (5,)])
        await cache.aclose()
        return first, second, many

    assert asyncio.run(main()) == ([8] * 20, 8, [8, 10])
    assert calls == [4, 4, 5]
    assert iscoroutinefunction(double)
    assert "number" in inspect.signature(double).parameters


@pytest.mark.scenario(53)
def test_three_loops_in_a_row(cache):
    """A cache outlives the loop it was first used in."""

    async def load():
        return 1

    async def main():
        value = await cache.aget_or_load("k", load)
        await cache.aclose()
        return value

    assert [asyncio.run(main()) for _ in range(3)] == [1, 1, 1]


@pytest.mark.scenario(42)
def test_methods():
    """A cached method belongs to its object: two objects share nothing, and the cache keeps neither alive."""
    import gc
    import weakref

    cache = Cache("methods")

    class Shop:
        def __init__(self, name):
            self.name = name

        @cache.cached
        def title(self, suffix):
            return self.name + suffix

    one, two = Shop("one"), Shop("two")

    assert (one.title("!"), two.title("!")) == ("one!", "two!")
    one.name = "changed"
    assert one.title("!") == "one!"
    one.title.invalidate("!")
    assert one.title("!") == "changed!"

    gone = weakref.ref(two)
    del two
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Cache("x", ttl=0), "above zero"),
        (lambda: Cache("x", ttl="60"), "above zero"),
        (lambda: Cache("{x}"), "without braces"),
        (lambda: Memory(max_items=0), "at least 1"),
        (lambda: Cache("x").set("k", 1, tags=["a\nb"]), "line breaks"),
        (lambda: Redis("localhost"), "redis://"),
    ],
)
def test_bad_input(wrong, words):
    """A wrong argument gives one typed error that says what would be right."""
    with pytest.raises(ConfigurationError, match=words):
        wrong()


def test_generators_cannot_be_decorated():
    """A generator function is refused where it is decorated."""
    with pytest.raises(ConfigurationError, match="return a list"):

        @Cache("x").cached
        def numbers():
            yield 1
