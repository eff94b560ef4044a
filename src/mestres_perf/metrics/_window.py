"""The last minute of requests, out of what is counted anyway: no request pays for it.

Time is cut into slices of five seconds, the same for every process of a machine. Before the first request of a slice is
counted, what had been counted until then is written into a ring. The requests of a slice are the difference to the next
such note, or to what is counted now.

Invariant: each request is in one slice, the one in which it ended, whether or not there were requests in those beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._cells import Values
from mestres_perf.metrics._sheet import Table

WINDOW = 60.0
SLICE = 5.0
_KEPT = int(WINDOW / SLICE)
_SLOTS = _KEPT + 2  # one is being written, and one more says where the oldest slice ends
_FIGURES = len(catalogue.BUCKETS) + 2
_SLOT = _FIGURES + 1
RING = Metric("window", "ring", "What had been counted before each slice of the last minute", (), catalogue.BUCKETS)
RING_SIZE = _SLOTS * _SLOT + 1
"""Numbers of a ring: for each slot the slice and the figures until then; at the end, when its process began."""

Figures = list[float]
"""Requests by bucket of their duration, those beyond the last, and how many went wrong."""
Slices = dict[int, Figures]
"""Figures by the number of their slice."""


def figures(table: Table) -> Figures:
    """All requests so far. Wrong is a 5xx, in the overflow, too, and any other response that broke off."""
    buckets = [values[:-1] for values in table.get(catalogue.DURATION, {}).values()]
    totals = [float(sum(column)) for column in zip(*buckets, strict=True)] or [0.0] * (_FIGURES - 1)
    requests = table.get(catalogue.REQUESTS, {})
    wrong = sum(values[0] for (*_, status), values in requests.items() if status.startswith("5"))
    return [*totals, wrong + sum(values[0] for values in table.get(catalogue.BROKEN, {}).values())]


def slice_of(now: float) -> int:
    """The number of the slice in which a moment is; the first one that is ever used is 1."""
    return int(now // SLICE) + 1


def note(ring: Values, now: float, so_far: Figures) -> None:
    """Write down what had been counted before the slice of this moment, in which nothing has been counted yet."""
    number = slice_of(now)
    at = number % _SLOTS * _SLOT
    ring[at] = 0.0  # who reads just now leaves it out
    for index, value in enumerate(so_far, at + 1):
        ring[index] = value
    ring[at] = float(number)


def slices(ring: Iterable[float], so_far: Figures) -> Slices:
    """The requests of each slice that the ring still knows, given what is counted now."""
    numbers = list(ring)
    slots = [numbers[at : at + _SLOT] for at in range(0, _SLOTS * _SLOT, _SLOT)]
    notes = sorted(slot for slot in slots if slot[0])
    ends = [*notes, [0.0, *so_far]]
    return {
        int(before[0]): [max(0.0, b - a) for a, b in zip(before[1:], after[1:], strict=True)]
        for before, after in pairwise(ends)
    }


def recent(found: Slices, now: float) -> Slices:
    """Only the slices of the last minute."""
    last = slice_of(now)
    return {number: values for number, values in found.items() if last - _KEPT < number <= last}


def elapsed(found: Slices, began: float, now: float) -> float:
    """Seconds in which these requests came, when the first process began at `began`; at least one."""
    first = (min(found, default=slice_of(now)) - 1) * SLICE
    return max(1.0, now - max(min(first, began), (slice_of(now) - _KEPT) * SLICE))


def added(every: Iterable[Mapping[int, Figures]]) -> Slices:
    """The requests of several processes together."""
    total: Slices = {}
    for found in every:
        for number, values in found.items():
            before = total.get(number)
            total[number] = [a + b for a, b in zip(before, values, strict=True)] if before else list(values)
    return total
