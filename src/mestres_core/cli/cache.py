"""`mestres cache`: the shared cache of running applications."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mestres_core.cli.database import add_database_option, open_shop


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser("cache", help="fill the cache of running applications")
    acts = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    warm = acts.add_parser(
        "warm",
        help="load what is asked for most into Redis",
        description="Load the featured products, the category tree and the common searches into the shop's Redis.",
    )
    add_database_option(warm)
    warm.add_argument("--redis", metavar="URL", default="", help="redis://host/0 (default: MESTRES_REDIS_URL)")
    warm.set_defaults(run=_warm)


def _warm(options: argparse.Namespace) -> int:
    """The exit code is 0 when everything is there, 1 when something failed or there is no Redis."""
    from mestres_core.contrib import perf  # noqa: PLC0415 - only this command needs a cache

    try:
        with open_shop(options) as shop:
            report = perf.warm_shared(shop, redis_url=options.redis, progress=sys.stderr.isatty())
    except (ValueError, ConnectionError) as error:
        print(f"mestres cache warm: {error}", file=sys.stderr)
        return 1
    _show(report)
    return 1 if report.failed else 0


def _show(report: Any) -> None:
    for entry in report.entries:
        print(f"{entry.name:20} {entry.loaded:5} loaded {entry.present:5} there already {entry.failed:5} failed")
        for error in entry.errors:
            print(f"  {error}")
    print(f"{report.loaded + report.present} documents are in Redis after {report.seconds:.1f} s")
