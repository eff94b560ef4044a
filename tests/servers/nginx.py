"""A real nginx, run as an ordinary user with a configuration of the test's own."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.process import ServerProcess, Unavailable, free_port, make_folder, unprivileged_user


def nginx_program() -> str:
    """The program; Debian keeps it where ordinary users do not look."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable("nginx is not installed")
    return found


@contextmanager
def running_nginx(configure: Callable[[Path, int], str]) -> Iterator[str]:
    """The URL of an nginx whose configuration is `configure(folder, port)`: it may write into the folder only."""
    program = nginx_program()
    folder = make_folder(unprivileged_user(preferred="www-data"))
    try:
        port = free_port()
        (folder / "nginx.conf").write_text(configure(folder, port), encoding="utf-8")
        folder.chmod(0o755)
        server = ServerProcess(
            [program, "-e", folder / "error.log", "-c", folder / "nginx.conf", "-g", "daemon off;"],
            folder=folder,
            user=unprivileged_user(preferred="www-data"),
            stop_signal="TERM",
        )
        server.wait_until(lambda: _listens(port))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
