"""`mestres`: the shop from the command line. One file per subject, each of which adds its own commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from sqlalchemy.exc import OperationalError

from mestres_core.errors import CommerceError

_SUBJECTS = (
    "demo",
    "admin",
    "catalog",
    "cache",
    "coupons",
    "customers",
    "database",
    "events",
    "plans",
    "search",
    "worker",
)

_EPILOG = """\
examples:
  mestres demo                                  a whole coffee shop on http://127.0.0.1:8000, data included
  mestres demo --framework flask --port 9000    the same on Flask
  mestres catalog import lots.csv --map mapping.toml
  mestres report sales --from 2026-01-01 --to 2026-01-31
  mestres export orders --format csv > orders.csv
  mestres audit                                 prove stock, money and ledgers in one call
  mestres events list                           what could not be told, and why

The database is MESTRES_DATABASE_URL, or the file mestres.db in this folder.
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line, for `--help` and for the tests of the documentation."""
    top = argparse.ArgumentParser(
        prog="mestres",
        description="An embeddable shop: demo, catalogue, database.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for subject in _SUBJECTS:
        import_module(f"mestres_core.cli.{subject}").add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 for success, 1 for a refusal, 2 for a wrong command line."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except CommerceError as error:
        print(f"mestres: {error}", file=sys.stderr)
        return 1
    except OperationalError as error:
        print(f"mestres: the database does not answer: {str(error.orig).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
