"""Many keys at once: few round trips to Redis however many they are, one call of the loader for what is missing."""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from mestres_perf._kernel.effects import Effect, Load, Sleep, Spawn
from mestres_perf.cache._core import Core, Request, Steps, given, refuse_once_only
from mestres_perf.cache._entry import Entry
from mestres_perf.cache._flight import HAND_OVER, Flight
from mestres_perf.cache._loading import Loading
from mestres_perf.cache._memory import Seen
from mestres_perf.cache._shared import Filled, Found, Shared, Wanted, pauses
from mestres_perf.errors import BackendUnavailable, ConfigurationError

_Led = dict[Any, Flight]


class Batch:
    """Requests by key; a key is what the batch loader calls it.

    The loader is called with a list of keys and returns a mapping; what it leaves out is not remembered, and left out
    of the result. Its error is that of every key it was asked for.

    Its own loads end before it waits for any other: two batches that share keys cannot wait for each other.
    """

    def __init__(self, core: Core, requests: Mapping[Any, Request]) -> None:
        self._core = core
        self._requests = requests
        self._found: dict[Any, Any] = {}
        self._absent: set[Any] = set()
        self._before: dict[Any, Seen] = {}
        self._uncounted: dict[Any, Request] = {}

    def plan(self) -> Generator[Effect, Any, dict[Any, Any]]:
        """The values by key, in the order of the keys. Raises what the loader raises, LoadTimeout."""
        for request in self._requests.values():
            self._core.count(request)
        try:
            yield from self._answer()
        finally:
            for request in self._uncounted.values():
                self._core.answered(request, found_in="")
        return {key: self._core.copied(given(self._found[key])) for key in self._requests if key in self._found}

    def _answer(self) -> Steps:
        pending: Iterable[Any] = self._requests
        while pending:
            mine, others, due = self._look(pending, is_first=pending is self._requests)
            if due:
                yield Spawn(self._lead(due), abandoned=functools.partial(self._hand_over, due))
            if any(self._requests[key].options.timed for key in mine):
                for flight in mine.values():
                    self._core.flights.promise(flight)
                yield Spawn(self._lead(mine), at_once=True, abandoned=functools.partial(self._hand_over, mine))
                others.update(mine)
            elif mine:
                yield from self._lead(mine)
            pending = yield from self._wait(others)

    def prefetch(self, shared: Shared) -> Steps:
        """Put into memory what Redis has; one round trip, or two. Nothing is loaded, and nobody waited for."""
        mine: _Led = {}
        try:
            for key, request in self._requests.items():
                if self._core.store.get(request.key) is None:
                    joined = self._join(request)
                    if isinstance(joined, Flight) and joined.take():
                        mine[key] = joined
            if mine:
                asked = self._core.store.clock()
                answers = yield from shared.read_many([self._requests[key].name for key in mine])
                for key, found in zip(mine, answers, strict=True):
                    if found is not None and found.left > -self._requests[key].options.stale_while_revalidate:
                        found.checked = asked
                        self._core.land(mine[key], self._requests[key], found)
        finally:
            self._hand_over(mine)

    def _look(self, keys: Iterable[Any], *, is_first: bool) -> tuple[_Led, _Led, _Led]:
        """What is to be loaded, what others are loading, what is to be renewed in the background."""
        core = self._core
        mine: _Led = {}
        others: _Led = {}
        due: _Led = {}
        try:
            for key in keys:
                request = self._requests[key]
                seen = core.usable(request)
                if seen is not None:
                    self._found[key] = seen.value
                    if core.is_due(seen, request):
                        self._claim(key, due)
                    continue
                if is_first:
                    self._uncounted[key] = request
                joined = self._join(request)
                if isinstance(joined, Entry):
                    self._found[key] = joined.value
                elif joined is None:
                    mine[key] = self._alone(request)
                else:
                    (mine if joined.take() else others)[key] = joined
        except BaseException:
            self._hand_over({**mine, **due})
            raise
        return mine, others, due

    def _join(self, request: Request) -> Entry | Flight | None:
        return self._core.flights.join(request.key, request.tags(), name=request.name, is_async=request.is_async)

    def _claim(self, key: Any, due: _Led) -> None:
        request = self._requests[key]
        flight = self._core.flights.claim(request.key, request.tags(), name=request.name, is_async=request.is_async)
        if flight is not None:
            self._core.counts.refreshes += 1
            self._core.events.note("refresh", request.key, tags=flight.tags)
            due[key] = flight

    def _alone(self, request: Request) -> Flight:
        """For a key that this very load is part of loading: to wait would be to wait for ever."""
        flight = self._core.flights.alone(request.key, request.tags())
        flight.loading.keep = False
        return flight

    def _wait(self, others: _Led) -> Generator[Effect, Any, list[Any]]:
        """Take what others have loaded; returns the keys that they have handed over."""
        handed_over = []
        for key, flight in others.items():
            answer = yield from self._core.wait(flight, self._requests[key])
            if answer is not HAND_OVER:
                self._found[key] = answer
            elif key not in self._absent:
                handed_over.append(key)
        return handed_over

    def _lead(self, flights: _Led) -> Steps:
        """Every flight is told: a value, an error, or that somebody else has to see to it."""
        core, late = self._core, list[Any]()
        for key, flight in flights.items():
            seen = core.store.look(flight.key)
            if seen is not None:
                core.remind(flight, seen)
                self._before[key] = seen
        try:
            with core.flights.leading_many(flights) as loading:
                if core.shared is None:
                    yield from self._load(flights, loading, {})
                else:
                    late = yield from self._through_redis(core.shared, flights, loading)
        finally:
            self._hand_over(flights)
        due: _Led = {}
        for key in late:
            self._claim(key, due)
        if due:
            yield Spawn(self._lead(due), abandoned=functools.partial(self._hand_over, due))

    def _hand_over(self, flights: _Led) -> None:
        for flight in flights.values():
            self._core.hand_over(flight)

    def _through_redis(self, shared: Shared, flights: _Led, loading: Loading) -> Generator[Effect, Any, list[Any]]:
        """What Redis has, and what the loader gives under leases; returns the keys whose values are stale already.

        What another process is loading is waited for after the own load has ended, and loaded if that comes to nothing.
        """
        core = self._core
        core.listen()
        left, late, pause = dict(flights), list[Any](), pauses(shared.leases.longest)
        while left:
            asked = core.store.clock()
            names = {self._requests[key].name: key for key in left}
            try:
                found, leases = yield from shared.obtain_many({name: self._wanted(key) for name, key in names.items()})
            except BackendUnavailable:  # this process alone: its memory holds it while it is trusted
                found, leases, mine = {}, {}, left
            else:
                mine = {key: left[key] for name, key in names.items() if name in leases or not left[key].loading.keep}
            for name, value in found.items():
                value.checked = asked
                late += [names[name]] if value.left <= 0 else []
                mine.pop(names[name], None)
                counted = self._uncounted.pop(names[name], None)
                if counted is not None:
                    core.answered(counted, found_in="redis")
                self._settle(names[name], left.pop(names[name]), value)
            if mine:
                yield from self._load(mine, loading, leases)
                left = {key: flight for key, flight in left.items() if key not in mine}
            if left:
                wait = next(pause, None)
                if wait is not None:
                    yield Sleep(wait)
                for flight in left.values():  # a lease that comes to no end: load beside it, store nothing
                    flight.loading.keep = wait is not None
        return late

    def _wanted(self, key: Any) -> Wanted:
        request, seen, core = self._requests[key], self._before.get(key), self._core
        is_due = seen is not None and core.is_trusted(seen.checked, core.store.clock())
        but = seen.stamp if seen is not None and is_due else b""
        return Wanted(request.tags(), but, -request.options.stale_while_revalidate)

    def _load(self, flights: _Led, loading: Loading, leases: Mapping[str, Any]) -> Steps:
        """One call of the loader; the flights are told."""
        core = self._core
        began = core.store.clock()
        try:
            with core.timed(None, dict.fromkeys(tag for flight in flights.values() for tag in flight.tags)):
                loaded = _checked((yield Load((list(flights),))))
                loading.spread()
                took = core.store.clock() - began
                known = [key for key in flights if key in loaded]
                fresh = {key: self._fresh(key, loaded[key], flights[key], began, took) for key in known}
            yield from self._fill(fresh, flights, leases)
        except GeneratorExit:  # nobody performs this plan any more: the leases run out by themselves
            if core.shared is not None:
                core.shared.leases.drop(*(lease.token for lease in leases.values()))
            raise
        except BaseException as error:
            if core.shared is not None:
                yield from core.shared.release(*leases.values())
            if isinstance(error, Exception) and self._are_forgiven(flights, error):
                return
            raise
        for key, flight in flights.items():
            if key in fresh:
                self._settle(key, flight, fresh[key])
            else:
                self._absent.add(key)

    def _fresh(self, key: Any, value: Any, flight: Flight, began: float, took: float) -> Found:
        refuse_once_only(value)
        ttl, keep = flight.loading.ttl, flight.loading.keep
        left = self._core.lifetime(self._requests[key], value) if ttl is None else ttl
        return Found(value, left, took=took, checked=began, keep=keep)

    def _fill(self, fresh: Mapping[Any, Found], flights: _Led, leases: Mapping[str, Any]) -> Steps:
        """What has a lease goes to Redis, and is kept here if Redis takes it; the other leases are given back."""
        shared = self._core.shared
        if shared is None or not leases:
            return
        kept = {self._requests[key].name: key for key, found in fresh.items() if found.keep}
        filled = [
            Filled(leases[name], fresh[key], flights[key].loading, self._requests[key].options.stale)
            for name, key in kept.items()
            if name in leases
        ]
        for one, is_taken in zip(filled, (yield from shared.fill_many(filled)), strict=True):
            one.found.keep = is_taken
            if is_taken and one.found.checked is not None:
                one.found.checked += one.found.took  # only because nothing had made it untrue by then
        yield from shared.release(*(lease for name, lease in leases.items() if name not in kept))

    def _settle(self, key: Any, flight: Flight, found: Found) -> None:
        core, seen = self._core, self._before.get(key)
        self._found[key] = found.value
        if core.changes is not None and seen is not None:
            core.compare(self._requests[key], seen, found)
        core.land(flight, self._requests[key], found)

    def _are_forgiven(self, flights: _Led, error: Exception) -> bool:
        """Whether for every key there is a stale value that may be given instead; whoever waits is told."""
        forgiven = True
        for key, flight in flights.items():
            stale = self._core.failed(flight, self._requests[key], error)
            if stale is None:
                forgiven = False
            else:
                self._found[key] = stale.value
        return forgiven


def _checked(loaded: Any) -> Mapping[Any, Any]:
    if not isinstance(loaded, Mapping):
        raise ConfigurationError(f"a batch loader returns a mapping of the keys that it was given, not {loaded!r}")
    return loaded
