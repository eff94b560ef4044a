"""The page says what prometheus_client's own would say, at a fraction of the cost."""

import math
import time

import prometheus_client
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mestres_perf import Cache
from mestres_perf.metrics import Metrics
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._text import bound

BOUNDS = (0.005, 0.5, 1.0, 2_500_000.0)
HELP = 'What "it" is, in C:\\new,\nor elsewhere'
KINDS = {"counter": "inc", "gauge": "inc", "histogram": "observe"}
label = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
observed = st.dictionaries(
    st.tuples(label, label), st.lists(st.floats(0, 1e9, allow_nan=False), max_size=4), max_size=4
)


@pytest.fixture(autouse=True)
def _nothing_but_the_observations():
    """prometheus_client has when a series began as a series of its own; ours has not."""
    prometheus_client.disable_created_metrics()
    yield
    prometheus_client.enable_created_metrics()


def parsed(page):
    return {
        (family.name, family.type, family.documentation): {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(page)
    }


def theirs(kind, metric, seen):
    registry = prometheus_client.CollectorRegistry()
    made = {
        "counter": prometheus_client.Counter,
        "gauge": prometheus_client.Gauge,
        "histogram": lambda *a, **k: prometheus_client.Histogram(*a, buckets=BOUNDS, **k),
    }
    parent = made[kind](metric.name, metric.help, metric.labels, registry=registry)
    for labels, values in seen.items():
        child = parent.labels(*labels)
        for value in values:
            getattr(child, KINDS[kind])(value)
    return prometheus_client.generate_latest(registry).decode()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(seen=observed)
@example(seen={('"', "\\"): [1.0], ("\n", "\\n"): [math.inf], ("%s", "100%"): [2.0], ("", "\r"): [1e6]})
def test_as_prometheus_client_would_say_it(kind, seen):
    """Names, kinds, meanings, labels and numbers are those of prometheus_client for the same observations."""
    metric = Metric("things_total" if kind == "counter" else "things", kind, HELP, ("first", "second"), BOUNDS)
    metrics = Metrics()
    for labels, values in seen.items():
        cell = metrics.series(metric).child(*labels)
        for value in values:
            getattr(cell, KINDS[kind])(value)
    metrics.series(metric)
    own = parsed(metrics.render().decode())
    key = ("things", kind, HELP)

    assert own[key] == parsed(theirs(kind, metric, seen))[key]


@pytest.mark.parametrize("value", [0.005, 1, 10.0, 999_999.0, 1e6, 2_500_000.0, 123_456_789.5, math.inf, 0.00001])
def test_bounds_are_written_as_prometheus_client_writes_them(value):
    """A bucket keeps its label, so its series goes on, whoever has counted before."""
    assert bound(value) == prometheus_client.utils.floatToGoString(value)


def test_every_line_of_a_histogram():
    """Buckets are cumulative and end with +Inf; whole numbers have one decimal."""
    metrics = Metrics()
    histogram = metrics.series(Metric("h_seconds", "histogram", "Time", ("k",), (0.1, 1.0))).child("v")
    for value in (0.1, 0.5, 0.5, 3):
        histogram.observe(value)
    page = metrics.render().decode()

    assert page[page.index("# HELP h_seconds") :].startswith(
        "# HELP h_seconds Time\n"
        "# TYPE h_seconds histogram\n"
        'h_seconds_bucket{k="v",le="0.1"} 1.0\n'
        'h_seconds_bucket{k="v",le="1.0"} 3.0\n'
        'h_seconds_bucket{k="v",le="+Inf"} 4.0\n'
        'h_seconds_count{k="v"} 4.0\n'
        'h_seconds_sum{k="v"} 4.1\n'
    )


def test_what_is_no_number_is_written_all_the_same():
    """Infinity and NaN have the names that Prometheus knows."""
    metrics = Metrics()
    for name, value in (("up", math.inf), ("down", -math.inf), ("nan", math.nan)):
        metrics.series(Metric(name, "gauge", "")).child().inc(value)
    page = metrics.render().decode().splitlines()

    assert {"up +Inf", "down -Inf", "nan NaN"} <= set(page)


def test_half_a_character_does_not_cost_the_page():
    """A label that no encoding can write is shown with a question mark; all others are as they were."""
    metrics = Metrics()
    metrics.calls.child("\ud800", "success").inc()
    metrics.calls.child("whole", "success").inc()
    page = metrics.render().decode()

    assert 'function="?"' in page
    assert 'function="whole"' in page


class Own(prometheus_client.registry.Collector):
    """A collector of the user's own."""

    def collect(self):
        yield prometheus_client.core.GaugeMetricFamily("orders_waiting", "Orders", value=3)


def test_collectors_of_the_users_own():
    """What is registered with prometheus_client's means is beside ours; collecting gives the whole page."""
    metrics = Metrics()
    metrics.registry.register(Own())
    prometheus_client.Counter("mine", "Mine", registry=metrics.registry).inc(2)
    metrics.calls.child("f", "success").inc()
    page = metrics.render().decode()

    assert {"orders_waiting 3.0", "mine_total 2.0"} <= set(page.splitlines())
    assert parsed(page).keys() == parsed(prometheus_client.generate_latest(metrics.registry).decode()).keys()
    assert metrics.registry.get_sample_value("function_calls_total", {"function": "f", "outcome": "success"}) == 1


def test_a_name_of_ours_is_refused():
    """A collector that would show a metric of ours a second time is refused when it is registered."""
    with pytest.raises(ValueError, match="http_requests_total"):
        prometheus_client.Counter("http_requests", "", registry=Metrics().registry)


def test_half_characters_are_one_series():
    """Labels that differ only in what no encoding can write are one series, also where caches bring them."""
    metrics = Metrics()
    caches = [Cache("\ud800"), Cache("\ud801")]
    metrics.watch_cache(*caches)
    for cache in caches:
        cache.get("k")
    for name in ("\ud800", "\ud801"):
        metrics.calls.child(name, "success").inc()
    page = metrics.render().decode().splitlines()

    assert page.count('function_calls_total{function="?",outcome="success"} 2.0') == 1
    assert page.count('cache_requests_total{cache="?",outcome="miss"} 2.0') == 1
    assert len(page) == len(set(page))


class Raises(prometheus_client.registry.Collector):
    """A collector of the user's own that is broken."""

    def collect(self):
        yield prometheus_client.core.GaugeMetricFamily("before_it_raises", "", value=1)
        raise RuntimeError("no connection")


class Wrong(prometheus_client.registry.Collector):
    """A collector whose values are no numbers."""

    def collect(self):
        yield prometheus_client.core.GaugeMetricFamily("wrong", "", value="many")


class Repeats(prometheus_client.registry.Collector):
    """A collector that does not say which names it has: those of others."""

    def __init__(self, name):
        self.name = name

    def collect(self):
        yield prometheus_client.core.CounterMetricFamily(self.name, "", value=1)


def test_collectors_that_are_broken(caplog):
    """One that raises, has no numbers or repeats another's series costs its own lines, is counted, and logged once."""
    metrics = Metrics()
    for collector in (Raises(), Wrong(), Repeats("http_requests"), Repeats("mine"), Repeats("mine"), Own()):
        metrics.registry.register(collector)
    metrics.requests.child("GET", "/", "200").inc()
    page = metrics.render().decode()
    shown = [line.split()[0] for line in page.splitlines() if line[0] != "#"]

    assert "orders_waiting 3.0" in page.splitlines()
    assert [page.count(f"# TYPE {name} ") for name in ("http_requests_total", "mine_total")] == [1, 1]
    assert len(shown) == len(set(shown))
    assert metrics.registry.get_sample_value("metrics_errors_total") == 4
    assert len(caplog.records) == 1


def test_rendering_costs_a_fraction():
    """A page of 300 histograms takes at most half of prometheus_client's time."""
    metrics, registry = Metrics(), prometheus_client.CollectorRegistry()
    peer = prometheus_client.Histogram("peer", "", ("method", "endpoint"), registry=registry)
    for number in range(300):
        for histogram in (metrics.duration.child("GET", f"/{number}"), peer.labels("GET", f"/{number}")):
            for seconds in (0.003, 0.03, 0.3, 3):
                histogram.observe(seconds)
    ours, others = [], []
    for _ in range(5):
        for times, render in ((ours, metrics.text), (others, lambda: prometheus_client.generate_latest(registry))):
            began = time.perf_counter()
            render()
            times.append(time.perf_counter() - began)

    assert min(ours) < 0.5 * min(others)
