"""The ASGI skin of the response cache: CacheMiddleware."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mestres_perf._kernel.background import aspawn
from mestres_perf.cache import Cache
from mestres_perf.http import _freshness as rules
from mestres_perf.http._fills import Steps
from mestres_perf.http._recording import NOT_MODIFIED, Chunk, Part, Parts, Recording, Start, condition
from mestres_perf.http._responses import SAFE, Asked, Hit, Lead, Outcome, Policy, Responses
from mestres_perf.http._urls import Urls, written
from mestres_perf.http.asgi import App, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
_OK, _GATEWAY_TIMEOUT = 200, 504
_NOT_FOR_US = frozenset({b"if-match", b"if-range", b"if-unmodified-since", b"range", b"transfer-encoding", b"upgrade"})
_CONDITIONS = frozenset({b"if-modified-since", b"if-none-match"})
_WISHES = frozenset({b"cache-control", b"pragma"})
_LABELS = {"hit": (b"x-cache", b"hit"), "stale": (b"x-cache", b"stale")}


class CacheMiddleware:
    """Remembers the responses of an ASGI application in a `Cache`, by the rules of HTTP (RFC 9111) for shared caches.

    A response to GET is stored when it says for how long it is fresh (`s-maxage`, `max-age`, `Expires`), or for
    `default_ttl` seconds when that is given and it says nothing; never what is private, sets a cookie or answers a
    request with Authorization without saying that it is public. Responses are kept apart by their `Vary`, at most
    `max_variants` of one URL. Bodies of more than `max_body` bytes pass through. Of many who ask at once for what can
    be shared, one reaches the application; the others wait, `patience` seconds at most. For what cannot be shared
    nobody waits, for `remember_uncacheable` seconds.

    `stale_while_revalidate` and `stale_if_error` (RFC 5861) hold where a response says nothing of them. The header
    `tag_header` names tags, and so does `tags(path)`: `cache.invalidate_tags(...)` removes all responses with one.
    An unsafe request that succeeds removes what is stored of its own URL. `ignore_query` and `sort_query` make
    different queries one. `clock` gives seconds since 1970. Raises ConfigurationError.
    """

    def __init__(
        self,
        app: App,
        cache: Cache,
        *,
        default_ttl: float | None = None,
        stale_while_revalidate: float = 0.0,
        stale_if_error: float = 0.0,
        max_body: int = 1024 * 1024,
        max_variants: int = 32,
        patience: float = 5.0,
        remember_uncacheable: float = 10.0,
        tag_header: str = "Cache-Tag",
        tags: Callable[[str], Iterable[str]] | None = None,
        ignore_query: Iterable[str] = (),
        sort_query: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        policy = Policy(
            default_ttl=default_ttl,
            stale_while_revalidate=stale_while_revalidate,
            stale_if_error=stale_if_error,
            max_body=max_body,
            max_variants=max_variants,
            patience=patience,
            remember_uncacheable=remember_uncacheable,
            tag_header=tag_header,
            tags=tags,
        )
        urls = Urls(ignore_query=ignore_query, sort_query=sort_query)
        self._responses = Responses(cache, urls, policy, clock, is_async=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            await self._serve(scope, receive, send)
        elif scope["method"] in SAFE:
            await self.app(scope, receive, send)
        else:
            await self._change(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._asked(scope)
        if asked is None:
            await self.app(scope, receive, self._passing(None, send))
            return
        found: Any = self._responses.at_hand(asked)
        if found is None:
            found = await self._perform(self._responses.find(asked))
        if isinstance(found, Hit):
            await self._give(found, asked, scope, send)
        elif isinstance(found, Lead):
            await self._lead(found, asked, scope, receive, send)
        elif found is Outcome.NOT_CACHED:
            await _send(Start(_GATEWAY_TIMEOUT, [("content-length", "0"), ("cache-control", "no-store")]), send)
            await _send(Chunk(b"", more=False), send)
        else:
            await self.app(scope, receive, self._passing(asked, send))

    async def _perform(self, plan: Steps) -> Any:
        return await self._responses.cache.aperform(plan)

    def _asked(self, scope: Scope) -> Asked | None:
        """What is asked for; None when it is nothing for a cache: a range, a GET with a body, no-store."""
        sent = scope["headers"]
        headers: dict[bytes, bytes] = dict(sent)
        if len(headers) != len(sent):
            headers = _joined(sent)
        if not _NOT_FOR_US.isdisjoint(headers) or headers.get(b"content-length", b"0") != b"0":
            return None
        key = self._key(scope, headers)
        wish = rules.CONTENT
        if not _WISHES.isdisjoint(headers):
            control, pragma = headers.get(b"cache-control", b""), headers.get(b"pragma", b"")
            wish = rules.wish(control.decode("latin-1"), pragma.decode("latin-1"))
        if key is None or wish.no_store:
            return None

        def header(name: str) -> str:
            return headers.get(name.encode("latin-1", "replace"), b"").decode("latin-1")

        return Asked(key, scope["path"], scope["method"] == "HEAD", b"authorization" in headers, wish, header)

    def _key(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not host:
            name, port = scope.get("server") or ("", None)
            host = str(name) if port is None else f"{name}:{port}"
        raw: bytes | None = scope.get("raw_path")
        path, root = str(scope["path"]), str(scope.get("root_path", ""))
        full = raw.partition(b"?")[0].decode("latin-1") if raw else written(path, "utf-8")
        if root and not path.startswith(root):
            full = written(root, "utf-8") + full
        return self._responses.urls.key(
            str(scope.get("scheme", "http")), host, full, bytes(scope.get("query_string", b"")).decode("latin-1")
        )

    async def _give(self, hit: Hit, asked: Asked, scope: Scope, send: Send) -> None:
        """Send a stored response; the renewal of a stale one begins before, and nobody waits for it."""
        if hit.renew is not None and self._responses.begins_renewal(hit.renew):
            aspawn(self._renew(hit, hit.renew, asked, _background(scope)))
        stored = hit.stored
        headers = stored.raw_headers()
        headers += ((b"age", b"%d" % hit.age), _LABELS[hit.label])
        status, body = stored.status, b"" if asked.is_head else stored.body
        if status == _OK and asked.is_conditional:
            plain = [*stored.headers(), ("age", str(hit.age)), ("x-cache", hit.label)]
            if asked.has(rules.combined(plain)):
                status, headers, body = NOT_MODIFIED, _encoded(rules.without_body(plain)), b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _lead(self, lead: Lead, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application, for all who wait."""
        recording = Recording(self._responses, asked, lead)
        tee = _Tee(self, recording, receive, send)
        try:
            _unconditional(scope, lead)
            await self.app(scope, tee.receive, tee.send)
        except Exception:
            if tee.is_gone:
                await self._perform(recording.abandon())
                raise
            parts = await self._perform(recording.fail())
            if parts is None:
                raise
            _log.exception("the application failed: a stale response was given out in its place")
            await _send_all(parts, send)
        except BaseException:
            await self._perform(recording.abandon())
            raise
        else:
            await tee.end()

    async def _renew(self, hit: Hit, key: str, asked: Asked, scope: Scope) -> None:
        """Ask the application for a newer response, for nobody in particular."""
        try:
            lead = await self._perform(self._responses.renewal(hit, asked))
            if lead is not None:
                await self._lead(lead, asked, scope, _nothing_more(), _nobody)
        except Exception:  # noqa: BLE001 - whoever asks next tries again
            _log.exception("a stale response could not be renewed")
        finally:
            self._responses.ends_renewal(key)

    def _passing(self, asked: Asked | None, send: Send) -> Send:
        """What the application sends goes on as it is, without its tags."""

        async def passed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _decoded(message.get("headers", ()))
                sent, _ = self._responses.told(headers)
                if asked is not None:
                    self._responses.watched(asked, message["status"], sent)
                if len(sent) != len(headers):
                    message = {**message, "headers": _encoded(sent)}
            await send(message)

        return passed

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An unsafe request: what it changes is forgotten before the client is told, and again when all is done.

        Some applications commit when they have answered: what was read between the two was old.
        """
        key = self._key(scope, _joined(scope["headers"]))
        changed: tuple[str, ...] = ()

        async def told(message: Message) -> None:
            nonlocal changed
            if message["type"] == "http.response.start":
                headers = _decoded(message.get("headers", ()))
                sent, _ = self._responses.told(headers)
                if key is not None:
                    changed = self._responses.changed(key, message["status"], sent)
                    await self._responses.cache.ainvalidate_tags(*changed)
                if len(sent) != len(headers):
                    message = {**message, "headers": _encoded(sent)}
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            if changed:
                await self._responses.cache.ainvalidate_tags(*changed)


class _Tee:
    """What the application is given in place of the server's `receive` and `send` while its response is copied."""

    def __init__(self, face: CacheMiddleware, recording: Recording, receive: Receive, send: Send) -> None:
        self.is_gone = False
        self._recording = recording
        self._perform = face._perform  # noqa: SLF001 - of the same file
        self._receive = receive
        self._send = send
        self._is_complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_gone = True
        return message

    async def send(self, message: Message) -> None:
        recording, kind = self._recording, message["type"]
        if recording.is_over:
            await self._pass(message)
        elif kind == "http.response.start":
            parts = await self._perform(recording.begin(message["status"], _decoded(message.get("headers", ()))))
            if message.get("trailers"):
                parts += await self._perform(recording.leave())
            await self._emit(parts, message)
        elif kind == "http.response.body":
            await self._body(message)
        elif not recording.has_begun:
            await self._pass(message)  # early hints, a server's own extensions
        else:  # the server is to send a file by itself, or trailers: nothing that could be copied
            await self._emit(await self._perform(recording.leave()))
            if not recording.is_mute:
                await self._pass(message)

    async def _body(self, message: Message) -> None:
        more = bool(message.get("more_body", False))
        if self.is_gone and not more:  # an application that was told so ends early, and says that this is all
            await self._perform(self._recording.abandon())
        self._is_complete = self._is_complete or not more
        await self._emit(await self._perform(self._recording.chunk(bytes(message.get("body", b"")), more=more)))

    async def end(self) -> None:
        """The application has returned."""
        if self._is_complete or self._recording.is_over:
            return
        if self.is_gone:
            await self._perform(self._recording.abandon())
        else:
            await self._emit(await self._perform(self._recording.leave()))

    async def _emit(self, parts: Parts, message: Message | None = None) -> None:
        for part in parts:
            sent = _message(part)
            await self._pass({**message, **sent} if message is not None and isinstance(part, Start) else sent)

    async def _pass(self, message: Message) -> None:
        try:
            await self._send(message)
        except BaseException:
            self.is_gone = True
            raise


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers]


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _message(part: Part) -> Message:
    if isinstance(part, Start):
        return {"type": "http.response.start", "status": part.status, "headers": _encoded(part.headers)}
    return {"type": "http.response.body", "body": part.data, "more_body": part.more}


async def _send(part: Part, send: Send) -> None:
    await send(_message(part))


async def _send_all(parts: Parts, send: Send) -> None:
    for part in parts:
        await _send(part, send)


def _unconditional(scope: Scope, lead: Lead) -> None:
    """Make it a request for the whole response; or for what has changed since the stale one.

    The same scope goes on: who watches from outside looks into it for what the application has put there.
    """
    headers = [each for each in scope["headers"] if each[0] not in _CONDITIONS]
    if lead.stale is not None:
        headers += _encoded(condition(lead.stale))
    if lead.stale is not None or len(headers) != len(scope["headers"]):
        scope["headers"] = headers


def _background(scope: Scope) -> Scope:
    """The scope of a request that nobody waits for: nothing in it leads to the client's connection."""
    own = {key: value for key, value in scope.items() if key not in {"extensions", "app", "endpoint", "router"}}
    if "state" in own:
        own["state"] = dict(own["state"])
    return {**own, "method": "GET", "headers": list(scope["headers"])}


def _nothing_more() -> Receive:
    """A client that has sent everything, and waits."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def _nobody(_message: Message) -> None:
    pass
