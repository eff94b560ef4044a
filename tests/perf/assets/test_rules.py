"""The alert rules, by Prometheus' own checker."""

import shutil
import subprocess

import pytest
import yaml

from mestres_perf.assets._rules import ALERTS, prometheus_rules, prometheus_rules_test

# The specification's expressions; the unit tests must notice each of them.
SPECIFIED = {
    "HighResponseTime": "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 0.5",
    "HighErrorRate": 'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m]) > 0.01',
    "DatabaseConnectionsHigh": "database_connections_active / database_connections_max > 0.8",
    "CacheHitRateLow": "cache_hit_rate < 0.8",
}


@pytest.fixture
def promtool(require_part, tmp_path):
    """`promtool("check", rules)`: what the program says of these rules, beside their unit tests."""
    program = shutil.which("promtool")
    require_part(program, "promtool is not installed")

    def run(word, rules):
        (tmp_path / "prometheus_rules.yml").write_text(rules, encoding="utf-8")
        (tmp_path / "prometheus_rules_test.yml").write_text(prometheus_rules_test(), encoding="utf-8")
        names = {"check": ["--lint-fatal", "prometheus_rules.yml"], "test": ["prometheus_rules_test.yml"]}
        command = [program, word, "rules", *names[word]]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("word", ["check", "test"])
def test_promtool_agrees(promtool, word):
    """The generated rules are valid, and keep every promise of the generated unit tests."""
    run = promtool(word, prometheus_rules())

    assert run.returncode == 0, run.stdout + run.stderr
    assert "SUCCESS" in run.stdout


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_wrong_rule_is_noticed(promtool, alert):
    """A wrong expression, threshold or time of any alert fails the unit tests."""
    head = f"for: {{}}\n        labels:\n          severity: {alert.severity}\n        annotations:\n"
    head += f'          summary: "{alert.summary}'
    bound, _, guard = alert.expression.partition(" and ")
    wrong = [
        (alert.expression, SPECIFIED[alert.name]),
        (bound, f"{bound[:-1]}000{bound[-1]}"),
        (head.format(alert.lasting), head.format("0m")),
    ]
    if guard:
        wrong += [(alert.expression, bound), (guard, f"{guard[:-1]}0"), (guard, f"{guard}000")]
    rules = prometheus_rules().partition("  - name: mestres_slo")[0]  # the error budgets have tests of their own
    for right, planted in wrong:
        assert rules.count(right) == 1
        run = promtool("test", rules.replace(right, planted))

        assert run.returncode != 0, planted
        assert f"alertname: {alert.name}" in run.stdout + run.stderr


def test_what_the_specification_names():
    """Names, thresholds, durations, severities and texts are the specification's."""
    group, _budgets = yaml.safe_load(prometheus_rules())["groups"]
    found = {
        rule["alert"]: (
            rule["expr"].partition(" and ")[0].split()[-2:],
            rule["for"],
            rule["labels"],
            rule["annotations"],
        )
        for rule in group["rules"]
    }

    assert found == {
        "HighResponseTime": (
            [">", "0.5"],
            "2m",
            {"severity": "warning"},
            {
                "summary": "High response time detected",
                "description": "95th percentile response time is {{ $value }}s",
            },
        ),
        "HighErrorRate": (
            [">", "0.01"],
            "1m",
            {"severity": "critical"},
            {"summary": "High error rate detected", "description": "Error rate is {{ $value | humanizePercentage }}"},
        ),
        "DatabaseConnectionsHigh": (
            [">", "0.8"],
            "5m",
            {"severity": "warning"},
            {
                "summary": "Database connections running high",
                "description": "Database connections are at {{ $value | humanizePercentage }} capacity",
            },
        ),
        "CacheHitRateLow": (
            ["<", "0.8"],
            "10m",
            {"severity": "warning"},
            {
                "summary": "Cache hit rate is low",
                "description": "Cache hit rate is {{ $value | humanizePercentage }}",
            },
        ),
    }
