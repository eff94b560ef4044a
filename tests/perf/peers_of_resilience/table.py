"""What was observed, as a page: a table for each subject, and the rule and the reasons behind each row."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from perf.peers_of_resilience import of_breakers, of_http, of_others, of_processes, of_sharing
from perf.peers_of_resilience.rules import RULES, SUBJECTS, Rule, answer

__all__ = ["PAGE", "Answers", "observed", "page", "row"]
assert of_breakers
assert of_sharing
assert of_http
assert of_processes
assert of_others  # each has registered its rules

PAGE = Path(__file__).parents[3] / "docs" / "resilience-peers.md"
Answers = Mapping[str, bool | str]

_HEAD = """\
# Resilience beside others

What other Python libraries do where circuit breakers, retries, limits, metrics and timers commonly go wrong.
Nothing here is read off a feature list: each cell is the result of a check that runs on the library itself, with events
and clocks moved by hand. `make resilience-peers` makes this page, and a test fails when a cell is not what is observed.

- **yes**: it holds. **no**: it does not, or the library raised.
- **–**: the library has no such thing, or it cannot be tried on it; the reason stands with the rule.

The numbers are those of the failure modes in `tests/perf/resilience/README.md`, where each has its test here.
"""
_NAMES = {
    "breakers": "Circuit breakers",
    "retries": "Retries",
    "limits": "Bulkheads and rate limits",
    "requests": "Metrics of requests",
    "timers": "Counting and timing",
}
_DISTRIBUTIONS = (
    "aiobreaker",
    "circuitbreaker",
    "hyx",
    "limits",
    "prometheus-client",
    "prometheus-fastapi-instrumentator",
    "prometheus-flask-exporter",
    "purgatory-circuitbreaker",
    "pybreaker",
    "slowapi",
    "starlette-exporter",
    "stamina",
    "tenacity",
)


def observed(rule: Rule, url: str) -> Answers:
    """The answers of every library; `url` is a Redis that may be emptied."""
    return {library: answer(rule, library, url) for library in SUBJECTS[rule.subject]}


def page(answers: Mapping[str, Answers]) -> str:
    """The whole page."""
    parts = [_HEAD]
    for subject, libraries in SUBJECTS.items():
        rules = [rule for rule in RULES.values() if rule.subject == subject]
        head = f"| | | {' | '.join(libraries)} |\n| --- | --- |{' --- |' * len(libraries)}"
        rows = [row(rule, answers[rule.name]) for rule in rules]
        parts += [f"## {_NAMES[subject]}\n", "\n".join([head, *rows]) + "\n"]
    parts.append("## The rules\n")
    parts += [_told(rule, answers[rule.name]) for rule in RULES.values()]
    versions = ", ".join(f"{name} {version(name)}" for name in _DISTRIBUTIONS)
    parts.append(f"Observed with {versions}.\n")
    return "\n".join(parts)


def row(rule: Rule, answers: Answers) -> str:
    """One line of a table."""
    signs = (("yes" if each else "**no**") if isinstance(each, bool) else "–" for each in answers.values())
    return f"| {rule.scenario} | [{rule.title}](#{rule.name}) | {' | '.join(signs)} |"


def _told(rule: Rule, answers: Answers) -> str:
    reasons = [f"- {library}: {each}" for library, each in answers.items() if isinstance(each, str)]
    lines = [f"### {rule.title} {{ #{rule.name} }}", "", rule.sentence]
    return "\n".join([*lines, *(["", *reasons] if reasons else [])]) + "\n"
