"""`mestres demo`: a whole shop on this machine, data included."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from mestres_core.commerce import Commerce
    from mestres_examples.settings import Settings

_log = logging.getLogger(__name__)
_LAST_ROUND = 5.0  # seconds that the worker may take to finish
_THREADS = 16
# Past this size the WSGI server itself ends the conversation, before the API can say so in its own words.
_LARGEST_BUFFERED_BODY = 16 * 1024 * 1024
_EXTRAS = {"psycopg": "postgres", "redis": "redis"}

_DESCRIPTION = """\
Make a shop in the database, fill it, and serve it until Ctrl-C. Run it again and it goes on with the same shop.

The environment: MESTRES_DATABASE_URL (default sqlite:///mestres.db), MESTRES_REDIS_URL, MESTRES_ADMIN_TOKEN,
MESTRES_WEBHOOK_SECRET, MESTRES_CACHE=0 to switch caching off, MESTRES_RATE_LIMIT, MESTRES_MAIL_DIR, PORT.
"""


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "demo",
        help="a whole coffee shop on this machine",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--framework", choices=("fastapi", "flask"), default="fastapi")
    command.add_argument(
        "--products", type=_count, metavar="N", help="how many products (default: those written by hand)"
    )
    command.add_argument("--orders", type=_count, default=100, metavar="N", help="how many orders (default: 100)")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    command.add_argument("--port", type=int, help="port to listen on (default: PORT, else 8000)")
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fill and serve. The exit code is 0 after Ctrl-C, 1 when something is missing or in the way."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return 0
    except OperationalError as error:
        print(f"mestres demo: the database does not answer: {str(error.orig).strip()}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package.startswith("mestres"):
            raise
        print(
            f"mestres demo: {package} is missing: pip install 'mestres[{_EXTRAS.get(package, 'demo')}]'",
            file=sys.stderr,
        )
        return 1


def _run(options: argparse.Namespace) -> int:
    from mestres_examples import wiring  # noqa: PLC0415 - the examples are loaded when they are wanted
    from mestres_examples.settings import Settings  # noqa: PLC0415

    serve = _SERVERS[options.framework]()
    try:
        settings = Settings.from_environment(demo=True)
        listener = _listen(options.host, settings.port if options.port is None else options.port)
    except (ValueError, OverflowError, OSError) as error:
        print(f"mestres demo: {error}", file=sys.stderr)
        return 1
    with listener, wiring.open_shop(settings) as shop:
        _fill(shop, options)
        with _in_background(shop):
            _announce(listener, settings, browser=not options.no_browser)
            serve(shop, settings, listener)
    return 0


def _fill(shop: Commerce, options: argparse.Namespace) -> None:
    from mestres_examples import catalogue, filling, generate  # noqa: PLC0415 - as above

    drafts = list(catalogue.load() if options.products is None else generate.products(options.products))
    filled = filling.fill_catalogue(shop, drafts)
    # What the catalogue shows as sold out stays so.
    sold = [variant.sku for draft in drafts if draft.active for variant in draft.variants if variant.stock]
    filled += filling.fill_orders(shop, sold, options.orders)
    if filled:
        filling.deliver(shop)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that holds the port: taken before any work is done, and handed to the server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Its connections inherit this. Without it an answer's second packet waits 40 ms for the client's delayed ACK:
    # asyncio sets it by itself only on sockets that were made with the number of the TCP protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror}; choose another one by --port") from None
    return listener


@contextmanager
def _in_background(shop: Commerce) -> Iterator[None]:
    """Do what a real shop has workers for."""
    from mestres_core.worker import Worker  # noqa: PLC0415 - loaded with the shop

    stop = threading.Event()
    worker = threading.Thread(target=Worker(shop).run, args=(stop,), name="worker", daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(timeout=_LAST_ROUND)


def _announce(listener: socket.socket, settings: Settings, *, browser: bool) -> None:
    """Once the server answers, say where, and show it."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what people type for "everywhere"
    address = f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"

    def tell() -> None:
        while not _answers(reachable, port):
            time.sleep(0.05)
        print(f"\n  loja   {address}/\n  API    {address}/openapi.json\n  admin  {settings.admin_token}\n", flush=True)
        print("  Ctrl-C para parar", flush=True)
        if browser and _has_display():
            webbrowser.open(address)

    threading.Thread(target=tell, name="announce", daemon=True).start()


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _has_display() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


Serve = Callable[["Commerce", "Settings", socket.socket], None]


def _fastapi() -> Serve:
    import uvicorn  # noqa: PLC0415 - one of two servers is wanted

    from mestres_examples.fastapi_app import create_app  # noqa: PLC0415

    def serve(shop: Commerce, settings: Settings, listener: socket.socket) -> None:
        config = uvicorn.Config(
            create_app(shop, settings), log_level="warning", server_header=False, timeout_graceful_shutdown=5
        )
        uvicorn.Server(config).run(sockets=[listener])

    return serve


def _flask() -> Serve:
    import waitress  # noqa: PLC0415 - one of two servers is wanted

    from mestres_examples.flask_app import create_app  # noqa: PLC0415

    def serve(shop: Commerce, settings: Settings, listener: socket.socket) -> None:
        app = create_app(shop, settings)
        waitress.serve(
            app, sockets=[listener], threads=_THREADS, max_request_body_size=_LARGEST_BUFFERED_BODY, ident=None
        )

    return serve


_SERVERS: dict[str, Callable[[], Serve]] = {"fastapi": _fastapi, "flask": _flask}


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
