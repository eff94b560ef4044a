"""`mestres catalog import`: products from a CSV file by a mapping."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tqdm import tqdm

from mestres_core import Commerce, ProductDraft
from mestres_core.catalog.dto import SaveReport
from mestres_core.catalog.feed import Feed, Rejection, read_mapping
from mestres_core.cli.database import add_database_option, open_shop
from mestres_core.errors import FeedError, ValidationError

_CHUNK = 500
_EPILOG = """\
The mapping (TOML) says which columns make the key, name, category, attributes, price and stock; the page "Data" of the
documentation has the whole format. Every row ends as a product or as a line of the report with its number and the
reason. Importing the same file again changes nothing.

example:
  mestres catalog import lots.csv.gz --map mapping.toml --report rejected.csv
"""
_SHOWN = 20

Numbered = tuple[int, ProductDraft]


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    catalog = commands.add_parser("catalog", help="bring products in")
    actions = catalog.add_subparsers(title="actions", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import",
        help="create or change products from a CSV file, plain or .gz",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    importing.add_argument("file", metavar="FILE")
    importing.add_argument("--map", required=True, metavar="MAPPING", help="mapping in TOML; see docs/data.md")
    importing.add_argument("--report", metavar="CSV", help="write every rejected row to this file")
    importing.add_argument("--dry-run", action="store_true", help="read and check the file, save nothing")
    add_database_option(importing)
    importing.set_defaults(run=_import)


@dataclass(slots=True)
class _Tally:
    """What became of the rows."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def add(self, report: SaveReport) -> None:
        self.created += report.created
        self.updated += report.updated
        self.unchanged += report.unchanged


def _import(options: argparse.Namespace) -> int:
    feed = Feed(options.file, read_mapping(options.map))
    tally = _Tally()
    with ExitStack() as stack:
        shop = None if options.dry_run else stack.enter_context(open_shop(options))
        for chunk in _chunks(_drafts(feed, tally)):
            if shop is not None:
                _save(shop, chunk, tally)
    tally.rejections.sort(key=lambda rejection: rejection.line)
    if options.report:
        _write_report(options.report, tally.rejections)
    _print_summary(feed, tally, dry=options.dry_run)
    return 0


def _drafts(feed: Feed, tally: _Tally) -> Iterator[Numbered]:
    """The usable rows; the others go into the tally. The bar stays quiet when nobody watches it."""
    rows = tqdm(feed.numbered(), total=feed.lines, unit=" rows", file=sys.stderr, disable=None, leave=False)
    for line, result in rows:
        tally.rows += 1
        if isinstance(result, Rejection):
            tally.rejections.append(result)
        else:
            yield line, result


def _chunks(drafts: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    while chunk := list(islice(drafts, _CHUNK)):
        yield chunk


def _save(shop: Commerce, chunk: list[Numbered], tally: _Tally) -> None:
    """Save a chunk in one transaction; where the shop refuses it, one by one, so that only the culprits stay out."""
    try:
        tally.add(shop.catalog.save_many([draft for _, draft in chunk]))
    except ValidationError:
        for line, draft in chunk:
            try:
                tally.add(shop.catalog.save_many([draft]))
            except ValidationError as error:
                first = error.errors[0]
                tally.rejections.append(Rejection(line, first.describe(), first.field))


def _write_report(path: str, rejections: list[Rejection]) -> None:
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - the user's own path
            writer = csv.writer(file)
            writer.writerow(("line", "field", "reason", "value"))
            writer.writerows((r.line, r.field, r.reason, r.value) for r in rejections)
    except OSError as error:
        raise FeedError(path, error.strerror or str(error), "give a path that can be written") from error


def _print_summary(feed: Feed, tally: _Tally, *, dry: bool) -> None:
    rejected = len(tally.rejections)
    if dry:
        print(f"{tally.rows} rows: {tally.rows - rejected} usable, {rejected} rejected (dry run: nothing was saved)")
    else:
        saved = f"{tally.created} created, {tally.updated} updated, {tally.unchanged} unchanged"
        print(f"{tally.rows} rows: {saved}, {rejected} rejected")
    for name, times in sorted(feed.omitted.items()):
        print(f"  {name}: left out of {times} products, the value was not usable")
    if rejected:
        _print_table(tally.rejections)


def _print_table(rejections: list[Rejection]) -> None:
    print(f"{'line':>7}  {'field':<16}  reason")
    for rejection in rejections[:_SHOWN]:
        value = f" ({rejection.value})" if rejection.value else ""
        print(f"{rejection.line:>7}  {rejection.field:<16}  {rejection.reason}{value}")
    if len(rejections) > _SHOWN:
        print(f"         and {len(rejections) - _SHOWN} more; --report FILE writes them all")
