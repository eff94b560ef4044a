"""Compression of responses: CompressionMiddleware and its WSGI twin.

Invariants: what a client is sent can be decoded to exactly what the application sent, and each chunk as soon as it was
sent; Content-Length is right or not there; a response is untouched wherever HTTP forbids to touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from mestres_perf.errors import ConfigurationError
from mestres_perf.http import _compressors
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
    by_name,
    raw,
    text,
)
from mestres_perf.http._compressors import Compressor, Maker
from mestres_perf.http._encoding import TYPES, chosen, encoded, is_encodable, length_of, not_modified, varying
from mestres_perf.http._ending import is_file
from mestres_perf.http._freshness import combined
from mestres_perf.http._paths import excluded, path_of

_MOST_GZIP, _MOST_ZSTD = 9, 19
_NOT_MODIFIED = 304
_MANY_DIGITS = 16
_LONG: Final = 128 * 1024  # to compress more takes longer than a loop should be held up for


class _Compression:
    """What both skins share: the options, and what becomes of one response."""

    def __init__(
        self,
        *,
        minimum_size: int,
        level: int,
        zstd: bool | None,
        zstd_level: int,
        types: Iterable[str],
        exclude: Iterable[str],
        opt_out_header: str,
    ) -> None:
        if type(minimum_size) is not int or minimum_size < 0:
            raise ConfigurationError(f"minimum_size={minimum_size!r}: must be a number of bytes of at least 0")
        self.minimum_size = minimum_size
        self.types = _types(types)
        self.excluded = excluded(exclude)
        if not isinstance(opt_out_header, str) or not opt_out_header.strip():
            raise ConfigurationError(f"opt_out_header={opt_out_header!r}: must be the name of a header")
        self._opt_out = opt_out_header.lower()
        self._raw_opt_out = self._opt_out.encode("latin-1", "replace")
        self._makers: dict[str, Maker] = {}
        fast = None if zstd is False else _compressors.zstd(_level("zstd_level", zstd_level, _MOST_ZSTD))
        if fast is not None:
            self._makers["zstd"] = fast
        elif zstd:
            raise ConfigurationError("zstd=True: there is no zstd here before Python 3.14; pip install 'mestres[zstd]'")
        self._makers["gzip"] = _compressors.gzip(_level("level", level, _MOST_GZIP))
        self._offers = tuple(self._makers)

    def begin(self, status: int, headers: Headers, asked: _Asked) -> tuple[Headers, _Encoding | None]:
        """The headers of a response; and how it is encoded, when its body is long enough.

        The headers are those of the response as it is, for when it is not.
        """
        allowed = [each for each in headers if each[0].lower() != self._opt_out]
        if len(allowed) != len(headers):
            return allowed, None
        if status == _NOT_MODIFIED:
            return not_modified(headers, asked.if_none_match), None
        if not is_encodable(status, headers, self.types):
            return headers, None
        length = length_of(combined(headers))
        if length is not None and length < self.minimum_size:
            return headers, None
        sent, coding = varying(headers), chosen(asked.accepts, self._offers)
        if not coding or asked.is_head:
            return sent, None
        return sent, _Encoding(self, coding, sent, length)

    def is_small(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether ASGI's headers say that the body is too short to be touched, and nothing else that matters here."""
        known = by_name(headers)
        if known is None or self._raw_opt_out in known:
            return False
        length = known.get(b"content-length", b"")
        return len(length) < _MANY_DIGITS and length.isdigit() and int(length) < self.minimum_size

    def make(self, coding: str) -> Compressor:
        """A compressor for one body."""
        return self._makers[coding]()


class _Asked:
    """What a request says of encodings."""

    __slots__ = ("accepts", "if_none_match", "is_head")

    def __init__(self, method: str, accepts: str, if_none_match: str) -> None:
        self.is_head = method == "HEAD"
        self.accepts = accepts
        self.if_none_match = if_none_match


class _Encoding:
    """One response that is to be encoded."""

    def __init__(self, face: _Compression, coding: str, headers: Headers, length: int | None) -> None:
        self.headers = headers
        self._face = face
        self._coding = coding
        self._length = length
        self._compressor: Compressor | None = None

    def is_all(self, data: bytes) -> bool:
        """Whether a first chunk is all that the application has announced."""
        return self._length is not None and len(data) == self._length

    def whole(self, data: bytes) -> tuple[Headers, bytes]:
        """A complete body: as it is, when it is short or would not become shorter."""
        if len(data) >= self._face.minimum_size:
            packed = self._face.make(self._coding).end(data)
            if len(packed) < len(data):
                return encoded(self.headers, self._coding, len(packed)), packed
        return self.headers, data

    def stream(self) -> Headers:
        """The headers of a body that comes chunk by chunk."""
        self._compressor = self._face.make(self._coding)
        return encoded(self.headers, self._coding, None)

    def chunk(self, data: bytes, *, more: bool) -> bytes:
        """What is sent for a chunk of a stream."""
        assert self._compressor is not None
        if not more:
            return self._compressor.end(data)
        return self._compressor.chunk(data) if data else b""


class CompressionMiddleware:
    """Compresses the responses of an ASGI application: gzip always, zstd where it is installed and accepted.

    A response in one piece has an exact Content-Length; of a stream each chunk can be decoded as soon as it has come,
    and there is no Content-Length. No body is touched that is known to have less than `minimum_size` bytes, none that
    is not of one of `types` (a `*` stands for any letters; server-sent events are none of them), and nothing that HTTP
    forbids to touch: with no-transform, a range, encoded already. A strong ETag becomes a weak one, and Vary names
    Accept-Encoding.

    Where a secret stands on one page with what a stranger may put there, the length of the compressed page tells of it
    (BREACH): paths in `exclude`, and all below them, are never compressed, nor is a response that has the header
    `opt_out_header`, which is taken away. `level` is that of gzip, 1 to 9, `zstd_level` 1 to 19; with `zstd=True` there
    must be a zstd, with False there is none.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        minimum_size: int = 500,
        level: int = 6,
        zstd: bool | None = None,
        zstd_level: int = 3,
        types: Iterable[str] = TYPES,
        exclude: Iterable[str] = (),
        opt_out_header: str = "X-No-Compression",
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._face = _Compression(
            minimum_size=minimum_size,
            level=level,
            zstd=zstd,
            zstd_level=zstd_level,
            types=types,
            exclude=exclude,
            opt_out_header=opt_out_header,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._face.excluded:
            await self.app(scope, receive, send)
            return
        sender = _Sender(self._face, scope, send)
        await self.app(scope, receive, sender.send)
        if sender.held is not None:
            await sender.end()


class _Sender:
    """What an ASGI application is given in place of the server's `send`: the start waits for the first of the body."""

    __slots__ = ("_encoding", "_face", "_scope", "_send", "held")

    def __init__(self, face: _Compression, scope: Scope, send: Send) -> None:
        self._face = face
        self._scope = scope
        self._send = send
        self.held: Message | None = None
        self._encoding: _Encoding | None = None

    async def send(self, message: Message) -> None:
        """A message of the application's."""
        kind = message["type"]
        if kind == "http.response.start":
            if not self._leaves(message):
                message = self._started(message)
            if self._encoding is None:
                await self._send(message)
            else:
                self.held = message
        elif kind == "http.response.body" and self._encoding is not None:
            await self._body(self._encoding, message)
        else:
            if self.held is not None:
                await self.end()  # a file that the server sends by itself
            await self._send(message)

    def _leaves(self, message: Message) -> bool:
        if message.get("trailers"):
            return True
        return message["status"] != _NOT_MODIFIED and self._face.is_small(message.get("headers", ()))

    def _started(self, message: Message) -> Message:
        given = text(message.get("headers", ()))
        headers, self._encoding = self._face.begin(message["status"], given, _asked_of(self._scope))
        return message if headers is given else {**message, "headers": raw(headers)}

    async def _body(self, encoding: _Encoding, message: Message) -> None:
        data, more = bytes(message.get("body", b"")), bool(message.get("more_body", False))
        held, self.held = self.held, None
        if held is None:
            packed = await _beside(data, lambda: encoding.chunk(data, more=more))
            if packed or not more:
                await self._send({**message, "body": packed})
        elif not more or encoding.is_all(data):
            headers, packed = await _beside(data, lambda: encoding.whole(data))
            self._encoding = None  # what may still come says only that this was all
            await self._send({**held, "headers": raw(headers)})
            await self._send({**message, "body": packed})
        else:
            headers = encoding.stream()
            packed = await _beside(data, lambda: encoding.chunk(data, more=True))
            await self._send({**held, "headers": raw(headers)})
            await self._send({**message, "body": packed})

    async def end(self) -> None:
        """Nothing follows that could be compressed: send what was held, as it is."""
        held, self.held, self._encoding = self.held, None, None
        if held is not None:
            await self._send(held)


class WSGICompressionMiddleware:
    """Compresses the responses of a WSGI application: the twin of CompressionMiddleware, with the same options.

    A file that the server sends by itself (`wsgi.file_wrapper`) is left to it.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        minimum_size: int = 500,
        level: int = 6,
        zstd: bool | None = None,
        zstd_level: int = 3,
        types: Iterable[str] = TYPES,
        exclude: Iterable[str] = (),
        opt_out_header: str = "X-No-Compression",
    ) -> None:
        """Raises ConfigurationError."""
        self.app = app
        self._face = _Compression(
            minimum_size=minimum_size,
            level=level,
            zstd=zstd,
            zstd_level=zstd_level,
            types=types,
            exclude=exclude,
            opt_out_header=opt_out_header,
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if path_of(environ) in self._face.excluded:
            return self.app(environ, start_response)
        accepts, tags = environ.get("HTTP_ACCEPT_ENCODING", ""), environ.get("HTTP_IF_NONE_MATCH", "")
        starter = _Starter(self._face, _Asked(environ["REQUEST_METHOD"], accepts, tags), start_response)
        body = self.app(environ, starter)
        if is_file(environ, body):
            starter.leave()
            return body
        if type(body) in (list, tuple) and starter.holds:  # what is more than that may want to be closed
            return [starter.whole(b"".join(body))]
        return body if starter.is_passing else _Body(body, starter)


class _Starter:
    """What a WSGI application is given in place of the server's `start_response`."""

    def __init__(self, face: _Compression, asked: _Asked, start_response: StartResponse) -> None:
        self._face = face
        self._asked = asked
        self._start_response = start_response
        self._status = ""
        self._encoding: _Encoding | None = None
        self._writes: Callable[[bytes], Any] | None = None
        self.holds = False

    @property
    def is_passing(self) -> bool:
        """Whether the body goes out as the application makes it."""
        return self._writes is not None and self._encoding is None

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        if exc_info is not None and self._writes is not None:  # the server raises it, if the start has gone out
            self._encoding = None
            return self._started(self._start_response(status, headers, exc_info))
        sent, self._encoding = self._face.begin(int(status[:3]), headers, self._asked)
        self._status, self.holds = status, self._encoding is not None
        if self._encoding is not None:
            return self._write
        arguments = (exc_info,) if exc_info else ()
        return self._started(self._start_response(status, sent, *arguments))

    def _started(self, writes: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        self._writes = writes
        return writes

    def whole(self, data: bytes) -> bytes:
        """Start a response that is complete."""
        assert self._encoding is not None
        headers, packed = self._encoding.whole(data)
        self._release(headers)
        self._encoding = None
        return packed

    def chunk(self, data: bytes) -> bytes:
        """What is sent for a chunk."""
        encoding = self._encoding
        if encoding is None:
            return data
        if self.holds:
            if encoding.is_all(data):
                return self.whole(data)
            self._release(encoding.stream())
        return encoding.chunk(data, more=True)

    def end(self) -> bytes:
        """What is sent when the application has no more."""
        encoding = self._encoding
        if encoding is None:
            return b""
        if self.holds:
            return self.whole(b"")
        self._encoding = None
        return encoding.chunk(b"", more=False)

    def leave(self) -> None:
        """Send what was held, as it is."""
        encoding, self._encoding = self._encoding, None
        if encoding is not None and self.holds:
            self._release(encoding.headers)

    def _release(self, headers: Headers) -> None:
        self.holds = False
        self._started(self._start_response(self._status, headers))

    def _write(self, data: bytes) -> None:
        """What old applications send bodies with."""
        packed = self.chunk(data)
        assert self._writes is not None
        self._writes(packed)


class _Body:
    """The application's body, compressed as the server takes it. It has no length: servers take one for a list's."""

    def __init__(self, body: Iterable[bytes], starter: _Starter) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._starter = starter
        self._is_ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = iter(self._body)
        while not self._is_ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._is_ended = True
                packed = self._starter.end()
            else:
                packed = self._starter.chunk(chunk) if chunk else b""
            if packed:
                return packed
        raise StopIteration

    def close(self) -> None:
        """The server is done."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


async def _beside(data: bytes, work: Callable[[], Any]) -> Any:
    """Do it here, or in a thread when it takes long: the other requests of this loop go on."""
    return await asyncio.to_thread(work) if len(data) > _LONG else work()


def _asked_of(scope: Scope) -> _Asked:
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in {b"accept-encoding", b"if-none-match"}:
            found[name] = found[name] + b", " + value if name in found else value
    accepts, tags = found.get(b"accept-encoding", b""), found.get(b"if-none-match", b"")
    return _Asked(scope["method"], accepts.decode("latin-1"), tags.decode("latin-1"))


def _level(label: str, given: object, most: int) -> int:
    if type(given) is not int or not 1 <= given <= most:
        raise ConfigurationError(f"{label}={given!r}: must be a whole number from 1 to {most}")
    return given


def _types(given: Iterable[str]) -> tuple[str, ...]:
    types = () if isinstance(given, str) else tuple(given)
    if not types or not all(isinstance(each, str) and each.count("/") == 1 for each in types):
        raise ConfigurationError(f"types={given!r}: must be media types, such as ('text/*', 'application/json')")
    return types
