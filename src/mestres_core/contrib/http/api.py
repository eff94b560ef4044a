"""The API itself: a request in, a reply out, whatever the request."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mestres_core.contrib.http import openapi, problems, schemas
from mestres_core.contrib.http.calls import Call, Direct, Reads, Slugs
from mestres_core.contrib.http.language import negotiate
from mestres_core.contrib.http.messages import MAX_BODY, Document, Reply, Request, dump, etag_of
from mestres_core.contrib.http.problems import Refusal
from mestres_core.contrib.http.routes import PREFIXES, ROUTES, Route, find
from mestres_core.errors import CommerceError

if TYPE_CHECKING:
    from mestres_core.commerce import Commerce

OPENAPI_PATH = "/openapi.json"

_log = logging.getLogger(__name__)


class Api:
    """The shop's HTTP API (see docs/http.md), for a framework's skin to serve.

        api = Api(shop, admin_token=settings.admin_token)
        app.register_blueprint(mestres_core.contrib.flask.blueprint(api))

    `reads` puts a cache before the catalogue (`mestres_core.contrib.perf.CachedReads`); without it every read asks the
    database. Without an admin token nobody is the administrator. `limit` is asked with each client's address and says
    how many seconds that client has to wait, 0 for none (`mestres_perf.RateLimit(...).acquire`); who has to gets 429.
    """

    prefixes = PREFIXES

    def __init__(
        self,
        shop: Commerce,
        *,
        admin_token: str = "",
        reads: Reads | None = None,
        limit: Callable[[str], float] | None = None,
    ) -> None:
        self.shop = shop
        self._limit = limit
        self._admin_token = admin_token
        self.reads = reads or Direct()
        self._slugs = Slugs()

    @property
    def templates(self) -> Sequence[str]:
        """The path templates, for a framework to register."""
        return (*dict.fromkeys(route.template for route in ROUTES), OPENAPI_PATH)

    def document(self) -> dict[str, Any]:
        """The OpenAPI document, as it is served at /openapi.json."""
        return openapi.document(ROUTES)

    def handle(self, request: Request) -> Reply:
        """Answer a request. It never raises: what goes wrong becomes a problem document."""
        locale = negotiate(request.headers.get("accept-language", ""))
        try:
            reply = self._answer(request)
        except Refusal as refusal:
            reply = problems.of_status(refusal.status, locale, *refusal.headers)
        except CommerceError as error:
            reply = problems.of_error(error, locale)
            if reply.status >= 500:  # noqa: PLR2004 - HTTP's own number
                _log.exception("%s %s", request.method, request.path)
        except Exception:  # noqa: BLE001 - the last resort: logged whole, told without its inside
            _log.exception("%s %s", request.method, request.path)
            reply = problems.of_status(500, locale)
        return _without_body(reply) if request.method == "HEAD" else reply

    def _answer(self, request: Request) -> Reply:
        self._admit(request.client)
        if request.path == OPENAPI_PATH:
            if request.method not in ("GET", "HEAD"):
                raise _not_allowed(["GET"])
            return _conditional(request, self._openapi)
        by_method, params = find(ROUTES, request.path)
        if not by_method:
            raise Refusal(404)
        route = by_method.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            raise _not_allowed(by_method)
        call = self._call(request, params)
        if route.auth == "admin":  # before anything else is said of the request
            call.require_admin()
        if len(request.body) > MAX_BODY:
            raise Refusal(413)
        reply = route.handler(_parsed(call, route)).with_headers(("Cache-Control", route.cache))
        return _conditional(request, reply) if route.method == "GET" else reply

    def _admit(self, client: str) -> None:
        """Nobody waits who calls from inside this process and so has no address."""
        wait = self._limit(client) if self._limit is not None and client else 0.0
        if wait > 0:
            raise Refusal(429, ("Retry-After", str(math.ceil(wait))))

    def _call(self, request: Request, params: Mapping[str, str]) -> Call:
        return Call(
            shop=self.shop,
            reads=self.reads,
            slugs=self._slugs,
            admin_token=self._admin_token,
            request=request,
            params=params,
        )

    @cached_property
    def _openapi(self) -> Reply:
        text = dump(self.document())
        return Document(text, etag_of(text)).reply().with_headers(("Cache-Control", "public, no-cache"))


def _parsed(call: Call, route: Route) -> Call:
    query = route.query and schemas.read_query(route.query, call.request.parameters())
    return replace(call, query=query, body=route.body and schemas.read_body(route.body, call.request))


def _not_allowed(methods: Iterable[str]) -> Refusal:
    allowed = {*methods}
    if "GET" in allowed:
        allowed.add("HEAD")
    return Refusal(405, ("Allow", ", ".join(sorted(allowed))))


def _conditional(request: Request, reply: Reply) -> Reply:
    """RFC 9110, section 13.1.2: If-None-Match compares weakly, and `*` matches whatever exists."""
    etag = reply.header("ETag")
    given = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag is None or not given & {etag, "*"}:
        return reply
    kept = tuple(pair for pair in reply.headers if pair[0] in ("ETag", "Cache-Control", "X-Cache", "Vary"))
    return Reply(304, b"", kept)


def _without_body(reply: Reply) -> Reply:
    if reply.chunks is not None:  # never begun, so there is nothing to close
        return Reply(reply.status, b"", reply.headers)
    return Reply(reply.status, b"", (*reply.headers, ("Content-Length", str(len(reply.body)))))
