"""Health over a sliding minute, by the specification's thresholds."""

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.event import listen

from mestres_perf import PerformanceMiddleware
from mestres_perf.contrib.sqlalchemy import instrument_engine
from mestres_perf.metrics import Health, Metrics
from mestres_perf.metrics import _window as window
from mestres_perf.metrics._catalogue import BUCKETS, REQUESTS
from mestres_perf.metrics._system import System


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    return Metrics(clock=clock)


@pytest.fixture
def health(metrics, tmp_path):
    return Health(metrics, system=System(tmp_path))


def observe(metrics, count, seconds=0.01, failed=0):
    """So many requests end now."""
    for number in range(count):
        metrics.tick(metrics.clock())
        metrics.requests.child("GET", "/", "500" if number < failed else "200").inc()
        metrics.duration.child("GET", "/").observe(seconds)


@pytest.mark.scenario("S3", "S6")
@pytest.mark.parametrize(
    ("count", "seconds", "failed", "status"),
    [
        (100, 0.01, 0, "healthy"),
        (100, 0.5, 0, "healthy"),
        (100, 0.9, 0, "degraded"),
        (100, 0.01, 4, "healthy"),
        (100, 0.01, 5, "healthy"),
        (100, 0.01, 6, "unhealthy"),
        (100, 0.9, 6, "unhealthy"),
        (19, 0.9, 19, "healthy"),
        (20, 0.01, 20, "unhealthy"),
    ],
)
def test_status(metrics, count, seconds, failed, status):
    """Above 500 ms at p95 is degraded, above 5 % of errors unhealthy; fewer than twenty requests prove nothing."""
    observe(metrics, count, seconds, failed)

    assert status == Health(metrics).report()["status"]


async def fail(scope, receive, send):
    status = int(scope["path"][1:4])
    await send({"type": "http.response.start", "status": status, "headers": []})
    if scope["path"].endswith("broken"):
        raise RuntimeError
    await send({"type": "http.response.body", "body": b""})


def requests(metrics, *paths):
    """Requests to an application that answers with the status that a path begins with; each path is its own route."""

    async def no_body():
        return {"type": "http.request"}

    async def sent(_):
        pass

    app = PerformanceMiddleware(fail, metrics=metrics, route=lambda scope: scope["path"])
    for path in paths:
        with suppress(RuntimeError):
            asyncio.run(app({"type": "http", "method": "GET", "path": path, "headers": []}, no_body, sent))


def test_errors_beyond_the_limit_of_series_are_errors(clock, tmp_path):
    """Where there are more routes than series, a 5xx that is counted as overflow is still one, for all processes."""
    first, other = (Metrics(max_series=4, directory=tmp_path / "metrics", clock=clock) for _ in range(2))
    requests(first, *(f"/503/{number}" for number in range(25)), *(f"/200/{number}" for number in range(25)))
    requests(other, *(f"/404/{number}" for number in range(50)))

    for metrics in (first, other):
        report = Health(metrics).report()
        assert (report["status"], report["metrics"]["error_rate"]) == ("unhealthy", 25.0)
        assert len(metrics.table()[REQUESTS]) <= 4 + 6


def test_a_5xx_that_breaks_off_is_one_error(metrics):
    """An answer that goes wrong twice is one that went wrong; any other that breaks off is one, too."""
    requests(metrics, *["/200"] * 96, "/500", "/503/broken", "/503/broken", "/200/broken")

    assert Health(metrics).report()["metrics"]["error_rate"] == 4.0


@pytest.mark.scenario("S1")
def test_only_the_last_minute_counts(metrics, health, clock):
    """Five bad minutes are forgotten a minute after they ended."""
    for _ in range(300):
        observe(metrics, 2, seconds=3, failed=2)
        clock.now += 1
    assert health.report()["status"] == "unhealthy"
    for _ in range(62):
        observe(metrics, 2)
        clock.now += 1
    report = health.report()

    assert report["status"] == "healthy"
    assert report["metrics"]["response_time_p99"] <= 10
    assert report["metrics"]["error_rate"] == 0
    assert 1.8 < report["metrics"]["requests_per_second"] < 2.2


@pytest.mark.scenario("S1")
@settings(max_examples=60, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 4.0, 5.0, 7.0, 61.0, 400.0]), st.sampled_from(BUCKETS)), max_size=40
    ),
    later=st.sampled_from([0.0, 3.0, 30.0, 59.0, 100.0]),
)
@example(requests=[(5.0, 1.0)] * 20, later=0.0)
def test_each_request_is_in_the_slice_in_which_it_ended(requests, later):
    """After any bursts and pauses the last minute has the requests that ended in it, and no others."""
    clock, ended = Clock(), []
    metrics = Metrics(clock=clock)
    for pause, seconds in requests:
        clock.now += pause
        observe(metrics, 1, seconds)
        ended.append((clock.now, seconds))
    clock.now += later
    found = window.recent(metrics.counted().slices, clock.now)
    counts = [sum(column) for column in zip(*found.values(), strict=True)] or [0.0] * (len(BUCKETS) + 2)
    last = [seconds for at, seconds in ended if window.slice_of(at) > window.slice_of(clock.now) - 12]

    assert counts == [*(float(last.count(bound)) for bound in BUCKETS), 0, 0]
    assert all(clock.now - 60 < at for at, _ in ended if window.slice_of(at) > window.slice_of(clock.now) - 12)


@pytest.mark.scenario("S2")
def test_no_traffic(health):
    """Without requests there are no figures, nothing is wrong, and the report is JSON that everybody reads."""
    report = health.report()

    assert report["status"] == "healthy"
    assert {report["metrics"][name] for name in report["metrics"] if not name.endswith("_usage")} == {None}
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def ask(app, path):
    """What an ASGI application answers to GET."""
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "GET", "path": path, "headers": []}, None, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.scenario("S7")
@pytest.mark.parametrize(
    ("seconds", "failed", "status", "code"),
    [(0.01, 0, "healthy", 200), (0.9, 0, "degraded", 200), (0.01, 50, "unhealthy", 503)],
)
def test_the_probe(metrics, seconds, failed, status, code):
    """Only an unhealthy application is taken out of service: a slow one would be slower with a server less."""
    observe(metrics, 100, seconds, failed)
    answered, report = ask(PerformanceMiddleware(None, metrics=metrics), "/health/performance")

    assert (answered, report["status"]) == (code, status)


@pytest.mark.scenario("S7")
def test_the_probe_asks_nobody(metrics, tmp_path):
    """A probe opens no connection and sends no statement: it answers when the database does not."""
    engine, asked = create_engine(f"sqlite:///{tmp_path / 'shop.db'}"), []
    for event in ("do_connect", "before_cursor_execute"):
        listen(engine, event, lambda *_, **__: asked.append(1))
    instrument_engine(engine, metrics)
    answered, report = ask(PerformanceMiddleware(None, metrics=metrics), "/health/performance")

    assert (answered, report["metrics"]["database_connections"], asked) == (200, 0, [])


def test_all_workers_are_judged_together(clock, tmp_path):
    """Requests too few to prove anything in one process prove it together, whoever is asked."""
    workers = [Metrics(directory=tmp_path / "metrics", clock=clock) for _ in range(4)]
    for worker in workers:
        observe(worker, 10, seconds=0.9)
    clock.now += 10
    reports = [Health(worker).report() for worker in workers]

    assert {report["status"] for report in reports} == {"degraded"}
    assert {report["metrics"]["requests_per_second"] for report in reports} == {4.0}


class Machine(System):
    """A machine that is as busy as told."""

    def __init__(self, **percent):
        self.percent = {"cpu": None, "memory": None, "disk": None, "network": None, **percent}

    def readings(self):
        return self.percent


@pytest.mark.parametrize(
    ("name", "percent", "level"),
    [
        ("cpu", 69.9, "ok"),
        ("cpu", 70, "warning"),
        ("cpu", 85, "critical"),
        ("memory", 79.9, "ok"),
        ("memory", 80, "warning"),
        ("memory", 90, "critical"),
        ("disk", 80, "warning"),
        ("disk", 90, "critical"),
        ("network", 80, "warning"),
        ("network", 90, "critical"),
    ],
)
def test_a_busy_machine(clock, name, percent, level):
    """Each reading has its level by the thresholds shown, unknown ones none; the status is about requests only."""
    report = Health(Metrics(clock=clock), system=Machine(**{name: percent})).report()
    limits = report["thresholds"][f"{name}_usage"]

    assert report["metrics"][f"{name}_usage"] == percent
    assert report["system"] == {"cpu": None, "memory": None, "disk": None, "network": None} | {name: level}
    assert (percent >= limits["warning"], percent >= limits["critical"]) == (level != "ok", level == "critical")
    assert report["status"] == "healthy"
