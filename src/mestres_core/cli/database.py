"""`mestres migrate` and `mestres audit`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from mestres_core import Commerce

DEFAULT_URL = "sqlite:///mestres.db"


def add_database_option(command: argparse.ArgumentParser) -> None:
    """Every command that opens the shop says how in the same words."""
    command.add_argument(
        "--database",
        metavar="URL",
        default=os.environ.get("MESTRES_DATABASE_URL") or DEFAULT_URL,
        help="sqlite:///file.db or postgresql://user@host/name (default: MESTRES_DATABASE_URL or mestres.db here)",
    )
    place = command.add_argument_group("one of several shops in a database")
    place.add_argument(
        "--schema",
        default=os.environ.get("MESTRES_DATABASE_SCHEMA") or None,
        help="the PostgreSQL schema that it lives in (default: MESTRES_DATABASE_SCHEMA, or none)",
    )
    place.add_argument(
        "--prefix",
        default=os.environ.get("MESTRES_DATABASE_PREFIX") or None,
        help="what its tables begin with (default: MESTRES_DATABASE_PREFIX, or mc_)",
    )


def open_shop(options: argparse.Namespace, **settings: Any) -> Commerce:
    """The shop that those options name."""
    return Commerce.open(options.database, schema=options.schema, prefix=options.prefix, **settings)


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    migrate = commands.add_parser("migrate", help="create the tables or bring them up to date")
    add_database_option(migrate)
    migrate.add_argument("--to", default="head", metavar="REVISION", help="head (default), base, -1 or a revision")
    migrate.set_defaults(run=_migrate)
    audit = commands.add_parser("audit", help="prove stock, money and payment ledgers; exit code 1 if a rule is broken")
    add_database_option(audit)
    audit.set_defaults(run=_audit)


def _migrate(options: argparse.Namespace) -> int:
    from mestres_core.db.schema import version  # noqa: PLC0415 - only this command needs it
    from mestres_core.db.session import make_engine  # noqa: PLC0415

    with Commerce(make_engine(options.database), schema=options.schema, prefix=options.prefix) as shop:
        shop.migrate(options.to)
        print(f"tables at revision {version(shop.engine, shop.schema) or 'base'}")
    return 0


def _audit(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        report = shop.audit()
    print(f"{report.orders} orders, {report.stock_levels} stock levels: {'clean' if report.clean else 'NOT clean'}")
    for violation in report.violations:
        print(f"  broken: {violation.rule}")
        for row in violation.rows:
            print(f"    {row}")
    return 0 if report.clean else 1
