"""Filling a cache before anybody asks."""

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
