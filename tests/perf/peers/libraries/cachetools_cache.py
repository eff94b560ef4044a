"""cachetools."""

import sys
import threading
import time
from typing import Any, ClassVar

import cachetools
from cachetools.keys import typedkey

from perf.peers.library import MISSING, TTL, Library


class Cachetools:
    def __init__(self, own: Any) -> None:
        self.own = own

    def decorate(self, function: Any) -> Any:
        return cachetools.cached(self.own, key=typedkey, condition=threading.Condition(), info=True)(function)

    copying = decorate

    def invalidate(self, function: Any, *arguments: Any) -> None:
        with function.cache_condition:
            self.own.pop(function.cache_key(*arguments), None)

    def get(self, key: str) -> Any:
        found = self.own.get(key, MISSING)
        return found if found is MISSING else found[0]

    def put(self, key: str, value: Any, ttl: float) -> None:
        self.own[key] = (value, ttl)

    def clear(self) -> None:
        self.own.clear()

    def stats(self, function: Any) -> tuple[int, int]:
        counted = function.cache_info()
        return counted.hits, counted.misses


_NO_REDIS = "memory only"


class CachetoolsCache(Library):
    name = "cachetools"
    distribution = "cachetools"
    cache = Cachetools
    lacks: ClassVar = {
        "tasks": "plain functions only",
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
        "http": "no HTTP responses",
        "file": _NO_REDIS,
    }
    notes: ClassVar = {
        "reentrant": "without `condition` it would not hang, and not protect from herds",
        "one_load_threads": "`condition=...`",
        "keys": "`typedkey`",
        "scan": "`LFUCache`, which has no TTL",
        "bytes_bound": "`getsizeof=...`",
        "ttl_per_value": "`TLRUCache`",
    }

    @staticmethod
    def memory(_room: Any, items: int = 1000) -> Cachetools:
        return Cachetools(cachetools.TTLCache(items, TTL))

    protected = memory

    @staticmethod
    def scanproof(_room: Any, items: int) -> Cachetools:
        return Cachetools(cachetools.LFUCache(items))

    @staticmethod
    def bytes_bound(_room: Any, size: int) -> Cachetools:
        return Cachetools(cachetools.TTLCache(size, TTL, getsizeof=sys.getsizeof))

    @staticmethod
    def each_its_ttl(_room: Any) -> Cachetools:
        return Cachetools(cachetools.TLRUCache(1000, lambda _key, value, now: now + value[1], timer=time.monotonic))
