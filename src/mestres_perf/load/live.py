"""A live system beside its targets, by what its Prometheus has seen of it. Nothing is sent to the system itself."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlencode

from mestres_perf.errors import ConfigurationError, UnusableTarget
from mestres_perf.load._client import Client
from mestres_perf.load._results import Measured
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._expressions import connection_usage
from mestres_perf.metrics._indicators import COVERED, REMAINING, indicator
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo

_SLA = MESTRES_CAFE_SLA
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WINDOW = re.compile(r"(?:[1-9]\d*[smhdw])+")
_ALWAYS = (
    _SLA.availability.production,
    _SLA.api.p50,
    _SLA.api.p95,
    _SLA.api.p99,
    _SLA.errors.http_4xx,
    _SLA.errors.http_5xx,
)
_WHERE_USED = (
    _SLA.errors.database_errors,
    _SLA.errors.payment_failures,
    _SLA.application.cache_hit_rate,
    _SLA.application.database.connection_pool_usage,
    *(slo for slo in _SLA if slo.name.startswith("features.") and slo.kind == "latency" and not slo.subject),
    *(slo for slo in _SLA if slo.name.startswith("pages.")),
)
TARGETS = (*_ALWAYS, *_WHERE_USED)
"""What Prometheus can tell. The others say what the system must be able to do, not what it was asked to do."""


@dataclass(frozen=True, slots=True)
class Live:
    """A live system beside its targets; `budgets` is what is left of 30 days' error budgets, by promise, 1 to below 0.

    `covered` is how many of these days Prometheus has seen. They are there if it has the rules of the operations kit.
    """

    rows: tuple[Measured, ...]
    budgets: Mapping[str, float]
    covered: Mapping[str, float]


def judge(url: str, *, window: str = "1h", job: str | None = None, only: Sequence[str] = ()) -> Live:
    """Judge the application `job` by the Prometheus at `url`, over the last `window` ("30m", "1h", "7d").

    A target without data is not met; where it speaks of a single route, of browsers, of a database or of a cache, it
    is no miss either, unless `only` (patterns such as "api.*") names it. `job` may be left out when there is only one.
    Times are judged by the shares that buckets count: nothing is guessed. Raises ConfigurationError for a window that
    is none, a pattern that fits nothing and a job that is not clear, and UnusableTarget when no Prometheus answers.
    """
    if not _WINDOW.fullmatch(window):
        raise ConfigurationError(f"window {window!r}: must be a time such as 30m, 1h or 7d")
    wanted = _wanted(only)
    with Client(url) as client:
        prometheus = _Prometheus(client, url)
        matching = f"job={json.dumps(job if job is not None else _only_job(prometheus, window), ensure_ascii=False)}"
        rows = tuple(_measured(prometheus, slo, window, matching, optional) for slo, optional in wanted)
        left, covered = (_by_promise(prometheus.ask(f"{name}{{{matching}}}")) for name in (REMAINING, COVERED))
    return Live(rows, left, covered)


def _by_promise(samples: list[tuple[Mapping[str, str], float]]) -> dict[str, float]:
    return {labels["slo"]: value for labels, value in samples if "slo" in labels}


def _wanted(only: Sequence[str]) -> list[tuple[Slo, bool]]:
    """The targets that are judged, and whether they may be without data."""
    for pattern in only:
        if not any(fnmatchcase(slo.name, pattern) for slo in TARGETS):
            names = ", ".join(slo.name for slo in TARGETS)
            raise ConfigurationError(f"{pattern!r} fits none of the targets that Prometheus can tell of: {names}")
    if only:
        return [(slo, False) for slo in TARGETS if any(fnmatchcase(slo.name, pattern) for pattern in only)]
    return [(slo, slo not in _ALWAYS) for slo in TARGETS]


def _only_job(prometheus: _Prometheus, window: str) -> str:
    found = sorted(
        labels.get("job", "")
        for labels, _ in prometheus.ask(f"group by (job) (present_over_time({catalogue.IN_PROGRESS.name}[{window}]))")
    )
    if len(found) != 1:
        there = f"there are {', '.join(found)}: say which one is meant" if found else "there is none"
        raise ConfigurationError(f"Prometheus has to have one job that mestres_perf measures; {there}")
    return found[0]


def _measured(prometheus: _Prometheus, slo: Slo, window: str, matching: str, optional: bool) -> Measured:
    value, count = _questions(slo, window, matching)
    answer = prometheus.number(value)
    events = prometheus.number(count) if answer is not None else None
    return Measured(slo, answer, math.ceil(events or 0), optional)


def _questions(slo: Slo, window: str, matching: str) -> tuple[str, str]:
    """What was measured, and from how many events, or looks, where it is no event."""
    looked_at = {
        _SLA.availability.production: _reached(window, matching),
        _SLA.application.database.connection_pool_usage: connection_usage(matching),
    }.get(slo)
    if looked_at is None:
        counted = indicator(slo)
        return counted.value(window, matching), f"{counted.events(window, matching)} * {_seconds(window)}"
    function = "avg_over_time" if slo.kind == "availability" else "max_over_time"
    return f"{function}(({looked_at})[{window}:])", f"count_over_time(({looked_at})[{window}:])"


def _reached(window: str, matching: str) -> str:
    """1 where an instance was reached; 0 where none was, also where Prometheus had lost its address.

    Counted from when the job was first seen, and only while Prometheus knew of anything: it may have been away itself.
    """
    up = f"max(up{{{matching}}})"
    first = f"min_over_time(timestamp({up})[{window}:] @ end())"
    return f"{up} or 0 * group(up) and on () vector(time()) >= scalar({first})"


def _seconds(window: str) -> int:
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", window))


class _Prometheus:
    """The HTTP API of a Prometheus, version 1: instant queries."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def number(self, expression: str) -> float | None:
        """The one number that is the answer; None when there is none."""
        found = [value for _, value in self.ask(expression)]
        return found[0] if len(found) == 1 else None

    def ask(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """The samples of an instant vector: labels and value, without those that are no number."""
        answer = self._client.get(f"/api/v1/query?{urlencode({'query': expression})}")
        if answer.status == 0:
            raise UnusableTarget(f"{self._url} did not answer ({answer.problem}); is Prometheus running there?")
        try:
            said = json.loads(answer.content)
            if said["status"] != "success":
                raise UnusableTarget(f"{self._url} refused a question: {said.get('error')}")
            samples = [(dict(one["metric"]), float(one["value"][1])) for one in said["data"]["result"]]
        except (ValueError, LookupError, TypeError) as error:
            raise UnusableTarget(f"{self._url} answered {answer.status}, and not as a Prometheus does") from error
        return [(labels, value) for labels, value in samples if not math.isnan(value)]
