"""One adapter for each library, which is imported with it."""

from importlib import import_module

from perf.peers.library import Library

HOMES = {
    "mestres_perf": ("mestres_cache", "MestresPerf"),
    "dogpile.cache": ("dogpile_cache", "DogpileCache"),
    "cashews": ("cashews_cache", "CashewsCache"),
    "aiocache": ("aiocache_cache", "AiocacheCache"),
    "Flask-Caching": ("flask_caching_cache", "FlaskCachingCache"),
    "cachetools": ("cachetools_cache", "CachetoolsCache"),
    "cachebox": ("cachebox_cache", "CacheboxCache"),
    "theine": ("theine_cache", "TheineCache"),
    "functools.lru_cache": ("lru_cache", "LruCache"),
}
OURS = "mestres_perf"
LIBRARIES = tuple(HOMES)


def adapter(library: str) -> type[Library]:
    """The adapter of a library. Raises ImportError where the library is not installed."""
    home, name = HOMES[library]
    return getattr(import_module(f"perf.peers.libraries.{home}"), name)
