"""The scenarios as data, and the package's own runner."""

import pytest

from mestres_perf.cli import main
from mestres_perf.load import SCENARIOS, STEPS, THRESHOLDS, Scenario, Stage, Step, run


def test_the_specification():
    """Durations, stages, users and thresholds are the specification's."""
    stages = {name: [(one.seconds, one.users) for one in scenario.stages] for name, scenario in SCENARIOS.items()}

    assert {name: scenario.seconds for name, scenario in SCENARIOS.items()} == {
        "smoke": 30,
        "load": 300,
        "stress": 600,
        "spike": 300,
    }
    assert (SCENARIOS["smoke"].start, stages["smoke"]) == (10, [(30, 10)])
    assert stages["load"] == [(60, 50), (180, 100), (60, 0)]
    assert stages["stress"] == [(120, 100), (300, 200), (120, 300), (60, 0)]
    assert stages["spike"] == [(30, 100), (60, 100), (30, 500), (180, 100)]
    limits = [(one.bound, one.threshold) for one in (THRESHOLDS.p95, THRESHOLDS.p99, THRESHOLDS.failed)]
    assert limits == [("<", 0.5), ("<", 1.0), ("<", 0.01)]
    assert (THRESHOLDS.checks.bound, THRESHOLDS.checks.threshold) == (">", 0.99)
    assert [(step.seconds, step.pause) for step in STEPS] == [(0.5, 1), (0.3, 1), (0.8, 2)]


@pytest.mark.parametrize(
    ("seconds", "users"), [(0, 0), (30, 25), (60, 50), (150, 75), (240, 100), (270, 50), (299.9, 1), (300, None)]
)
def test_users_over_time(seconds, users):
    """Between two stages the number of users changes evenly; after the last the scenario is over."""
    assert SCENARIOS["load"].users_at(seconds) == users


def test_a_shop_that_holds(shop, capsys):
    """The smoke test of a good shop meets all thresholds: exit code 0, and all ten users were there."""
    code = main(["load", "run", shop.url, "--duration-scale", "0.04"])

    assert code == 0, capsys.readouterr().out
    assert len(set(shop.connections)) == 1 + 10
    assert {path for path in shop.requests if path[-1].isdigit()} <= {f"/api/v1/products/{one}" for one in (7, 8, 9)}


def test_users_leave(shop, monkeypatch):
    """When fewer users are wanted the others go; whoever stays goes on over the connection that they have."""
    monkeypatch.setattr("mestres_perf.load._runner.STEPS", (Step("listing", "/api/v1/products", 0.5, pause=0.01),))
    run(shop.url, Scenario("ebb", "", (Stage(0.3, 4), Stage(0.001, 1), Stage(0.6, 1)), start=4))

    assert len(set(shop.connections)) == 1 + 4
    assert len(set(shop.connections[-10:])) == 1


def test_a_shop_that_is_slow(shop, capsys):
    """A missed threshold is exit code 1."""
    shop.delay = 0.6
    code = main(["load", "run", shop.url, "--duration-scale", "0.02"])
    verdicts = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}

    assert code == 1
    assert verdicts == {"api.p95": "FAIL", "api.p99": "ok", "failed": "ok", "checks": "FAIL"}


def test_a_shop_that_fails(shop, capsys):
    """Failing requests are a missed threshold, however quick they are."""
    shop.fails = lambda _number, _path: True
    code = main(["load", "run", shop.url, "--duration-scale", "0.01"])
    verdicts = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}

    assert code == 1
    assert verdicts == {"api.p95": "ok", "api.p99": "ok", "failed": "FAIL", "checks": "FAIL"}
