"""The path to which browsers post their web vitals, on the bare protocols."""

import asyncio
import io
import json

import pytest

from mestres_perf import MestresPerfError, Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware
from mestres_perf.http import Vitals

PATH = "/api/v1/vitals"
SAMPLE = b'{"name": "LCP", "value": 1200, "id": "v4-1"}'
MIB, MOST = 1024**2, 64 * 1024


async def asgi_app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


def wsgi_app(environ, start_response):
    start_response("200 OK", [])
    return [b"the application"]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Asgi:
    def __init__(self, vitals=PATH):
        self.metrics = Metrics()
        self.app = PerformanceMiddleware(asgi_app, metrics=self.metrics, vitals=vitals)
        self.read = 0

    def send(self, body=b"", method="POST", path=PATH, headers=(), last=True):
        chunks = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        messages[-1]["more_body"] = not last
        return self.exchange(messages, method, path, headers)

    def exchange(self, messages, method="POST", path=PATH, headers=()):
        waiting, sent = iter([*messages, {"type": "http.disconnect"}]), []

        async def receive():
            self.read += 1
            return next(waiting)

        async def send(message):
            sent.append(message)

        given = [(name.lower().encode(), value.encode()) for name, value in headers]
        scope = {"type": "http", "method": method, "path": path, "headers": given, "client": ("203.0.113.7", 1)}
        asyncio.run(self.app(scope, receive, send))
        if not sent:
            return None
        start, *bodies = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(message["body"] for message in bodies))


class Wsgi:
    def __init__(self, vitals=PATH):
        self.metrics = Metrics()
        self.app = WSGIPerformanceMiddleware(wsgi_app, metrics=self.metrics, vitals=vitals)

    def send(self, body=b"", method="POST", path=PATH, headers=(("Content-Length", None),), **environ):
        started = []
        plain = ("CONTENT_LENGTH", "CONTENT_TYPE")
        names = {name.upper().replace("-", "_"): value or str(len(body)) for name, value in headers}
        names = {name if name in plain else f"HTTP_{name}": value for name, value in names.items()}
        peer = {"REMOTE_ADDR": "203.0.113.7"}
        given = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "wsgi.input": io.BytesIO(body),
            **peer,
            **names,
            **environ,
        }
        answer = self.app(given, lambda status, headers: started.append((status, headers)))
        content = b"".join(answer)
        status, headers = started[0]
        return Answer(int(status[:3]), {name.lower(): value for name, value in headers}, content)


@pytest.fixture(params=[Asgi, Wsgi])
def site(request):
    return request.param()


def samples(site):
    return sum(
        sample.value
        for family in site.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "web_vitals_total"
    )


@pytest.mark.scenario("V7")
def test_a_beacon(site):
    """A beacon is counted and answered 204 with no body and no cookie; the application neither sees nor counts it."""
    answer = site.send(SAMPLE)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == {"cache-control": "no-store"}
    assert "content-length" not in answer.headers
    assert samples(site) == 1
    assert "http_requests_total{" not in site.metrics.render().decode()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "DELETE"])
def test_other_methods(site, method):
    """Everything but POST is 405 and says what is allowed."""
    answer = site.send(SAMPLE, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert (answer.body == b"") == (method == "HEAD")
    assert samples(site) == 0


@pytest.mark.scenario("V1")
def test_bad_input(site):
    """Nonsense is 422 with a problem document that names the field."""
    answer = site.send(b'{"name": "LCP", "value": NaN, "id": "v4-1"}')
    problem = json.loads(answer.body)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "errors"} == problem.keys()
    assert (problem["status"], problem["code"]) == (422, "validation_error")
    assert [error["field"] for error in problem["errors"]] == ["value"]
    assert samples(site) == 0


@pytest.mark.scenario("V1")
@pytest.mark.parametrize(("size", "status"), [(MOST, 204), (MOST + 1, 413)])
def test_a_large_body(site, size, status):
    """A body of 64 KiB is read, one byte more is 413."""
    answer = site.send(SAMPLE.ljust(size))

    assert answer.status == status
    assert samples(site) == (status == 204)


@pytest.mark.scenario("V1")
@pytest.mark.parametrize("length", [str(MOST + 1), "9" * 400])
def test_a_large_promise(site, length):
    """What says that it is too large is not read at all."""
    assert site.send(SAMPLE, headers=[("Content-Length", length)]).status == 413
    assert getattr(site, "read", 0) == 0


def test_without_the_option():
    """Without a path, posting to it is the application's."""
    for site in (Asgi(vitals=None), Wsgi(vitals=None)):
        assert site.send(SAMPLE).body == b"the application"


@pytest.mark.parametrize("kind", [Asgi, Wsgi])
def test_no_path(kind):
    """What is no path is refused at once."""
    with pytest.raises(MestresPerfError, match="/api/v1/vitals"):
        kind(vitals="vitals")


def test_asgi_body_in_pieces():
    """A body may come in any pieces, empty ones too."""
    site = Asgi()
    pieces = [{"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in SAMPLE]

    assert site.exchange([*pieces, {"type": "http.request"}]).status == 204


def test_asgi_client_goes_away():
    """Half a beacon from a client that has gone is no beacon, and nobody is answered."""
    site = Asgi()

    assert site.send(SAMPLE, last=False) is None
    assert samples(site) == 0


def test_asgi_endless_body():
    """Reading stops soon after the limit, however much comes."""
    site = Asgi()

    assert site.send(b" " * 64 * MIB, last=False).status == 413
    assert site.read <= 3


@pytest.mark.parametrize("length", ["", "-5", "many", "4.5", "²"])
def test_wsgi_without_a_length(length):
    """Where neither server nor client says how long the body is, nothing is read: it might be waited for, for ever."""
    site = Wsgi()
    environ = {"CONTENT_LENGTH": length, "wsgi.input": None}

    assert site.send(headers=(), **environ).status == 422


def test_wsgi_chunked():
    """Where the server marks the end, a body without a length is read up to the limit."""
    for body, status in ((SAMPLE, 204), (b" " * 3 * MIB, 413)):
        assert Wsgi().send(body, headers=(), **{"wsgi.input_terminated": True}).status == status


def test_wsgi_a_length_that_lies():
    """A body shorter than was said is what there is; of a longer one no more is read than was said."""
    short, long = Wsgi(), Wsgi()

    assert short.send(SAMPLE[:-1], headers=[("Content-Length", "900")]).status == 422
    assert long.send(SAMPLE + b"POST /next", headers=[("Content-Length", str(len(SAMPLE)))]).status == 204


def test_wsgi_input_in_pieces():
    """A server may give less than was asked for at a time."""

    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(3, size))

    assert Wsgi().send(SAMPLE, **{"wsgi.input": Slow(SAMPLE)}).status == 204


def posted(site, body=SAMPLE, **headers):
    """Send a beacon with these headers."""
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return site.send(body, headers=[("Content-Length", str(len(body))), *given])


@pytest.mark.scenario("V7")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://shop.example", "Host": "inner:8000"}, 204),
        ({"Sec_Fetch_Site": "none"}, 204),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": "https://other.shop.example"}, 403),
        ({"Origin": "https://shop.example", "Host": "shop.example"}, 204),
        ({"Origin": "https://shop.example:444", "Host": "shop.example"}, 403),
        ({"Origin": "https://shop.example", "Host": "Shop.Example:443"}, 204),
        ({"Origin": "http://shop.example:80", "Host": "shop.example"}, 204),
        ({"Origin": "http://shop.example", "Host": "shop.example:443"}, 403),
        ({"Origin": "https://shop.example.evil.example", "Host": "shop.example"}, 403),
        ({"Origin": "https://shop.example"}, 403),
        ({"Origin": "null", "Host": "shop.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 204),
    ],
)
def test_other_sites(site, headers, status):
    """Only what comes from pages of the site itself is taken, as browsers say it; no header lets another site in."""
    answer = posted(site, **headers)

    assert answer.status == status
    assert samples(site) == (status == 204)
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.scenario("V7")
@pytest.mark.parametrize("kind", [Asgi, Wsgi])
def test_origins_that_are_named(kind):
    """Beacons of another origin that is named are taken."""
    site = kind(Vitals(PATH, origins=["https://M.shop.example:443"]))

    assert posted(site, Sec_Fetch_Site="same-site", Origin="https://m.shop.example").status == 204
    assert posted(site, Sec_Fetch_Site="same-site", Origin="https://n.shop.example").status == 403


@pytest.mark.scenario("V7")
@pytest.mark.parametrize("kind", [Asgi, Wsgi])
def test_a_client_has_its_rate(kind):
    """Beyond its rate a client gets 429 with Retry-After; behind a trusted proxy each client has its own."""
    site = kind(Vitals(PATH, rate="1/h; burst 2"))
    answers = [posted(site) for _ in range(3)]
    assert [answer.status for answer in answers] == [204, 204, 429]
    assert 3000 < int(answers[2].headers["retry-after"]) <= 3600

    site = kind(Vitals(PATH, rate="1/h; burst 1", trusted_proxies=["203.0.113.7"]))
    clients = ["198.51.100.1", "198.51.100.2", "198.51.100.1"]
    assert [posted(site, X_Forwarded_For=client).status for client in clients] == [204, 204, 429]

    site = kind(Vitals(PATH, rate=None))
    assert {posted(site).status for _ in range(200)} == {204}


@pytest.mark.scenario("V7")
@pytest.mark.parametrize("kind", [Asgi, Wsgi])
@pytest.mark.parametrize("robots", [True, False])
def test_robots(kind, robots):
    """Robots that say so are counted or not, as was chosen; they are answered like anybody."""
    site = kind(Vitals(PATH, robots=robots))
    agents = [
        "Mozilla/5.0 (compatible; Googlebot/2.1)",
        "Mozilla/5.0 HeadlessChrome/156.0",
        "Mozilla/5.0 Firefox/140.0",
    ]
    for number, agent in enumerate(agents):
        assert (
            posted(site, json.dumps({"name": "LCP", "value": 9, "id": str(number)}).encode(), User_Agent=agent).status
            == 204
        )
    assert samples(site) == (3 if robots else 1)


@pytest.mark.scenario("V4")
@pytest.mark.parametrize("kind", [Asgi, Wsgi])
def test_the_page_is_where_the_beacon_came_from(kind):
    """A sample that names no page is counted for the page that sent it."""
    site = kind(Vitals(PATH, pages=["/", "/p/{slug}"]))
    posted(site, Referer="https://shop.example/p/cerrado?utm=1")
    posted(site, b'{"name": "FCP", "value": 9, "page": "/"}', Referer="https://shop.example/p/cerrado")
    posted(site, b'{"name": "TTFB", "value": 9}')
    assert posted(site, b'{"name": "INP", "value": 9}', Referer="http://[::1").status == 204
    page = site.metrics.render().decode()

    for name, where in (("INP", "__other__"), ("LCP", "/p/{slug}"), ("FCP", "/"), ("TTFB", "__other__")):
        assert f'web_vitals_pages_total{{name="{name}",page="{where}",rating="good"}} 1.0' in page


@pytest.mark.parametrize(
    "wrong",
    [{"path": "vitals"}, {"rate": "much"}, {"pages": "/"}, {"origins": "https://a"}, {"trusted_proxies": ["x"]}],
)
def test_bad_options(wrong):
    """What makes no sense is refused when the middleware is made."""
    with pytest.raises(MestresPerfError):
        Asgi(Vitals(**{"path": PATH, **wrong}))
