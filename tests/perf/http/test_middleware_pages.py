"""The pages that the middlewares answer themselves: where they are, and that nothing holds them up."""

import asyncio
import os
import threading
from functools import partial

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from mestres_perf import Metrics, PerformanceMiddleware, instrument
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _pages
from perf.http.watched import ask_wsgi, scope

PATHS = ("/metrics", "/health/live", "/health/ready", "/health/performance")


async def status(app, path, **more):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await app({**scope(path), **more}, receive, send)
    return sent[0]["status"]


async def teapot(scope, receive, send):
    """An application that says 418 to everything."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def watched(**options):
    return PerformanceMiddleware(teapot, metrics=Metrics(), **options)


def wsgi(environ, start_response):
    start_response("418 I'm a teapot", [])
    return [b""]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("root", "before"), [("/api", "/api"), ("/api/", "/api"), ("/api", "")], ids=["whole", "slash", "left away"]
)
def test_pages_below_a_root_path(path, root, before):
    """Behind `--root-path` the pages are below it, whether or not the server puts it into the path."""
    assert asyncio.run(status(watched(), before + path, root_path=root)) == 200


def test_what_only_looks_like_a_root_path():
    """A path that begins with the letters of the root path is not below it."""
    assert asyncio.run(status(watched(), "/apimetrics", root_path="/api")) == 418
    assert asyncio.run(status(watched(), "/metricsmetrics", root_path="/metrics")) == 418


def test_pages_of_a_mounted_application():
    """An application that is mounted in another has its pages below the mount."""
    inner = FastAPI()
    outer = Starlette(routes=[Mount("/shop", instrument(inner, metrics=Metrics()))])

    assert [asyncio.run(status(outer, "/shop" + path)) for path in PATHS] == [200] * len(PATHS)
    assert asyncio.run(status(outer, "/metrics")) == 404


class Check:
    """A check that is an object."""

    def __init__(self, answer):
        self.answer = answer

    async def __call__(self):
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def plain(check):
    """A plain function that gives a coroutine."""
    return check()


@pytest.mark.parametrize(("answer", "expected"), [(True, 200), (False, 503), (OSError(), 503)])
@pytest.mark.parametrize("way", ["object", "method", "made by a function"])
def test_a_check_may_be_a_coroutine_function(answer, expected, way):
    """What a coroutine function says is awaited, on the event loop; an exception is a no."""
    check = Check(answer)
    ready = {"object": check, "method": check.__call__, "made by a function": partial(plain, check)}[way]
    app = instrument(FastAPI(), metrics=Metrics(), ready=ready)

    assert [asyncio.run(status(app, "/health/ready")) for _ in range(2)] == [expected] * 2


def test_wsgi_takes_no_coroutine_function():
    """A WSGI application has no event loop: a coroutine function is refused, and what returns a coroutine says no."""
    for ready in (Check(True), Check(True).__call__):
        with pytest.raises(ConfigurationError, match="ready"):
            instrument(wsgi, metrics=Metrics(), ready=ready)

    assert ask_wsgi(instrument(wsgi, metrics=Metrics(), ready=partial(plain, Check(True))), "/health/ready") == 503


@pytest.mark.parametrize("path", PATHS)
def test_pages_do_not_wait_for_busy_threads(path):
    """While all threads of the event loop are busy with the application's own work, every page is answered."""
    free = threading.Event()

    async def main():
        loop = asyncio.get_running_loop()
        busy = [loop.run_in_executor(None, free.wait) for _ in range(40)]
        try:
            return await asyncio.wait_for(status(watched(ready=lambda: True), path), 30)
        finally:
            free.set()
            await asyncio.gather(*busy)

    assert asyncio.run(main()) == 200


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_a_check_that_hangs(kind, monkeypatch):
    """A check that hangs is a no in time. It is asked once, however many ask, and holds up no other page."""
    monkeypatch.setattr(_pages, "READY_WITHIN", 0.05)
    asked, free = [], threading.Event()

    def hang():
        asked.append(1)
        return free.wait(60)

    async def hang_on_the_loop():
        asked.append(1)
        await asyncio.Event().wait()

    async def main():
        app = watched(ready=hang if kind == "function" else hang_on_the_loop)
        said = [await status(app, "/health/ready") for _ in range(5)]
        said += [await status(app, path) for path in ("/health/live", "/metrics")]
        return app, said

    app, said = asyncio.run(main())
    assert said == [503] * 5 + [200] * 2
    if kind == "function":
        assert len(asked) == 1
        free.set()
        monkeypatch.setattr(_pages, "READY_WITHIN", 30.0)
        assert asyncio.run(status(app, "/health/ready")) == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system, Windows for one, cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_pages_after_a_fork():
    """A process that was forked when pages had been asked for has threads of its own."""
    app = watched(ready=lambda: True)
    assert [asyncio.run(status(app, path)) for path in PATHS] == [200] * len(PATHS)
    child = os.fork()
    if not child:
        end = 1
        try:
            end = int([asyncio.run(asyncio.wait_for(status(app, path), 30)) for path in PATHS] != [200] * len(PATHS))
        finally:
            os._exit(end)

    assert os.waitpid(child, 0)[1] == 0
