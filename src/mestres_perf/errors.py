"""Everything that mestres_perf refuses, as one tree.

    MestresPerfError
    ├── ConfigurationError       an argument that makes no sense; says what would
    ├── CacheError
    │   ├── RecursiveLoadError   a loader asked for the very key that it is loading
    │   ├── LoadTimeout          the loader did not come to an end within `hard_timeout`
    │   ├── UncacheableError     the result cannot be remembered: a generator, a coroutine, an open file
    │   ├── KeyArgumentError     an argument cannot be part of a key
    │   └── CodecError           a value cannot go through Redis and come back the same
    ├── BackendUnavailable       Redis did not answer in time; the cache goes on without it
    ├── InvalidVitals            a web-vitals beacon that makes no sense; `field` says where, `reason` what would
    ├── UnusableTarget           the application to be measured did not answer, or not as its API says
    ├── DeadlineExceeded         the time that the whole of the work had is over
    ├── CallTimeout              one call took longer than its `Timeout`
    └── Refused                  not even tried, by a decision made here: it says nothing of what would have been called
        ├── CircuitOpenError     the breaker is open; `retry_after` says for how long, in seconds
        ├── BulkheadFull         as many calls as may are under way, and nothing came free in time
        ├── RateLimited          too many calls in this time; `retry_after` says when the next may come, in seconds
        └── Overloaded           more calls under way than can be served well now; `retry_after` in seconds

Every error has a stable `code`. One warning is no error:

    UserWarning
    └── ImpossibleAlertWarning   an alert that was asked for could never fire, and was left out
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar


class MestresPerfError(Exception):
    """The root: catching it catches everything that this package refuses."""

    code: ClassVar[str] = "mestres_perf_error"


class ConfigurationError(MestresPerfError, ValueError):
    """An argument that makes no sense."""

    code = "configuration_error"


class CacheError(MestresPerfError):
    """What the cache refuses."""

    code = "cache_error"


class RecursiveLoadError(CacheError):
    """A loader asked, directly or through others, for the key that it is loading: that would wait for ever."""

    code = "recursive_load"


class LoadTimeout(CacheError, TimeoutError):
    """The loader did not come to an end within `hard_timeout`; it goes on, and what it finds will be remembered."""

    code = "load_timeout"


class UncacheableError(CacheError, TypeError):
    """A result that can be used only once, or only here, cannot be remembered."""

    code = "uncacheable"


class KeyArgumentError(CacheError, TypeError):
    """An argument that cannot be part of a key; pass something hashable or give the object a `__cache_key__` method."""

    code = "key_argument"


class CodecError(CacheError, TypeError):
    """A value that cannot go through Redis and come back the same."""

    code = "codec_error"


class BackendUnavailable(MestresPerfError):
    """Redis refused, hung or was found down a moment ago."""

    code = "backend_unavailable"


class InvalidVitals(MestresPerfError, ValueError):
    """A web-vitals beacon of which nothing was counted: `field` is wrong, `reason` says what would be right."""

    code = "validation_error"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class UnusableTarget(MestresPerfError):
    """The application that was to be measured did not answer, or answered something that cannot be measured."""

    code = "unusable_target"


class DeadlineExceeded(MestresPerfError, TimeoutError):
    """The time that the whole of the work had is over: trying again, or waiting, would help nobody."""

    code = "deadline_exceeded"


class CallTimeout(MestresPerfError, TimeoutError):
    """One call took longer than its `Timeout` of `seconds`; another one may be faster."""

    code = "call_timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)  # `args` is all that survives pickling
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s"


class Refused(MestresPerfError):
    """A call that was not even tried, by a decision made here: it says nothing of what would have been called."""

    code = "refused"


class BulkheadFull(Refused):
    """`limit` calls are under way in the bulkhead `name`, and none of them ended in time for this one."""

    code = "bulkhead_full"

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(name, limit)
        self.name = name
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.name}: {self.limit} calls are under way, and no more may be"


class RateLimited(Refused):
    """More calls than `rate` allows; the next may come in `retry_after` seconds."""

    code = "rate_limited"

    def __init__(self, rate: str, retry_after: float) -> None:
        super().__init__(rate, retry_after)
        self.rate = rate
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"more than {self.rate}; try again in {self.retry_after:.3g} s"


class Overloaded(Refused):
    """`limit` calls are under way, which is what can be served well now; try again in `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, name: str, limit: int, retry_after: float) -> None:
        super().__init__(name, limit, retry_after)
        self.name = name
        self.limit = limit
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.name}: overloaded, {self.limit} calls are under way; try again in {self.retry_after:g} s"


class CircuitOpenError(Refused):
    """The breaker `name` is open: the call was not made. `retry_after` is in seconds."""

    code = "circuit_open"

    # Without an __init__ of Python's a refusal costs half as much, and it survives pickling: `args` is all there is.
    if TYPE_CHECKING:

        def __init__(self, name: str, retry_after: float, /) -> None: ...

    @property
    def name(self) -> str:
        """Of the breaker."""
        return str(self.args[0])

    @property
    def retry_after(self) -> float:
        """Seconds."""
        return float(self.args[1])

    def __str__(self) -> str:
        return f"circuit {self.name!r} is open; try again in {self.retry_after:.1f} s"


class ImpossibleAlertWarning(UserWarning):
    """An alert that was asked for could never fire: more than all events would have to be bad. It was left out."""
