"""The protocols that a user of this package may implement. Nothing here does anything."""

from __future__ import annotations

from typing import Any, Protocol


class Asks(Protocol):
    """A connection that answers at once."""

    def ask(self, effect: Any) -> Any:
        """The reply to one script. Raises BackendUnavailable."""
        ...


class AsksLater(Protocol):
    """A connection that answers to whoever awaits."""

    async def ask(self, effect: Any) -> Any:
        """The reply to one script. Raises BackendUnavailable."""
        ...


class SharedLayer(Protocol):
    """What a cache needs of the layer behind its memory; `mestres_perf.Redis` is one."""

    @property
    def blocking(self) -> Asks:
        """For threads."""
        ...

    @property
    def awaiting(self) -> AsksLater:
        """For tasks of the running loop."""
        ...

    def close(self) -> None:
        """Give the connections of threads back."""
        ...

    async def aclose(self) -> None:
        """Give the connections of the running loop, and those of threads, back."""
        ...
