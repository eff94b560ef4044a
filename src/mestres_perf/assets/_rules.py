"""Rules for Prometheus, and the unit tests by which promtool proves them.

The specification's four alerts come first. Their thresholds are those of the specification, their expressions not
always: it divides a rate by itself (series are matched with all their labels), reads quantiles from one series at a
time, and calls somebody at night for one bad request of twenty. What is asked is in `metrics._expressions`. Then come
the error budgets of `_budgets`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from mestres_perf.assets import _budgets as budgets
from mestres_perf.assets._alerts import Alert
from mestres_perf.assets._budgets import Recorded
from mestres_perf.assets._template import read
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _expressions as expressions
from mestres_perf.metrics._thresholds import (
    CACHE_HIT_RATE,
    CONNECTION_POOL_USAGE,
    ERROR_RATE_WARNING,
    RESPONSE_TIME_P95,
)
from mestres_perf.metrics.slo import Slo

_WINDOW = "5m"
_SECONDS = 300
_FEWEST = 5
"""Bad requests within the window without which nobody is called: where there are few one is a large share of them."""
_HEAD = """\
# Alerts of an application that is measured by mestres_perf.
#
#   promtool check rules prometheus_rules.yml
#   promtool test rules prometheus_rules_test.yml prometheus_budgets_test.yml
groups:
  - name: mestres
    rules:
"""
_BUDGETS = """\

  # What each promise allows to be bad, and how fast that is spent. Every window is made of the five minutes that are
  # recorded first; the sums in the alerts hold for this interval only.
  - name: mestres_slo
    interval: {}s
    rules:
"""
_RECORDED = """\
      - record: {0.name}
        expr: {1}
"""
_ALERT = """\
      - alert: {0.name}
        expr: |-
{1}
        for: {0.lasting}
        labels:
          severity: {0.severity}
{2}        annotations:
          summary: "{0.summary}"
          description: "{0.description}"
"""


ALERTS = (
    Alert(
        "HighResponseTime",
        f"{expressions.quantile(0.95, catalogue.DURATION, _WINDOW)} > {RESPONSE_TIME_P95:g}"
        f" and {expressions.slower(RESPONSE_TIME_P95, catalogue.DURATION, _WINDOW)} * {_SECONDS} > {_FEWEST}",
        "2m",
        "warning",
        "High response time detected",
        "95th percentile response time is {{ $value }}s",
    ),
    Alert(
        "HighErrorRate",
        f"{expressions.error_rate(_WINDOW)} > {ERROR_RATE_WARNING:g}"
        f" and {expressions.server_errors(_WINDOW)} * {_SECONDS} > {_FEWEST}",
        "1m",
        "critical",
        "High error rate detected",
        "Error rate is {{ $value | humanizePercentage }}",
    ),
    Alert(
        "DatabaseConnectionsHigh",
        f"{expressions.connection_usage()} > {CONNECTION_POOL_USAGE:g}",
        "5m",
        "warning",
        "Database connections running high",
        "Database connections are at {{ $value | humanizePercentage }} capacity",
    ),
    Alert(
        "CacheHitRateLow",
        f"{expressions.cache_hit_rate(_WINDOW)} < {CACHE_HIT_RATE:g}",
        "10m",
        "warning",
        "Cache hit rate is low",
        "Cache hit rate is {{ $value | humanizePercentage }}",
    ),
)


def prometheus_rules(slos: Sequence[Slo] = budgets.DEFAULT) -> str:
    """`prometheus_rules.yml`: a file for `rule_files` in prometheus.yml.

    `slos` are the promises whose error budgets are kept. An alert that could never fire is left out, with an
    `ImpossibleAlertWarning`. Raises ConfigurationError for a promise that no metric tells of, for a time that is not
    the bound of a bucket, and for two promises of one name.
    """
    kept = "".join(map(_record, budgets.recorded(slos)))
    watched = _listed((*budgets.alerts(slos), budgets.gone()))
    return f"{_HEAD}{_listed(ALERTS)}{_BUDGETS.format(budgets.INTERVAL)}{kept}\n{watched}"


def _listed(alerts: Iterable[Alert]) -> str:
    return "\n".join(
        _ALERT.format(
            alert,
            textwrap.indent(alert.expression, " " * 10),
            f"          slo: {alert.slo}\n" if alert.slo else "",
        )
        for alert in alerts
    )


def _record(rule: Recorded) -> str:
    labels = f"        labels:\n          slo: {rule.slo}\n" if rule.slo else ""
    return _RECORDED.format(rule, rule.expression) + labels


def prometheus_rules_test() -> str:
    """`prometheus_rules_test.yml`: for `promtool test rules`, in the same folder as the rules."""
    return read("prometheus_rules_test.yml")


def prometheus_budgets_test() -> str:
    """`prometheus_budgets_test.yml`: the same for the error budgets; it lives through seven hours, in some seconds."""
    return read("prometheus_budgets_test.yml")
