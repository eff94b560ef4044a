"""The ASGI skin: PerformanceMiddleware."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mestres_perf.http._beacon import MAX_BODY, Beacon, Vitals, sender_of_scope
from mestres_perf.http._bodies import ClientGone, read_asgi
from mestres_perf.http._exchange import Exchange
from mestres_perf.http._page import Page
from mestres_perf.http._pages import Pages
from mestres_perf.http._routes import asgi_template
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics.health import Health

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class PerformanceMiddleware:
    """Counts and times every request of an ASGI application, and answers /metrics and /health/*.

    The time is that until the last byte: background tasks do not count. A client that goes away is a 499, an exception
    before the status line a 500, and it is raised on unchanged. `route` overrides how a scope's template is found.
    `vitals` is the path to which browsers post their web vitals, or `Vitals`.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics | None = None,
        health: Health | None = None,
        ready: Callable[[], bool] | None = None,
        vitals: str | Vitals | None = None,
        route: Callable[[Scope], str] = asgi_template,
    ) -> None:
        self.app = app
        self.metrics = metrics or default_metrics()
        self.health = health or Health(self.metrics)
        self._pages = Pages(self.metrics, self.health, ready, vitals)
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        page = self._pages.find(scope["method"], scope["path"])
        if page is not None:
            # In a thread: rendering many series must not hold up the requests of this loop.
            await _answer(await asyncio.to_thread(page), scope["method"], send)
            return
        beacon = self._pages.beacon(scope["path"])
        if beacon is not None:
            await _take(beacon, scope, receive, send)
            return
        await self._watch(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901 - one request, read top to bottom
        exchange = Exchange(self.metrics, self.health, scope["method"])
        gone = False

        def endpoint() -> str:
            return self._route(scope)

        async def watched_receive() -> Message:
            nonlocal gone
            message = await receive()
            if message["type"] == "http.disconnect":
                gone = True
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.respond(message["status"])
            try:
                await send(message)
            except OSError:  # the server's way to say that the client has gone
                exchange.end(endpoint, gone=True)
                raise
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last or message["type"] == "http.response.pathsend":
                exchange.end(endpoint)

        try:
            await self.app(scope, watched_receive, watched_send)
        except asyncio.CancelledError:
            exchange.end(endpoint, gone=True)
            raise
        except BaseException:
            exchange.end(endpoint, error=True)
            raise
        else:
            exchange.end(endpoint, gone=gone, error=not gone and exchange.status is None)


async def _take(beacon: Beacon, scope: Scope, receive: Receive, send: Send) -> None:
    sender = sender_of_scope(scope)
    page = beacon.refusal(scope["method"], sender)
    if page is None:
        try:
            body = await read_asgi(scope, receive, MAX_BODY)
        except ClientGone:
            return
        page = await asyncio.to_thread(beacon.receive, body, sender)
    await _answer(page, scope["method"], send)


async def _answer(page: Page, method: str, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in page.all_headers()]
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else page.body})
