"""The locust file, run by locust."""

import os
import subprocess
import sys
import types

import pytest

from mestres_perf.load import SCENARIOS, locustfile

_SHORT = "0.04"


@pytest.fixture
def locust(tmp_path):
    """`locust(url, **environment)`: one headless run; the finished process."""
    (tmp_path / "locustfile.py").write_text(locustfile(), encoding="utf-8")

    def run(url, **environment):
        command = [sys.executable, "-m", "locust", "-f", "locustfile.py", "--headless", "--host", url]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "MESTRES_SCENARIO": "smoke", "MESTRES_DURATION_SCALE": _SHORT, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _verdicts(run):
    return {line.split()[0]: line.split()[-1] for line in run.stdout.splitlines() if line.endswith((" ok", " FAIL"))}


@pytest.mark.process
def test_a_shop_that_holds(locust, shop):
    """Against a good shop every threshold is met, over the requests of ten users: exit code 0."""
    run = locust(shop.url)

    assert run.returncode == 0, run.stdout + run.stderr
    assert _verdicts(run) == {"p95": "ok", "p99": "ok", "failed": "ok", "checks": "ok"}
    assert shop.requests.count("/api/v1/products") >= 10
    assert any(path in shop.requests for path in ("/api/v1/products/7", "/api/v1/products/8", "/api/v1/products/9"))


@pytest.mark.process
def test_a_shop_that_is_slow(locust, shop):
    """A missed threshold makes the exit code 1."""
    shop.delay = 0.55
    run = locust(shop.url)

    assert run.returncode == 1, run.stdout + run.stderr
    assert _verdicts(run) == {"p95": "FAIL", "p99": "ok", "failed": "ok", "checks": "FAIL"}


@pytest.mark.process
def test_a_shop_that_fails(locust, shop):
    """Failing requests make the exit code 1, however quick they are."""
    shop.fails = lambda number, _path: number % 10 == 0
    run = locust(shop.url)

    assert run.returncode == 1, run.stdout + run.stderr
    assert _verdicts(run) == {"p95": "ok", "p99": "ok", "failed": "FAIL", "checks": "FAIL"}


@pytest.mark.process
def test_a_scenario_that_is_none(locust, shop):
    """An unknown scenario is refused with the ones that there are."""
    run = locust(shop.url, MESTRES_SCENARIO="storm")

    assert run.returncode != 0
    assert "storm is none of smoke, load, stress, spike" in run.stdout + run.stderr


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_users_over_time(monkeypatch, name):
    """The file's users come and go as the data says."""
    monkeypatch.setenv("MESTRES_SCENARIO", name)
    monkeypatch.setenv("MESTRES_DURATION_SCALE", "1")
    scenario = SCENARIOS[name]
    # locust itself replaces parts of Python by its own at import, which must not happen to the other tests: the shape
    # alone is executed, on stand-ins for the names that the file imports.
    lines = locustfile().splitlines()
    code = "\n".join(line for line in lines if not line.startswith("from locust"))
    shape = _module(code).Shape()

    for tenth in range(round(scenario.seconds * 10)):
        shape.get_run_time = lambda now=tenth / 10: now
        users, rate = shape.tick()
        assert users == scenario.users_at(tenth / 10)
        assert rate > 0
    shape.get_run_time = lambda: scenario.seconds
    assert shape.tick() is None


def _module(code):
    class Hooks:
        def __getattr__(self, _name):
            return types.SimpleNamespace(add_listener=lambda function: function)

    module = types.ModuleType("locustfile")
    vars(module).update(
        FastHttpUser=object, LoadTestShape=object, events=Hooks(), task=lambda function: function, WorkerRunner=object
    )
    exec(code, vars(module))
    return module
