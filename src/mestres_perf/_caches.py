"""Named caches: each its own TTL, each its own Redis database."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from mestres_perf.backends.redis import Redis, RedisSessions
from mestres_perf.cache import Adaptive, Cache, Memory
from mestres_perf.errors import ConfigurationError
from mestres_perf.http.sessions import MemorySessions, SameSite, Sessions
from mestres_perf.settings import RedisSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCache:
    """One named cache: `ttl` in seconds or Adaptive, its Redis `database`, and how much its memory holds.

    `more` are further arguments of `Cache`, such as `types` or `secret`.
    """

    ttl: float | Adaptive
    database: int | None = None
    memory: Memory | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def usual(settings: Settings, url: str = "") -> dict[str, NamedCache]:
    """`default` (300 s), `session` (1800 s) and `long_term` (3600 s): in the address's database and the next two."""
    first = database_of(url)
    return {
        "default": NamedCache(ttl=settings.cache.default_ttl, database=first),
        "session": NamedCache(ttl=settings.session.ttl, database=first + 1),
        "long_term": NamedCache(ttl=settings.cache.long_term_ttl, database=first + 2),
    }


class Caches:
    """Caches by name, made when they are first asked for.

        caches = Caches("redis://localhost:6379/0")
        caches["long_term"].set("menu", menu)
        caches.close()

    Without an address they live in memory. `names` says which there are; by default `default` (300 s), `session`
    (1800 s) and `long_term` (3600 s), in the database of the address and the next two. A `database` of None is that of
    the address. `prefix` keeps applications on one Redis apart. Two names never share
    a key, whichever database they are in.
    """

    def __init__(
        self,
        redis_url: str = "",
        *,
        names: Mapping[str, NamedCache] | None = None,
        settings: Settings | None = None,
        prefix: str = "",
    ) -> None:
        """Raises ConfigurationError for a wrong address or name."""
        settings = settings or Settings()
        self._redis_settings = settings.redis
        self._url = redis_url or settings.redis.url
        if self._url:
            Redis(self._url)  # a wrong address is refused here, and not at the first use
        self._names = dict(usual(settings, self._url) if names is None else names)
        self._prefix = prefix
        self._lock = threading.Lock()
        self._open: dict[str, Cache] = {}
        self._session = settings.session
        self._store: RedisSessions | MemorySessions | None = None

    def __getitem__(self, name: str) -> Cache:
        """The cache of this name. Raises ConfigurationError when there is none."""
        with self._lock:
            cache = self._open.get(name)
            if cache is None:
                cache = self._open[name] = self._make(name, self._configured(name))
            return cache

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def redis(self, name: str) -> Redis | None:
        """A client for what keeps its own things beside this cache, such as sessions; None without Redis.

        It is the caller's to close. Raises ConfigurationError for an unknown name.
        """
        return self._client(self._configured(name))

    def sessions(
        self,
        *,
        cookie: str = "session",
        same_site: SameSite = "Lax",
        domain: str | None = None,
        path: str = "/",
    ) -> Sessions:
        """Sessions as the settings say, kept beside the cache `session`: straight in its Redis, else in memory.

        A session is never read from a memory that may be behind: what one process writes, the next request finds.
        """
        with self._lock:
            if self._store is None:
                client = self.redis("session")
                named = f"{self._prefix}session"
                self._store = MemorySessions() if client is None else RedisSessions(client, name=named)
            return Sessions(
                self._store,
                secret=self._session.secret,
                old_secrets=self._session.old_secrets.split(),
                when_down="refuse" if self._session.when_down == "refuse" else "anonymous",
                ttl=self._session.ttl,
                cookie=cookie,
                same_site=same_site,
                domain=domain,
                path=path,
                permanent=self._session.permanent,
            )

    def close(self) -> None:
        """Close every cache that was made. Asked for again, one is made anew."""
        for cache in self._taken():
            cache.close()

    async def aclose(self) -> None:
        """`close` for async code: gives the connections of this loop back, too."""
        store = self._store
        for cache in self._taken():
            await cache.aclose()
        if store is not None:
            await store.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _taken(self) -> list[Cache]:
        with self._lock:
            taken = list(self._open.values())
            self._open.clear()
            if isinstance(self._store, RedisSessions):
                self._store.close()
        return taken

    def _configured(self, name: str) -> NamedCache:
        try:
            return self._names[name]
        except KeyError:
            known = ", ".join(sorted(self._names)) or "none"
            raise ConfigurationError(f"there is no cache named {name!r}; there are: {known}") from None

    def _make(self, name: str, configured: NamedCache) -> Cache:
        client, more = self._client(configured), configured.more
        return Cache(self._prefix + name, memory=configured.memory, redis=client, ttl=configured.ttl, **more)

    def _client(self, configured: NamedCache) -> Redis | None:
        if not self._url:
            return None
        settings: RedisSettings = self._redis_settings
        return Redis(
            self._url if configured.database is None else in_database(self._url, configured.database),
            timeout=settings.timeout,
            max_connections=settings.max_connections,
            retry_on_timeout=settings.retry_on_timeout,
        )


def database_of(url: str) -> int:
    """The number of the database in an address; 0 when it names none."""
    parts = urlsplit(url)
    text = dict(parse_qsl(parts.query)).get("db", "") if parts.scheme == "unix" else parts.path.strip("/")
    return int(text) if text.isascii() and text.isdigit() else 0


def in_database(url: str, database: int) -> str:
    """The same Redis, another of its databases."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("db=")]
        return f"unix://{parts.netloc}{parts.path}?{'&'.join([*kept, f'db={database}'])}"  # urlunsplit loses slashes
    return urlunsplit(parts._replace(path=f"/{database}"))
