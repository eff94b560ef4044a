"""What pools, caches and breakers say when somebody asks; it costs nothing until then.

Invariants: one of them that raises is counted as an error and says what it said last, so no sum falls for it, and the
others are asked all the same. In a forked child each of them has counted nothing until the fork, or until it was first
asked, whoever began to watch it, and when: the rest is the parent's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from mestres_perf._kernel import forks
from mestres_perf.metrics import _caches as caches
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _resilience as resilience
from mestres_perf.metrics._caches import Watched
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._sheet import Labels, Reading, Table

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
    """A database pool, as far as metrics are concerned.

    It may have a `name`, by which it is told apart. Those of one name, and those without one, are counted together.
    """

    @property
    def most(self) -> float:
        """How many there can be; infinite where nothing bounds them."""
        ...

    def active(self) -> int:
        """How many connections are in use now."""
        ...


_Source = Callable[[Any], Iterable[Reading]]
_Known = dict[tuple[Metric, Labels], Sequence[float]]


class Readings:
    """Asks all that are watched: `caches`, `breakers`, `pools` and other `parts`. `failed` is told in an `except`.

    `is_shared` says whether a parent and its child are on one page.
    """

    def __init__(self, failed: Callable[[], None], *, is_shared: bool) -> None:
        self.caches: list[Watched] = []
        self.breakers: list[ABreaker] = []
        self.pools: list[APool] = []
        self.parts: list[object] = []
        self._names: dict[str, None] = {}
        self._failed = failed
        self._is_shared = is_shared
        self._last: dict[tuple[_Source, int], list[Reading]] = {}
        self._of_parent: dict[tuple[_Source, int], _Known] = {}
        self._noted: dict[tuple[_Source, int], _Known] = {}

    def all(self) -> Iterable[Reading]:
        """What all of them say, in the metrics of `METRICS` and of `_resilience`: this process's own."""
        for name in self._pool_names():
            yield catalogue.CONNECTIONS, (name,), [0.0]
            yield catalogue.CONNECTIONS_MAX, (name,), [0.0]
        for ask, asked in self._sources():
            yield from self._own(ask, asked)

    def begin(self) -> None:
        """Something more is watched. In a forked child it counts from here."""
        if self._is_shared and forks.is_child():
            for _ in self.all():
                pass

    def note_fork(self) -> None:
        """Before a fork, while no lock is held: what they have counted is not the child's."""
        self._noted = {}
        for ask, asked in self._sources():
            now = self._asked(ask, asked)
            if now is not None:
                self._noted[ask, id(asked)] = _known(now)

    def forget_fork(self) -> None:
        """In the parent, after a fork."""
        self._noted = {}

    def start_anew(self) -> None:
        """In a forked child. Nobody is asked here: who was not before the fork begins when he is first asked."""
        self._of_parent, self._noted = self._noted, {}

    def _pool_names(self) -> Iterable[str]:
        """Of all that there are or were: what was shown of one that is gone must not stay."""
        self._names.update(dict.fromkeys(map(_name, tuple(self.pools))))
        return tuple(self._names) or ("",)

    def _sources(self) -> Iterable[tuple[_Source, Any]]:
        for ask, those in ((_pool, self.pools), (caches.readings, self.caches), (_breaker, self.breakers)):
            yield from ((ask, one) for one in tuple(those))
        yield from ((resilience.of, part) for part in tuple(self.parts))

    def _own(self, ask: _Source, asked: Any) -> Iterable[Reading]:
        key = (ask, id(asked))  # which stays its own: only a pool may be taken away, and has nothing but gauges
        now = self._asked(ask, asked)
        if now is None:
            now = self._last.get(key, [])
        elif self._is_shared and forks.is_child() and key not in self._of_parent:
            self._of_parent[key] = _known(now)
        parents = self._of_parent.get(key, {})
        for metric, labels, values in now:
            then = parents.get((metric, labels)) if metric.kind != "gauge" else None
            yield metric, labels, values if then is None else _beyond(values, then)

    def _asked(self, ask: _Source, asked: Any) -> list[Reading] | None:
        try:
            now = self._last[ask, id(asked)] = list(ask(asked))
        except Exception:  # noqa: BLE001 - a user's own object may raise anything
            self._failed()
            return None
        return now


def _known(readings: Iterable[Reading]) -> _Known:
    return {(metric, labels): values for metric, labels, values in readings}


def _beyond(values: Sequence[float], then: Sequence[float]) -> list[float]:
    return [max(0.0, now - before) for now, before in zip(values, then, strict=True)]


def _pool(pool: APool) -> Iterable[Reading]:
    yield catalogue.CONNECTIONS, (_name(pool),), [pool.active()]
    yield catalogue.CONNECTIONS_MAX, (_name(pool),), [pool.most]


def _name(pool: APool) -> str:
    return str(getattr(pool, "name", ""))


def _breaker(breaker: ABreaker) -> Iterable[Reading]:
    now = breaker.snapshot()
    for state in type(now.state):
        yield catalogue.BREAKER_STATE, (breaker.name, state.value), [float(state is now.state)]
    for outcome in ("successes", "failures", "rejections"):
        yield catalogue.BREAKER_CALLS, (breaker.name, outcome), [getattr(now, outcome)]


def connections_in_use(table: Table) -> int | None:
    """Database connections in use over all pools; None when none is watched."""
    most, in_use = (
        sum(values[0] for values in table.get(metric, {}).values())
        for metric in (catalogue.CONNECTIONS_MAX, catalogue.CONNECTIONS)
    )
    return int(in_use) if most else None
