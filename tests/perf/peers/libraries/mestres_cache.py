"""mestres_perf.Cache."""

import asyncio
from typing import Any, ClassVar

import httpx

from mestres_perf import Cache, CacheMiddleware, Memory, Metrics, Redis, WSGICacheMiddleware
from perf.peers.library import MISSING, TASKS, THREADS, TTL, Library
from perf.peers.room import DEADLINE


class Mestres:
    """The same object for both colours; only the verbs differ."""

    def __init__(self, room: Any, **options: Any) -> None:
        self.own = Cache("peers", ttl=TTL, **options)
        self._room = room

    def _verb(self, name: str) -> Any:
        return getattr(self.own, f"a{name}" if self._room.is_async else name)

    def decorate(self, function: Any) -> Any:
        return self.own.cached(function)

    copying = decorate

    def invalidate(self, function: Any, *arguments: Any) -> Any:
        return (function.ainvalidate if self._room.is_async else function.invalidate)(*arguments)

    def tagged(self, function: Any, tag: str) -> Any:
        return self.own.cached(tags=[tag])(function)

    def invalidate_tag(self, tag: str) -> Any:
        return self._verb("invalidate_tags")(tag)

    def put(self, key: str, value: Any, ttl: float) -> Any:
        return self._verb("set")(key, value, ttl=ttl)

    def get(self, key: str) -> Any:
        return self._verb("get")(key, MISSING)

    def clear(self) -> Any:
        return self._verb("clear")()

    def stats(self, _function: Any) -> tuple[int, int]:
        counted = self.own.stats()
        return counted.hits, counted.misses

    def renewing(self, function: Any, ttl: float) -> Any:
        return self.own.cached(ttl=ttl, stale_while_revalidate=TTL)(function)

    def forgiving(self, function: Any, ttl: float) -> Any:
        return self.own.cached(ttl=ttl, stale_if_error=TTL)(function)

    def timed(self, function: Any, seconds: float) -> Any:
        return self.own.cached(hard_timeout=seconds)(function)

    def many(self, keys: list[str], loader: Any) -> Any:
        if not self._room.is_async:
            return self.own.get_many(keys, loader)

        async def load(missing: list[str]) -> Any:
            return loader(missing)

        return self.own.aget_many(keys, load)

    def explain(self, function: Any, *arguments: Any) -> tuple[Any, Any, Any]:
        found = function.explain(*arguments)
        return found.layer, found.age, found.ttl_left

    def exposition(self) -> str:
        metrics = Metrics()
        metrics.watch_cache(self.own)
        return metrics.render().decode()

    def http(self, face: str, app: Any) -> Any:
        """A client of an application that calls `app()` and says that its answer is fresh for a minute."""
        headers = {"Cache-Control": "max-age=60"}

        def plain(environ: Any, start_response: Any) -> list[bytes]:
            app()
            start_response("200 OK", list(headers.items()))
            return [b"hello"]

        async def awaited(scope: Any, receive: Any, send: Any) -> None:
            app()
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await send({"type": "http.response.body", "body": b"hello"})

        if face == "wsgi":
            transport = httpx.WSGITransport(WSGICacheMiddleware(plain, self.own))
            return lambda sent: self._ask(httpx.Client(transport=transport), face, sent)
        middleware = CacheMiddleware(awaited, self.own)
        return lambda sent: asyncio.run(self._aask(middleware, face, sent))

    @staticmethod
    def _ask(client: Any, face: str, sent: Any) -> Any:
        with client:
            return _Answer(client.get(f"http://shop.example/{face}", headers=sent))

    @staticmethod
    async def _aask(middleware: Any, face: str, sent: Any) -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(middleware)) as client:
            return _Answer(await client.get(f"http://shop.example/{face}", headers=sent))

    def follow_commits(self, sessions: Any, row: type, tag: str) -> None:
        from mestres_perf.contrib.sqlalchemy_cache import invalidate_on_commit

        invalidate_on_commit(sessions, self.own, rules={row: lambda _: [tag]})


class _Answer:
    def __init__(self, answer: Any) -> None:
        self.status = answer.status_code
        self.headers = answer.headers


class MestresPerf(Library):
    name = "mestres_perf"
    distribution = "mestres"
    colours = (THREADS, TASKS)
    cache = Mestres
    lacks: ClassVar = {
        "file": "values live in memory and in Redis only",
    }
    notes: ClassVar = {
        "mutable_values": "`Memory(copies=True)`",
        "bytes_bound": "`Memory(max_bytes=...)`",
        "any_object": '`codec="pickle"` with a secret',
    }

    @staticmethod
    def memory(room: Any, items: int = 1000) -> Mestres:
        return Mestres(room, memory=Memory(max_items=items))

    scanproof = memory

    @staticmethod
    def bytes_bound(room: Any, size: int) -> Mestres:
        return Mestres(room, memory=Memory(max_bytes=size))

    @staticmethod
    def protected(room: Any) -> Mestres:
        return Mestres(room, memory=Memory(copies=True))

    @staticmethod
    def redis(room: Any) -> Mestres:
        return Mestres(room, redis=Redis(room.url, timeout=DEADLINE))  # the machine may be slow, and Redis is not dead

    @staticmethod
    def impatient(room: Any) -> Mestres:
        return Mestres(room, redis=Redis(room.url))

    @staticmethod
    def through_redis(room: Any) -> Mestres:
        """Nothing in memory is believed, so that every hit is one through Redis."""
        return Mestres(room, redis=Redis(room.url, timeout=DEADLINE), trust=1e-9, backplane=False)

    @staticmethod
    def objects(room: Any) -> Mestres:
        """Any object: pickles, which only who knows the secret can have written."""
        return Mestres(room, redis=Redis(room.url, timeout=DEADLINE), codec="pickle", secret="known to the peers alone")

    layered = redis
    herd = redis
