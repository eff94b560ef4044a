"""What has been counted, by one process or by several."""

from __future__ import annotations

from dataclasses import dataclass, field

from mestres_perf.metrics._sheet import Table


@dataclass(slots=True)
class Counted:
    """The series, the figures of the last minute by slice, and when the first of the processes began."""

    table: Table = field(default_factory=dict)
    slices: dict[int, list[float]] = field(default_factory=dict)
    began: float = float("inf")
