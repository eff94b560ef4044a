"""The only two loops that perform what plans ask for: one that blocks, one that awaits."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from mestres_perf._kernel.background import aspawn, spawn
from mestres_perf._kernel.effects import TIMED_OUT, Ask, Effect, Fetch, Load, Sleep, Spawn, Wait
from mestres_perf.typing import Asks, AsksLater

R = TypeVar("R")
Plan = Generator[Effect, Any, R]


def run(plan: Plan[R], backend: Asks | None, loader: Callable[..., Any]) -> R:
    """Perform a plan in this thread."""
    try:
        effect = next(plan)
        while True:
            try:
                kind = type(effect)
                if kind is Fetch or kind is Ask:
                    answer = backend.ask(effect)  # type: ignore[union-attr]  # a plan that asks is given whom to ask
                elif isinstance(effect, Load):
                    answer = loader(*effect.arguments)
                else:
                    answer = _perform(effect, backend, loader)
            except BaseException as error:  # noqa: BLE001 - the plan decides what becomes of it
                effect = plan.throw(error)
            else:
                effect = plan.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


def _perform(effect: Effect, backend: Asks | None, loader: Callable[..., Any]) -> Any:
    if isinstance(effect, Sleep):
        return time.sleep(effect.seconds)
    if isinstance(effect, Spawn):
        return _spawn(effect, lambda: run(effect.plan, backend, loader))
    assert isinstance(effect, Wait)
    try:
        return effect.future.result(effect.timeout)
    except TimeoutError:  # of the wait: what a loader raises is told as a value
        return TIMED_OUT


def _spawn(effect: Spawn, work: Callable[[], Any]) -> None:
    try:
        spawn(work, at_once=effect.at_once)
    except RuntimeError:  # no more threads
        effect.abandoned()
        if effect.at_once:
            raise


def _end(effect: Spawn) -> None:
    """Its task has ended; one that was cancelled before its first step has never begun the plan."""
    if inspect.getgeneratorstate(effect.plan) == inspect.GEN_CREATED:
        effect.abandoned()


async def arun(plan: Plan[R], backend: AsksLater | None, loader: Callable[..., Awaitable[Any]]) -> R:
    """Perform a plan in this task."""
    try:
        effect = next(plan)
        while True:
            try:
                kind = type(effect)
                if kind is Fetch or kind is Ask:
                    answer = await backend.ask(effect)  # type: ignore[union-attr]  # as above
                elif isinstance(effect, Load):
                    answer = await loader(*effect.arguments)
                else:
                    answer = await _aperform(effect, backend, loader)
            except BaseException as error:  # noqa: BLE001 - as above
                effect = plan.throw(error)
            else:
                effect = plan.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


async def _aperform(effect: Effect, backend: AsksLater | None, loader: Callable[..., Awaitable[Any]]) -> Any:
    if isinstance(effect, Sleep):
        return await asyncio.sleep(effect.seconds)
    if isinstance(effect, Spawn):
        return aspawn(arun(effect.plan, backend, loader), lambda: _end(effect), at_once=effect.at_once)
    assert isinstance(effect, Wait)
    return await _await(effect)


async def _await(effect: Wait) -> Any:
    """Whoever gives up, or is cancelled, cancels his own view of the future only."""
    view = asyncio.wrap_future(effect.future)
    if effect.timeout is None:
        return await view
    try:
        done, _ = await asyncio.wait((view,), timeout=effect.timeout)
        return view.result() if done else TIMED_OUT
    finally:
        view.cancel()
