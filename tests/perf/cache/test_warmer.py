"""Filling a cache before anybody asks."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from mestres_perf import Cache, CacheWarmer
from mestres_perf.errors import ConfigurationError


@pytest.fixture
def cache():
    with Cache() as cache:
        yield cache


def _counts(report):
    return {entry.name: (entry.loaded, entry.present, entry.failed) for entry in report.entries}


def test_what_is_declared_is_there(cache):
    """After the warming every declared key is found without loading, with its TTL and tags."""
    warmer = CacheWarmer(cache)
    warmer.add("squares", [1, 2, 3], lambda n: n * n, ttl=60, tags=lambda n: [f"n:{n}"])

    report = warmer.warm()

    assert (report.loaded, report.present, report.failed) == (3, 0, 0)
    assert report.seconds >= 0
    assert [cache.peek(n) for n in (1, 2, 3)] == [1, 4, 9]
    assert cache.explain(2).tags == ("n:2",)
    assert 59 < cache.explain(2).ttl_left <= 60


def test_what_is_there_is_not_loaded_again(cache):
    """A second warming calls no loader and says that everything was there."""
    calls = []
    warmer = CacheWarmer(cache)
    warmer.add("some", range(5), calls.append)
    warmer.warm()

    assert _counts(warmer.warm()) == {"some": (0, 5, 0)}
    assert sorted(calls) == [0, 1, 2, 3, 4]


def test_one_error_does_not_stop_the_others(cache):
    """A key that fails, and an entry whose keys cannot even be listed, are reported; all else is loaded."""

    def no_keys():
        raise OSError("the database is away")

    warmer = CacheWarmer(cache, concurrency=2)
    warmer.add("broken", no_keys, str)
    warmer.add("shares", [2, 1, 0, 4], lambda n: 4 / n)
    warmer.add("fine", lambda: ["a"], str.upper)

    report = warmer.warm()

    assert _counts(report) == {"broken": (0, 0, 1), "shares": (3, 0, 1), "fine": (1, 0, 0)}
    assert "the database is away" in report.entries[0].errors[0]
    assert report.entries[1].errors == ["0: ZeroDivisionError: division by zero"]
    assert cache.peek("a") == "A"


def test_never_more_at_once_than_allowed(cache):
    """Three loaders run at once, and never four."""
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def load(_key):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)  # passes only if three come
        with lock:
            running -= 1

    warmer = CacheWarmer(cache, concurrency=3)
    warmer.add("some", range(12), load)

    assert warmer.warm().loaded == 12
    assert most == 3


def test_progress_is_told_after_each_key(cache):
    """The callback hears every step from one to the total, in order."""
    steps = []
    warmer = CacheWarmer(cache)
    warmer.add("a", range(10), str)
    warmer.add("b", ["x"], str)
    warmer.warm(progress=lambda done, total: steps.append((done, total)))

    assert steps == [(done, 11) for done in range(1, 12)]


def test_a_bar_can_be_shown(cache, capsys):
    """True shows a bar on standard error."""
    warmer = CacheWarmer(cache)
    warmer.add("a", range(10), str)
    warmer.warm(progress=True)

    assert "cache" in capsys.readouterr().err


def test_visits_say_whether_they_loaded(cache):
    """What fills the cache by itself is counted by what it says."""
    warmer = CacheWarmer(cache)
    warmer.visit("pages", ["/", "/a", "/b"], lambda path: path == "/")

    assert _counts(warmer.warm()) == {"pages": (1, 2, 0)}


def test_cached_functions_are_warmed_under_their_own_keys(cache):
    """A decorated function is visited by `warm`, which says whether it loaded."""

    @cache.cached(ttl=60)
    def double(number):
        return 2 * number

    warmer = CacheWarmer(cache)
    warmer.visit("doubles", [1, 2], double.warm)

    assert _counts(warmer.warm()) == {"doubles": (2, 0, 0)}
    assert double.peek(2) == 4
    assert _counts(warmer.warm()) == {"doubles": (0, 2, 0)}


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True])
def test_a_wrong_concurrency_is_refused(cache, concurrency):
    """Fewer than one at a time is refused."""
    with pytest.raises(ConfigurationError, match="concurrency"):
        CacheWarmer(cache, concurrency=concurrency)


def test_two_entries_of_one_name_are_refused(cache):
    """An entry's name is its own, or the report could not be read."""
    warmer = CacheWarmer(cache)
    warmer.add("a", [], str)
    with pytest.raises(ConfigurationError, match="'a'"):
        warmer.add("a", [], str)


# The time, failures, readiness


def test_what_is_not_warm_in_time_is_skipped(cache):
    """At the deadline the run ends: what is being loaded and what was not begun is skipped, and begun no more."""
    began, go, calls = threading.Event(), threading.Event(), []

    def load(key):
        calls.append(key)
        if key:
            began.set()
            assert go.wait(30)

    warmer = CacheWarmer(cache, concurrency=1, deadline=0.3)
    warmer.add("some", range(5), load)
    report = warmer.warm()
    assert began.is_set(), "the second was being loaded"
    assert (report.loaded, report.failed, report.skipped) == (1, 0, 4)
    assert warmer.is_ready
    go.set()
    _until(lambda: cache.peek(1) is None)
    assert (calls, warmer.wait(0)) == ([0, 1], report), "what ends late is remembered, and changes no report"


def test_a_key_that_fails_is_tried_again(cache):
    """So many times and no more; the report has the last error."""
    tries = []

    def load(key):
        tries.append(key)
        if key == "never" or tries.count(key) < 3:
            raise OSError(f"try {tries.count(key)}")
        return key

    warmer = CacheWarmer(cache, retries=2)
    warmer.add("some", ["third", "never"], load)
    report = warmer.warm()
    assert _counts(report) == {"some": (1, 0, 1)}
    assert report.entries[0].errors == ["'never': OSError: try 3"]
    assert sorted(tries) == ["never"] * 3 + ["third"] * 3


def test_no_key_is_tried_again_after_the_deadline(cache):
    """A key whose next try would come too late is skipped: nobody knows whether it would have failed again."""
    warmer = CacheWarmer(cache, retries=1000, deadline=0.2)
    warmer.add("some", [1], lambda _: 1 / 0)
    assert _total(warmer.warm()) == (0, 0, 0, 1)


def test_ready_when_enough_is_warm(cache):
    """Readiness turns true with the key that makes the share full, and not one before; failures do not count."""
    seen, gates = {}, [threading.Event() for _ in range(10)]

    def load(key):
        if key == 2:
            raise OSError
        assert gates[key].wait(30)

    warmer = CacheWarmer(cache, concurrency=1, ready_at=0.5)
    warmer.add("some", range(10), load)
    assert not warmer.ready(), "nothing has begun"
    warmer.start()
    for key in range(10):
        _until(lambda key=key: cache.explain(key).loading or key == 2)
        seen[key] = warmer.ready()  # `key` keys have ended, one of them badly
        gates[key].set()
    assert warmer.wait(30).failed == 1
    assert seen == {key: key > 5 for key in range(10)}
    assert warmer.ready()


def test_ready_in_any_case_after_the_run_or_its_time(cache):
    """A run that could warm nothing, or that hangs, keeps an application from its visitors for a while only."""
    failing = CacheWarmer(cache)
    failing.add("some", [1], lambda _: 1 / 0)
    failing.start()
    assert failing.wait(30).failed == 1
    assert failing.is_ready
    go = threading.Event()
    hanging = CacheWarmer(cache, deadline=0.2)
    hanging.add("some", [1], lambda _: go.wait(30))
    hanging.start()
    assert not hanging.is_ready
    _until(lambda: hanging.is_ready)
    assert hanging.wait(30).skipped == 1
    go.set()
    empty = CacheWarmer(cache)
    empty.warm()
    assert empty.is_ready


def test_readiness_is_a_page(cache):
    """`ready=warmer.ready` makes /health/ready say 503 until enough is warm."""
    from mestres_perf.http.wsgi import WSGIPerformanceMiddleware

    go, status = threading.Event(), []
    warmer = CacheWarmer(cache)
    warmer.add("some", [1], lambda _: go.wait(30))
    page = WSGIPerformanceMiddleware(lambda *_: [], ready=warmer.ready)

    def ask():
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/health/ready", "REMOTE_ADDR": "127.0.0.1"}
        list(page(environ, lambda line, *_: status.append(line[:3])))
        return status[-1]

    warmer.start()
    assert ask() == "503"
    go.set()
    warmer.wait(30)
    assert ask() == "200"


def test_a_warming_in_the_background(cache):
    """`start` returns at once, a second one is refused while it runs, and `wait` gives the report."""
    go = threading.Event()
    warmer = CacheWarmer(cache)
    with pytest.raises(ConfigurationError, match="start"):
        warmer.wait()
    warmer.add("some", [1, 2], lambda _: go.wait(30))
    warmer.start()
    assert warmer.wait(0.01) is None
    with pytest.raises(ConfigurationError, match="under way"):
        warmer.start()
    go.set()
    assert warmer.wait(30).loaded == 2
    warmer.start()
    assert warmer.wait(30).present == 2


def test_after_a_fork_the_child_has_started_nothing(cache):
    """A child is not ready by what its parent's thread does, and starts its own."""
    go = threading.Event()
    warmer = CacheWarmer(cache)
    warmer.add("some", ["k"], lambda _: go.wait(30))
    warmer.start()
    child = os.fork()
    if child == 0:
        go = threading.Event()
        go.set()
        is_fine = not warmer.is_ready
        try:
            warmer.wait()
            is_fine = False
        except ConfigurationError:
            other = CacheWarmer(Cache())
            other.add("some", ["k"], str)
            other.start()
            is_fine = is_fine and other.wait(20).loaded == 1
        os._exit(0 if is_fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go.set()
    warmer.wait(30)


def test_visitors_are_not_kept_waiting(cache):
    """While every worker of the warming is loading, a visitor's miss is loaded at once: it waits for none of them."""
    together, go = threading.Barrier(4), threading.Event()

    def load(_key):
        together.wait(20)
        assert go.wait(30)

    warmer = CacheWarmer(cache, concurrency=3)
    warmer.add("some", range(100), load)
    warmer.start()
    together.wait(20)
    loads = cache.stats().loads
    assert [cache.get_or_load(f"live {number}", lambda: 1) for number in range(50)] == [1] * 50
    assert (loads, cache.stats().loads) == (3, 53), "and no more than three loads of the warming beside it"
    together.abort()
    go.set()
    warmer.wait(30)


def test_an_error_of_the_progress_callback_ends_the_run(cache):
    """What is no failure of a key is raised, as it is."""

    def show(_done, _total):
        raise ArithmeticError("mine")

    warmer = CacheWarmer(cache, concurrency=2)
    warmer.add("some", range(10), str)
    with pytest.raises(ArithmeticError, match="mine"):
        warmer.warm(progress=show)
    with pytest.raises(ArithmeticError, match="mine"):
        asyncio.run(warmer.awarm(progress=show))


# Async code


def test_async_loaders_are_awaited(cache):
    """Async loaders, async decorated functions and async lists of keys run in tasks; what is plain runs in threads."""
    threads = {}

    async def load(key):
        threads["async"] = threading.get_ident()
        return key * 2

    def plain(key):
        threads["plain"] = threading.get_ident()
        return key

    async def keys():
        return ["x", "y"]

    @cache.cached
    async def double(number):
        return 2 * number

    warmer = CacheWarmer(cache)
    warmer.add("loaders", keys, load, tags=lambda key: [f"k:{key}"])
    warmer.add("plain", ["p"], plain)
    warmer.avisit("functions", [1, 2], double.warm)
    with pytest.raises(ConfigurationError, match="loaders, functions: has to be awaited"):
        warmer.warm()
    with pytest.raises(ConfigurationError, match="awarm"):
        warmer.start()

    async def main():
        return await warmer.awarm(), await warmer.awarm()

    first, second = asyncio.run(main())
    assert _counts(first) == {"loaders": (2, 0, 0), "plain": (1, 0, 0), "functions": (2, 0, 0)}
    assert _counts(second) == {"loaders": (0, 2, 0), "plain": (0, 1, 0), "functions": (0, 2, 0)}
    assert (cache.peek("x"), cache.explain("y").tags, double.peek(2)) == ("xx", ("k:y",), 4)
    assert threads["async"] == threading.get_ident() != threads["plain"]


def test_tasks_have_the_same_bounds(cache):
    """Never more tasks than allowed; a key that fails is tried again; at the deadline loaders are cancelled."""
    running, most, tries, cancelled = 0, 0, [], []

    async def load(key):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        tries.append(key)
        if key == 5 and tries.count(5) == 1:
            raise OSError

    async def hang(_key):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    warmer = CacheWarmer(cache, concurrency=3, retries=1)
    warmer.add("some", range(12), load)
    assert _total(asyncio.run(warmer.awarm())) == (12, 0, 0, 0)
    assert most == 3
    hanging = CacheWarmer(cache, concurrency=2, deadline=0.2)
    hanging.add("some", ["a", "b", "c"], hang)
    assert _total(asyncio.run(hanging.awarm())) == (0, 0, 0, 3)
    assert cancelled == [True, True]
    assert len(cache.core.flights) == 0


def test_a_cancelled_warming_leaves_nothing_behind(cache):
    """Whoever cancels `awarm` cancels its loaders."""

    async def main():
        began = asyncio.Event()

        async def hang(_key):
            began.set()
            await asyncio.Event().wait()

        warmer = CacheWarmer(cache)
        warmer.add("some", range(9), hang)
        task = asyncio.create_task(warmer.awarm())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks()), warmer.is_ready

    assert asyncio.run(main()) == (1, True)
    assert len(cache.core.flights) == 0


# Hot calls

_LIFE = """
import datetime, decimal, sys
from mestres_perf import Cache, CacheWarmer, Redis

place, act = sys.argv[1:]
redis = Redis(place, timeout=5.0) if place.startswith("redis") else None
memory = Cache("life")
loads = []

@memory.cached
def product(sku, *, currency="BRL"):
    loads.append(sku)
    return sku

@memory.cached
def day(date, price=None):
    return str(date)

warmer = CacheWarmer(Cache("places", redis=redis) if redis else memory, file=None if redis else place)
warmer.hot(product, most=3)
warmer.hot(day)
if act == "first":
    for sku, times in (("A", 9), ("B", 5), ("C", 7), ("D", 1), (("not", "plain"), 50)):
        for _ in range(times):
            product(sku, currency="EUR")
    day(datetime.date(2024, 2, 29), price=decimal.Decimal("1.50"))
    print(warmer.save())
else:
    report = warmer.warm()
    warm = len(loads)
    for sku in "ACB":
        product(sku, currency="EUR")
    day(datetime.date(2024, 2, 29), price=decimal.Decimal("1.50"))
    print(report.loaded, report.failed, warm, len(loads), loads, memory.stats().loads)
"""


@pytest.mark.parametrize("where", ["file", "redis"])
def test_the_hottest_calls_are_warm_in_the_next_life(where, tmp_path, request):
    """A process that begins anew has loaded what was asked for most before its first request, from file or Redis."""
    place = request.getfixturevalue("redis_db") if where == "redis" else str(tmp_path / "hot.json")

    def live(act):
        command = [sys.executable, "-c", _LIFE, place, act]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    assert live("second") == "0 0 0 3 ['A', 'C', 'B'] 4", "there is nothing yet"
    assert live("first") == "4"
    loaded, failed, warm, after, order, loads = live("second").replace(", ", ",").split()
    assert (loaded, failed, warm, after, loads) == ("4", "0", "3", "3", "4")
    assert sorted(order) == sorted("['A','B','C']")


def test_a_damaged_file_is_reported_and_written_anew(cache, tmp_path):
    """What cannot be read fails its entry, never the warming; the next `save` replaces it as a whole."""

    @cache.cached
    def product(sku):
        return sku

    file = tmp_path / "hot.json"
    for damaged in ("", "[", "[1]", '{"a": 1}', '{"a": [[[{"Decimal": "x"}], {}]]}', '{"a": [[[{"what": "x"}], {}]]}'):
        file.write_text(damaged)
        warmer = CacheWarmer(cache, file=file)
        warmer.hot(product)
        assert _total(warmer.warm())[:3] == (0, 0, 1), damaged
    product("A")
    assert warmer.save() == 1
    cache.clear()
    assert _total(warmer.warm()) == (1, 0, 0, 0)
    assert product.peek("A") == "A"
    cache.clear()
    assert warmer.save() == 1, "a life in which nothing was asked for keeps what there was"
    assert [entry.name for entry in tmp_path.iterdir()] == ["hot.json"]


def test_hot_calls_of_async_functions(cache, tmp_path):
    """The same for an async function, by `awarm`."""

    @cache.cached
    async def product(sku):
        return sku

    async def main():
        await product("A")
        warmer = CacheWarmer(cache, file=tmp_path / "hot.json")
        warmer.hot(product)
        warmer.save()
        cache.clear()
        return await warmer.awarm()

    assert _total(asyncio.run(main())) == (1, 0, 0, 0)
    assert product.peek("A") == "A"


def test_hot_calls_that_cannot_be_kept_are_refused(cache):
    """Without a place, without a decorated function, and with a wrong number."""

    @cache.cached
    def product(sku): ...

    with pytest.raises(ConfigurationError, match="a place"):
        CacheWarmer(cache).hot(product)
    with pytest.raises(ConfigurationError, match="nothing to save"):
        CacheWarmer(cache).save()
    with pytest.raises(ConfigurationError, match="decorated"):
        CacheWarmer(cache, file="x").hot(len)
    with pytest.raises(ConfigurationError, match="most"):
        CacheWarmer(cache, file="x").hot(product, most=0)


@pytest.mark.parametrize(
    "wrong",
    [{"deadline": 0}, {"deadline": "1"}, {"retries": -1}, {"retries": 1.5}, {"ready_at": 1.1}, {"ready_at": True}],
)
def test_wrong_bounds_are_refused(cache, wrong):
    """Each says what it must be."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        CacheWarmer(cache, **wrong)


def _total(report):
    return report.loaded, report.present, report.failed, report.skipped


def _until(holds):
    pause = threading.Event()
    for _ in range(3000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to that")
