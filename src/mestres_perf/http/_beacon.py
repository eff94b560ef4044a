"""The page to which visitors' browsers send their web vitals."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mestres_perf.errors import ConfigurationError, InvalidVitals
from mestres_perf.http._clients import Clients
from mestres_perf.http._page import Page
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics.vitals import WebVitals
from mestres_perf.resilience import RateLimit

MAX_BODY = 64 * 1024
"""What a browser sends in one beacon at most."""
_METHOD = "POST"
_ROBOT = re.compile(r"bot\b|crawl|spider|slurp|headless|lighthouse|pingdom|monitor", re.IGNORECASE)
_PORTS = (("https://", ":443"), ("http://", ":80"))
_OWN = ("same-origin", "none")


@dataclass(frozen=True)
class Vitals:
    """Where browsers post their web vitals, and which are taken: `PerformanceMiddleware(..., vitals=Vitals(...))`.

    `pages` are the paths and route templates by which vitals are counted, besides all together. Beacons of other sites
    are refused (403), but for `origins` ("https://m.shop.example"). One client may send `rate` (429); None is no limit.
    The client is the address of the connection, of IPv6 the network of 64 bits, or what one of `trusted_proxies` says
    of it: addresses, networks, and "unix" for what comes over a Unix socket. Robots that say that they are ones count
    unless `robots` is False.

    Raises ConfigurationError for a path that is none, and for what makes no sense as a page, rate or address.
    """

    path: str
    pages: Iterable[str] = ()
    origins: Iterable[str] = ()
    rate: str | None = "10/s; burst 100"
    trusted_proxies: Iterable[str] = ()
    robots: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path.startswith("/"):
            raise ConfigurationError(f"vitals={self.path!r}: must be a path such as '/api/v1/vitals'")


class Sender(NamedTuple):
    """What is known of who sends a beacon: headers as they came, empty where there were none."""

    peer: str
    forwarded: str
    content_type: str
    origin: str
    host: str
    site: str
    referer: str
    agent: str


_HEADERS = ("x-forwarded-for", "content-type", "origin", "host", "sec-fetch-site", "referer", "user-agent")


def sender_of_scope(scope: Mapping[str, Any]) -> Sender:
    """Of an ASGI request."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    peer = scope.get("client")
    return Sender(peer[0] if peer else "", *(",".join(found.get(name, ())) for name in _HEADERS))


def sender_of_environ(environ: Mapping[str, Any]) -> Sender:
    """Of a WSGI request."""
    names = ("HTTP_" + name.upper().replace("-", "_") for name in _HEADERS)
    names = ("CONTENT_TYPE" if name == "HTTP_CONTENT_TYPE" else name for name in names)
    return Sender(environ.get("REMOTE_ADDR") or "", *(environ.get(name) or "" for name in names))


class Beacon:
    """Answers 204, or says in a problem document (RFC 9457) why not: 403, 405, 413, 422, 429."""

    def __init__(self, options: Vitals, metrics: Metrics) -> None:
        """Raises ConfigurationError."""
        self._vitals = WebVitals(metrics, pages=options.pages)
        if isinstance(options.origins, str):
            raise ConfigurationError(
                f"origins={options.origins!r}: must be several, such as ('https://m.shop.example',)"
            )
        self._origins = frozenset(map(_origin, options.origins))
        self._clients = Clients(options.trusted_proxies)
        self._limit = None if options.rate is None else RateLimit(options.rate, name="web vitals")
        self._robots = options.robots

    def refusal(self, method: str, sender: Sender) -> Page | None:
        """The answer to what is not taken; its body need not be read."""
        if method != _METHOD:
            page = _problem(405, "method_not_allowed", "Web vitals are sent by POST")
            return page._replace(headers=(("Allow", _METHOD),))
        if not self._is_of_this_site(sender):
            return _problem(403, "other_site", "Web vitals of other sites are not taken")
        if self._limit is not None:
            wait = self._limit.acquire(self._clients.name(sender.peer, sender.forwarded))
            if wait > 0:
                page = _problem(429, "too_many_requests", "Too many web vitals of one client")
                return page._replace(headers=(("Retry-After", str(math.ceil(wait))),))
        return None

    def receive(self, body: bytes | None, sender: Sender) -> Page:
        """Count a beacon; None is a body of more than MAX_BODY bytes."""
        if body is None:
            return _problem(413, "body_too_large", f"A beacon may have at most {MAX_BODY // 1024} KiB")
        if not self._robots and _ROBOT.search(sender.agent):
            return Page(204)
        try:
            self._vitals.receive(body, sender.content_type, _page(sender.referer))
        except InvalidVitals as error:
            errors = [{"field": error.field, "message": error.reason}]
            return _problem(422, error.code, str(error), errors=errors)
        return Page(204)

    def _is_of_this_site(self, sender: Sender) -> bool:
        """What a browser says of itself; a program that says nothing may send what it likes anyway."""
        origin = _origin(sender.origin)
        if origin in self._origins:
            return True
        if sender.site:
            return sender.site in _OWN
        scheme, _, _ = origin.partition("://")
        return not origin or origin == _origin(f"{scheme}://{sender.host}")


def _origin(text: str) -> str:
    """As browsers write it: in small letters, and without the port that goes without saying."""
    text = text.lower()
    return next((text.removesuffix(port) for scheme, port in _PORTS if text.startswith(scheme)), text)


def _page(referer: str) -> str:
    """The path of what anybody may have written."""
    try:
        return urlsplit(referer).path
    except ValueError:
        return ""


def _problem(status: int, code: str, detail: str, **more: Any) -> Page:
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return Page(status, "application/problem+json", json.dumps(problem | more).encode())
