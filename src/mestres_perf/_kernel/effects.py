"""The things that a plan may ask of the world. A plan is a generator: it yields one of these and is sent the answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ask:
    """Run the script `name` in Redis. The answer is its reply; BackendUnavailable is thrown in when there is none."""

    name: str
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Call the loader. The answer is the value; what the loader raises is thrown in."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float


Effect = Ask | Load | Sleep
