"""The services, awaited. What each takes and gives is in services.pyi, which is made from the services' own code.

Nothing is written twice here: a call runs the plain service in a greenlet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Any

from mestres_core.db.waiting import spawn

Send = Callable[..., Awaitable[Any]]
_END = object()


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
        made = _Awaited(getattr(self._services, name), self._send)
        setattr(self, name, made)
        return made


class _Awaited:
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
        send = self._send

        @wraps(function)
        async def call(*arguments: Any, **named: Any) -> Any:
            answer = await send(function, *arguments, **named)
            return _each(send, answer) if isinstance(answer, Iterator) else answer

        setattr(self, name, call)
        return call

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._service) if not name.startswith("_")]


async def _each(send: Send, items: Iterator[Any]) -> AsyncIterator[Any]:
    """What a plain iterator reads from the database bit by bit."""
    while (item := await send(next, items, _END)) is not _END:
        yield item


async def alone(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A call that needs nobody else's connection."""
    return await spawn(call, *arguments, **named)
