"""Which route a request is counted under, on every framework."""

import asyncio
import re

import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Host, Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from mestres_perf import Metrics, PerformanceMiddleware, WSGIPerformanceMiddleware, instrument
from mestres_perf.http import _django as django_routes
from perf.http.watched import ITEM, KINDS, ask_asgi, ask_wsgi, environ, scope, series, site
from perf.resilience.clocks import Clock

REQUESTS = "http_requests_total"


@pytest.fixture(params=KINDS)
def shop(request):
    return site(request.param)


@pytest.fixture(params=[kind for kind in KINDS if kind not in ("asgi", "wsgi")])
def framework(request):
    return site(request.param)


async def answer(request):
    return JSONResponse({})


def endpoints(metrics):
    """{(method, endpoint): requests}."""
    found = {}
    for (method, endpoint, _), value in series(metrics, REQUESTS).items():
        found[method, endpoint] = found.get((method, endpoint), 0) + value
    return found


def test_a_route_is_its_template(shop):
    """However many paths there are, a route is one series, with all prefixes of routers and mounts."""
    for number in range(20):
        assert shop.ask(f"/api/v1/items/{number}") == 200

    assert shop.series(REQUESTS) == {("GET", ITEM, "200"): 20}
    assert shop.series("http_request_duration_seconds_count") == {("GET", ITEM): 20}
    assert shop.series("http_response_start_seconds_count") == {("GET", ITEM): 20}


@pytest.mark.scenario("H1")
def test_what_nobody_knows_is_one_series(shop):
    """A thousand invented paths make one endpoint, and each is counted."""
    times = 1000 if shop.kind in ("asgi", "wsgi") else 50
    for number in range(times):
        assert shop.ask(f"/wp-admin/{number}.php") == 404

    assert shop.series(REQUESTS) == {("GET", "__unmatched__", "404"): times}


@pytest.mark.scenario("H2")
def test_invented_methods_are_one_series(shop):
    """Two hundred invented methods make one; a method in lower case is none of HTTP's either."""
    for number in range(200 if shop.kind in ("asgi", "wsgi") else 40):
        shop.ask("/nowhere", method=f"HACK{number}")
    shop.ask("/nowhere", method="get")

    assert {method for method, *_ in shop.series(REQUESTS)} == {"_OTHER"}


def redirecting(kind):
    metrics = Metrics()
    if kind == "fastapi":
        app, router = FastAPI(), APIRouter()
        router.add_api_route("/z/{q}/", lambda q: {})
        app.include_router(router, prefix="/api/v1")
        return metrics, instrument(app, metrics=metrics), ask_asgi, "/api/v1/z/{}"
    if kind == "starlette":
        app = Starlette(routes=[Mount("/api/v1", routes=[Route("/z/{q}/", answer)])])
        return metrics, instrument(app, metrics=metrics), ask_asgi, "/api/v1/z/{}"
    if kind == "flask":
        app = Flask("shop")
        app.add_url_rule("/api/v1/z/<q>/", view_func=lambda q: q)
        return metrics, instrument(app, metrics=metrics), ask_wsgi, "/api/v1/z/{}"
    found = site(kind)
    return found.metrics, found.app, ask_asgi if found.is_asgi else ask_wsgi, "/slashed/{}"


@pytest.mark.scenario("H3")
@pytest.mark.parametrize("kind", ["fastapi", "starlette", "flask", "django-asgi", "django-wsgi"])
def test_redirects_to_the_slash_are_bounded(kind):
    """A redirect because of a slash that is missing never has the path as its label."""
    metrics, app, ask, path = redirecting(kind)
    for number in range(20):
        assert ask(app, path.format(f"q{number}")) in (301, 307, 308)

    assert len(endpoints(metrics)) == 1
    assert not re.search(r"q\d", str(endpoints(metrics)))


@pytest.mark.scenario("H4")
def test_nested_routers_and_mounts_keep_their_prefixes():
    """Each route has its whole template: routers in routers, mounts with variables, applications in applications."""
    inner, middle, outer = APIRouter(), APIRouter(), FastAPI()
    inner.add_api_route("/deep/{q}", lambda q: {})
    inner.mount("/files", Starlette(routes=[Route("/{name:path}", answer)]))
    middle.include_router(inner, prefix="/z")
    outer.include_router(middle, prefix="/api/v1")
    outer.include_router(inner, prefix="/again")
    other = FastAPI()
    other.include_router(inner, prefix="/own")
    other.add_api_route("/plain/{k}", lambda k: {})
    outer.mount("/sub/{tenant}", other)
    outer.mount("/raw", PlainTextResponse("x"))
    metrics = Metrics()
    instrument(outer, metrics=metrics)
    paths = {
        "/api/v1/z/deep/1": "/api/v1/z/deep/{q}",
        "/again/deep/1": "/again/deep/{q}",
        "/api/v1/z/files/a/b": "/api/v1/z/files/{name}",
        "/again/files/a/b": "/again/files/{name}",
        "/sub/t1/own/deep/2": "/sub/{tenant}/own/deep/{q}",
        "/sub/t1/plain/2": "/sub/{tenant}/plain/{k}",
        "/raw/anything/1": "/raw/{path}",
        "/docs": "/docs",
        "/sub/t1/nowhere": "__unmatched__",
    }
    for path in paths:
        ask_asgi(outer, path)
        ask_asgi(outer, path)

    assert endpoints(metrics) == {("GET", template): 2 for template in paths.values()}


@pytest.mark.scenario("H4")
@pytest.mark.parametrize("where", ["inside", "around", "around others"])
def test_a_mount_with_a_variable(where):
    """Starlette's mounts keep their variable, wherever the middleware is; the concrete `/sub/t1` is never seen."""

    async def hidden(scope, receive, send):
        await inner(scope, receive, send)

    inner = Starlette(routes=[Route("/s/{k:int}", answer)])
    routes = [
        Mount("/sub/{tenant}", inner),
        Mount("/other/{tenant}", inner),
        Mount("/wrapped", PerformanceMiddleware(inner, metrics=Metrics())),
        Mount("/hidden", hidden),
        Host("api.shop", Starlette(routes=[Route("/never", answer)])),
    ]
    app = Starlette(routes=routes)
    metrics = Metrics()
    if where == "inside":
        app.add_middleware(PerformanceMiddleware, metrics=metrics)
    else:
        app = PerformanceMiddleware(Layer(app) if where == "around others" else app, metrics=metrics)
    for tenant in ("t1", "t2"):
        ask_asgi(app, f"/sub/{tenant}/s/1")
        ask_asgi(app, f"/other/{tenant}/s/1")
    ask_asgi(app, "/wrapped/s/1")
    ask_asgi(app, "/hidden/s/1")

    assert endpoints(metrics) == {
        ("GET", "/sub/{tenant}/s/{k}"): 2,
        ("GET", "/other/{tenant}/s/{k}"): 2,
        ("GET", "/wrapped/s/{k}"): 1,
        ("GET", "/hidden/{path}"): 1,  # of what is behind a function nothing can be known
    }


class Layer:
    """A middleware; `app` is what it is around."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def shops():
    """Two Flask applications with the same rules, and something else, behind werkzeug's dispatcher."""
    front, admin = Flask("front"), Flask("admin")
    for app in (front, admin):
        app.add_url_rule("/", "home", lambda: "x")
        app.add_url_rule("/items/<int:number>", "item", lambda number: "x")

    def strange(environ, start_response):
        start_response("200 OK", [])
        return [b"x"]

    mounts = {"/admin": admin, "/admin/deep": DispatcherMiddleware(strange, {"/again": admin}), "/strange": strange}
    return front, DispatcherMiddleware(front, mounts)


class CopyingWSGI:
    """A middleware that gives the application a copy of the environ."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(dict(environ), start_response)


@pytest.mark.scenario("H4")
@pytest.mark.parametrize("where", ["around", "in the application", "around a copy"])
def test_applications_that_werkzeug_mounts(where):
    """The same rule of two mounted applications is two templates, each with its mount's prefix; unknown ones share."""
    front, app = shops()
    metrics = Metrics()
    if where == "in the application":
        front.wsgi_app, app = DispatcherMiddleware(front.wsgi_app, app.mounts), front
        instrument(app, metrics=metrics)
    else:
        app = WSGIPerformanceMiddleware(CopyingWSGI(app) if where == "around a copy" else app, metrics=metrics)
    paths = {
        "/": "/",
        "/admin/": "/admin/",
        "/items/1": "/items/{number}",
        "/admin/items/2": "/admin/items/{number}",
        "/admin/deep/again/items/3": "/admin/deep/again/items/{number}",
        "/strange/4": "/strange/{path}",
        "/admin/deep/5": "/admin/deep/{path}",
        "/admin/nowhere": "__unmatched__",
    }
    for path in paths:
        ask_wsgi(app, path)
        ask_wsgi(app, path)
    ask_wsgi(app, "/admin/items/2", method="POST")

    assert endpoints(metrics) == {
        **{("GET", template): 2 for template in paths.values()},
        ("POST", "/admin/items/{number}"): 1,
    }
    begun = {labels[1] for labels in series(metrics, REQUESTS, zeros=True)}
    assert {"/admin/deep/again/", "/admin/static/{filename}"} <= begun


@pytest.mark.scenario("H4")
def test_regular_expressions_of_django():
    """Django's converters and named groups are spelled as everybody's; its includes keep their prefixes."""
    for kind in ("django-asgi", "django-wsgi"):
        shop = site(kind)
        assert shop.ask("/orders/1234-a/lines/7/") == 200
        assert shop.ask("/slashed/x/") == 200
        assert endpoints(shop.metrics) == {
            ("GET", "/orders/{number}/lines/{2}/"): 1,
            ("GET", "/slashed/{name}/"): 1,
        }


@pytest.mark.scenario("H4")
@pytest.mark.parametrize(
    ("route", "template"),
    [
        ("", "/"),
        ("a/<int:n>/", "/a/{n}/"),
        ("c++/<n>/v1.0/", "/c++/{n}/v1.0/"),
        (r"^b/(?P<s>[\w-]+)\.json$", "/b/{s}.json"),
        (r"^c/(\d{4})/", "/c/{1}/"),
        (r"^e/(?:x|y)/(?P<z>(a|b)+)/$", "/e/{1}/{z}/"),
        (r"^f/\d+/$", "/f/{1}/"),
        (r"f/\d+/", "/f/{1}/"),
        (r"^f/[0-9]{4}-[^]/]+/(\w{2,})?/.*\Z", "/f/{1}-{2}/{3}/{4}"),
        (r"^[A-Z]{2}\d+x?/robots.txt$", "/{1}x/robots.txt"),
        (r"^g/(?P<k>\(x\)[)(])/\A\.\+$", "/g/{k}/.+"),
        (r"a/<int:n>/^f/\d+/$", "/a/{n}/f/{1}/"),
    ],
)
def test_spelling_of_django_routes(route, template):
    """All that varies in a regular expression is in braces, by its name or number; all else is as in a path."""
    assert django_routes.spelled(route) == template


@pytest.mark.scenario("H5")
def test_a_method_that_is_not_allowed(framework):
    """A 405 is counted under its route's template."""
    assert framework.ask("/api/v1/items/1", method="DELETE") == 405

    assert framework.series(REQUESTS) == {("DELETE", ITEM, "405"): 1}


@pytest.mark.scenario("H6")
def test_head_and_options(framework):
    """HEAD and OPTIONS are methods of their own, under the same template."""
    statuses = {method: framework.ask("/api/v1/items/1", method=method) for method in ("HEAD", "OPTIONS")}

    assert framework.series(REQUESTS) == {(method, ITEM, str(status)): 1 for method, status in statuses.items()}


class Copying:
    """A middleware that gives the application a copy of the scope."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(dict(scope), receive, send)


@pytest.mark.scenario("H18")
@pytest.mark.parametrize("kind", ["fastapi", "starlette"])
def test_a_scope_that_was_copied(kind):
    """Where a middleware copies the scope, the route is found by its path, prefixes and methods included."""
    if kind == "fastapi":
        app, router = FastAPI(), APIRouter()
        router.add_api_route("/items/{number}", lambda number: {}, methods=["GET"])
        router.add_api_route("/items/{name}", lambda name: {}, methods=["PUT"])
        app.include_router(router, prefix="/api/v1")
    else:
        each = [
            Route("/items/{number:int}", answer),
            Route("/items/{name}", answer, methods=["PUT"]),
            Route("/items/{number:int}/more/{rest:path}", answer),
        ]
        app = Starlette(routes=[Mount("/api", routes=[Mount("/v1", routes=each)])])
    app.add_middleware(Copying)
    metrics = Metrics()
    instrument(app, metrics=metrics)
    for _ in range(2):
        ask_asgi(app, "/api/v1/items/1")
        ask_asgi(app, "/api/v1/items/1", method="PUT")
        ask_asgi(app, "/nowhere")

    put = "/api/v1/items/{name}"
    assert endpoints(metrics) == {("GET", ITEM): 2, ("PUT", put): 2, ("GET", "__unmatched__"): 2}


@pytest.mark.scenario("H18")
def test_an_environ_that_was_copied():
    """Where a WSGI middleware copies the environ, Flask's rule is looked up again."""
    app = Flask("shop")
    app.add_url_rule("/api/v1/items/<int:number>", view_func=lambda number: {})
    flask = app.wsgi_app
    app.wsgi_app = type("Copying", (), {"app": app, "__call__": lambda self, env, start: flask(dict(env), start)})()
    metrics = Metrics()
    instrument(app, metrics=metrics)
    for path in ("/api/v1/items/1", "/nowhere"):
        ask_wsgi(app, path)
    ask_wsgi(app, "/api/v1/items/1", method="PUT")

    assert endpoints(metrics) == {("GET", ITEM): 1, ("GET", "__unmatched__"): 1, ("PUT", ITEM): 1}


@pytest.mark.scenario("H18")
def test_guesses_are_remembered_and_few():
    """A path that was looked up once is not looked up again, and a million paths are not kept."""
    app = Starlette(routes=[Route("/items/{number}", answer)], middleware=[Middleware(Copying)])
    watched = PerformanceMiddleware(app, metrics=Metrics())
    for number in range(3000):
        watched._ledger.find(watched._ledger.records["GET"], scope(f"/items/{number}"))

    assert len(watched._routes._guesses._found) <= 1024
    assert len(watched._ledger._kept) <= 1
    looks = []
    watched._routes._guesses.find("/items/2999", "GET", lambda: looks.append(1) or "never")
    assert looks == []


def test_who_answers_before_the_router():
    """What a middleware refuses counts for the route that was asked for, not for an unknown one."""

    class Refusing(Layer):
        async def __call__(self, scope, receive, send):
            await PlainTextResponse("no", status_code=401)(scope, receive, send)

    metrics = Metrics()
    app = Starlette(routes=[Route("/items/{number}", answer)])
    app.add_middleware(Refusing)
    instrument(app, metrics=metrics)
    assert ask_asgi(app, "/items/1") == 401

    assert series(metrics, REQUESTS) == {("GET", "/items/{number}", "401"): 1}


def test_routes_that_come_later_are_known():
    """A route that is added when there has been traffic has its whole template."""
    metrics = Metrics()
    sub = Starlette(routes=[])
    app = instrument(Starlette(routes=[Mount("/sub/{tenant}", sub)]), metrics=metrics)
    ask_asgi(app, "/sub/t/new/1")
    sub.router.routes.append(Route("/new/{k}", answer))
    ask_asgi(app, "/sub/t/new/1")

    assert endpoints(metrics) == {("GET", "__unmatched__"): 1, ("GET", "/sub/{tenant}/new/{k}"): 1}


def test_routes_that_come_later_behind_a_copy():
    """A route that is added when there has been traffic is found behind a copied scope, too, after a while."""
    app, metrics, clock = Starlette(routes=[Route("/old", answer)]), Metrics(), Clock()
    watched = PerformanceMiddleware(Copying(app), metrics=metrics)
    watched._routes._clock = clock
    ask_asgi(watched, "/late/1")
    app.router.routes.append(Mount("/late", routes=[Route("/{number}", answer)]))
    ask_asgi(watched, "/late/1")
    clock.now += 3600
    for path in ("/late/1", "/late/2"):
        ask_asgi(watched, path)

    assert endpoints(metrics) == {("GET", "__unmatched__"): 2, ("GET", "/late/{number}"): 2}


def test_invented_paths_do_not_make_it_walk():
    """However many paths nobody knows, routes are walked for them once in a second, and for 1 % of the time at most."""
    app, clock, walks = Starlette(routes=[Route("/old", answer)]), Clock(), []
    watched = PerformanceMiddleware(Copying(app), metrics=Metrics())
    routes = watched._routes
    routes._clock = clock
    walk = routes._walk

    def counted():
        walks.append(clock.now)
        clock.now += 0.1  # as if it took that long
        walk()

    routes._walk = counted
    for number in range(1000):
        clock.now += 0.1
        ask_asgi(watched, f"/invented/{number}")

    assert 2 <= len(walks) <= 200
    slow = (0.0, 0.5)  # seconds at which a walk begins and ends
    routes._clock = iter(slow).__next__
    walk()
    assert routes._may_walk_again == pytest.approx(slow[1] + 50)


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_somebody_is_told_of_routes_that_are_not_known(kind, caplog):
    """The first success without a route is logged, once, with what to do; errors, and who has said `route`, are not."""

    async def asgi(scope, receive, send):
        await PlainTextResponse("x", 404 if "no" in scope["path"] else 200)(scope, receive, send)

    def wsgi(environ, start_response):
        start_response("404 Not Found" if "no" in environ["PATH_INFO"] else "200 OK", [])
        return [b"x"]

    app, ask = (asgi, ask_asgi) if kind == "asgi" else (wsgi, ask_wsgi)
    told = instrument(app, metrics=Metrics(), route=lambda carrier: None)
    watched = instrument(app, metrics=Metrics())
    ask(told, "/a")
    ask(watched, "/no")
    ask(watched, "/a", method="OPTIONS")
    assert caplog.messages == []
    for method in ("GET", "POST", "GET"):
        ask(watched, "/a", method=method)

    assert len(caplog.messages) == 1
    assert "route=" in caplog.messages[0]


def test_nothing_is_kept_of_requests():
    """Strangers that are made for one request only neither pile up nor are walked for for ever."""
    watched = PerformanceMiddleware(Starlette(routes=[Route("/x", answer)]), metrics=Metrics(max_series=100))
    ledger = watched._ledger
    for number in range(1000):
        ledger.find(ledger.records["GET"], {**scope(f"/{number}"), "route": Route(f"/made/{number}", answer)})

    assert len(ledger._kept) <= 100
    assert len(ledger._by_template) <= 100
    assert len(ledger.records["GET"]) <= 100
    assert len(watched._routes._strangers) <= 100


def test_an_error_that_flask_lets_through():
    """When an exception leaves Flask, it has forgotten its route; it is counted under it all the same."""
    shop = site("flask")
    # `shop.app` is a Flask application: in debug mode exceptions come out at the server
    shop.app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError):
        shop.ask("/api/v1/boom")

    assert shop.series(REQUESTS) == {("GET", "/api/v1/boom", "500"): 1}


def test_a_handler_of_django_that_is_wrapped():
    """Django's handler is found behind other middlewares, and followed once however often it is watched."""
    from django.core.wsgi import get_wsgi_application

    handler = get_wsgi_application()
    metrics = Metrics()
    wrapped = type("Wrapping", (), {"app": handler, "__call__": lambda self, env, start: handler(env, start)})()
    WSGIPerformanceMiddleware(handler, metrics=Metrics())
    watched = WSGIPerformanceMiddleware(wrapped, metrics=metrics)
    for _ in range(2):
        body = watched(environ("/slashed/x/"), lambda *_: None)
        list(body)
        body.close()

    assert endpoints(metrics) == {("GET", "/slashed/{name}/"): 2}
    assert type(handler.resolve_request._resolve).__name__ == "method"


def test_tasks_side_by_side_are_told_apart():
    """Two requests under way at once are each counted under their own route."""
    both = asyncio.Barrier(2)

    async def wait(request):
        await both.wait()
        return JSONResponse({})

    metrics = Metrics()
    app = instrument(Starlette(routes=[Route("/a/{k}", wait), Route("/b/{k}", wait)]), metrics=metrics)

    async def main():
        async def send(message):
            pass

        await asyncio.gather(*(app(scope(path), asyncio.Event().wait, send) for path in ("/a/1", "/b/1")))

    asyncio.run(main())
    assert endpoints(metrics) == {("GET", "/a/{k}"): 1, ("GET", "/b/{k}"): 1}
