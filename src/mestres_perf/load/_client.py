"""The engine of every measurement, a closed loop.

Each worker keeps one connection and sends its next request when it has the whole answer to the last.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from mestres_perf.errors import ConfigurationError, UnusableTarget

_TIMEOUT = 30.0
_BAD = 400
# What a connection that the server has closed in the meantime raises.
_GONE: Final = (ConnectionResetError, BrokenPipeError)  # http.client.RemoteDisconnected is a ConnectionResetError

_Raw = tuple[int, bytes, str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request.

    `status` is 0 when the connection broke or less came than was announced; `problem` then says how. `seconds` go from
    sending to the last byte; `cache` is the `X-Cache` header.
    """

    status: int
    seconds: float
    content: bytes = b""
    cache: str | None = None
    problem: str = ""

    @property
    def failed(self) -> bool:
        """A status from 400, or no whole answer."""
        return self.status == 0 or self.status >= _BAD

    def data(self, *path: str | int) -> Any:
        """What lies at this path inside the answer's `data`. Raises UnusableTarget when nothing does."""
        try:
            value = json.loads(self.content)["data"]
            for step in path:
                value = value[step]
        except (ValueError, LookupError, TypeError) as error:
            wanted = ".".join(str(step) for step in ("data", *path))
            got = self.problem or f"status {self.status}"
            raise UnusableTarget(f"an answer without {wanted} ({got}): is this the shop's HTTP API?") from error
        return value


class Client:
    """One kept-alive connection to `url` (`http://` or `https://`, with a path before every path if it has one).

    Raises ConfigurationError for an address that is none; sending raises nothing.
    """

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in {"http", "https"}:
            raise ConfigurationError(f"{url!r} is no address; an address looks like http://127.0.0.1:8000")
        self._prefix = parts.path.rstrip("/")
        self._connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(host, port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path, percent-encoded where it must be."""
        return self.send("GET", path, headers=headers)

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request, with `body` as JSON unless it is None."""
        content = None if body is None else json.dumps(body).encode()
        all_headers = {"Accept": "application/json", **(headers or {})}
        if content is not None:
            all_headers["Content-Type"] = "application/json"
        began = time.perf_counter()
        try:
            status, received, cache = self._exchange(method, self._prefix + path, content, all_headers)
        except (OSError, HTTPException) as error:
            self._connection.close()
            return Answer(0, time.perf_counter() - began, problem=f"{type(error).__name__}: {error}".rstrip(": "))
        return Answer(status, time.perf_counter() - began, received, cache)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Raw:
        # A server may close a connection that was idle; only a request that changes nothing may be sent twice for that.
        again = method == "GET" and self._connection.sock is not None
        try:
            return self._once(method, path, body, headers)
        except _GONE:
            self._connection.close()
            if not again:
                raise
        return self._once(method, path, body, headers)

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Raw:
        self._connection.request(method, path, body, dict(headers))
        with self._connection.getresponse() as response:
            content = response.read()  # IncompleteRead when less comes than Content-Length announced
            return response.status, content, response.getheader("X-Cache")


def products(client: Client) -> list[dict[str, Any]]:
    """The first page of products. Raises UnusableTarget when the application does not answer, or has none."""
    answer = client.get("/api/v1/products")
    if answer.status == 0:
        raise UnusableTarget(f"no answer ({answer.problem}); is the application running?")
    found: list[dict[str, Any]] = answer.data("products")
    if not found:
        raise UnusableTarget("the application has no products to measure with")
    return found


def closed_loop(
    url: str,
    work: Callable[[Client, int], None],
    *,
    count: int,
    workers: int,
    done: Callable[[], object] = lambda: None,
) -> float:
    """Do `work(client, number)` for the numbers below `count`, in `workers` threads; the seconds that it took.

    `done` is called after each. The first exception of `work` stops all and is raised here.
    """
    numbers = iter(range(count))
    lock = threading.Lock()
    stopping = threading.Event()

    def worker() -> None:
        with Client(url) as client:
            while not stopping.is_set():
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                work(client, number)
                with lock:
                    done()

    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in [pool.submit(worker) for _ in range(workers)]:
                future.result()
        finally:
            stopping.set()
    return time.perf_counter() - began
