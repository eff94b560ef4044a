"""Count and time any callable."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from mestres_perf._kernel.calls import Colour, colour_of

if TYPE_CHECKING:
    from mestres_perf.metrics._registry import Metrics

F = TypeVar("F", bound=Callable[..., Any])


@overload
def track_performance(function: F, /) -> F: ...
@overload
def track_performance(name: str | None = None, /, *, metrics: Metrics | None = None) -> Callable[[F], F]: ...
def track_performance(given: Any = None, /, *, metrics: Metrics | None = None) -> Any:
    """Count a function's calls by outcome, and time them to their end: bare, or with a name.

    An async function is timed until it is awaited, a generator until it is used up. The labels are the name (default:
    module and qualified name) and `success`, `error` or `cancelled`.
    """
    if callable(given):
        return _track(given, None, metrics)
    return lambda function: _track(function, given, metrics)


def _track(function: F, name: str | None, metrics: Metrics | None) -> F:
    label = name or f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
    measure = functools.partial(_measure, label, metrics)

    @functools.wraps(function)
    def tracked(*arguments: Any, **named: Any) -> Any:
        with measure():
            return function(*arguments, **named)

    @functools.wraps(function)
    async def atracked(*arguments: Any, **named: Any) -> Any:
        with measure():
            return await function(*arguments, **named)

    @functools.wraps(function)
    def gtracked(*arguments: Any, **named: Any) -> Any:
        with measure():
            return (yield from function(*arguments, **named))

    @functools.wraps(function)
    async def agtracked(*arguments: Any, **named: Any) -> Any:
        with measure():
            async for item in function(*arguments, **named):
                yield item

    wrappers: dict[Colour, Any] = {
        Colour.SYNC: tracked,
        Colour.ASYNC: atracked,
        Colour.GENERATOR: gtracked,
        Colour.ASYNC_GENERATOR: agtracked,
    }
    return cast("F", wrappers[colour_of(function)])


@contextmanager
def _measure(label: str, metrics: Metrics | None) -> Iterator[None]:
    if metrics is None:
        from mestres_perf.metrics._registry import default_metrics  # noqa: PLC0415 - made when first used

        metrics = default_metrics()
    began = time.perf_counter()
    outcome = "success"
    try:
        yield
    except Exception:
        outcome = "error"
        raise
    except GeneratorExit:  # whoever read a generator had enough of it
        raise
    except BaseException:
        outcome = "cancelled"
        raise
    finally:
        metrics.call_duration.child(label).observe(time.perf_counter() - began)
        metrics.calls.child(label, outcome).inc()
