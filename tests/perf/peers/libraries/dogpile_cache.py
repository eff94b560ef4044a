"""dogpile.cache."""

from typing import Any, ClassVar

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

from perf.peers.library import MISSING, TTL, Library


class Dogpile:
    def __init__(self, backend: str, **arguments: Any) -> None:
        self.region = make_region().configure(backend, expiration_time=TTL, arguments=arguments)

    def decorate(self, function: Any) -> Any:
        return self.region.cache_on_arguments(to_str=repr)(function)

    copying = decorate

    def invalidate(self, function: Any, *arguments: Any) -> None:
        function.invalidate(*arguments)

    def get(self, key: str) -> Any:
        found = self.region.get(key)
        return MISSING if found is NO_VALUE else found

    def clear(self) -> None:
        self.region.invalidate()

    def many(self, keys: list[str], loader: Any) -> dict[str, Any]:
        def create(*missing: str) -> list[Any]:
            loaded = loader(list(missing))
            return [loaded[key] for key in missing]

        return dict(zip(keys, self.region.get_or_create_multi(keys, create), strict=True))

    def renewing(self, function: Any, ttl: float) -> Any:
        import threading

        def create(_region: Any, _key: str, creator: Any, mutex: Any) -> None:
            def run() -> None:
                try:
                    self.region.set(_key, creator())
                finally:
                    mutex.release()

            threading.Thread(target=run, daemon=True).start()

        self.region.async_creation_runner = create
        return self.region.cache_on_arguments(expiration_time=ttl, to_str=repr)(function)


class DogpileCache(Library):
    name = "dogpile.cache"
    distribution = "dogpile.cache"
    cache = Dogpile
    lacks: ClassVar = {
        "tagged": "no tags",
        "put": "the region decides how long, not the value",
        "stats": "no statistics",
        "forgiving": "no stale value after an error",
        "timed": "no loader timeout",
        "explain": "nothing that tells age and time left of a key's value",
        "exposition": "no Prometheus metrics",
        "follow_commits": "no link with a database session",
        "layered": "a region has one backend",
        "bytes_bound": "no bound in bytes",
        "http": "no HTTP responses",
    }
    notes: ClassVar = {
        "dead_redis": "`socket_timeout=0.2`",
        "keys": "`to_str=repr`",
        "one_load_processes": "`distributed_lock=True`",
        "mutable_values": "`dogpile.cache.memory_pickle`",
        "stale_while_revalidate": "`async_creation_runner`, written by the user",
    }

    @staticmethod
    def memory(_room: Any, items: int = 0) -> Dogpile:
        return Dogpile("dogpile.cache.memory")

    scanproof = memory

    @staticmethod
    def protected(_room: Any) -> Dogpile:
        return Dogpile("dogpile.cache.memory_pickle")

    @staticmethod
    def redis(room: Any) -> Dogpile:
        return Dogpile("dogpile.cache.redis", url=room.url)

    @staticmethod
    def impatient(room: Any) -> Dogpile:
        return Dogpile("dogpile.cache.redis", url=room.url, socket_timeout=0.2)

    @staticmethod
    def herd(room: Any) -> Dogpile:
        return Dogpile("dogpile.cache.redis", url=room.url, distributed_lock=True, lock_timeout=30)

    @staticmethod
    def file(_room: Any, folder: str) -> Dogpile:
        return Dogpile("dogpile.cache.dbm", filename=f"{folder}/values.dbm")
