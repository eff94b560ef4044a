"""How many calls may be under way, learned from how long they take. Pure: windows of measured calls come in.

Both rules compare the median of a window with what a call takes where nothing waits, the baseline. A median above
TOLERANCE times the baseline, or a tenth of the calls dropped, is overload; a limit of which not even half was used
says nothing and stays. "aimd" then takes a tenth away, and adds the square root otherwise; "gradient2" takes away in
proportion (Netflix concurrency-limits, Gradient2Limit, with the remedy for its drift: nothing is added under overload,
and drops count as overload).

The baseline follows calls without overload, faster ones sooner than slower ones, and slow ones only where there can be
no queue of our making: at the least limit, and when halving the limit has made nothing faster. To see, it is halved for
one window in forty-five, and again for as long as that makes calls faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

TOLERANCE: Final = 1.35
_DROPPED: Final = 0.1
_FALL, _RISE, _BLEND, _PROBED_LOWER = 0.05, 0.04, 0.25, 0.8
_PROBE_EVERY: Final = 45
_DIFFERENCE: Final = 0.8
_SMOOTHING: Final = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """So many calls that ended one after another. `latency` is their median in seconds, `peak` the most at once."""

    latency: float
    count: int
    dropped: int
    peak: int


def aimd(limit: float, overload: float) -> float:
    """The next limit. `overload` is the latency as a multiple of what is tolerated: above 1 it is too much."""
    return limit * 0.9 if overload > 1 else limit + math.sqrt(limit)


def gradient2(limit: float, overload: float) -> float:
    """The next limit, as above."""
    gradient = min(1.0, max(0.5, 1 / overload)) if overload > 0 else 1.0
    aim = limit * gradient + (math.sqrt(limit) if gradient == 1.0 else 0.0)
    return limit + _SMOOTHING * (aim - limit)


RULES: Final[Mapping[str, Callable[[float, float], float]]] = {"aimd": aimd, "gradient2": gradient2}


@dataclass(frozen=True, slots=True)
class _Probe:
    """The limit and the latency before the first halving, and the latency before the last one."""

    limit: float
    first: float
    latency: float


class Learner:
    """A limit between `least` and `most`. It begins at `least` and doubles until the first overload."""

    def __init__(self, rule: Callable[[float, float], float], least: int, most: int) -> None:
        self._rule = rule
        self._least = float(least)
        self._most = float(most)
        self._is_starting = True
        self._until_probe = _PROBE_EVERY
        self._probe: _Probe | None = None
        self.limit = float(least)
        self.baseline: float | None = None
        """Seconds that a call takes without load; None before the first window."""

    @property
    def is_probing(self) -> bool:
        """Whether the limit has been halved to see: only calls that began since then are of interest."""
        return self._probe is not None

    def learn(self, window: Window) -> None:
        """Take notice of one window."""
        if self._probe is not None:
            self._go_on_probing(window, self._probe)
            return
        overload = self._overload(window)
        if overload <= 1 and window.peak * 2 < self.limit:
            return
        if self._is_starting:
            self._is_starting = overload <= 1
            limit = self.limit * (2.0 if self._is_starting else 0.5)
        else:
            limit = self._rule(self.limit, overload)
        self.limit = self._bounded(limit)
        self._until_probe -= 1
        if self._until_probe <= 0:
            self._probe = _Probe(self.limit, window.latency, window.latency)
            self.limit = self._bounded(self.limit / 2)

    def _overload(self, window: Window) -> float:
        if window.dropped >= _DROPPED * window.count:
            return 2.0
        before = self.baseline
        if before is None:
            before = window.latency
        if self.limit <= self._least:
            self.baseline = before + _BLEND * (window.latency - before)
        else:
            weight = _FALL if window.latency < before else _RISE
            if window.latency <= TOLERANCE * before:
                self.baseline = before + weight * (window.latency - before)
        tolerated = TOLERANCE * before
        return window.latency / tolerated if tolerated > 0 else 0.0

    def _go_on_probing(self, window: Window, probe: _Probe) -> None:
        is_well = window.dropped < _DROPPED * window.count
        if is_well and window.latency < _DIFFERENCE * probe.latency and self.limit > self._least:
            self._probe = replace(probe, latency=window.latency)
            self.limit = self._bounded(self.limit / 2)
            return
        self._probe = None
        self._until_probe = _PROBE_EVERY
        before = self.baseline
        if is_well and before is not None:
            # No faster for having halved: it is no queue of ours, so that is what a call takes now.
            weight = _PROBED_LOWER if window.latency < before else _BLEND
            self.baseline = before + weight * (window.latency - before)
        tolerated = TOLERANCE * (self.baseline or 0.0)
        fits = probe.limit * min(1.0, tolerated / probe.first) if probe.first > 0 else probe.limit
        self.limit = self._bounded(max(self.limit, fits))

    def _bounded(self, limit: float) -> float:
        return min(self._most, max(self._least, limit))
