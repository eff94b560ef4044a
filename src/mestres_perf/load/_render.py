"""The scenarios as files for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from importlib.resources import files
from typing import Any

from mestres_perf.load.scenarios import SCENARIOS, STEPS, THRESHOLDS


def locustfile() -> str:
    """A whole locust file; it needs nothing but locust."""
    # json.dumps writes true and false; Python's names for them are the only difference here.
    return _filled("locustfile.py.in").replace(": true", ": True").replace(": false", ": False")


def k6_script() -> str:
    """A whole k6 script."""
    return _filled("k6.js.in")


def _filled(name: str) -> str:
    text = files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
    for word, value in _data().items():
        text = text.replace(f"@{word}@", value)
    return text


def _data() -> dict[str, str]:
    scenarios = {name: _of(scenario, "start", "stages") for name, scenario in SCENARIOS.items()}
    limits = {field.name: getattr(THRESHOLDS, field.name) for field in fields(THRESHOLDS)}
    # Both programs count milliseconds.
    thresholds = {name: slo.threshold * (1000 if slo.unit == "seconds" else 1) for name, slo in limits.items()}
    values = {"SCENARIOS": scenarios, "STEPS": [asdict(step) for step in STEPS], "THRESHOLDS": thresholds}
    return {word: json.dumps(value, indent=4) for word, value in values.items()}


def _of(value: Any, *names: str) -> dict[str, Any]:
    whole = asdict(value)
    return {name: whole[name] for name in names}
