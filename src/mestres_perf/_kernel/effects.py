"""The things that a plan may ask of the world. A plan is a generator: it yields one of these and is sent the answer.

Nobody changes one; they are not frozen because making a frozen one takes three times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final


@dataclass(slots=True)
class Ask:
    """Run the script `name` in Redis. The answer is its reply; BackendUnavailable is thrown in when there is none."""

    name: str
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]


@dataclass(slots=True)
class Fetch:
    """Send commands and scripts together, in one round trip per node. The answer is the list of replies, in order.

    BackendUnavailable is thrown in when one of them failed.
    """

    commands: tuple[tuple[str | bytes | int, ...] | Ask, ...]


@dataclass(slots=True)
class Load:
    """Call the loader with these arguments. The answer is the value; what the loader raises is thrown in."""

    arguments: tuple[Any, ...] = ()


@dataclass(slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float


TIMED_OUT: Final = object()
"""The answer to a `Wait` that took too long."""


@dataclass(slots=True)
class Wait:
    """Wait for somebody else's result, `timeout` seconds at most. What he was raised is thrown in."""

    future: Future[Any]
    timeout: float | None = None


@dataclass(slots=True)
class Spawn:
    """Perform another plan, with the same loader, in the background. There is no answer.

    `at_once` when somebody waits for what comes of it: such work is never queued behind other. `abandoned` is called
    when the plan will never begin: there is no thread to be had, or its task was cancelled before its first step.
    """

    plan: Generator[Effect, Any, Any]
    at_once: bool = False
    abandoned: Callable[[], object] = object


Effect = Ask | Fetch | Load | Sleep | Wait | Spawn
