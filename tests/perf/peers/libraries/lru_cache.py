"""functools.lru_cache."""

import functools
from typing import Any, ClassVar

from perf.peers.library import Library


class Lru:
    def __init__(self, items: int) -> None:
        self._items = items

    def decorate(self, function: Any) -> Any:
        return functools.lru_cache(self._items, typed=True)(function)

    copying = decorate

    def stats(self, function: Any) -> tuple[int, int]:
        counted = function.cache_info()
        return counted.hits, counted.misses


_NO_TTL, _NO_REDIS = "no TTL", "memory only"


class LruCache(Library):
    name = "functools.lru_cache"
    distribution = "python"
    cache = Lru
    lacks: ClassVar = {
        "tasks": "plain functions only",
        "invalidate": "`cache_clear()` forgets everything, no key can be forgotten",
        "tagged": "no tags",
        "put": _NO_TTL,
        "get": "no values by key",
        "clear": "no cache that several functions share",
        "renewing": _NO_TTL,
        "forgiving": _NO_TTL,
        "timed": "no loader timeout",
        "many": "no load of many keys",
        "explain": "nothing to tell: values do not age",
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
    def memory(_room: Any, items: int = 1000) -> Lru:
        return Lru(items)

    scanproof = memory
    protected = memory
