"""`mestres-perf slo`: a running shop, or any application that has a Prometheus, beside its targets."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tqdm import tqdm

from mestres_perf.errors import ConfigurationError
from mestres_perf.load import Check, Live, check, judge
from mestres_perf.load._results import Measured, table, verdict

_EPILOG = """\
examples:
  mestres-perf slo check http://127.0.0.1:8000
      sends visitors: for demos and test systems. They make carts and orders, paid with the demo's test card,
      unless --read-only is given. Latencies are judged at the 95th percentile, apart from api.p50 and api.p99.

  mestres-perf slo check --prometheus http://127.0.0.1:9090 --window 1h --job shop
      asks Prometheus how the last hour was: for live systems, to which nothing is sent. Each target gets "ok", "FAIL"
      or "no data". Without data nothing is met: availability, api.* and errors.http_* must have some, and so must
      whatever --only names; the others may lack it where nobody used them. With the rules of `mestres-perf assets
      write` loaded, it also says what is left of the error budgets of 30 days.

  mestres-perf slo check --prometheus http://127.0.0.1:9090 --only "api.*" --only errors.http_5xx
      as a gate before a release: these, and no others.

Exit code: 0 every target met, 1 one missed (or without data that must have some), 2 nothing could be measured.
"""
_VISITS, _AT_ONCE, _WINDOW = 1000, 4, "1h"
_WHOLE = 29.5
"""Days from which on a budget of 30 is as good as covered."""
_OF_VISITORS = {"--requests": "requests", "--concurrency": "concurrency", "--read-only": "read_only"}
_OF_VISITORS |= {"--admin-token": "admin_token"}
_OF_PROMETHEUS = {"--window": "window", "--job": "job", "--only": "only"}


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    slo = commands.add_parser("slo", help="measure a running shop against its targets")
    actions = slo.add_subparsers(title="commands", metavar="COMMAND", required=True)
    action = actions.add_parser(
        "check",
        help="judge every target: by visitors sent to a running shop, or by what its Prometheus has seen",
        usage="mestres-perf slo check (URL | --prometheus URL) [options]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action.add_argument("url", metavar="URL", nargs="?", help="where the shop is, such as http://127.0.0.1:8000")
    visitors = action.add_argument_group("by visitors")
    visitors.add_argument("--requests", type=positive, metavar="N", help=f"how many visitors (default {_VISITS})")
    visitors.add_argument(
        "--concurrency", type=positive, metavar="C", help=f"how many visitors at once (default {_AT_ONCE})"
    )
    visitors.add_argument("--read-only", action="store_true", help="make no carts and no orders")
    visitors.add_argument("--admin-token", metavar="TOKEN", help="measure the administrator's pages too")
    seen = action.add_argument_group("by Prometheus")
    seen.add_argument("--prometheus", metavar="URL", help="where Prometheus is, such as http://127.0.0.1:9090")
    seen.add_argument("--window", metavar="TIME", help=f"how far to look back, such as 30m or 7d (default {_WINDOW})")
    seen.add_argument("--job", metavar="NAME", help="which of its jobs; not needed when only one is measured")
    seen.add_argument(
        "--only", metavar="PATTERN", action="append", help='only these targets, such as "api.*"; may be repeated'
    )
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=_check)


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _check(options: argparse.Namespace) -> int:
    if (options.url is None) == (options.prometheus is None):
        raise ConfigurationError(
            "slo check: say where the shop is (URL), or where its Prometheus is (--prometheus URL)"
        )
    foreign, other = (_OF_PROMETHEUS, "with --prometheus") if options.url else (_OF_VISITORS, "without --prometheus")
    for option, name in foreign.items():
        if getattr(options, name):
            raise ConfigurationError(f"slo check: {option} has a meaning only {other}")
    return _by_visitors(options) if options.url else _by_prometheus(options)


def _by_visitors(options: argparse.Namespace) -> int:
    visits = options.requests or _VISITS
    with tqdm(total=visits, unit=" visitors", file=sys.stderr, disable=None, leave=False) as bar:
        found = check(
            options.url,
            visits=visits,
            concurrency=options.concurrency or _AT_ONCE,
            read_only=options.read_only,
            admin_token=options.admin_token,
            done=bar.update,
        )
    print(_json(found) if options.json else _text(found))
    return 0 if verdict(found.rows) else 1


def _by_prometheus(options: argparse.Namespace) -> int:
    window = options.window or _WINDOW
    found = judge(options.prometheus, window=window, job=options.job, only=options.only or ())
    print(_live_json(found, window) if options.json else _live_text(found, window))
    if not options.only and all(row.value is None for row in found.rows):
        why = f"has it a job {options.job!r}, and is" if options.job else "is"
        print(
            f"mestres-perf: {options.prometheus} knows nothing of the last {window}: {why} the window longer than two "
            "scrapes?",
            file=sys.stderr,
        )
        return 2
    return 0 if verdict(found.rows) else 1


def _json(found: Check) -> str:
    summary = {"requests": found.requests, "requests_per_second": round(found.rate, 1), "met": verdict(found.rows)}
    return json.dumps({**summary, "targets": [row.as_json() for row in found.rows]}, indent=2)


def _text(found: Check) -> str:
    missed = sum(row.met is False for row in found.rows)
    end = f"{missed} missed" if missed else "every measured target met"
    return f"{table(found.rows)}\n{found.requests} requests, {found.rate:.0f}/s: {end}"


def _live_json(found: Live, window: str) -> str:
    targets = [{**row.as_json(), "verdict": _verdict(row)} for row in found.rows]
    whole = {"window": window, "met": verdict(found.rows), "targets": targets, "budgets": found.budgets}
    whole["covered_days"] = found.covered
    return json.dumps(whole, indent=2)


def _verdict(row: Measured) -> str:
    if row.value is None:
        return "no data"
    return "met" if row.met else "missed"


def _covered(days: float | None) -> str:
    """What to know of a budget of which Prometheus has seen only a part: it takes the rest to be like that."""
    return "" if days is None or days >= _WHOLE else f", if all of them are as the {days:.2g} days that are known"


def _live_text(found: Live, window: str) -> str:
    verdicts = [_verdict(row) for row in found.rows]
    lines = [table(found.rows, without="no data"), ""]
    lines += [
        f"error budget of {name}, 30 days: {left:.1%} left{_covered(found.covered.get(name))}"
        for name, left in sorted(found.budgets.items())
    ]
    if not found.budgets:
        lines.append("error budgets: unknown; Prometheus has not loaded (or not yet evaluated) prometheus_rules.yml")
    counts = ", ".join(f"{verdicts.count(word)} {word}" for word in ("met", "missed", "no data"))
    return "\n".join([*lines, f"the last {window}: {counts}"])
