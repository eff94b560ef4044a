"""What reading costs in a large shop, in process and with caching off: `make read-side`.

Makes a PostgreSQL of its own (or takes one that it has filled before: `--database`), with 100,000 products and
1,000,000 orders of three years. Then three things:

1. The 95th percentile of every latency target of the specification, as calls of the package: each has to stay under a
   tenth of its limit.
2. A list of 20 and a product's page beside django-oscar with everything prefetched, and beside the same statements by
   hand in psycopg. Server and client on one processor, the three by turns in short rounds. Oscar has few products and
   neither images nor attributes for them, which is to its advantage.
3. Both exports, of every product and of every order, while orders are being placed, and what memory they take.

The orders are those of the demo shop, forty thousand of them, and copies of these at other times: for reading that
makes no difference, and writing a million takes too long. The exit code is 1 when something is above its limit.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import platform
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from commerce import ADDRESS, CARD, CUSTOMER, pin
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mestres_core import Commerce
from mestres_core.admin import exports, formats
from mestres_core.cli.plans import busiest
from mestres_core.db.session import make_engine
from mestres_examples import filling, generate
from servers.postgres import own_postgres

SPAN = timedelta(days=3 * 365)
OWN = 40_000
TENTH = 10
LIMITS = {"list / oscar": 1 / 15, "list / by hand": 2.0, "detail / oscar": 1 / 15, "detail / by hand": 3.0}
_COPIES = (
    ("mc_cart", {"id": "id || '-' || k", "created_at": "{then}", "updated_at": "updated_at + {by}"}),
    (
        "mc_order",
        {
            "id": "id + k * {step}",
            "number": "number || '-' || k",
            "cart_id": "cart_id || '-' || k",
            "created_at": "{then}",
            "updated_at": "updated_at + {by}",
            "confirmed_at": "confirmed_at + {by}",
        },
    ),
    (
        "mc_order_line",
        {"id": "nextval(pg_get_serial_sequence('mc_order_line', 'id'))", "order_id": "order_id + k * {step}"},
    ),
    (
        "mc_payment",
        {"id": "id || '-' || k", "order_number": "order_number || '-' || k", "created_at": "{then}"},
    ),
)
"""Tables, and what is different in a copy; `k` is its number, `step` more than any order's row number."""


class Then:
    """A clock that is so far behind."""

    def __init__(self, behind: timedelta) -> None:
        self._behind = behind

    def now(self) -> datetime:
        """The present of back then."""
        return datetime.now(UTC) - self._behind


def fill(url: str, products: int, orders: int) -> None:
    """A catalogue, and orders in the order of their times."""
    drafts = list(generate.products(products))
    sold = [variant.sku for draft in drafts if draft.active for variant in draft.variants if variant.stock]
    own = min(orders, OWN)
    copies = orders // own - 1
    width = SPAN / (copies + 1)
    with Commerce.open(url, clock=Then(SPAN - width)) as shop:
        filling.fill_catalogue(shop, drafts)
        filling.fill_orders(shop, sold, own, over=width)
        copy_orders(shop, copies, width)
        filling.deliver(shop)
        with shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def copy_orders(shop: Commerce, copies: int, width: timedelta) -> None:
    """So many copies of every order, each a `width` of time later than the one before."""
    by = f"k * interval '{width.total_seconds()} seconds'"
    with shop.engine.begin() as connection:
        step = connection.execute(text("SELECT max(id) FROM mc_order")).scalar()
        found = text("SELECT column_name FROM information_schema.columns WHERE table_name = :table")
        for table, changed in tqdm(_COPIES, desc="copies", leave=False, file=sys.stderr):
            columns = [f'"{row[0]}"' for row in connection.execute(found, {"table": table})]
            values = [
                changed.get(name.strip('"'), name).format(by=by, then=f"created_at + {by}", step=step)
                for name in columns
            ]
            connection.execute(
                text(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
                    f" FROM {table}, generate_series(1, {copies}) k ORDER BY k"
                )
            )
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence('mc_order', 'id'), (SELECT max(id) FROM mc_order))")
        )


# 1. Targets


class Buyer:
    """Somebody who buys, one step after the other."""

    def __init__(self, shop: Commerce, skus: Iterator[str]) -> None:
        self._shop = shop
        self._skus = skus
        self.cart = shop.carts.create().id

    def add(self) -> None:
        self._line = self._shop.carts.add(self.cart, sku=next(self._skus)).lines[-1].id

    def update(self) -> None:
        self._shop.carts.update(self.cart, self._line, quantity=2)

    def remove(self) -> None:
        self._shop.carts.remove(self.cart, self._line)

    def quote(self) -> None:
        self._quote = self._shop.checkout.quote(self.cart, address=ADDRESS)

    def place(self) -> None:
        self._placed = self._shop.checkout.place(
            self.cart,
            quote_hash=self._quote.hash,
            idempotency_key=os.urandom(16).hex(),
            customer=CUSTOMER,
            payment=CARD,
        )

    def confirm(self) -> None:
        self._shop.orders.get(self._placed.order.number)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def targets(shop: Commerce, runs: int) -> Iterator[tuple[str, float, list[float]]]:
    """Each target's name, its limit in seconds, and what was measured."""
    catalog, search, admin = shop.catalog, shop.search, shop.admin
    slugs = [row.slug for row in catalog.list(per_page=100, page=7, count=False)]
    cursor = catalog.list(sort="price", per_page=20, page=2000, count=False).next_cursor
    names = itertools.cycle(slugs)
    customer = busiest(shop)
    reads: list[tuple[str, float, Callable[[], object]]] = [
        ("list, counted", 0.3, catalog.list),
        ("list of a category, counted", 0.3, lambda: catalog.list(category="graos")),
        ("list by price and stock", 0.3, lambda: catalog.list(sort="price", min_price=3000, in_stock=True)),
        ("list by name, not counted", 0.3, lambda: catalog.list(sort="name", count=False)),
        ("list, 40,000 products on", 0.3, lambda: catalog.list(sort="price", cursor=cursor, count=False)),
        ("detail", 0.2, lambda: catalog.get(next(names))),
        ("search, simple", 0.2, lambda: search.products("mogiana bourbon", count=False, facets=False)),
        ("search, counted, with facets", 0.5, lambda: search.products("mogiana bourbon")),
        ("search, filtered", 0.5, lambda: search.products("bourbon", in_stock=True, max_price=9000)),
        ("search, autocomplete", 0.1, lambda: search.suggest("bour")),
        ("search, fuzzy", 0.8, lambda: search.products("borbon mogiana", count=False, facets=False)),
        ("orders of a customer", 0.03, lambda: shop.orders.of_customer(customer)),
        ("orders, newest", 0.3, shop.orders.list),
    ]
    for name, limit, call in reads:
        call()
        yield name, limit, [timed(call) for _ in range(runs)]
    skus = [catalog.get(slug).variants[0].sku for slug in slugs[:40]]
    for sku in skus:
        shop.inventory.receive(sku, quantity=100_000)
    steps = {"add": 0.15, "update": 0.1, "remove": 0.1, "quote": 0.5, "place": 3.0, "confirm": 1.0}
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(runs):
        buyer = Buyer(shop, itertools.cycle(skus))
        for name in ("add", "add", "update", "remove", "add", "quote", "place", "confirm"):
            found[name].append(timed(getattr(buyer, name)))
    names_of = {"add": "cart, add", "update": "cart, update", "remove": "cart, remove", "quote": "cart to checkout"}
    names_of |= {"place": "payment", "confirm": "confirmation"}
    for name, limit in steps.items():
        yield names_of[name], limit, found[name]
    few = max(5, runs // 5)
    admin.dashboard()
    yield "dashboard", 1.0, [timed(admin.dashboard) for _ in range(few)]
    for kind in ("sales", "products", "customers", "inventory"):
        yield f"report, {kind}, 30 days", 5.0, [timed(lambda kind=kind: admin.report(kind)) for _ in range(few)]
    year = {"from_": (datetime.now(UTC) - timedelta(days=364)).date().isoformat()}
    yield "report, sales, a year", 5.0, [timed(lambda: admin.report("sales", **year)) for _ in range(few)]
    yield "bulk, 2,000 products", 30.0, [timed(lambda number=number: bulk(shop, number)) for number in range(2)]


def bulk(shop: Commerce, number: int) -> None:
    """Half of them are new, half are changed."""
    lines = (f"BULK-{i + number * 1000},Café de teste {i},Grãos,{4590 + number},10\n" for i in range(2000))
    shop.jobs.bulk(("sku,name,category,price,stock\n" + "".join(lines)).encode(), format="csv")
    shop.jobs.run()


# 2. Beside others


class Hand:
    """The statements that a call sends, over a plain psycopg connection: no checks, no objects, no layers.

    They are recorded from a shop on `engine`: SQLAlchemy's own has psycopg's `%(name)s`, as people write it; this
    package's has the `$1` of PostgreSQL itself, which `cursors` must know.
    """

    def __init__(
        self, engine: Engine, url: URL, call: Callable[[Commerce], object], cursors: type[Any] = psycopg.Cursor
    ) -> None:
        sent: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
            sent.append((sql, values))

        with Commerce(engine) as shop:
            event.listen(engine, "before_cursor_execute", note)
            call(shop)
            event.remove(engine, "before_cursor_execute", note)
        self.statements = sent
        self._connection = psycopg.connect(
            dbname=url.database,
            user=url.username,
            host=url.query["host"],
            prepare_threshold=2,
            autocommit=True,
            cursor_factory=cursors,
        )

    def __call__(self) -> None:
        for sql, values in self.statements:
            self._connection.execute(sql, values).fetchall()


def beside(url: URL, rounds: int, *, oscar: bool) -> dict[str, dict[str, float]]:
    """Median seconds of a list and of a detail, by who answers."""
    with Commerce(make_engine(url)) as shop:
        slug = shop.catalog.list(count=False)[7].slug
        ours: dict[str, Callable[[Commerce], object]] = {
            "list": lambda shop: shop.catalog.list(count=False),
            "detail": lambda shop: shop.catalog.get(slug),
        }
        calls: dict[str, dict[str, Callable[[], object]]] = {
            kind: {
                "ours": partial(call, shop),
                "by hand": Hand(create_engine(url), url, call),
                "by hand, $1": Hand(make_engine(url), url, call, psycopg.RawCursor),
            }
            for kind, call in ours.items()
        }
        if oscar:
            from oscar_reads import OscarReads

            reads = OscarReads(url.set(database="oscar"))
            calls["list"]["oscar"], calls["detail"]["oscar"] = reads.listing, reads.detail
        pin(url)
        found: dict[str, dict[str, list[float]]] = {
            kind: {name: [] for name in by_name} for kind, by_name in calls.items()
        }
        for number in tqdm(range(rounds + 3), desc="rounds", leave=False, file=sys.stderr):
            for kind, by_name in calls.items():
                for name, call in by_name.items():
                    times = [timed(call) for _ in range(10)]
                    found[kind][name] += times if number >= 3 else []
    return {
        kind: {name: statistics.median(times) for name, times in by_name.items()} for kind, by_name in found.items()
    }


# 3. Exports


def export(shop: Commerce, kind: str) -> tuple[float, int, int]:
    """Seconds, rows and bytes of an export as CSV, of one moment, while a buyer goes on buying."""
    stop = threading.Event()
    skus = [row.sku for row in shop.catalog.list(per_page=40, count=False)]
    for sku in skus:  # a product can be in stock without its first SKU, and ten pieces are sold before the export ends
        shop.inventory.receive(sku, quantity=1000)
    turns = itertools.cycle(skus)

    def buy() -> None:
        while not stop.wait(0.2):
            buyer = Buyer(shop, turns)
            for act in (buyer.add, buyer.quote, buyer.place):
                act()

    thread = threading.Thread(target=buy)
    thread.start()
    rows, begin = 0, time.perf_counter()
    try:
        with (
            tempfile.TemporaryFile() as file,
            shop.snapshot() as services,
            contextlib.closing(exports.pages(services, kind)) as found,
        ):

            def pages() -> Iterator[exports.Page]:
                nonlocal rows
                for page in found:
                    rows += len(page)
                    yield page

            for data in formats.choose("csv").stream(exports.columns(kind), pages()):
                file.write(data)
            return time.perf_counter() - begin, rows, file.tell()
    finally:
        stop.set()
        thread.join()


def memory() -> int:
    """The most that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextlib.contextmanager
def database(options: argparse.Namespace) -> Iterator[URL]:
    """A filled one."""
    if options.database:
        yield make_url(options.database)
        return
    with own_postgres("shared_buffers = 1GB\nmax_wal_size = 8GB", durable=True) as url:
        admin = make_engine(url).execution_options(isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE oscar"))
        admin.dispose()
        fill(url, options.products, options.orders)
        yield make_url(url)


def main() -> int:
    options = _options()
    print(
        f"{options.products:,} products, {options.orders:,} orders of three years, one machine for shop and PostgreSQL:"
    )
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}.\n")
    with database(options) as url:
        fine = _print_targets(url, options)
        fine &= _print_exports(url, options)
        fine &= _print_ratios(beside(url, options.rounds, oscar=not options.no_oscar))
    return 0 if fine else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=100, help="of each read")
    parser.add_argument("--rounds", type=int, default=100, help="beside others; each has ten of everything")
    parser.add_argument("--database", help="one that was filled before, in a server with a database `oscar` beside it")
    parser.add_argument("--no-oscar", action="store_true")
    parser.add_argument("--no-exports", action="store_true")
    return parser.parse_args()


def _print_targets(url: URL, options: argparse.Namespace) -> bool:
    fine = True
    print("| target | limit | a tenth | p95 | measured | |\n| --- | --- | --- | --- | --- | --- |")
    with Commerce(make_engine(url)) as shop:
        for name, limit, times in targets(shop, options.runs):
            met = p95(times) <= limit / TENTH
            fine &= met
            shown = f"{1000 * limit:.0f} ms | {1000 * limit / TENTH:.0f} ms | {1000 * p95(times):.2f} ms"
            print(f"| {name} | {shown} | {len(times)} | {'ok' if met else 'MISSED'} |", flush=True)
    return fine


def _print_exports(url: URL, options: argparse.Namespace) -> bool:
    fine = True
    if options.no_exports:
        return fine
    print("\n| export | a tenth of the limit | took | rows | MiB | memory before | after | |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with Commerce(make_engine(url)) as shop:
        export(shop, "inventory")
        for kind in ("products", "orders"):
            before = memory()
            seconds, rows, size = export(shop, kind)
            met = seconds <= 60 / TENTH and memory() <= before + 32
            fine &= met
            shown = f"6 s | {seconds:.1f} s | {rows:,} | {size >> 20} | {before} MiB | {memory()} MiB"
            print(f"| {kind} | {shown} | {'ok' if met else 'MISSED'} |", flush=True)
    return fine


def _print_ratios(medians: dict[str, dict[str, float]]) -> bool:
    fine = True
    print()
    for kind, by_name in medians.items():
        print(f"{kind}: {', '.join(f'{name} {1000 * median:.3f} ms' for name, median in by_name.items())}")
        for other in ("oscar", "by hand"):
            if other in by_name:
                ratio, limit = by_name["ours"] / by_name[other], LIMITS[f"{kind} / {other}"]
                fine &= ratio <= limit
                print(f"  {ratio:.3f} of {other} (limit {limit:.3f}) {'ok' if ratio <= limit else 'MISSED'}")
    return fine


if __name__ == "__main__":
    raise SystemExit(main())
