"""Web vitals: beacons are checked, rated, and counted once."""

import json
import os
import threading
import tracemalloc
from collections import Counter

import pytest

from mestres_perf import MestresPerfError, Metrics
from mestres_perf.errors import ConfigurationError, InvalidVitals
from mestres_perf.metrics import WebVitals
from mestres_perf.metrics._catalogue import WEB_VITALS as CATALOGUE
from mestres_perf.metrics._thresholds import WEB_VITALS


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def vitals(metrics):
    return WebVitals(metrics)


def sample(name="LCP", value=1200, identity="v4-1", **more):
    return {
        "name": name, "value": value, "id": identity, "delta": value, "rating": "good", "navigationType": "navigate",
    } | more  # fmt: skip


def send(vitals, content, kind="text/plain;charset=UTF-8"):
    return vitals.receive(json.dumps(content).encode(), kind)


def counted(metrics):
    """{(sample name, *labels): value} of everything about web vitals that is not zero."""
    return {
        (one.name, *one.labels.values()): one.value
        for family in metrics.registry.collect()
        for one in family.samples
        if one.name.startswith("web_vitals") and not one.name.endswith("_created") and one.value
    }


@pytest.mark.scenario("V1")
@pytest.mark.scenario("V6")
@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "application/json", "Application/JSON; charset=utf-8", ""]
)
def test_a_beacon(metrics, vitals, kind):
    """One sample or a list of them is counted, times in seconds and CLS as it is, whatever a browser calls the text."""
    assert send(vitals, sample("LCP", 2400.5), kind) == 1
    assert send(vitals, [sample("CLS", 0.05), sample("TTFB", 90, extra=[1])], kind) == 2
    found = counted(metrics)

    assert found["web_vitals_lcp_seconds_sum",] == 2.4005
    assert found["web_vitals_cls_sum",] == 0.05
    assert found["web_vitals_ttfb_seconds_sum",] == 0.09
    assert found["web_vitals_total", "LCP", "good"] == 1


@pytest.mark.parametrize(
    ("name", "good", "poor"),
    [
        ("FCP", 1500, 3000),
        ("LCP", 2500, 4000),
        ("INP", 200, 500),
        ("FID", 100, 300),
        ("CLS", 0.1, 0.25),
        ("TTFB", 600, 1800),
    ],
)
def test_rating(metrics, vitals, name, good, poor):
    """Good up to the specification's target, poor above the library's bound, whatever the browser says."""
    values = {"good": [0, good], "needs_improvement": [good * 1.001, poor], "poor": [poor * 1.001]}
    for rating, given in values.items():
        for value in given:
            send(vitals, sample(name, value, f"{rating}{value}", rating="poor"))

    assert {key[2]: count for key, count in counted(metrics).items() if key[0] == "web_vitals_total"} == {
        "good": 2,
        "needs_improvement": 2,
        "poor": 1,
    }


@pytest.mark.scenario("V6")
def test_the_bounds_can_be_read_from_the_histograms():
    """Each bound is that of a bucket, so the share of good visits is exact."""
    assert WEB_VITALS.keys() == CATALOGUE.keys()
    for name, bounds in WEB_VITALS.items():
        assert {bounds.good, bounds.poor} <= set(CATALOGUE[name].buckets)


@pytest.mark.scenario("V2")
def test_the_same_sample_again(metrics, vitals):
    """The same id is one sample, in one beacon or in several; another id or metric is another."""
    assert send(vitals, [sample(), sample()]) == 1
    assert send(vitals, sample()) == 0
    assert send(vitals, [sample(identity="v4-2"), sample("FCP")]) == 2
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 2
    assert send(vitals, sample()) == 0
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 2


@pytest.mark.scenario("V2")
def test_the_last_value_counts(metrics, vitals):
    """A value that grew takes the place of the one before; once somebody has looked, it is not counted again."""
    for value in (0.05, 0.12, 0.3):
        send(vitals, sample("CLS", value))
    found = counted(metrics)
    assert (found["web_vitals_cls_count",], found["web_vitals_cls_sum",]) == (1, 0.3)
    assert found["web_vitals_total", "CLS", "poor"] == 1

    send(vitals, sample("CLS", 0.9))
    assert counted(metrics) == found


@pytest.mark.scenario("V2")
def test_memory_is_bounded(metrics):
    """The oldest ids are forgotten, and then counted again; no more are kept than was said, counted or not."""
    vitals = WebVitals(metrics, remembered=10)
    for number in range(50):
        send(vitals, sample(identity=str(number)))
        assert len(vitals._pending) <= 10
        assert len(vitals._counted) <= 10

    assert send(vitals, sample(identity="49")) == 0
    assert send(vitals, sample(identity="0")) == 1
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 51


@pytest.mark.scenario("V2")
def test_memory_is_bounded_whatever_is_sent(metrics):
    """Long ids and long pages of samples that wait to be counted take no more memory than short ones."""

    def taken(identity, page):
        vitals = WebVitals(metrics, pages=["/"])
        bodies = [json.dumps(sample(identity=f"{identity}{n}", page=page)).encode() for n in range(500)]
        tracemalloc.start()
        for body in bodies:
            vitals.receive(body)
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(vitals._pending) == 500
        return taken

    assert taken("\U0001f600" * 120, "/" + "\U0001f600" * 2000) < 2 * taken("a", "/")


@pytest.mark.scenario("V2")
def test_ids_of_any_text(vitals):
    """An id is known again whatever text it is, and beside no other."""
    for identity in ("\ud800", "é", "e", " ", "x" * 128):
        assert [send(vitals, sample(identity=identity)) for _ in range(2)] == [1, 0]
    assert send(vitals, sample("FCP", identity="e")) == 1


@pytest.mark.scenario("V2")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system, Windows for one, cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_counts_nothing_of_its_parents(metrics, vitals):
    """What is kept when a process forks is counted by the parent alone."""
    send(vitals, sample())
    child = os.fork()
    if child == 0:
        os._exit(int(counted(metrics) != {}))
    assert os.waitpid(child, 0)[1] == 0
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 1


@pytest.mark.scenario("V4")
def test_pages(metrics):
    """A page is counted by its name in the list or its route's template; everything else is one name."""
    pages = ["/", "/about", "/p/{slug}", "/orders/<int:number>/items", "/files/<path:rest>", "/docs/{rest:path}"]
    vitals = WebVitals(metrics, pages=pages)
    expected = {
        "/": "/", "/about?utm=1#top": "/about", "/p/cerrado": "/p/{slug}", "/p/a/b": "__other__", "/p/": "__other__",
        "/orders/7/items": "/orders/<int:number>/items", "/files/a/b.txt": "/files/<path:rest>",
        "/docs/x/y": "/docs/{rest:path}", "/wp-admin.php": "__other__", "/about/": "__other__",
    }  # fmt: skip
    for number, path in enumerate(expected):
        send(vitals, sample(identity=f"a{number}", page=path))
        vitals.receive(json.dumps(sample(identity=f"b{number}")).encode(), page=path)
    send(vitals, sample(identity="none"))
    found = {key[2]: value for key, value in counted(metrics).items() if key[0] == "web_vitals_pages_total"}

    wanted = Counter(expected.values())
    assert found == {page: 2 * count + (page == "__other__") for page, count in wanted.items()}
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 21


@pytest.mark.scenario("V4")
@pytest.mark.parametrize("wrong", ["/about", ["about"], [7]])
def test_no_pages(metrics, wrong):
    """What is no list of paths is refused."""
    with pytest.raises(ConfigurationError, match="pages"):
        WebVitals(metrics, pages=wrong)


@pytest.mark.scenario("V4")
def test_without_pages(metrics, vitals):
    """Where no page is named there is no series by page."""
    send(vitals, sample(page="/about"))
    assert not any(name == "web_vitals_pages_total" for name, *_ in counted(metrics))


@pytest.mark.scenario("V5")
def test_fid_is_no_inp(metrics, vitals):
    """FID, which older browsers send, counts for itself; an INP that nobody has measured is neither good nor poor."""
    send(vitals, [sample("FID", 400), sample("LCP", 100)])
    found = counted(metrics)
    assert (found["web_vitals_fid_seconds_count",], found["web_vitals_total", "FID", "poor"]) == (1, 1)
    assert not any("INP" in key or key[0].startswith("web_vitals_inp") for key in found)


@pytest.mark.scenario("V1")
def test_unknown_metrics_are_passed_over(metrics, vitals):
    """What a newer library measures under another name is left; the rest of its beacon is counted."""
    assert send(vitals, [sample("XYZ", "whatever"), sample("lcp"), sample()]) == 1
    assert send(vitals, sample("XYZ")) == 0
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 1


@pytest.mark.scenario("V3")
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": None}),
        ("name", {"name": ["LCP"]}),
        *(("value", {"value": value}) for value in [-1, 3_600_001, 1e12, 10**400, True, "12", None, [], {}]),
        *(("value", {"value": float(value)}) for value in ["nan", "inf", "-inf"]),
        ("value", {"name": "CLS", "value": 1001}),
        ("id", {"id": ""}),
        ("id", {"id": 7}),
        ("id", {"id": "x" * 129}),
        ("delta", {"delta": "much"}),
        ("delta", {"delta": float("nan")}),
        ("rating", {"rating": 1}),
        ("navigationType", {"navigationType": {}}),
        ("page", {"page": ["/"]}),
        ("page", {"page": "/" * 2049}),
    ],
)
def test_nonsense(metrics, vitals, field, change):
    """What makes no sense is a typed error that names the field, and nothing of the beacon is counted."""
    with pytest.raises(InvalidVitals) as one:
        send(vitals, sample() | change)
    with pytest.raises(MestresPerfError) as many:
        send(vitals, [sample(), sample("FCP"), sample() | change])

    assert (one.value.field, many.value.field) == (field, f"2.{field}")
    assert one.value.reason in str(one.value)
    assert counted(metrics) == {}


@pytest.mark.parametrize(
    ("field", "body", "kind"),
    [
        ("body", b"", "text/plain"),
        ("body", b"LCP=1200", "text/plain"),
        ("body", b"\xff\xfe{}", "text/plain"),
        ("body", b'{"value": ' + b"9" * 5000 + b"}", "text/plain"),
        ("body", b"[" * 100_000, "text/plain"),
        ("body", b"[]", "text/plain"),
        ("body", b"12", "text/plain"),
        ("0", b"[12]", "text/plain"),
        ("body", json.dumps([sample(identity=str(number)) for number in range(101)]).encode(), "text/plain"),
        ("Content-Type", json.dumps(sample()).encode(), "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_beacon(metrics, vitals, field, body, kind):
    """What is no sample at all is the same typed error."""
    with pytest.raises(InvalidVitals) as caught:
        vitals.receive(body, kind)

    assert caught.value.field == field
    assert counted(metrics) == {}


@pytest.mark.parametrize("missing", ["name", "value"])
def test_what_must_be_there(vitals, missing):
    """Name and value are needed, everything else is not; what has no id cannot be known again."""
    whole = {"name": "INP", "value": 8}
    with pytest.raises(InvalidVitals) as caught:
        send(vitals, {key: value for key, value in whole.items() if key != missing})

    assert caught.value.field == missing
    assert [send(vitals, whole), send(vitals, whole)] == [1, 1]


@pytest.mark.scenario("V2")
def test_many_at_once(metrics, vitals):
    """The same sample from many threads is counted once."""
    start = threading.Barrier(8)
    new = []

    def visit():
        start.wait()
        new.extend(send(vitals, sample(identity=str(number))) for number in range(100))

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(new) == counted(metrics)["web_vitals_lcp_seconds_count",] == 100


def test_one_metrics_for_two(metrics):
    """Two receivers may share a Metrics; an application without one shows nothing of it."""
    assert b"web_vitals" not in metrics.render()
    assert [send(WebVitals(metrics), sample()) for _ in range(2)] == [1, 1]
    assert counted(metrics)["web_vitals_lcp_seconds_count",] == 2
