"""The same small site on every framework, watched by the middleware, and what a server does to ask it.

Its time is a clock that only the site's own endpoints move: what is measured is exact, and nobody waits. Each has

    GET  /api/v1/items/{number}   answers
    GET  /api/v1/boom             raises Boom
    GET  /api/v1/stream           three chunks, 0.1 s before each
    GET  /api/v1/broken           raises Boom after its first chunk
    GET  /api/v1/later            answers, and then works for 0.3 s
"""

import asyncio
import functools
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from fastapi import APIRouter, BackgroundTasks, FastAPI
from flask import Flask, Response
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware, instrument
from perf.resilience.clocks import Clock

ITEM = "/api/v1/items/{number}"


class Boom(RuntimeError):
    """What an endpoint raises."""


@dataclass
class Site:
    """One watched application."""

    kind: str
    app: Any
    metrics: Metrics
    clock: Clock
    is_asgi: bool

    def ask(self, path: str, method: str = "GET", **more: Any) -> int:
        """The status of the answer, or the exception that comes out at the server."""
        return (ask_asgi if self.is_asgi else ask_wsgi)(self.app, path, method, **more)

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """{labels: value} of one metric, without what is zero."""
        return series(self.metrics, name)


def series(metrics: Metrics, name: str, *, zeros: bool = False) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and (zeros or sample.value)
    }


def scope(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"shop")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), **more,
    }  # fmt: skip


def ask_asgi(app: Any, path: str, method: str = "GET", messages: tuple[dict[str, Any], ...] | None = None) -> int:
    """Ask as a server does. `messages` are what the application receives; afterwards nothing more comes."""
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}] if messages is None else list(messages)

    async def receive():
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope(path, method), receive, send))
    return next((int(message["status"]) for message in sent if message["type"] == "http.response.start"), 0)


def environ(path: str, method: str = "GET") -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "shop", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "shop", "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
        "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip


def ask_wsgi(app: Any, path: str, method: str = "GET") -> int:
    """Ask as a server does."""
    told: list[str] = []

    def start(status, headers, exc_info=None):
        if exc_info and told:
            raise exc_info[1]
        told.append(status)
        return told.append

    body = app(environ(path, method), start)
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()
    return int(told[-1][:3])


def chunks(clock, *, broken=False):
    for number in range(3):
        if not broken:
            clock.now += 0.1
        if broken and number:
            raise Boom
        yield b"chunk"


async def achunks(clock, *, broken=False):
    for chunk in chunks(clock, broken=broken):
        yield chunk


def later(clock):
    clock.now += 0.3


def fastapi_app(clock):
    """Behind two routers, of which each adds a prefix."""
    router = APIRouter()

    @router.get("/items/{number}")
    async def item(number: int):
        return {"number": number}

    @router.get("/boom")
    async def boom():
        raise Boom

    @router.get("/stream")
    async def stream():
        return StreamingResponse(achunks(clock))

    @router.get("/broken")
    async def broken():
        return StreamingResponse(achunks(clock, broken=True))

    @router.get("/later")
    async def background(tasks: BackgroundTasks):
        tasks.add_task(later, clock)
        return {}

    app, outer = FastAPI(), APIRouter()
    outer.include_router(router, prefix="/v1")
    app.include_router(outer, prefix="/api")
    return app


def starlette_app(clock):
    """Behind two mounts."""

    async def item(request):
        return JSONResponse(request.path_params)

    async def boom(request):
        raise Boom

    async def stream(request):
        return StreamingResponse(achunks(clock))

    async def broken(request):
        return StreamingResponse(achunks(clock, broken=True))

    async def background(request):
        return JSONResponse({}, background=BackgroundTask(later, clock))

    routes = [
        Route("/items/{number:int}", item),
        *(Route(f"/{name}", those) for name, those in
          {"boom": boom, "stream": stream, "broken": broken, "later": background}.items()),
    ]  # fmt: skip
    return Starlette(routes=[Mount("/api", routes=[Mount("/v1", routes=routes)])])


def flask_app(clock):
    app = Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/api/v1/items/<int:number>")
    def item(number):
        return {"number": number}

    @app.get("/api/v1/boom")
    def boom():
        raise Boom

    @app.get("/api/v1/stream")
    def stream():
        return Response(chunks(clock))

    @app.get("/api/v1/broken")
    def broken():
        return Response(chunks(clock, broken=True))

    @app.get("/api/v1/later")
    def background():
        response = Response("x")
        response.call_on_close(functools.partial(later, clock))
        return response

    return app


def django_app(get_application):
    """The views are in django_urls.py; they take the clock of the site that was made last."""

    def make(clock):
        if not django_settings.configured:
            django_settings.configure(
                ALLOWED_HOSTS=["*"],
                ROOT_URLCONF="perf.http.django_urls",
                MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
                LOGGING_CONFIG=None,
                SECRET_KEY="test",
                INSTALLED_APPS=[],
            )
            django.setup()
        from perf.http import django_urls

        django_urls.clock = clock
        return get_application()

    return make


def bare_asgi(clock):
    async def app(scope, receive, send):
        name = scope["path"].removeprefix("/api/v1/")
        if name == "boom":
            raise Boom
        is_item = re.fullmatch(r"items/\d+", name)
        status = 200 if is_item or name in ("stream", "broken", "later") else 404
        await send({"type": "http.response.start", "status": status, "headers": []})
        if name in ("stream", "broken"):
            async for chunk in achunks(clock, broken=name == "broken"):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if name == "later":
            later(clock)

    return app


def bare_wsgi(clock):
    class Answer:
        def __init__(self, name):
            self.name = name

        def __iter__(self):
            return chunks(clock, broken=self.name == "broken") if self.name != "later" else iter([b"x"])

        def close(self):
            if self.name == "later":
                later(clock)

    def app(environ, start_response):
        name = environ["PATH_INFO"].removeprefix("/api/v1/")
        if name == "boom":
            raise Boom
        if name in ("stream", "broken", "later"):
            start_response("200 OK", [])
            return Answer(name)
        start_response("200 OK" if re.fullmatch(r"items/\d+", name) else "404 Not Found", [])
        return [b"x"]

    return app


def by_path(carrier):
    """The template of a bare application's request; nothing for what it does not know."""
    path = carrier.get("path") or carrier.get("PATH_INFO")
    if re.fullmatch(r"/api/v1/items/\d+", path):
        return ITEM
    return path if path in {f"/api/v1/{name}" for name in ("boom", "stream", "broken", "later")} else ""


def _instrumented(make: Callable[[Clock], Any]) -> Callable[[Clock, Metrics], Any]:
    return lambda clock, metrics: instrument(make(clock), metrics=metrics)


KINDS: dict[str, tuple[Callable[[Clock, Metrics], Any], bool]] = {
    "fastapi": (_instrumented(fastapi_app), True),
    "starlette": (_instrumented(starlette_app), True),
    "flask": (_instrumented(flask_app), False),
    "django-asgi": (_instrumented(django_app(get_asgi_application)), True),
    "django-wsgi": (_instrumented(django_app(get_wsgi_application)), False),
    "asgi": (lambda clock, metrics: PerformanceMiddleware(bare_asgi(clock), metrics=metrics, route=by_path), True),
    "wsgi": (lambda clock, metrics: WSGIPerformanceMiddleware(bare_wsgi(clock), metrics=metrics, route=by_path), False),
}
"""{kind: (what makes the watched application, whether it is ASGI)}."""


def site(kind: str) -> Site:
    """A new site, with metrics of its own."""
    make, is_asgi = KINDS[kind]
    clock = Clock()
    metrics = Metrics(clock=clock)
    return Site(kind, make(clock, metrics), metrics, clock, is_asgi)
