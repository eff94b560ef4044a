"""Hit ratios of this cache's policies, of other caches, and of Belady's optimum: `make hit-ratio`.

Runs over generated Zipf(0.99) accesses, with and without scans, and over the real traces beside the checkout when they
are there. The table goes to standard output as Markdown.
"""

import argparse
import bisect
import gzip
import heapq
import itertools
import lzma
import random
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from mestres_perf import MISS, Cache, Memory

TRACES = Path(__file__).parents[2] / "shared" / "data" / "traces"
SIZES = (0.001, 0.01, 0.1)
Trace = Sequence[int]
Simulate = Callable[[Trace, int, int], float]


def belady(trace: Trace, places: int, warm_up: int) -> float:
    """The optimum that knows the future: what is wanted last goes (Belady, IBM Systems Journal 5(2), 1966)."""
    never = len(trace)
    following, next_use = [never] * len(trace), dict[int, int]()
    for index in range(len(trace) - 1, -1, -1):
        following[index] = next_use.get(trace[index], never)
        next_use[trace[index]] = index
    held: dict[int, int] = {}
    furthest: list[tuple[int, int]] = []
    hits = 0
    for index, key in enumerate(trace):
        if key in held:
            hits += index >= warm_up
        elif len(held) >= places:
            while True:
                use, candidate = heapq.heappop(furthest)
                if held.get(candidate) == -use:  # else it was used since
                    del held[candidate]
                    break
        held[key] = following[index]
        heapq.heappush(furthest, (-following[index], key))
    return hits / (len(trace) - warm_up)


def ours(policy: str) -> Simulate:
    """Through the public face of the cache."""

    def simulate(trace: Trace, places: int, warm_up: int) -> float:
        cache = Cache(memory=Memory(max_items=places, policy=policy), ttl=1e9)
        return _ratio(trace, warm_up, lambda key: cache.get(key) is not MISS, lambda key: cache.set(key, key))

    return simulate


def mapping(make: Callable[[int], dict[int, int]]) -> Simulate:
    """Through a mapping's `get` and item assignment."""

    def simulate(trace: Trace, places: int, warm_up: int) -> float:
        cache = make(places)
        return _ratio(trace, warm_up, lambda key: cache.get(key) is not None, lambda key: cache.__setitem__(key, key))

    return simulate


def _theine(trace: Trace, places: int, warm_up: int) -> float:
    import theine

    cache = theine.Cache(places)
    return _ratio(trace, warm_up, lambda key: cache.get(key)[1], lambda key: cache.set(key, key))


def _ratio(trace: Trace, warm_up: int, has: Callable[[int], bool], put: Callable[[int], object]) -> float:
    hits = 0
    for index, key in enumerate(trace):
        if has(key):
            hits += index >= warm_up
        else:
            put(key)
    return hits / (len(trace) - warm_up)


def everybody() -> dict[str, Simulate]:
    """Those that are installed; the others are named on standard error."""
    found: dict[str, Simulate] = {"Belady": belady, **{name: ours(name) for name in ("s3fifo", "tinylfu", "lru")}}
    try:
        import cachetools

        found["cachetools LRU"] = mapping(cachetools.LRUCache)
        found["cachetools LFU"] = mapping(cachetools.LFUCache)
        import cachebox

        found["cachebox LRU"] = mapping(cachebox.LRUCache)
        found["cachebox LFU"] = mapping(cachebox.LFUCache)
        import theine  # noqa: F401 - only whether it is there

        found["theine"] = _theine
    except ImportError as error:
        print(f"not compared: {error}; install the extra `bench`", file=sys.stderr)
    return found


def zipf(*, keys: int, count: int, scans: bool = False, seed: int = 1) -> list[int]:
    """Accesses whose popularity falls with the rank to the power of 0.99; `scans` strews in runs of keys seen once."""
    dice = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank**0.99 for rank in range(1, keys + 1)))
    accesses: list[int] = []
    fresh = keys
    while len(accesses) < count:
        if scans and dice.random() < 0.0001:
            accesses.extend(range(fresh, fresh + keys // 400))
            fresh += keys // 400
        accesses.append(bisect.bisect(weights, dice.random() * weights[-1]))
    return accesses[:count]


def read(path: Path) -> list[int]:
    """A trace as numbers, one for each key."""
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path) as file:
        data = file.read()
    if path.name.startswith(("web", "orm")):
        return list(struct.unpack(f">{len(data) // 4}i", data[: len(data) // 4 * 4]))
    column = 1 if path.name.startswith("request") else 0
    rows = (line.split() for line in data.split(b"\n"))
    numbers: dict[bytes, int] = {}
    words = (row[column].strip(b"\x00") for row in rows if len(row) > column)
    return [numbers.setdefault(word, len(numbers)) for word in words if word.isdigit() or column]


def workloads(*, most: int) -> Iterator[tuple[str, Trace, list[int], int]]:
    """Name, accesses, sizes to try, accesses that only warm up."""
    full = most >= 1_500_000
    keys, count = (1_000_000, 1_500_000) if full else (100_000, 300_000)
    for scans in (False, True):
        name = f"Zipf 0.99, {keys:,} keys" + (", scans" if scans else "")
        yield name, zipf(keys=keys, count=count, scans=scans), [keys // 100], count // 5
    for path in sorted(TRACES.glob("*.trace.*")):
        trace = read(path)[:most]
        distinct = len(set(trace))
        yield path.name.partition(".")[0], trace, [max(1, int(distinct * size)) for size in SIZES], 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_500_000, help="accesses of each trace at most")
    options = parser.parse_args()
    compared = everybody()
    print(f"| accesses | places | {' | '.join(compared)} |\n| --- | ---: |{' ---: |' * len(compared)}")
    sums = dict.fromkeys(compared, 0.0)
    count = 0
    for name, trace, sizes, warm_up in workloads(most=options.most):
        for places in sizes:
            found = {
                one: simulate(trace, places, warm_up)
                for one, simulate in tqdm(compared.items(), desc=f"{name} {places}", leave=False)
            }
            print(f"| {name} | {places:,} | " + " | ".join(f"{ratio:.1%}" for ratio in found.values()) + " |")
            if warm_up == 0:
                count += 1
                sums = {one: sums[one] + found[one] for one in sums}
    if count:
        print("| mean over the traces | | " + " | ".join(f"{total / count:.1%}" for total in sums.values()) + " |")


if __name__ == "__main__":
    main()
