"""What four hundred dead workers leave behind, here and in prometheus_client's mode for several processes.

Each worker is forked, counts fifty endpoints with two methods, has a request in progress and is killed. Then somebody
makes a page, twice: the first one cleans up, where anything is cleaned up. `make leftovers`; exit code 1 when the
second page takes more than a tenth of the peer's time, or files are left, or anything is still in progress.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

METHODS, ENDPOINTS = ("GET", "POST"), [f"/{number}" for number in range(50)]
MOST = 0.1
"""Our second page, as a share of the peer's."""
Page = Callable[[], bytes]


def ours(directory: str) -> tuple[Callable[[], None], Page]:
    """What a worker counts, and how somebody looks."""
    from mestres_perf import Metrics

    metrics = Metrics(directory=directory)

    def count() -> None:
        metrics.in_progress.inc()
        for endpoint in ENDPOINTS:
            for method in METHODS:
                metrics.requests.child(method, endpoint, "200").inc()
                metrics.duration.child(method, endpoint).observe(0.1)

    return count, metrics.render


def theirs(_directory: str) -> tuple[Callable[[], None], Page]:
    """The same. PROMETHEUS_MULTIPROC_DIR is set."""
    import prometheus_client
    from prometheus_client.multiprocess import MultiProcessCollector

    progress = prometheus_client.Gauge("http_requests_in_progress", "", multiprocess_mode="livesum")
    requests = prometheus_client.Counter("http_requests", "", ("method", "endpoint", "status"))
    duration = prometheus_client.Histogram("http_request_duration_seconds", "", ("method", "endpoint"))

    def count() -> None:
        progress.inc()
        for endpoint in ENDPOINTS:
            for method in METHODS:
                requests.labels(method, endpoint, "200").inc()
                duration.labels(method, endpoint).observe(0.1)

    def page() -> bytes:
        registry = prometheus_client.CollectorRegistry()
        MultiProcessCollector(registry)
        return prometheus_client.generate_latest(registry)

    return count, page


def leave_behind(library: str, workers: int, directory: str) -> dict[str, float]:
    count, page = {"ours": ours, "theirs": theirs}[library](directory)
    for _ in range(workers):
        worker = os.fork()
        if not worker:
            count()
            os._exit(0)  # as a kill would: nothing is put in order
        os.waitpid(worker, 0)
    figures: dict[str, float] = {}
    for name in ("first", "second"):
        began = time.perf_counter()
        text = page().decode()
        figures[name] = 1000 * (time.perf_counter() - began)
    lines = [line.rpartition(" ") for line in text.splitlines()]
    files = list(Path(directory).iterdir())
    return {
        **figures,
        "files": len(files),
        "mebibytes": sum(512 * file.stat().st_blocks for file in files) / 2**20,
        "in progress": sum(float(value) for name, _, value in lines if name == "http_requests_in_progress"),
        "requests": sum(float(value) for name, _, value in lines if name.startswith("http_requests_total{")),
    }


def measured(library: str, workers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [sys.executable, __file__, "--of", library, "--workers", str(workers), "--directory", directory],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": directory},
            stdout=subprocess.PIPE,
            check=True,
        )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=400)
    parser.add_argument("--of", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.of:
        print(json.dumps(leave_behind(options.of, options.workers, options.directory)))
        return 0
    here, there = measured("ours", options.workers), measured("theirs", options.workers)
    print(f"{options.workers} dead workers | ours | prometheus_client\n--- | ---: | ---:")
    for name in here:
        print(f"{name} | {here[name]:.1f} | {there[name]:.1f}")
    is_kept = here["second"] <= MOST * there["second"] and here["files"] <= 3 and not here["in progress"]
    print(
        f"the second page: {here['second'] / there['second']:.3f} of theirs ({MOST}): {'ok' if is_kept else 'MISSED'}"
    )
    return int(not is_kept)


if __name__ == "__main__":
    raise SystemExit(main())
