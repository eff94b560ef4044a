"""Workers of a real gunicorn replaced again and again under load, one killed with -9: `make recycling`.

Prometheus looks on all the time. No counter may ever fall, no request that was answered may be missing but the one that
the killed worker had just answered, nothing may be in progress at the end, there may be no more files than processes
and three, and the page may take a worker 50 ms of the processor. Exit code 1 when that is not so.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from perf.metrics.recycling import Seen, recycle

MOST = 50.0
"""Milliseconds of the processor for a page, at the median. How long it waits for one is the machine's business."""
BESIDE_WORKERS = 4
"""Files that are no worker's: the master's, that of the dead, the lock, and one that is being written."""


def verdicts(seen: Seen, workers: int, replaced: int) -> dict[str, bool]:
    missing = max(0.0, seen.answered - seen.counted("http_requests_total"))
    took, worked = (1000 * statistics.median(column) for column in zip(*seen.pages, strict=True))
    print(f"{len(seen.workers)} workers, {seen.sent} requests, {seen.answered} answered, {seen.killed} killed")
    print(f"{len(seen.pages)} pages, {took:.1f} ms until one is there at the median, {worked:.1f} ms of the processor")
    print(f"at most {seen.most_files} files, {seen.bytes_on_disk // 1024} KiB on disk")
    return {
        f"{replaced} workers replaced, one killed": len(seen.workers) >= workers + replaced and seen.killed == 1,
        "no counter fell" + "".join(f"\n    {each}" for each in seen.fell[:5]): not seen.fell,
        f"{missing:.0f} answered requests are missing": missing <= seen.killed,
        "nothing in progress": seen.counted("http_requests_in_progress") == 0,
        f"at most {workers + BESIDE_WORKERS} files": seen.most_files <= workers + BESIDE_WORKERS,
        f"at most {MOST:.0f} ms of the processor for a page": worked <= MOST,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--times", type=int, default=50, help="how often each of them is replaced")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    replaced = options.workers * options.times
    seen = recycle(
        workers=options.workers,
        replaced=replaced,
        max_requests=25,
        clients=options.clients,
        pause=0.02,
        patience=5.0 * replaced,
    )
    results = verdicts(seen, options.workers, replaced)
    for rule, is_kept in results.items():
        print(f"{'ok    ' if is_kept else 'MISSED'}  {rule}")
    return int(not all(results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
