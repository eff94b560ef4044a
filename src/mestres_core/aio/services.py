"""The services, awaited. What each takes and gives is in services.pyi, which is made from the services' own code.

Nothing is written twice here: a call runs the plain service in a greenlet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

from mestres_core.jobs.dto import Result

Send = Callable[..., Awaitable[Any]]
_END = object()


@dataclass(frozen=True, slots=True)
class AsyncResult:
    """What an export made, as `Result`: `async for data in result.chunks`."""

    filename: str
    media_type: str
    size: int
    chunks: AsyncIterator[bytes]


class AsyncServices:
    """Every service of a shop; each of their calls is awaited.

    Calls of one transaction, or of one session of the host's, wait for each other: a connection does one thing at a
    time.
    """

    def __init__(self, services: Any, send: Send) -> None:
        self._services = services
        self._send = send

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._services, name)
        made = _awaited(found, self._send) if callable(found) else _Service(found, self._send)
        setattr(self, name, made)
        return made


class _Service:
    """One service."""

    def __init__(self, service: Any, send: Send) -> None:
        self._service = service
        self._send = send

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        function = getattr(self._service, name)
        if not callable(function):
            raise AttributeError(name)  # noqa: TRY004 - it is no call, so there is nothing to await
        made = _awaited(function, self._send)
        setattr(self, name, made)
        return made

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._service) if not name.startswith("_")]


def _awaited(function: Callable[..., Any], send: Send) -> Callable[..., Awaitable[Any]]:
    @wraps(function)
    async def call(*arguments: Any, **named: Any) -> Any:
        answer = await send(function, *arguments, **named)
        if isinstance(answer, Result):
            return AsyncResult(answer.filename, answer.media_type, answer.size, _each(send, answer.chunks))
        return _each(send, answer) if isinstance(answer, Iterator) else answer

    return call


async def _each(send: Send, items: Iterator[Any]) -> AsyncIterator[Any]:
    """What a plain iterator reads from the database bit by bit."""
    while (item := await send(next, items, _END)) is not _END:
        yield item
