"""Count and time any callable."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mestres_perf._kernel.calls import Colour, colour_of, within
from mestres_perf.metrics import _catalogue as catalogue

if TYPE_CHECKING:
    from mestres_perf.metrics._registry import Metrics

F = TypeVar("F", bound=Callable[..., Any])
_MOST_EXCEPTIONS = 20
"""So many types of exceptions are told apart for each function: a program may make types while it runs."""


@overload
def track_performance(function: F, /) -> F: ...
@overload
def track_performance(name: str | None = None, /, *, metrics: Metrics | None = None) -> Callable[[F], F]: ...
def track_performance(given: Any = None, /, *, metrics: Metrics | None = None) -> Any:
    """Count a function's calls by outcome, and time them to their end: bare, or with a name.

    Whatever can be called may be decorated: functions of all colours, partials, callable objects, and class methods and
    static methods from above and from below. An async function is timed until it has been awaited, a generator from
    its first item until it is used up or closed. The labels are the name (default: module and qualified name) and
    `success`, `error` or `cancelled`; what it raises is counted by its type as well, the first twenty types by name.
    """
    if given is None or isinstance(given, str):
        return lambda function: _tracked(function, given, metrics)
    return _tracked(given, None, metrics)


def _tracked(function: Any, name: str | None, metrics: Metrics | None) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_tracked(function.__func__, name, metrics))
    call = functools.partial(_Call, _Tracker(name or _name_of(function), metrics))

    def tracked(*arguments: Any, **named: Any) -> Any:
        with call():
            return function(*arguments, **named)

    async def atracked(*arguments: Any, **named: Any) -> Any:
        with call():
            return await function(*arguments, **named)

    def gtracked(*arguments: Any, **named: Any) -> Any:
        with call():
            return (yield from function(*arguments, **named))

    wrappers: dict[Colour, Callable[..., Any]] = {
        Colour.SYNC: tracked,
        Colour.ASYNC: atracked,
        Colour.GENERATOR: gtracked,
        Colour.ASYNC_GENERATOR: within(function, call),
    }
    return functools.update_wrapper(wrappers[colour_of(function)], function)


def _name_of(function: Any) -> str:
    """Module and qualified name; of a partial those of its function, of an object those of its class."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


class _Tracker:
    """What becomes of the calls of one function."""

    def __init__(self, label: str, metrics: Metrics | None) -> None:
        self._label = label
        self._metrics = metrics
        self._exceptions: set[str] = set()

    def count(self, kind: type[BaseException] | None, seconds: float) -> None:
        """A call has ended with this exception, or none, after so many seconds."""
        metrics = self._metrics
        if metrics is None:
            from mestres_perf.metrics._registry import default_metrics  # noqa: PLC0415 - made when first used

            metrics = self._metrics = default_metrics()
        if kind is None or kind is GeneratorExit:  # whoever read a generator had enough of it
            outcome = "success"
        elif issubclass(kind, Exception):
            outcome = "error"
            metrics.series(catalogue.CALL_EXCEPTIONS).child(self._label, self._named(kind)).inc()
        else:
            outcome = "cancelled"
        metrics.call_duration.child(self._label).observe(seconds)
        metrics.calls.child(self._label, outcome).inc()

    def _named(self, kind: type[BaseException]) -> str:
        known, name = self._exceptions, kind.__qualname__
        if name not in known:
            if len(known) >= _MOST_EXCEPTIONS:
                return catalogue.OVERFLOW
            known.add(name)
        return name


class _Call:
    """One call, from entering it to leaving it."""

    __slots__ = ("_began", "_tracker")

    def __init__(self, tracker: _Tracker) -> None:
        self._tracker = tracker

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tracker.count(kind, time.perf_counter() - self._began)
