"""How soon another process hears of an invalidation, and what a request loses while Redis is ill: `make cache-trouble`.

Exit code 1 when a limit is missed. The figures are times on this machine; the limits are the project's own.
"""

import argparse
import contextlib
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mestres_perf import MISS, Cache, Redis

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from perf.faces import FACES
from servers.redis import running_redis

LOST, LEFT_ALONE, HEARD, CLOSING = 60.0, 1.0, 5.0, 400.0  # milliseconds

Kind = Callable[[str], contextlib.AbstractContextManager[str]]


def heard(url: str, times: int) -> float:
    """Milliseconds from the return of an invalidation on one node to its effect on another, 99th percentile."""
    here, there = (Cache("trouble", redis=Redis(url, timeout=5.0), trust=20.0) for _ in range(2))
    with here, there:
        there.get("nothing")
        while there.core.follower.horizon(time.monotonic()) < time.monotonic():
            time.sleep(0.001)
        took = []
        for number in tqdm(range(times), leave=False):
            there.get_or_load("k", lambda number=number: number)
            here.delete("k")
            began = time.perf_counter()
            while there.peek("k") is not MISS:
                time.sleep(0.0001)
            took.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(took, n=100)[98]


@contextlib.contextmanager
def refused(_url: str) -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


@contextlib.contextmanager
def hung(_url: str) -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@contextlib.contextmanager
def slow(url: str) -> Iterator[str]:
    """Between client and server, each answer is held back for 200 ms."""
    target = ("127.0.0.1", int(url.split(":")[2].split("/", maxsplit=1)[0]))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=_relay, args=(client, target), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def _relay(client: socket.socket, target: tuple[str, int]) -> None:
    with contextlib.suppress(OSError), client, socket.create_connection(target) as upstream:
        while data := client.recv(65_536):
            upstream.sendall(data)
            answer = upstream.recv(65_536)
            time.sleep(0.2)
            client.sendall(answer)


def wanted(node: Any, function: Any) -> dict[str, Callable[[], object]]:
    """Every kind of request, for one colour."""
    return {
        "get": lambda: node.get("k"),
        "get_or_load": lambda: node.get_or_load("k", lambda: 1),
        "decorated": lambda: node.call(function, 1),
        "get_many": lambda: node.get_many(["a", "b"], lambda keys: dict.fromkeys(keys, 1)),
        "set": lambda: node.set("k", 1, tags=["t"]),
        "delete": lambda: node.delete("k"),
        "invalidate_tags": lambda: node.invalidate_tags("t"),
        "clear": lambda: node.clear(),  # noqa: PLW0108 - there is no node while only the names are wanted
    }


def lost(url: str, face: Any, kind: str) -> tuple[float, float, float]:
    """Milliseconds that the first request loses, the median of those after it, and what closing takes.

    Meanwhile a listener tries to connect again and again.
    """
    node = face(Cache("trouble", redis=Redis(url)))
    node.cache.core.store.put = lambda *_: True  # nothing is remembered: every request has to look for Redis
    request = wanted(node, node.decorate(same))[kind]
    took = [milliseconds(request) for _ in range(101)]
    return took[0], statistics.median(took[1:]), milliseconds(node.close)


def same(number: int) -> int:
    return number


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def ill(kind: Kind, url: str) -> Iterator[tuple[str, float, float]]:
    """The rows of one illness: the worst of all kinds of request, by colour, each the best of three tries."""
    for face in FACES:
        figures = []
        for request in wanted(None, None):
            with kind(url) as address:
                tries = [lost(address, face, request) for _ in range(3)]
            figures.append([min(each) for each in zip(*tries, strict=True)])
        first, after, closing = (max(each) for each in zip(*figures, strict=True))
        name = f"Redis {kind.__name__}, {face.name}"
        yield f"{name}: the first request of any kind loses", first, LOST
        yield f"{name}: each after it loses", after, LEFT_ALONE
        yield f"{name}: closing takes", closing, CLOSING


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=1000, help="invalidations")
    options = parser.parse_args()
    rows: list[tuple[str, float, float]] = []
    with running_redis() as url:
        rows.append(("another process hears of it, 99th percentile", heard(url, options.times), HEARD))
        kinds: tuple[Kind, ...] = (refused, hung, slow)
        for kind in kinds:
            rows.extend(ill(kind, url))
    print("| | ms | limit | |\n| --- | ---: | ---: | --- |")
    for name, took, most in rows:
        print(f"| {name} | {took:.2f} | {most:.0f} | {'ok' if took <= most else 'MISSED'} |")
    return 0 if all(took <= most for _, took, most in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
