"""Every latency target of the specification, measured on a large shop: `make latency`.

Makes a PostgreSQL of its own, fills it, serves it by `mestres demo` in a process of its own and uses it over HTTP, once
with the cache and once without, as `mestres-perf slo check` does. Queries, bulk work and pages are measured beside.
The table goes to standard output as Markdown; the exit code is 1 when a target is missed.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from selenium import webdriver
from selenium.webdriver.common.by import By
from tqdm import tqdm

from mestres_core import Commerce
from mestres_core.cli.plans import busiest
from mestres_core.db.plans import plans
from mestres_examples import filling, generate
from mestres_perf import MESTRES_CAFE_SLA, Slo
from mestres_perf.load import check
from servers.postgres import running_postgres

SLA = MESTRES_CAFE_SLA
ADMIN = "latency-admin"
RUNS = 30


@dataclass
class Row:
    """One target and what was measured, in the target's unit; None where a way of measuring does not apply."""

    slo: Slo
    cached: float | None
    uncached: float | None
    n: int

    @property
    def met(self) -> bool:
        return all(self.slo.met(value) for value in (self.cached, self.uncached) if value is not None)

    def __str__(self) -> str:
        shown = ["" if value is None else self.slo.shown(value) for value in (self.cached, self.uncached)]
        verdict = "ok" if self.met else "MISSED"
        return f"| {self.slo.name} | {self.slo.limit} | {shown[0]} | {shown[1]} | {self.n} | {verdict} |"


def p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def main() -> int:
    options = _options()
    with running_postgres() as url:
        _fill(url, options)
        rows = [*_over_http(url, options), *_in_the_database(url), *_bulk(url, options)]
        if not options.no_browser:
            rows += _pages(url, options)
    _print(rows, options)
    return 0 if all(row.met for row in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--visits", type=int, default=300, help="visitors of each of the two checks")
    parser.add_argument("--bulk", type=int, default=2_000, help="products of the bulk change")
    parser.add_argument("--no-browser", action="store_true")
    return parser.parse_args()


def _fill(url: str, options: argparse.Namespace) -> None:
    drafts = list(generate.products(options.products))
    sold = [variant.sku for draft in drafts if draft.active for variant in draft.variants if variant.stock]
    with Commerce.open(url) as shop:
        filling.fill_catalogue(shop, drafts)
        filling.fill_orders(shop, sold, options.orders)
        filling.deliver(shop)
        with shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


@contextlib.contextmanager
def _served(url: str, options: argparse.Namespace, *, cache: bool) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "MESTRES_DATABASE_URL": url,
        "MESTRES_ADMIN_TOKEN": ADMIN,
        "MESTRES_CACHE": str(int(cache)),
    }
    command = [sys.executable, "-m", "mestres_core.cli", "demo", "--no-browser", "--port", str(port)]
    command += ["--products", str(options.products), "--orders", str(options.orders)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        while not _ready(address):
            if process.poll() is not None:
                raise SystemExit(f"the demo ended with {process.returncode}")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=5):
            return True
    except OSError:
        return False


def _over_http(url: str, options: argparse.Namespace) -> list[Row]:
    found: dict[bool, dict[str, object]] = {}
    for cache in (True, False):
        with (
            _served(url, options, cache=cache) as address,
            _bar(f"visits, cache {'on' if cache else 'off'}", options.visits) as bar,
        ):
            answer = check(address, visits=options.visits, concurrency=2, admin_token=ADMIN, done=bar.update)
            found[cache] = {row.slo.name: row for row in answer.rows}
    rows = []
    for name, row in found[True].items():
        if row.value is None:
            continue
        other = None if row.slo.kind == "cache_hits" else found[False][name].value
        rows.append(Row(row.slo, row.value, other, row.count))
    return rows


def _in_the_database(url: str) -> list[Row]:
    with Commerce.open(url) as shop:
        customer = busiest(shop)
        calls: list[tuple[Slo, Callable[[], object]]] = [
            (SLA.benchmarks.products_page_query, lambda: shop.catalog.list(per_page=20, count=False)),
            (SLA.benchmarks.products_search_query, lambda: shop.search.products("mogiana bourbon", per_page=10)),
            (SLA.benchmarks.orders_of_user_query, lambda: shop.orders.of_customer(customer, per_page=10)),
            (SLA.queries.simple_queries, lambda: shop.catalog.get(777)),
            (SLA.queries.complex_queries, lambda: shop.search.products("bourbon", in_stock=True, max_price=9000)),
            (SLA.queries.reports, lambda: shop.admin.report("sales", group_by="day")),
        ]
        return [
            Row(slo, None, p95([sum(plan.seconds for plan in plans(shop.engine, call)) for _ in range(RUNS)]), RUNS)
            for slo, call in _bar("queries", None, calls)
        ]


def _bulk(url: str, options: argparse.Namespace) -> list[Row]:
    """A bulk change and an export over HTTP, from the request to the last byte."""
    admin = SLA.features.admin_operations
    with _served(url, options, cache=True) as address:
        return [
            Row(
                admin.bulk_operations, _job(address, "/admin/api/v1/products/bulk", _csv(options), "text/csv"), None, 1
            ),
            Row(
                admin.data_export,
                _job(address, "/admin/api/v1/exports", b'{"kind":"products","format":"csv"}'),
                None,
                1,
            ),
            Row(
                admin.data_export, _job(address, "/admin/api/v1/exports", b'{"kind":"orders","format":"csv"}'), None, 1
            ),
        ]


def _csv(options: argparse.Namespace) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("key", "sku", "name", "category", "price", "stock"))
    for number in range(options.bulk):
        writer.writerow((f"bulk:{number}", f"BULK-{number}", f"Café de teste {number}", "Grãos", 4590 + number, 10))
    return text.getvalue().encode()


def _job(address: str, path: str, body: bytes, media_type: str = "application/json") -> float:
    began = time.perf_counter()
    job = _ask(address, path, body, media_type)["data"]["job"]
    while job["status"] not in ("done", "failed"):
        time.sleep(0.05)
        job = _ask(address, f"/admin/api/v1/jobs/{job['id']}")["data"]["job"]
    if job["status"] != "done" or job["errors"]:
        raise SystemExit(f"{path}: {job}")
    if job.get("result_url"):
        request = urllib.request.Request(address + job["result_url"], headers={"Authorization": f"Bearer {ADMIN}"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            while answer.read(1 << 20):
                pass
    return time.perf_counter() - began


def _ask(address: str, path: str, body: bytes | None = None, media_type: str = "application/json") -> dict:
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": media_type}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, body, headers), timeout=300) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path} answered {error.code}: {error.read()[:500]}") from None


def _pages(url: str, options: argparse.Namespace) -> list[Row]:
    """What a browser measures of the home page, each time with an empty cache."""
    pages = SLA.pages
    names = {
        "fcp": pages.first_contentful_paint,
        "lcp": pages.largest_contentful_paint,
        "fid": pages.first_input_delay,
        "cls": pages.cumulative_layout_shift,
        "ttfb": pages.time_to_first_byte,
    }
    with _served(url, options, cache=True) as address:
        seen = [_visit(address) for _ in _bar("pages", 10, range(10))]
    return [Row(slo, p95([one[name] for one in seen if name in one]), None, len(seen)) for name, slo in names.items()]


_OBSERVE = """
const done = arguments[arguments.length - 1], found = {cls: 0};
const look = (type, use) =>
  new PerformanceObserver(list => list.getEntries().forEach(use)).observe({type, buffered: true});
look("paint", entry => { if (entry.name === "first-contentful-paint") found.fcp = entry.startTime / 1000; });
look("largest-contentful-paint", entry => { found.lcp = entry.startTime / 1000; });
look("layout-shift", entry => { if (!entry.hadRecentInput) found.cls += entry.value; });
look("first-input", entry => { found.fid = (entry.processingStart - entry.startTime) / 1000; });
found.ttfb = performance.getEntriesByType("navigation")[0].responseStart / 1000;
setTimeout(() => done(found), 500);
"""


def _visit(address: str) -> dict[str, float]:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        driver.get(address)
        driver.find_element(By.TAG_NAME, "h1").click()
        return driver.execute_async_script(_OBSERVE)
    finally:
        driver.quit()


def _bar(what: str, total: int | None, over: object = None) -> tqdm:
    return tqdm(over, desc=what, total=total, file=sys.stderr, disable=None, leave=False)


def _print(rows: list[Row], options: argparse.Namespace) -> None:
    print(f"{options.products:,} products, {options.orders:,} orders, PostgreSQL and the shop on one machine:")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}.\n")
    print("| target | limit | cache on | cache off | measured | |\n| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(row)
    missed = sum(not row.met for row in rows)
    print(f"\n{len(rows)} targets, {missed} missed" if missed else f"\n{len(rows)} targets, all met")


if __name__ == "__main__":
    raise SystemExit(main())
