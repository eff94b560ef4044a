"""The Grafana dashboard: its form, its colours, and a real Prometheus that answers each of its questions."""

import itertools
import json
import math
import re
import threading
import time
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest
from sqlalchemy import create_engine, text

from mestres_perf import Cache, CircuitBreaker, Metrics, instrument
from mestres_perf.assets._dashboard import grafana_dashboard
from mestres_perf.assets._rules import ALERTS, prometheus_rules
from mestres_perf.contrib.sqlalchemy import instrument_engine
from mestres_perf.metrics import System
from mestres_perf.metrics._catalogue import SYSTEM as SYSTEM_METRICS
from mestres_perf.metrics._catalogue import WEB_VITALS as VITALS
from mestres_perf.metrics._thresholds import SYSTEM, WEB_VITALS
from servers.process import Unavailable
from servers.prometheus import running_prometheus

DASHBOARD = json.loads(grafana_dashboard())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target["refId"], target["expr"]) for panel in PANELS for target in panel["targets"]]
BOUNDS = WEB_VITALS.items()
UNITS = {"s", "reqps", "percent", "percentunit", "none"}


def panel(title):
    (found,) = [one for one in PANELS if one["title"] == title]
    return found


def steps(thresholds):
    return [(step["color"], step["value"]) for step in thresholds["steps"]]


def test_the_specified_panels():
    """Title and the five panels are the specification's; what it calls a graph is a time series in today's Grafana."""
    assert DASHBOARD["title"] == "Mestres Café - Performance Overview"
    assert [(one["title"], one["type"]) for one in PANELS][:5] == [
        ("Response Time Distribution", "heatmap"),
        ("Request Rate", "timeseries"),
        ("Error Rate", "stat"),
        ("Database Performance", "timeseries"),
        ("Cache Hit Rate", "gauge"),
    ]
    shown = [target["expr"] for target in panel("Response Time Distribution")["targets"]]
    assert [re.match(r"histogram_quantile\((0\.\d+),", expression)[1] for expression in shown[1:]] == [
        "0.5",
        "0.95",
        "0.99",
    ]


def test_importable():
    """Grafana is asked for nothing it does not know: inputs, variables, places, references, units, thresholds."""
    (source,) = DASHBOARD["__inputs"]
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]} | {"__rate_interval", "__range"}
    assert (source["name"], source["type"], source["pluginId"]) == ("DS_PROMETHEUS", "datasource", "prometheus")
    assert DASHBOARD["id"] is DASHBOARD["uid"] is None
    assert DASHBOARD["schemaVersion"] >= 36
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for one in PANELS:
        assert one["type"] in {"heatmap", "timeseries", "stat", "gauge"}
        defaults = one["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS
        values = [value for _, value in steps(defaults["thresholds"])]
        assert values[0] is None
        assert values[1:] == sorted(values[1:])
        references = [target["refId"] for target in one["targets"]]
        assert len(set(references)) == len(references) > 0
        assert {override["matcher"]["options"] for override in one["fieldConfig"]["overrides"]} <= set(references)
        for asked in (one, *one["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
        for target in one["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables
            assert "$job" in target["expr"]


def test_panels_do_not_overlap():
    """Each panel has its own place within the 24 columns."""
    taken = set()
    for one in DASHBOARD["panels"]:
        place = one["gridPos"]
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]),
                range(place["y"], place["y"] + place["h"]),
            )
        )
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_colours_change_where_alerts_fire():
    """The thresholds of the panels are those of the alerts and of the system's levels: one table feeds them all."""
    limits = {alert.name: float(alert.expression.partition(" and ")[0].split()[-1]) for alert in ALERTS}

    def colours(title):
        return steps(panel(title)["fieldConfig"]["defaults"]["thresholds"])

    assert colours("Error Rate")[1] == ("orange", 100 * limits["HighErrorRate"])
    assert colours("Cache Hit Rate") == [("red", None), ("green", 100 * limits["CacheHitRateLow"])]
    assert colours("Response Time Percentiles")[-1] == ("red", limits["HighResponseTime"])
    assert colours("Error Budget (30 days)")[:2] == [("red", None), ("orange", 0)]  # below 0 the promise is broken
    assert colours("Database Connections")[-1] == ("red", limits["DatabaseConnectionsHigh"])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("System", {SYSTEM_METRICS[name].name: (one.warning, one.critical) for name, one in SYSTEM.items()}),
        ("Web Vitals (75th percentile of visits)", {VITALS[name].name: (one.good, one.poor) for name, one in BOUNDS}),
    ],
    ids=["system", "vitals"],
)
def test_each_question_has_its_own_thresholds(title, expected):
    """Where one panel shows several things, each has the thresholds of its own."""
    one = panel(title)
    found = {}
    for target, override in zip(one["targets"], one["fieldConfig"]["overrides"], strict=True):
        (thresholds,) = [entry["value"] for entry in override["properties"] if entry["id"] == "thresholds"]
        assert override["matcher"]["options"] == target["refId"]
        name = re.search(r"(system_\w+_ratio|web_vitals_\w+?)(_bucket)?\{", target["expr"])[1]
        assert [color for color, _ in steps(thresholds)] == ["green", "orange", "red"]
        found[name] = tuple(value for _, value in steps(thresholds)[1:])

    assert found == expected


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """The address of a small application that uses all that is measured, while somebody uses it."""
    folder = tmp_path_factory.mktemp("application")
    network = folder / "sys/class/net/eth0/statistics"  # in a container nobody may know the link
    network.mkdir(parents=True)
    for name in ("rx_bytes", "tx_bytes"):
        (network / name).write_text("1000\n")
    (folder / "proc").mkdir()
    (folder / "proc/meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\n")
    (folder / "proc/stat").write_text("cpu 1 0 1 1 0 0 0 0 0 0\n")
    metrics = Metrics(system=System(folder, disk=folder, link_speed=1000))
    engine = create_engine(f"sqlite:///{folder / 'a.db'}")
    instrument_engine(engine, metrics)
    cache, breaker = Cache("shop"), CircuitBreaker("payments")

    @cache.cached
    def answer():
        with engine.connect() as connection:
            return connection.execute(text("SELECT 42")).scalar()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/boom":
            start_response("500 Internal Server Error", [])
            return [b"boom"]
        answer.invalidate()
        content = str(breaker.call(answer) + answer()).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    app = instrument(app, metrics=metrics, caches=[cache], breakers=[breaker], vitals="/vitals")
    over = threading.Event()

    def use(url):
        with httpx.Client(base_url=url) as client:
            for number in itertools.count():
                client.get("/")
                client.get("/boom")
                beacon = [{"name": name, "value": 0.1, "id": f"{number}"} for name in WEB_VITALS]
                client.post("/vitals", json=beacon)
                if over.wait(0.05):
                    return

    with make_server("127.0.0.1", 0, app, Server, Handler) as server:
        user = threading.Thread(target=use, args=[f"http://127.0.0.1:{server.server_port}"])
        threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}), user]
        for thread in threads:
            thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            over.set()
            user.join()
            server.shutdown()
            threads[0].join()
    cache.close()
    engine.dispose()


@pytest.fixture(scope="module")
def prometheus(application, require_part):
    """A client of a Prometheus that has scraped the application, and has the alert rules."""
    try:
        rules = prometheus_rules().replace("interval: 60s", "interval: 500ms")  # sooner than after a minute
        server = running_prometheus(application, job="shop", rules=rules)
        url = server.__enter__()
    except Unavailable as error:
        require_part(None, str(error))
    try:
        with httpx.Client(base_url=url) as client:
            yield client
    finally:
        server.__exit__(None, None, None)


def ask(prometheus, expression):
    """The numbers that Prometheus answers; those that are none left out."""
    asked = expression.replace("$__rate_interval", "10s").replace("$__range", "1h").replace("$job", ".+")
    answer = prometheus.get("/api/v1/query", params={"query": asked}).json()
    assert answer["status"] == "success", answer
    values = [float(sample["value"][1]) for sample in answer["data"]["result"]]
    return [value for value in values if not math.isnan(value)]


@pytest.mark.process
def test_every_question_is_answered(prometheus):
    """A real Prometheus that scrapes a running application has a number for every expression of the dashboard."""
    silent, deadline = TARGETS, time.monotonic() + 30
    while silent and time.monotonic() < deadline:
        time.sleep(0.2)  # the next scrape
        silent = [one for one in silent if not ask(prometheus, one[2])]

    assert silent == []
    for title, least, most in [("Error Rate", 1, 99), ("Cache Hit Rate", 1, 99), ("System", 0, 1)]:
        for target in panel(title)["targets"]:
            assert all(least <= value <= most for value in ask(prometheus, target["expr"])), title


@pytest.mark.process
def test_the_alerts_are_loaded(prometheus):
    """The same Prometheus has the alerts, evaluates all rules without an error, and sees that requests fail."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        group, budgets = prometheus.get("/api/v1/rules").json()["data"]["groups"]
        rules = {rule["name"]: rule for rule in group["rules"]}
        if rules["HighErrorRate"]["state"] == "pending":
            break
        time.sleep(0.2)

    assert rules.keys() == {alert.name for alert in ALERTS}
    assert {rule["health"] for rule in (*rules.values(), *budgets["rules"])} == {"ok"}
    assert rules["HighErrorRate"]["state"] == "pending"
