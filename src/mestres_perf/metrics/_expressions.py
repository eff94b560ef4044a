"""What rules and dashboard ask Prometheus, each question in one place.

Every answer is one number for each job, over all its instances: rates are summed before they are divided, and the
buckets of a histogram before a quantile is read from them. `window` is a range such as `5m`; `matching` narrows the
series, such as `job=~"shop"`. Without traffic the answers are NaN or nothing, and so neither above nor below anything.
"""

from __future__ import annotations

from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import Metric


def selector(name: str, *matchers: str) -> str:
    """The series of a metric that match."""
    given = ", ".join(matcher for matcher in matchers if matcher)
    return f"{name}{{{given}}}" if given else name


def rate(name: str, window: str, *matchers: str, by: str = "job") -> str:
    """Growth of a counter in a second."""
    return f"sum by ({by}) (rate({selector(name, *matchers)}[{window}]))"


def quantile(share: float, histogram: Metric, window: str, matching: str = "") -> str:
    """The value within which `share` of the observations lie."""
    return f"histogram_quantile({share:g}, {rate(f'{histogram.name}_bucket', window, matching, by='job, le')})"


def mean(histogram: Metric, window: str, matching: str = "", *, by: str = "job") -> str:
    """The mean observation."""
    total, count = (rate(f"{histogram.name}_{part}", window, matching, by=by) for part in ("sum", "count"))
    return f"{total} / {count}"


def bound(threshold: float) -> str:
    """The matcher of the bucket with this bound: Prometheus and its clients write whole numbers in two ways."""
    return f'le=~"{threshold:g}|{threshold:g}[.]0"' if threshold == int(threshold) else f'le="{threshold:g}"'


def slower(threshold: float, histogram: Metric, window: str, matching: str = "") -> str:
    """Observations above the bound of a bucket, in a second."""
    every, within = (rate(f"{histogram.name}_bucket", window, le, matching) for le in ('le="+Inf"', bound(threshold)))
    return f"({every} - {within})"


def server_errors(window: str, matching: str = "") -> str:
    """Requests that end in a 5xx, in a second; nothing as long as there never was one."""
    return rate(catalogue.REQUESTS.name, window, 'status=~"5.."', matching)


def error_rate(window: str, matching: str = "") -> str:
    """5xx of all requests, 0 to 1; 0 as long as there never was a 5xx."""
    failed, answered = server_errors(window, matching), rate(catalogue.REQUESTS.name, window, matching)
    return f"({failed} or 0 * {answered}) / {answered}"


def connection_usage(matching: str = "") -> str:
    """Connections in use of those that a pool may open, 0 to 1, where that is most: idle ones elsewhere are no help."""
    used, most = selector(catalogue.CONNECTIONS.name, matching), selector(catalogue.CONNECTIONS_MAX.name, matching)
    return f"max by (job) ({used} / {most})"


def cache_hit_rate(window: str, matching: str = "") -> str:
    """Hits of all requests to caches, 0 to 1. The gauge of that name counts from the start of each process."""
    name = catalogue.CACHE_REQUESTS.name
    hits, requests = rate(name, window, 'outcome="hit"', matching), rate(name, window, matching)
    return f"{hits} / {requests}"
