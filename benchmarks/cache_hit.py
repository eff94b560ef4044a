"""What a hit costs beside other caches, as ratios measured in one run: `make cache-hit`.

Decorated functions in memory (sync and async), a hit through Redis beside redis-py's GET and decode, and four threads
on hot keys. Every figure is the median of interleaved rounds; client and server are kept on one processor, because a
round trip between two differs by a factor of four from one on the same. Exit code 1 when a ratio is above its limit.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cachebox
import cachetools
import redis
import redis.asyncio
from tqdm import tqdm

from mestres_perf import Cache, Redis

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers.redis import running_redis

CALLS = 20_000
TRIPS = 2_000
VALUE = {"sku": "CERRADO-250", "name": "Café do Cerrado", "tags": [f"nota {n}" for n in range(60)], "price": 4990}
KEY = "produto:detalhe:1234"
Round = Callable[[], float]


def called(function: Callable[..., object], words: str, times: int = CALLS) -> Round:
    """Seconds for so many calls."""
    scope: dict[str, object] = {}
    exec(f"def go(f):\n for _ in range({times}): f({words})", scope)
    return lambda: _timed(lambda: scope["go"](function))


def awaited(function: Callable[..., object], words: str, times: int = CALLS) -> Round:
    scope: dict[str, object] = {}
    exec(f"async def go(f):\n for _ in range({times}): await f({words})", scope)
    return lambda: _timed(lambda: asyncio.run(scope["go"](function)))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def decorators() -> dict[str, tuple[Round, Round, float]]:
    """Name: ours, theirs, the most that ours may be of theirs."""
    cache = Cache("bench", ttl=10_000)
    box = {"postprocess": None}

    def store() -> cachebox.TTLCache:
        return cachebox.TTLCache(1000, global_ttl=10_000)

    def two(a, b):
        return a

    def three(text, number, *, locale="en"):
        return text

    async def atwo(a, b):
        return a

    async def athree(text, number, *, locale="en"):
        return text

    ints, words = "3, 7", f"{KEY!r}, 42, locale='pt_BR'"
    mine = [cache.cached(tags=lambda *_, **__: ["t"])(each) for each in (two, three, atwo, athree)]
    theirs = [cachebox.cached(store(), **box)(each) for each in (two, three, atwo, athree)]
    locked = cachetools.cached(cachetools.TTLCache(1000, 10_000), lock=threading.RLock())(two)
    return {
        "sync, two ints / cachebox": (called(mine[0], ints), called(theirs[0], ints), 0.65),
        "sync, str, int, keyword / cachebox": (called(mine[1], words), called(theirs[1], words), 0.40),
        "async, two ints / cachebox": (awaited(mine[2], ints), awaited(theirs[2], ints), 0.60),
        "async, str, int, keyword / cachebox": (awaited(mine[3], words), awaited(theirs[3], words), 0.40),
        "sync, two ints / cachetools TTL, lock": (called(mine[0], ints), called(locked, ints), 0.25),
    }


def four_threads() -> dict[str, tuple[Round, Round, float]]:
    cache = Cache("bench", ttl=10_000)
    keys = [f"k{number}" for number in range(100)]

    @cache.cached
    def mine(key):
        return key

    @cachetools.cached(cachetools.LRUCache(1000), lock=threading.Lock())
    def theirs(key):
        return key

    def four(function: Callable[[str], object]) -> Round:
        def work() -> None:
            for _ in range(CALLS // 100):
                for key in keys:
                    function(key)

        def go() -> None:
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return lambda: _timed(go)

    return {"four threads, hot keys / cachetools LRU, lock": (four(mine), four(theirs), 1 / 6)}


def through_redis(url: str) -> dict[str, tuple[Round, Round, float]]:
    def cache(name: str) -> Cache:
        # Nothing in memory is trusted, so every hit is one through Redis.
        return Cache(name, redis=Redis(url, timeout=5.0), trust=1e-9, backplane=False, ttl=10_000)

    plain, tagged = cache("plain"), cache("tagged")
    plain.set(KEY, VALUE)
    tagged.set(KEY, VALUE, tags=["product:7", "catalog"])
    client = redis.Redis.from_url(url)
    client.set("theirs", json.dumps(VALUE))

    async def each(work: Callable[[], object], at_once: int) -> None:
        for _ in range(TRIPS // at_once):
            if at_once == 1:
                await work()
            else:
                await asyncio.gather(*(work() for _ in range(at_once)))

    def ours_async(at_once: int) -> Round:
        async def go() -> None:
            await each(lambda: plain.aget(KEY), at_once)
            await plain.aclose()

        return lambda: _timed(lambda: asyncio.run(go()))

    def theirs_async(at_once: int) -> Round:
        async def go() -> None:
            async with redis.asyncio.Redis.from_url(url) as other:

                async def get() -> object:
                    return json.loads(await other.get("theirs"))

                await each(get, at_once)

        return lambda: _timed(lambda: asyncio.run(go()))

    theirs = called(lambda: json.loads(client.get("theirs")), "", TRIPS)
    return {
        "Redis, sync / GET and decode": (called(lambda: plain.get(KEY), "", TRIPS), theirs, 1.0),
        "Redis, sync, tagged / GET and decode": (called(lambda: tagged.get(KEY), "", TRIPS), theirs, 1.4),
        "Redis, asyncio / GET and decode": (ours_async(1), theirs_async(1), 1.0),
        "Redis, asyncio, 50 at once / GET and decode": (ours_async(50), theirs_async(50), 0.5),
    }


def measured(compared: dict[str, tuple[Round, Round, float]], rounds: int) -> bool:
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in compared}
    for _ in tqdm(range(rounds), leave=False):
        for name, (ours, theirs, _) in compared.items():
            times[name][0].append(ours())
            times[name][1].append(theirs())
    fine = True
    for name, (_, _, most) in compared.items():
        mine, other = (statistics.median(each[1:]) for each in times[name])
        fine &= mine / other <= most
        verdict = "ok" if mine / other <= most else "MISSED"
        print(f"| {name} | {mine / other:.2f} | {most:.2f} | {verdict} |", flush=True)
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    built = "PGO" if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") else "no PGO"
    print(
        f"Python {platform.python_version()}, {built}.\n\n"
        "| ours / theirs | ratio | limit | |\n| --- | ---: | ---: | --- |"
    )
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    fine = measured(decorators(), options.rounds)
    with running_redis() as url:
        fine &= measured(through_redis(url), options.rounds)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    fine &= measured(four_threads(), options.rounds)
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
