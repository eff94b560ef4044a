"""A real Prometheus that scrapes one application twice a second."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from servers.process import ServerProcess, Unavailable, free_port, make_folder, unprivileged_user

_CONFIGURATION = """\
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 500ms
rule_files:
  - rules.yml
scrape_configs:
"""
_JOB = """\
  - job_name: {job}
    static_configs:
      - targets: ["{target}"]
"""


@contextmanager
def running_prometheus(
    target: str, *, job: str, rules: str = "groups: []\n", others: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The URL of a Prometheus that asks `target` (host:port) for its /metrics, and the targets of `others` by job."""
    program = shutil.which("prometheus")
    if program is None:
        raise Unavailable("prometheus is not installed")
    user = unprivileged_user(preferred="prometheus")
    folder = make_folder(user)
    try:
        port = free_port()
        jobs = "".join(_JOB.format(job=name, target=place) for name, place in {job: target, **(others or {})}.items())
        (folder / "prometheus.yml").write_text(_CONFIGURATION + jobs, encoding="utf-8")
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        server = ServerProcess(command, folder=folder, user=user, stop_signal="TERM")
        url = f"http://127.0.0.1:{port}"
        server.wait_until(lambda: _is_ready(url))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield url
    finally:
        server.stop()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
