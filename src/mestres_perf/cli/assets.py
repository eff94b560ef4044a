"""`mestres-perf assets write`: the files of the operations kit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mestres_perf.assets import FILES, Settings, write

_EPILOG = """\
examples:
  mestres-perf assets write ops                                          for the machine that was specified
  mestres-perf assets write ops --ram 8GB --cpus 4 --disk ssd            for a smaller one
  mestres-perf assets write ops --port 8080 --upstream 127.0.0.1:8000 --pages app --run-folder /tmp/nginx
                                    nginx before one application on this machine, without being root

A file that is already there and differs is not overwritten without --force; then none of them is written.
Each file says in its comments what it is for and how to use it.
"""
# What the command line calls by another name than `Settings` does.
_SETTINGS = {"upstream": "upstreams", "api_name": "api_names", "web_name": "web_names", "preload": "preload_libraries"}
_OWN = {"folder", "force", "run"}


def add_to(commands: Any) -> None:
    """Add this file's commands."""
    assets = commands.add_parser("assets", help="configuration for nginx, PostgreSQL, Celery and what watches them")
    actions = assets.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = actions.add_parser(
        "write",
        help="write the configuration files for a machine into a folder",
        description=f"Write {', '.join(FILES)} into DIR.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,  # what is not said is decided by `Settings`
    )
    command.add_argument("folder", metavar="DIR", type=Path, help="where to write; made if it does not exist")
    command.add_argument("--force", action="store_true", default=False, help="overwrite files that differ")
    machine = command.add_argument_group("the machine of the database")
    machine.add_argument("--ram", metavar="SIZE", help="memory, such as 512MB or 32GB (default: 32GB)")
    machine.add_argument("--cpus", metavar="N", help="processors (default: 16)")
    machine.add_argument("--disk", metavar="ssd|hdd", help="what its disks are (default: ssd)")
    machine.add_argument(
        "--preload",
        metavar="LIBRARIES",
        type=_libraries,
        help='libraries loaded when the server starts (default: pg_stat_statements,pg_prewarm; "" for none)',
    )
    _add_nginx(command.add_argument_group("nginx"))
    command.set_defaults(run=_write)


def _add_nginx(nginx: Any) -> None:
    nginx.add_argument(
        "--upstream", metavar="HOST:PORT", action="append", help="where the application runs; may be repeated"
    )
    nginx.add_argument("--port", metavar="N", help="port to listen on (default: 80)")
    nginx.add_argument("--api-name", metavar="NAME", action="append", help="server name of the API; may be repeated")
    nginx.add_argument("--web-name", metavar="NAME", action="append", help="server name of the pages; may be repeated")
    nginx.add_argument(
        "--pages",
        metavar="spa|app",
        help="who answers for the pages: the files of a single-page application, or the upstreams (default: spa)",
    )
    nginx.add_argument("--static-root", metavar="DIR", help="where these files are (default: /usr/share/nginx/html)")
    nginx.add_argument(
        "--run-folder", metavar="DIR", help="keep logs and temporary files there; nginx need not be root"
    )


def _libraries(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def _write(options: argparse.Namespace) -> int:
    said = {_SETTINGS.get(name, name): value for name, value in vars(options).items() if name not in _OWN}
    written = write(options.folder, Settings(**said), force=options.force)
    for name, changed in written.items():
        print(f"{'written' if changed else 'unchanged':<10} {options.folder / name}")
    return 0
