"""cashews."""

from typing import Any, ClassVar

from cashews import Cache
from cashews.key import get_cache_key

from perf.peers.library import MISSING, TASKS, TTL, Library


class Cashews:
    def __init__(self, url: str, *, lock: bool = False, **options: Any) -> None:
        self.own = Cache()
        self._lock = lock
        self._metrics = options.pop("metrics", False)
        middlewares = ()
        if self._metrics:
            from cashews.contrib.prometheus import create_metrics_middleware

            middlewares = (create_metrics_middleware(),)
        self.own.setup(url, middlewares=middlewares, **options)

    def decorate(self, function: Any) -> Any:
        return self.own(ttl=TTL, lock=self._lock)(function)

    copying = decorate

    async def invalidate(self, function: Any, *arguments: Any) -> None:
        await self.own.delete(get_cache_key(function, args=arguments))

    def tagged(self, function: Any, tag: str) -> Any:
        return self.own(ttl=TTL, tags=[tag])(function)

    async def invalidate_tag(self, tag: str) -> None:
        await self.own.delete_tags(tag)

    async def put(self, key: str, value: Any, ttl: float) -> None:
        await self.own.set(key, value, expire=ttl)

    async def get(self, key: str) -> Any:
        return await self.own.get(key, default=MISSING)

    async def clear(self) -> None:
        await self.own.clear()

    def renewing(self, function: Any, ttl: float) -> Any:
        return self.own.early(ttl=TTL, early_ttl=ttl)(function)

    def forgiving(self, function: Any, ttl: float) -> Any:
        return self.own.soft(ttl=TTL, soft_ttl=ttl)(function)

    def exposition(self) -> str:
        from prometheus_client import generate_latest

        return generate_latest().decode()


class CashewsCache(Library):
    name = "cashews"
    distribution = "cashews"
    colours = (TASKS,)
    cache = Cashews
    lacks: ClassVar = {
        "threads": "async functions only",
        "stats": "no statistics (a Prometheus middleware instead)",
        "timed": "no loader timeout",
        "many": "`get_many` takes no loader",
        "explain": "`cache.detect` tells which keys a call used, not age and time left",
        "follow_commits": "no link with a database session",
        "bytes_bound": "no bound in bytes",
        "http": "middlewares for Starlette and FastAPI only",
    }
    undecided: ClassVar = {"keeps_in_files": "only with the package `diskcache`, which is not installed here"}
    notes: ClassVar = {
        "dead_redis": "`socket_timeout=0.2`",
        "one_load_processes": "`lock=True`",
        "layers": "`client_side=True`",
        "invalidation_elsewhere": "`client_side=True, protocol=2`; with redis-py's default protocol nothing is heard",
        "no_forged_payload": "`secret=...`, which signs; the reader takes the algorithm from what it reads",
        "metrics": "`cashews.contrib.prometheus`",
    }

    @staticmethod
    def memory(_room: Any, items: int = 1000) -> Cashews:
        return Cashews("mem://", size=items)

    scanproof = memory
    protected = memory

    @staticmethod
    def measured(_room: Any) -> Cashews:
        return Cashews("mem://", metrics=True)

    @staticmethod
    def redis(room: Any) -> Cashews:
        return Cashews(room.url)

    @staticmethod
    def impatient(room: Any) -> Cashews:
        return Cashews(room.url, socket_timeout=0.2)

    @staticmethod
    def herd(room: Any) -> Cashews:
        return Cashews(room.url, lock=True)

    @staticmethod
    def layered(room: Any) -> Cashews:
        return Cashews(room.url, client_side=True, protocol=2)

    @staticmethod
    def safest(room: Any) -> Cashews:
        return Cashews(room.url, secret="a long secret", digestmod="sha256")

    @staticmethod
    def forgeries(key: bytes, bomb: bytes) -> Any:
        """The weakest algorithm that the reader accepts has few results; each is tried."""
        known = sum(key + bomb)
        return (f"sum:{known + secret:x}_".encode() + bomb for secret in range(20 * 128))
