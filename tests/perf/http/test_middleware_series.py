"""How many series there are, and when they begin."""

import asyncio
import shutil
import subprocess
import threading

import pytest
import yaml
from fastapi import APIRouter, FastAPI
from flask import Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware, instrument
from mestres_perf.assets._rules import prometheus_rules
from mestres_perf.http._ledger import FROM_THE_FIRST
from perf.http.watched import KINDS, ask_asgi, ask_wsgi, scope, series, site

REQUESTS = "http_requests_total"
FRAMEWORKS = [kind for kind in KINDS if kind not in ("asgi", "wsgi")]


async def answer(request):
    return JSONResponse({})


def ok(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]


@pytest.mark.scenario("H17")
@pytest.mark.parametrize("shared", [True, False])
def test_made_twice(shared):
    """An application factory that is called twice makes no metric twice, with metrics of its own or shared ones."""
    metrics = [Metrics()] * 2 if shared else [Metrics(), Metrics()]
    for own in metrics:
        app = instrument(Starlette(routes=[Route("/", answer)]), metrics=own)
        assert ask_asgi(app, "/") == 200
        assert ask_wsgi(instrument(ok, metrics=own), "/") == 200
        assert ask_asgi(app, "/metrics") == 200

    assert series(metrics[1], REQUESTS)["GET", "/", "200"] == (2 if shared else 1)
    names = [line.split()[2] for line in metrics[1].render().decode().splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


@pytest.mark.scenario("H17")
def test_the_default_metrics_are_everybodys():
    """Without metrics of its own each application counts in the same ones."""
    assert PerformanceMiddleware(ok).metrics is WSGIPerformanceMiddleware(ok).metrics


@pytest.mark.scenario("H19")
@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_not_counted(kind):
    """Scrapes and health checks are no requests of the application's."""
    shop = site(kind)
    for path in ("/metrics", "/health/live", "/health/performance"):
        assert shop.ask(path) == 200
        assert shop.ask(path, method="HEAD") == 200

    assert shop.series(REQUESTS) == {}
    assert shop.series("http_requests_in_progress") == {}


@pytest.mark.scenario("H19")
def test_the_page_is_made_beside_the_loop(monkeypatch):
    """While a page is made, however long that takes, the loop serves requests: it is made in a thread."""
    metrics = Metrics()
    served = threading.Event()
    render = metrics.render

    def slow():
        assert served.wait(30), "the loop did nothing while the page was made"
        return render()

    monkeypatch.setattr(metrics, "render", slow)

    async def app(scope, receive, send):
        served.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    watched = PerformanceMiddleware(app, metrics=metrics)
    sent = []

    async def send(message):
        sent.append(message)

    async def main():
        page = asyncio.create_task(watched(scope("/metrics"), None, send))
        await asyncio.sleep(0)
        await watched(scope("/"), None, send)
        await page

    asyncio.run(main())
    assert [message["status"] for message in sent if "status" in message] == [200, 200]


def ways(template):
    return {("GET", template, status) for status in ("200", "500", "503")}


@pytest.mark.scenario("H21")
@pytest.mark.parametrize("kind", FRAMEWORKS)
def test_routes_begin_at_zero(kind):
    """On the first page, before any request, each route has a 200, a 500 and a 503 that say 0."""
    shop = site(kind)
    assert shop.ask("/metrics") == 200

    found = series(shop.metrics, REQUESTS, zeros=True)
    for name in ("items/{number}", "boom", "stream", "broken", "later"):
        assert ways(f"/api/v1/{name}") <= found.keys()
    assert set(found.values()) == {0}


@pytest.mark.scenario("H21")
def test_the_methods_that_a_route_has():
    """Of a route each method begins at zero that it has been given, and no other."""

    class Item(MethodView):
        def get(self, number):
            return ""

        def put(self, number):
            return ""

    app = Flask("shop", static_folder=None)
    app.add_url_rule("/items/<int:number>", view_func=Item.as_view("item"))
    fast, router = FastAPI(openapi_url=None), APIRouter()
    router.add_api_route("/{number}", lambda number: {}, methods=["GET", "PUT"])
    fast.include_router(router, prefix="/items")
    plain = Starlette(routes=[Route("/items/{number:int}", answer, methods=["GET", "PUT"])])
    for each, ask in ((app, ask_wsgi), (fast, ask_asgi), (plain, ask_asgi)):
        metrics = Metrics()
        assert ask(instrument(each, metrics=metrics), "/metrics") == 200
        assert series(metrics, REQUESTS, zeros=True).keys() == {
            (method, "/items/{number}", status) for method in ("GET", "PUT") for status in FROM_THE_FIRST
        }


@pytest.mark.scenario("H21")
def test_views_of_django_that_are_classes():
    """A class-based view of Django begins with the methods that it has."""
    shop = site("django-wsgi")
    shop.ask("/metrics")

    found = series(shop.metrics, REQUESTS, zeros=True)
    assert {method for method, endpoint, _ in found if endpoint.startswith("/orders/")} == {"GET", "PUT"}


@pytest.mark.scenario("H21")
def test_a_route_that_nobody_could_know_of():
    """Where routes are not known, each begins with its first request: its first 500 is seen when it had a request."""
    metrics = Metrics()
    watched = WSGIPerformanceMiddleware(ok, metrics=metrics, route=lambda environ: "/x")
    assert ask_wsgi(watched, "/anything") == 200

    assert series(metrics, REQUESTS, zeros=True) == {
        ("GET", "/x", "200"): 1,
        ("GET", "/x", "500"): 0,
        ("GET", "/x", "503"): 0,
    }


@pytest.mark.scenario("H21")
def test_beginning_leaves_room():
    """However many routes there are, half of the series are left to what really happens."""
    metrics = Metrics(max_series=100)
    app = Starlette(routes=[Route(f"/{number}", answer) for number in range(300)])
    instrument(app, metrics=metrics)
    ask_asgi(app, "/metrics")

    assert len(series(metrics, REQUESTS, zeros=True)) == 50 // len(FROM_THE_FIRST) * len(FROM_THE_FIRST)
    assert series(metrics, "metrics_dropped_labels_total") == {}
    assert ask_asgi(app, "/299") == 200
    assert series(metrics, REQUESTS) == {("GET", "/299", "200"): 1}


@pytest.mark.scenario("H21")
def test_routes_that_cannot_be_read(monkeypatch, caplog):
    """An application whose routes cannot be walked is served all the same."""
    shop = site("flask")
    monkeypatch.setattr(type(shop.app.url_map), "iter_rules", lambda self: 1 / 0)

    assert shop.ask("/metrics") == 200
    assert shop.ask("/api/v1/items/1") == 200
    assert shop.series("metrics_errors_total") == {(): 1}
    assert "ZeroDivisionError" in caplog.text


def scrapes(shop, *, known):
    """What Prometheus sees in four scrapes, the third after the first six 500s; `_` where there is nothing."""
    pages = []
    for number in range(4):
        if number == 1 and not known:
            shop.ask("/api/v1/items/1")
        if number == 2:
            for _ in range(6):
                shop.ask("/api/v1/boom")
            shop.ask("/api/v1/items/1")
        shop.ask("/metrics")
        pages.append(series(shop.metrics, REQUESTS, zeros=True))
    names = {labels: None for page in pages for labels in page}
    return {
        '{}{{job="shop",method="{}",endpoint="{}",status="{}"}}'.format(REQUESTS, *labels): " ".join(
            "_" if page.get(labels) is None else f"{page[labels]:.0f}" for page in pages
        )
        for labels in names
    }


def fires(folder, samples):
    """Whether the shipped rules call somebody, by Prometheus' own checker: scrapes are a minute apart."""
    (folder / "rules.yml").write_text(prometheus_rules(), encoding="utf-8")
    expected = {"exp_labels": {"job": "shop", "severity": "critical"}}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": f"{values} {values.split()[-1]}x10"} for name, values in samples],
        "promql_expr_test": [],
        "alert_rule_test": [{"eval_time": "4m", "alertname": "HighErrorRate", "exp_alerts": [expected]}],
    }
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    run = subprocess.run(
        [shutil.which("promtool"), "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    # The annotations are the rules' own business: what counts is that exactly this alert is there.
    return 'alertname="HighErrorRate"' in said.split("got:", 1)[-1] if run.returncode else True


@pytest.mark.scenario("H21")
def test_the_first_errors_call_somebody(require_part, tmp_path):
    """The very first errors of a route fire the alert, because its series began at 0; beginning at 6 it would not."""
    require_part(shutil.which("promtool"), "promtool is not installed")
    shop = site("flask")
    samples = scrapes(shop, known=True)
    errors = [name for name in samples if 'endpoint="/api/v1/boom"' in name and 'status="500"' in name]
    assert [samples[name] for name in errors] == ["0 0 6 6"]

    assert fires(tmp_path, samples.items())
    born = {name: "_ _ 6 6" if name in errors else values for name, values in samples.items()}
    assert not fires(tmp_path, born.items())


@pytest.mark.scenario("H20")
@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_templates_without_end_overflow(protocol):
    """A `route` that gives a new template to each of 600 requests makes no more series than allowed; none is lost."""
    metrics = Metrics(max_series=100)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    by_path = {"asgi": lambda scope: scope["path"], "wsgi": lambda environ: environ["PATH_INFO"]}[protocol]
    make = {"asgi": PerformanceMiddleware, "wsgi": WSGIPerformanceMiddleware}[protocol]
    watched = make({"asgi": app, "wsgi": ok}[protocol], metrics=metrics, route=by_path)
    ask = {"asgi": ask_asgi, "wsgi": ask_wsgi}[protocol]
    for number in range(600):
        ask(watched, f"/{number}")
    found = series(metrics, REQUESTS, zeros=True)

    assert len(found) <= 100 + 5  # the overflow has a row for each class of statuses
    assert sum(found.values()) == 600
    assert len(series(metrics, "http_request_duration_seconds_count")) <= 101
    assert len(watched._ledger._by_template) + len(watched._ledger._kept) <= 200
    assert series(metrics, "metrics_dropped_labels_total")[(REQUESTS,)] >= 500


@pytest.mark.scenario("H22")
def test_what_is_counted_is_never_taken_away():
    """A record that a middleware keeps counts on the page for ever, however many labels come after it."""
    metrics = Metrics(max_series=20)
    watched = WSGIPerformanceMiddleware(ok, metrics=metrics, route=lambda environ: environ["PATH_INFO"])
    ask_wsgi(watched, "/first")
    for number in range(100):
        ask_wsgi(watched, f"/{number}")
    for _ in range(5):
        ask_wsgi(watched, "/first")

    assert series(metrics, REQUESTS)["GET", "/first", "200"] == 6
    assert sum(series(metrics, REQUESTS).values()) == 106
