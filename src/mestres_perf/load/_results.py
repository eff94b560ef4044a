"""What was measured, beside what was promised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mestres_perf.load._client import Answer
from mestres_perf.metrics.slo import Slo


@dataclass(frozen=True, slots=True)
class Measured:
    """A promise, the value measured for it in its unit (None: not measured), and from how many requests.

    Infinite: so many requests failed that nothing can be said for the promised share of them. `optional` says that not
    measuring it is no fault: the application does not offer it, or nobody asked for it.
    """

    slo: Slo
    value: float | None
    count: int
    optional: bool = False

    @property
    def met(self) -> bool | None:
        """None when it was not measured and need not be."""
        if self.value is None or not self.count:
            return None if self.optional else False
        return self.slo.met(self.value)

    def as_json(self) -> dict[str, Any]:
        """One row for programs."""
        value = None if self.value is None or math.isinf(self.value) else self.value
        return {
            "target": self.slo.name,
            "bound": self.slo.bound,
            "threshold": self.slo.threshold,
            "unit": self.slo.unit,
            "measured": value,
            "requests": self.count,
            "met": self.met,
        }


def latency(slo: Slo, answers: Sequence[Answer]) -> Measured:
    """The seconds within which the promised share of all requests was answered; a failed one never was."""
    times = sorted(math.inf if answer.failed else answer.seconds for answer in answers)
    return Measured(slo, quantile(times, slo.quantile or 0.0), len(times))


def share(slo: Slo, marks: Iterable[bool]) -> Measured:
    """How many of them are true, from 0 to 1."""
    known = list(marks)
    return Measured(slo, sum(known) / len(known) if known else None, len(known))


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """The least value that is not exceeded by `part` of the ordered values; None of none."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def verdict(rows: Iterable[Measured]) -> bool:
    """Whether nothing was missed."""
    return all(row.met is not False for row in rows)


def table(rows: Sequence[Measured], *, without: str | None = None) -> str:
    """The rows for people: target, limit, measured, number of requests, verdict.

    `without` is the verdict on what was not measured, if it is one of its own, whether or not it is a fault.
    """
    width = max(len(row.slo.name) for row in rows)
    lines = [f"{'target':<{width}}  {'limit':>10}  {'measured':>12}  {'n':>6}"]
    for row in rows:
        word = {True: "ok", False: "FAIL", None: "not measured"}[row.met]
        if without is not None and row.value is None:
            word = without
        line = f"{row.slo.name:<{width}}  {row.slo.limit:>10}  {_shown(row):>12}  {row.count:>6}  {word}"
        lines.append(line)
    return "\n".join(lines)


def _shown(row: Measured) -> str:
    if row.value is None:
        return "-"
    return "failed" if math.isinf(row.value) else row.slo.shown(row.value)
