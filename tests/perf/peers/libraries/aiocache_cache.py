"""aiocache."""

from typing import Any, ClassVar

from aiocache import Cache, cached_stampede, multi_cached
from aiocache.plugins import HitMissRatioPlugin
from aiocache.serializers import PickleSerializer

from perf.peers.library import MISSING, TASKS, TTL, Library, parts


class Aiocache:
    """One decorator for a function; the options of the backend are those of the decorator."""

    def __init__(self, lease: float = 2, **options: Any) -> None:
        self._options = options
        self._lease = lease
        self._load: Any = None
        self._many: Any = None
        self.own = Cache(options["cache"], **{name: value for name, value in options.items() if name != "cache"})

    def decorate(self, function: Any) -> Any:
        decorator = cached_stampede(ttl=TTL, lease=self._lease, **self._options)
        decorated = decorator(function)
        decorated.key = lambda *arguments: decorator.get_cache_key(function, arguments, {})
        return decorated

    copying = decorate

    async def invalidate(self, function: Any, *arguments: Any) -> None:
        await function.cache.delete(function.key(*arguments))

    async def put(self, key: str, value: Any, ttl: float) -> None:
        await self.own.set(key, value, ttl=ttl)

    async def get(self, key: str) -> Any:
        return await self.own.get(key, default=MISSING)

    async def clear(self) -> None:
        await self.own.clear(namespace=self._options.get("namespace"))

    async def stats(self, function: Any) -> tuple[int, int]:
        counted = function.cache.hit_miss_ratio
        return counted["hits"], counted["total"] - counted["hits"]

    async def many(self, keys: list[str], loader: Any) -> dict[str, Any]:
        async def load(keys: list[str]) -> Any:
            return self._load(keys)

        self._load = loader
        self._many = self._many or multi_cached("keys", ttl=TTL, **self._options)(load)
        return await self._many(keys=keys)


class AiocacheCache(Library):
    name = "aiocache"
    distribution = "aiocache"
    colours = (TASKS,)
    cache = Aiocache
    lacks: ClassVar = {
        "threads": "async functions only",
        "tagged": "no tags",
        "renewing": "no stale value while renewing",
        "forgiving": "no stale value after an error",
        "timed": "no loader timeout",
        "explain": "nothing that tells age and time left of a key's value",
        "exposition": "no Prometheus metrics",
        "follow_commits": "no link with a database session",
        "layered": "a cache has one backend",
        "bytes_bound": "no bound in bytes",
        "http": "no HTTP responses",
        "file": "memory, Redis and memcached only",
    }
    notes: ClassVar = {
        "one_load_tasks": "`cached_stampede`",
        "one_load_processes": "`cached_stampede`",
        "statistics": "`HitMissRatioPlugin`; `cached_stampede` looks twice for what is missing",
        "dead_redis": "`cached` would call the loader; the lock of `cached_stampede` raises",
        "any_object": "`PickleSerializer`",
        "clear_only_own": "`namespace=...`",
    }

    @staticmethod
    def memory(_room: Any, items: int = 0) -> Aiocache:
        return Aiocache(cache=Cache.MEMORY, plugins=[HitMissRatioPlugin()])

    scanproof = memory
    protected = memory

    @staticmethod
    def redis(room: Any) -> Aiocache:
        host, port, database = parts(room.url)
        return Aiocache(cache=Cache.REDIS, endpoint=host, port=port, db=database, namespace="peers")

    @staticmethod
    def impatient(room: Any) -> Aiocache:
        host, port, database = parts(room.url)
        return Aiocache(cache=Cache.REDIS, endpoint=host, port=port, db=database, namespace="peers", timeout=0.2)

    @staticmethod
    def objects(room: Any) -> Aiocache:
        host, port, database = parts(room.url)
        return Aiocache(cache=Cache.REDIS, endpoint=host, port=port, db=database, serializer=PickleSerializer())

    @staticmethod
    def herd(room: Any) -> Aiocache:
        host, port, database = parts(room.url)
        return Aiocache(cache=Cache.REDIS, endpoint=host, port=port, db=database, namespace="peers", lease=30)
