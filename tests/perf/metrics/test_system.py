"""Processor, memory, disk and network, from a kernel made of files."""

import os
import threading
import warnings

import pytest

from mestres_perf import MestresPerfError, Metrics
from mestres_perf.metrics._catalogue import SYSTEM
from mestres_perf.metrics._system import System
from mestres_perf.metrics._thresholds import SYSTEM as LEVELS

MIB = 1024**2


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kernel(tmp_path):
    """`kernel({"proc/meminfo": "..."})` writes the kernel's files and says where they are."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path

    return write


@pytest.mark.scenario("S4", "S5")
def test_container_limits(kernel, clock):
    """Memory and processor are measured against the container's limits, and file cache does not count as used."""
    root = kernel(
        {
            "sys/fs/cgroup/memory.max": 512 * MIB,
            "sys/fs/cgroup/memory.current": 400 * MIB,
            "sys/fs/cgroup/memory.stat": f"anon 1\ninactive_file {300 * MIB}",
            "sys/fs/cgroup/cpu.max": "50000 100000",
            "sys/fs/cgroup/cpu.stat": "usage_usec 1000000",
        }
    )
    system = System(root, clock)

    assert round(system.memory(), 1) == 19.5
    assert system.processor() is None
    clock.now += 2
    kernel({"sys/fs/cgroup/cpu.stat": "usage_usec 1500000"})
    assert system.processor() == 50


@pytest.mark.scenario("S4", "S5")
def test_container_limits_of_version_1(kernel, clock):
    """The same from the older control groups, which have a folder for each controller."""
    root = kernel(
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc",  # as the host sees it
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 512 * MIB,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": 400 * MIB,
            "sys/fs/cgroup/memory/memory.stat": f"cache 1\ntotal_inactive_file {300 * MIB}",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": 200000,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": 100000,
            "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": 10**9,
        }
    )
    system = System(root, clock)

    assert round(system.memory(), 1) == 19.5
    assert system.processor() is None
    clock.now += 2
    kernel({"sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": 2 * 10**9})
    assert system.processor() == 25


@pytest.mark.parametrize("limited", ["app.service", "", "other"], ids=["own", "above", "beside"])
def test_a_service_on_a_host(kernel, limited):
    """The groups of this process and those above it count, and no others."""
    slices = {"app.service": "sys/fs/cgroup/system.slice/app.service", "": "sys/fs/cgroup/system.slice"}
    folder = slices.get(limited, "sys/fs/cgroup/system.slice/other.service")
    root = kernel(
        {
            "proc/self/cgroup": "0::/system.slice/app.service",
            "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 900 kB",
            f"{folder}/memory.max": 1000,
            f"{folder}/memory.current": 600,
        }
    )

    assert round(System(root).memory()) == (10 if limited == "other" else 60)


@pytest.mark.parametrize(
    "unlimited",
    [
        {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": 5, "sys/fs/cgroup/cpu.max": "max 100000"},
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": 5,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": -1,
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": 100000,
        },
        {},
    ],
    ids=["v2", "v1", "none"],
)
@pytest.mark.scenario("S4")
def test_without_limits(kernel, clock, unlimited):
    """Unlimited is not a limit: then the machine's own figures count."""
    root = kernel(
        {
            **unlimited,
            "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB",
            "proc/stat": "cpu 0 0 0 0 0 0 0 0 0 0",
        }
    )
    system = System(root, clock)

    assert system.memory() == 75
    assert system.processor() is None
    clock.now += 10
    half = 5 * os.sysconf("SC_CLK_TCK") * os.cpu_count()
    kernel({"proc/stat": f"cpu {half} 0 0 {half} 0 0 0 0 0 0"})
    assert system.processor() == 50


@pytest.mark.scenario("S5")
def test_the_first_page_knows_the_processor(kernel, clock):
    """However soon somebody looks first, the processor's use is that since the start: neither unknown nor zero."""
    root = kernel({"sys/fs/cgroup/cpu.max": "100000 100000", "sys/fs/cgroup/cpu.stat": "usage_usec 1000000"})
    metrics = Metrics(system=System(root, clock))
    clock.now += 0.1
    kernel({"sys/fs/cgroup/cpu.stat": "usage_usec 1025000"})

    assert metrics.registry.get_sample_value("system_cpu_usage_ratio") == pytest.approx(0.25)


def interface(name, speed, received, sent):
    folder = f"sys/class/net/{name}"
    return {
        f"{folder}/speed": speed,
        f"{folder}/statistics/rx_bytes": received,
        f"{folder}/statistics/tx_bytes": sent,
    }


def test_network(kernel, clock):
    """The busier direction of the busiest interface counts, against its own speed; the machine's talk to itself not."""
    root = kernel({**interface("eth0", 1000, 0, 0), **interface("eth1", 100, 0, 0), **interface("lo", 1, 0, 0)})
    system = System(root, clock)

    assert system.network() is None
    clock.now += 10
    kernel(
        {
            **interface("eth0", 1000, 250_000_000, 1_000_000_000),
            **interface("eth1", 100, 37_500_000, 0),
            **interface("lo", 1, 10**12, 10**12),
        }
    )
    assert round(system.network()) == 80


def test_network_of_unknown_speed(kernel, clock):
    """Where the kernel does not know a link's speed there is no figure, unless somebody said it."""
    root = kernel(interface("eth0", -1, 0, 0))
    asked, told = System(root, clock), System(root, clock, link_speed=100)
    assert (asked.network(), told.network()) == (None, None)
    clock.now += 10
    kernel(interface("eth0", -1, 62_500_000, 0))

    assert asked.network() is None
    assert told.network() == 50


def test_two_readers_do_not_disturb_each_other(kernel, clock):
    """A reading within a second of the last gives the same; a counter that begins again gives no nonsense."""
    root = kernel(interface("eth0", 100, 0, 0))
    system = System(root, clock)
    system.network()
    clock.now += 10
    kernel(interface("eth0", 100, 62_500_000, 0))
    assert system.network() == 50
    clock.now += 0.5
    kernel(interface("eth0", 100, 62_500_000 + 6_000_000, 0))
    assert system.network() == 50
    clock.now += 10
    kernel(interface("eth0", 100, 5, 5))
    assert system.network() == 50
    clock.now += 10
    assert system.network() == 0


@pytest.mark.scenario("S8")
def test_disk(tmp_path):
    """The disk is the one that the path is on, counted as df counts it; what is not there has no figure."""
    space = os.statvfs(tmp_path)
    used = space.f_blocks - space.f_bfree

    assert System(tmp_path, disk=tmp_path).disk() == pytest.approx(100 * used / (used + space.f_bavail), abs=1)
    assert System(tmp_path, disk=tmp_path / "missing").disk() is None


@pytest.mark.scenario("S8")
def test_nothing_to_read(tmp_path):
    """Where there is no such kernel there are no figures, and nothing fails."""
    assert System(tmp_path, disk=tmp_path / "missing").readings() == dict.fromkeys(SYSTEM)


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_makes_no_sense(speed):
    """A link carries something, or the error says so."""
    with pytest.raises(MestresPerfError, match="link_speed"):
        System(link_speed=speed)


def test_on_the_metrics_page(kernel):
    """What is known is a ratio on the page, what is unknown is not there."""
    root = kernel({"proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 250 kB"})
    page = Metrics(system=System(root, disk=root / "missing")).render().decode()

    assert "\nsystem_memory_usage_ratio 0.75\n" in page
    for name in ("cpu", "disk", "network"):
        assert f"\nsystem_{name}_usage_ratio" not in page
    assert SYSTEM.keys() == LEVELS.keys()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system, Windows for one, cannot fork")
def test_a_fork_in_the_middle_of_a_reading(kernel):
    """A child that is forked while another thread reads can read, too: nobody reads during a fork."""
    reading, forked = threading.Event(), threading.Event()

    class Slow(Clock):
        def __call__(self):
            reading.set()
            forked.wait(0.2)  # inside the lock, for as long as nothing keeps the fork from coming
            return self.now

    root = kernel({"sys/fs/cgroup/cpu.max": "50000 100000", "sys/fs/cgroup/cpu.stat": "usage_usec 1000000"})
    system = System(root, Slow())
    reader = threading.Thread(target=system.processor)
    reader.start()
    reading.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if system._lock.acquire(timeout=5) else 1)
    forked.set()
    reader.join(10)
    assert os.waitpid(child, 0)[1] == 0
