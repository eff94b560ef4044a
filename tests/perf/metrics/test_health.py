"""Health over a sliding minute, by the specification's thresholds."""

import pytest

from mestres_perf.metrics import Health, Metrics
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


@pytest.mark.parametrize(
    ("count", "seconds", "failed", "status"),
    [
        (100, 0.01, 0, "healthy"),
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


def test_no_traffic(health):
    """Without requests there are no figures, and nothing is wrong."""
    report = health.report()

    assert report["status"] == "healthy"
    assert report["metrics"]["response_time_p50"] is None
    assert report["metrics"]["error_rate"] is None


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
