"""`mestres customers`: tokens that open orders; telling all that is held about a person, and forgetting them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mestres_core.cli.database import add_database_option, open_shop


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    customers = commands.add_parser("customers", help="give a customer a token, tell or erase what is held about one")
    actions = customers.add_subparsers(title="actions", metavar="ACTION", required=True)
    token = actions.add_parser(
        "token",
        help="print a new token that opens a customer's orders",
        description="Print a new token that opens a customer's orders. An earlier one opens nothing any more.",
    )
    token.add_argument("email", metavar="EMAIL")
    add_database_option(token)
    token.set_defaults(run=_token)
    export = actions.add_parser(
        "export",
        help="print all that is held about a customer, as JSON",
        description="Print all that is held about a customer, as JSON.",
    )
    export.add_argument("email", metavar="EMAIL")
    add_database_option(export)
    export.set_defaults(run=_export)
    erase = actions.add_parser(
        "erase",
        help="erase what names a customer, keeping the books",
        description="Erase what names or finds a customer; orders, payments and taxes stay without the person.",
    )
    erase.add_argument("email", metavar="EMAIL")
    erase.add_argument("--refuse-open", action="store_true", help="refuse while orders are still to be paid or sent")
    add_database_option(erase)
    erase.set_defaults(run=_erase)


def _token(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        customer = shop.customers.find(options.email)
        print(f"customer {customer.id}: {customer.name} <{customer.email}>")
        print(shop.customers.token(customer.id))
    return 0


def _export(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        told = shop.customers.export(shop.customers.find(options.email).id)
    print(json.dumps(told, ensure_ascii=False, indent=2))
    return 0


def _erase(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        found = shop.customers.find(options.email)
        done = shop.customers.erase(found.id, open_orders="refuse" if options.refuse_open else "erase")
    for what, rows in done.erased.items():
        print(f"erased {what}: {rows}")
    for kept in done.kept:
        print(f"kept {kept.what}: {kept.rows} ({kept.describe()})")
    return 0
