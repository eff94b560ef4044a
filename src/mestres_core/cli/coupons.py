"""`mestres coupons`: make coupons and look at them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from mestres_core import Money
from mestres_core.cli.database import add_database_option, open_shop
from mestres_core.promotions.dto import Coupon

_EPILOG = """\
examples:
  mestres coupons add CAFE10 --percent 10                       ten per cent off
  mestres coupons add NATAL --amount 1500 --minimum 10000 --until 2026-12-26 --limit 100
  mestres coupons list

Amounts are minor units (cents); dates are UTC. Adding a code again changes that coupon.
"""


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    coupons = commands.add_parser(
        "coupons",
        help="make coupons and look at them",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = coupons.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a coupon, or change it")
    add.add_argument("code", metavar="CODE")
    worth = add.add_mutually_exclusive_group(required=True)
    worth.add_argument("--percent", type=float, metavar="P", help="per cent of the goods")
    worth.add_argument("--amount", type=int, metavar="CENTS", help="a fixed amount")
    add.add_argument("--minimum", type=int, default=0, metavar="CENTS", help="counts from carts of this worth on")
    add.add_argument("--from", dest="starts_at", type=_moment, metavar="DATE", help="first moment, as ISO 8601")
    add.add_argument("--until", dest="ends_at", type=_moment, metavar="DATE", help="first moment at which it is over")
    add.add_argument("--limit", type=int, metavar="N", help="how many orders may have it")
    add.add_argument("--withdrawn", action="store_true", help="not to be used any more")
    add_database_option(add)
    add.set_defaults(run=_add)
    listing = actions.add_parser("list", help="print every coupon")
    add_database_option(listing)
    listing.set_defaults(run=_list)


def _add(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        saved = shop.promotions.save_coupon(
            options.code,
            percent=options.percent,
            amount=options.amount,
            minimum=options.minimum,
            starts_at=options.starts_at,
            ends_at=options.ends_at,
            most_uses=options.limit,
            active=not options.withdrawn,
        )
    print(_line(saved))
    return 0


def _list(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        for coupon in shop.promotions.list():
            print(_line(coupon))
    return 0


def _line(coupon: Coupon) -> str:
    worth = f"{coupon.value / 100:g} %" if coupon.kind == "percent" else str(Money(coupon.value, coupon.currency))
    uses = f"{coupon.uses} of {coupon.most_uses or 'any number of'} uses"
    until = "" if coupon.ends_at is None else f", until {coupon.ends_at:%Y-%m-%d %H:%M}"
    return f"{coupon.code:<20} {worth:>12}  {uses}{until}{'' if coupon.active else ', withdrawn'}"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
