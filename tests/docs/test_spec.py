"""The page of the specification: every row with its command, run, and its tests, there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from docs.pages import ROOT
from servers.process import free_port

_PAGE = ROOT / "docs" / "spec.md"
_DEMO = "http://127.0.0.1:8000"
_DATABASE = "postgresql://localhost/shop"

# The rows of the specification, in its own words; none may be missing from the page.
_ROWS = (
    "SLAs and targets, per feature|database benchmarks|API benchmarks|load-test scenarios|web vitals"
    "|front-end optimisation|pool, sessions, JSON settings|caching decorators, optimised queries|background tasks"
    "|PostgreSQL tuning|nginx|system metrics and thresholds|application metrics, `track_performance`|health endpoint"
    "|circuit breaker|multi-layer cache, named caches|cache warming|cache invalidation|adaptive caching|dashboards"
    "|alert rules|product listing, detail, cart, checkout, payment, confirmation"
    "|search: simple, filtered, autocomplete, fuzzy|admin: dashboard, reports, bulk, export"
).split("|")


def _table():
    for line in _PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] not in ("row", "---"):
            yield cells


_TABLE = list(_table())
_COMMANDS = list(
    dict.fromkeys(command for row in _TABLE for command in re.findall(r"`([^`]+)`", row[2].split("long:")[0]))
)


def test_every_row_is_there():
    """The page has each row of the specification once, in its order."""
    assert [row[0] for row in _TABLE] == _ROWS


@pytest.mark.parametrize("row", _TABLE, ids=lambda row: row[0])
def test_every_row_has_its_place_a_command_and_tests(row):
    """The modules and files that a row names exist, and so do its tests."""
    for place in re.findall(r"`([^`]+)`", row[1]):
        path = ROOT / (place if "/" in place else f"src/{place.replace('.', '/')}")
        found = path.exists() or path.with_suffix(".py").exists() or _is_public(place)
        assert found, place
    assert re.findall(r"`([^`]+)`", row[2])
    tests = re.findall(r"`([^`]+)`", row[3])
    assert tests
    assert [test for test in tests if not (ROOT / test).is_file()] == []


def _is_public(place):
    import importlib

    module, _, name = place.rpartition(".")
    return hasattr(importlib.import_module(module), name)


def _answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def demo(postgres_url, redis_url, tmp_path_factory):
    """A running demo on a PostgreSQL of its own, and the environment that its commands share."""
    import uuid

    import psycopg
    from sqlalchemy import make_url

    url = make_url(postgres_url)
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_spec_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    database = url.set(database=name).render_as_string(hide_password=False)
    port = free_port()
    environment = {**os.environ, "MESTRES_DATABASE_URL": database, "MESTRES_REDIS_URL": redis_url}
    command = [Path(sys.executable).with_name("mestres"), "demo", "--no-browser", "--port", str(port), "--orders", "30"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if _answers(f"{address}/health/ready"):
            break
        time.sleep(0.1)
    yield {_DEMO: address, _DATABASE: database}, environment, tmp_path_factory.mktemp("spec")
    process.terminate()
    process.wait(30)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.process
@pytest.mark.parametrize("command", _COMMANDS)
def test_the_command_works(demo, require_part, command):
    """What the page says can be seen is there to be seen: the command runs, and finds nothing missed."""
    real, environment, folder = demo
    for written, meant in real.items():
        command = command.replace(written, meant)
    program, *arguments = shlex.split(command)
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    require_part(found, f"{program} is not installed")
    run = subprocess.run(
        [found, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    # A machine under test may be slow or busy: what is judged here is that the command measures, not how fast it is.
    measured = program == "mestres-perf" and arguments[0] in ("slo", "load", "check") and run.returncode == 1
    assert run.returncode == 0 or measured, run.stdout[-3000:] + run.stderr[-3000:]
    assert run.stdout.strip()
