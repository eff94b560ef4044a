"""The WSGI skin: WSGIPerformanceMiddleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from mestres_perf.http._beacon import MAX_BODY, Beacon, Vitals, sender_of_environ
from mestres_perf.http._bodies import read_wsgi
from mestres_perf.http._exchange import Exchange
from mestres_perf.http._page import Page
from mestres_perf.http._pages import Pages
from mestres_perf.http._routes import wsgi_template
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics.health import Health

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class WSGIPerformanceMiddleware:
    """Counts and times every request of a WSGI application, and answers /metrics and /health/*.

    The twin of PerformanceMiddleware: the time is that until the server has taken the last chunk.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics | None = None,
        health: Health | None = None,
        ready: Callable[[], bool] | None = None,
        vitals: str | Vitals | None = None,
        route: Callable[[Mapping[str, Any]], str] = wsgi_template,
    ) -> None:
        self.app = app
        self.metrics = metrics or default_metrics()
        self.health = health or Health(self.metrics)
        self._pages = Pages(self.metrics, self.health, ready, vitals)
        self._route = route

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        method = environ["REQUEST_METHOD"]
        path = environ.get("PATH_INFO", "")
        page = self._pages.find(method, path)
        if page is not None:
            return _answer(page(), method, start_response)
        beacon = self._pages.beacon(path)
        if beacon is not None:
            return _answer(_take(beacon, method, environ), method, start_response)
        exchange = Exchange(self.metrics, self.health, method)

        matched: str | None = None

        def endpoint() -> str:
            return matched if matched is not None else self._route(environ)

        def watched_start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal matched
            exchange.respond(int(status[:3]))
            matched = self._route(environ)  # frameworks forget it when they are done, before the body is sent
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            body = self.app(environ, watched_start)
        except BaseException:
            exchange.end(endpoint, error=True)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            exchange.end(endpoint)  # the server sends the file itself, and must be given it as it is
            return body
        watched = _SizedBody if hasattr(body, "__len__") else _Body
        return watched(body, exchange, endpoint)


class _Body:
    """The application's body, watched to its end; `close` is passed on, as the specification asks."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange, endpoint: Callable[[], str]) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._exchange = exchange
        self._endpoint = endpoint

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._chunks is None:
                self._chunks = iter(self._body)
            return next(self._chunks)
        except StopIteration:
            self._exchange.end(self._endpoint)
            raise
        except BaseException:
            self._exchange.end(self._endpoint, error=True)
            raise

    def close(self) -> None:
        """The server is done; when the body was not read to its end, the client has gone."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.end(self._endpoint, gone=self._chunks is not None)


class _SizedBody(_Body):
    """One of so many chunks: of one a server may tell the length. What has none must not look as if it had."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one


def _take(beacon: Beacon, method: str, environ: Environ) -> Page:
    sender = sender_of_environ(environ)
    page = beacon.refusal(method, sender)
    if page is None:
        page = beacon.receive(read_wsgi(environ, MAX_BODY), sender)
    return page


def _answer(page: Page, method: str, start_response: StartResponse) -> Iterable[bytes]:
    start_response(f"{page.status} {HTTPStatus(page.status).phrase}", page.all_headers())
    return [] if method == "HEAD" or not page.body else [page.body]
