"""The ASGI skin: PerformanceMiddleware."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mestres_perf.http._asgi_routes import ASGIRoutes
from mestres_perf.http._beacon import MAX_BODY, Beacon, Vitals, sender_of_scope
from mestres_perf.http._bodies import ClientGone, read_asgi
from mestres_perf.http._exchange import CLIENT_GONE, Exchange
from mestres_perf.http._ledger import Ledger
from mestres_perf.http._page import Page
from mestres_perf.http._pages import Pages, Ready
from mestres_perf.http._routes import Given
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics.health import Health

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class PerformanceMiddleware:
    """Counts and times every request of an ASGI application, and answers /metrics and /health/*.

    The time is that until the last byte: background tasks do not count. A client that goes away is a 499, once the
    application has been told so by `receive` or `send`; the answer of an endpoint that never asks counts as it is. An
    exception before the status line is a 500, and it is raised on unchanged; so is no answer at all. A body without its
    end is counted as broken off.

    The routes of FastAPI, Starlette and Django are known; for others `route` says the template of a scope's route.
    `ready` may be a coroutine function; a function is called in a thread. Without an answer after two seconds it says
    no. `vitals` is the path to which browsers post their web vitals, or `Vitals`.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics | None = None,
        health: Health | None = None,
        ready: Ready | None = None,
        vitals: str | Vitals | None = None,
        route: Callable[[Scope], str] | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics or default_metrics()
        self.health = health or Health(self.metrics)
        self._routes = ASGIRoutes(app)
        self._ledger = Ledger(self.metrics, self._routes if route is None else Given(route))
        self._pages = Pages(self.metrics, self.health, ready, vitals, self._ledger.prepare)
        self._own = self._pages.by_path
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self._has_begun:
            self._has_begun = True
            self._routes.begin(scope)
        path = _below_root(scope) if scope.get("root_path") else scope["path"]
        if path in self._own and await self._answered(path, scope, receive, send):
            return
        exchange = _Exchange(self._ledger, scope, receive, send)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except (asyncio.CancelledError, GeneratorExit):
            exchange.end_early(error=False)
            raise
        except BaseException:
            exchange.end_early(error=not exchange.gone)
            raise
        if not exchange.is_over:
            exchange.stop()

    async def _answered(self, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer what is the middleware's own; whether it was."""
        page = await self._pages.made(scope["method"], path)
        if page is not None:
            await _answer(page, scope["method"], send)
            return True
        beacon = self._pages.beacon(path)
        if beacon is not None:
            await _take(beacon, scope, receive, send)
        return beacon is not None


class _Exchange(Exchange):
    """One request: `receive` and `send` are what the application is given."""

    __slots__ = ("_has_trailers", "_receive", "_send", "gone")

    def __init__(self, ledger: Ledger, scope: Scope, receive: Receive, send: Send) -> None:
        self._ledger = ledger
        self._carrier = scope
        self._receive = receive
        self._send = send
        self._records = ledger.records.get(scope["method"], ledger.others)
        self.status = self.first = self.record = None
        self.gone = self.is_over = self._has_trailers = False
        try:
            ledger.in_progress(1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        self._began = ledger.clock()

    def stop(self) -> None:
        """The application has returned without a last byte."""
        self.end_early(error=not self.gone)

    async def receive(self) -> Message:
        """A message of the server's."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone = True
        return message

    async def send(self, message: Message) -> None:
        """A message of the application's."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            self.first = self._ledger.clock()
            if "trailers" in message:
                self._has_trailers = message["trailers"]
        try:
            await self._send(message)
        except OSError:  # the server's way to say that the client has gone
            self.gone = True
            self.end_early(error=False)
            raise
        if kind == "http.response.body":
            if not message.get("more_body") and not self._has_trailers:
                self.end(CLIENT_GONE if self.gone else None)
        elif kind != "http.response.start" and self._is_last(kind, message):
            self.end(CLIENT_GONE if self.gone else None)

    def _is_last(self, kind: str, message: Message) -> bool:
        if kind == "http.response.trailers":
            return not message.get("more_trailers", False)
        if kind == "http.response.zerocopysend":
            return not message.get("more_body", False) and not self._has_trailers
        return kind == "http.response.pathsend" and not self._has_trailers


def _below_root(scope: Scope) -> str:
    """The path without `root_path`, which it begins with as the specification says; some servers leave it away."""
    path: str = scope["path"]
    below = path.removeprefix(scope["root_path"].rstrip("/"))
    return below if below.startswith("/") else path


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
