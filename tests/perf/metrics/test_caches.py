"""What Prometheus is shown of caches: series by cache and by nothing else, at nobody's cost."""

import threading

from prometheus_client.parser import text_string_to_metric_families

from mestres_perf import Cache, Memory, Metrics
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._caches import Watched
from mestres_perf.testing import MemoryRedis


def shown(metrics):
    """Every series of caches with its value, as the page has it."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name.startswith("cache_")
    }


def test_families():
    """Each thing that is counted is shown under its name."""
    redis = MemoryRedis()
    Cache("shop", redis=redis).set("k", 1)
    cache, metrics = Cache("shop", memory=Memory(max_items=5, max_bytes=10**6), redis=redis, trust=1000), Metrics()
    metrics.watch_cache(cache)
    cache.get("k")
    cache.get("k")
    for number in range(10):
        cache.get_or_load(number, lambda: 1)
    cache.invalidate_tags("t", "u")
    page = shown(metrics)

    assert page["cache_hit_rate",] == 2 / 12
    assert (page["cache_requests_total", "hit", "shop"], page["cache_requests_total", "miss", "shop"]) == (2, 10)
    assert (page["cache_hits_total", "memory", "shop"], page["cache_hits_total", "redis", "shop"]) == (1, 1)
    assert page["cache_invalidations_total", "here", "shop"] == 2
    assert page["cache_evictions_total", "shop"] == 6
    assert page["cache_entries", "shop"] == 5
    assert page["cache_bytes", "shop"] == cache.stats().bytes > 0
    assert page["cache_load_duration_seconds_count", "shop"] == 10
    assert page["cache_load_duration_seconds_bucket", "+Inf", "shop"] == 10
    assert {f"{metric.name}" for metric in catalogue.CACHE_COUNTS.values()} <= {name for name, *_ in page}


def test_as_many_series_with_many_keys():
    """A hundred thousand keys give no series more than none."""
    cache, metrics = Cache("shop", memory=Memory(max_items=100_000)), Metrics()
    metrics.watch_cache(cache)
    cache.get_or_load("first", lambda: 1)
    before = shown(metrics)
    for number in range(100_000):
        cache.set(("a key of its own", number), number)
    after = shown(metrics)

    assert before.keys() == after.keys()
    assert after["cache_entries", "shop"] == 100_000


def test_no_lock():
    """A page is rendered while somebody holds the locks of the memory layer: no reader waits for it, nor it for one."""
    cache, metrics = Cache("shop", redis=MemoryRedis()), Metrics()
    metrics.watch_cache(cache)
    cache.get_or_load("k", lambda: 1)
    pages = []
    core = cache.core
    with core.store._lock, core.flights._lock, core.follower._lock:
        scraper = threading.Thread(target=lambda: pages.append(shown(metrics)))
        scraper.start()
        scraper.join(20)

    assert [page["cache_requests_total", "miss", "shop"] for page in pages] == [1]


class Slow:
    """A cache that takes its time to say what it has counted."""

    name = "slow"

    def __init__(self, takes):
        self.now, self.takes, self.asked = 0.0, takes, 0
        self.inner = Cache("slow")

    def clock(self):
        return self.now

    def stats(self):
        self.asked += 1
        self.now += self.takes
        return self.inner.stats()


def test_a_cache_that_takes_long_is_asked_the_less_often():
    """However often somebody looks, a hundredth of the time at most goes into it; what is quick is always asked."""
    slow, quick = Slow(0.5), Slow(0.001)
    for cache in (slow, quick):
        watched = Watched(cache, cache.clock)
        for _ in range(1000):
            watched.stats()
            cache.now += 0.1

    assert slow.asked * 0.5 <= 0.011 * slow.now
    assert slow.asked >= 2
    assert quick.asked == 1000


def test_once_a_page():
    """Each cache is asked once for a page, and watched once however often it is named."""
    slow, metrics = Slow(0.0), Metrics()
    metrics.watch_cache(slow, slow)
    metrics.watch_cache(slow)
    metrics.render()

    assert slow.asked == 1


def test_caches_of_one_name():
    """Two caches of one name are one series, in which they are added up: a page with a series twice is refused."""
    metrics = Metrics()
    for loads in (1, 2):
        cache = Cache("same")
        metrics.watch_cache(cache)
        for number in range(loads):
            cache.get_or_load(number, lambda: 1)
    page = metrics.render().decode().splitlines()
    series = [line.rpartition(" ")[0] for line in page if line.startswith("cache_")]

    assert len(series) == len(set(series))
    assert shown(metrics)["cache_requests_total", "miss", "same"] == 3
    assert shown(metrics)["cache_load_duration_seconds_count", "same"] == 3


class Foreign:
    """A cache of somebody else's, that knows of hits and misses only."""

    name = "foreign"

    def stats(self):
        class Counts:
            hits, misses = 3, 1

        return Counts


def test_somebody_elses_cache():
    """A cache that only knows of hits and misses is shown with these."""
    metrics = Metrics()
    metrics.watch_cache(Foreign())

    assert shown(metrics) == {
        ("cache_hit_rate",): 0.75,
        ("cache_requests_total", "foreign", "hit"): 3,
        ("cache_requests_total", "foreign", "miss"): 1,
    }
    assert metrics.hit_rate() == 0.75
