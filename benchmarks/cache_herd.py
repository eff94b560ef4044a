"""How long 200 callers on a cold key wait, in loader times, and how often they load: `make cache-herd`.

Exit code 1 when a limit is missed. The figures are medians of several herds; the limits are the project's own.
"""

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mestres_perf import Cache, Redis

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers.redis import running_redis

CALLERS, PROCESSES, SECONDS = 200, 4, 0.1
ONE_PROCESS, MANY_PROCESSES = 1.15, 1.2

Herd = tuple[float, int]
"""Time until the last caller had his value, in parts of what the loader itself took, and the number of loads."""


def threads(number: int) -> Herd:
    """A herd of threads, all of which stand ready before the first may go."""
    return _threads(Cache("herd"), f"k{number}", CALLERS)


def _threads(cache: Cache, key: str, callers: int, at: float = 0.0) -> Herd:
    loads: list[float] = []
    start, ends = threading.Event(), []

    def load() -> str:
        began = time.perf_counter()
        time.sleep(SECONDS)
        loads.append(time.perf_counter() - began)
        return "v"

    def call() -> None:
        start.wait()
        assert cache.get_or_load(key, load) == "v"
        ends.append(time.time())

    all_of_them = [threading.Thread(target=call) for _ in range(callers)]
    for each in all_of_them:
        each.start()
    time.sleep(max(0.0, at - time.time()))
    began = time.time()
    start.set()
    for each in all_of_them:
        each.join()
    return (max(ends) - began) / max(loads, default=SECONDS), len(loads)


def bare(_number: int) -> Herd:
    """The same threads with nothing between them but an event: what this machine allows just now."""
    start, done, ends = threading.Event(), threading.Event(), []

    def call() -> None:
        start.wait()
        done.wait()
        ends.append(time.time())

    all_of_them = [threading.Thread(target=call) for _ in range(CALLERS)]
    for each in all_of_them:
        each.start()
    began = time.time()
    start.set()
    time.sleep(SECONDS)
    took = time.time() - began
    done.set()
    for each in all_of_them:
        each.join()
    return (max(ends) - began) / took, 1


def tasks(number: int) -> Herd:
    """A herd of tasks of one loop."""
    loads: list[float] = []

    async def load() -> str:
        began = time.perf_counter()
        await asyncio.sleep(SECONDS)
        loads.append(time.perf_counter() - began)
        return "v"

    async def herd() -> float:
        cache = Cache("herd")
        began = time.perf_counter()
        await asyncio.gather(*(cache.aget_or_load(f"k{number}", load) for _ in range(CALLERS)))
        return time.perf_counter() - began

    return asyncio.run(herd()) / max(loads), len(loads)


@contextlib.contextmanager
def workers(url: str) -> Iterator[Callable[[int], Herd]]:
    """Processes that wait for a key and a moment at which all of them begin."""
    command = [sys.executable, __file__, "--worker", url]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]

    def herd(number: int) -> Herd:
        at = time.time() + 0.5
        for each in started:
            assert each.stdin is not None
            each.stdin.write(f"k{number} {at}\n")
            each.stdin.flush()
        told = [json.loads(each.stdout.readline()) for each in started if each.stdout is not None]
        return max(ratio for ratio, _ in told), sum(loads for _, loads in told)

    try:
        yield herd
    finally:
        for each in started:
            each.communicate()


def work(url: str) -> None:
    """One of the processes."""
    with Cache("herd", redis=Redis(url, timeout=5.0)) as cache:
        cache.get("warm")
        for line in sys.stdin:
            key, at = line.split()
            herd = _threads(cache, key, CALLERS // PROCESSES, at=float(at))
            print(json.dumps(herd), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=11, help="herds of each kind")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return 0
    rows = []
    with running_redis() as url, workers(url) as processes:
        for name, herd, most in (
            ("200 threads without a cache, for comparison", bare, math.inf),
            ("200 threads", threads, ONE_PROCESS),
            ("200 tasks", tasks, ONE_PROCESS),
            ("4 processes of 50 threads, one Redis", processes, MANY_PROCESSES),
        ):
            herds = [herd(number) for number in range(options.times)]
            ratio, best = statistics.median(ratio for ratio, _ in herds), min(ratio for ratio, _ in herds)
            once = all(loads == 1 for _, loads in herds)
            rows.append((name, best, ratio, most, once and ratio <= most))
    print("| | best | median loader times | limit | |\n| --- | ---: | ---: | ---: | --- |")
    for name, best, ratio, most, is_met in rows:
        print(f"| {name} | {best:.3f} | {ratio:.3f} | {most} | {'ok, one load each' if is_met else 'MISSED'} |")
    return 0 if all(is_met for *_, is_met in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
