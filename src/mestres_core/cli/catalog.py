"""`mestres catalog import`: products out of somebody else's file."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mestres_core import Commerce
from mestres_core.catalog.dto import SaveReport
from mestres_core.catalog.feed import Accepted, Feed, FeedError, Rejection, read_mapping, read_rows
from mestres_core.cli.database import add_database_option
from mestres_core.errors import ValidationError

_CHUNK = 500
_MOST_SHOWN = 20
_EPILOG = """\
The mapping (TOML) says which columns make the key, name, category, attributes, price and stock of a product; the whole
format is on the page "Data" of the documentation. Every row ends as a product or as a line of the report with its
number and the reason. Importing the same file again changes nothing.

example:
  mestres catalog import lots.csv.gz --map mapping.toml --report rejected.csv
"""


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    catalog = commands.add_parser("catalog", help="import products from a file")
    actions = catalog.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = actions.add_parser(
        "import",
        help="read products from a CSV (plain or .gz)",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE", type=Path, help="the CSV, with a heading line")
    command.add_argument("--map", metavar="MAPPING", type=Path, required=True, help="what its columns mean (TOML)")
    command.add_argument("--report", metavar="CSV", type=Path, help="write every rejected row there")
    command.add_argument("--dry-run", action="store_true", help="read and check everything, save nothing")
    add_database_option(command)
    command.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    mapping = read_mapping(options.map)
    rows = tqdm(read_rows(options.file), unit=" rows", disable=None, file=sys.stderr)
    results = Feed(mapping).read(rows)
    rejections: list[Rejection] = []
    if options.dry_run:
        accepted = sum(1 for _ in _kept(results, rejections))
        total = SaveReport(accepted, 0, 0)
    else:
        with Commerce.open(options.database) as shop:
            total = save_all(shop, _kept(results, rejections), rejections)
    rejections.sort(key=lambda rejection: rejection.line)
    _print(total, rejections, dry_run=options.dry_run)
    if options.report is not None:
        _write(options.report, rejections)
    return 0


def save_all(shop: Commerce, accepted: Iterable[Accepted], rejections: list[Rejection]) -> SaveReport:
    """Save in chunks; what the shop refuses (a SKU of another product) is added to `rejections`."""
    created = updated = unchanged = 0
    for chunk in _chunks(accepted):
        for report in _save(shop, chunk, rejections):
            created += report.created
            updated += report.updated
            unchanged += report.unchanged
    return SaveReport(created, updated, unchanged)


def _save(shop: Commerce, chunk: list[Accepted], rejections: list[Rejection]) -> Iterator[SaveReport]:
    try:
        yield shop.catalog.save_many([one.draft for one in chunk])
    except ValidationError as error:
        if len(chunk) == 1:
            first = error.errors[0]
            rejections.append(Rejection(chunk[0].line, first.field, first.describe()))
            return
        for one in chunk:  # all or nothing failed: find the rows that it was
            yield from _save(shop, [one], rejections)


def _kept(results: Iterable[Accepted | Rejection], rejections: list[Rejection]) -> Iterator[Accepted]:
    for result in results:
        if isinstance(result, Rejection):
            rejections.append(result)
        else:
            yield result


def _chunks(accepted: Iterable[Accepted]) -> Iterator[list[Accepted]]:
    chunk: list[Accepted] = []
    for one in accepted:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _print(total: SaveReport, rejections: list[Rejection], *, dry_run: bool) -> None:
    rows = total.created + total.updated + total.unchanged + len(rejections)
    if dry_run:
        print(f"{rows} rows: {total.created} can be saved, {len(rejections)} rejected; nothing was saved")
    else:
        saved = f"{total.created} created, {total.updated} updated, {total.unchanged} unchanged"
        print(f"{rows} rows: {saved}, {len(rejections)} rejected")
    for rejection in rejections[:_MOST_SHOWN]:
        print(f"  line {rejection.line}: {rejection.field} {rejection.reason}")
    if len(rejections) > _MOST_SHOWN:
        print(f"  ... and {len(rejections) - _MOST_SHOWN} more (--report FILE writes them all)")


def _write(path: Path, rejections: list[Rejection]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("line", "field", "reason"))
            writer.writerows((rejection.line, rejection.field, rejection.reason) for rejection in rejections)
    except OSError as error:
        raise FeedError(str(path), f"cannot be written ({error})") from error
