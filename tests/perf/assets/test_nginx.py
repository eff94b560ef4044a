"""The generated nginx.conf in a real nginx, before real backends."""

import gzip
import http.client
import json
import re
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from mestres_perf.assets import FILES, Settings
from servers.nginx import nginx_program, running_nginx
from servers.process import Unavailable, free_port

SECURITY = {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "X-XSS-Protection": "1; mode=block"}
# So slow that no request is allowed again before the test is over; the bursts are those of the default.
SLOW = {"api_rate": "6r/m", "login_rate": "2r/m"}
HASHED = "/static/site.3f9c2b71.css"
LARGE = json.dumps({"data": ["café"] * 500}).encode()


def render(**settings):
    return FILES["nginx.conf"](Settings(**settings))


class Backend(ThreadingHTTPServer):
    """An application that tells which one it is and what reached it, and can be killed with its connections."""

    daemon_threads = True

    def __init__(self, name):
        super().__init__(("127.0.0.1", 0), Answer)
        self.name, self.connections, self.seen = name, [], []
        self.address = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def get_request(self):
        connection, client = super().get_request()
        self.connections.append(connection)
        return connection, client

    def handle_error(self, request, client_address):
        pass

    def kill(self):
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(2)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.seen.append((self.command, self.path))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "hang-up" in self.path:
            self.close_connection = True
            return
        status = 404 if "missing" in self.path else 429 if "busy" in self.path else 200
        kind, body = "application/json", LARGE
        if self.path.endswith(".png"):
            kind, body = "image/png", bytes(5000)
        elif "large" not in self.path:
            body = json.dumps({"backend": self.server.name, "headers": dict(self.headers)}).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private, max-age=7")
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        if status == 429:
            self.send_header("Retry-After", "99")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", autouse=True)
def program(require_part):
    try:
        return nginx_program()
    except Unavailable as missing:
        require_part(False, str(missing))


@pytest.fixture(scope="module")
def started():
    """`started(...)`: two backends, and the URL of an nginx before them; `spa` are files for the web server."""
    with ExitStack() as stack:

        def start(spa=None, **settings):
            backends = [Backend("one"), Backend("two")]
            for backend in backends:
                stack.callback(backend.kill)

            def configure(folder, port):
                (folder / "html").mkdir()
                for name, content in (spa or {}).items():
                    path = folder / "html" / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)
                paths = {"run_folder": str(folder), "static_root": f"{folder}/html"}
                return render(upstreams=[one.address for one in backends], port=port, **paths, **SLOW, **settings)

            return backends, stack.enter_context(running_nginx(configure))

        yield start


@pytest.fixture(scope="module")
def site(started):
    return started()[1]


_clients = iter(range(2, 250))


@pytest.fixture
def visitor(site):
    """A visitor with an address of their own, so that no test meets the limits that another one has used up."""
    transport = httpx.HTTPTransport(local_address=f"127.0.0.{next(_clients)}")
    with httpx.Client(base_url=site, transport=transport, timeout=30) as client:
        yield client


def test_specified_values():
    """The default file has every value of the specification."""
    words = " ".join(render().split())
    for directive in [
        "worker_processes auto", "worker_rlimit_nofile 65535", "worker_connections 4096", "use epoll",
        "multi_accept on", "sendfile on", "tcp_nopush on", "tcp_nodelay on", "keepalive_timeout 65",
        "keepalive_requests 1000", "types_hash_max_size 2048", "client_body_buffer_size 128k",
        "client_max_body_size 50m", "client_header_buffer_size 1k", "large_client_header_buffers 4 4k",
        "output_buffers 1 32k", "postpone_output 1460", "gzip_comp_level 6", "gzip_vary on", "gzip_proxied any",
        "open_file_cache max=10000 inactive=20s", "open_file_cache_valid 30s", "open_file_cache_min_uses 2",
        "open_file_cache_errors on", "zone=api:10m rate=10r/s", "zone=login:10m rate=1r/s", "least_conn",
        "server api1:5000 max_fails=3 fail_timeout=30s", "server api2:5000", "server api3:5000", "keepalive 32",
        "limit_req zone=api burst=20 nodelay", "limit_req zone=login burst=5 nodelay", "proxy_connect_timeout 5s",
        "proxy_send_timeout 60s", "proxy_read_timeout 60s", "server_name api.mestrescafe.com",
        "server_name mestrescafe.com www.mestrescafe.com", "root /usr/share/nginx/html",
        "try_files $uri $uri/ /index.html", "gzip_static on", "listen 80",
    ]:  # fmt: skip
        assert directive in words


@pytest.mark.parametrize("pages", ["spa", "app"])
def test_nginx_accepts_the_default_file(program, tmp_path, pages):
    """nginx finds no fault in the default file but for the addresses of the machines that are not here."""
    text = render(pages=pages)
    for name in ("api1:5000", "api2:5000", "api3:5000"):
        text = text.replace(f"server {name} ", f"server 127.0.0.1:{5000 + int(name[3])} ")
    text = text.replace("listen 80", f"listen {free_port()}").replace("http {", "http { access_log off;")
    (tmp_path / "nginx.conf").write_text(text)
    command = [program, "-t", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "log", "-g", f"pid {tmp_path}/pid;"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    # An ordinary user may not use the folders that the package has for root's temporary files.
    assert "syntax is ok" in run.stderr, run.stderr
    assert "[warn]" not in run.stderr.replace('the "user" directive', "")


def test_requests_are_spread(visitor):
    """Every upstream gets its share."""
    answered = [visitor.get("/produtos").json()["backend"] for _ in range(10)]

    assert 3 <= answered.count("one") <= 7


def test_connections_to_the_upstreams_are_kept(started):
    """Many requests go through few connections."""
    backends, url = started()
    with httpx.Client(base_url=url) as client:
        for _ in range(20):
            client.get("/").raise_for_status()

    assert sum(len(one.seen) for one in backends) == 20
    assert sum(len(one.connections) for one in backends) <= 8  # one for each worker and backend, at most


def test_a_dead_upstream_is_not_noticed(started):
    """When one upstream dies, visitors still get 200; when all are dead, the API's 502 is a problem document."""
    backends, url = started()
    with httpx.Client(base_url=url) as client:
        assert {client.get("/api/v1/x").status_code for _ in range(4)} == {200}
        backends[0].kill()
        assert {client.get("/api/v1/x").status_code for _ in range(6)} == {200}
        assert {client.post("/api/v1/x", json={}).status_code for _ in range(4)} == {200}
        backends[1].kill()
        down = client.get("/api/v1/x")

    assert down.status_code == 502
    assert down.headers["Content-Type"] == "application/problem+json"
    assert (down.json()["status"], down.json()["code"]) == (502, "bad_gateway")
    assert SECURITY.items() <= _named(down, SECURITY).items()


def test_what_may_have_happened_is_not_repeated(started):
    """A POST that an upstream took and did not answer is not sent to another one; a GET is."""
    backends, url = started()
    with httpx.Client(base_url=url) as client:
        assert client.post("/api/v1/hang-up", json={}).status_code == 502
        assert len([seen for one in backends for seen in one.seen]) == 1
        client.get("/api/v1/hang-up")

    assert {one.name for one in backends if ("GET", "/api/v1/hang-up") in one.seen} == {"one", "two"}


def test_more_than_the_burst_is_refused(visitor):
    """After the burst the API answers 429 in its own words and says when to come back."""
    answers = [visitor.get("/api/v1/products") for _ in range(25)]

    assert [one.status_code for one in answers] == [200] * 21 + [429] * 4
    refused = answers[-1]
    assert refused.headers.get_list("Retry-After") == ["10"]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "code": "too_many_requests",
        "detail": "Retry-After says for how long to wait",
    }
    assert _named(refused, SECURITY) == SECURITY
    assert visitor.get("/produtos").status_code == 200  # pages are not counted


def test_login_is_stricter(visitor):
    """The login has a zone of its own with a smaller burst and rate."""
    answers = [visitor.post("/api/v1/auth/login", json={}) for _ in range(8)]

    assert [one.status_code for one in answers] == [200] * 6 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "30"
    # Attempts to log in use nothing up of what the rest of the API allows.
    assert {visitor.get("/api/v1/products").status_code for _ in range(21)} == {200}
    # What the specification's own file forgot here.
    assert answers[0].json()["headers"]["X-Forwarded-For"].startswith("127.0.0.")


def test_the_applications_own_refusal_is_passed_on(visitor):
    """A 429 of the application keeps its own Retry-After and its own body."""
    refused = visitor.get("/api/v1/busy")

    assert refused.headers.get_list("Retry-After") == ["99"]
    assert "backend" in refused.json()


def test_compression(visitor):
    """JSON is compressed for those who can read it, pictures are not."""
    compressed = visitor.get("/api/v1/large")

    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in compressed.headers["Vary"]
    assert compressed.content == LARGE
    assert "Content-Encoding" not in visitor.get("/api/v1/large", headers={"Accept-Encoding": "identity"}).headers
    assert "Content-Encoding" not in visitor.get("/static/photo.png").headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200), ("/api/v1/products", 200), ("/api/v1/missing", 404), ("/static/site.css", 200), (HASHED, 200),
        ("/admin", 200), ("/health/live", 200), ("/metrics", 200), ("/missing", 404), ("/api/v1/busy", 429),
    ],
)  # fmt: skip
def test_security_headers_are_everywhere(visitor, path, status):
    """Every location and every error carries each security header once, whatever the application sends."""
    answer = visitor.get(path)

    assert answer.status_code == status
    assert _named(answer, SECURITY) == SECURITY
    assert re.fullmatch("nginx", answer.headers["Server"])


def test_a_body_over_the_limit_is_refused(site):
    """More than 50 MB is 413 before it is sent; just as much is taken."""
    for size, status in [(50 * 1024**2 + 1, 413), (50 * 1024**2, 200)]:
        connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=30)
        connection.putrequest("POST", "/api/v1/products")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        if status == 200:
            connection.send(bytes(size))
        answer = connection.getresponse()

        assert answer.status == status
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
        if status == 413:
            assert json.load(answer)["code"] == "body_too_large"
        answer.close()
        connection.close()


def test_only_hashed_names_never_change(visitor):
    """A name with a hash is kept for a year; any other, and any error, as the application says."""
    kept = visitor.get(HASHED)

    assert _directives(kept) == {"max-age=31536000", "public", "immutable"}
    for other in ("/static/site.css", "/static/missing.3f9c2b71.css", "/static/photo-20240131.png"):
        assert _directives(visitor.get(other)) == {"private", "max-age=7"}


def test_the_application_learns_who_asks(visitor):
    """Address, host and scheme are passed on, and a connection is upgraded only when it is asked for."""
    plain = visitor.get("/", headers={"Host": "api.mestrescafe.com:8080"}).json()["headers"]
    upgraded = visitor.get("/", headers={"Connection": "Upgrade", "Upgrade": "websocket"}).json()["headers"]
    forwarded = visitor.get("/", headers={"X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4"}).json()["headers"]

    assert plain["Host"] == "api.mestrescafe.com:8080"
    assert plain["X-Forwarded-Proto"] == "http"
    assert plain["X-Real-IP"] == plain["X-Forwarded-For"]
    assert "Connection" not in plain
    assert (upgraded["Connection"], upgraded["Upgrade"]) == ("upgrade", "websocket")
    assert forwarded["X-Real-IP"] == plain["X-Real-IP"]
    assert forwarded["X-Forwarded-For"] == f"1.2.3.4, {plain['X-Real-IP']}"


def test_a_client_without_host(site):
    """A client of HTTP/1.0, which need not name a host, is answered too."""
    with socket.create_connection(("127.0.0.1", int(site.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(b"GET /produtos HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b" 200 OK" in answer.partition(b"\r\n")[0]
    assert b'"Host": "api.mestrescafe.com"' in answer


def test_metrics_are_private(started):
    """Only the private networks may read /metrics."""
    _, url = started(private_networks=["10.0.0.0/8"])

    assert httpx.get(f"{url}/metrics").status_code == 403
    assert httpx.get(f"{url}/health/live").status_code == 200


def test_single_page_application(started):
    """The web server sends files and, for any other page, index.html; only hashed files are kept."""
    files = {
        "index.html": b"<!doctype html>",
        "assets/index-BxK9aZ_Q.js": b"let a",
        "assets/index-BxK9aZ_Q.js.gz": gzip.compress(b"let a"),
        "logo.png": b"png",
    }
    _, url = started(spa=files)
    with httpx.Client(base_url=url, headers={"Host": "www.mestrescafe.com"}) as client:
        page, script = client.get("/produto/cerrado"), client.get("/assets/index-BxK9aZ_Q.js")
        logo, missing = client.get("/logo.png"), client.get("/assets/index-BxK9aZ_R.js")

    assert page.content == files["index.html"]
    assert page.headers["Content-Type"] == "text/html"
    assert _directives(page) == _directives(logo) == {"no-cache"}
    assert _directives(script) == {"max-age=31536000", "public", "immutable"}
    assert script.headers["Content-Encoding"] == "gzip"  # the file beside it, compressed once and for all
    assert script.content == b"let a"
    assert script.headers["Content-Type"] == "application/javascript"
    assert missing.status_code == 404
    assert "immutable" not in _directives(missing)
    for answer in (page, script, logo, missing):
        assert _named(answer, SECURITY) == SECURITY


def test_pages_from_the_application(started):
    """With `pages="app"` the upstreams answer for the names of the pages too."""
    _, url = started(pages="app")

    answer = httpx.get(f"{url}/produtos", headers={"Host": "www.mestrescafe.com"})
    assert answer.json()["headers"]["Host"] == "www.mestrescafe.com"


def _named(answer, names):
    """Repeated headers are joined with a comma, so one that is sent twice is not equal to one that is sent once."""
    return {name: answer.headers.get(name) for name in names}


def _directives(answer):
    return {part.strip() for part in answer.headers.get("Cache-Control", "").split(",") if part}
