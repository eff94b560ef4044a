"""What counting and the page of /metrics cost beside prometheus_client, as ratios of one run: `make metrics-page`.

Both count the same observations in the same buckets; both have their children at hand; prometheus_client is spared its
`_created` series, which we do not have. Each figure is the least of many rounds, ours and theirs by turns in one
process. Exit code 1 when a ratio is above its limit; rows without a limit are for information.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import prometheus_client
from tqdm import tqdm

from mestres_perf import Metrics
from mestres_perf.metrics import _catalogue as catalogue

HISTOGRAMS = 300
CALLS = 1000
SECONDS = (0.003, 0.03, 0.3, 0.3, 3.0)


@dataclass
class Row:
    """Two ways to do the same. `most` is what ours may be of theirs; each is done `times` times in a round."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    times: int
    most: float | None = None


def took(function: Callable[[], object], times: int) -> float:
    """Seconds for one call."""
    began = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - began) / times


def rows() -> list[Row]:
    metrics, registry = Metrics(), prometheus_client.CollectorRegistry()
    names = ("method", "endpoint")
    peer = prometheus_client.Histogram("duration", "", names, buckets=catalogue.BUCKETS, registry=registry)
    counter = prometheus_client.Counter("requests", "", ("name",), registry=prometheus_client.CollectorRegistry())
    for number in range(HISTOGRAMS):
        for histogram in (metrics.duration.child("GET", f"/{number}"), peer.labels("GET", f"/{number}")):
            for seconds in SECONDS:
                histogram.observe(seconds)
    apart = Metrics()
    own, other = apart.duration.child("GET", "/"), peer.labels("GET", "/0")
    own_counter, other_counter = apart.calls.child("f", "success"), counter.labels("f")
    return [
        Row(
            f"page of {HISTOGRAMS} histograms",
            metrics.render,
            lambda: prometheus_client.generate_latest(registry),
            1,
            0.5,
        ),
        Row("observe", lambda: own.observe(0.03), lambda: other.observe(0.03), CALLS, 0.5),
        Row("inc", own_counter.inc, other_counter.inc, CALLS, 0.5),
    ]


def measure(rows: list[Row], rounds: int) -> dict[str, tuple[float, float]]:
    times: dict[str, tuple[list[float], list[float]]] = {row.name: ([], []) for row in rows}
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for row in rows:
            times[row.name][0].append(took(row.ours, row.times))
            times[row.name][1].append(took(row.theirs, row.times))
    return {name: (min(ours), min(theirs)) for name, (ours, theirs) in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    prometheus_client.disable_created_metrics()
    all_rows = rows()
    figures = measure(all_rows, parser.parse_args().rounds)
    print(f"{'':32}{'ours, us':>12}{'theirs, us':>12}{'ratio':>8}{'limit':>8}")
    failed = False
    for row in all_rows:
        ours, theirs = figures[row.name]
        ratio = ours / theirs
        failed |= row.most is not None and ratio > row.most
        limit = "" if row.most is None else f"{row.most:.2f}"
        print(f"{row.name:32}{1e6 * ours:12.2f}{1e6 * theirs:12.2f}{ratio:8.2f}{limit:>8}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
