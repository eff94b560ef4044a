"""Spans for requests, by OpenTelemetry. Needs `pip install 'mestres[otel]'`, and an SDK to send them anywhere.

Nothing else in this package imports OpenTelemetry: who does not import this module has none of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final

from mestres_perf._kernel.current import TRACE_ID, Bound
from mestres_perf.cache import Cache, Event
from mestres_perf.http._answers import (
    AsgiApp,
    Environ,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    StartResponse,
    WsgiApp,
)
from mestres_perf.http._ending import Ending, within
from mestres_perf.http._paths import Paths
from mestres_perf.http._templates import Route, Templates, method_label
from mestres_perf.http.access_log import EXCLUDED
from mestres_perf.metrics._catalogue import UNMATCHED
from mestres_perf.resilience import CircuitBreaker, State

try:
    from opentelemetry import context, propagate, trace
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "OpenTelemetry is not installed: pip install 'mestres[otel]'", name="opentelemetry"
    ) from missing

SCOPE: Final = "mestres_perf"
_FIRST_ERROR = 500
_NANO = 1_000_000_000


class _Spans:
    """What both skins share. Attributes are those of OpenTelemetry's conventions for HTTP servers."""

    def __init__(self, provider: trace.TracerProvider | None, exclude: Iterable[str]) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=provider)
        self.excluded = Paths("exclude", exclude)

    def begin(self, method: str, scheme: str, carrier: Mapping[str, str]) -> _Request:
        """Begin the span of a request, below that of its caller when it names one (`traceparent`)."""
        label = method_label(method)
        attributes = {"http.request.method": label, "url.scheme": scheme}
        parent = propagate.extract(carrier)
        span = self._tracer.start_span(label, parent, kind=trace.SpanKind.SERVER, attributes=attributes)
        return _Request(span, label)


class _Request:
    """One span, ended once, and current within `with request:`."""

    def __init__(self, span: trace.Span, method: str) -> None:
        self._span = span
        self._method = method
        self._is_ended = False
        self._context = trace.set_span_in_context(span)
        found = span.get_span_context()
        self._trace = Bound(TRACE_ID, f"{found.trace_id:032x}" if found.is_valid else "")

    def __enter__(self) -> None:
        self._trace.__enter__()
        self._token = context.attach(self._context)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._context = context.get_current()
        context.detach(self._token)
        self._trace.__exit__(kind, error, at)

    def respond(self, status: int, route: str) -> None:
        """The start of the response; `route` is a template."""
        self._span.set_attribute("http.response.status_code", int(status))
        if route != UNMATCHED:
            self._span.update_name(f"{self._method} {route}")
            self._span.set_attribute("http.route", route)
        if status >= _FIRST_ERROR:
            self._span.set_status(trace.StatusCode.ERROR)

    def fail(self, error: BaseException) -> None:
        """What the application has raised."""
        self._span.record_exception(error)
        self._span.set_attribute("error.type", type(error).__qualname__)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        """The last byte has gone out, or none will."""
        if not self._is_ended:
            self._is_ended = True
            self._span.end()


class TracingMiddleware:
    """A span for each request to an ASGI application, named by its method and the template of its route.

    It ends with the last byte. Log records within it have its `trace_id`. Paths below those in `exclude` have no span;
    `route` says the template of a scope where the framework is not known.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        provider: trace.TracerProvider | None = None,
        exclude: Iterable[str] = EXCLUDED,
        route: Route | None = None,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._spans = _Spans(provider, exclude)
        self._templates = Templates.asgi(app, route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._spans.excluded:
            await self.app(scope, receive, send)
            return
        self._templates.begin(scope)
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = self._spans.begin(scope["method"], scope.get("scheme", "http"), carrier)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.respond(message["status"], self._templates.of(scope, scope["method"]))
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                request.end()  # what runs in the background afterwards is no part of it

        try:
            with request:
                await self.app(scope, receive, told)
        except BaseException as error:
            request.fail(error)
            raise
        finally:
            request.end()


class WSGITracingMiddleware:
    """The twin of TracingMiddleware for a WSGI application: a span ends when the server closes the body."""

    def __init__(
        self,
        app: WsgiApp,
        *,
        provider: trace.TracerProvider | None = None,
        exclude: Iterable[str] = EXCLUDED,
        route: Route | None = None,
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._spans = _Spans(provider, exclude)
        self._templates = Templates.wsgi(app, route)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("PATH_INFO", "") in self._spans.excluded:
            return self.app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        request = self._spans.begin(method, environ.get("wsgi.url_scheme", "http"), _carrier(environ))

        def told(status: str, headers: Headers, *exc_info: Any) -> Any:
            # Frameworks forget the route when they are done, before the body is sent.
            request.respond(int(status[:3]), self._templates.of(environ, method))
            return start_response(status, headers, *exc_info)

        def seen(chunk: bytes | Exception | None) -> None:
            if isinstance(chunk, Exception):
                request.fail(chunk)

        def call() -> Iterable[bytes]:
            try:
                return self.app(environ, told)
            except BaseException as error:
                request.fail(error)
                raise

        return Ending(environ, request.end, seen).of(lambda: within(environ, request, call))


def _carrier(environ: MutableMapping[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }


def trace_cache(cache: Cache, *, provider: trace.TracerProvider | None = None) -> Callable[[], None]:
    """A span for each load of a cache, below that of the request that made it. Returns what ends that.

    Hits have none: they are counted, and too quick to be told.
    """
    tracer = trace.get_tracer(SCOPE, tracer_provider=provider)

    def told(event: Event) -> None:
        ended = time.time_ns()
        began = ended - int((event.seconds or 0.0) * _NANO)
        span = tracer.start_span(f"cache load {event.cache}", start_time=began, attributes={"cache.name": event.cache})
        if event.error is not None:
            span.record_exception(event.error)
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)

    return cache.subscribe(told, "load", "error")


def trace_breaker(breaker: CircuitBreaker) -> None:
    """Each transition of a breaker is an event of the span in which it happens."""

    def told(which: CircuitBreaker, before: State, after: State) -> None:
        attributes = {"breaker.name": which.name, "breaker.before": before.value, "breaker.after": after.value}
        trace.get_current_span().add_event("circuit_breaker.transition", attributes)

    breaker.on_transition(told)
