"""Web vitals over HTTP, as browsers send them."""

import io
import json
import uuid
from wsgiref.util import setup_testing_defaults

import pytest
from flask import Flask

from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop, wire

PATH = "/api/v1/vitals"
NAMES = {
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "database_connections_active",
    "database_connections_max",
    "database_query_duration_seconds_count",
    "cache_hit_rate",
}


def sample(name="LCP", value=1234.5, **more):
    return {"name": name, "value": value, "id": f"v4-{uuid.uuid4()}", "delta": value, **more}


def lines(http, name):
    """{series: value} of the metrics page, for one metric."""
    page = http.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in page if line.startswith((f"{name} ", f"{name}{{")))
    return {series: float(value) for series, value in pairs}


def test_a_beacon_is_counted(http):
    """What a browser posts with sendBeacon arrives on the metrics page, rated; sent again it is not counted again."""
    name = 'web_vitals_total{name="CLS",rating="poor"}'
    before = lines(http, "web_vitals_total").get(name, 0)
    beacon = json.dumps([sample("CLS", 0.3), sample("CLS", 0.4)])
    for _ in range(2):
        response = http.post(PATH, content=beacon, headers={"Content-Type": "text/plain;charset=UTF-8"})
        assert (response.status_code, response.content) == (204, b"")

    assert lines(http, "web_vitals_total")[name] == before + 2
    assert http.post(PATH, json=sample()).status_code == 204
    assert lines(http, "web_vitals_lcp_seconds_count")


def test_a_chunked_beacon(http):
    """A body of unknown length is read as well."""
    text = json.dumps(sample()).encode()

    assert http.post(PATH, content=iter([text[:7], text[7:]])).status_code == 204


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (json.dumps([sample(), sample(["LCP"])]).encode(), "1.name"),
        (json.dumps(sample(value=-1)).encode(), "value"),
    ],
    ids=["nothing", "half", "no text", "a name", "a value"],
)
def test_bad_input(http, content, field):
    """Nonsense is a 422 with the same problem document as everywhere in the API."""
    response = http.post(PATH, content=content)
    problem = response.json()

    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert (problem["code"], problem["errors"][0]["field"]) == ("validation_error", field)


def test_other_refusals(http):
    """A body over 64 KiB is 413, another method 405."""
    assert http.post(PATH, content=b" " * (64 * 1024 + 1)).status_code == 413
    response = http.get(PATH)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("proxy", ["127.0.0.1", "::ffff:127.0.0.1", ""])
def test_visitors_behind_a_proxy_are_not_one(tmp_path, proxy):
    """Behind a proxy on the same machine, over TCP or a Unix socket, one who sends too much is refused alone."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/shop.db", cache=False)
    with open_shop(settings) as shop:
        parts = wire(shop, settings)
        app = parts.instrument(Flask(__name__))

        def post(visitor):
            content, started = json.dumps(sample()).encode(), []
            environ = {"REMOTE_ADDR": proxy, "HTTP_X_FORWARDED_FOR": visitor, "wsgi.input": io.BytesIO(content)}
            environ |= {"REQUEST_METHOD": "POST", "PATH_INFO": PATH, "CONTENT_LENGTH": str(len(content))}
            setup_testing_defaults(environ)
            for _ in app(environ, lambda status, *_: started.append(status[:3])):
                pass
            return started[0]

        assert "429" in (post("198.51.100.1") for _ in range(10_000))
        assert post("198.51.100.2") == "204"
        parts.caches.close()


def test_the_specification_names(http):
    """After traffic the metrics page has a value for every metric that the specification names."""
    assert http.get("/api/v1/products").status_code == 200

    assert {name for name in NAMES if lines(http, name)} == NAMES
