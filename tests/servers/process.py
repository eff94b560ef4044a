"""One server process that cannot outlive the tests.

The server runs under a small shell that reads a pipe held by the test process. When the pipe closes, be it by
`stop()` or because the test process crashed or was killed, the shell stops the server and removes its folder. So
there is one way to stop, and it does not depend on Python still being alive.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# $1 = the server's folder, $2 = the signal that stops it; the rest is the command.
_GUARD = 'dir=$1; sig=$2; shift 2; "$@" >"$dir/log" 2>&1 & read -r _; kill -s "$sig" $!; wait $!; rm -rf "$dir"'
_START_SECONDS = 30.0
_ROOMY_BYTES = 4 * 1024**3  # a container's default of 64 MB would fill up


class Unavailable(Exception):
    """The server cannot be had here; the text says what was looked for."""


def unprivileged_user(*, preferred: str) -> str | None:
    """Whom to start a server as: nobody in particular, unless we are root (PostgreSQL refuses root)."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return preferred if preferred in names else "nobody"


def make_folder(user: str | None) -> Path:
    """A short temporary folder (a Unix socket's path has room for about 100 characters) owned by `user`."""
    folder = Path(tempfile.mkdtemp(prefix="mestres-", dir=_memory_disk()))
    if user is not None:
        shutil.chown(folder, user=user)
    return folder


def _memory_disk() -> str | None:
    """Where Linux keeps files in memory, if there is plenty: an empty database is made ten times faster there."""
    shm = Path("/dev/shm")
    if not (shm.is_dir() and os.access(shm, os.W_OK)):
        return None
    disk = os.statvfs(shm)
    # Programs from a wheel are copied into the folder, so it must allow them to run.
    usable = disk.f_bavail * disk.f_frsize > _ROOMY_BYTES and not disk.f_flag & os.ST_NOEXEC
    return str(shm) if usable else None


def free_port() -> int:
    """A port on which nothing listens, and that no outgoing connection is given meanwhile: those begin at 32768."""
    for port in random.sample(range(12_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Unavailable("a free port: a hundred were tried between 12000 and 32000")


class ServerProcess:
    """A running server and the folder that goes away with it."""

    def __init__(self, command: Sequence[str | Path], *, folder: Path, user: str | None, stop_signal: str) -> None:
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        self.folder = folder
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(folder), stop_signal, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches pytest only; the guard then stops the server in order
            **as_user,
        )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when `ready` says so; otherwise stop the server and raise with the end of its log."""
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"the server did not answer within {_START_SECONDS:g} s; its log ends:\n{log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server and remove its folder; returns when both are done."""
        # A line, not only the end of the pipe: a forked child of the tests may still hold its other copy.
        self._guard.communicate(b"\n", timeout=_START_SECONDS)
