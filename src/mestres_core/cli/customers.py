"""`mestres customers`: who has bought, and the tokens that open their orders."""

from __future__ import annotations

import argparse
from typing import Any

from mestres_core import Commerce
from mestres_core.cli.database import add_database_option


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    customers = commands.add_parser("customers", help="give a customer a token")
    actions = customers.add_subparsers(title="actions", metavar="ACTION", required=True)
    token = actions.add_parser(
        "token",
        help="print a new token that opens a customer's orders",
        description="Print a new token that opens a customer's orders. An earlier one opens nothing any more.",
    )
    token.add_argument("email", metavar="EMAIL")
    add_database_option(token)
    token.set_defaults(run=_token)


def _token(options: argparse.Namespace) -> int:
    with Commerce.open(options.database) as shop:
        customer = shop.customers.find(options.email)
        print(f"customer {customer.id}: {customer.name} <{customer.email}>")
        print(shop.customers.token(customer.id))
    return 0
