"""`mestres-perf check` against real servers."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mestres_perf.cli import main

REPORT = {"metrics": {"error_rate": 1.5, "cpu_usage": None}, "thresholds": {"error_rate": {"degraded": 5}}}


@pytest.fixture
def serve():
    servers = []

    def serve(status, content):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "http", "code"), [("healthy", 200, 0), ("degraded", 200, 1), ("unhealthy", 503, 1)])
def test_exit_code(serve, capsys, status, http, code):
    """The exit code says how the application is doing, and the table says why."""
    url = serve(http, json.dumps(REPORT | {"status": status}).encode())

    assert code == main(["check", url])
    shown = capsys.readouterr().out
    assert f"status: {status}" in shown
    assert "1.5 %" in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"status": "healthy", "metrics": null, "thresholds": {}}',
        b'{"status": "healthy", "metrics": {"cpu_usage": "x"}, "thresholds": {}}',
        b'{"status": "healthy", "metrics": {}, "thresholds": {"cpu_usage": 7}}',
    ],
)
def test_not_a_report(serve, capsys, content):
    """What is no health report is said so in one line, with exit code 2."""
    assert main(["check", serve(200, content)]) == 2
    assert "is the application running?" in capsys.readouterr().err


def test_another_protocol(capsys):
    """What does not speak HTTP, or breaks off, is exit code 2 and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            for answer in (b"SSH-2.0-nothing\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"):
                client, _ = server.accept()
                with client:
                    client.recv(1000)
                    client.sendall(answer)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert [main(["check", url]), main(["check", url])] == [2, 2]
        thread.join()
    assert main(["check", "http://127.0.0.1:80a"]) == 2
    assert "is the application running?" in capsys.readouterr().err


def test_nobody_there(capsys):
    """An address that does not answer, or is none, is exit code 2 as well."""
    assert main(["check", "http://127.0.0.1:1"]) == 2
    assert main(["check", "nonsense"]) == 2
    assert "http://" in capsys.readouterr().err
