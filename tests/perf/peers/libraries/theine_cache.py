"""theine. It starts a thread when it is imported, so it is imported where it is used only."""

import functools
from datetime import timedelta
from typing import Any, ClassVar

from perf.peers.library import MISSING, TASKS, THREADS, TTL, Library


class Theine:
    """Each decorated function has a cache of its own; besides, there is one for keys."""

    def __init__(self, items: int) -> None:
        import theine

        self.own = theine.Cache(items)
        self._memoize = theine.Memoize
        self._items = items

    def decorate(self, function: Any) -> Any:
        return self._memoize(self._items, timedelta(seconds=TTL), typed=True)(function)

    copying = decorate

    def invalidate(self, function: Any, *arguments: Any) -> None:
        function._cache.delete(functools._make_key(arguments, {}, typed=True))

    def put(self, key: str, value: Any, ttl: float) -> None:
        self.own.set(key, value, timedelta(seconds=ttl))

    def get(self, key: str) -> Any:
        found, has = self.own.get(key)
        return found if has else MISSING

    def clear(self) -> None:
        self.own.clear()

    def stats(self, function: Any) -> tuple[int, int]:
        counted = function.cache_stats()
        return counted.hit_count, counted.miss_count


_NO_REDIS = "memory only"


class TheineCache(Library):
    name = "theine"
    distribution = "theine"
    colours = (THREADS, TASKS)
    cache = Theine
    lacks: ClassVar = {
        "tagged": "no tags",
        "renewing": "no stale value while renewing",
        "forgiving": "no stale value after an error",
        "timed": "no loader timeout",
        "many": "no load of many keys",
        "explain": "nothing that tells age and time left of a key's value",
        "exposition": "no Prometheus metrics",
        "follow_commits": "no link with a database session",
        "redis": _NO_REDIS,
        "layered": _NO_REDIS,
        "herd": _NO_REDIS,
        "impatient": _NO_REDIS,
        "bytes_bound": "no bound in bytes",
        "http": "no HTTP responses",
        "file": _NO_REDIS,
    }
    notes: ClassVar = {"keys": "`typed=True`"}

    @staticmethod
    def memory(_room: Any, items: int = 1000) -> Theine:
        return Theine(items)

    scanproof = memory
    protected = memory
