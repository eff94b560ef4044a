"""`mestres dashboard`, `report`, `export` and `products bulk`: the shop's figures and tables on the command line."""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from tqdm import tqdm

from mestres_core.admin import bulk, exports, formats
from mestres_core.admin.reports import KINDS
from mestres_core.cli.database import add_database_option, open_shop
from mestres_core.errors import FeedError

_ENDINGS = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}
_SHOWN = 20


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    dashboard = commands.add_parser("dashboard", help="the shop at a glance, as JSON")
    add_database_option(dashboard)
    dashboard.set_defaults(run=_dashboard)
    _add_report(commands)
    _add_export(commands)
    products = commands.add_parser("products", help="change products by the thousand")
    actions = products.add_subparsers(title="actions", metavar="ACTION", required=True)
    saving = actions.add_parser("bulk", help="create or change products from a CSV, NDJSON or JSON file of any size")
    saving.add_argument("file", metavar="FILE", help="see docs/admin.md for its columns; only JSON is read whole")
    saving.add_argument("--format", choices=sorted({*_ENDINGS.values()}), help="default: by the name of the file")
    add_database_option(saving)
    saving.set_defaults(run=_bulk)


def _add_report(commands: Any) -> None:
    report = commands.add_parser("report", help="sales, products, customers or inventory over a period")
    report.add_argument("kind", choices=sorted(KINDS))
    report.add_argument("--from", dest="from_", metavar="DATE", help="first day, such as 2026-01-01 (default: 30 days)")
    report.add_argument("--to", metavar="DATE", help="last day, included (default: today)")
    groups = "; ".join(f"{kind}: {', '.join(each.groups)}" for kind, each in KINDS.items())
    report.add_argument("--group-by", metavar="GROUP", help=groups)
    report.add_argument("--format", choices=("table", "csv", "json"), default="table")
    add_database_option(report)
    report.set_defaults(run=_report)


def _add_export(commands: Any) -> None:
    export = commands.add_parser("export", help="a whole table as a file")
    export.add_argument("kind", choices=exports.KINDS)
    export.add_argument("--format", choices=sorted(formats.FORMATS), default="csv")
    export.add_argument("--output", metavar="FILE", help="default: standard output")
    add_database_option(export)
    export.set_defaults(run=_export)


def _dashboard(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        made = shop.admin.dashboard()
    print(json.dumps(_json().dashboard(made), ensure_ascii=False, indent=2))
    return 0


def _report(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        made = shop.admin.report(options.kind, from_=options.from_, to=options.to, group_by=options.group_by)
    report = _json().report(made)
    if options.format == "json":
        print(json.dumps(report, ensure_ascii=False, indent=2))
    elif options.format == "csv":
        _write_csv([_flat(row, "amount") for row in report["rows"]])
    else:
        _print_table([_flat(row, "formatted") for row in report["rows"]])
        for total in report["totals"]:
            print("total:", ", ".join(f"{name} {value}" for name, value in _flat(total, "formatted").items()))
        if made.truncated:
            print(f"only the first {len(made.rows)} rows are shown; the total is over all of them")
    return 0


def _json() -> Any:
    from mestres_core.contrib.http import figures  # noqa: PLC0415 - Babel is loaded only to write money for people

    return figures


def _flat(row: dict[str, Any], shown: str) -> dict[str, Any]:
    """A row whose money is one cell: `amount` in minor units beside the currency, or `formatted`."""
    cells: dict[str, Any] = {}
    for name, value in row.items():
        cells[name] = value[shown] if isinstance(value, dict) else value
    currencies = [value["currency"] for value in row.values() if isinstance(value, dict)]
    return cells | ({"currency": currencies[0]} if currencies and shown == "amount" else {})


def _write_csv(rows: Sequence[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows([formats.safe_cell(value) for value in row.values()] for row in rows)


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        print("nothing in this period")
        return
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _export(options: argparse.Namespace) -> int:
    chosen = formats.choose(options.format)
    try:
        with ExitStack() as stack:
            shop = stack.enter_context(open_shop(options))
            target: BinaryIO = sys.stdout.buffer
            if options.output:
                target = stack.enter_context(open(options.output, "wb"))  # noqa: PTH123 - the user's own path
            # By way of a file, so that whoever reads slowly keeps no snapshot open.
            file = stack.enter_context(tempfile.TemporaryFile())
            with shop.snapshot() as services, closing(exports.pages(services, options.kind)) as found:
                pages = _watched(found, exports.count(services, options.kind))
                for data in chosen.stream(exports.columns(options.kind), pages):
                    file.write(data)
            file.seek(0)
            shutil.copyfileobj(file, target)
            target.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise FeedError(options.output or "standard output", error.strerror or str(error), "write elsewhere") from error
    return 0


def _watched(pages: Iterable[exports.Page], total: int) -> Iterator[exports.Page]:
    with tqdm(total=total, unit=" rows", file=sys.stderr, disable=None, leave=False) as bar:
        for page in pages:
            yield page
            bar.update(len(page))


def _bulk(options: argparse.Namespace) -> int:
    path = options.file
    kind = options.format or _ENDINGS.get(os.path.splitext(path)[1].lower())  # noqa: PTH122 - the user's own path
    if kind is None:
        raise FeedError(path, "the name does not tell the format", "give --format csv, ndjson or json")
    total, wrong, errors = bulk.Outcome(), 0, 0
    try:
        with open(path, "rb") as file, open_shop(options) as shop:  # noqa: PTH123 - as above
            for chunk in _chunks(bulk.read_rows(file, kind)):
                outcome = shop.run(partial(bulk.save_rows, rows=chunk))
                wrong += len({each.row for each in outcome.errors})
                errors += len(outcome.errors)
                total.join(outcome)
                del total.errors[_SHOWN:]
    except OSError as error:
        raise FeedError(path, error.strerror or str(error), "give a file that can be read") from error
    saved = f"{total.created} created, {total.updated} updated, {total.unchanged} unchanged"
    print(f"{total.rows} rows: {saved}, {wrong} wrong")
    for each in total.errors:
        print(f"  row {each.row}: {each.error.field} {each.error.describe()}")
    if errors > _SHOWN:
        print(f"  and {errors - _SHOWN} more")
    return 0


def _chunks(rows: Iterator[bulk.Row]) -> Iterator[list[bulk.Row]]:
    bar = iter(tqdm(rows, unit=" rows", file=sys.stderr, disable=None, leave=False))
    while chunk := list(islice(bar, bulk.CHUNK)):
        yield chunk
