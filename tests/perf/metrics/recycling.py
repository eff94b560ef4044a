"""Workers that are replaced again and again under load, one of them killed, while Prometheus looks on."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from servers.gunicorn import Gunicorn, running_gunicorn

APPLICATION = """
import os, time
from mestres_perf import Cache, Metrics, instrument

cache, metrics = Cache("shop"), Metrics()
render = metrics.render

def timed():
    began, worked = time.perf_counter(), time.thread_time()
    page = render()
    with open("renders", "a") as renders:
        print(time.perf_counter() - began, time.thread_time() - worked, file=renders)
    return page

def app(environ, start_response):
    cache.get_or_load(environ["PATH_INFO"], lambda: 1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

metrics.render = timed
app = instrument(app, metrics=metrics, caches=[cache])
"""
BETWEEN_PAGES = 0.05


@dataclass
class Seen:
    """What came of it. Every request that was answered was sent; times are in seconds."""

    sent: int = 0
    answered: int = 0
    killed: int = 0
    workers: set[int] = field(default_factory=set)
    # In the worker, for a client also waits for one that is free: until a page was there, and of the processor.
    pages: list[tuple[float, float]] = field(default_factory=list)
    fell: list[str] = field(default_factory=list)
    most_files: int = 0
    bytes_on_disk: int = 0
    last: dict[str, float] = field(default_factory=dict)

    def counted(self, name: str) -> float:
        """All series of a metric together, at the end."""
        return sum(value for series, value in self.last.items() if series.partition("{")[0] == name)


class Clients:
    """Threads that ask again and again until it is enough."""

    def __init__(self, server: Gunicorn, seen: Seen, number: int, pause: float) -> None:
        self._server, self._seen, self._pause = server, seen, pause
        self._lock, self._enough = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def ask(self) -> int:
        """Which worker has answered; 0 when none has."""
        worker = int(self._server.get("/product") or 0)
        with self._lock:
            self._seen.sent += 1
            if worker:
                self._seen.answered += 1
                self._seen.workers.add(worker)
        return worker

    def _go_on(self) -> None:
        while not self._enough.wait(self._pause):
            self.ask()


def recycle(*, workers: int, replaced: int, max_requests: int, clients: int, pause: float, patience: float) -> Seen:
    """Let so many workers be replaced, kill one of them halfway, and look at the page all the time.

    `clients` ask with a `pause` (seconds) after each answer; it ends after `patience` at the latest.
    """
    seen = Seen()
    with running_gunicorn(
        APPLICATION, workers=workers, max_requests=max_requests, variables={"MESTRES_METRICS_DIR": "{folder}/metrics"}
    ) as server:
        load = Clients(server, seen, clients, pause)
        try:
            deadline = time.monotonic() + patience
            while (len(seen.workers) < workers + replaced or not seen.killed) and time.monotonic() < deadline:
                _look(server, seen)
                if not seen.killed and len(seen.workers) >= workers + replaced // 2:
                    seen.killed += _kill(load.ask())
                time.sleep(BETWEEN_PAGES)
        finally:
            load.end()
        _look(server, seen)
        lines = (server.folder / "renders").read_text().splitlines()
        seen.pages = [(float(took), float(worked)) for took, worked in map(str.split, lines)]
    return seen


def _kill(worker: int) -> bool:
    if not worker:
        return False
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:  # that was its last request
        return False
    return True


def _look(server: Gunicorn, seen: Seen) -> None:
    page = server.get("/metrics")
    if page is None:
        return
    files = list((server.folder / "metrics").iterdir())
    seen.most_files = max(seen.most_files, len(files))
    seen.bytes_on_disk = max(seen.bytes_on_disk, sum(512 * _blocks(file) for file in files))
    now = _series(page.decode())
    for series, before in seen.last.items():
        if _only_grows(series) and now.get(series, 0) < before:
            seen.fell.append(f"{series}: {before} to {now.get(series)}")
    seen.last = now


def _blocks(file: Path) -> int:
    try:
        return file.stat().st_blocks
    except FileNotFoundError:
        return 0


def _only_grows(series: str) -> bool:
    return series.partition("{")[0].endswith(("_total", "_count", "_sum", "_bucket"))


def _series(page: str) -> dict[str, float]:
    return {
        f"{sample.name}{{{sorted(sample.labels.items())}}}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
