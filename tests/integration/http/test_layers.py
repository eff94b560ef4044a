"""What stands around both example apps: compression, ids, logs, limits and headers, on their real servers."""

import gzip
import io
import json
import logging
import socket
import uuid

import pytest

from mestres_core.contrib.http import Request
from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop, wire
from mestres_perf import JsonFormatter, RequestContext
from perf.http.sites import eventually


def _raw(http, path, **headers):
    """A response as it is on the wire."""
    with http.stream("GET", path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.scenario("G1")
def test_pages_and_documents_are_compressed(http, product):
    """Pages and API documents are gzip with weak tags; pages with secrets are not; hashed files come packed already."""
    slug = product().slug
    for path in (f"/produto/{slug}", "/openapi.json"):
        answer, body = _raw(http, path, **{"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["etag"].startswith('W/"')
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert len(gzip.decompress(body)) > len(body)
        assert _raw(http, path, **{"Accept-Encoding": "identity"})[0].headers.get("content-encoding") is None
        again = http.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])
    assert "content-encoding" not in _raw(http, "/admin", **{"Accept-Encoding": "gzip"})[0].headers


def test_each_response_has_an_id_and_security_headers(http):
    """Pages, documents, files, errors and health checks: an id of their own each, and what protects a browser."""
    ids = set()
    for path in ("/", "/api/v1/products", "/static/site.css", "/nowhere", "/api/v1/nowhere", "/health/live"):
        headers = http.get(path, headers={"X-Request-ID": "made-up"}).headers
        ids.add(uuid.UUID(headers["x-request-id"]))
        if path != "/health/live":
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
            assert len(headers.get_list("content-security-policy")) == 1, path
            assert headers["cache-control"], path
            assert "strict-transport-security" not in headers
    assert len(ids) == 6


def test_a_huge_body_is_refused(served, http):
    """A body far beyond what the API takes is refused before it is read; the API's own refusal stays what it was."""
    small = http.post("/api/v1/carts", content=b"x" * (2 * 1024 * 1024))
    assert (small.status_code, small.json()["code"]) == (413, "body_too_large")
    if served.framework == "flask":
        return  # waitress reads all of it first, or refuses it itself
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=20) as client:
        head = b"POST /api/v1/carts HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_stranger_does_not_choose_the_deadline(http):
    """A caller from outside who claims to have no time left is served as everybody."""
    assert http.get("/api/v1/products", headers={"X-Request-Deadline": "0"}).status_code == 200


def test_a_line_for_each_request(served, http, product):
    """The log has a line with the template, and the id that the client was given."""
    logger, stream = logging.getLogger("mestres_perf.access"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestContext())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        answer = http.get(f"/api/v1/products/{product().slug}")
        own = answer.headers["x-request-id"]
        eventually(lambda: own in stream.getvalue())  # it is written when the last byte has gone
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (line,) = [line for line in lines if line["request_id"] == own]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/products/{ref}", 200)
    assert line["bytes"] > 0


def test_processes_on_one_redis_share_the_rate(database_url, redis_db):
    """Two processes with a Redis admit together as many calls as the rate says."""
    settings = Settings.from_environment(
        {
            "MESTRES_DATABASE_URL": database_url,
            "MESTRES_REDIS_URL": redis_db,
            "MESTRES_REDIS_TIMEOUT": "2",
            "MESTRES_RATE_LIMIT": "4/h",
            "MESTRES_CACHE": "0",
        }
    )
    with open_shop(settings) as shop:
        apis = [wire(shop, settings).api for _ in range(2)]
        request = Request("GET", "/api/v1/categories", client="203.0.113.7")
        statuses = [apis[number % 2].handle(request).status for number in range(6)]
    assert statuses == [200] * 4 + [429] * 2
