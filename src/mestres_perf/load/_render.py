"""The scenarios as files for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from importlib.resources import files
from pprint import pformat
from typing import Any

from mestres_perf.load.scenarios import SCENARIOS, STEPS, THRESHOLDS


def locustfile() -> str:
    """A whole locust file; it needs nothing but locust."""
    return _filled("locustfile.py.in", partial(pformat, width=100, sort_dicts=False))


def k6_script() -> str:
    """A whole k6 script."""
    return _filled("k6.js.in", partial(json.dumps, indent=2))


def _filled(name: str, literal: Callable[[Any], str]) -> str:
    text = files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
    for word, value in _data().items():
        text = text.replace(f"@{word}@", literal(value))
    return text


def _data() -> dict[str, Any]:
    limits = {field.name: getattr(THRESHOLDS, field.name) for field in fields(THRESHOLDS)}
    return {
        "SCENARIOS": {
            name: {"start": scenario.start, "stages": [asdict(stage) for stage in scenario.stages]}
            for name, scenario in SCENARIOS.items()
        },
        "STEPS": [asdict(step) for step in STEPS],
        # Both programs count milliseconds.
        "THRESHOLDS": {name: slo.threshold * (1000 if slo.unit == "seconds" else 1) for name, slo in limits.items()},
    }
