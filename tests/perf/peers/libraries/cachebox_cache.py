"""cachebox."""

import sys
from typing import Any, ClassVar

import cachebox

from perf.peers.library import MISSING, TASKS, THREADS, TTL, Library


class Cachebox:
    def __init__(self, own: Any) -> None:
        self.own = own

    def decorate(self, function: Any) -> Any:
        return cachebox.cached(self.own, key_maker=cachebox.make_typed_key)(function)

    def copying(self, function: Any) -> Any:
        deep = cachebox.postprocess_deepcopy_mutables
        return cachebox.cached(self.own, key_maker=cachebox.make_typed_key, postprocess=deep)(function)

    def invalidate(self, _function: Any, *arguments: Any) -> None:
        self.own.pop(cachebox.make_typed_key(*arguments), None)

    def put(self, key: str, value: Any, ttl: float) -> None:
        self.own.insert(key, value, ttl)

    def get(self, key: str) -> Any:
        return self.own.get(key, MISSING)

    def clear(self) -> None:
        self.own.clear()

    def stats(self, function: Any) -> tuple[int, int]:
        counted = function.cache_info()
        return counted.hits, counted.misses


_NO_REDIS = "memory only"


class CacheboxCache(Library):
    name = "cachebox"
    distribution = "cachebox"
    colours = (THREADS, TASKS)
    cache = Cachebox
    lacks: ClassVar = {
        "tagged": "no tags",
        "renewing": "no stale value while renewing",
        "forgiving": "no stale value after an error",
        "timed": "no loader timeout",
        "many": "no load of many keys",
        "explain": "the time left by `get_with_expire`, not the age, and not for a call",
        "exposition": "no Prometheus metrics",
        "follow_commits": "no link with a database session",
        "redis": _NO_REDIS,
        "layered": _NO_REDIS,
        "herd": _NO_REDIS,
        "impatient": _NO_REDIS,
        "http": "no HTTP responses",
        "file": _NO_REDIS,
    }
    undecided: ClassVar = {"wall_clock": "asks for the time in native code, where a test cannot move it"}
    notes: ClassVar = {
        "mutable_values": "`postprocess_deepcopy_mutables`; by default only the outermost object is copied",
        "reentrant": "`lock=False` would not hang, and not protect from herds",
        "keys": "`make_typed_key`",
        "scan": "`LFUCache`, which has no TTL",
        "bytes_bound": "`getsizeof=...`",
        "ttl_per_value": "`VTTLCache`",
    }

    @staticmethod
    def memory(_room: Any, items: int = 1000) -> Cachebox:
        return Cachebox(cachebox.TTLCache(items, TTL))

    protected = memory

    @staticmethod
    def scanproof(_room: Any, items: int) -> Cachebox:
        return Cachebox(cachebox.LFUCache(items))

    @staticmethod
    def bytes_bound(_room: Any, size: int) -> Cachebox:
        return Cachebox(cachebox.TTLCache(size, TTL, getsizeof=lambda _key, value: sys.getsizeof(value)))

    @staticmethod
    def each_its_ttl(_room: Any) -> Cachebox:
        return Cachebox(cachebox.VTTLCache(1000))
