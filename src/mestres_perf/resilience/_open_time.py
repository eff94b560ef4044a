"""How long a breaker stays open: longer each time that a probe finds the dependency still down."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from mestres_perf.errors import ConfigurationError

_MOST_STEPS = 1000  # beyond it a power may overflow, and the bound has long been reached


@dataclass(frozen=True, slots=True)
class OpenTime:
    """`first` seconds, then `factor` times as long after each failed probe, `most` seconds at most.

    A breaker that has closed begins again with `first`. Raises ConfigurationError for times that are not above zero,
    a factor below 1, or a bound below the first time.
    """

    first: float
    factor: float = 2.0
    most: float = 300.0

    def __post_init__(self) -> None:
        for name in ("first", "factor", "most"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or not value > 0:
                raise ConfigurationError(f"{name} of an OpenTime must be a number above zero, not {value!r}")
        if self.factor < 1 or self.most < self.first:
            raise ConfigurationError(
                "an OpenTime grows: factor must be at least 1 and most at least first, as in OpenTime(5, factor=2, "
                f"most=120), not {self!r}"
            )

    def after(self, probes_failed: int) -> float:
        """Seconds to stay open when this many probes in a row have failed."""
        try:
            return float(min(self.most, self.first * self.factor ** min(probes_failed, _MOST_STEPS)))
        except OverflowError:
            return float(self.most)
