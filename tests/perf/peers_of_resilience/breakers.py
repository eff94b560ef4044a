"""Circuit breakers of several libraries, each behind the same few words."""

import importlib
import inspect
import itertools
import sys
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import aiobreaker
import circuitbreaker
import pybreaker
from hyx.circuitbreaker import consecutive_breaker
from hyx.circuitbreaker.exceptions import BreakerFailing

import mestres_perf
from mestres_perf import CircuitOpenError
from perf.peers_of_resilience.clocks import Clocks

OPEN_FOR = 60


def _import_purgatory() -> ModuleType:
    """It asks pkg_resources, which a newer Python has not got, for its version, and wants nothing else of it."""
    ours = SimpleNamespace(get_distribution=lambda _: SimpleNamespace(version=""), DistributionNotFound=LookupError)
    theirs = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = ours
    try:
        return importlib.import_module("purgatory")
    finally:
        del sys.modules["pkg_resources"]
        if theirs is not None:
            sys.modules["pkg_resources"] = theirs


purgatory = _import_purgatory()
_NUMBERS = itertools.count()


class Breaker:
    """One breaker. `lacks` says, by rule, why a rule cannot be tried on this library."""

    package: ClassVar[str]
    lacks: ClassVar[dict[str, str]] = {}
    has_threads: ClassVar[bool] = True
    has_tasks: ClassVar[bool] = True
    refusal: ClassVar[type[BaseException]]

    def __init__(self, clocks: Clocks, *, threshold: int = 2, ignore: tuple[type[Exception], ...] = ()) -> None:
        raise NotImplementedError

    def decorate(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.breaker(function)

    def state(self) -> str:
        raise NotImplementedError

    def listen(self, listener: Callable[[], None]) -> None:
        raise NotImplementedError


class Ours(Breaker):
    package = "mestres_perf"
    refusal = CircuitOpenError

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self.breaker = mestres_perf.CircuitBreaker(
            "peer", failure_threshold=threshold, reset_timeout=OPEN_FOR, ignore=ignore, clock=clocks.monotonic
        )

    def state(self):
        return self.breaker.state.value

    def listen(self, listener):
        self.breaker.on_transition(lambda *_: listener())


class Circuitbreaker(Breaker):
    package = "circuitbreaker"
    refusal = circuitbreaker.CircuitBreakerError
    lacks: ClassVar = {"B13": "no listeners"}

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self.breaker = circuitbreaker.CircuitBreaker(
            threshold,
            OPEN_FOR,
            expected_exception=lambda kind, _: issubclass(kind, Exception) and not issubclass(kind, ignore),
        )

    def state(self):
        return self.breaker.state


class Pybreaker(Breaker):
    package = "pybreaker"
    refusal = pybreaker.CircuitBreakerError
    has_tasks = False
    lacks: ClassVar = {"B4": "no second call begins before the first has ended"}

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self.breaker = pybreaker.CircuitBreaker(threshold, OPEN_FOR, exclude=list(ignore))

    def state(self):
        return self.breaker.current_state.replace("-", "_")

    def listen(self, listener):
        class Listener(pybreaker.CircuitBreakerListener):
            def state_change(self, *_):
                listener()

        self.breaker.add_listener(Listener())


class Aiobreaker(Breaker):
    package = "aiobreaker"
    refusal = aiobreaker.CircuitBreakerError

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self.breaker = aiobreaker.CircuitBreaker(threshold, timedelta(seconds=OPEN_FOR), exclude=list(ignore))

    def state(self):
        return self.breaker.current_state.name.lower()

    def listen(self, listener):
        class Listener(aiobreaker.CircuitBreakerListener):
            def state_change(self, *_):
                listener()

        self.breaker.add_listener(Listener())


class Purgatory(Breaker):
    """It has one class for each colour; a breaker is one of them, by what it decorates first."""

    package = "purgatory"
    refusal = importlib.import_module("purgatory.domain.model").OpenedState

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self._options = {"default_threshold": threshold, "default_ttl": OPEN_FOR, "exclude": list(ignore)}
        self._factory = None
        self._listener = None

    def decorate(self, function):
        if self._factory is None:
            is_async = inspect.iscoroutinefunction(function)
            kind = purgatory.AsyncCircuitBreakerFactory if is_async else purgatory.SyncCircuitBreakerFactory
            self._factory = kind(**self._options)
            if self._listener is not None:
                self._factory.add_listener(self._listener)
        return self._factory("peer")(function)

    def state(self):
        names = {"opened": "open", "half-opened": "half_open"}
        found = self._factory.uow.contexts.breakers["peer"].state
        return names.get(found, found)

    def listen(self, listener):
        self._listener = lambda _name, kind, _event: listener() if kind == "state_changed" else None


class Hyx(Breaker):
    package = "hyx"
    refusal = BreakerFailing
    has_threads = False
    lacks: ClassVar = {"B13": "no listeners"}

    def __init__(self, clocks, *, threshold=2, ignore=()):
        self.breaker = consecutive_breaker((OSError,), threshold, OPEN_FOR, recovery_threshold=1)

    def state(self):
        return {"working": "closed", "failing": "open", "recovering": "half_open"}[self.breaker.state.NAME]


BREAKERS: dict[str, type[Breaker]] = {
    "mestres_perf": Ours,
    "circuitbreaker": Circuitbreaker,
    "pybreaker": Pybreaker,
    "aiobreaker": Aiobreaker,
    "purgatory": Purgatory,
    "hyx": Hyx,
}
