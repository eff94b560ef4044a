"""The API as a FastAPI (or Starlette) router. Needs `pip install 'mestres[fastapi]'`."""

from __future__ import annotations

try:
    from fastapi import APIRouter
except ModuleNotFoundError as missing:
    if missing.name != "fastapi":
        raise
    raise ModuleNotFoundError("FastAPI is not installed: pip install 'mestres[fastapi]'", name="fastapi") from missing

from collections.abc import Iterator

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mestres_core.contrib.http.messages import MAX_BODY, Application, Reply, Request

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# A body that is too large is still read a little further, so that the client gets to see the refusal.
_DRAIN = 16 * MAX_BODY


def router(application: Application) -> APIRouter:
    """A router that serves the application at its own paths, each call in a thread of its own.

    Every template is a route of its own, so that metrics see the template; everything else under the application's
    prefixes is answered by it too, with its own 404.
    """
    served = APIRouter(redirect_slashes=False)

    async def endpoint(incoming: StarletteRequest) -> Response:
        request = await _request(incoming)
        return response(await run_in_threadpool(application.handle, request))

    templates = [*application.templates, *(f"{prefix}/{{rest:path}}" for prefix in application.prefixes)]
    for template in templates:
        served.add_api_route(template, endpoint, methods=_METHODS, include_in_schema=False, response_model=None)
    return served


async def _request(incoming: StarletteRequest) -> Request:
    scope = incoming.scope
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=await _body(incoming),
        scheme=scope["scheme"],
        client=(scope.get("client") or ("",))[0],
    )


async def _body(incoming: StarletteRequest) -> bytes:
    kept = bytearray()
    seen = 0
    async for chunk in incoming.stream():
        seen += len(chunk)
        kept += chunk[: MAX_BODY + 1 - len(kept)]
        if seen > _DRAIN:
            break
    return bytes(kept)


def response(reply: Reply) -> Response:
    """Put a reply into the framework's own words."""
    response = Response(reply.body, reply.status) if reply.chunks is None else _Stream(reply.chunks, reply.status)
    response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
    if reply.chunks is None and reply.header("Content-Length") is None and reply.status != 304:  # noqa: PLR2004 - HTTP's own number
        response.raw_headers.append((b"content-length", str(len(reply.body)).encode()))
    return response


class _Stream(StreamingResponse):
    """Chunks from a thread; the iterator that makes them is closed however the sending ends."""

    def __init__(self, chunks: Iterator[bytes], status: int) -> None:
        super().__init__(iterate_in_threadpool(chunks), status)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
