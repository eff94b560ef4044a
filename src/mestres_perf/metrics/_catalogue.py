"""Every metric: its name, labels, buckets and meaning. Code, documentation and rules read it here."""

from __future__ import annotations

from dataclasses import dataclass

# Every time that MESTRES_CAFE_SLA promises for the API is a bound: the share within it can be read exactly.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.0, 2.0, 2.5, 3.0, 5.0, 10.0, 30.0, 60.0)
OVERFLOW = "__overflow__"
UNMATCHED = "__unmatched__"
OTHER_METHOD = "_OTHER"
OTHER_PAGE = "__other__"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_STATUSES = frozenset(map(str, range(100, 600)))
_CLASSES = frozenset(f"{number}xx" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the kind `counter`, `gauge` or `histogram`."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = BUCKETS


def overflow(metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Under which labels a metric counts a label set that is too many. Of a status the class stays: `5xx`."""
    return tuple(
        f"{value[0]}xx" if name == "status" and value in _STATUSES else OVERFLOW
        for name, value in zip(metric.labels, labels, strict=True)
    )


def is_overflow(metric: Metric, labels: tuple[str, ...]) -> bool:
    """Whether these are such labels, of which a metric has as many as there are classes, and one."""
    return bool(labels) and all(
        value == OVERFLOW or (name == "status" and value in _CLASSES)
        for name, value in zip(metric.labels, labels, strict=True)
    )


REQUESTS = Metric("http_requests_total", "counter", "HTTP requests answered", ("method", "endpoint", "status"))
DURATION = Metric(
    "http_request_duration_seconds", "histogram", "From the request to the last byte", ("method", "endpoint")
)
FIRST_BYTE = Metric(
    "http_response_start_seconds", "histogram", "From the request to the status line", ("method", "endpoint")
)
BROKEN = Metric(
    "http_requests_failed_mid_response_total",
    "counter",
    "Responses that broke off after they began",
    ("method", "endpoint"),
)
IN_PROGRESS = Metric("http_requests_in_progress", "gauge", "HTTP requests under way")
METRICS_ERRORS = Metric("metrics_errors_total", "counter", "What could not be counted, read or shown as it should be")
CONNECTIONS = Metric("database_connections_active", "gauge", "Database connections in use", ("pool",))
CONNECTIONS_MAX = Metric("database_connections_max", "gauge", "Database connections that the pool may open", ("pool",))
QUERIES = Metric("database_query_duration_seconds", "histogram", "Time in the database", ("operation",))
QUERY_ERRORS = Metric(
    "database_query_errors_total", "counter", "Statements that the database refused", ("operation", "error")
)
CONNECTION_WAIT = Metric(
    "database_connection_wait_seconds", "histogram", "From asking a pool for a connection to having one, or none"
)
CALLS = Metric("function_calls_total", "counter", "Calls of tracked functions", ("function", "outcome"))
CALL_DURATION = Metric("function_duration_seconds", "histogram", "Time in tracked functions", ("function",))
CALL_EXCEPTIONS = Metric(
    "function_exceptions_total", "counter", "Exceptions of tracked functions by type", ("function", "exception")
)
HIT_RATE = Metric("cache_hit_rate", "gauge", "Hits of all cache requests so far, 0 to 1; nothing before the first")
CACHE_REQUESTS = Metric("cache_requests_total", "counter", "Requests to a cache", ("cache", "outcome"))
CACHE_HITS = Metric("cache_hits_total", "counter", "Hits by where the value was", ("cache", "layer"))
CACHE_INVALIDATIONS = Metric(
    "cache_invalidations_total", "counter", "Invalidations of this process, and those heard", ("cache", "origin")
)
CACHE_LOAD_TIME = Metric(
    "cache_load_duration_seconds",
    "histogram",
    "Time in loaders",
    ("cache",),
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),  # those of a cache's `load_times`
)
# Each is a field of `Stats`, by cache.
CACHE_COUNTS = {
    "errors": Metric("cache_load_errors_total", "counter", "Loads that raised", ("cache",)),
    "stale": Metric("cache_stale_total", "counter", "Values given out after their TTL", ("cache",)),
    "refreshes": Metric("cache_refreshes_total", "counter", "Loads that nobody waited for", ("cache",)),
    "evictions": Metric("cache_evictions_total", "counter", "Values for which memory had no more room", ("cache",)),
    "refused": Metric("cache_refused_fills_total", "counter", "Loaded values that could not be remembered", ("cache",)),
    "rejected": Metric(
        "cache_rejected_reads_total", "counter", "What Redis had and this cache did not write", ("cache",)
    ),
    "gaps": Metric("cache_backplane_gaps_total", "counter", "How often messages of others were lost", ("cache",)),
    "redis_failures": Metric("cache_redis_failures_total", "counter", "Calls that Redis did not answer", ("cache",)),
    "redis_away": Metric("cache_redis_away_seconds_total", "counter", "Time in which Redis was left alone", ("cache",)),
    "size": Metric("cache_entries", "gauge", "Values in memory", ("cache",)),
    "bytes": Metric("cache_bytes", "gauge", "Bytes in memory, where they are bounded", ("cache",)),
    "waiting": Metric("cache_waiting_callers", "gauge", "Callers that wait for somebody else's load", ("cache",)),
    "loading": Metric("cache_loads_in_progress", "gauge", "Loads under way", ("cache",)),
}
BREAKER_STATE = Metric("circuit_breaker_state", "gauge", "1 for the state that the breaker is in", ("name", "state"))
BREAKER_CALLS = Metric("circuit_breaker_calls_total", "counter", "Calls by what became of them", ("name", "outcome"))
BREAKER_OPENED = Metric("circuit_breaker_opened_total", "counter", "How often the breaker has opened", ("name",))
BREAKER_ERRORS = Metric(
    "circuit_breaker_backend_errors_total", "counter", "How often its Redis could not be reached", ("name",)
)
RETRY_ATTEMPTS = Metric("retry_attempts_total", "counter", "Attempts after the first", ("name",))
RETRY_GIVEN_UP = Metric(
    "retry_given_up_total", "counter", "Calls that failed for want of attempts, time or budget", ("name",)
)
RETRY_REFUSED = Metric("retry_budget_refused_total", "counter", "Attempts that the budget did not allow", ("name",))
BULKHEAD_IN_FLIGHT = Metric("bulkhead_in_flight", "gauge", "Calls that have a place", ("name",))
BULKHEAD_WAITING = Metric("bulkhead_waiting", "gauge", "Calls that stand in line", ("name",))
BULKHEAD_LIMIT = Metric("bulkhead_limit", "gauge", "Places", ("name",))
BULKHEAD_REJECTED = Metric("bulkhead_rejected_total", "counter", "Calls that found no place", ("name",))
RATE_LIMIT_CALLS = Metric("rate_limit_calls_total", "counter", "Calls by what the limit said", ("name", "outcome"))
RATE_LIMIT_ERRORS = Metric(
    "rate_limit_backend_errors_total", "counter", "How often its Redis could not be reached", ("name",)
)
ADAPTIVE_LIMIT = Metric("adaptive_limit", "gauge", "Calls that may be under way, as learned", ("name",))
ADAPTIVE_IN_FLIGHT = Metric("adaptive_limit_in_flight", "gauge", "Calls that are", ("name",))
ADAPTIVE_SHED = Metric("adaptive_limit_shed_total", "counter", "Calls that were too many", ("name",))
TIMEOUTS = Metric("timeout_expired_total", "counter", "Async calls that were stopped", ("name",))
SYSTEM = {
    "cpu": Metric("system_cpu_usage_ratio", "gauge", "Processor time used of what may be used, 0 to 1"),
    "memory": Metric("system_memory_usage_ratio", "gauge", "Memory used of what may be used, 0 to 1"),
    "disk": Metric("system_disk_usage_ratio", "gauge", "Disk space used of what may be used, 0 to 1"),
    "network": Metric("system_network_usage_ratio", "gauge", "Traffic of what the link can carry, 0 to 1"),
}
_LOADING = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 1.8, 2.5, 3.0, 4.0, 6.0, 10.0)
_REACTING = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5)
_SHIFTING = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
# Every bound between good and poor, the specification's and the web-vitals library's, is the bound of a bucket.
WEB_VITALS = {
    "FCP": Metric("web_vitals_fcp_seconds", "histogram", "First Contentful Paint", (), _LOADING),
    "LCP": Metric("web_vitals_lcp_seconds", "histogram", "Largest Contentful Paint", (), _LOADING),
    "INP": Metric("web_vitals_inp_seconds", "histogram", "Interaction to Next Paint", (), _REACTING),
    "FID": Metric("web_vitals_fid_seconds", "histogram", "First Input Delay", (), _REACTING),
    "CLS": Metric("web_vitals_cls", "histogram", "Cumulative Layout Shift", (), _SHIFTING),
    "TTFB": Metric("web_vitals_ttfb_seconds", "histogram", "Time to First Byte", (), _LOADING),
}
WEB_VITALS_RATED = Metric("web_vitals_total", "counter", "Web vitals of visitors, by rating", ("name", "rating"))
WEB_VITALS_PAGES = Metric(
    "web_vitals_pages_total", "counter", "Web vitals of visitors, by page and rating", ("name", "page", "rating")
)
DROPPED = Metric(
    "metrics_dropped_labels_total", "counter", "Label sets beyond the limit, counted as overflow", ("metric",)
)
