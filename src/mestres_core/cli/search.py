"""`mestres search`: is the index right, make it anew, what people look for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from mestres_core.cli.database import add_database_option, open_shop

_SHOWN = 20


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    search = commands.add_parser("search", help="check or rebuild the search index, see what people look for")
    actions = search.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="compare every product's index with its texts; exit code 1 if one is wrong"
    )
    check.set_defaults(run=_check)
    rebuild = actions.add_parser("rebuild", help="index every product anew, while the shop is open")
    rebuild.set_defaults(run=_rebuild)
    log = actions.add_parser("log", help="what people look for, the most asked first")
    log.add_argument("--without-results", action="store_true", help="only what nothing was found for")
    log.add_argument("--limit", type=int, default=50, metavar="N", help="lines (default: %(default)s)")
    log.set_defaults(run=_log)
    for action in (check, rebuild, log):
        add_database_option(action)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that stays quiet when nobody watches it."""
    with tqdm(unit=" products", desc=what, file=sys.stderr, disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _check(options: argparse.Namespace) -> int:
    with open_shop(options) as shop, _bar("check") as progress:
        report = shop.search.check(progress=progress)
    print(f"{report.products} products: {'the index is right' if report.clean else 'the index is NOT right'}")
    if report.stale:
        print(f"  found by other words than theirs: products {_some(report.stale)}")
    if report.missing_words:
        print(f"  unknown to the correction of mistyped words: {_some(report.missing_words)}")
    if not report.document_index:
        print("  the full-text index of the database does not agree with the products")
    if not report.clean:
        print("`mestres search rebuild` puts it right")
    return 0 if report.clean else 1


def _rebuild(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        with _bar("rebuild") as progress:
            changed = shop.search.rebuild(progress=progress)
        print(f"{changed} products were indexed anew")
    return 0


def _log(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        report = shop.search.without_results if options.without_results else shop.search.asked
        rows = report(limit=options.limit)
    print(f"{'asked':>8}  {'in vain':>8}  query")
    for row in rows:
        print(f"{row.asked:>8}  {row.unanswered:>8}  {row.text}")
    return 0


def _some(values: tuple[object, ...]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(str, values[:_SHOWN])) + more
