"""Many keys at once: what it costs, and that each key is treated as it would be alone."""

import asyncio
import threading

import pytest

from mestres_perf import MISS, Cache, Redis, loading
from mestres_perf.errors import CodecError, ConfigurationError, LoadTimeout, RecursiveLoadError
from mestres_perf.testing import MemoryRedis
from perf.faces import FACES, Threads

KEYS = [f"k{number}" for number in range(100)]


class Counted:
    """A shared layer that counts round trips."""

    def __init__(self, redis):
        self.trips = 0
        self._redis = redis
        self.is_cluster = getattr(redis, "is_cluster", False)

    @property
    def blocking(self):
        return _CountedBlocking(self, self._redis.blocking)

    @property
    def awaiting(self):
        return _CountedAwaiting(self, self._redis.awaiting)

    def close(self):
        self._redis.close()

    async def aclose(self):
        await self._redis.aclose()

    def count(self, act):
        """The round trips of `act`."""
        before = self.trips
        act()
        return self.trips - before


class _CountedBlocking:
    def __init__(self, counted, inner):
        self.counted, self.inner = counted, inner

    def ask(self, effect):
        self.counted.trips += 1
        return self.inner.ask(effect)


class _CountedAwaiting(_CountedBlocking):
    async def ask(self, effect):
        self.counted.trips += 1
        return await self.inner.ask(effect)


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    made = []

    def make(**options):
        made.append(request.param(Cache(**options)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def now():
    return [0.0]


def _load(keys):
    return {key: key.upper() for key in keys}


@pytest.mark.parametrize("count", [10, 100])
def test_round_trips(face, each_redis, count):
    """A hundred keys cost as many round trips as ten: two to find, five to load, two or one to change."""
    url, protocol = each_redis
    redis = Counted(Redis(url, timeout=5.0, protocol=protocol))
    cache, reader, again, fresh = (face(redis=redis, backplane=False) for _ in range(4))
    keys, others = KEYS[:count], [f"other {key}" for key in KEYS[:count]]
    tags = {"tags": lambda key: ["all", f"one:{key}"]}
    expected = {key: key.upper() for key in keys}

    assert redis.count(lambda: cache.get_many(keys, _load, **tags)) <= 5
    assert redis.count(lambda: reader.get_many(keys, None)) == 2  # nothing known of the tags
    assert redis.count(lambda: again.get_many(keys, None, **tags)) == 1
    assert again.get_many(keys, None) == reader.get_many(keys, None) == expected
    assert redis.count(lambda: cache.set_many(dict.fromkeys(others, 1), **tags)) == 2
    assert redis.count(lambda: cache.delete_many(others)) == 1
    assert redis.count(lambda: cache.invalidate_tags(*(f"one:{key}" for key in keys))) == 1
    found = fresh.get_many([*keys, *others], lambda missing: dict.fromkeys(missing, "new"))
    assert found == dict.fromkeys([*keys, *others], "new")


def test_scripts_that_redis_has_forgotten(face, redis_db):
    """In the middle of a batch Redis may have forgotten every script: they are sent again, and all is stored."""
    import redis

    cache = face(redis=Redis(redis_db, timeout=5.0))

    def load(keys):
        with redis.Redis.from_url(redis_db) as client:
            client.script_flush()
        return _load(keys)

    cache.get_many(KEYS, load)
    assert face(redis=Redis(redis_db, timeout=5.0)).get_many(KEYS, None) == _load(KEYS)


def test_on_a_cluster(redis_cluster):
    """Where keys lie on several nodes everything is the same, but for the order of what is sent together."""
    with Cache("batch", redis=Redis(redis_cluster, timeout=5.0)) as here:
        here.clear()
        assert here.get_many(KEYS, _load, tags=lambda key: [f"one:{key}"]) == _load(KEYS)
        here.set_many({"s": 1, "t": 2}, tags=["set"])
        here.invalidate_tags("one:k3", "one:k4")
        here.delete_many(["k5", "s"])
    with Cache("batch", redis=Redis(redis_cluster, timeout=5.0)) as there:
        asked = []
        there.get_many([*KEYS, "s", "t"], lambda keys: asked.extend(keys) or dict.fromkeys(keys, 0))
        assert asked == ["k3", "k4", "k5", "s"]

    async def main():
        cache = Cache("batch", redis=Redis(redis_cluster, timeout=5.0))

        async def load(keys):
            return dict.fromkeys(keys, "a")

        await cache.adelete_many(["k1"])
        found = await cache.aget_many(["k1", "k2"], load)
        await cache.aclose()
        return found

    assert asyncio.run(main()) == {"k1": "a", "k2": "K2"}


def test_tags_by_key(face):
    """Each key has its own tags: an invalidation of one leaves the others."""
    redis = MemoryRedis()
    cache = face(redis=redis)
    cache.get_many(["a", "b"], _load, tags=lambda key: [f"one:{key}"])
    cache.set_many({"c": 1, "d": 2}, tags=lambda key: [f"one:{key}"])
    cache.invalidate_tags("one:a", "one:c")

    other = face(redis=redis)
    assert [cache.get(key) for key in "abcd"] == [other.get(key) for key in "abcd"] == [MISS, "B", MISS, 2]


def test_what_cannot_be_put_in_changes_nothing(face):
    """When one value of many cannot go through Redis none is put in, and none is loaded into it."""
    cache = face(redis=MemoryRedis())
    cache.set("a", 1)
    with pytest.raises(CodecError):
        cache.set_many({"a": 2, "b": object()})
    with pytest.raises(CodecError):
        cache.get_many(["c", "d"], lambda keys: {"c": 1, "d": object()})
    assert [cache.get(key) for key in "abcd"] == [1, MISS, MISS, MISS]
    assert cache.get_many(["c", "d"], _load) == {"c": "C", "d": "D"}, "no lease is left behind"


def test_a_loader_may_speak_of_one_key(face, now):
    """`loading().of(key)` gives one key its TTL and tags, or keeps it out; `loading()` speaks of all."""
    cache = face(redis=MemoryRedis(lambda: now[0]), clock=lambda: now[0], ttl=100)

    def load(keys):
        loading().tag("all")
        loading().ttl = 50
        loading().of("short").ttl = 5
        loading().of("own").tag("own")
        loading().of("never").keep = False
        with pytest.raises(ConfigurationError, match="'unknown'"):
            loading().of("unknown")
        return dict.fromkeys(keys, 1)

    keys = ["short", "own", "never", "plain"]
    assert cache.get_many(keys, load) == dict.fromkeys(keys, 1)
    assert cache.explain("own").tags == ("all", "own")
    assert cache.get("never") is MISS
    now[0] = 6
    assert (cache.get("short"), cache.get("plain")) == (MISS, 1)
    cache.invalidate_tags("own")
    assert (cache.get("own"), cache.get("plain")) == (MISS, 1)
    cache.invalidate_tags("all")
    assert cache.get("plain") is MISS


@pytest.mark.parametrize("layer", ["memory", "redis"])
def test_stale_values_are_given_and_renewed_together(face, now, layer):
    """Within `stale_while_revalidate` all are given at once, and one call of the loader renews them behind that."""
    redis = MemoryRedis(lambda: now[0]) if layer == "redis" else None
    options = {"redis": redis, "clock": lambda: now[0], "ttl": 10, "stale_while_revalidate": 60}
    asked, renewed = [], threading.Event()

    def load(keys):
        asked.append(sorted(keys))
        if len(asked) == 2:
            renewed.set()
        return dict.fromkeys(keys, len(asked))

    face(**options).get_many(["a", "b"], load)
    cache = face(**options) if redis else None
    cache = cache or face(**{**options, "redis": None})
    if not redis:
        asked.clear()
        cache.get_many(["a", "b"], load)
    now[0] = 11
    assert cache.get_many(["a", "b"], load) == {"a": 1, "b": 1}
    assert renewed.wait(20)
    assert asked == [["a", "b"], ["a", "b"]]
    _until(lambda: cache.peek("a") == cache.peek("b") == 2)


def test_negative_ttl_and_errors(face, now):
    """None is kept for `negative_ttl`; an error is kept for each key that was asked for, when its class says so."""
    cache = face(clock=lambda: now[0], negative_ttl=5, errors={LookupError: 5})
    calls = []

    def fail(keys):
        calls.append(keys)
        raise LookupError("gone")

    assert cache.get_many(["none"], dict.fromkeys) == {"none": None}
    for _ in range(2):
        with pytest.raises(LookupError, match="gone"):
            cache.get_many(["a", "b"], fail)
    with pytest.raises(LookupError, match="gone"):
        cache.get_or_load("a", lambda: 1)
    assert calls == [["a", "b"]]
    now[0] = 6
    assert cache.get("none") is MISS
    assert cache.get_many(["a", "b"], _load) == {"a": "A", "b": "B"}


def test_stale_if_error(face, now):
    """When the loader raises, keys that have a stale value get it; if one has none the error is raised."""
    cache = face(clock=lambda: now[0], ttl=10, stale_if_error=60)

    def fail(_keys):
        raise OSError("away")

    cache.get_many(["a", "b"], _load)
    now[0] = 11
    assert cache.get_many(["a", "b"], fail) == {"a": "A", "b": "B"}
    now[0] = 13
    with pytest.raises(OSError, match="away"):
        cache.get_many(["a", "c"], fail)


def test_hard_timeout(face):
    """A batch loader that takes too long raises LoadTimeout; it goes on, and what it finds is remembered."""
    cache = face(hard_timeout=0.05)
    go = threading.Event()

    def load(keys):
        assert go.wait(20)
        return _load(keys)

    with pytest.raises(LoadTimeout):
        cache.get_many(["a", "b"], load)
    go.set()
    _until(lambda: cache.peek("a") == "A" and cache.peek("b") == "B")
    assert cache.get_many(["c", "left out"], lambda _: {"c": 1}) == {"c": 1}, "in time"


def test_a_single_load_joins_a_batch_and_sees_its_error(face):
    """Whoever asks for one key while a batch loads it waits for the batch, and is told its error."""
    cache = face()
    began, go = threading.Event(), threading.Event()
    outcomes = []

    def fail(_keys):
        began.set()
        assert go.wait(20)
        raise OSError("away")

    def attempt(act):
        try:
            outcomes.append(act())
        except OSError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=attempt, args=(lambda: cache.get_many(["a", "b"], fail),))]
    threads[0].start()
    assert began.wait(20)
    threads.append(threading.Thread(target=attempt, args=(lambda: cache.get_or_load("b", lambda: "own"),)))
    threads[1].start()
    _until(lambda: cache.cache.core.flights._flights["b"].future is not None)
    go.set()
    for thread in threads:
        thread.join(20)
    assert outcomes == ["away", "away"]


def test_what_was_handed_over_is_loaded(face):
    """A key that another batch was loading and left out is loaded by whoever waited for it."""
    cache = face()
    began, go, found = threading.Event(), threading.Event(), []

    def leave_out(_keys):
        began.set()
        assert go.wait(20)
        return {}

    first = threading.Thread(target=lambda: found.append(cache.get_many(["a"], leave_out)))
    first.start()
    assert began.wait(20)
    second = threading.Thread(target=lambda: found.append(cache.get_many(["a", "b"], _load)))
    second.start()
    _until(lambda: cache.cache.core.flights._flights["a"].future is not None)
    go.set()
    first.join(20)
    second.join(20)
    assert sorted(found, key=len) == [{}, {"a": "A", "b": "B"}]
    assert len(cache.cache.core.flights) == 0


def test_a_batch_that_asks_for_itself():
    """A batch loader that asks for one of its own keys is told so, and leaves no load behind."""
    cache = Cache()

    def load(keys):
        return {key: cache.get_or_load("b", lambda: 1) for key in keys}

    with pytest.raises(RecursiveLoadError):
        cache.get_many(["a", "b"], load)
    assert len(cache.core.flights) == 0
    assert cache.get_many(["a", "b"], _load) == {"a": "A", "b": "B"}


def test_what_another_process_is_loading_is_waited_for(face):
    """A key whose lease another process holds is not loaded twice: its value is taken when it comes."""
    redis = MemoryRedis()
    here, there = face(redis=redis), face(redis=redis)
    began, go, asked = threading.Event(), threading.Event(), []

    def slow(keys):
        began.set()
        assert go.wait(20)
        return dict.fromkeys(keys, "there")

    def load(keys):
        asked.extend(keys)
        go.set()
        return dict.fromkeys(keys, "here")

    thread = threading.Thread(target=lambda: there.get_many(["a", "b"], slow))
    thread.start()
    assert began.wait(20)
    assert here.get_many(["a", "b", "c"], load) == {"a": "there", "b": "there", "c": "here"}
    thread.join(20)
    assert asked == ["c"]


def test_a_failed_batch_gives_its_leases_back(face):
    """After an error another process loads under leases of its own, and does not wait for the old ones to run out."""
    redis = MemoryRedis()

    def fail(_keys):
        raise OSError

    with pytest.raises(OSError):
        face(redis=redis).get_many(KEYS, fail)
    assert face(redis=redis).get_many(KEYS, _load) == _load(KEYS)
    assert face(redis=redis).get_many(KEYS, None) == _load(KEYS), "it had leases of its own"


def test_an_invalidation_from_another_process_during_a_batch(face):
    """What is invalidated elsewhere while a batch loads is given to its caller and stored nowhere; the rest is."""
    redis = MemoryRedis()
    here, there = face(redis=redis), Cache(redis=redis)

    def load(keys):
        there.invalidate_tags("one:a")
        there.delete("b")
        return _load(keys)

    here.get_many(["a", "b", "c"], load, tags=lambda key: [f"one:{key}"])
    assert [face(redis=redis).get(key) for key in "abc"] == [MISS, MISS, "C"]
    assert [here.peek(key) for key in "abc"] == [MISS, MISS, "C"]


def test_redis_is_away(face):
    """Without Redis the loader is called once for everything, and this process remembers it while it is trusted."""
    redis = MemoryRedis()
    redis.is_down = True
    cache, calls = face(redis=redis, trust=60.0), []
    for _ in range(2):
        assert cache.get_many(KEYS, lambda keys: calls.append(keys) or _load(keys)) == _load(KEYS)
    assert calls == [KEYS]


def test_a_wrong_answer_of_the_loader(face):
    """What is no mapping is refused, and no load is left behind."""
    cache = face()
    with pytest.raises(ConfigurationError, match="mapping"):
        cache.get_many(["a"], list)
    assert cache.get_many(["a"], _load) == {"a": "A"}


# Many calls of a decorated function


def test_many_calls_with_a_batch_loader(face):
    """One call of the batch loader for what is missing; the order is kept, a call may come twice."""
    cache = face(redis=MemoryRedis())
    asked = []

    def single(sku):
        raise AssertionError(sku)

    product = cache.decorate(single, tags=lambda sku: [f"product:{sku}"])
    _batch(cache, product, lambda skus: asked.append(skus) or {sku: sku.lower() for sku in skus})

    assert cache.call(product.many, [("B",), ("A",), ("B",)]) == ["b", "a", "b"]
    assert asked == [["B", "A"]]
    cache.cache.invalidate_tags("product:A")
    assert cache.call(product.many, [("A",), ("B",)]) == ["a", "b"]
    assert asked == [["B", "A"], ["A"]]
    assert cache.call(product, "A") == "a", "the keys are those of single calls"


def test_argument_tuples_and_what_a_batch_leaves_out(face):
    """With several parameters the loader is given tuples, defaults included; what it leaves out the function loads."""
    cache = face()
    asked, alone = [], []

    def price(sku, currency="BRL"):
        alone.append((sku, currency))
        return "alone"

    cached = cache.decorate(price)
    _batch(cache, cached, lambda calls: asked.append(calls) or {call: call[1] for call in calls if call[0] != "none"})
    results = cache.call(cached.many, [("a",), ("a", "BRL"), ("a", "EUR"), ("none",), ([1],), (1,), (True,)])

    assert results == ["BRL", "BRL", "EUR", "alone", "alone", "BRL", "alone"]
    assert asked == [[("a", "BRL"), ("a", "EUR"), ("none", "BRL"), (1, "BRL")]]
    assert sorted(map(str, alone)) == ["('none', 'BRL')", "(True, 'BRL')", "([1], 'BRL')"]


def test_many_calls_of_a_method():
    """A batch loader of a class is for all its objects, is given the object, and keeps them apart."""
    cache = Cache()

    class Shop:
        def __init__(self, name):
            self.name = name
            self.asked = []

        @cache.cached
        def price(self, sku):
            raise AssertionError(sku)

        @price.batch
        def _prices(self, skus):
            self.asked.append(skus)
            return {sku: f"{self.name} {sku}" for sku in skus}

    one, two = Shop("one"), Shop("two")
    assert one.price.many([("A",), ("B",)]) == ["one A", "one B"]
    assert two.price.many([("A",)]) == ["two A"]
    assert one.price("A") == "one A"
    assert (one.asked, two.asked) == ([["A", "B"]], [["A"]])


def test_many_calls_without_a_batch_loader(face):
    """Redis is read once for all calls; each that is missing is loaded by itself, once however many ask."""
    redis = Counted(MemoryRedis())
    loads = []

    def double(number):
        loads.append(number)
        return 2 * number

    writer, reader = (face(redis=redis, backplane=False) for _ in range(2))
    calls = [(number,) for number in range(100)]
    assert writer.call(writer.decorate(double).many, calls) == [2 * number for number in range(100)]
    reading = reader.decorate(double)
    assert redis.count(lambda: reader.call(reading.many, [*calls, (5,)])) <= 2
    assert sorted(loads) == list(range(100))


def test_tasks_load_several_at_once_and_join():
    """Without a batch loader the calls of an async function run at the same time, and join loads under way."""

    async def main():
        cache, together, loads = Cache(), asyncio.Barrier(3), []

        @cache.cached
        async def double(number):
            loads.append(number)
            await asyncio.wait_for(together.wait(), 20)  # passes only if three come
            return 2 * number

        single = asyncio.create_task(double(2))
        await asyncio.sleep(0)
        found = await double.many([(1,), (2,), (3,), (1,)])
        return found, await single, sorted(loads)

    assert asyncio.run(main()) == ([2, 4, 6, 2], 4, [1, 2, 3])


def test_tasks_end_before_an_error_is_raised():
    """When one of many calls raises, the others end first and are remembered."""

    async def main():
        cache = Cache()

        @cache.cached
        async def share(number):
            await asyncio.sleep(0)
            return 6 // number

        with pytest.raises(ZeroDivisionError):
            await share.many([(0,), (2,), (3,)])
        return share.peek(2), share.peek(3)

    assert asyncio.run(main()) == (3, 2)


def test_batch_loaders_that_are_refused():
    """A second one, one of the other colour, and one for parameters that are given by name only."""
    cache = Cache()

    @cache.cached
    def one(key): ...

    @cache.cached
    def named(*, key): ...

    async def later(keys): ...

    one.batch(_load)
    with pytest.raises(ConfigurationError, match="already"):
        one.batch(_load)
    with pytest.raises(ConfigurationError, match="by name only"):
        named.batch(_load)

    @cache.cached
    def two(key): ...

    with pytest.raises(ConfigurationError, match="plain"):
        two.batch(later)


def test_the_hottest_calls():
    """The calls used most, by their arguments, of plain values only; of a method, those of its object."""
    cache = Cache()

    @cache.cached
    def product(sku, *, full=False): ...

    @cache.cached
    def total(*numbers, **options): ...

    class Shop:
        @cache.cached
        def price(self, sku): ...

    for count, arguments in ((3, ("B",)), (5, ("A",)), (1, ([1],))):
        for _ in range(count):
            product(*arguments)
    product("A", full=True)
    total(1, 2.5, b=None, a="x")
    shop, other = Shop(), Shop()
    shop.price("A")
    other.price("B")

    assert product.hottest(2) == [(("A",), {"full": False}), (("B",), {"full": False})]
    assert len(product.hottest(9)) == 3
    assert total.hottest(9) == [((1, 2.5), {"a": "x", "b": None})]
    assert shop.price.hottest(9) == [(("A",), {})]


def _batch(face, function, loader):
    """Register a plain batch loader, as this colour wants it."""
    if isinstance(face, Threads):
        return function.batch(loader)

    async def later(keys):
        return loader(keys)

    return function.batch(later)


def _until(holds):
    done = threading.Event()
    for _ in range(2000):
        if holds():
            return
        done.wait(0.01)
    raise AssertionError("it never came to that")
