"""`mestres-perf` measures the real shop: both apps, both databases."""

import json

import pytest

from mestres_perf.cli import main


@pytest.fixture
def products(product):
    """Enough to look at and to buy."""
    return [product(stock=50, name=f"Café especial número {number}") for number in range(5)]


def test_targets(served, products, capsys):
    """Every target of the shop's API is measured by real requests, purchases included, and every purchase succeeds."""
    before = served.shop.audit().orders
    main(["slo", "check", served.url, "--requests", "50", "--concurrency", "4", "--json"])
    rows = {row["target"]: row for row in json.loads(capsys.readouterr().out)["targets"]}

    written = {"cart_operations", "checkout_process"}
    features = [name.split(".") for name in rows if name.startswith("features.")]
    assert {group for _, group, _ in features} == {"product_listing", "product_detail", "search", *written}
    assert all(row["requests"] > 0 for row in rows.values())
    # How quick this machine is today is not the test's subject; that everything was answered is.
    assert all(row["measured"] is not None for row in rows.values())
    assert [rows[f"errors.{name}"]["measured"] for name in ("http_4xx", "http_5xx", "payment_failures")] == [0, 0, 0]
    assert rows["features.product_detail.cache_hit_ratio"]["measured"] > 0.9
    # One visit of fifty buys.
    assert served.shop.audit().orders == before + 1


def test_ab(served, products, capsys):
    """The run of the specification is done against the real shop without a failure."""
    main(["load", "ab", served.url, "--only", "search"])
    shown = capsys.readouterr().out

    assert "-n 300 -c 15" in shown
    assert next(line for line in shown.splitlines() if "failed_requests" in line).endswith("ok"), shown
