"""`mestres worker`: the work that no visitor waits for."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from types import FrameType
from typing import Any

from mestres_core import Commerce
from mestres_core.cli.database import add_database_option, open_shop

_EPILOG = """\
Delivers what has happened to whoever wants to know it, tells buyers of their orders, and finds out what became of
unfinished payments. Start as many as you like, on one machine or on many; each stops after its present round on
Ctrl-C or SIGTERM. With MESTRES_REDIS_URL it also keeps the applications' shared cache true.

example:
  mestres worker --database postgresql://localhost/shop --mail /var/spool/mestres
"""


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "worker",
        help="do the background work until told to stop",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_database_option(command)
    command.add_argument(
        "--mail",
        metavar="DIR",
        default=os.environ.get("MESTRES_MAIL_DIR", ""),
        help="write confirmations into this folder (default: MESTRES_MAIL_DIR, else none are written)",
    )
    command.add_argument("--once", action="store_true", help="do what there is to do now, and end")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mestres_core.contrib.mail import MailFolder  # noqa: PLC0415 - only this command needs it
    from mestres_core.worker import Worker  # noqa: PLC0415

    notifier = MailFolder(options.mail) if options.mail else None
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with open_shop(options, notifier=notifier) as shop:
        _keep_cache_true(shop)
        worker = Worker(shop)
        if options.once:
            done = 0
            while more := worker.round():
                done += more
            print(f"{done} done")
        else:
            print("working; Ctrl-C ends it", flush=True)
            worker.run(stop)
    return 0


def _keep_cache_true(shop: Commerce) -> None:
    address = os.environ.get("MESTRES_REDIS_URL")
    if address:
        from mestres_core.contrib import perf  # noqa: PLC0415 - mestres_perf is loaded only with a Redis to keep true

        perf.keep_true(shop, perf.open_caches(address)["default"])
