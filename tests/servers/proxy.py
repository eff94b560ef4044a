"""A TCP proxy that falls ill on command: half-open, slow, gone, cutting replies, or talking nonsense."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CHUNK = 65_536


class Proxy:
    """Between clients and one server. What it does is decided anew for each piece that passes.

    `is_silent`: takes connections and bytes, and lets nothing pass; a connection that was silent once stays so.
    `delay`: seconds that each reply is held back. `rewrite`: what becomes of each reply; None closes the connection.
    `heard`: all that clients have sent, by piece. `accepted` counts connections.
    """

    def __init__(self, port: int) -> None:
        self.is_silent = False
        self.delay = 0.0
        self.rewrite: Callable[[bytes], bytes | None] = bytes
        self.heard: list[bytes] = []
        self.accepted = 0
        self._target = port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._door: socket.socket | None = None
        self.port = 0
        self.start()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Close every connection."""
        for each in tuple(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Close everything: who connects is refused."""
        with self._lock:
            door, self._door = self._door, None
        if door is not None:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        self.cut()

    def start(self) -> None:
        """Take connections, again at the same port."""
        door = self._door = socket.create_server(("127.0.0.1", self.port))
        self.port = door.getsockname()[1]
        threading.Thread(target=self._serve, args=(door,), daemon=True).start()

    def _serve(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                self.accepted += 1
                threading.Thread(target=self._connect, args=(client, door), daemon=True).start()

    def _connect(self, client: socket.socket, door: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target)) as server:
            dead = threading.Event()
            with self._lock:
                if self._door is not door:  # stopped while this connection was being made
                    return
                self._open |= {client, server}
            back = threading.Thread(target=self._pass, args=(server, client, dead, True), daemon=True)
            back.start()
            self._pass(client, server, dead, False)
            back.join()
            self._open -= {client, server}

    def _pass(self, source: socket.socket, target: socket.socket, dead: threading.Event, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if not is_reply:
                    self.heard.append(data)
                if self.is_silent:
                    dead.set()
                if dead.is_set():
                    continue
                if is_reply:
                    time.sleep(self.delay)
                    changed = self.rewrite(data)
                    if changed is None:
                        break
                    data = changed
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the Redis of this URL."""
    proxy = Proxy(int(url.split(":")[2].split("/", maxsplit=1)[0]))
    try:
        yield proxy
    finally:
        proxy.stop()
