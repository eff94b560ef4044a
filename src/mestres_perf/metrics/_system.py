"""Memory and processor, as the kernel tells them to this process: its container's, if it has one, not the host's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


class System:
    """Readings in percent; None where the kernel does not say. `root` is where /proc and /sys are."""

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> None:
        self._proc = root / "proc"
        self._cgroup = root / "sys/fs/cgroup"
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def memory(self) -> float | None:
        """Used memory of what may be used; file cache that can be given back does not count as used."""
        limit = _number(self._cgroup / "memory.max")
        current = _number(self._cgroup / "memory.current")
        if limit is not None and current is not None:
            inactive = _fields(self._cgroup / "memory.stat").get("inactive_file", 0.0)
            return 100 * max(0.0, current - inactive) / limit
        info = _fields(self._proc / "meminfo")
        total, available = info.get("MemTotal:"), info.get("MemAvailable:")
        return None if not total or available is None else 100 * (total - available) / total

    def processor(self) -> float | None:
        """Used processor time of what may be used since the last reading; None at the first."""
        used = self._seconds_used()
        if used is None:
            return None
        now = self._clock()
        last, self._last = self._last, (now, used)
        if last is None or now <= last[0]:
            return None
        return min(100.0, max(0.0, 100 * (used - last[1]) / ((now - last[0]) * self._processors())))

    def _seconds_used(self) -> float | None:
        micros = _fields(self._cgroup / "cpu.stat").get("usage_usec")
        if micros is not None and _number(self._cgroup / "cpu.max", first=True) is not None:
            return micros / 1e6
        try:
            first = (self._proc / "stat").read_text().splitlines()[0].split()
            ticks = [int(value) for value in first[1:9]]
        except (OSError, IndexError, ValueError):
            return None
        idle = ticks[3] + ticks[4]
        return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")

    def _processors(self) -> float:
        try:
            quota, period = (self._cgroup / "cpu.max").read_text().split()
            return int(quota) / int(period)
        except (OSError, ValueError):
            return float(os.cpu_count() or 1)


def _number(path: Path, *, first: bool = False) -> float | None:
    """The number in a file; None when there is none: "max" means that nothing is limited."""
    try:
        text = path.read_text().split()
        return float(text[0]) if text and (first or len(text) == 1) else None
    except (OSError, ValueError):
        return None


def _fields(path: Path) -> dict[str, float]:
    """The first two words of each line, as name and number."""
    found: dict[str, float] = {}
    try:
        for line in path.read_text().splitlines():
            parts = line.split()
            if len(parts) > 1 and parts[1].isdigit():
                found[parts[0]] = float(parts[1])
    except OSError:
        pass
    return found
