"""What is left of processes that have counted and are gone."""

import subprocess
import sys
import tempfile
from pathlib import Path

from perf.peers_of_resilience.rules import Rule, register

_CHILDREN = 4
_OURS = """
from mestres_perf import Metrics
from mestres_perf.metrics._catalogue import Metric

def count():
    metrics = Metrics(directory=directory)
    metrics.series(Metric("peer_total", "counter", "p")).child().inc()
    return metrics

def look():
    return Metrics(directory=directory).render()
"""
_THEIRS = """
import os
os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

def count():
    Counter("peer", "p", registry=None).inc()

def look():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
"""
_RUN = """
import os
for _ in range({children}):
    child = os.fork()
    if not child:
        kept = count()
        os._exit(0)
    os.waitpid(child, 0)
    if "mark_process_dead" in globals():
        mark_process_dead(child)
page = look().decode()
print([line for line in page.splitlines() if line.startswith("peer_total")])
"""


def _leaves_little(program: str) -> bool:
    """Whether all is counted, and there are fewer files than there were processes."""
    with tempfile.TemporaryDirectory(prefix="mestres-") as directory:
        source = f"directory = {directory!r}\n{program}{_RUN.format(children=_CHILDREN)}"
        run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=True)
        files = [path for path in Path(directory).iterdir() if path.stat().st_size]
        return run.stdout.strip() == f"['peer_total {_CHILDREN}.0']" and len(files) < _CHILDREN


register(
    Rule(
        "leftovers",
        "M1",
        "timers",
        "processes that are gone leave no files behind",
        "Four processes count one after the other and end, as workers that are replaced do: all is on the page, and "
        "there are not as many files.",
        {
            "mestres_perf": lambda _: _leaves_little(_OURS),
            "prometheus_client": lambda _: _leaves_little(_THEIRS),
        },
    )
)
