"""The only two loops that perform what plans ask for: one that blocks, one that awaits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from mestres_perf._kernel.effects import Ask, Effect, Load
from mestres_perf.typing import Asks, AsksLater

R = TypeVar("R")
Plan = Generator[Effect, Any, R]


def run(plan: Plan[R], backend: Asks, loader: Callable[[], Any]) -> R:
    """Perform a plan in this thread."""

    def perform(effect: Effect) -> Any:
        if isinstance(effect, Ask):
            return backend.ask(effect)
        if isinstance(effect, Load):
            return loader()
        time.sleep(effect.seconds)
        return None

    try:
        effect = next(plan)
        while True:
            try:
                answer = perform(effect)
            except BaseException as error:  # noqa: BLE001 - the plan decides what becomes of it
                effect = plan.throw(error)
            else:
                effect = plan.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


async def arun(plan: Plan[R], backend: AsksLater, loader: Callable[[], Awaitable[Any]]) -> R:
    """Perform a plan in this task."""

    async def perform(effect: Effect) -> Any:
        if isinstance(effect, Ask):
            return await backend.ask(effect)
        if isinstance(effect, Load):
            return await loader()
        return await asyncio.sleep(effect.seconds)

    try:
        effect = next(plan)
        while True:
            try:
                answer = await perform(effect)
            except BaseException as error:  # noqa: BLE001 - as above
                effect = plan.throw(error)
            else:
                effect = plan.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result
