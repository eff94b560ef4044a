"""An alert of Prometheus, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition, and how long it must hold before somebody is called; `slo` names the promise that is in danger."""

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    description: str
    slo: str = ""
