"""What pools, caches and breakers say when somebody asks; it costs nothing until then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from mestres_perf.metrics import _caches as caches
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._caches import Watched
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._sheet import Reading, Table

METRICS: tuple[Metric, ...] = (
    catalogue.CONNECTIONS,
    catalogue.CONNECTIONS_MAX,
    catalogue.CACHE_REQUESTS,
    catalogue.CACHE_HITS,
    catalogue.CACHE_INVALIDATIONS,
    *catalogue.CACHE_COUNTS.values(),
    catalogue.CACHE_LOAD_TIME,
    catalogue.BREAKER_STATE,
    catalogue.BREAKER_CALLS,
)


class ABreaker(Protocol):
    """A breaker, as far as metrics are concerned."""

    name: str

    def snapshot(self) -> Any:
        """State and counts."""
        ...


class APool(Protocol):
    """A database pool, as far as metrics are concerned."""

    @property
    def most(self) -> float:
        """How many there can be; infinite where nothing bounds them."""
        ...

    def active(self) -> int:
        """How many connections are in use now."""
        ...


def readings(pools: Iterable[APool], watched: Iterable[Watched], breakers: Iterable[ABreaker]) -> Iterable[Reading]:
    """All of them, in the metrics of `METRICS`: this process's own."""
    pools = tuple(pools)
    yield catalogue.CONNECTIONS, (), [sum(pool.active() for pool in pools)]
    yield catalogue.CONNECTIONS_MAX, (), [sum(pool.most for pool in pools)]
    yield from caches.readings(watched)
    for breaker in breakers:
        now = breaker.snapshot()
        for state in type(now.state):
            yield catalogue.BREAKER_STATE, (breaker.name, state.value), [float(state is now.state)]
        for outcome in ("successes", "failures", "rejections"):
            yield catalogue.BREAKER_CALLS, (breaker.name, outcome), [getattr(now, outcome)]


def connections_in_use(table: Table) -> int | None:
    """Database connections in use over all pools; None when none is watched."""
    most, in_use = (
        table.get(metric, {}).get((), [0.0])[0] for metric in (catalogue.CONNECTIONS_MAX, catalogue.CONNECTIONS)
    )
    return int(in_use) if most else None
