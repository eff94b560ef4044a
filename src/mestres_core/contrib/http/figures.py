"""Dashboards and reports as the JSON of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from mestres_core.admin.dto import Dashboard, Report
from mestres_core.contrib.http import render
from mestres_core.orders.dto import OrderSummary
from mestres_core.rules.money import Money


def dashboard(value: Dashboard) -> dict[str, Any]:
    """Every figure of the dashboard."""
    rendered: dict[str, Any] = _plain(value)
    return rendered


def report(value: Report[Any]) -> dict[str, Any]:
    """The report; `from` and `to` are both included in it."""
    return {
        "kind": value.kind,
        "from": value.first.isoformat(),
        "to": value.last.isoformat(),
        "group_by": value.group_by,
        "rows": _plain(value.rows),
        "totals": _plain(value.totals),
        "truncated": value.truncated,
    }


def _plain(value: Any) -> Any:
    for kind, rendered in _KINDS.items():
        if isinstance(value, kind):
            return rendered(value)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


_KINDS: Mapping[type, Callable[[Any], Any]] = {
    Money: render.money,
    OrderSummary: render.order_summary,
    datetime: render.instant,
    date: date.isoformat,
    dict: lambda mapping: {name: _plain(part) for name, part in mapping.items()},
    tuple: lambda parts: [_plain(part) for part in parts],
}
