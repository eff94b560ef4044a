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
def health(clock, tmp_path):
    return Health(Metrics(), system=System(tmp_path), clock=clock)


def observe(health, count, seconds=0.01, failed=0):
    for number in range(count):
        health.observe(seconds, failed=number < failed)


@pytest.mark.parametrize(
    ("count", "seconds", "failed", "status"),
    [
        (100, 0.01, 0, "healthy"),
        (100, 0.9, 0, "degraded"),
        (100, 0.01, 4, "healthy"),
        (100, 0.01, 5, "degraded"),
        (100, 0.01, 9, "degraded"),
        (100, 0.01, 10, "unhealthy"),
        (19, 0.9, 19, "healthy"),
        (20, 0.01, 20, "unhealthy"),
    ],
)
def test_status(health, count, seconds, failed, status):
    """Slow is degraded, failing is degraded and then unhealthy; fewer than twenty requests prove nothing."""
    observe(health, count, seconds, failed)

    assert status == health.report()["status"]


def test_only_the_last_minute_counts(health, clock):
    """Five bad minutes are forgotten a minute after they ended."""
    for _ in range(300):
        observe(health, 2, seconds=3, failed=2)
        clock.now += 1
    assert health.report()["status"] == "unhealthy"
    for _ in range(62):
        observe(health, 2)
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


def test_container_limits(tmp_path, clock):
    """Memory and processor are measured against the container's limits, and file cache does not count as used."""
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("536870912\n")
    (group / "memory.current").write_text("419430400\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 314572800\n")
    (group / "cpu.max").write_text("50000 100000\n")
    (group / "cpu.stat").write_text("usage_usec 1000000\n")
    system = System(tmp_path, clock)

    assert round(system.memory(), 1) == 19.5
    assert system.processor() is None
    clock.now += 2
    (group / "cpu.stat").write_text("usage_usec 1500000\n")
    assert system.processor() == 50


def test_without_a_container(tmp_path):
    """Unlimited is not a limit: then the machine's own figures count."""
    group, proc = tmp_path / "sys/fs/cgroup", tmp_path / "proc"
    group.mkdir(parents=True)
    proc.mkdir()
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("5\n")
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")

    assert System(tmp_path).memory() == 75
