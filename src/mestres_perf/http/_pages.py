"""What the middleware answers itself: /metrics, /health/*, and web vitals where they are wanted."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mestres_perf._kernel import forks
from mestres_perf.http._beacon import Beacon, Vitals
from mestres_perf.http._page import Page
from mestres_perf.metrics._registry import CONTENT_TYPE, Metrics
from mestres_perf.metrics.health import Health

METRICS, LIVE, READY, PERFORMANCE = "/metrics", "/health/live", "/health/ready", "/health/performance"
Ready = Callable[[], bool | Awaitable[bool]]
"""Whether the application may be sent requests."""
READY_WITHIN = 2.0
"""Seconds after which an application that does not say whether it is ready is not."""
_THREADS = 2
_JSON = "application/json"
_log = logging.getLogger(__name__)


class Pages:
    """The pages by path. `ready` says whether the application may be sent requests, `vitals` where beacons go.

    `prepare` is called before /metrics is rendered. No page waits for the threads that the application's own blocking
    work is in, nor for a `ready` that hangs; whether the process is alive is said without any thread at all.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        ready: Ready | None,
        vitals: str | Vitals | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        options = Vitals(vitals) if isinstance(vitals, str) else vitals
        self._metrics = metrics
        self._health = health
        self._ready = ready or _always
        self._is_async = is_async(self._ready)
        self._asked: Future[Any] | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mestres-perf-pages")
        self._prepare = prepare
        self._pages: dict[str, Callable[[], Page]] = {
            METRICS: self._metrics_page,
            LIVE: _live_page,
            READY: self._ready_page,
            PERFORMANCE: self._performance_page,
        }
        self._beacons = {} if options is None else {options.path: Beacon(options, metrics)}
        self.by_path = frozenset({*self._pages, *self._beacons})
        """Where all of them are: one look tells that a request is the application's."""
        forks.follow(self)

    def find(self, method: str, path: str) -> Callable[[], Page] | None:
        """The page for this request, or None when it is the application's."""
        return self._pages.get(path) if method in ("GET", "HEAD") else None

    async def made(self, method: str, path: str) -> Page | None:
        """The page for this request, made beside the event loop: rendering many series takes its time."""
        page = self.find(method, path)
        if page is None or path == LIVE:
            return page and page()
        if path == READY:
            return await self._ready_page_in_time()
        return await asyncio.get_running_loop().run_in_executor(self._threads, page)

    def beacon(self, path: str) -> Beacon | None:
        """Who takes the web vitals that are sent to this path, or None when it is the application's."""
        return self._beacons.get(path)

    def locks(self) -> Sequence[forks.Lock]:
        """None is needed: a child has threads and a question of its own."""
        return ()

    def start_anew(self) -> None:
        """The threads of a parent process are not there in its child."""
        self._asked = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mestres-perf-pages")

    def _metrics_page(self) -> Page:
        self._prepare()
        return Page(200, CONTENT_TYPE, self._metrics.render())

    def _ready_page(self) -> Page:
        try:
            ready = self._ready()
            if inspect.iscoroutine(ready):
                ready.close()
                raise TypeError("ready has returned a coroutine, and a WSGI application has no event loop")  # noqa: TRY301
        except Exception:  # noqa: BLE001 - a check that fails says no
            _log.exception("the readiness check failed")
            ready = False
        return _ready(ready)

    async def _ready_page_in_time(self) -> Page:
        try:
            async with asyncio.timeout(READY_WITHIN):
                answer = None if self._is_async else await self._answer_of_a_thread()
                if inspect.iscoroutine(answer):  # of a plain function that has made one: each question needs its own
                    answer.close()
                    self._is_async = True
                return _ready(await self._ready() if self._is_async else answer)  # type: ignore[misc]
        except Exception:  # noqa: BLE001 - a check that fails, or does not answer, says no
            _log.exception("the readiness check failed")
            return _ready(False)

    async def _answer_of_a_thread(self) -> Any:
        """What the check says in a thread of its own. As long as it has not said it nobody asks again."""
        if self._ready is _always:
            return True
        asked = self._asked
        if asked is None or asked.done():
            asked = self._asked = Future()
            threading.Thread(target=_ask, args=(self._ready, asked), name="mestres-perf-ready", daemon=True).start()
        return await asyncio.shield(asyncio.wrap_future(asked))

    def _performance_page(self) -> Page:
        report = self._health.report()
        return _json(503 if report["status"] == "unhealthy" else 200, report)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether it is a coroutine function, or an object that is called like one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - the method is wanted


def _always() -> bool:
    return True


def _ask(ready: Ready, asked: Future[Any]) -> None:
    try:
        answer = ready()
    except BaseException as error:  # noqa: BLE001 - whoever waits is told
        asked.set_exception(error)
    else:
        asked.set_result(answer)


def _live_page() -> Page:
    return _json(200, {"status": "alive"})


def _ready(ready: Any) -> Page:
    return _json(200 if ready else 503, {"status": "ready" if ready else "starting"})


def _json(status: int, content: object) -> Page:
    return Page(status, _JSON, json.dumps(content).encode())
