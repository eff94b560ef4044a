"""Flask-Caching, with the backends of cachelib."""

from typing import Any, ClassVar

from flask import Flask
from flask_caching import Cache

from perf.peers.library import MISSING, TTL, Library, parts


class FlaskCaching:
    """Every verb needs the application."""

    def __init__(self, kind: str, **config: Any) -> None:
        self.app = Flask("peers")
        settings = {f"CACHE_{name.upper()}": value for name, value in config.items()}
        self.own = Cache(self.app, config={"CACHE_TYPE": kind, "CACHE_DEFAULT_TIMEOUT": TTL, **settings})

    def decorate(self, function: Any) -> Any:
        import functools

        memoized = self.own.memoize(cache_none=True)(function)

        @functools.wraps(memoized)
        def call(*arguments: Any, **named: Any) -> Any:
            with self.app.app_context():
                return memoized(*arguments, **named)

        call.memoized = memoized
        return call

    copying = decorate

    def hot(self, function: Any) -> Any:
        """As a view calls it, in the context that `within` gives."""
        return function.memoized

    def within(self) -> Any:
        """The application's context."""
        return self.app.app_context()

    def invalidate(self, function: Any, *arguments: Any) -> None:
        with self.app.app_context():
            self.own.delete_memoized(function.memoized, *arguments)

    def put(self, key: str, value: Any, ttl: float) -> None:
        with self.app.app_context():
            self.own.set(key, value, timeout=ttl)

    def get(self, key: str) -> Any:
        with self.app.app_context():
            return self.own.get(key) if self.own.has(key) else MISSING

    def clear(self) -> None:
        with self.app.app_context():
            self.own.clear()


class FlaskCachingCache(Library):
    name = "Flask-Caching"
    distribution = "Flask-Caching"
    cache = FlaskCaching
    lacks: ClassVar = {
        "tasks": "plain functions only",
        "tagged": "no tags",
        "stats": "no statistics",
        "renewing": "no stale value while renewing",
        "forgiving": "no stale value after an error",
        "timed": "no loader timeout",
        "many": "`get_many` takes no loader",
        "explain": "nothing that tells age and time left of a key's value",
        "exposition": "no Prometheus metrics",
        "follow_commits": "no link with a database session",
        "layered": "a cache has one backend",
        "bytes_bound": "no bound in bytes",
        "http": "Flask's views only",
    }
    notes: ClassVar = {
        "dead_redis": "`socket_timeout=0.2`",
        "none": "`cache_none=True`",
        "keeps_in_files": "`FileSystemCache`",
        "bounded": "`SimpleCache(threshold=...)`",
    }

    @staticmethod
    def memory(_room: Any, items: int = 1000) -> FlaskCaching:
        return FlaskCaching("SimpleCache", threshold=items)

    scanproof = memory
    protected = memory

    @staticmethod
    def redis(room: Any) -> FlaskCaching:
        host, port, database = parts(room.url)
        return FlaskCaching("RedisCache", redis_host=host, redis_port=port, redis_db=database)

    @staticmethod
    def impatient(room: Any) -> FlaskCaching:
        host, port, database = parts(room.url)
        options = {"socket_timeout": 0.2}
        return FlaskCaching("RedisCache", redis_host=host, redis_port=port, redis_db=database, options=options)

    herd = redis

    @staticmethod
    def file(_room: Any, folder: str) -> FlaskCaching:
        return FlaskCaching("FileSystemCache", dir=folder)
