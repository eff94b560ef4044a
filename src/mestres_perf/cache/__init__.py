"""Remember answers, and know when they stop being true."""

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._cache import Cache
from mestres_perf.cache._entry import MISS, Explanation, Held, Missing, TagVersion
from mestres_perf.cache._events import Event
from mestres_perf.cache._invalidator import CacheInvalidator
from mestres_perf.cache._loading import Loading, loading
from mestres_perf.cache._memory import Memory
from mestres_perf.cache._options import Options
from mestres_perf.cache._stats import Stats
from mestres_perf.cache._warmer import CacheWarmer, WarmedEntry, WarmReport

__all__ = [
    "MISS",
    "Adaptive",
    "Cache",
    "CacheInvalidator",
    "CacheWarmer",
    "Event",
    "Explanation",
    "Held",
    "Loading",
    "Memory",
    "Missing",
    "Options",
    "Stats",
    "TagVersion",
    "WarmReport",
    "WarmedEntry",
    "loading",
]
