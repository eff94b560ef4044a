"""A load of the cache that is held open while an application makes its response, chunk by chunk.

The cache's plan of a load is performed up to the point where it would call its loader, and stops there: the lease is
taken, who asks for the same waits. It goes on when the response is complete, is not to be shared, or will never come.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from contextvars import Context, copy_context
from enum import Enum
from functools import partial
from typing import Any, Final

from mestres_perf._kernel.background import spawn
from mestres_perf._kernel.effects import TIMED_OUT, Effect, Load, Sleep, Wait
from mestres_perf.cache import loading
from mestres_perf.http._stored import REFUSED

Steps = Generator[Effect, Any, Any]


class Patience(Enum):
    """A type of its own, so that it is no value."""

    OVER = "OVER"


OVER: Final = Patience.OVER
"""Somebody else's load took too long to wait for."""


class Abandoned(BaseException):
    """Thrown into a load that will find nothing: one of those who wait leads the next one."""


_open: set[Steps] = set()
"""What is held open: a plan that was collected with its Fill would end where the collector happens to run, perhaps
under the very lock that it needs."""


class Fill:
    """One load. It ends once; one that is forgotten is abandoned, in a thread of its own, when it is collected."""

    __slots__ = ("_context", "_plan", "key")

    def __init__(self, key: str, plan: Steps, context: Context) -> None:
        self.key = key
        self._plan: Steps | None = plan
        self._context = context
        _open.add(plan)

    def __del__(self) -> None:
        plan = self._plan
        if plan is not None:
            with suppress(RuntimeError):  # the interpreter ends
                spawn(partial(_forgotten, plan, self._context), at_once=True)

    @property
    def is_open(self) -> bool:
        """Whether anybody may wait for it still."""
        return self._plan is not None

    def finish(self, value: bytes, ttl: float, tags: Iterable[str]) -> Steps:
        """Store this and give it to those who wait. Not stored when it was invalidated meanwhile."""
        return self._tell(value, ttl, tags)

    def refuse(self, value: bytes = REFUSED) -> Steps:
        """Store nothing; those who wait are given this."""
        return self._tell(value, None, ())

    def abandon(self) -> Steps:
        """Store nothing; one of those who wait leads."""
        plan = self._taken()
        if plan is not None:
            with suppress(Abandoned):
                yield from _rest(lambda: self._context.run(plan.throw, Abandoned()), plan, self._context)

    def _taken(self) -> Steps | None:
        plan, self._plan = self._plan, None
        if plan is not None:
            _open.discard(plan)
        return plan

    def _tell(self, value: bytes, ttl: float | None, tags: Iterable[str]) -> Steps:
        plan = self._taken()
        if plan is None:
            return
        load = self._context.run(loading)
        load.ttl, load.keep = ttl, ttl is not None
        load.tag(*tags)
        yield from _rest(lambda: self._context.run(plan.send, value), plan, self._context)


def attempt(key: str, plan: Steps, patience: float) -> Generator[Effect, Any, Any]:
    """Perform the plan of a load: the value, a Fill where the caller is to load it, or OVER.

    Others' loads are waited for `patience` seconds at most; with 0 not at all.
    """
    context = copy_context()
    waited = 0.0
    try:
        effect = context.run(next, plan)
        while True:
            if isinstance(effect, Load):
                return Fill(key, plan, context)
            if isinstance(effect, Wait):
                waited, effect.timeout = (waited if patience else 1.0), patience
            elif isinstance(effect, Sleep):
                waited += effect.seconds
            if waited > patience:
                return _given_up(plan, context)
            answer: Any = None
            try:
                answer = yield effect
            except BaseException as error:  # noqa: BLE001 - the plan decides what becomes of it
                effect = context.run(plan.throw, error)
            else:
                if answer is TIMED_OUT:
                    return _given_up(plan, context)
                effect = context.run(plan.send, answer)
    except StopIteration as end:
        return end.value


def _forgotten(plan: Steps, context: Context) -> None:
    _open.discard(plan)
    context.run(plan.close)


def _given_up(plan: Steps, context: Context) -> Patience:
    context.run(plan.close)
    return OVER


def _rest(begin: Callable[[], Effect], plan: Steps, context: Context) -> Steps:
    """What a plan asks for from here on."""
    try:
        effect = begin()
        while True:
            try:
                answer = yield effect
            except BaseException as error:  # noqa: BLE001 - as above
                effect = context.run(plan.throw, error)
            else:
                effect = context.run(plan.send, answer)
    except StopIteration as end:
        return end.value
