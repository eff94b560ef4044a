"""Answers of the middlewares' own, sent in place of the application's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from mestres_perf.http._page import Page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]


def problem(status: HTTPStatus, headers: Mapping[str, str] | None = None, *, detail: str = "") -> Page:
    """A problem document (RFC 9457) without a type of its own: the status says it all."""
    document: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status)}
    if detail:
        document["detail"] = detail
    return Page(int(status), "application/problem+json", json.dumps(document).encode(), tuple((headers or {}).items()))


async def aanswer(page: Page, method: str, send: Send) -> None:
    """Send a page to an ASGI server."""
    await send({"type": "http.response.start", "status": page.status, "headers": raw(page.all_headers())})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else page.body})


def answer(page: Page, method: str, start_response: StartResponse) -> list[bytes]:
    """Give a page to a WSGI server."""
    start_response(line_of(page.status), page.all_headers())
    return [] if method == "HEAD" else [page.body]


def line_of(status: int) -> str:
    """A status line as WSGI wants it."""
    return f"{status} {HTTPStatus(status).phrase}"


def raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI sends them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """ASGI's headers, to look for one at once; None where a name is not in lower case, as it ought to be."""
    found = dict(headers)
    return found if b"".join(found).islower() else None


def text(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as WSGI sends them."""
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers]
