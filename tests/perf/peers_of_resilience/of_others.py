"""The rules of retries, limits and timers on which libraries differ."""

import asyncio
import contextlib
import time

import hyx.bulkhead
import hyx.retry
import limits
import limits.storage
import limits.strategies
import prometheus_client
import stamina
import tenacity
from fastapi import APIRouter, FastAPI, Request
from slowapi import Limiter
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from starlette.responses import StreamingResponse

from mestres_perf import (
    AdmissionMiddleware,
    Bulkhead,
    BulkheadFull,
    DeadlineExceeded,
    Metrics,
    RateLimit,
    Redis,
    Retry,
    deadline,
    track_performance,
)
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics._catalogue import Metric
from perf.peers_of_resilience.clocks import clocks_of
from perf.peers_of_resilience.of_sharing import sent_in_a_loop
from perf.peers_of_resilience.rules import Rule, register

NOWHERE = "redis://127.0.0.1:1/0"


class Down(Exception):
    """What is tried again."""


# Retries

_STAMINA = {"wait_initial": 0, "wait_max": 0, "wait_jitter": 0}


def _layers(decorate):
    """How often a failing function is called through three layers of three attempts."""
    calls = []

    async def fail():
        calls.append(1)
        raise Down

    function = fail
    for _ in range(3):
        function = decorate(function)
    with contextlib.suppress(Exception):
        asyncio.run(function())
    return len(calls)


register(
    Rule(
        "layers",
        "T2",
        "retries",
        "layers of retries do not multiply",
        "Three layers of three attempts call a failing function three times, not twenty-seven.",
        {
            "mestres_perf": lambda _: _layers(Retry(3, on=Down, backoff=0)) == 3,
            "tenacity": lambda _: _layers(tenacity.retry(stop=tenacity.stop_after_attempt(3), reraise=True)) == 3,
            "stamina": lambda _: _layers(stamina.retry(on=Down, attempts=3, **_STAMINA)) == 3,
            "hyx": lambda _: _layers(hyx.retry.retry(on=Down, attempts=3, backoff=0)) == 3,
        },
    )
)

LIMIT = 0.01
_TENACITY = tenacity.retry(stop=tenacity.stop_after_delay(LIMIT))


def _cuts(run):
    """Whether an attempt is cut at its limit: it would go on until ten times as much has passed."""

    async def main():
        over, went_on = asyncio.Event(), []

        async def attempt():
            await over.wait()
            went_on.append(1)

        async def end():
            await asyncio.sleep(10 * LIMIT)  # a timer that begins after the limit's, and so fires after it
            over.set()

        ending = asyncio.create_task(end())
        with contextlib.suppress(DeadlineExceeded):
            await run(attempt)
        ending.cancel()
        return not went_on

    return asyncio.run(main())


async def _ours_with_deadline(attempt):
    with deadline(LIMIT):
        await Retry(2, on=Down).acall(attempt)


register(
    Rule(
        "attempts_are_cut",
        "T1",
        "retries",
        "the limit for the whole cuts an attempt",
        "An async attempt that takes longer than all attempts together may is ended when their time is over.",
        {
            "mestres_perf": lambda _: _cuts(_ours_with_deadline),
            "tenacity": lambda _: _cuts(
                lambda attempt: tenacity.retry(stop=tenacity.stop_after_delay(LIMIT))(attempt)()
            ),
            "stamina": lambda _: _cuts(lambda attempt: stamina.retry(on=Down, timeout=LIMIT, **_STAMINA)(attempt)()),
            "hyx": "no limit for the whole",
        },
    )
)


def _first_items(decorate):
    """How often the reader of a generator that fails after its first item is given it; 0 when it is refused."""

    def items():
        yield 1
        raise Down

    try:
        guarded = decorate(items)
    except ConfigurationError:
        return 0
    seen = 0
    with contextlib.suppress(Down):
        for _ in guarded():
            seen += 1
    return seen


register(
    Rule(
        "no_replay",
        "B12",
        "retries",
        "no generator gives its first items twice",
        "A generator that fails after its first item is refused, or fails; its reader is not given that item again.",
        {
            "mestres_perf": lambda _: _first_items(Retry(3, on=Down, backoff=0)) == 0,
            "tenacity": lambda _: _first_items(tenacity.retry(stop=tenacity.stop_after_attempt(3))) == 1,
            "stamina": lambda _: _first_items(stamina.retry(on=Down, attempts=3, **_STAMINA)) == 1,
            "hyx": "for async functions only",
        },
    )
)


# Limits


def _our_bulkhead():
    bulkhead = Bulkhead(2, queue=2, wait=60)
    return lambda: bulkhead, BulkheadFull


def _hyx_bulkhead():
    bulkhead = hyx.bulkhead.bulkhead(max_concurrency=2, max_capacity=4)
    return lambda: bulkhead, Exception


register(
    Rule(
        "cancelled_waiters",
        "K1",
        "limits",
        "cancelled waiters keep no place",
        "After two who waited for a bulkhead were cancelled, all of its places and of its line are there again.",
        {
            "mestres_perf": lambda _: _all_places(_our_bulkhead),
            "hyx": lambda _: _all_places(_hyx_bulkhead),
            "limits": "limits rates only",
            "slowapi": "limits rates only",
        },
    )
)


def _all_places(make):
    """Two places, and a line for two: four enter when none of it was lost."""

    async def main():
        enter, full = make()

        async def use(go):
            async with enter():
                await go.wait()

        async def begun(number, go):
            tasks = []
            for _ in range(number):
                tasks.append(asyncio.create_task(use(go)))
                for _ in range(3):
                    await asyncio.sleep(0)
            return tasks

        first, second = asyncio.Event(), asyncio.Event()
        tasks = await begun(4, first)
        for task in tasks[2:]:
            task.cancel()
        first.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        tasks = await begun(4, second)
        refused = sum(task.done() and isinstance(task.exception(), full) for task in tasks)
        second.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return refused == 0

    return asyncio.run(main())


def _limits_without_redis(_url):
    storage = limits.storage.storage_from_string(NOWHERE)
    return limits.strategies.FixedWindowRateLimiter(storage).hit(limits.parse("10/second"), "k")


def _slowapi_without_redis(_url):
    return _statuses(_slow_app(SlowAPIMiddleware, included=False, storage_uri=NOWHERE), "/plain") == [200]


register(
    Rule(
        "limit_without_redis",
        "R1",
        "limits",
        "no caller sees that Redis is gone",
        "With a Redis that refuses connections a limit lets pass or refuses, and raises nothing of its own.",
        {
            "mestres_perf": lambda _: RateLimit("10/s", redis=Redis(NOWHERE), workers=2).acquire("k") == 0.0,
            "limits": _limits_without_redis,
            "slowapi": _slowapi_without_redis,
            "hyx": "limits in memory only",
        },
    )
)


def _limits_by_clocks(url):
    item, admitted = limits.parse("2/hour"), []
    for ahead in (0, 7200):
        with clocks_of("limits") as clocks:
            clocks.wall_is_off = ahead
            storage = limits.storage.storage_from_string(url)
            limiter = limits.strategies.MovingWindowRateLimiter(storage)
            admitted += [limiter.hit(item, "k") for _ in range(2)]
            storage.storage.close()
    return sum(admitted) == 2


def _ours_by_clocks(url):
    with contextlib.closing(Redis(url, timeout=5.0)) as there:
        admitted = []
        for ahead in (0, 7200):
            clock = time.monotonic() + ahead
            limit = RateLimit("2/h", redis=there, name="peer", clock=lambda now=clock: now)
            admitted += [limit.acquire("k") == 0.0 for _ in range(2)]
        return sum(admitted) == 2


register(
    Rule(
        "clocks_of_processes",
        "L4",
        "limits",
        "clocks of processes may differ",
        "A process whose clock is two hours ahead is given nothing that the limit in Redis does not have.",
        {
            "mestres_perf": _ours_by_clocks,
            "limits": _limits_by_clocks,
            "slowapi": "as limits, which it uses",
            "hyx": "limits in memory only",
        },
    )
)


def _client(request: Request) -> str:
    return "somebody"


def _with_routes(router):
    @router.get("/plain")
    def plain():
        return {}

    @router.get("/stream")
    def stream():
        return StreamingResponse(iter([b"a", b"b", b"c"]))

    return router


def _app(*, included):
    app = FastAPI()
    if included:
        app.include_router(_with_routes(APIRouter()))
        return app
    return _with_routes(app)


def _slow_app(middleware, *, included=True, **options):
    app = _app(included=included)
    app.state.limiter = Limiter(key_func=_client, default_limits=["1/hour"], **options)
    app.add_middleware(middleware)
    return app


def _our_app():
    return AdmissionMiddleware(_app(included=True), rate=RateLimit("1/h; burst 1"))


def _messages(app, path):
    """What an application sends for one request."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": [], "query_string": b"",
        "client": ("203.0.113.7", 1), "root_path": "", "scheme": "http", "server": ("shop", 80), "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent


def _statuses(app, *paths):
    return [_messages(app, path)[0]["status"] for path in paths]


register(
    Rule(
        "included_routers",
        "L6",
        "limits",
        "routes of included routers are limited",
        "The second request to a route of a router that a FastAPI application includes is refused by a limit of one.",
        {
            "mestres_perf": lambda _: _statuses(_our_app(), "/plain", "/plain") == [200, 429],
            "slowapi": lambda _: _statuses(_slow_app(SlowAPIMiddleware), "/plain", "/plain") == [200, 429],
            "limits": "no middleware",
            "hyx": "no middleware",
        },
    )
)


def _starts(app):
    return sum(message["type"] == "http.response.start" for message in _messages(app, "/stream"))


def _slow_stream(_url):
    # The route is the application's own: that of an included router it would not find, and so do nothing.
    return _starts(_slow_app(SlowAPIASGIMiddleware, included=False)) == 1


register(
    Rule(
        "one_start",
        "L7",
        "limits",
        "a stream begins once",
        "A streamed response that passes a limit is one start message, and its chunks.",
        {
            "mestres_perf": lambda _: _starts(_our_app()) == 1,
            "slowapi": _slow_stream,
            "limits": "no middleware",
            "hyx": "no middleware",
        },
    )
)


def _keeps_its_loop(use):
    with sent_in_a_loop() as seen:
        use()
    return not seen


def _our_async_limit(url):
    async def main():
        there = Redis(url, timeout=5.0)
        await RateLimit("5/h", redis=there, name="loop").aacquire("k")
        await there.aclose()

    return _keeps_its_loop(lambda: asyncio.run(main()))


def _slow_async_limit(url):
    app = _slow_app(SlowAPIASGIMiddleware, included=False, storage_uri=url)
    fine = _keeps_its_loop(lambda: _statuses(app, "/plain"))
    app.state.limiter._storage.storage.close()
    return fine


register(
    Rule(
        "limits_let_loops_go_on",
        "R8",
        "limits",
        "no event loop waits for Redis",
        "A limit before an async application sends nothing to Redis through a client that waits in the loop's thread.",
        {
            "mestres_perf": _our_async_limit,
            "limits": "no middleware; for async code it wants another client of Redis",
            "slowapi": _slow_async_limit,
            "hyx": "limits in memory only",
        },
    )
)


# Timers


def _observed_too_early(decorate, count):
    """Whether an async function is timed until it has been awaited: nothing is counted before."""

    @decorate
    async def slow():
        return 1

    running = slow()
    early = count()
    asyncio.run(_awaited(running))
    return early == 0 and count() == 1


async def _awaited(running):
    return await running


def _our_timer():
    metrics = Metrics()

    def count():
        return metrics.registry.get_sample_value("function_duration_seconds_count", {"function": "f"}) or 0

    return track_performance("f", metrics=metrics), count


def _their_timer():
    registry = prometheus_client.CollectorRegistry()
    histogram = prometheus_client.Histogram("f", "f", registry=registry)
    return histogram.time(), lambda: registry.get_sample_value("f_count")


register(
    Rule(
        "async_time",
        "D1",
        "timers",
        "an async function is timed until it has been awaited",
        "Calling an async function counts nothing; awaiting it counts once.",
        {
            "mestres_perf": lambda _: _observed_too_early(*_our_timer()),
            "prometheus_client": lambda _: _observed_too_early(*_their_timer()),
        },
    )
)


def _times_class_methods(decorate, count):
    class Service:
        @decorate
        @classmethod
        def name(cls):
            return cls.__name__

        @decorate
        @staticmethod
        def plain():
            return 1

    return (Service.name(), Service().plain(), count()) == ("Service", 1, 2)


register(
    Rule(
        "class_methods",
        "D2",
        "timers",
        "class methods and static methods are timed",
        "The decorator may stand above `classmethod` and `staticmethod`.",
        {
            "mestres_perf": lambda _: _times_class_methods(*_our_timer()),
            "prometheus_client": lambda _: _times_class_methods(*_their_timer()),
        },
    )
)


def _our_series():
    metrics = Metrics(max_series=50)
    series = metrics.series(Metric("peer_total", "counter", "p", ("who",)))
    for number in range(500):
        series.child(str(number)).inc()
    return metrics.registry


def _their_series():
    registry = prometheus_client.CollectorRegistry()
    counter = prometheus_client.Counter("peer", "p", ["who"], registry=registry)
    for number in range(500):
        counter.labels(str(number)).inc()
    return registry


def _is_bounded(registry):
    series = [one for family in registry.collect() for one in family.samples if one.name == "peer_total"]
    return len(series) < 100 and sum(one.value for one in series) == 500


register(
    Rule(
        "bounded_series",
        "H20",
        "timers",
        "series are bounded",
        "Of five hundred values of a label fewer than a hundred series are made, and everything is counted.",
        {
            "mestres_perf": lambda _: _is_bounded(_our_series()),
            "prometheus_client": lambda _: _is_bounded(_their_series()),
        },
    )
)
