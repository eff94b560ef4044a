"""`mestres-perf load`: the specification's benchmark runs and load scenarios."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tqdm import tqdm

from mestres_perf.load import AB_RUNS, SCENARIOS, bench, run
from mestres_perf.load._results import table, verdict

_AB = """\
example:
  mestres-perf load ab http://127.0.0.1:8000

Exit code: 0 more than 200 requests/s, a mean below 250 ms and no failure in every run; 1 otherwise; 2 not reachable.
"""
_RUN = """\
example:
  mestres-perf load run http://127.0.0.1:8000 --scenario smoke --duration-scale 0.1

Exit code: 0 every threshold met, 1 one missed, 2 not reachable.
"""


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    load = commands.add_parser("load", help="put a running shop under load")
    actions = load.add_subparsers(title="commands", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    ab = actions.add_parser(
        "ab", help="1000 listings, 500 details and 300 searches, as ab does them", epilog=_AB, formatter_class=raw
    )
    _url(ab)
    names = [one.name for one in AB_RUNS]
    ab.add_argument("--only", choices=names, action="append", help="only this run; may be given several times")
    ab.set_defaults(run=_ab)
    scenario = actions.add_parser("run", help="users who come and go by a scenario", epilog=_RUN, formatter_class=raw)
    _url(scenario)
    scenario.add_argument("--scenario", choices=list(SCENARIOS), default="smoke", help="default: smoke")
    scenario.add_argument(
        "--duration-scale", type=_scale, default=1.0, metavar="F", help="stages last F times as long (default 1)"
    )
    scenario.set_defaults(run=_run)


def _url(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", metavar="URL", help="where the shop is, such as http://127.0.0.1:8000")


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _ab(options: argparse.Namespace) -> int:
    wanted = [one for one in AB_RUNS if not options.only or one.name in options.only]
    with tqdm(
        total=sum(one.requests for one in wanted), unit=" requests", file=sys.stderr, disable=None, leave=False
    ) as bar:
        results = [bench(options.url, one, done=bar.update) for one in wanted]
    for result in results:
        one = result.run
        print(
            f"{one.name:<8} -n {one.requests} -c {one.concurrency}: {result.rate:.0f} requests/s, "
            f"mean {1000 * result.mean:.1f} ms, p95 {1000 * result.p95:.1f} ms, {result.failed} failed"
        )
    rows = [row for result in results for row in result.rows()]
    print(table(rows))
    return 0 if verdict(rows) else 1


def _run(options: argparse.Namespace) -> int:
    scenario = SCENARIOS[options.scenario]
    total = scenario.seconds * options.duration_scale
    shape = "{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}"
    with tqdm(total=total, bar_format=shape, file=sys.stderr, disable=None, leave=False) as bar:

        def done(passed: float, users: int) -> None:
            bar.set_postfix_str(f"{users} users", refresh=False)
            bar.update(min(passed, total) - bar.n)

        rows = run(options.url, scenario, scale=options.duration_scale, done=done)
    print(table(rows))
    return 0 if verdict(rows) else 1
