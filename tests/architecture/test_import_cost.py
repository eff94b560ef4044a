"""Importing a package loads only what every user of it needs."""

import subprocess
import sys

import pytest

_FRAMEWORKS = {"celery", "django", "fastapi", "flask", "opentelemetry", "starlette"}
_STRANGERS = {
    "mestres_perf": _FRAMEWORKS | {"mestres_core", "prometheus_client", "redis", "sqlalchemy"},
    "mestres_core": _FRAMEWORKS | {"mestres_perf", "prometheus_client", "psycopg", "redis"},
}


@pytest.mark.parametrize("package", _STRANGERS)
def test_import_loads_no_stranger(package):
    """`import package` in a fresh interpreter loads no framework, client or sibling."""
    program = f"import sys, {package}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}

    assert loaded & _STRANGERS[package] == set()
    assert package in loaded
