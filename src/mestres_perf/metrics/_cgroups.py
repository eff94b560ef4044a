"""What the kernel grants this process's container: control groups, version 2 and 1.

A group is limited by those above it too. In a container its own group is the one at the root of what can be seen; on a
plain host /proc/self/cgroup says where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mestres_perf.metrics._files import fields, number

_UNLIMITED = 2.0**60  # version 1 writes the largest multiple of a page where nothing is limited
_V1_PROCESSOR = ("cpu", "cpu,cpuacct")
_V1_ACCOUNT = ("cpuacct", "cpu,cpuacct")


@dataclass(frozen=True, slots=True)
class Processor:
    """Seconds of processor time used so far, and how many processors may be used at once."""

    used: float
    processors: float


class Groups:
    """The limits of this process; `root` is where /proc and /sys are."""

    def __init__(self, root: Path) -> None:
        self._tree = root / "sys/fs/cgroup"
        self._paths = _own_paths(root / "proc/self/cgroup")

    def memory(self) -> float | None:
        """Used memory of the limit, 0 to 1, in the fullest group; None where nothing is limited.

        File cache that can be given back does not count as used.
        """
        shares = [share for share in (*self._memory_v2(), *self._memory_v1()) if share is not None]
        return max(shares, default=None)

    def processor(self) -> Processor | None:
        """Processor time in the tightest group; None where nothing is limited."""
        found = [one for one in (*self._processor_v2(), *self._processor_v1()) if one is not None]
        return min(found, key=lambda one: one.processors, default=None)

    def _memory_v2(self) -> Iterator[float | None]:
        for group in self._groups(self._tree, ""):
            yield _memory_share(group, "memory.max", "memory.current", "inactive_file")

    def _memory_v1(self) -> Iterator[float | None]:
        for group in self._groups(self._tree / "memory", "memory"):
            yield _memory_share(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

    def _processor_v2(self) -> Iterator[Processor | None]:
        for group in self._groups(self._tree, ""):
            used = fields(group / "cpu.stat").get("usage_usec")
            yield _processor(used, 1e6, *_quota(group / "cpu.max"))

    def _processor_v1(self) -> Iterator[Processor | None]:
        for quota_tree, account_tree in zip(_V1_PROCESSOR, _V1_ACCOUNT, strict=True):
            groups = self._groups(self._tree / quota_tree, "cpu")
            for group in groups:
                account = self._tree / account_tree / group.relative_to(self._tree / quota_tree)
                quota, period = number(group / "cpu.cfs_quota_us"), number(group / "cpu.cfs_period_us")
                yield _processor(number(account / "cpuacct.usage"), 1e9, quota, period)

    def _groups(self, tree: Path, controller: str) -> Iterator[Path]:
        """The process's group and those above it, as far as they can be seen."""
        path = self._paths.get(controller, "").strip("/")
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for length in range(len(parts), -1, -1):
            yield tree.joinpath(*parts[:length])


def _own_paths(listing: Path) -> dict[str, str]:
    """Where this process is, by controller; version 2 has one place for all, under the empty name."""
    found: dict[str, str] = {}
    try:
        for line in listing.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            found.update(dict.fromkeys(controllers.split(","), path))
    except (OSError, ValueError):
        pass
    return found


def _memory_share(group: Path, limit_file: str, used_file: str, given_back: str) -> float | None:
    limit, used = number(group / limit_file), number(group / used_file)
    if not limit or limit >= _UNLIMITED or used is None:
        return None
    return max(0.0, used - fields(group / "memory.stat").get(given_back, 0.0)) / limit


def _quota(path: Path) -> tuple[float | None, float | None]:
    try:
        quota, period = path.read_text().split()
        return float(quota), float(period)
    except (OSError, ValueError):
        return None, None


def _processor(used: float | None, per_second: float, quota: float | None, period: float | None) -> Processor | None:
    if used is None or not quota or quota < 0 or not period:
        return None
    return Processor(used / per_second, quota / period)
