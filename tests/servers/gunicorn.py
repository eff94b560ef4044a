"""gunicorn with workers that are replaced after a number of requests, and an application that they are given."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from servers.process import ServerProcess, free_port, make_folder


class Gunicorn:
    """One server; `folder` is its working directory, in which the application is a file."""

    def __init__(self, application: str, *, workers: int, max_requests: int, variables: dict[str, str]) -> None:
        self.port = free_port()
        folder = make_folder(None)
        self.folder = Path(folder)
        (self.folder / "site_of_the_test.py").write_text(application)
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", workers, "--bind", self.address]
        command += ["--max-requests", max_requests, "--graceful-timeout", 10, "--worker-tmp-dir", folder]
        environment = [f"{name}={value.format(folder=folder)}" for name, value in variables.items()]
        self._process = ServerProcess(
            ["/usr/bin/env", *environment, *map(str, command), "site_of_the_test:app"],
            folder=folder,
            user=None,
            stop_signal="TERM",
        )
        self._process.wait_until(lambda: self.get("/health/live") is not None)
        self.stop = self._process.stop

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes | None:
        """The body of the answer; None when there was none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except (OSError, HTTPException):  # a worker that was killed
            return None
        finally:
            connection.close()


@contextmanager
def running_gunicorn(
    application: str, *, workers: int, max_requests: int, variables: dict[str, str]
) -> Iterator[Gunicorn]:
    """A server with this application, the source of a module with `app`; `{folder}` in a variable is its folder."""
    server = Gunicorn(application, workers=workers, max_requests=max_requests, variables=variables)
    try:
        yield server
    finally:
        server.stop()
