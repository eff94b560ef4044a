"""Targets as data: `MESTRES_CAFE_SLA` is every number that the specification promises.

MESTRES_CAFE_SLA.api.p95.threshold                               # 0.5 seconds
MESTRES_CAFE_SLA.features.product_listing.response_time.met(0.2)  # True
for slo in MESTRES_CAFE_SLA: print(slo.name, slo.limit)
"""

from __future__ import annotations

from mestres_perf.metrics._promise import Endpoint, Slo, Unit
from mestres_perf.metrics._sla import (
    AdminOperations,
    ApacheBench,
    ApplicationMetrics,
    ApplicationThroughput,
    Availability,
    Benchmarks,
    CartOperations,
    CheckoutProcess,
    Database,
    DatabaseQueries,
    ErrorRate,
    ErrorRates,
    Features,
    Hardware,
    LoadTest,
    MaintenanceWindow,
    ProductDetail,
    ProductListing,
    ResponseTimes,
    Search,
    Sla,
    SystemMetrics,
    Throughput,
    Watched,
    WebPages,
    named,
)

__all__ = ["MESTRES_CAFE_SLA", "Endpoint", "Sla", "Slo", "Watched"]


def _within(seconds: float, *route: str, quantile: float | None = 0.95, subject: str = "") -> Slo:
    return Slo("latency", "<", seconds, "seconds", quantile, Endpoint(*route) if route else None, subject=subject)


def _query(seconds: float) -> Slo:
    return _within(seconds, subject="query")


def _vital(seconds: float, name: str) -> Slo:
    return _within(seconds, quantile=0.75, subject=name)  # web vitals are judged at the 75th percentile


def _search(seconds: float) -> Slo:
    return _within(seconds, *_LISTING, subject="search")


def _at_least(value: float, unit: Unit) -> Slo:
    return Slo("throughput" if unit == "per_second" else "load", ">=", value, unit)


def _available(ratio: float) -> Slo:
    return Slo("availability", ">=", ratio, "ratio")


def _hits(ratio: float, *route: str) -> Slo:
    return Slo("cache_hits", ">", ratio, "ratio", endpoint=Endpoint(*route))


def _errors(ratio: float, *route: str, subject: str = "") -> Slo:
    return Slo("errors", "<", ratio, "ratio", endpoint=Endpoint(*route) if route else None, subject=subject)


def _usage(ratio: float) -> Slo:
    return Slo("usage", "<", ratio, "ratio")


def _response_times() -> ResponseTimes:
    return ResponseTimes(
        p50=_within(0.2, quantile=0.50), p95=_within(0.5, quantile=0.95), p99=_within(1.0, quantile=0.99)
    )


_LISTING = ("GET", "/api/v1/products")
_DETAIL = ("GET", "/api/v1/products/{ref}")
_LINES = "/api/v1/carts/{cart_id}/lines"
_CHECKOUT = ("POST", "/api/v1/carts/{cart_id}/checkout")

MESTRES_CAFE_SLA = named(
    Sla(
        availability=Availability(
            production=_available(0.999),  # 8.76 hours away in a year
            staging=_available(0.995),
            maintenance=MaintenanceWindow(weekday=7, begins="02:00", ends="04:00", timezone="America/Sao_Paulo"),
        ),
        api=_response_times(),
        pages=WebPages(
            first_contentful_paint=_vital(1.5, "FCP"),
            largest_contentful_paint=_vital(2.5, "LCP"),
            first_input_delay=_vital(0.1, "FID"),
            cumulative_layout_shift=Slo("score", "<", 0.1, "score", 0.75, subject="CLS"),
            time_to_first_byte=_vital(0.6, "TTFB"),
        ),
        queries=DatabaseQueries(simple_queries=_query(0.05), complex_queries=_query(0.2), reports=_query(2.0)),
        throughput=Throughput(
            concurrent_users=_at_least(1000, "users"),
            requests_per_second=_at_least(500, "per_second"),
            transactions_per_second=_at_least(100, "per_second"),
            peak_load_capacity=_at_least(1.5, "ratio"),
        ),
        errors=ErrorRates(
            http_4xx=_errors(0.01, subject="4xx"),
            http_5xx=_errors(0.001),
            database_errors=_errors(0.0001, subject="database"),
            payment_failures=_errors(0.005, *_CHECKOUT),
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
                payment_processing=_within(3.0, *_CHECKOUT),
                order_confirmation=_within(1.0, "GET", "/api/v1/orders/{number}"),
            ),
            search=Search(
                simple_search=_search(0.2),
                filtered_search=_search(0.5),
                autocomplete=_within(0.1, "GET", "/api/v1/search/suggest"),
                fuzzy_search=_search(0.8),
            ),
            admin_operations=AdminOperations(
                dashboard_load=_within(1.0, "GET", "/admin/api/v1/dashboard"),
                report_generation=_within(5.0, "GET", "/admin/api/v1/reports/{kind}"),
                bulk_operations=_within(30.0, "POST", "/admin/api/v1/products/bulk"),
                data_export=_within(60.0, "POST", "/admin/api/v1/exports"),
            ),
        ),
        benchmarks=Benchmarks(
            products_page_query=_query(0.05),
            products_search_query=_query(0.1),
            orders_of_user_query=_query(0.03),
            ab=ApacheBench(
                requests_per_second=Slo("throughput", ">", 200, "per_second"),
                mean_time=_within(0.25, quantile=None, subject="load test"),
                failed_requests=Slo("count", "<=", 0, "count"),
            ),
            load_test=LoadTest(
                p95=_within(0.5, quantile=0.95, subject="load test"),
                p99=_within(1.0, quantile=0.99, subject="load test"),
                failed=_errors(0.01, subject="load test"),
                checks=Slo("errors", ">", 0.99, "ratio", subject="load test"),
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
                slow_query=_within(0.2, quantile=None, subject="query"),
                deadlocks=Slo("count", "<", 1, "count"),
            ),
            cache_hit_rate=Slo("cache_hits", ">=", 0.80, "ratio"),  # of all caches; the features promise more
        ),
    )
)
"""The targets of Mestres Café Enterprise: seconds, ratios from 0 to 1, requests in a second, users."""
