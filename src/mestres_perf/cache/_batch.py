"""Many keys at once: one round trip to Redis, one call of the loader for what is missing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from mestres_perf._kernel.effects import Effect, Load, Wait
from mestres_perf.cache._core import Core, Request, refuse_once_only
from mestres_perf.cache._entry import Entry, Failure
from mestres_perf.cache._flight import HAND_OVER, Flight, waiting
from mestres_perf.cache._shared import Found


class Batch:
    """One `get_many`: what was found, what is missing, the loads that it leads and those of others that it joins.

    Its own loads end before it waits for any other: two batches that share keys cannot wait for each other.
    """

    def __init__(self, core: Core, requests: Mapping[Any, Request]) -> None:
        self.missing: list[Any] = []
        self._core = core
        self._requests = requests
        self._found: dict[Any, Any] = {}
        self._mine: dict[Any, Flight] = {}
        self._others: dict[Any, Flight] = {}

    def plan(self) -> Generator[Effect, Any, dict[Any, Any]]:
        """The values by key, in the order of the keys."""
        self._look()
        if self.missing:
            self._core.listen()
        try:
            if self.missing and self._core.shared is not None:
                yield from self._ask_redis(self._core.shared.read_many)
            if self.missing:
                yield from self._load()
        finally:
            for flight in self._mine.values():
                self._core.hand_over(flight)
        for key, flight in self._others.items():
            yield from self._join(key, flight)
        return {key: self._core.copied(self._found[key]) for key in self._requests if key in self._found}

    def _look(self) -> None:
        counts = self._core.counts
        for key, request in self._requests.items():
            self._core.count(request)
            seen = self._core.usable(request)
            if seen is not None and not isinstance(seen.value, Failure):
                self._found[key] = seen.value
                continue
            counts.misses += 1
            joined = self._core.flights.join(request.key, request.tags(), name=request.name, is_async=request.is_async)
            if isinstance(joined, Entry):
                self._found[key] = joined.value
            elif joined is not None and not joined.take():
                self._others[key] = joined
            else:
                self.missing.append(key)
                if joined is not None:
                    self._mine[key] = joined

    def _ask_redis(self, read_many: Any) -> Generator[Effect, Any, None]:
        names, asked = [self._requests[key].name for key in self.missing], self._core.store.clock()
        answers = yield from read_many(names)
        for key, found in zip(tuple(self.missing), answers, strict=True):
            if found is not None and found.left > -self._requests[key].options.stale_while_revalidate:
                self.missing.remove(key)
                found.checked = asked
                self._settle(key, found)

    def _load(self) -> Generator[Effect, Any, None]:
        core, shared = self._core, self._core.shared
        request = next(iter(self._requests.values()))
        leases: dict[str, Any] = {}
        if shared is not None:
            leases = yield from shared.lease_many([self._requests[key].name for key in self.missing], request.tags())
        core.counts.loads += 1
        try:
            loaded: Mapping[Any, Any] = yield Load()
            for value in loaded.values():
                refuse_once_only(value)
        except BaseException:
            core.counts.errors += 1
            if shared is not None:
                for lease in leases.values():
                    yield from shared.release(lease)
            raise
        for key in self.missing:
            if key in loaded:
                yield from self._fill(key, loaded[key], leases)
            elif shared is not None and self._requests[key].name in leases:
                yield from shared.release(leases[self._requests[key].name])

    def _fill(self, key: Any, value: Any, leases: Mapping[str, Any]) -> Generator[Effect, Any, None]:
        request, shared = self._requests[key], self._core.shared
        found = Found(value, self._core.lifetime(request, value), checked=self._core.store.clock())
        if shared is not None:
            lease, flight = leases.get(request.name), self._mine.get(key)
            found.keep = False
            if lease is not None and flight is not None:
                found.keep = yield from shared.fill(lease, found, flight.loading, stale=request.options.stale)
        self._settle(key, found)

    def _settle(self, key: Any, found: Found) -> None:
        self._found[key] = found.value
        flight = self._mine.get(key)
        if flight is not None:
            self._core.land(flight, self._requests[key], found)

    def _join(self, key: Any, flight: Flight) -> Generator[Effect, Any, None]:
        """What somebody else was loading. When he gave up, or found nothing, the key is left out."""
        assert flight.future is not None
        with waiting(flight):
            answer = yield Wait(flight.future, self._requests[key].options.hard_timeout)
        if isinstance(answer, Failure):
            raise answer.copy()
        if answer is not HAND_OVER:
            self._found[key] = answer
