"""One promise: what is measured, on which side of which number it stays, and for which share of it.

Thresholds are in seconds, ratios from 0 to 1, requests in a second, or users; `Slo.unit` says which.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mestres_perf.errors import ConfigurationError

Kind = Literal["latency", "availability", "errors", "cache_hits", "throughput", "load", "usage", "count", "score"]
Unit = Literal["seconds", "ratio", "per_second", "users", "count", "score"]
Bound = Literal["<", "<=", ">", ">="]

_COMPARE: Mapping[Bound, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SHARES: frozenset[Kind] = frozenset({"availability", "errors", "cache_hits"})
_SUFFIX: Mapping[Unit, str] = {"per_second": "/s", "users": " users", "count": "", "score": ""}


class Endpoint(NamedTuple):
    """A route of the HTTP API: its method and its path template."""

    method: str
    template: str


@dataclass(frozen=True, slots=True)
class Slo:
    """One promise: what is measured, in `unit`, stays on the right side of `threshold`.

    `subject` is what it speaks of, where that is neither all requests nor those of `endpoint`: "4xx", "database", a web
    vital such as "LCP", or what no metric tells apart, such as "query".

    `quantile` is the share of requests for which a latency is promised (None: the mean, or no latency at all);
    `endpoint` the route of the API that it speaks of, if it speaks of one. `name` is its place in the tree.
    """

    kind: Kind
    bound: Bound
    threshold: float
    unit: Unit
    quantile: float | None = None
    endpoint: Endpoint | None = None
    name: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a share that is none: percent, say."""
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise ConfigurationError(f"quantile={self.quantile!r}: must be above 0 and below 1, as in 0.95")
        if self.bound not in _COMPARE:
            raise ConfigurationError(f"bound={self.bound!r}: must be one of {', '.join(_COMPARE)}")
        if self.unit == "ratio" and self.kind in _SHARES and not 0 <= self.threshold <= 1:
            raise ConfigurationError(
                f"threshold={self.threshold!r}: a ratio is from 0 to 1, as in 0.01 for one percent"
            )

    def met(self, measured: float) -> bool:
        """Whether a measured value, in this promise's unit, keeps it."""
        return _COMPARE[self.bound](measured, self.threshold)

    def shown(self, value: float) -> str:
        """A value of this promise's unit for people: `200 ms`, `99.9 %`, `500/s`."""
        if self.unit == "seconds":
            return f"{1000 * value:.4g} ms" if value < 1 else f"{value:.4g} s"
        if self.unit == "ratio":
            return f"{100 * value:.4g} %"
        return f"{value:g}{_SUFFIX[self.unit]}"

    @property
    def limit(self) -> str:
        """The promise for people: `< 200 ms`."""
        return f"{self.bound} {self.shown(self.threshold)}"

    @property
    def budget(self) -> float | None:
        """The share of all events that may be bad, 0 to 1; None of a promise that is about no events, such as users.

        Bad is what takes longer than the threshold, or what the promised (or forbidden) share does not count.
        """
        if self.quantile is not None:
            return round(1 - self.quantile, 12)
        if self.unit != "ratio" or self.kind not in _SHARES:
            return None
        return self.threshold if self.bound in ("<", "<=") else round(1 - self.threshold, 12)
