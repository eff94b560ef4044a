"""The files of the operations kit, and how they get into a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from mestres_perf.assets._celery import celery_settings
from mestres_perf.assets._dashboard import grafana_dashboard
from mestres_perf.assets._nginx import nginx_conf
from mestres_perf.assets._postgresql import postgresql_conf
from mestres_perf.assets._rules import prometheus_budgets_test, prometheus_rules, prometheus_rules_test
from mestres_perf.assets._settings import Settings
from mestres_perf.assets._template import read
from mestres_perf.errors import ConfigurationError
from mestres_perf.load import k6_script, locustfile

FILES: Mapping[str, Callable[[Settings], str]] = {
    "nginx.conf": nginx_conf,
    "postgresql.conf": postgresql_conf,
    "postgres_views.sql": lambda _settings: read("postgres_views.sql"),
    "celery_settings.py": celery_settings,
    "prometheus_rules.yml": lambda _settings: prometheus_rules(),
    "prometheus_rules_test.yml": lambda _settings: prometheus_rules_test(),
    "prometheus_budgets_test.yml": lambda _settings: prometheus_budgets_test(),
    "grafana_dashboard.json": lambda _settings: grafana_dashboard(),
    "locustfile.py": lambda _settings: locustfile(),
    "k6.js": lambda _settings: k6_script(),
}


def write(folder: Path, settings: Settings, *, force: bool = False) -> dict[str, bool]:
    """Write every file of the kit into `folder`, which is made if need be; the result says which ones changed.

    A file that is already there and says something else stops everything before the first one is written, unless
    `force`: it may have been edited. Each file is replaced in one step. Raises `ConfigurationError`.
    """
    texts = {name: render(settings) for name, render in FILES.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = {name: _text_of(folder / name) for name in texts}
        edited = [name for name, text in before.items() if text not in (None, texts[name])]
        if edited and not force:
            raise ConfigurationError(
                f"{', '.join(edited)} in {folder} would be overwritten: keep them elsewhere, or force it; "
                "nothing was written"
            )
        for name, text in texts.items():
            if before[name] != text:
                _replace(folder / name, text)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written to: {error}") from error
    return {name: before[name] != text for name, text in texts.items()}


def _text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return None


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
