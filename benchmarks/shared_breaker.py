"""What callers notice of a Redis that is killed, hangs and comes back: `make shared-breaker`.

Threads and tasks call through a breaker that is shared through Redis, and through a rate limit in Redis, while the
server is killed, started again, stopped (SIGSTOP: it takes connections and answers nothing) and continued. A figure is
what a call takes beyond its own work. Exit code 1 when a limit is missed or anybody was given an exception.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mestres_perf import CircuitBreaker, RateLimit, Redis
from mestres_perf.resilience import SharedState
from servers.process import free_port

THREADS, TASKS, BETWEEN = 4, 16, 0.002
GROWTH, ADDED, LAG = 5.0, 1.0, 20.0  # milliseconds
PHASES = ("well", "killed", "restored", "hung", "continued")
SUBJECTS = ("breaker, threads", "breaker, tasks", "rate limit, threads", "rate limit, tasks")


class Server:
    """A redis-server that can be killed, started again at the same port, stopped and continued."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            raise SystemExit("no redis-server is installed")
        command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        raise SystemExit("redis-server did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class Load:
    """Callers, and how long their calls take in each phase, in milliseconds."""

    def __init__(self, url: str) -> None:
        self.phase = PHASES[0]
        self.took: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.lags: dict[str, list[float]] = defaultdict(list)
        self.exceptions: list[BaseException] = []
        self.shared = SharedState(Redis(url), interval=0.1)
        self.breaker = CircuitBreaker("payments", shared=self.shared)
        self.limit = RateLimit("1000000/s", redis=Redis(url), workers=1, name="bench")
        self._ends = threading.Event()
        works = (("breaker, threads", self._breaker), ("rate limit, threads", self._limit))
        self._threads = [
            threading.Thread(target=self._call, args=work) for work in works for _ in range(THREADS // len(works))
        ]
        self._threads.append(threading.Thread(target=lambda: asyncio.run(self._loop())))
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self.shared.close()

    def _breaker(self) -> None:
        self.breaker.call(int)

    def _limit(self) -> None:
        self.limit.acquire("client")

    async def _abreaker(self) -> None:
        await self.breaker.acall(_nothing)

    async def _alimit(self) -> None:
        await self.limit.aacquire("client")

    def _call(self, subject: str, work) -> None:
        while not self._ends.is_set():
            phase, began = self.phase, time.perf_counter()
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - every one of them is one too many
                self.exceptions.append(error)
            self.took[phase, subject].append((time.perf_counter() - began) * 1000)
            time.sleep(BETWEEN)

    async def _acall(self, subject: str, work) -> None:
        while not self._ends.is_set():
            phase, began = self.phase, time.perf_counter()
            try:
                await work()
            except BaseException as error:  # noqa: BLE001 - as above
                self.exceptions.append(error)
            self.took[phase, subject].append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(BETWEEN * TASKS / 4)

    async def _loop(self) -> None:
        works = (("breaker, tasks", self._abreaker), ("rate limit, tasks", self._alimit))
        tasks = [self._acall(*work) for work in works for _ in range(TASKS // len(works))]
        await asyncio.gather(self._watch_lag(), *tasks)

    async def _watch_lag(self) -> None:
        while not self._ends.is_set():
            phase, began = self.phase, time.perf_counter()
            await asyncio.sleep(0.001)
            self.lags[phase].append((time.perf_counter() - began) * 1000 - 1)


async def _nothing() -> None: ...


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]


def run(seconds: float) -> Load:
    with tempfile.TemporaryDirectory(prefix="mestres-") as folder:
        server = Server(folder)
        load = Load(server.url)
        turns = (lambda: None, server.kill, server.start, server.hang, server.go_on)
        try:
            for phase, turn in tqdm(list(zip(PHASES, turns, strict=True)), leave=False):
                turn()
                load.phase = phase
                time.sleep(seconds)
        finally:
            load.end()
            server.go_on()
            server.kill()
    return load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each phase lasts")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors; milliseconds; the growth is that of p99 over the first phase.\n")
    load = run(options.seconds)
    print("| | phase | calls | p50 | p99 | growth | limit | |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    fine = True
    for subject in SUBJECTS:
        well = percentile(load.took[PHASES[0], subject], 99)
        most = ADDED if subject.startswith("breaker") else GROWTH
        for phase in PHASES:
            took = load.took[phase, subject]
            p99 = percentile(took, 99)
            is_fine = p99 - well < most
            fine &= is_fine
            verdict = "ok" if is_fine else "MISSED"
            figures = f"{percentile(took, 50):.3f} | {p99:.3f} | {p99 - well:+.3f} | {most:.0f} | {verdict}"
            print(f"| {subject} | {phase} | {len(took)} | {figures} |")
    print("\n| loop lag | p50 | p99 | growth | limit | |\n| --- | ---: | ---: | ---: | ---: | --- |")
    before = percentile(load.lags[PHASES[0]], 99)
    for phase in PHASES:
        p99 = percentile(load.lags[phase], 99)
        is_fine = p99 - before < LAG
        fine &= is_fine
        figures = f"{percentile(load.lags[phase], 50):.3f} | {p99:.3f} | {p99 - before:+.3f} | {LAG:.0f}"
        print(f"| {phase} | {figures} | {'ok' if is_fine else 'MISSED'} |")
    print(f"\nexceptions that reached a caller: {len(load.exceptions)}; Redis was missed {load.shared.errors} times")
    for error in load.exceptions[:3]:
        print(repr(error))
    return 0 if fine and not load.exceptions else 1


if __name__ == "__main__":
    raise SystemExit(main())
