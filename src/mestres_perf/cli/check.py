"""`mestres-perf check`: how an application is doing, in its own words."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

_EPILOG = """\
example:
  mestres-perf check http://127.0.0.1:8000

Exit code: 0 healthy, 1 degraded or unhealthy, 2 not reachable.
"""
_UNITS = {
    "response_time_p50": "ms",
    "response_time_p95": "ms",
    "response_time_p99": "ms",
    "error_rate": "%",
    "requests_per_second": "/s",
    "memory_usage": "%",
    "cpu_usage": "%",
    "disk_usage": "%",
    "network_usage": "%",
}
_TIMEOUT = 5.0


def add_to(commands: Any) -> None:
    """Add this file's command."""
    check = commands.add_parser(
        "check",
        help="print how an application is doing, by its /health/performance",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("url", metavar="URL", help="where the application is, such as http://127.0.0.1:8000")
    check.add_argument("--json", action="store_true", help="print what the application said, as it said it")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    address = options.url.rstrip("/") + "/health/performance"
    try:
        report = _fetch(address)
    except (OSError, ValueError, HTTPException) as error:
        print(f"mestres-perf: {address} gave no health report ({error}); is the application running?", file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2) if options.json else _table(report))
    return 0 if report["status"] == "healthy" else 1


def _fetch(address: str) -> Any:
    if not address.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as response:  # noqa: S310 - checked above
            report = json.load(response)
    except urllib.error.HTTPError as error:
        report = json.load(error)  # unhealthy answers 503, with the same report
    if not isinstance(report, dict) or not _is_report(report):
        raise ValueError("the answer is not a health report")
    return report


def _is_report(report: Mapping[str, Any]) -> bool:
    metrics, thresholds = report.get("metrics"), report.get("thresholds")
    if not isinstance(report.get("status"), str) or not isinstance(metrics, dict) or not isinstance(thresholds, dict):
        return False
    limits = [limit for each in thresholds.values() if isinstance(each, dict) for limit in each.values()]
    known = [value for value in metrics.values() if value is not None]
    return all(isinstance(each, dict) for each in thresholds.values()) and all(map(_is_number, [*known, *limits]))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _table(report: Any) -> str:
    lines = [f"status: {report['status']}", f"{'metric':<22} {'now':>12}   limits"]
    for name, value in report["metrics"].items():
        shown = "-" if value is None else f"{value:g} {_UNITS.get(name, '')}".strip()
        limits = ", ".join(f"{word} {limit:g}" for word, limit in report["thresholds"].get(name, {}).items())
        lines.append(f"{name:<22} {shown:>12}   {limits}".rstrip())
    return "\n".join(lines)
