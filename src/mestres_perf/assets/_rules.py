"""The specification's four alerts for Prometheus, and the unit tests by which promtool proves them.

The thresholds are those of the specification. Its expressions are not always: it divides a rate by itself (series are
matched with all their labels) and reads quantiles from one series at a time. What is asked is in `_expressions`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mestres_perf.assets import _expressions as expressions
from mestres_perf.assets._template import read
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._thresholds import (
    CACHE_HIT_RATE,
    CONNECTION_POOL_USAGE,
    ERROR_RATE_WARNING,
    RESPONSE_TIME_P95,
)

_WINDOW = "5m"
_HEAD = """\
# Alerts of an application that is measured by mestres_perf.
#
#   promtool check rules prometheus_rules.yml
#   promtool test rules prometheus_rules_test.yml
groups:
  - name: mestres
    rules:
"""
_ALERT = """\
      - alert: {0.name}
        expr: |-
          {0.expression}
        for: {0.lasting}
        labels:
          severity: {0.severity}
        annotations:
          summary: "{0.summary}"
          description: "{0.description}"
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition, and how long it must hold before somebody is called."""

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    description: str


ALERTS = (
    Alert(
        "HighResponseTime",
        f"{expressions.quantile(0.95, catalogue.DURATION, _WINDOW)} > {RESPONSE_TIME_P95:g}",
        "2m",
        "warning",
        "High response time detected",
        "95th percentile response time is {{ $value }}s",
    ),
    Alert(
        "HighErrorRate",
        f"{expressions.error_rate(_WINDOW)} > {ERROR_RATE_WARNING:g}",
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


def prometheus_rules() -> str:
    """`prometheus_rules.yml`: a file for `rule_files` in prometheus.yml."""
    return _HEAD + "\n".join(_ALERT.format(alert) for alert in ALERTS)


def prometheus_rules_test() -> str:
    """`prometheus_rules_test.yml`: for `promtool test rules`, in the same folder as the rules."""
    return read("prometheus_rules_test.yml")
