"""Processor, memory, disk and network: this process's container's, if it has one, not the host's."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mestres_perf._kernel import forks
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics._cgroups import Groups, Processor
from mestres_perf.metrics._files import fields, number

_BITS = 8
_MEGA = 1e6
_SHORTEST = 1.0


class System:
    """How much is in use, in percent; None where the kernel does not say. Needs Linux for all but the disk.

    `disk` is any path on the file system to be watched. `link_speed`, in Mbit/s, is that of every network interface;
    without it the kernel is asked, which knows it for real hardware and seldom inside a container. `root` is where
    /proc and /sys are, `clock` monotonic seconds. Processor and network are means since the last reading, so the first
    one is None; readings less than a second apart give the same, so that two readers do not disturb each other.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        *,
        disk: Path = Path(),
        link_speed: float | None = None,
    ) -> None:
        if link_speed is not None and not link_speed > 0:
            raise ConfigurationError(f"link_speed={link_speed!r}: must be above 0, in Mbit/s")
        self._proc = root / "proc"
        self._interfaces = root / "sys/class/net"
        self._groups = Groups(root)
        self._disk = disk
        self._link_speed = link_speed
        self._lock = threading.Lock()
        self._clock = clock
        self._processor_time = _Growth(clock)
        self._traffic: dict[Path, dict[str, _Growth]] = {}
        forks.follow(self)

    def locks(self) -> Sequence[threading.Lock]:
        """For a fork."""
        return [self._lock]

    def start_anew(self) -> None:
        """In a forked child: what was read before is as true for it."""

    def readings(self) -> dict[str, float | None]:
        """All of them: cpu, memory, disk, network."""
        return {"cpu": self.processor(), "memory": self.memory(), "disk": self.disk(), "network": self.network()}

    def memory(self) -> float | None:
        """Used memory of what may be used; file cache that can be given back does not count as used."""
        share = self._groups.memory()
        if share is not None:
            return 100 * share
        info = fields(self._proc / "meminfo")
        total, available = info.get("MemTotal:"), info.get("MemAvailable:")
        return None if not total or available is None else 100 * (total - available) / total

    def processor(self) -> float | None:
        """Used processor time of what may be used."""
        now = self._groups.processor() or self._whole_machine()
        if now is None:
            return None
        with self._lock:
            busy = self._processor_time.per_second(now.used)
        return None if busy is None else min(100.0, 100 * busy / now.processors)

    def disk(self) -> float | None:
        """Used space of what this process may use, as `df` counts it."""
        try:
            space = shutil.disk_usage(self._disk)
        except OSError:
            return None
        return 100 * space.used / (space.used + space.free) if space.used + space.free else None

    def network(self) -> float | None:
        """Traffic of what the link can carry, in the busier direction of the busiest interface whose speed is known."""
        with self._lock:
            known = {path: self._speed(path) for path in self._real_interfaces()}
            self._traffic = {path: self._traffic.get(path) or self._directions() for path in known}
            shares = [self._share(path, speed) for path, speed in known.items() if speed]
        return max((share for share in shares if share is not None), default=None)

    def _whole_machine(self) -> Processor | None:
        try:
            first = (self._proc / "stat").read_text().splitlines()[0].split()
            ticks = [int(value) for value in first[1:9]]
            used = sum(ticks) - ticks[3] - ticks[4]  # idle, and waiting for a disk
        except (OSError, IndexError, ValueError):
            return None
        return Processor(used / os.sysconf("SC_CLK_TCK"), float(os.cpu_count() or 1))

    def _real_interfaces(self) -> list[Path]:
        try:
            return sorted(path for path in self._interfaces.iterdir() if path.name != "lo")
        except OSError:
            return []

    def _speed(self, interface: Path) -> float | None:
        speed = self._link_speed or number(interface / "speed")
        return speed if speed is not None and speed > 0 else None  # -1: the kernel does not know

    def _directions(self) -> dict[str, _Growth]:
        return {name: _Growth(self._clock) for name in ("rx_bytes", "tx_bytes")}

    def _share(self, interface: Path, speed: float) -> float | None:
        carried = {name: number(interface / "statistics" / name) for name in ("rx_bytes", "tx_bytes")}
        growths = [
            self._traffic[interface][name].per_second(value) for name, value in carried.items() if value is not None
        ]
        most = max((growth for growth in growths if growth is not None), default=None)
        return None if most is None else min(100.0, 100 * most * _BITS / (speed * _MEGA))


class _Growth:
    """How fast a counter grows, between readings that are at least a second apart."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: tuple[float, float] | None = None
        self._result: float | None = None

    def per_second(self, value: float) -> float | None:
        now = self._clock()
        if self._since is None or value < self._since[1]:  # a counter that begins again
            self._since = (now, value)
            return self._result
        elapsed = now - self._since[0]
        if elapsed >= _SHORTEST or (self._result is None and elapsed > 0):
            self._result = (value - self._since[1]) / elapsed
        if elapsed >= _SHORTEST:
            self._since = (now, value)
        return self._result
