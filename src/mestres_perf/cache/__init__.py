"""Remember answers, and know when they stop being true."""

from mestres_perf.cache._adaptive import Adaptive
from mestres_perf.cache._cache import Cache
from mestres_perf.cache._entry import MISS, Explanation, Missing
from mestres_perf.cache._invalidator import CacheInvalidator
from mestres_perf.cache._memory import Memory, Stats
from mestres_perf.cache._warmer import CacheWarmer, WarmedEntry, WarmReport

__all__ = [
    "MISS",
    "Adaptive",
    "Cache",
    "CacheInvalidator",
    "CacheWarmer",
    "Explanation",
    "Memory",
    "Missing",
    "Stats",
    "WarmReport",
    "WarmedEntry",
]
