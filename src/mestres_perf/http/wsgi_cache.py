"""The WSGI skin of the response cache: WSGICacheMiddleware."""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mestres_perf._kernel.background import spawn
from mestres_perf.cache import Cache
from mestres_perf.http import _freshness as rules
from mestres_perf.http._fills import Steps
from mestres_perf.http._recording import Parts, Recording, Start, condition, parts_of
from mestres_perf.http._responses import PHRASES, SAFE, Asked, Hit, Lead, Outcome, Policy, Responses
from mestres_perf.http._urls import Urls, written
from mestres_perf.http.wsgi import App, Environ, StartResponse

_log = logging.getLogger(__name__)
_NOT_FOR_US = frozenset(
    {
        "HTTP_IF_MATCH",
        "HTTP_IF_RANGE",
        "HTTP_IF_UNMODIFIED_SINCE",
        "HTTP_RANGE",
        "HTTP_TRANSFER_ENCODING",
        "HTTP_UPGRADE",
    }
)
_CONDITIONS = frozenset({"HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"})
_WITHOUT_PREFIX = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE"})
_KEPT = frozenset(
    {"wsgi.multiprocess", "wsgi.multithread", "wsgi.run_once", "wsgi.url_scheme", "wsgi.version"},
)


class WSGICacheMiddleware:
    """Remembers the responses of a WSGI application: the twin of CacheMiddleware, with the same options."""

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
        self._responses = Responses(cache, urls, policy, clock, is_async=False)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        method = environ["REQUEST_METHOD"]
        if method in {"GET", "HEAD"}:
            return self._serve(environ, start_response)
        if method in SAFE:
            return self.app(environ, start_response)
        return self._change(environ, start_response)

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        asked = self._asked(environ)
        if asked is None:
            return self.app(environ, self._passing(None, start_response))
        found: Any = self._responses.at_hand(asked)
        if found is None:
            found = self._perform(self._responses.find(asked))
        if isinstance(found, Hit):
            return self._give(found, asked, environ, start_response)
        if isinstance(found, Lead):
            return self._lead(found, asked, environ, start_response)
        if found is Outcome.NOT_CACHED:
            start_response("504 Gateway Timeout", [("Content-Length", "0"), ("Cache-Control", "no-store")])
            return []
        return self.app(environ, self._passing(asked, start_response))

    def _perform(self, plan: Steps) -> Any:
        return self._responses.cache.perform(plan)

    def _asked(self, environ: Environ) -> Asked | None:
        """What is asked for; None when it is nothing for a cache: a range, a GET with a body, no-store."""
        if not _NOT_FOR_US.isdisjoint(environ) or environ.get("CONTENT_LENGTH") not in {None, "", "0"}:
            return None
        key, wish = self._key(environ), rules.CONTENT
        if "HTTP_CACHE_CONTROL" in environ or "HTTP_PRAGMA" in environ:
            wish = rules.wish(environ.get("HTTP_CACHE_CONTROL", ""), environ.get("HTTP_PRAGMA", ""))
        if key is None or wish.no_store:
            return None
        path, is_head = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"] == "HEAD"
        return Asked(key, _text(path), is_head, "HTTP_AUTHORIZATION" in environ, wish, _header_of(environ))

    def _key(self, environ: Environ) -> str | None:
        host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        scheme, query = environ.get("wsgi.url_scheme", "http"), environ.get("QUERY_STRING", "")
        return self._responses.urls.key(scheme, host, written(path, "latin-1"), query)

    def _give(self, hit: Hit, asked: Asked, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send a stored response; the renewal of a stale one begins before, and nobody waits for it."""
        key = hit.renew
        if key is not None and self._responses.begins_renewal(key):
            again = _background(environ)
            spawn(lambda: self._renew(hit, key, asked, again))
        return _start(parts_of(hit.stored, asked, hit.age, hit.label), start_response)

    def _lead(self, lead: Lead, asked: Asked, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Ask the application, for all who wait."""
        copied = _Copied(self, Recording(self._responses, asked, lead), start_response)
        _unconditional(asked, environ, lead)
        return copied.begin(self.app, environ)

    def _renew(self, hit: Hit, key: str, asked: Asked, environ: Environ) -> None:
        """Ask the application for a newer response, for nobody in particular."""
        try:
            lead = self._perform(self._responses.renewal(hit, asked))
            if lead is not None:
                body = self._lead(lead, asked, environ, _nobody)
                try:
                    for _ in body:
                        pass
                finally:
                    close = getattr(body, "close", None)
                    if close is not None:
                        close()
        except Exception:  # noqa: BLE001 - whoever asks next tries again
            _log.exception("a stale response could not be renewed")
        finally:
            self._responses.ends_renewal(key)

    def _passing(self, asked: Asked | None, start_response: StartResponse) -> StartResponse:
        """What the application sends goes on as it is, without its tags."""

        def passed(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            sent, _ = self._responses.told(headers)
            if asked is not None:
                self._responses.watched(asked, int(status[:3]), sent)
            return start_response(status, sent, *exc_info)

        return passed

    def _change(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """An unsafe request: what it changes is forgotten before the client is told, and again when all is done.

        Some applications commit when they have answered: what was read between the two was old.
        """
        key = self._key(environ)
        changed: tuple[str, ...] = ()

        def told(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal changed
            sent, _ = self._responses.told(headers)
            if key is not None:
                changed = self._responses.changed(key, int(status[:3]), sent)
                self._responses.cache.invalidate_tags(*changed)
            return start_response(status, sent, *exc_info)

        def done() -> None:
            if changed:
                self._responses.cache.invalidate_tags(*changed)

        return _Watched(self.app(environ, told), done)


class _Watched:
    """A body whose end, whichever way it comes, is told. It has no length: servers take one for a list's."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """The server is done."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._done()


class _Copied:
    """A response that is copied as the server takes it: `_ready` is what he is given next."""

    def __init__(self, face: WSGICacheMiddleware, recording: Recording, start_response: StartResponse) -> None:
        self._recording = recording
        self._perform = face._perform  # noqa: SLF001 - of the same file
        self._start_response = start_response
        self._server_writes: Callable[[bytes], Any] | None = None
        self._body: Iterable[bytes] = ()
        self._chunks: Iterator[bytes] | None = None
        self._ready: list[bytes] = []
        self._error: Exception | None = None
        self._is_ended = False

    def begin(self, app: App, environ: Environ) -> Iterable[bytes]:
        """Call the application. A body that is not to be copied is given to the server as it is."""
        try:
            body = self._body = app(environ, self._start)
        except Exception as error:  # noqa: BLE001 - raised again, unless something stale goes out in its place
            self._failed(error)
            return self._ready
        except BaseException:
            self._perform(self._recording.abandon())
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper) and not self._recording.is_mute:
            self._tell(self._perform(self._recording.leave()))  # the server sends the file itself
        return body if self._recording.is_over else self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._ready:
            if self._is_ended:
                raise StopIteration
            self._pull()
        return self._ready.pop(0)

    def close(self) -> None:
        """The server is done; when it has not taken everything, the client has gone."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            if not self._is_ended:
                self._perform(self._recording.abandon())

    def _pull(self) -> None:
        """Take the next part of the application's body."""
        try:
            chunk = self._next()
        except Exception as error:  # noqa: BLE001 - as above
            self._is_ended = True
            self._failed(error)
        except BaseException:
            self._perform(self._recording.abandon())
            raise
        else:
            self._take(chunk)

    def _next(self) -> bytes | None:
        if self._error is not None:
            raise self._error
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks, None)

    def _take(self, chunk: bytes | None) -> None:
        if chunk is None:
            self._is_ended = True
            if self._recording.has_begun:
                self._copy(b"", more=False)
            return
        is_only = isinstance(self._body, (list, tuple)) and len(self._body) == 1
        rest = self._rest() if is_only or self._recording.is_full_with(len(chunk)) else b""
        self._is_ended = rest is None
        self._copy(chunk, more=rest is not None)
        if rest:
            self._copy(rest, more=True)

    def _rest(self) -> bytes | None:
        """What follows on what should be all of it; None when nothing does."""
        assert self._chunks is not None
        try:
            return next((each for each in self._chunks if each), None)
        except Exception as error:  # noqa: BLE001 - raised when the client has what there is
            self._error = error
            return b""

    def _copy(self, data: bytes, *, more: bool) -> None:
        if self._recording.is_over:
            self._ready.append(data)
        else:
            self._tell(self._perform(self._recording.chunk(data, more=more)))

    def _failed(self, error: Exception) -> None:
        """The application has raised: what is stale goes out in its place, or the error goes on."""
        parts = self._perform(self._recording.fail())
        if parts is None:
            raise error
        _log.error("the application failed: a stale response was given out in its place", exc_info=error)
        self._tell(parts)

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        """The application's `start_response`."""
        recording = self._recording
        if recording.has_begun and exc_info is not None:  # it has thought better of it
            self._perform(recording.give_way())
            return self._started(self._start_response(status, headers, exc_info))
        parts = self._perform(recording.begin(int(status[:3]), headers))
        if recording.is_over and parts:  # it goes on as it is, in its own words
            return self._started(self._start_response(status, parts[0].headers))
        self._tell(parts)
        return self._write

    def _started(self, writes: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        self._server_writes = writes
        return writes

    def _write(self, data: bytes) -> None:
        """What old applications send bodies with; such a response is not stored."""
        if not self._recording.is_over:
            self._tell(self._perform(self._recording.leave()))
        if self._server_writes is not None and not self._recording.is_mute:
            self._server_writes(data)

    def _tell(self, parts: Parts) -> None:
        for part in parts:
            if isinstance(part, Start):
                self._started(self._start_response(_line(part.status), part.headers))
            elif part.data:
                self._ready.append(part.data)


def _line(status: int) -> str:
    return f"{status} {PHRASES.get(status, '')}"


def _start(parts: Parts, start_response: StartResponse) -> list[bytes]:
    """Send what is complete."""
    body: list[bytes] = []
    for part in parts:
        if isinstance(part, Start):
            start_response(_line(part.status), part.headers)
        elif part.data:
            body.append(part.data)
    return body


def _text(path: str) -> str:
    """WSGI decodes paths as Latin-1; most are UTF-8."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _unconditional(asked: Asked, environ: Environ, lead: Lead) -> None:
    """Make it a request for the whole response; or for what has changed since the stale one.

    The same object goes on: who watches from outside looks into it for what the application has put there.
    """
    if lead.stale is None and _CONDITIONS.isdisjoint(environ):
        return
    asked.header = _header_of(dict(environ))
    for name in _CONDITIONS:
        environ.pop(name, None)
    if lead.stale is not None:
        environ.update((f"HTTP_{name.upper().replace('-', '_')}", value) for name, value in condition(lead.stale))


def _header_of(environ: Environ) -> Callable[[str], str]:
    def header(name: str) -> str:
        plain = name.upper().replace("-", "_")
        return environ.get(plain if plain in _WITHOUT_PREFIX else f"HTTP_{plain}") or ""

    return header


def _background(environ: Environ) -> Environ:
    """The environ of a request that nobody waits for: nothing in it leads to the client's connection."""
    own = {key: value for key, value in environ.items() if "." not in key or key in _KEPT}
    return {**own, "REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr}


def _nobody(_status: str, _headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
    if exc_info is not None:
        raise exc_info[1]
    return lambda _data: None
