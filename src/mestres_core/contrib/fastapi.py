"""The API as a FastAPI router, and a shop in the session of each request. Needs `pip install 'mestres[fastapi]'`."""

from __future__ import annotations

try:
    from fastapi import APIRouter, Depends, FastAPI
except ModuleNotFoundError as missing:
    if missing.name != "fastapi":
        raise
    raise ModuleNotFoundError("FastAPI is not installed: pip install 'mestres[fastapi]'", name="fastapi") from missing

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mestres_core.commerce import Commerce
from mestres_core.contrib.http import problems
from mestres_core.contrib.http.api import Api
from mestres_core.contrib.http.language import negotiate
from mestres_core.contrib.http.merging import merged
from mestres_core.contrib.http.messages import MAX_BODY, Application, Reply, Request
from mestres_core.errors import CommerceError
from mestres_core.services import Services

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# A body that is too large is still read a little further, so that the client gets to see the refusal.
_DRAIN = 16 * MAX_BODY


class FastAPIShop:
    """A shop inside a FastAPI app: its services in the request's own session, its refusals as problem documents.

        embedded = FastAPIShop(shop, session=get_session)        # your own dependency that gives a Session
        embedded.init_app(app)
        InShop = Annotated[Services, embedded.services]

        @app.post("/buy/{sku}")
        def buy(sku: str, services: InShop): ...                 # in your transaction; your dependency commits it

    With `session`, the host's dependency ends what it began. Without it each request gets a session of `sessions` (a
    sessionmaker; by default one on the shop's engine), to be had by `embedded.session` as well: committed before the
    answer leaves, rolled back when the endpoint raises.
    """

    def __init__(
        self,
        shop: Commerce,
        *,
        session: Callable[..., Any] | None = None,
        sessions: Callable[[], Session] | None = None,
    ) -> None:
        if session is not None and sessions is not None:
            raise TypeError("give `session` (the host ends it) or `sessions` (each request gets one), not both")
        self.shop = shop
        self._sessions = sessions or sessionmaker(shop.engine)
        # "function": the end of the block comes before the answer, so that nobody is told of what was not committed.
        given: Any = Depends(session) if session is not None else Depends(self._per_request, scope="function")

        def services(found: Session = given) -> Services:
            return shop.on(found)

        services.__annotations__ = {"found": Session, "return": Services}
        self.session: Any = given
        self.services: Any = Depends(services)

    def init_app(self, app: FastAPI, *, api: Api | None = None) -> None:
        """Put the shop into an app. With `api` its routes are served too, and are in the app's OpenAPI document."""
        app.add_exception_handler(CommerceError, problem)
        if api is not None:
            app.include_router(router(api))
            merge_openapi(app, api)

    def _per_request(self) -> Iterator[Session]:
        with self._sessions() as session:
            yield session
            session.commit()


def problem(request: StarletteRequest, error: Exception) -> Response:
    """A refusal of the shop as a problem document (RFC 9457), in the language that the request asks for."""
    if not isinstance(error, CommerceError):
        raise error
    return response(problems.of_error(error, negotiate(request.headers.get("accept-language", ""))))


def merge_openapi(app: FastAPI, api: Api) -> None:
    """Have the app's own OpenAPI document (`/openapi.json`, `/docs`) show the shop's routes beside the app's."""
    build = app.openapi
    shop = api.document()

    @wraps(build)
    def openapi() -> dict[str, Any]:
        return merged(build(), shop)  # the app's part is remembered by the app

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


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
