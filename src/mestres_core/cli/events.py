"""`mestres events`: what waits to be told, what was given up, and what becomes of that."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mestres_core.cli.database import add_database_option, open_shop
from mestres_core.errors import NotFound

_WIDEST = 100
_DESCRIPTION = """\
Everything that happens in the shop is a fact. A worker delivers it to those who want to know; what fails is
tried again, and after some hours becomes a dead letter. A dead letter keeps its place: whatever else happened to
the same order, product or cart waits behind it until somebody says what becomes of it.
"""
_EPILOG = """\
what to do about a dead letter:
  mestres events list            see what failed, and why
                                 (mend the reason: the ERP is away, a bug in a subscriber)
  mestres events retry 42        have it delivered after all; what it held back follows
  mestres events retry --all     all of them, when the same reason was behind each
  mestres events discard 42      tell nobody, ever: only when the fact no longer matters

A running worker delivers what is retried. `mestres events status` ends with exit code 1 while there is a dead
letter, so that a monitor can ask it.
"""


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    events = commands.add_parser(
        "events",
        help="what waits in the outbox; list, retry or discard dead letters",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = events.add_subparsers(title="actions", metavar="ACTION", required=True)
    status = actions.add_parser("status", help="how much waits, since when; exit code 1 if there is a dead letter")
    status.set_defaults(run=_status)
    letters = actions.add_parser("list", help="the dead letters, oldest first, each with its last error")
    letters.add_argument("--limit", type=int, default=100, metavar="N", help="of them (default: %(default)s)")
    letters.add_argument("--after", type=int, default=0, metavar="ID", help="only those with a number above ID")
    letters.add_argument("--json", action="store_true", help="one JSON object a line, with the whole fact")
    letters.set_defaults(run=_list)
    retry = actions.add_parser("retry", help="have dead letters delivered after all")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", type=int, metavar="ID", default=[], help="their numbers, from `list`")
    which.add_argument("--all", action="store_true", help="every dead letter that there is")
    retry.set_defaults(run=_retry)
    discard = actions.add_parser("discard", help="tell nobody of them, ever; what they held back goes on")
    discard.add_argument("ids", nargs="+", type=int, metavar="ID", help="their numbers, from `list`")
    discard.set_defaults(run=_discard)
    for action in (status, letters, retry, discard):
        add_database_option(action)


def _status(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        found = shop.events.status()
    since = "" if found.oldest is None else f", the oldest since {found.oldest:%Y-%m-%d %H:%M:%S} UTC"
    print(f"{found.waiting} waiting, {found.retrying} of them after a failure; {found.dead} dead{since}")
    return 1 if found.dead else 0


def _list(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        letters = shop.events.dead_letters(after=options.after, limit=options.limit)
    if options.json:
        for each in letters:
            print(json.dumps(_whole(each), ensure_ascii=False))
        return 0
    if not letters:
        print("no dead letters")
        return 0
    for each in letters:
        print(f"{each.fact_id}  {each.type}  {each.aggregate} {each.aggregate_id}  since {each.dead_at:%Y-%m-%d %H:%M}")
        print(f"    after {each.attempts} attempts: {_short(each.error or 'no error was written down')}")
    if len(letters) == options.limit:
        print(f"there may be more: mestres events list --after {letters[-1].fact_id}")
    return 0


def _retry(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        if options.all:
            print(f"{shop.events.retry_all()} will be delivered again")
            return 0
        return _each(options.ids, shop.events.retry, "will be delivered again")


def _discard(options: argparse.Namespace) -> int:
    with open_shop(options) as shop:
        return _each(options.ids, shop.events.discard, "was discarded")


def _each(ids: list[int], settle: Any, done: str) -> int:
    """Every one by itself: a number that is none does not keep the others."""
    wrong = 0
    for fact_id in ids:
        try:
            settle(fact_id)
        except NotFound:
            wrong = 1
            print(f"{fact_id}: there is no such dead letter (see `mestres events list`)")
        else:
            print(f"{fact_id} {done}")
    return wrong


def _whole(letter: Any) -> dict[str, Any]:
    found = {name: getattr(letter, name) for name in letter.__dataclass_fields__}
    return found | {name: found[name].isoformat() for name in ("created_at", "dead_at")}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
