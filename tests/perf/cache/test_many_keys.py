"""What very many keys leave behind."""

import os
import tracemalloc

from mestres_perf import Cache, Memory

KEYS = 1_000_000 if os.environ.get("MESTRES_STRESS") == "long" else 20_000
BOUND = 1000


def test_keys_that_are_loaded_once_leave_nothing_behind():
    """However many keys there were, what is kept depends on the bound alone: no flight, no entry, no tag remains."""
    cache = Cache("many", memory=Memory(max_items=BOUND))
    tracemalloc.start()
    try:
        held = []
        for start in (0, KEYS // 2):
            for number in range(start, start + KEYS // 2):
                cache.get_or_load(number, lambda: b"v", tags=[f"t{number % 10}"])
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(cache.core.flights) == 0
    assert cache.stats().loads == KEYS
    assert cache.stats().size <= BOUND
    assert held[1] < held[0] * 1.1
