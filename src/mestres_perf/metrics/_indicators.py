"""What Prometheus can count for a promise: all its events and the bad ones, each in a second and for each job.

A promise about time is judged by the share of a histogram that lies within its threshold: a quantile read from a
histogram is a guess, unless the threshold is the bound of a bucket, and then the share says the same and is exact.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._expressions import bound, quantile, rate
from mestres_perf.metrics._promise import Endpoint, Slo

REMAINING = "slo:error_budget:remaining_ratio"
"""What is recorded of an error budget: 1 when all of it is left, below 0 the promise is broken. Labels: job, slo."""
COVERED = "slo:error_budget:covered_days"
"""And by how many of the 30 days it is judged: what Prometheus has not seen it takes to be like the rest."""

_SERVER_ERROR = 'status=~"5.."'
_CLIENT_ERROR = 'status=~"4..", status!="499"'  # 499: the client went away, and nobody said that it was wrong
_DATABASE_ERROR = 'error!="IntegrityError"'  # which is a right answer to a wrong request


@dataclass(frozen=True, slots=True)
class Counted:
    """Events that one counter has, and the bad ones, which it or another one has."""

    counter: str
    matching: str
    bad_counter: str
    bad_ones: str

    def events(self, window: str, *matchers: str) -> str:
        """All of them, in a second."""
        return rate(self.counter, window, self.matching, *matchers)

    def bad(self, window: str, *matchers: str) -> str:
        """The bad ones, in a second; 0 as long as there never was one."""
        some = rate(self.bad_counter, window, self.matching, self.bad_ones, *matchers)
        return f"({some} or 0 * {self.events(window, *matchers)})"

    def value(self, window: str, *matchers: str) -> str:
        """The share of the bad ones, 0 to 1."""
        return f"{self.bad(window, *matchers)} / {self.events(window, *matchers)}"


@dataclass(frozen=True, slots=True)
class Hits(Counted):
    """Requests to caches; what is promised is the share of the good ones."""

    def value(self, window: str, *matchers: str) -> str:
        """The share of the hits, 0 to 1."""
        return f"1 - {Counted.value(self, window, *matchers)}"


@dataclass(frozen=True, slots=True)
class Timed:
    """Observations of a histogram, of which those above `threshold` are bad; `share` of them is promised."""

    histogram: Metric
    matching: str
    threshold: float
    share: float

    def events(self, window: str, *matchers: str) -> str:
        """All of them, in a second."""
        return rate(f"{self.histogram.name}_count", window, self.matching, *matchers)

    def bad(self, window: str, *matchers: str) -> str:
        """Those above the threshold, in a second."""
        within = rate(f"{self.histogram.name}_bucket", window, self.matching, bound(self.threshold), *matchers)
        return f"({self.events(window, *matchers)} - {within})"

    def value(self, window: str, *matchers: str) -> str:
        """The quantile, in the histogram's unit; nothing where the histogram lacks the bound of the threshold."""
        matching = ", ".join(filter(None, (self.matching, *matchers)))
        return f"{quantile(self.share, self.histogram, window, matching)} and on (job) {self.bad(window, *matchers)}"


Indicator = Counted | Timed


def indicator(slo: Slo) -> Indicator:
    """What to count for a promise.

    Raises ConfigurationError for one that no metric tells of, and for a time that is not the bound of a bucket.
    """
    make = None if slo.budget is None else _KINDS.get(slo.kind)
    found = None if make is None else make(slo)
    if found is None:
        raise ConfigurationError(f"{slo.name or slo}: no metric tells how many of its events are bad")
    return found


def _timed(slo: Slo) -> Indicator | None:
    histogram = catalogue.WEB_VITALS.get(slo.subject) if slo.subject else catalogue.DURATION
    if histogram is None:
        return None
    if slo.threshold not in histogram.buckets:
        raise ConfigurationError(
            f"{slo.name or 'a latency'}: {slo.threshold:g} is not the bound of a bucket of {histogram.name}, "
            f"so nobody counts what is within it; the nearest bounds are {_nearest(slo.threshold, histogram.buckets)}"
        )
    return Timed(histogram, _route(slo.endpoint), slo.threshold, slo.quantile or 0.0)


def _nearest(threshold: float, buckets: tuple[float, ...]) -> str:
    place = bisect(buckets, threshold)
    return " and ".join(f"{one:g}" for one in buckets[max(0, place - 1) : place + 1])


def _failing(slo: Slo) -> Indicator | None:
    if slo.subject == "database":
        return Counted(f"{catalogue.QUERIES.name}_count", "", catalogue.QUERY_ERRORS.name, _DATABASE_ERROR)
    bad = {"": _SERVER_ERROR, "4xx": _CLIENT_ERROR}.get(slo.subject)
    return None if bad is None else Counted(catalogue.REQUESTS.name, _route(slo.endpoint), catalogue.REQUESTS.name, bad)


def _hits(slo: Slo) -> Indicator | None:
    # Which requests of a route were hits is in no metric, only how many there were of each cache.
    counter = catalogue.CACHE_REQUESTS.name
    return None if slo.endpoint else Hits(counter, "", counter, 'outcome!="hit"')


def _route(endpoint: Endpoint | None) -> str:
    if endpoint is None:
        return ""
    method, template = (json.dumps(text, ensure_ascii=False) for text in endpoint)
    return f"method={method}, endpoint={template}"


_KINDS: Mapping[str, Callable[[Slo], Indicator | None]] = {
    "latency": _timed,
    "score": _timed,
    "errors": _failing,
    "cache_hits": _hits,
}
