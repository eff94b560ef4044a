"""The rules on which libraries differ: each is tried on each of them, and holds, or not, or cannot be tried."""

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Check = Callable[[str], bool]
"""It is given the URL of an empty Redis."""


@dataclass(frozen=True)
class Rule:
    """One row. `scenario` is its number in tests/perf/resilience/README.md; a text in place of a check says why not."""

    name: str
    scenario: str
    subject: str
    title: str
    sentence: str
    trials: Mapping[str, Check | str]


SUBJECTS = {
    "breakers": ("mestres_perf", "circuitbreaker", "pybreaker", "aiobreaker", "purgatory", "hyx"),
    "retries": ("mestres_perf", "tenacity", "stamina", "hyx"),
    "limits": ("mestres_perf", "limits", "slowapi", "hyx"),
    "requests": ("mestres_perf", "fastapi-instrumentator", "starlette_exporter", "flask_exporter"),
    "timers": ("mestres_perf", "prometheus_client"),
}
"""The tables and their columns."""

RULES: dict[str, Rule] = {}


def register(rule: Rule) -> None:
    """Add a row: a trial, or a reason, for each column; a column without has not got the feature."""
    unknown = rule.trials.keys() - set(SUBJECTS[rule.subject])
    assert not unknown, unknown
    RULES[rule.name] = rule


def answer(one: Rule, library: str, url: str) -> bool | str:
    """Whether it holds; a text says why that cannot be tried."""
    trial = one.trials.get(library, "has no such thing")
    if isinstance(trial, str):
        return trial
    logging.disable(logging.CRITICAL)  # what a library logs while it fails is of no interest
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(trial(url))
    except Exception:  # noqa: BLE001 - a library that raises where the rule says that it goes on does not keep it
        return False
    finally:
        logging.disable(logging.NOTSET)
