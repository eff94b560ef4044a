"""Measuring a shop that only reads; tests/integration measures the real one."""

import json

import pytest

from mestres_perf.cli import main
from mestres_perf.load import check
from mestres_perf.load._client import Answer
from mestres_perf.load._results import latency
from mestres_perf.load._visits import misspelt
from mestres_perf.metrics import MESTRES_CAFE_SLA


def _rows(shop, **options):
    return {row.slo.name: row for row in check(shop.url, visits=20, concurrency=4, read_only=True, **options).rows}


def test_a_shop_that_keeps_its_promises(shop, capsys):
    """Each target has its row with limit, measured value and number of requests; the exit code is 0."""
    code = main(["slo", "check", shop.url, "--read-only", "--requests", "20"])
    shown = capsys.readouterr().out

    assert code == 0, shown
    row = next(line for line in shown.splitlines() if line.startswith("features.search.autocomplete"))
    assert row.split()[1:4] == ["<", "100", "ms"]
    assert row.split()[-2:] == ["20", "ok"]
    assert "every measured target met" in shown


def test_only_reading(shop):
    """With read_only nothing is written, and no target of writing is judged."""
    assert not any("cart" in name or "checkout" in name or "payment" in name for name in _rows(shop))


def test_a_slow_shop(shop, capsys):
    """A target that is missed is said so in its row, and the exit code is 1."""
    shop.delay = 0.12
    code = main(["slo", "check", shop.url, "--read-only", "--requests", "10", "--json"])
    report = json.loads(capsys.readouterr().out)
    met = {row["target"]: row["met"] for row in report["targets"]}

    assert code == 1
    assert report["met"] is False
    assert met["features.search.autocomplete"] is False
    assert met["features.search.fuzzy_search"] is True


def test_a_quick_refusal_is_no_quick_answer(shop):
    """A feature whose requests fail misses its target, however soon they fail, and they are the server's error rate."""
    shop.fails = lambda _number, path: path == "/api/v1/search/suggest"
    rows = _rows(shop)

    assert rows["features.search.autocomplete"].met is False
    assert rows["features.search.autocomplete"].as_json()["measured"] is None
    assert rows["features.search.simple_search"].met
    assert rows["errors.http_5xx"].value == pytest.approx(1 / 6)
    assert rows["errors.http_4xx"].value == 0


def test_the_quantile_is_over_all_requests():
    """95 % must be answered in time: five failures of a hundred are forgiven, six are not."""
    target = MESTRES_CAFE_SLA.features.product_detail.response_time
    good, bad = Answer(200, 0.01), Answer(500, 0.001)

    assert latency(target, [good] * 95 + [bad] * 5).met
    assert latency(target, [good] * 94 + [bad] * 6).met is False


def test_without_a_cache(shop):
    """What does not come out of a cache is no hit."""
    shop.cache = "miss"

    row = _rows(shop)["features.product_detail.cache_hit_ratio"]
    assert (row.value, row.met, row.count) == (0.0, False, 20)


def test_pages_that_are_not_there(shop, capsys):
    """Administrator's pages that the application does not have are shown as not measured, and are no miss."""
    code = main(["slo", "check", shop.url, "--read-only", "--requests", "5", "--admin-token", "secret"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("features.admin_operations")]

    assert code == 0
    assert len(rows) == 4
    assert all(row.endswith("not measured") for row in rows)


def test_pages_of_the_administrator(shop):
    """Those that are there are measured, with the token that was given."""
    shop.pages = {"/admin/api/v1/dashboard": b"{}"}
    rows = _rows(shop, admin_token="secret")

    assert rows["features.admin_operations.dashboard_load"].met
    assert rows["features.admin_operations.dashboard_load"].count == 20
    assert rows["features.admin_operations.report_generation"].met is None
    assert shop.tokens == {None, "Bearer secret"}


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "nonsense"])
def test_not_reachable(address, capsys):
    """Nothing to measure is exit code 2 and one line."""
    assert main(["slo", "check", address]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_searches_do_not_repeat(shop):
    """So many searches are as many different ones: what is measured is searching, not a cache."""
    check(shop.url, visits=40, read_only=True)
    searches = [path for path in shop.requests if "search=" in path]

    assert len(searches) == 3 * 40
    assert len(set(searches)) == len(searches)


def test_the_typing_error():
    """The fuzzy search is asked for a word with two letters the wrong way round."""
    assert misspelt("especial") == "espceial"
    assert misspelt("grãos") == "gãros"
    assert misspelt("coffee") == "cofefe"
