"""The WSGI skin: WSGIPerformanceMiddleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from operator import length_hint
from typing import Any

from mestres_perf.errors import ConfigurationError
from mestres_perf.http._beacon import MAX_BODY, Beacon, Vitals, sender_of_environ
from mestres_perf.http._bodies import read_wsgi
from mestres_perf.http._exchange import Exchange
from mestres_perf.http._ledger import Ledger
from mestres_perf.http._page import Page
from mestres_perf.http._pages import Pages, is_async
from mestres_perf.http._routes import Given
from mestres_perf.http._wsgi_routes import WSGIRoutes
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics.health import Health

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class WSGIPerformanceMiddleware:
    """Counts and times every request of a WSGI application, and answers /metrics and /health/*.

    The twin of PerformanceMiddleware: the time is that until the server has taken the last chunk. A file that the
    server sends itself (`wsgi.file_wrapper`) is timed until it is handed over. The routes of Flask and Django are
    known. `ready` is called in the thread of its request. Raises ConfigurationError when it is a coroutine function.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics | None = None,
        health: Health | None = None,
        ready: Callable[[], bool] | None = None,
        vitals: str | Vitals | None = None,
        route: Callable[[Mapping[str, Any]], str] | None = None,
    ) -> None:
        if ready is not None and is_async(ready):
            raise ConfigurationError(f"ready={ready!r}: must be a plain function, a WSGI application has no event loop")
        self.app = app
        self.metrics = metrics or default_metrics()
        self.health = health or Health(self.metrics)
        self._ledger = Ledger(self.metrics, WSGIRoutes(app) if route is None else Given(route))
        self._pages = Pages(self.metrics, self.health, ready, vitals, self._ledger.prepare)
        self._own = self._pages.by_path

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("PATH_INFO", "") in self._own:
            page = self._page(environ)
            if page is not None:
                return _answer(page, environ["REQUEST_METHOD"], start_response)
        exchange = _Exchange(self._ledger, environ, start_response)
        try:
            body = self.app(environ, exchange.start)
        except BaseException:
            exchange.end_early(error=True)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and isinstance(wrapper, type) and isinstance(body, wrapper):
            exchange.end()  # the server sends the file itself, and must be given it as it is
            return body
        return exchange.around(body)

    def _page(self, environ: Environ) -> Page | None:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        page = self._pages.find(method, path)
        if page is not None:
            return page()
        beacon = self._pages.beacon(path)
        return None if beacon is None else _take(beacon, method, environ)


class _Exchange(Exchange):
    """One request: `start` is what the application is given, and the exchange itself what the server gets as body."""

    __slots__ = ("_body", "_chunks", "_headers", "_sent", "_start")

    def __init__(self, ledger: Ledger, environ: Environ, start_response: StartResponse) -> None:
        self._ledger = ledger
        self._carrier = environ
        self._start = start_response
        self._records = ledger.records.get(environ["REQUEST_METHOD"], ledger.others)
        self.status = self.first = self.record = None
        self._body: Iterable[bytes] = ()
        self._chunks: Iterator[bytes] | None = None
        self._headers: list[tuple[str, str]] = []
        self._sent = 0
        self.is_over = False
        try:
            ledger.in_progress(1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        self._began = ledger.clock()

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """The application's `start_response`."""
        write = self._start(status, headers, exc_info) if exc_info else self._start(status, headers)
        self.status = status[:3]
        self._headers = headers
        if self.first is None:
            self.first = self._ledger.clock()
        # Frameworks forget the route when they are done, before the body is sent.
        self.record = self._ledger.find(self._records, self._carrier)
        return write

    def around(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The application's body, watched to its end."""
        self._body = body
        return _SizedBody(self) if hasattr(body, "__len__") else self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._chunks is None:
                self._chunks = iter(self._body)
            chunk = next(self._chunks)
            self._sent += len(chunk)
        except StopIteration:
            self.end()
            raise
        except BaseException:
            self.end_early(error=True)
            raise
        return chunk

    def close(self) -> None:
        """The server is done; when it has not taken the whole body, the client has gone.

        A server that knows the length need not ask for the end after the last chunk. What the application does in its
        own `close`, which is called as the specification asks, is not the request's time.
        """
        if not self.is_over:
            self._stop()
        close = getattr(self._body, "close", None)
        if close is not None:
            close()

    def __del__(self) -> None:
        """Of a server that forgets to close: the request is over all the same."""
        if not self.is_over:
            self._stop()

    def _stop(self) -> None:
        if self._chunks is not None and not self._has_all():
            self.end_early(error=False)
        elif self.status is None:
            self.end_early(error=True)
        else:
            self.end()  # a server need not read the body for HEAD

    def _has_all(self) -> bool:
        """Whether nothing is left of the body, as far as its length is known."""
        if isinstance(self._body, (list, tuple)):
            return not length_hint(self._chunks)
        length = next((value for name, value in self._headers if name.lower() == "content-length"), "")
        return length.isdecimal() and self._sent >= int(length)


class _SizedBody:
    """One of so many chunks: of one a server may tell the length. What has none must not look as if it had."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self._exchange

    def __len__(self) -> int:
        return len(self._exchange._body)  # type: ignore[arg-type]  # noqa: SLF001 - it has one

    def close(self) -> None:
        """The server is done."""
        self._exchange.close()


def _take(beacon: Beacon, method: str, environ: Environ) -> Page:
    sender = sender_of_environ(environ)
    page = beacon.refusal(method, sender)
    if page is None:
        page = beacon.receive(read_wsgi(environ, MAX_BODY), sender)
    return page


def _answer(page: Page, method: str, start_response: StartResponse) -> Iterable[bytes]:
    start_response(f"{page.status} {HTTPStatus(page.status).phrase}", page.all_headers())
    return [] if method == "HEAD" or not page.body else [page.body]
