"""`mestres plans`: how PostgreSQL does the three queries that a shop lives by, against their limits."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import func, select

from mestres_core import Commerce
from mestres_core.cli.database import add_database_option, open_shop
from mestres_core.db.plans import Plan, plans
from mestres_core.orders.models import order

_EPILOG = """\
Each call is made, every SELECT that it sent is run again under EXPLAIN (ANALYZE, BUFFERS), and their times are added.
Only PostgreSQL tells the times of its plans.

Exit code: 0 when each call is within its limit, 1 when one is not.

example:
  mestres plans --database postgresql://localhost/shop --verbose
"""


@dataclass(frozen=True, slots=True)
class _Query:
    """A call, and the milliseconds that its statements may take together."""

    name: str
    limit: float
    call: Callable[[Commerce], object]


def busiest(shop: Commerce) -> int:
    """The customer with the most orders: nobody's list takes longer."""
    query = (
        select(order.c.customer_id)
        .where(order.c.customer_id.is_not(None))
        .group_by(order.c.customer_id)
        .order_by(func.count().desc())
        .limit(1)
    )
    with shop.engine.connect() as connection:
        return connection.execute(query).scalar() or 0


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "plans",
        help="how PostgreSQL does the critical queries, with times and indexes",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_database_option(command)
    command.add_argument(
        "--runs", type=_at_least_one, default=5, metavar="N", help="judge the median of N (default: 5)"
    )
    command.add_argument(
        "--search", default="café especial", metavar="WORDS", help="what to search for (default: café especial)"
    )
    command.add_argument("--verbose", action="store_true", help="print each statement with its plan's figures")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    missed = 0
    with open_shop(options) as shop:
        customer = busiest(shop)
        # The limits are those of the specification's critical queries.
        page = _Query("a page of products", 50, lambda shop: shop.catalog.list(per_page=20, count=False))
        orders = _Query("a customer's orders", 30, lambda shop: shop.orders.of_customer(customer, per_page=10))
        print(f"{'call':<24}{'limit':>8}{'took':>10}  {'pages':>7}  indexes")
        search = _Query("a search for products", 100, lambda shop: shop.search.products(options.search, per_page=10))
        for query in (page, search, orders):
            runs = [plans(shop.engine, lambda query=query: query.call(shop)) for _ in range(options.runs)]  # type: ignore[misc]
            took = median(_milliseconds(run) for run in runs)
            missed += took > query.limit
            _show(query, took, runs[-1], verbose=options.verbose)
    return 1 if missed else 0


def _milliseconds(run: tuple[Plan, ...]) -> float:
    return 1000 * sum(plan.seconds for plan in run)


def _show(query: _Query, took: float, run: tuple[Plan, ...], *, verbose: bool) -> None:
    indexes = ", ".join(dict.fromkeys(index for plan in run for index in plan.indexes)) or "none"
    pages = sum(plan.pages_hit + plan.pages_read for plan in run)
    verdict = "" if took <= query.limit else "  TOO SLOW"
    print(f"{query.name:<24}{query.limit:>5g} ms{took:>7.2f} ms  {pages:>7}  {indexes}{verdict}")
    for plan in run if verbose else ():
        print(f"    {1000 * plan.seconds:.2f} ms, {plan.pages_hit} pages in memory, {plan.pages_read} read from disk")
        if plan.scanned:
            print(f"    read from end to end: {', '.join(plan.scanned)}")
        print("    " + " ".join(plan.statement.split()))


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
