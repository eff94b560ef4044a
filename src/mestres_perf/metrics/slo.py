"""Targets as data: `MESTRES_CAFE_SLA` is every number that the specification promises.

MESTRES_CAFE_SLA.api.p95.threshold                               # 0.5 seconds
MESTRES_CAFE_SLA.features.product_listing.response_time.met(0.2)  # True
for slo in MESTRES_CAFE_SLA: print(slo.name, slo.limit)

Thresholds are in seconds, ratios from 0 to 1, requests in a second, or users; `Slo.unit` says which.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar

Kind = Literal["latency", "availability", "errors", "cache_hits", "throughput", "load", "usage", "count", "score"]
Unit = Literal["seconds", "ratio", "per_second", "users", "count", "score"]
Bound = Literal["<", "<=", ">", ">="]

_Group = TypeVar("_Group")
_COMPARE: Mapping[Bound, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SUFFIX: Mapping[Unit, str] = {"per_second": "/s", "users": " users", "count": "", "score": ""}


class Endpoint(NamedTuple):
    """A route of the HTTP API: its method and its path template."""

    method: str
    template: str


@dataclass(frozen=True, slots=True)
class Slo:
    """One promise: what is measured, in `unit`, stays on the right side of `threshold`.

    `quantile` is the share of requests for which a latency is promised (None: the mean, or no latency at all);
    `endpoint` the route of the API that it speaks of, if it speaks of one. `name` is its place in the tree.
    """

    kind: Kind
    bound: Bound
    threshold: float
    unit: Unit
    quantile: float | None = None
    endpoint: Endpoint | None = None
    name: str = ""

    def met(self, measured: float) -> bool:
        """Whether a measured value, in this promise's unit, keeps it."""
        return _COMPARE[self.bound](measured, self.threshold)

    def shown(self, value: float) -> str:
        """A value of this promise's unit for people: `200 ms`, `99.9 %`, `500/s`."""
        if self.unit == "seconds":
            return f"{1000 * value:.4g} ms" if value < 1 else f"{value:.4g} s"
        if self.unit == "ratio":
            return f"{100 * value:.4g} %"
        return f"{value:g}{_SUFFIX[self.unit]}"

    @property
    def limit(self) -> str:
        """The promise for people: `< 200 ms`."""
        return f"{self.bound} {self.shown(self.threshold)}"


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """When the system may be away without breaking its promise: `weekday` as ISO counts (7 is Sunday), local hours."""

    weekday: int
    begins: str
    ends: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Availability:
    """Share of the time in which the system answers."""

    production: Slo
    staging: Slo
    maintenance: MaintenanceWindow


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """From the request to the last byte, of all requests together."""

    p50: Slo
    p95: Slo
    p99: Slo


@dataclass(frozen=True, slots=True)
class WebPages:
    """What a visitor's browser measures."""

    first_contentful_paint: Slo
    largest_contentful_paint: Slo
    first_input_delay: Slo
    cumulative_layout_shift: Slo
    time_to_first_byte: Slo


@dataclass(frozen=True, slots=True)
class DatabaseQueries:
    """Time of one query, by its sort."""

    simple_queries: Slo
    complex_queries: Slo
    reports: Slo


@dataclass(frozen=True, slots=True)
class Throughput:
    """What the system carries at once; `peak_load_capacity` is a multiple of that."""

    concurrent_users: Slo
    requests_per_second: Slo
    transactions_per_second: Slo
    peak_load_capacity: Slo


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """Share of the requests, queries and payments that fail."""

    http_4xx: Slo
    http_5xx: Slo
    database_errors: Slo
    payment_failures: Slo


@dataclass(frozen=True, slots=True)
class ProductListing:
    """A page of products."""

    response_time: Slo
    concurrent_users: Slo
    cache_hit_ratio: Slo


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """One product."""

    response_time: Slo
    cache_hit_ratio: Slo


@dataclass(frozen=True, slots=True)
class CartOperations:
    """Changes of a cart."""

    add_item: Slo
    update_quantity: Slo
    remove_item: Slo


@dataclass(frozen=True, slots=True)
class CheckoutProcess:
    """From the cart to the confirmed order."""

    cart_to_checkout: Slo
    payment_processing: Slo
    order_confirmation: Slo


@dataclass(frozen=True, slots=True)
class Search:
    """Finding products."""

    simple_search: Slo
    filtered_search: Slo
    autocomplete: Slo
    fuzzy_search: Slo


@dataclass(frozen=True, slots=True)
class AdminOperations:
    """What the shop's own people wait for."""

    dashboard_load: Slo
    report_generation: Slo
    bulk_operations: Slo
    data_export: Slo


@dataclass(frozen=True, slots=True)
class Features:
    """Promises by feature. The specification names no quantile for them: 95 % of the requests."""

    product_listing: ProductListing
    product_detail: ProductDetail
    cart_operations: CartOperations
    checkout_process: CheckoutProcess
    search: Search
    admin_operations: AdminOperations


@dataclass(frozen=True, slots=True)
class Hardware:
    """What one machine is expected to carry."""

    requests_per_second: Slo
    concurrent_users: Slo
    database_queries_per_second: Slo


@dataclass(frozen=True, slots=True)
class ApacheBench:
    """What each of the three `ab` runs must show."""

    requests_per_second: Slo
    mean_time: Slo
    failed_requests: Slo


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Critical queries, `ab` runs, and the machines that they are meant for."""

    products_page_query: Slo
    products_search_query: Slo
    orders_of_user_query: Slo
    ab: ApacheBench
    development: Hardware
    production: Hardware


@dataclass(frozen=True, slots=True)
class Watched:
    """A share that is looked at every `interval` seconds."""

    warning: Slo
    critical: Slo
    interval: float


@dataclass(frozen=True, slots=True)
class SystemMetrics:
    """How much of the machine is in use."""

    cpu: Watched
    memory: Watched
    disk: Watched
    network: Watched


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """When the share of failing requests calls somebody."""

    warning: Slo
    critical: Slo


@dataclass(frozen=True, slots=True)
class ApplicationThroughput:
    """Requests in a second: the fewest that are normal, and the aim."""

    minimum: Slo
    target: Slo


@dataclass(frozen=True, slots=True)
class Database:
    """Connections in use, the time from which a query is slow, deadlocks."""

    connection_pool_usage: Slo
    slow_query: Slo
    deadlocks: Slo


@dataclass(frozen=True, slots=True)
class ApplicationMetrics:
    """Thresholds of the running application."""

    response_time: ResponseTimes
    error_rate: ErrorRate
    throughput: ApplicationThroughput
    database: Database


@dataclass(frozen=True, slots=True)
class Sla:
    """Everything that is promised; iterating gives each `Slo` in order, whatever its depth."""

    availability: Availability
    api: ResponseTimes
    pages: WebPages
    queries: DatabaseQueries
    throughput: Throughput
    errors: ErrorRates
    features: Features
    benchmarks: Benchmarks
    system: SystemMetrics
    application: ApplicationMetrics

    def __iter__(self) -> Iterator[Slo]:
        return _leaves(self)


def _leaves(group: Any) -> Iterator[Slo]:
    if isinstance(group, Slo):
        yield group
    elif is_dataclass(group):
        for field in fields(group):
            yield from _leaves(getattr(group, field.name))


def _named(group: _Group, place: str = "") -> _Group:
    """The same tree, in which each promise bears the name of its place."""
    if isinstance(group, Slo):
        return replace(group, name=place)
    if not is_dataclass(group) or isinstance(group, type):
        return group
    prefix = f"{place}." if place else ""
    parts = {field.name: _named(getattr(group, field.name), prefix + field.name) for field in fields(group)}
    return replace(group, **parts)


def _within(seconds: float, *route: str, quantile: float | None = 0.95) -> Slo:
    return Slo("latency", "<", seconds, "seconds", quantile, Endpoint(*route) if route else None)


def _at_least(value: float, unit: Unit) -> Slo:
    return Slo("throughput" if unit == "per_second" else "load", ">=", value, unit)


def _available(ratio: float) -> Slo:
    return Slo("availability", ">=", ratio, "ratio")


def _hits(ratio: float, *route: str) -> Slo:
    return Slo("cache_hits", ">", ratio, "ratio", endpoint=Endpoint(*route))


def _errors(ratio: float) -> Slo:
    return Slo("errors", "<", ratio, "ratio")


def _usage(ratio: float) -> Slo:
    return Slo("usage", "<", ratio, "ratio")


def _response_times() -> ResponseTimes:
    return ResponseTimes(
        p50=_within(0.2, quantile=0.50), p95=_within(0.5, quantile=0.95), p99=_within(1.0, quantile=0.99)
    )


_LISTING = ("GET", "/api/v1/products")
_DETAIL = ("GET", "/api/v1/products/{ref}")
_LINES = "/api/v1/carts/{cart_id}/lines"

MESTRES_CAFE_SLA = _named(
    Sla(
        availability=Availability(
            production=_available(0.999),  # 8.76 hours away in a year
            staging=_available(0.995),
            maintenance=MaintenanceWindow(weekday=7, begins="02:00", ends="04:00", timezone="America/Sao_Paulo"),
        ),
        api=_response_times(),
        pages=WebPages(
            first_contentful_paint=_within(1.5, quantile=0.75),  # web vitals are judged at the 75th percentile
            largest_contentful_paint=_within(2.5, quantile=0.75),
            first_input_delay=_within(0.1, quantile=0.75),
            cumulative_layout_shift=Slo("score", "<", 0.1, "score", 0.75),
            time_to_first_byte=_within(0.6, quantile=0.75),
        ),
        queries=DatabaseQueries(simple_queries=_within(0.05), complex_queries=_within(0.2), reports=_within(2.0)),
        throughput=Throughput(
            concurrent_users=_at_least(1000, "users"),
            requests_per_second=_at_least(500, "per_second"),
            transactions_per_second=_at_least(100, "per_second"),
            peak_load_capacity=_at_least(1.5, "ratio"),
        ),
        errors=ErrorRates(
            http_4xx=_errors(0.01),
            http_5xx=_errors(0.001),
            database_errors=_errors(0.0001),
            payment_failures=_errors(0.005),
        ),
        features=Features(
            product_listing=ProductListing(
                response_time=_within(0.3, *_LISTING),
                concurrent_users=_at_least(500, "users"),
                cache_hit_ratio=_hits(0.90, *_LISTING),
            ),
            product_detail=ProductDetail(response_time=_within(0.2, *_DETAIL), cache_hit_ratio=_hits(0.95, *_DETAIL)),
            cart_operations=CartOperations(
                add_item=_within(0.15, "POST", _LINES),
                update_quantity=_within(0.1, "PATCH", f"{_LINES}/{{line_id}}"),
                remove_item=_within(0.1, "DELETE", f"{_LINES}/{{line_id}}"),
            ),
            checkout_process=CheckoutProcess(
                cart_to_checkout=_within(0.5, "POST", "/api/v1/carts/{cart_id}/quote"),
                payment_processing=_within(3.0, "POST", "/api/v1/carts/{cart_id}/checkout"),
                order_confirmation=_within(1.0, "GET", "/api/v1/orders/{number}"),
            ),
            search=Search(
                simple_search=_within(0.2, *_LISTING),
                filtered_search=_within(0.5, *_LISTING),
                autocomplete=_within(0.1, "GET", "/api/v1/search/suggest"),
                fuzzy_search=_within(0.8, *_LISTING),
            ),
            admin_operations=AdminOperations(
                dashboard_load=_within(1.0, "GET", "/admin/api/v1/dashboard"),
                report_generation=_within(5.0, "GET", "/admin/api/v1/reports/{kind}"),
                bulk_operations=_within(30.0, "POST", "/admin/api/v1/products/bulk"),
                data_export=_within(60.0, "POST", "/admin/api/v1/exports"),
            ),
        ),
        benchmarks=Benchmarks(
            products_page_query=_within(0.05),
            products_search_query=_within(0.1),
            orders_of_user_query=_within(0.03),
            ab=ApacheBench(
                requests_per_second=Slo("throughput", ">", 200, "per_second"),
                mean_time=_within(0.25, quantile=None),
                failed_requests=Slo("count", "<=", 0, "count"),
            ),
            development=Hardware(
                requests_per_second=_at_least(200, "per_second"),
                concurrent_users=_at_least(50, "users"),
                database_queries_per_second=_at_least(500, "per_second"),
            ),
            production=Hardware(
                requests_per_second=_at_least(1000, "per_second"),
                concurrent_users=_at_least(2000, "users"),
                database_queries_per_second=_at_least(5000, "per_second"),
            ),
        ),
        system=SystemMetrics(
            cpu=Watched(warning=_usage(0.70), critical=_usage(0.85), interval=30),
            memory=Watched(warning=_usage(0.80), critical=_usage(0.90), interval=30),
            disk=Watched(warning=_usage(0.80), critical=_usage(0.90), interval=60),
            network=Watched(warning=_usage(0.80), critical=_usage(0.90), interval=30),
        ),
        application=ApplicationMetrics(
            response_time=_response_times(),
            error_rate=ErrorRate(warning=_errors(0.01), critical=_errors(0.05)),
            throughput=ApplicationThroughput(minimum=_at_least(100, "per_second"), target=_at_least(500, "per_second")),
            database=Database(
                connection_pool_usage=_usage(0.80),
                slow_query=_within(0.2, quantile=None),
                deadlocks=Slo("count", "<", 1, "count"),
            ),
        ),
    )
)
"""The targets of Mestres Café Enterprise: seconds, ratios from 0 to 1, requests in a second, users."""
