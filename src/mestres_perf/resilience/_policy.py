"""Policy: parts put around a call in one order, which is looked at before it is used."""

from __future__ import annotations

import math
import warnings
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any, Final, TypeVar

from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience._adaptive_limit import AdaptiveLimit
from mestres_perf.resilience._breaker import CircuitBreaker
from mestres_perf.resilience._bulkhead import Bulkhead
from mestres_perf.resilience._fallback import Fallback
from mestres_perf.resilience._part import Guard, Part, decorated
from mestres_perf.resilience._rate import RateLimit
from mestres_perf.resilience._retry import Retry
from mestres_perf.resilience._timeout import Timeout

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# What must not stand outside of what, and why.
_WRONG: Final[Sequence[tuple[type, type, str]]] = (
    (Retry, Fallback, "Retry would see what Fallback answers, and no failure"),
    (CircuitBreaker, Fallback, "the breaker would see what Fallback answers, and no failure"),
    (Retry, Retry, "attempts would multiply"),
)
_DOUBTFUL: Final[Sequence[tuple[type, type, str]]] = (
    (CircuitBreaker, Retry, "the breaker sees one failure for all attempts, and opens that much later"),
    (Bulkhead, Retry, "a place is held while nothing happens between two attempts"),
    (AdaptiveLimit, Retry, "the pauses between attempts are measured as if they were load"),
    (RateLimit, Retry, "further attempts are not limited"),
    (RateLimit, CircuitBreaker, "calls that an open breaker refuses use the limit up"),
)


class Policy:
    """Parts around a call, the outermost first: `Policy(Fallback(...), Retry(...), breaker, Timeout(...))`.

    A decorator of functions and methods of both colours, with `call` and `acall`; a part may be in several policies,
    and then counts for all of them. `explain()`, which is also `str(policy)`, tells the order and the longest time. It
    does not change once it is made, and is a part itself.
    """

    __slots__ = ("_name", "_parts")

    def __init__(self, *parts: Guard, name: str = "policy") -> None:
        """Raises ConfigurationError for an order that cannot work, and warns of one that is hardly meant."""
        if not parts:
            raise ConfigurationError("a policy needs at least one part: Policy(Retry(3, on=OSError), Timeout(1.0))")
        for part in parts:
            if isinstance(part, type) or not (callable(getattr(part, "call", None)) and hasattr(part, "acall")):
                raise ConfigurationError(f"{part!r} is no part of a policy: it must have `call` and `acall`")
        self._parts: tuple[Guard, ...] = parts
        self._name = name
        self._refuse_what_cannot_work()

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def parts(self) -> tuple[Guard, ...]:
        """The outermost first."""
        return self._parts

    def __repr__(self) -> str:
        return f"Policy({', '.join(map(repr, self._parts))}, name={self._name!r})"

    def __str__(self) -> str:
        return self.explain()

    def explain(self) -> str:
        """One line for each part, the outermost first, and the longest time that one call may take."""
        longest = self.longest(math.inf)
        lines = [f"policy {self._name!r}, outermost first; at most {_words(longest)}"]
        lines += [f"  {number}. {part!r}" for number, part in enumerate(self._parts, 1)]
        if any(isinstance(part, Timeout) for part in self._parts):
            lines.append("  A plain function is not stopped by Timeout: it has to ask deadline.remaining().")
        return "\n".join(lines)

    def longest(self, inner: float) -> float:
        """The most seconds it takes when the function takes `inner` at most."""
        for part in reversed(self._parts):
            if isinstance(part, (Part, Policy)):
                inner = part.longest(inner)
        return inner

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it. Raises what the parts raise, and what it raises."""
        return self._around(function)(*arguments, **named)

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it. Raises what the parts raise, and what it raises."""
        return await self._aaround(function)(*arguments, **named)

    def __call__(self, function: F) -> F:
        """Decorate; the function keeps its signature and its colour. Raises ConfigurationError for a generator."""
        return decorated(function, self._around, self._aaround)

    def _around(self, function: Callable[..., R]) -> Callable[..., R]:
        for part in reversed(self._parts):
            function = partial(part.call, function)
        return function

    def _aaround(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        for part in reversed(self._parts):
            function = partial(part.acall, function)
        return function

    def _refuse_what_cannot_work(self) -> None:
        for outer, inner in combinations(self._flat(), 2):
            if outer is inner:
                raise ConfigurationError(f"{outer!r} is twice in {self!r}: every call would be counted twice")
            for first, second, why in _WRONG:
                if isinstance(outer, first) and isinstance(inner, second):
                    raise ConfigurationError(
                        f"{outer!r} stands outside of {inner!r}: {why}; turn them round, or leave one out"
                    )
            for first, second, why in _DOUBTFUL:
                if isinstance(outer, first) and isinstance(inner, second):
                    warnings.warn(f"{outer!r} stands outside of {inner!r}: {why}", stacklevel=3)

    def _flat(self) -> list[Guard]:
        """The parts, and those of the policies among them."""
        flat: list[Guard] = []
        for part in self._parts:
            flat += part._flat() if isinstance(part, Policy) else [part]  # noqa: SLF001 - its own kind
        return flat


def _words(seconds: float) -> str:
    return "no time is promised: there is no Timeout" if math.isinf(seconds) else f"{seconds:.3g} s"
