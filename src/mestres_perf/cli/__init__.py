"""`mestres-perf`: the operations kit from the command line. One file per subject, each of which adds its commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from mestres_perf.errors import MestresPerfError

_SUBJECTS = ("assets", "check", "load", "slo")

_EPILOG = """\
examples:
  mestres-perf check http://127.0.0.1:8000      how a running application is doing
  mestres-perf assets write ops --ram 32GB       configuration for nginx, PostgreSQL and Celery
  mestres-perf slo check http://127.0.0.1:8000  a running shop beside its targets
  mestres-perf load ab http://127.0.0.1:8000    the benchmark runs of the specification
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line, for `--help` and for the tests of the documentation."""
    top = argparse.ArgumentParser(
        prog="mestres-perf",
        description="Look at, measure and configure an application that mestres_perf watches.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for subject in _SUBJECTS:
        import_module(f"mestres_perf.cli.{subject}").add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 for success, 1 for a bad result, 2 for a wrong command line."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except MestresPerfError as error:
        print(f"mestres-perf: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
