"""A small shop that can only list, show and find: as fast, slow or broken as a test wants it."""

import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

_PRODUCTS = [{"id": number, "name": "Café Especial"} for number in (7, 8, 9)]


_connections = itertools.count()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.connection_number = next(_connections)  # a port may come again

    def do_GET(self):
        shop = self.server.shop
        path = self.path.partition("?")[0]
        with shop.lock:
            shop.requests.append(self.path)
            shop.tokens.add(self.headers.get("Authorization"))
            shop.connections.append(self.connection_number)
            number = len(shop.requests)
        time.sleep(shop.delay)
        if path in shop.pages:
            self._answer(200, shop.pages[path], "text/html" if path.endswith("html") else "text/javascript")
        elif shop.fails(number, path):
            self._answer(500, b"{}")
        elif path == "/api/v1/products":
            self._json({"products": _PRODUCTS})
        elif path in {f"/api/v1/products/{product['id']}" for product in _PRODUCTS}:
            self._json({"product": _PRODUCTS[0]})
        elif path == "/api/v1/search/suggest":
            self._json({"suggestions": []})
        else:
            self._answer(404, b"{}")

    def _json(self, data):
        self._answer(200, json.dumps({"data": data}).encode())

    def _answer(self, status, content, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) + self.server.shop.promised_more))
        self.send_header("X-Cache", self.server.shop.cache)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.server.shop.closes or bool(self.server.shop.promised_more)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that is stopped in the middle of a run


@pytest.fixture
def shop():
    """`url`, and what it does: `delay` seconds, `fails(number, path)`, `promised_more` bytes, `closes`."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.shop = SimpleNamespace(
        url=f"http://127.0.0.1:{server.server_port}",
        delay=0.0,
        fails=lambda _number, _path: False,
        promised_more=0,
        closes=False,
        cache="hit",
        pages={},
        requests=[],
        tokens=set(),
        connections=[],
        lock=threading.Lock(),
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.shop
    server.shutdown()
    thread.join()
    server.server_close()
