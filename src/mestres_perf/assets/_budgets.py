"""Error budgets: what a promise allows to be bad in 30 days, and alerts for when it is spent too fast.

An alert looks at two windows. The long one says that it matters: at this rate so much of the budget is gone by its end.
The short one says that it still goes on, so that the alert ends soon after the trouble does. The windows are those of
the Google SRE workbook, chapter 5, as sloth has them; the factor by which the budget burns follows from them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mestres_perf.assets._alerts import Alert
from mestres_perf.errors import ConfigurationError, ImpossibleAlertWarning
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._expressions import selector
from mestres_perf.metrics._indicators import COVERED, REMAINING, indicator
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo

PERIOD = 30
"""Days for which a budget is."""
INTERVAL = 60
"""Seconds between two evaluations; with it, summing up a recorded rate gives a number of events."""
FEWEST = 10
"""Bad events without which nobody is called: one error in a quiet hour is a large share, and no trouble."""
DEFAULT = (MESTRES_CAFE_SLA.errors.http_5xx, MESTRES_CAFE_SLA.api.p95, MESTRES_CAFE_SLA.api.p99)
"""Half of the requests may take longer than the median that is promised: that budget can hardly be spent too fast."""

_BUDGET, _RATIO = "slo:error_budget:ratio", "slo:bad_events:ratio_rate"
_EVENTS, _BAD = "slo:events:rate5m", "slo:bad_events:rate5m"
_SEEN = "slo:job:seen"
_DAY = 86400
_NAME = re.compile(r"[\w.]+", re.ASCII)
_HOURS = {"5m": 1 / 12, "30m": 0.5, "1h": 1.0, "2h": 2.0, "6h": 6.0, "1d": 24.0, "3d": 72.0}


@dataclass(frozen=True, slots=True)
class Windows:
    """A pair of windows: `share` of the whole budget gone within `long` calls somebody, while `short` says it lasts."""

    share: float
    long: str
    short: str

    def limit(self, budget: float) -> float:
        """The share of bad events from which on the budget burns that fast; from 1 on it cannot."""
        return self.share * PERIOD * 24 / _HOURS[self.long] * budget


@dataclass(frozen=True, slots=True)
class Severity:
    """How urgent it is, and the pairs of windows of which one is enough."""

    name: str
    alert: str
    lasting: str
    pairs: tuple[Windows, ...]
    summary: str


SEVERITIES = (
    Severity(
        "page",
        "ErrorBudgetBurnsFast",
        "2m",
        (Windows(0.02, "1h", "5m"), Windows(0.05, "6h", "30m")),
        "The error budget burns fast",
    ),
    Severity(
        "ticket",
        "ErrorBudgetBurnsSlowly",
        "15m",
        (Windows(0.10, "1d", "2h"), Windows(0.10, "3d", "6h")),
        "The error budget burns faster than it may",
    ),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An expression whose answer Prometheus keeps under a name."""

    name: str
    expression: str
    slo: str = ""


def recorded(slos: Sequence[Slo]) -> list[Recorded]:
    """What is recorded: events of five minutes for each promise, and from them every longer window for all.

    Raises ConfigurationError for a promise that no metric tells of, and for two of one name.
    """
    names = [slo.name for slo in slos]
    if not all(map(_NAME.fullmatch, names)) or len(set(names)) < len(names):
        raise ConfigurationError(
            f"promises {names}: each needs a name of its own, by which its budget is kept: letters, digits, '_' and '.'"
        )
    found = []
    for slo in slos:
        counted = indicator(slo)
        found += [
            Recorded(_BUDGET, f"vector({slo.budget:g})", slo.name),
            Recorded(_EVENTS, counted.events("5m"), slo.name),
            Recorded(_BAD, counted.bad("5m"), slo.name),
        ]
    found.append(Recorded(f"{_RATIO}5m", f"{_BAD} / {_EVENTS}"))
    for window in (*tuple(_HOURS)[1:], f"{PERIOD}d"):
        ratio = f"avg_over_time({_BAD}[{window}]) / avg_over_time({_EVENTS}[{window}])"
        found.append(Recorded(f"{_RATIO}{window}", ratio))
    found.append(Recorded(REMAINING, f"1 - {burn_rate(f'{PERIOD}d')}"))
    found.append(Recorded(COVERED, f"count_over_time({_EVENTS}[{PERIOD}d]) * {INTERVAL} / {_DAY}"))
    found.append(Recorded(_SEEN, f"group by (job) ({catalogue.IN_PROGRESS.name})"))
    return found


def burn_rate(window: str, matching: str = "") -> str:
    """How many times as fast as it may the budget of each promise burns: at 1 all of it is gone after 30 days."""
    return f"{selector(f'{_RATIO}{window}', matching)} / on (slo) group_left () {_BUDGET}"


def alerts(slos: Sequence[Slo]) -> Iterator[Alert]:
    """For each promise a page and a ticket. What can never fire is left out, with an `ImpossibleAlertWarning`."""
    for slo in slos:
        for severity in SEVERITIES:
            pairs = [pair for pair in severity.pairs if _is_possible(pair, slo)]
            if pairs:
                yield _alert(slo, severity, pairs)


def _is_possible(pair: Windows, slo: Slo) -> bool:
    limit = pair.limit(slo.budget or 0.0)
    if limit >= 1:
        warnings.warn(
            f"{slo.name}: no alert for {pair.long} and {pair.short}: it would take {limit:.0%} of bad events",
            ImpossibleAlertWarning,
            stacklevel=2,
        )
    return limit < 1


def _alert(slo: Slo, severity: Severity, pairs: Sequence[Windows]) -> Alert:
    spent = ", or ".join(f"{pair.share:.0%} within {pair.long}" for pair in pairs)
    return Alert(
        severity.alert,
        "\nor\n".join(_condition(slo, pair) for pair in pairs),
        severity.lasting,
        severity.name,
        f"{severity.summary}: {slo.name}",
        f"More than {spent}, of what may be bad in {PERIOD} days, and it still goes on",
        slo.name,
    )


def _condition(slo: Slo, pair: Windows) -> str:
    this = f'{{slo="{slo.name}"}}'
    limit = f"{pair.limit(slo.budget or 0.0):.6g}"
    return (
        f"(\n  {_RATIO}{pair.long}{this} > {limit}\n"
        f"and\n  {_RATIO}{pair.short}{this} > {limit}\n"
        f"and\n  sum_over_time({_BAD}{this}[{pair.long}]) * {INTERVAL} > {FEWEST}\n)"
    )


def gone() -> Alert:
    """The service is gone: what it always shows was there within 30 days, for each job, or was never there at all."""
    there = catalogue.IN_PROGRESS.name
    seen = f"present_over_time({_SEEN}[{PERIOD}d])"
    return Alert(
        "ServiceGone",
        f"{seen} unless group by (job) ({there})\nor\nabsent({seen})",
        "5m",
        "page",
        "The service is gone",
        "Prometheus hears of no instance: it is down, or not scraped any more, and no other alert can fire",
    )
