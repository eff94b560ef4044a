"""What a breaker was told, checked: when it opens, for how long, and what counts as a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

from mestres_perf.errors import ConfigurationError, Refused
from mestres_perf.resilience._open_time import OpenTime
from mestres_perf.resilience._windows import CountWindow, Limits, TimeWindow

_FAILURES_IN_A_ROW = 5
_LEAST_CALLS = 20
_HUNG_AFTER = 1.0
_MEAN_GAPS = 4
"""Where calls hang at random, one gap in fifty between two of them is more than so many times the mean."""


@dataclass(frozen=True, slots=True)
class Rules:
    """See `CircuitBreaker`. Times are seconds."""

    threshold: int | None
    window: CountWindow | TimeWindow
    limits: Limits | None
    slow_after: float | None
    hung_after: float
    doubts: int
    """How many calls have to succeed after one that was cut off until they are no longer timed."""
    open_time: OpenTime
    probes: int
    probe_timeout: float
    record: tuple[type[Exception], ...]
    ignore: tuple[type[Exception], ...]
    failure_if: Callable[[Any], object] | None


def rules_of(
    *,
    failure_threshold: int | None,
    reset_timeout: float | OpenTime,
    failure_rate: float | None,
    slow_rate: float | None,
    slow_after: float | None,
    hung_after: float | None,
    window: CountWindow | TimeWindow,
    min_calls: int | None,
    probes: int,
    probe_timeout: float | None,
    record: tuple[type[Exception], ...],
    ignore: tuple[type[Exception], ...],
    failure_if: Callable[[Any], object] | None,
) -> Rules:
    """Raises ConfigurationError for what makes no sense."""
    if slow_rate is not None and slow_after is None:
        raise ConfigurationError("slow_rate needs slow_after: from how many seconds on a call is slow, as in 2.0")
    if slow_after is not None:
        _seconds("slow_after", slow_after)
        slow_rate = 1.0 if slow_rate is None else slow_rate
    if hung_after is None:
        hung_after = _HUNG_AFTER if slow_after is None else slow_after
    _seconds("hung_after", hung_after)
    by_share = failure_rate is not None or slow_rate is not None
    if failure_threshold is None and not by_share:
        failure_threshold = _FAILURES_IN_A_ROW
    if failure_threshold is not None:
        _whole("failure_threshold", failure_threshold)
    _whole("probes", probes)
    if not isinstance(reset_timeout, OpenTime):
        _seconds("reset_timeout", reset_timeout)
        reset_timeout = OpenTime(reset_timeout, factor=1, most=reset_timeout)
    if probe_timeout is not None:
        _seconds("probe_timeout", probe_timeout)
    if failure_if is not None and not callable(failure_if):
        raise ConfigurationError(f"failure_if must be a function of the result, not {failure_if!r}")
    return Rules(
        threshold=failure_threshold,
        window=window,
        limits=_limits(failure_rate, slow_rate, window, min_calls) if by_share else None,
        slow_after=slow_after,
        hung_after=hung_after,
        doubts=1 if failure_rate is None else ceil(_MEAN_GAPS / failure_rate),
        open_time=reset_timeout,
        probes=probes,
        probe_timeout=reset_timeout.first if probe_timeout is None else probe_timeout,
        record=_errors("record", record),
        ignore=(*_errors("ignore", ignore), Refused),
        failure_if=failure_if,
    )


def _limits(
    failure_rate: float | None, slow_rate: float | None, window: CountWindow | TimeWindow, min_calls: int | None
) -> Limits:
    for name, share in (("failure_rate", failure_rate), ("slow_rate", slow_rate)):
        if share is not None and (isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1):
            raise ConfigurationError(f"{name} must be a share above 0 and at most 1, as in 0.5, not {share!r}")
    if not isinstance(window, (CountWindow, TimeWindow)):
        raise ConfigurationError(f"window must be a CountWindow or a TimeWindow, not {window!r}")
    most = window.calls if isinstance(window, CountWindow) else None
    if min_calls is None:
        min_calls = _LEAST_CALLS if most is None else min(_LEAST_CALLS, most)
    _whole("min_calls", min_calls)
    if most is not None and min_calls > most:
        raise ConfigurationError(f"min_calls must be at most the {most} calls of the window, not {min_calls}")
    return Limits(min_calls, failure_rate, slow_rate)


def _whole(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")


def _seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0 or not isfinite(value):
        raise ConfigurationError(f"{name} must be seconds above zero, not {value!r}")


def _errors(name: str, kinds: object) -> tuple[type[Exception], ...]:
    each = kinds if isinstance(kinds, tuple) else (kinds,)
    for kind in each:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise ConfigurationError(
                f"{name} must be classes of Exception, as in (OSError, TimeoutError), not {kind!r}"
            )
    return each
