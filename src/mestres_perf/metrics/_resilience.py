"""What breakers, retries, bulkheads and limits have counted, read when somebody asks: it costs their calls nothing.

Invariant: the number of series depends on the names of the parts and on nothing that they see.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._sheet import Reading
from mestres_perf.resilience import AdaptiveLimit, Bulkhead, CircuitBreaker, Policy, RateLimit, Retry, Timeout

METRICS: tuple[Metric, ...] = (
    catalogue.BREAKER_OPENED,
    catalogue.BREAKER_ERRORS,
    catalogue.RETRY_ATTEMPTS,
    catalogue.RETRY_GIVEN_UP,
    catalogue.RETRY_REFUSED,
    catalogue.BULKHEAD_IN_FLIGHT,
    catalogue.BULKHEAD_WAITING,
    catalogue.BULKHEAD_LIMIT,
    catalogue.BULKHEAD_REJECTED,
    catalogue.RATE_LIMIT_CALLS,
    catalogue.RATE_LIMIT_ERRORS,
    catalogue.ADAPTIVE_LIMIT,
    catalogue.ADAPTIVE_IN_FLIGHT,
    catalogue.ADAPTIVE_SHED,
    catalogue.TIMEOUTS,
)


def flat(parts: Iterable[object]) -> list[object]:
    """The parts that have something to show, those of policies among them.

    Raises ConfigurationError for what is no part of a policy.
    """
    found: list[object] = []
    for part in parts:
        if isinstance(part, Policy):
            found += flat(inner for inner in part.parts if isinstance(inner, Policy) or _is_known(inner))
        elif _is_known(part):
            found.append(part)
        else:
            raise ConfigurationError(
                f"{part!r} cannot be watched: give breakers, retries, bulkheads, rate limits, adaptive limits, "
                "timeouts or policies"
            )
    return found


def _is_known(part: object) -> bool:
    return of.dispatch(type(part)) is not of.dispatch(object)


@singledispatch
def of(part: object) -> Iterable[Reading]:
    """What one part has counted, in the metrics of `METRICS`: this process's own."""
    del part
    return ()


@of.register
def _(part: CircuitBreaker) -> Iterable[Reading]:
    now, name = part.snapshot(), (part.name,)
    yield catalogue.BREAKER_OPENED, name, [now.opened]
    yield catalogue.BREAKER_ERRORS, name, [now.shared_errors]


@of.register
def _(part: Retry) -> Iterable[Reading]:
    name = (part.name,)
    yield catalogue.RETRY_ATTEMPTS, name, [part.repeated]
    yield catalogue.RETRY_GIVEN_UP, name, [part.given_up]
    yield catalogue.RETRY_REFUSED, name, [part.unpaid]


@of.register
def _(part: Bulkhead) -> Iterable[Reading]:
    name = (part.name,)
    yield catalogue.BULKHEAD_IN_FLIGHT, name, [part.under_way]
    yield catalogue.BULKHEAD_WAITING, name, [part.waiting]
    yield catalogue.BULKHEAD_LIMIT, name, [part.limit]
    yield catalogue.BULKHEAD_REJECTED, name, [part.rejected]


@of.register
def _(part: RateLimit) -> Iterable[Reading]:
    yield catalogue.RATE_LIMIT_CALLS, (part.name, "allowed"), [part.admitted]
    yield catalogue.RATE_LIMIT_CALLS, (part.name, "limited"), [part.limited]
    yield catalogue.RATE_LIMIT_ERRORS, (part.name,), [part.errors]


@of.register
def _(part: AdaptiveLimit) -> Iterable[Reading]:
    name = (part.name,)
    yield catalogue.ADAPTIVE_LIMIT, name, [part.limit]
    yield catalogue.ADAPTIVE_IN_FLIGHT, name, [part.under_way]
    yield catalogue.ADAPTIVE_SHED, name, [part.shed]


@of.register
def _(part: Timeout) -> Iterable[Reading]:
    yield catalogue.TIMEOUTS, (part.name,), [part.expired]
