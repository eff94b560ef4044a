"""Both example apps on both databases, each behind its real server on a free port."""

import itertools
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import httpx
import pytest

from integration.http.buying import Buyer
from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop

SECRET = "webhook-secret"
ADMIN = "admin-token"

_numbers = itertools.count(1)


def _listener():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


@contextmanager
def _uvicorn(shop, settings):
    import uvicorn

    from mestres_examples.fastapi_app import create_app

    config = uvicorn.Config(create_app(shop, settings), log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = _listener()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)


@contextmanager
def _waitress(shop, settings):
    import waitress
    from waitress import wasyncore

    from mestres_examples.flask_app import create_app

    listener = _listener()
    server = waitress.create_server(create_app(shop, settings), sockets=[listener], threads=16)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    # Connections that are kept alive would keep the server's loop alive too.
    with suppress(OSError):  # its thread may be awake already, and have closed the trigger, too
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
    thread.join(10)
    server.task_dispatcher.shutdown()


@contextmanager
def _sqlite(request):
    yield f"sqlite:///{request.getfixturevalue('tmp_path_factory').mktemp('shop') / 'shop.db'}"


@contextmanager
def _postgresql(request):
    import psycopg
    from sqlalchemy import make_url

    url = make_url(request.getfixturevalue("postgres_url"))
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_http_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield url.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


_SERVERS = {"fastapi": _uvicorn, "flask": _waitress}
_DATABASES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server did not start")


@pytest.fixture(scope="session", params=list(itertools.product(_SERVERS, _DATABASES)), ids="-".join)
def served(request):
    """A running app: `url` and the `shop` behind it. The tests of a run share it, so each brings its own products."""
    framework, database = request.param
    with _DATABASES[database](request) as database_url:
        settings = Settings(database_url=database_url, admin_token=ADMIN, webhook_secret=SECRET, demo=True)
        with open_shop(settings) as shop, _SERVERS[framework](shop, settings) as port:
            _wait_for(port)
            yield SimpleNamespace(url=f"http://127.0.0.1:{port}", shop=shop, framework=framework, database=database)


@pytest.fixture(params=_SERVERS)
def serve(request, tmp_path):
    """`with serve(rate_limit="1/h") as url`: an app of the test's own, with these settings, on a new SQLite file."""

    @contextmanager
    def serve(**settings):
        chosen = Settings(database_url=f"sqlite:///{tmp_path / 'own.db'}", admin_token=ADMIN, **settings)
        with open_shop(chosen) as shop, _SERVERS[request.param](shop, chosen) as port:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"

    return serve


@pytest.fixture
def shop(served):
    """The shop behind the server."""
    return served.shop


@pytest.fixture
def http(served):
    """A client that speaks to the server as anybody would."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


@pytest.fixture
def buyer(http):
    """Somebody who buys over HTTP."""
    return Buyer(http)


@pytest.fixture
def product(shop):
    """`product(stock=5, price=4590)`: a new product with one variant, sold by nobody else's test."""

    def make(*, stock=10, price=4590, name=None, category="Grãos", **more):
        number = next(_numbers)
        sku = f"SKU-{number}-{uuid.uuid4().hex[:6]}"
        variant = {"sku": sku, "price": price, "name": "250 g", "weight_grams": 250, "stock": stock}
        return shop.catalog.save(name=name or f"Café {sku}", category=category, variants=[variant], **more)

    return make
