"""The specification's dashboard for Grafana (10 and later): its five panels, and a row of what else is measured.

A colour changes where an alert fires or a level begins. Grafana asks for the data source when the file is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mestres_perf.assets import _budgets as budgets
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _expressions as ask
from mestres_perf.metrics._indicators import REMAINING
from mestres_perf.metrics._thresholds import (
    CACHE_HIT_RATE,
    CONNECTION_POOL_USAGE,
    ERROR_RATE_CRITICAL,
    ERROR_RATE_WARNING,
    RESPONSE_TIME_P95,
    SYSTEM,
    WEB_VITALS,
)

_TITLE = "Mestres Café - Performance Overview"
_SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
_WINDOW = "$__rate_interval"
_WHOLE_RANGE = "$__range"  # visits are few: they are judged over all that is shown
_JOB = 'job=~"$job"'
_SCHEMA_VERSION = 38
_GOOD, _WARNING, _BAD = "green", "orange", "red"
_WIDTH, _HEIGHT = 24, 8


def grafana_dashboard() -> str:
    """`grafana_dashboard.json`: import it in Grafana under Dashboards, New, Import."""
    return json.dumps(_dashboard(), indent=2, ensure_ascii=False) + "\n"


def _dashboard() -> dict[str, Any]:
    return {
        "__inputs": [
            {
                "name": "DS_PROMETHEUS",
                "label": "Prometheus",
                "description": "The Prometheus that scrapes the application's /metrics",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.0.0"},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        ],
        "id": None,
        "uid": None,
        "title": _TITLE,
        "tags": ["mestres", "performance"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "time": {"from": "now-1h", "to": "now"},
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_job_variable()]},
        "panels": _laid_out([_specified(), [_row("More")], _more()]),
    }


def _specified() -> list[dict[str, Any]]:
    return [
        _response_time_distribution(),
        _panel(
            "Request Rate",
            "timeseries",
            [(ask.rate(catalogue.REQUESTS.name, _WINDOW, _JOB, by="job, endpoint"), "{{endpoint}}")],
            unit="reqps",
        ),
        _panel(
            "Error Rate",
            "stat",
            [(f"100 * {ask.error_rate(_WINDOW, _JOB)}", "{{job}}")],
            unit="percent",
            steps=[(_WARNING, 100 * ERROR_RATE_WARNING), (_BAD, 100 * ERROR_RATE_CRITICAL)],
            width=6,
        ),
        _database_performance(),
        _panel(
            "Cache Hit Rate",
            "gauge",
            [(f"100 * {ask.cache_hit_rate(_WINDOW, _JOB)}", "{{job}}")],
            unit="percent",
            base=_BAD,
            steps=[(_GOOD, 100 * CACHE_HIT_RATE)],
            width=6,
            limits={"min": 0, "max": 100},
        ),
    ]


def _more() -> list[dict[str, Any]]:
    return [
        _panel(
            "Response Time Percentiles",
            "timeseries",
            _percentiles(),
            unit="s",
            steps=[(_BAD, RESPONSE_TIME_P95)],
            custom={"thresholdsStyle": {"mode": "line"}},
        ),
        _panel(
            "Database Connections",
            "gauge",
            [(ask.connection_usage(_JOB), "{{job}}")],
            unit="percentunit",
            steps=[(_BAD, CONNECTION_POOL_USAGE)],
            limits={"min": 0, "max": 1},
            width=6,
        ),
        _circuit_breakers(),
        *_error_budgets(),
        _system(),
        _web_vitals(),
    ]


def _response_time_distribution() -> dict[str, Any]:
    buckets = ask.rate(f"{catalogue.DURATION.name}_bucket", _WINDOW, _JOB, by="le")
    panel = _panel("Response Time Distribution", "heatmap", [(buckets, "{{le}}"), *_percentiles()], unit="s")
    panel["targets"][0]["format"] = "heatmap"  # the picture is made of the buckets; the percentiles are in the data
    panel["options"] = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "show": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    }
    return panel


def _percentiles() -> list[tuple[str, str]]:
    return [
        (ask.quantile(share, catalogue.DURATION, _WINDOW, _JOB), f"p{100 * share:g} {{{{job}}}}")
        for share in (0.50, 0.95, 0.99)
    ]


def _database_performance() -> dict[str, Any]:
    connections = f"sum by (job) ({ask.selector(catalogue.CONNECTIONS.name, _JOB)})"
    panel = _panel(
        "Database Performance",
        "timeseries",
        [
            (ask.mean(catalogue.QUERIES, _WINDOW, _JOB, by="job, operation"), "{{operation}}"),
            (connections, "connections {{job}}"),
        ],
        unit="s",
    )
    panel["fieldConfig"]["overrides"] = [
        _override("B", unit="none", **{"custom.axisPlacement": "right", "custom.axisLabel": "connections in use"})
    ]
    return panel


def _circuit_breakers() -> dict[str, Any]:
    not_closed = ask.selector(catalogue.BREAKER_STATE.name, 'state!="closed"', _JOB)
    return _panel(
        "Circuit Breakers",
        "stat",
        [(f"max by (job, name) ({not_closed})", "{{name}}")],
        unit="none",
        steps=[(_BAD, 1)],
        mappings={"0": "closed", "1": "open"},
        width=6,
    )


def _error_budgets() -> list[dict[str, Any]]:
    """What the recording rules of prometheus_rules.yml have kept: without them these panels stay empty."""
    left = _panel(
        f"Error Budget ({budgets.PERIOD} days)",
        "stat",
        [(ask.selector(REMAINING, _JOB), "{{slo}} {{job}}")],
        unit="percentunit",
        base=_BAD,
        steps=[(_WARNING, 0), (_GOOD, 0.25)],
    )
    speed = [
        (budgets.burn_rate(pair.long, _JOB), f"{pair.long} {{{{slo}}}} {{{{job}}}}")
        for severity in budgets.SEVERITIES
        for pair in severity.pairs
    ]
    return [left, _panel("Error Budget Burn Rate", "timeseries", speed, unit="none")]


def _system() -> dict[str, Any]:
    targets = [
        (f"max by (job) ({ask.selector(metric.name, _JOB)})", f"{name} {{{{job}}}}")
        for name, metric in catalogue.SYSTEM.items()
    ]
    panel = _panel("System", "gauge", targets, unit="percentunit", limits={"min": 0, "max": 1})
    panel["fieldConfig"]["overrides"] = [
        _override(ref, thresholds=_thresholds(_GOOD, [(_WARNING, levels.warning), (_BAD, levels.critical)]))
        for ref, levels in zip("ABCD", SYSTEM.values(), strict=True)
    ]
    return panel


def _web_vitals() -> dict[str, Any]:
    targets = [
        (ask.quantile(0.75, metric, _WHOLE_RANGE, _JOB), f"{name} {{{{job}}}}")
        for name, metric in catalogue.WEB_VITALS.items()
    ]
    panel = _panel("Web Vitals (75th percentile of visits)", "stat", targets, unit="s")
    panel["fieldConfig"]["overrides"] = [
        _override(
            ref,
            unit="s" if catalogue.WEB_VITALS[name].name.endswith("_seconds") else "none",
            thresholds=_thresholds(_GOOD, [(_WARNING, bounds.good), (_BAD, bounds.poor)]),
        )
        for ref, (name, bounds) in zip("ABCDEF", WEB_VITALS.items(), strict=True)
    ]
    return panel


def _panel(
    title: str,
    kind: str,
    targets: Sequence[tuple[str, str]],
    *,
    unit: str,
    steps: Sequence[tuple[str, float]] = (),
    base: str = _GOOD,
    width: int = 12,
    limits: Mapping[str, float] | None = None,
    custom: Mapping[str, Any] | None = None,
    mappings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    defaults = {"unit": unit, "thresholds": _thresholds(base, steps), **(limits or {})}
    if custom:
        defaults["custom"] = dict(custom)
    if mappings:
        options = {value: {"text": text, "index": index} for index, (value, text) in enumerate(mappings.items())}
        defaults["mappings"] = [{"type": "value", "options": options}]
    return {
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "gridPos": {"w": width, "h": _HEIGHT},
        "targets": [_target(ref, *target) for ref, target in zip("ABCDEFGH", targets, strict=False)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _OPTIONS.get(kind, {}),
    }


_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "stat": {"reduceOptions": _REDUCED, "colorMode": "background", "graphMode": "area"},
    "gauge": {"reduceOptions": _REDUCED, "showThresholdLabels": False, "showThresholdMarkers": True},
}


def _target(ref: str, expression: str, legend: str) -> dict[str, Any]:
    return {"refId": ref, "datasource": _SOURCE, "expr": expression, "legendFormat": legend, "range": True}


def _thresholds(base: str, steps: Sequence[tuple[str, float]]) -> dict[str, Any]:
    first: dict[str, Any] = {"color": base, "value": None}
    return {"mode": "absolute", "steps": [first, *({"color": color, "value": value} for color, value in steps)]}


def _override(ref: str, **properties: Any) -> dict[str, Any]:
    return {
        "matcher": {"id": "byFrameRefID", "options": ref},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def _row(title: str) -> dict[str, Any]:
    return {"title": title, "type": "row", "collapsed": False, "panels": [], "gridPos": {"w": _WIDTH, "h": 1}}


def _job_variable() -> dict[str, Any]:
    return {
        "name": "job",
        "label": "Application",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({catalogue.REQUESTS.name}, job)", "refId": "job"},
        "definition": f"label_values({catalogue.REQUESTS.name}, job)",
        "refresh": 2,
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _laid_out(groups: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The panels from left to right and down, each group on a new line."""
    placed: list[dict[str, Any]] = []
    top = 0
    for group in groups:
        left = height = 0
        for panel in group:
            place = panel["gridPos"]
            if left + place["w"] > _WIDTH:
                left, top = 0, top + height
            placed.append({"id": len(placed) + 1, **panel, "gridPos": {"x": left, "y": top, **place}})
            left, height = left + place["w"], place["h"]
        top += height
    return placed
