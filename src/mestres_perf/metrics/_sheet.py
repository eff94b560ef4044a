"""The series of one process: which there are, and where their numbers are."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Sequence

from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._cells import Values, width

Labels = tuple[str, ...]
"""The values of a metric's labels, in the order of their names."""
Table = dict[Metric, dict[Labels, Values]]
Reading = tuple[Metric, Labels, Sequence[float]]
"""What was read elsewhere: the numbers of one series, as a cell would have them."""


@functools.lru_cache(maxsize=4096)
def as_shown(labels: Labels) -> Labels:
    """Labels as a page can have them: halves of characters are question marks, and what looks the same is the same."""
    return tuple(value.encode("utf-8", "replace").decode() for value in labels)


class Sheet:
    """Series in this process's memory. A series, once made, stays, and so does the place of its numbers.

    `lock` can be taken again by who holds it: making a series allocates memory, so a finalizer may run and count.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._rows: dict[Metric, dict[Labels, Values]] = {}

    def declare(self, metric: Metric) -> None:
        """Have a metric shown before it has series."""
        with self.lock:
            self._rows.setdefault(metric, {})

    def disown(self) -> None:
        """In a forked child, which has another sheet: this one is its parent's alone."""

    def is_there(self) -> bool:
        """Whether others can still find it."""
        return True

    def has_room(self, labels: Labels) -> bool:  # noqa: ARG002 - where room is bounded, it depends on them
        """Whether there is room for one more series."""
        return True

    def row(self, metric: Metric, labels: Labels, size: int | None = None) -> Values:
        """Where a series is counted; `size` numbers, if not as many as such a metric has."""
        with self.lock:
            rows = self._rows.setdefault(metric, {})
            if labels not in rows:
                rows.setdefault(labels, self._place(metric, labels, size or width(metric)))
            return rows[labels]

    def put(self, readings: Iterable[Reading]) -> None:
        """Write down what was read elsewhere. Two readings of one series are added up."""
        totals: dict[tuple[Metric, Labels], list[float]] = {}
        for metric, given, values in readings:
            labels = as_shown(given)
            before = totals.get((metric, labels))
            totals[metric, labels] = [a + b for a, b in zip(before, values, strict=True)] if before else list(values)
        for (metric, labels), values in totals.items():
            row = self.row(metric, labels)
            for index, value in enumerate(values):
                row[index] = float(value)

    def table(self) -> Table:
        """All series as they are now; their numbers go on counting."""
        with self.lock:
            return {metric: dict(rows) for metric, rows in self._rows.items()}

    def _place(self, metric: Metric, labels: Labels, size: int) -> Values:  # noqa: ARG002 - in a file they are needed
        return [0.0] * size
