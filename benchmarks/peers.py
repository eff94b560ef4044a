"""What other caches do and what a hit of theirs costs: writes docs/cache-peers.md and the table in docs/cache.md.

Each cell of the first table is a claim of tests/perf/peers/claims.py, tried in a process of its own. The second table
has ratios to `mestres_perf`, each of the best of short interleaved rounds, with client and server on one processor.
"""

import argparse
import asyncio
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from perf.peers import table
from perf.peers.cells import decided, run
from perf.peers.libraries import LIBRARIES, OURS, adapter
from perf.peers.library import TASKS, THREADS
from servers.redis import running_redis

ROUND = 0.003  # seconds: shorter than a slice of the scheduler, and the same for all, so that load favours nobody
VALUE = {"sku": "CERRADO-250", "name": "Café do Cerrado", "tags": [f"nota {n}" for n in range(60)], "price": 4990}
KEY = "produto:detalhe:1234"
COLUMNS = {
    "plain, memory": (THREADS, "memory"),
    "async, memory": (TASKS, "memory"),
    "plain, Redis": (THREADS, "redis"),
    "async, Redis": (TASKS, "redis"),
}
Round = Callable[[int], float]


def _round(library: str, colour: str, kind: str, *, url: str, loop: asyncio.AbstractEventLoop) -> Round | None:
    """A function that takes the time of so many hits; None when the library has no such thing."""
    found = adapter(library)
    if found.lack(colour) or found.lack(kind):
        return None
    own = f"through_{kind}"
    room = SimpleNamespace(is_async=colour == TASKS, url=url)
    cache = getattr(found, own if hasattr(found, own) else kind)(room)
    return _tasks(cache, loop) if room.is_async else _threads(cache)


def _threads(cache) -> Round:
    def product(key):
        return VALUE

    function = cache.decorate(product)
    hot = cache.hot(function) if hasattr(cache, "hot") else function

    def go(calls: int) -> float:
        with getattr(cache, "within", nullcontext)():
            hot(KEY)
            began = time.perf_counter()
            for _ in range(calls):
                hot(KEY)
            return time.perf_counter() - began

    return go


def _tasks(cache, loop: asyncio.AbstractEventLoop) -> Round:
    async def product(key):
        return VALUE

    function = cache.decorate(product)

    async def go(calls: int) -> float:
        await function(KEY)
        began = time.perf_counter()
        for _ in range(calls):
            await function(KEY)
        return time.perf_counter() - began

    return lambda calls: loop.run_until_complete(go(calls))


def speed(url: str, rounds: int) -> str:
    """The table of ratios."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    loop = asyncio.new_event_loop()
    timed: dict[tuple[str, str], Round] = {}
    for column, how in COLUMNS.items():
        for library in LIBRARIES:
            found = _round(library, *how, url=url, loop=loop)
            if found is not None:
                timed[column, library] = found
    calls = {place: max(1, int(ROUND / (min(go(10) for _ in range(5)) / 10))) for place, go in timed.items()}
    best = dict.fromkeys(timed, math.inf)
    for _ in tqdm(range(rounds), desc="hits", leave=False):
        for place, go in timed.items():
            best[place] = min(best[place], go(calls[place]) / calls[place])

    def ratio(column: str, library: str) -> str:
        return f"{best[column, library] / best[column, OURS]:.1f}" if (column, library) in best else "–"

    lines = [f"| | {' | '.join(COLUMNS)} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    lines += [f"| {each} | {' | '.join(ratio(column, each) for column in COLUMNS)} |" for each in LIBRARIES]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-speed", action="store_true", help="leave the table of what a hit costs as it is")
    parser.add_argument("--rounds", type=int, default=101)
    options = parser.parse_args()
    with running_redis() as url:
        total = len(decided()) * len(LIBRARIES)
        cells = table.by_place(tqdm(run(url), total=total, desc="claims", leave=False))
        parts = {"matrix": table.matrix(cells), "versions": table.versions(), "rules": table.rules(cells)}
        if not options.no_speed:
            parts["speed"] = speed(url, options.rounds)
    text = table.PAGE.read_text(encoding="utf-8")
    for name, content in parts.items():
        text = table.replaced(text, name, content)
    table.PAGE.write_text(text, encoding="utf-8")
    first = table.replaced(table.SHORT_PAGE.read_text(encoding="utf-8"), "short", table.short(cells))
    table.SHORT_PAGE.write_text(first, encoding="utf-8")
    print(parts["versions"], parts["matrix"], parts.get("speed", ""), sep="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
