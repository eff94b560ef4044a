"""How long values are kept, and what is done when they are not there in time. All durations are seconds."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypedDict

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.errors import ConfigurationError

TTL = float | Adaptive


class Keep(TypedDict, total=False):
    """The options that `Cache`, `cached` and `get_or_load` take; see `Options`."""

    ttl: TTL | None
    jitter: float
    stale_while_revalidate: float
    stale_if_error: float
    early: float
    soft_timeout: float | None
    hard_timeout: float | None
    negative_ttl: float | None
    errors: Mapping[type[Exception], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How values are kept.

    `ttl`: how long a value is fresh; `Adaptive()` decides by use or by change.
    `jitter`: a share, 0 to 1: each TTL is shortened by up to this much: what came together does not go together.
    `stale_while_revalidate`: how long after its TTL a value is still given out while one load renews it (RFC 5861).
    `stale_if_error`: how long after its TTL a value is still given out when the loader raises (RFC 5861).
    `early`: above 0 hot values are renewed before they expire, by XFetch (Vattani, Chierichetti, Lowenstein: "Optimal
    probabilistic cache stampede prevention", VLDB 2015), whose beta this is; 1.0 is the usual choice.
    `soft_timeout`: when there is a stale value and the loader takes longer, the stale one is given out meanwhile.
    `hard_timeout`: when the loader takes longer, LoadTimeout is raised; the load goes on and is remembered.
    `negative_ttl`: the TTL of None.
    `errors`: the TTL of errors by class; they are raised again without calling the loader.
    """

    ttl: TTL = 300.0
    jitter: float = 0.0
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    early: float = 0.0
    soft_timeout: float | None = None
    hard_timeout: float | None = None
    negative_ttl: float | None = None
    errors: Mapping[type[Exception], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not isinstance(self.ttl, Adaptive):
            object.__setattr__(self, "ttl", seconds("ttl", self.ttl))
        if not _number(self.jitter) or not 0 <= self.jitter < 1:
            raise ConfigurationError(f"jitter is a share from 0 to below 1, not {self.jitter!r}")
        for name in ("stale_while_revalidate", "stale_if_error", "early"):
            value = getattr(self, name)
            if not _number(value) or not value >= 0:
                raise ConfigurationError(f"{name} must be a number of at least zero, not {value!r}")
        for name in ("soft_timeout", "hard_timeout", "negative_ttl"):
            value = getattr(self, name)
            if value is not None:
                seconds(name, value)
        for kind, ttl in self.errors.items():
            if not isinstance(kind, type) or not issubclass(kind, Exception):
                raise ConfigurationError(f"errors has classes of exceptions as keys, not {kind!r}")
            seconds(f"the TTL of {kind.__name__}", ttl)

    @property
    def stale(self) -> float:
        """How long after its TTL a value may be given out at all."""
        return max(self.stale_while_revalidate, self.stale_if_error)

    @property
    def timed(self) -> bool:
        """Whether somebody waits for the loader with a watch in his hand."""
        return self.soft_timeout is not None or self.hard_timeout is not None

    def but(self, changes: Mapping[str, Any]) -> Options:
        """These with some others. A `ttl` of None leaves it. Raises ConfigurationError, also for what is no option."""
        known = {name: value for name, value in changes.items() if not (name == "ttl" and value is None)}
        if not known:
            return self
        unknown = known.keys() - _NAMES
        if unknown:
            raise ConfigurationError(
                f"{', '.join(sorted(unknown))}: no such option of a cache; there are {', '.join(sorted(_NAMES))}"
            )
        return replace(self, **known)

    def jittered(self, ttl: float) -> float:
        """A TTL, shortened at random."""
        return ttl * (1.0 - self.jitter * random.random()) if self.jitter else ttl  # noqa: S311 - nothing secret

    def error_ttl(self, error: Exception) -> float | None:
        """How long this error is remembered; None for not at all. The nearest class decides."""
        return next((self.errors[kind] for kind in type(error).__mro__ if kind in self.errors), None)


_NAMES = frozenset(each.name for each in fields(Options))


def seconds(name: str, value: Any) -> float:
    """A duration above zero, as a float. Raises ConfigurationError."""
    if not _number(value) or not value > 0:
        raise ConfigurationError(f"{name} must be a number of seconds above zero, not {value!r}")
    return float(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
