"""`mestres-perf slo`: a running shop beside its targets."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tqdm import tqdm

from mestres_perf.load import Check, check
from mestres_perf.load._results import table, verdict

_EPILOG = """\
example:
  mestres-perf slo check http://127.0.0.1:8000

Makes carts and orders, paid with the demo's test card, unless --read-only is given: for demos and test systems.
Latencies are judged at the 95th percentile, apart from api.p50 and api.p99.

Exit code: 0 every target met, 1 one missed, 2 nothing could be measured.
"""


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    slo = commands.add_parser("slo", help="measure a running shop against its targets")
    actions = slo.add_subparsers(title="commands", metavar="COMMAND", required=True)
    action = actions.add_parser(
        "check",
        help="send visitors to a running shop and judge every target of its API",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action.add_argument("url", metavar="URL", help="where the shop is, such as http://127.0.0.1:8000")
    action.add_argument("--requests", type=positive, default=1000, metavar="N", help="how many visitors (default 1000)")
    action.add_argument(
        "--concurrency", type=positive, default=4, metavar="C", help="how many visitors at once (default 4)"
    )
    action.add_argument("--read-only", action="store_true", help="make no carts and no orders")
    action.add_argument("--admin-token", metavar="TOKEN", help="measure the administrator's pages too")
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=_check)


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _check(options: argparse.Namespace) -> int:
    with tqdm(total=options.requests, unit=" visitors", file=sys.stderr, disable=None, leave=False) as bar:
        found = check(
            options.url,
            visits=options.requests,
            concurrency=options.concurrency,
            read_only=options.read_only,
            admin_token=options.admin_token,
            done=bar.update,
        )
    print(_json(found) if options.json else _text(found))
    return 0 if verdict(found.rows) else 1


def _json(found: Check) -> str:
    summary = {"requests": found.requests, "requests_per_second": round(found.rate, 1), "met": verdict(found.rows)}
    return json.dumps({**summary, "targets": [row.as_json() for row in found.rows]}, indent=2)


def _text(found: Check) -> str:
    missed = sum(row.met is False for row in found.rows)
    end = f"{missed} missed" if missed else "every measured target met"
    return f"{table(found.rows)}\n{found.requests} requests, {found.rate:.0f}/s: {end}"
