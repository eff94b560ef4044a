"""The shape of an SLA: which promises there are, by what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from mestres_perf.metrics._promise import Slo

_Group = TypeVar("_Group")


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
class LoadTest:
    """What must hold for a whole load test: times of all requests, share that failed, share of the checks passed."""

    p95: Slo
    p99: Slo
    failed: Slo
    checks: Slo


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Critical queries, `ab` runs, load tests, and the machines that they are meant for."""

    products_page_query: Slo
    products_search_query: Slo
    orders_of_user_query: Slo
    ab: ApacheBench
    load_test: LoadTest
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
    cache_hit_rate: Slo


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
        return leaves(self)


def leaves(group: Any) -> Iterator[Slo]:
    """Every promise of a tree, in order."""
    if isinstance(group, Slo):
        yield group
    elif is_dataclass(group):
        for field in fields(group):
            yield from leaves(getattr(group, field.name))


def named(group: _Group, place: str = "") -> _Group:
    """The same tree, in which each promise bears the name of its place."""
    if isinstance(group, Slo):
        return replace(group, name=place)
    if not is_dataclass(group) or isinstance(group, type):
        return group
    prefix = f"{place}." if place else ""
    parts = {field.name: named(getattr(group, field.name), prefix + field.name) for field in fields(group)}
    return replace(group, **parts)
