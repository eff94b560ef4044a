"""One application, told what to answer, behind the response cache of either face, and a client that speaks to it."""

import asyncio
import io
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from mestres_perf import Cache, CacheMiddleware, WSGICacheMiddleware

FACES = ("wsgi", "asgi")
PATIENCE = 20.0


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@dataclass
class Reply:
    """What the application answers. A chunk that can be called is called when its turn comes: it may wait, or raise."""

    body: object = b"hello"
    status: int = 200
    headers: list = field(default_factory=list)
    more: bool = False  # of the last chunk: an application that does not end its response

    @property
    def chunks(self):
        return list(self.body) if isinstance(self.body, (list, tuple)) else [self.body]


def fresh(body=b"hello", seconds=60, **headers):
    """A reply that is fresh for so long."""
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Reply(body, headers=[("Cache-Control", f"max-age={seconds}"), *more])


@dataclass
class Request:
    """What the application was asked."""

    method: str
    path: str
    query: str
    headers: dict


@dataclass
class Answer:
    """What the client was given."""

    status: int
    pairs: list
    chunks: list

    @property
    def headers(self):
        return {name.lower(): value for name, value in self.pairs}

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def cache(self):
        return self.headers.get("x-cache")


class Site:
    """The application calls `reply(request)`, a Reply or a function of the request; `asked` is what came through."""

    def __init__(self, face, reply, *, cache=None, clock=None, **options):
        self.face = face
        self.clock = clock or Clock()
        self.cache = cache or Cache("http", clock=self.clock)
        self.reply = reply
        self.asked = []
        self._lock = threading.Lock()
        middleware, app = (WSGICacheMiddleware, self._wsgi) if face == "wsgi" else (CacheMiddleware, self._asgi)
        self.app = middleware(app, self.cache, clock=self.clock, **options)
        if face == "asgi":
            self.loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
            self._thread.start()

    def close(self):
        if self.face == "asgi":
            asyncio.run_coroutine_threadsafe(_end_all(), self.loop).result(PATIENCE)
            asyncio.run_coroutine_threadsafe(self.cache.aclose(), self.loop).result(PATIENCE)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(PATIENCE)
            self.loop.close()
        else:
            self.cache.close()

    def get(self, path="/", headers=(), method="GET", **named):
        return self.start(path, headers, method, **named).result(PATIENCE)

    def start(self, path="/", headers=(), method="GET", *, seen=None, stop=None, host="shop.example"):
        """Ask without waiting. `seen(chunk)` is told of each chunk; `stop` chunks are taken before the client goes."""
        sent = [("Host", host), *(headers.items() if isinstance(headers, dict) else headers)]
        if self.face == "asgi":
            return asyncio.run_coroutine_threadsafe(self._over_asgi(path, sent, method, seen, stop), self.loop)
        future = Future()

        def run():
            try:
                future.set_result(self._over_wsgi(path, sent, method, seen, stop))
            except BaseException as error:  # noqa: BLE001 - whoever waits is told
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future

    def _answered(self, request):
        with self._lock:
            self.asked.append(request)
        return self.reply(request) if callable(self.reply) else self.reply

    # WSGI

    def _over_wsgi(self, path, sent, method, seen, stop):
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "inside",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.version": (1, 0),
        }
        for name, value in sent:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = f"{environ[key]}, {value}" if key in environ else value
        begun = []

        def start_response(status, headers, exc_info=None):
            if begun and exc_info is None:
                raise AssertionError("start_response was called twice")
            begun[:] = [int(status[:3]), headers]
            return lambda data: None

        chunks = []
        body = self.app(environ, start_response)
        try:
            for chunk in body:
                assert begun, "a body before its headers"
                chunks.append(chunk)
                if seen is not None:
                    seen(chunk)
                if stop is not None and len(chunks) >= stop:
                    break
        finally:
            if hasattr(body, "close"):
                body.close()
        return Answer(begun[0], begun[1], [chunk for chunk in chunks if chunk])

    def _wsgi(self, environ, start_response):
        headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name[:5] == "HTTP_"}
        path = environ["PATH_INFO"]
        reply = self._answered(Request(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], headers))
        start_response(f"{reply.status} As It Is", list(reply.headers))
        if not any(map(callable, reply.chunks)):
            return reply.chunks
        return (chunk() if callable(chunk) else chunk for chunk in reply.chunks)

    # ASGI

    async def _over_asgi(self, path, sent, method, seen, stop):
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": _unquoted(path).decode(),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent],
            "server": ("inside", 80),
            "extensions": {},
        }
        begun, chunks = [], []

        async def receive():
            if stop is not None and len(chunks) >= stop:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                assert not begun, "a response was begun twice"
                begun[:] = [message["status"], [(n.decode(), v.decode("latin-1")) for n, v in message["headers"]]]
                return
            if stop is not None and len(chunks) >= stop:
                raise OSError("the client has gone")
            assert begun, "a body before its headers"
            chunks.append(message.get("body", b""))
            if seen is not None:
                seen(chunks[-1])

        try:
            await self.app(scope, receive, send)
        except OSError:
            if stop is None:
                raise
        return Answer(begun[0], begun[1], [chunk for chunk in chunks if chunk])

    async def _asgi(self, scope, receive, send):
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], scope["query_string"].decode(), headers)
        reply = await asyncio.to_thread(self._answered, request)
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for number, chunk in enumerate(reply.chunks, 1):
            data = await asyncio.to_thread(chunk) if callable(chunk) else chunk
            last = number == len(reply.chunks) and not reply.more
            await send({"type": "http.response.body", "body": data, "more_body": not last})


def eventually(condition, seconds=PATIENCE):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


async def _end_all():
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _unquoted(path):
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path)
