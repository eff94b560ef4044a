"""The rules of request metrics. What is asked is what has been counted at which moment, never how long it took."""

import asyncio
import contextlib
import itertools

import prometheus_client
from fastapi import APIRouter, FastAPI
from flask import Flask
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_flask_exporter import PrometheusMetrics
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette_exporter import PrometheusMiddleware

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware
from perf.peers_of_resilience.clocks import clocks_of
from perf.peers_of_resilience.rules import Rule, register

_prefixes = itertools.count()
_ONLY_WSGI, _ONLY_ASGI = "for Flask only", "for Starlette and FastAPI only"


class Site:
    """An application that is watched, and what has been counted of it."""

    package: str

    def __init__(self, clocks):
        self.clocks = clocks
        self.counted_inside = None
        self.begun = None

    def requests(self):
        """{labels: how many} of the counter of requests."""
        return {
            tuple(sorted(one.labels.items())): one.value
            for family in self.registry.collect()
            for one in family.samples
            if one.name == self.counter and one.value
        }

    def seen(self):
        """Everything that is not zero, without its value: what somebody who looks can tell apart."""
        return {
            (one.name.removeprefix(getattr(self, "prefix", "")), *sorted(one.labels.items()))
            for family in self.registry.collect()
            for one in family.samples
            if one.value and not one.name.endswith(("_sum", "_created", "_bucket")) and "python" not in one.name
            if not one.name.startswith(("process_", "system_"))
        }

    def total(self):
        return sum(self.requests().values())

    def seconds(self):
        """What all requests together have taken."""
        samples = (one for family in self.registry.collect() for one in family.samples)
        return sum(one.value for one in samples if one.name.endswith("request_duration_seconds_sum"))

    def note(self):
        """How many requests are counted at this moment; a long time passes then."""
        self.counted_inside = self.total()
        self.clocks.passed += 1000

    def chunks(self, breaks):
        yield b"one"
        self.note()
        if breaks:
            raise RuntimeError("down")
        yield b"two"


class Asgi(Site):
    def __init__(self, clocks):
        super().__init__(clocks)
        app, inner, outer = FastAPI(), APIRouter(), APIRouter()

        @inner.get("/items/{number}")
        def item(number: str):
            return {}

        @inner.get("/slashed/{number}/")
        def slashed(number: str):
            return {}

        @app.get("/later")
        def later():
            return Response(b"", background=BackgroundTask(self.note))

        @app.get("/stream")
        def stream(breaks: int = 0):
            return StreamingResponse(self.chunks(breaks))

        @app.get("/waits")
        async def waits():
            self.begun.set()
            await asyncio.Event().wait()

        outer.include_router(inner, prefix="/v1")
        app.include_router(outer, prefix="/api")
        self.app = self.watch(app)

    def ask(self, *paths, method="GET"):
        asyncio.run(self._ask(paths, method))

    async def _ask(self, paths, method):
        for path in paths:
            with contextlib.suppress(RuntimeError):
                await self.app(*_exchange(path, method))

    def cancel(self):
        """A request whose client goes away while it waits."""

        async def main():
            self.begun = asyncio.Event()
            task = asyncio.create_task(self._ask(["/waits"], "GET"))
            await self.begun.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())


def _exchange(path, method):
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": [], "root_path": "",
        "query_string": query.encode(), "client": ("203.0.113.7", 1), "scheme": "http", "server": ("shop", 80),
        "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip

    async def receive():
        if receive.asked:
            await asyncio.Event().wait()
        receive.asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message):
        pass

    receive.asked = False
    return scope, receive, send


class Wsgi(Site):
    def __init__(self, clocks):
        super().__init__(clocks)
        app = Flask("peer")

        @app.get("/stream")
        def stream():
            from flask import request

            return self.chunks(request.args.get("breaks") == "1")

        self.app = self.watch(app)

    def ask(self, *paths, method="GET"):
        for path in paths:
            path, _, query = path.partition("?")  # noqa: PLW2901 - the two parts of it
            environ = {
                "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "shop",
                "SERVER_PORT": "80", "wsgi.url_scheme": "http", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
            }  # fmt: skip
            body = self.app(environ, lambda *_: None)
            with contextlib.suppress(RuntimeError):
                for _ in body:
                    pass
            if hasattr(body, "close"):
                body.close()


class Ours(Asgi):
    package = "mestres_perf"
    counter = "http_requests_total"

    def watch(self, app):
        metrics = Metrics()
        self.registry = metrics.registry
        return PerformanceMiddleware(app, metrics=metrics)


class OurWsgi(Wsgi):
    package = "mestres_perf"
    counter = "http_requests_total"

    def watch(self, app):
        metrics = Metrics()
        self.registry = metrics.registry
        return WSGIPerformanceMiddleware(app.wsgi_app, metrics=metrics)


class Instrumented(Asgi):
    package = "prometheus_fastapi_instrumentator"
    counter = "http_requests_total"

    def watch(self, app):
        self.registry = prometheus_client.CollectorRegistry()
        Instrumentator(registry=self.registry, should_group_status_codes=False).instrument(app)
        return app


class Exported(Asgi):
    """It counts in the registry of the process: each application has a prefix of its own."""

    package = "starlette_exporter"

    def watch(self, app):
        self.registry = prometheus_client.REGISTRY
        self.prefix = f"peer{next(_prefixes)}"
        self.counter = f"{self.prefix}_requests_total"
        return PrometheusMiddleware(app, prefix=self.prefix, app_name="peer", group_paths=True)

    def seen(self):
        return {each for each in super().seen() if each[0].startswith("_")}


class FlaskExported(Wsgi):
    package = "prometheus_flask_exporter"
    counter = "flask_http_request_total"

    def watch(self, app):
        self.registry = prometheus_client.CollectorRegistry()
        PrometheusMetrics(app, registry=self.registry, path=None)
        return app.wsgi_app


def _trials(check, *, asgi=True, wsgi=True):
    """Ours by both protocols, and each of the others by its own."""
    ours = [kind for kind, wanted in ((Ours, asgi), (OurWsgi, wsgi)) if wanted]
    return {
        "mestres_perf": lambda _: all(_holds(check, kind) for kind in ours),
        "fastapi-instrumentator": (lambda _: _holds(check, Instrumented)) if asgi else _ONLY_ASGI,
        "starlette_exporter": (lambda _: _holds(check, Exported)) if asgi else _ONLY_ASGI,
        "flask_exporter": (lambda _: _holds(check, FlaskExported)) if wsgi else _ONLY_WSGI,
    }


def _holds(check, kind):
    with clocks_of(kind.package) as clocks:
        return check(kind(clocks))


def _bounded(site, requests):
    """Whether many requests show nothing that the first of them did not, and all of them are counted."""
    first, *rest = requests
    site.ask(first[1], method=first[0])
    before = site.seen()
    for method, path in rest:
        site.ask(path, method=method)
    return site.seen() == before and site.total() == len(requests)


def of_requests(scenario, title, **protocols):
    def add(check):
        sentence = " ".join(check.__doc__.split())
        register(Rule(check.__name__, scenario, "requests", title, sentence, _trials(check, **protocols)))
        return check

    return add


@of_requests("H1", "made-up paths are one series, and counted")
def made_up_paths(site):
    """Fifty paths that no route knows are fifty requests of one series."""
    return _bounded(site, [("GET", f"/wp-{number}.php") for number in range(50)])


@of_requests("H2", "made-up methods are one series")
def made_up_methods(site):
    """Thirty methods that nobody knows are thirty requests of one series."""
    return _bounded(site, [(f"BOGUS{number}", "/stream") for number in range(30)])


@of_requests("H3", "redirects of slashes add no series", wsgi=False)
def redirects(site):
    """Twenty requests that are redirected to the same route with a slash at its end are one series."""
    return _bounded(site, [("GET", f"/api/v1/slashed/{number}") for number in range(20)])


@of_requests("H7", "a request ends before its background task", wsgi=False)
def background_tasks(site):
    """A background task of a thousand seconds is no part of its request's time."""
    site.ask("/later")
    return site.counted_inside == 1 or site.seconds() < 1000


@of_requests("H8", "a stream ends with its last byte")
def streams(site):
    """Between two chunks of a stream its request has not been counted yet; afterwards it has."""
    site.ask("/stream")
    return site.counted_inside == 0 and site.total() == 1


@of_requests("H9", "a response that breaks off can be told from a whole one")
def broken_streams(site):
    """The page after a stream that broke off shows something that it does not show after one that did not."""
    other = type(site)(site.clocks)
    site.ask("/stream?breaks=1")
    other.ask("/stream?breaks=0")
    return site.seen() != other.seen()


@of_requests("H11", "a client that goes away is no error of the server", wsgi=False)
def cancelled(site):
    """A request that is cancelled, as servers do when the client has gone, is counted, and not as a 5xx."""
    site.cancel()
    counted = site.requests()
    statuses = [value for labels in counted for name, value in labels if name.startswith("status")]
    return sum(counted.values()) == 1 and not any(status.startswith("5") for status in statuses)
