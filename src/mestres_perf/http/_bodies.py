"""A request's body, read up to a limit: None when there is more, or when the client says that there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

_CHUNK = 64 * 1024
_MOST_DIGITS = 16


class ClientGone(Exception):
    """The client went away before its body was complete: there is nobody to answer."""


async def read_asgi(
    scope: Mapping[str, Any], receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limit: int
) -> bytes | None:
    """Read an ASGI request. Raises ClientGone."""
    if (_length(header(scope, b"content-length")) or 0) > limit:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def read_wsgi(environ: Mapping[str, Any], limit: int) -> bytes | None:
    """Read a WSGI request: as far as its Content-Length, or to its end where the server marks that (chunked bodies).

    Without either nothing can be read: some servers would wait for ever. What a client promised and did not send is
    missing at the end.
    """
    length = _length(environ.get("CONTENT_LENGTH") or "")
    if length is not None and length > limit:
        return None
    wanted = limit + 1 if environ.get("wsgi.input_terminated") and length is None else length or 0
    body = bytearray()
    while len(body) < wanted:
        chunk = environ["wsgi.input"].read(min(_CHUNK, wanted - len(body)))
        if not chunk:
            break
        body += chunk
    return bytes(body) if len(body) <= limit else None


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """A header of an ASGI request, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def _length(text: str) -> int | None:
    return int(text.lstrip("0")[:_MOST_DIGITS] or "0") if text.isascii() and text.isdigit() else None
