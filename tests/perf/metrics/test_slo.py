"""The targets as data, against a table written down by hand from the specification."""

import ast
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from mestres_perf import MESTRES_CAFE_SLA
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import slo
from mestres_perf.metrics._catalogue import BUCKETS

# name, limit in the specification's own words (its units, English decimal point)
SPEC = """
availability.production >= 99.9 %
availability.staging >= 99.5 %
api.p50 < 200 ms
api.p95 < 500 ms
api.p99 < 1 s
pages.first_contentful_paint < 1.5 s
pages.largest_contentful_paint < 2.5 s
pages.first_input_delay < 100 ms
pages.cumulative_layout_shift < 0.1
pages.time_to_first_byte < 600 ms
queries.simple_queries < 50 ms
queries.complex_queries < 200 ms
queries.reports < 2 s
throughput.concurrent_users >= 1000 users
throughput.requests_per_second >= 500/s
throughput.transactions_per_second >= 100/s
throughput.peak_load_capacity >= 150 %
errors.http_4xx < 1 %
errors.http_5xx < 0.1 %
errors.database_errors < 0.01 %
errors.payment_failures < 0.5 %
features.product_listing.response_time < 300 ms
features.product_listing.concurrent_users >= 500 users
features.product_listing.cache_hit_ratio > 90 %
features.product_detail.response_time < 200 ms
features.product_detail.cache_hit_ratio > 95 %
features.cart_operations.add_item < 150 ms
features.cart_operations.update_quantity < 100 ms
features.cart_operations.remove_item < 100 ms
features.checkout_process.cart_to_checkout < 500 ms
features.checkout_process.payment_processing < 3 s
features.checkout_process.order_confirmation < 1 s
features.search.simple_search < 200 ms
features.search.filtered_search < 500 ms
features.search.autocomplete < 100 ms
features.search.fuzzy_search < 800 ms
features.admin_operations.dashboard_load < 1 s
features.admin_operations.report_generation < 5 s
features.admin_operations.bulk_operations < 30 s
features.admin_operations.data_export < 60 s
benchmarks.products_page_query < 50 ms
benchmarks.products_search_query < 100 ms
benchmarks.orders_of_user_query < 30 ms
benchmarks.ab.requests_per_second > 200/s
benchmarks.ab.mean_time < 250 ms
benchmarks.ab.failed_requests <= 0
benchmarks.load_test.p95 < 500 ms
benchmarks.load_test.p99 < 1 s
benchmarks.load_test.failed < 1 %
benchmarks.load_test.checks > 99 %
benchmarks.development.requests_per_second >= 200/s
benchmarks.development.concurrent_users >= 50 users
benchmarks.development.database_queries_per_second >= 500/s
benchmarks.production.requests_per_second >= 1000/s
benchmarks.production.concurrent_users >= 2000 users
benchmarks.production.database_queries_per_second >= 5000/s
system.cpu.warning < 70 %
system.cpu.critical < 85 %
system.memory.warning < 80 %
system.memory.critical < 90 %
system.disk.warning < 80 %
system.disk.critical < 90 %
system.network.warning < 80 %
system.network.critical < 90 %
application.response_time.p50 < 200 ms
application.response_time.p95 < 500 ms
application.response_time.p99 < 1 s
application.error_rate.warning < 1 %
application.error_rate.critical < 5 %
application.throughput.minimum >= 100/s
application.throughput.target >= 500/s
application.database.connection_pool_usage < 80 %
application.database.slow_query < 200 ms
application.database.deadlocks < 1
application.cache_hit_rate >= 80 %
"""


def test_every_number_of_the_specification():
    """Each target of the specification is there with its number, none is missing and none is made up."""
    assert [f"{one.name} {one.limit}" for one in MESTRES_CAFE_SLA] == SPEC.strip().splitlines()


def test_numbers_beside_the_targets():
    """The maintenance window, the monitoring intervals and the hours of downtime are the specification's too."""
    window = MESTRES_CAFE_SLA.availability.maintenance
    system = MESTRES_CAFE_SLA.system

    assert (window.weekday, window.begins, window.ends) == (7, "02:00", "04:00")
    assert [one.interval for one in (system.cpu, system.memory, system.disk, system.network)] == [30, 30, 60, 30]
    assert (1 - MESTRES_CAFE_SLA.availability.production.threshold) * 365 * 24 == pytest.approx(8.76)


def test_a_name_is_a_place():
    """The name of a target is the way to it through the tree."""
    for one in MESTRES_CAFE_SLA:
        place = MESTRES_CAFE_SLA
        for step in one.name.split("."):
            place = getattr(place, step)
        assert place is one


def test_the_limit_itself():
    """`<` and `>` are meant strictly: the limit itself is missed by a target, and met by one that says at least."""
    sla = MESTRES_CAFE_SLA

    assert sla.api.p95.met(0.499)
    assert not sla.api.p95.met(0.5)
    assert sla.features.product_detail.cache_hit_ratio.met(0.951)
    assert not sla.features.product_detail.cache_hit_ratio.met(0.95)
    assert sla.throughput.requests_per_second.met(500)
    assert sla.benchmarks.ab.failed_requests.met(0)
    assert not sla.benchmarks.ab.failed_requests.met(1)


def test_what_it_applies_to():
    """A target of the API says which route it speaks of, and at which quantile."""
    detail = MESTRES_CAFE_SLA.features.product_detail.response_time

    assert detail.endpoint == ("GET", "/api/v1/products/{ref}")
    assert detail.quantile == 0.95
    assert [one.quantile for one in (MESTRES_CAFE_SLA.api.p50, MESTRES_CAFE_SLA.api.p99)] == [0.5, 0.99]


def test_the_budget():
    """What may be bad is told for each promise that is about shares of events, and for no other."""
    sla = MESTRES_CAFE_SLA

    assert [one.budget for one in (sla.api.p50, sla.api.p95, sla.api.p99)] == [0.5, 0.05, 0.01]
    assert (sla.availability.production.budget, sla.errors.http_5xx.budget) == (0.001, 0.001)
    assert (sla.features.product_detail.cache_hit_ratio.budget, sla.benchmarks.load_test.checks.budget) == (0.05, 0.01)
    without = (sla.throughput.peak_load_capacity, sla.system.cpu.warning, sla.benchmarks.ab.mean_time)
    assert [one.budget for one in without] == [None, None, None]


def test_every_threshold_of_the_api_can_be_read():
    """Each time that the API promises is the bound of a bucket: the share within it is counted, not guessed."""
    latencies = [one for one in MESTRES_CAFE_SLA if one.kind == "latency" and (one.endpoint or one.name[:4] == "api.")]

    assert latencies
    assert {one.threshold for one in latencies} <= set(BUCKETS)


def test_nobody_changes_a_promise():
    """The targets are values."""
    with pytest.raises(FrozenInstanceError):
        MESTRES_CAFE_SLA.api.p95.threshold = 9


def test_every_route_exists():
    """The routes that targets speak of are routes of the shop, apart from the administrator's."""
    source = Path(slo.__file__).parents[2] / "mestres_core/contrib/http/routes.py"
    texts = {node.value for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Constant)}
    named = {one.endpoint.template for one in MESTRES_CAFE_SLA if one.endpoint}

    assert {template for template in named if template.startswith("/api/")} <= texts


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"quantile": 95}, "as in 0.95"),
        ({"quantile": 1.0}, "below 1"),
        ({"unit": "ratio", "kind": "errors", "quantile": None, "threshold": 1.5}, "as in 0.01"),
        ({"bound": "=<"}, "must be one of"),
    ],
)
def test_a_promise_that_makes_no_sense(wrong, says):
    """Percent for a share, and a comparison that nobody knows, are refused where they are written."""
    given = {"kind": "latency", "bound": "<", "threshold": 0.3, "unit": "seconds", "quantile": 0.95}
    slo.Slo(**given)
    with pytest.raises(ConfigurationError, match=says):
        slo.Slo(**{**given, **wrong})
