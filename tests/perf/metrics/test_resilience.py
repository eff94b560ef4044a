"""What retries, bulkheads, limits, timeouts and breakers have counted, on the page for Prometheus."""

import asyncio
import threading

import pytest

from mestres_perf import (
    AdaptiveLimit,
    Bulkhead,
    BulkheadFull,
    CallTimeout,
    CircuitBreaker,
    Fallback,
    Metrics,
    Overloaded,
    Policy,
    RateLimit,
    Redis,
    Retry,
    RetryBudget,
    Timeout,
    deadline,
)
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _resilience
from mestres_perf.resilience import SharedState
from mestres_perf.testing import MemoryRedis
from perf.resilience.clocks import Clock


@pytest.fixture
def metrics():
    return Metrics()


def page(metrics):
    """{(metric, *values of its labels): value} of everything that is about parts."""
    names = {metric.name for metric in _resilience.METRICS}
    return {
        (one.name, *one.labels.values()): one.value
        for family in metrics.registry.collect()
        for one in family.samples
        if one.name in names
    }


def fail():
    raise OSError("down")


def test_retries(metrics):
    """Attempts after the first, calls given up, and attempts that the budget refused; a success counts nothing."""
    clock = Clock()
    retry = Retry(3, on=OSError, backoff=0, name="fx", budget=RetryBudget(1.0, 1.0, clock=clock))
    metrics.watch(retry)
    assert retry.call(int) == 0
    assert set(page(metrics).values()) == {0}
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            retry.call(fail)
    # The budget has one to begin with and one for each of three calls, and each failure has repeated two.
    assert page(metrics)["retry_attempts_total", "fx"] == 4
    with pytest.raises(OSError, match="down"):
        retry.call(fail)
    assert page(metrics) == {
        ("retry_attempts_total", "fx"): 5,
        ("retry_given_up_total", "fx"): 3,
        ("retry_budget_refused_total", "fx"): 1,
    }
    with deadline(60), pytest.raises(ValueError, match="never"):
        retry.call(int, "never")
    assert page(metrics)["retry_given_up_total", "fx"] == 3  # it was never to be tried again


def test_bulkheads(metrics):
    """Places taken, those in line, and those refused for want of room or time; who was cancelled was not refused."""
    bulkhead = Bulkhead(1, queue=1, wait=60, name="stock")
    hasty = Bulkhead(1, queue=1, wait=0, name="hasty")
    metrics.watch(bulkhead, hasty)

    async def main():
        async with bulkhead:
            waiting = asyncio.create_task(bulkhead.aacquire())
            await asyncio.sleep(0)
            with pytest.raises(BulkheadFull):
                await bulkhead.aacquire()
            seen = page(metrics)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return seen

    seen = asyncio.run(main())
    assert [seen[f"bulkhead_{what}", "stock"] for what in ("in_flight", "waiting", "limit")] == [1, 1, 1]
    assert page(metrics)["bulkhead_rejected_total", "stock"] == 1
    with hasty, pytest.raises(BulkheadFull):
        hasty.acquire()
    assert page(metrics)["bulkhead_rejected_total", "hasty"] == 1
    assert page(metrics)["bulkhead_in_flight", "stock"] == 0


def test_rate_limits(metrics):
    """Calls by what was said, in memory and in Redis, and the errors of Redis, in both colours."""
    redis = MemoryRedis()
    here = RateLimit("1/h; burst 2", name="here", clock=Clock())
    shared = RateLimit("1/h; burst 2", name="shared", redis=redis, clock=Clock())
    metrics.watch(here, shared)
    for limit in (here, shared):
        assert [limit.acquire("k") > 0 for _ in range(3)] == [False, False, True]
    redis.is_down = True
    assert shared.acquire("k") == 0.0
    assert asyncio.run(shared.aacquire("k")) == 0.0
    assert shared.acquire("k") > 0

    seen = page(metrics)
    assert [seen["rate_limit_calls_total", "here", each] for each in ("allowed", "limited")] == [2, 1]
    assert [seen["rate_limit_calls_total", "shared", each] for each in ("allowed", "limited")] == [4, 2]
    assert [seen["rate_limit_backend_errors_total", name] for name in ("here", "shared")] == [0, 3]


def test_adaptive_limits_and_timeouts(metrics):
    """The limit as it is now, what is under way and what was shed; the calls that a timeout has stopped."""
    load, timeout = AdaptiveLimit(min=2, max=2, name="site"), Timeout(0.001, name="fx")
    metrics.watch(load, timeout)
    for _ in range(2):
        load.acquire()
    with pytest.raises(Overloaded):
        load.acquire()
    with pytest.raises(CallTimeout):
        asyncio.run(timeout.acall(asyncio.sleep, 60))
    assert page(metrics) == {
        ("adaptive_limit", "site"): 2,
        ("adaptive_limit_in_flight", "site"): 2,
        ("adaptive_limit_shed_total", "site"): 1,
        ("timeout_expired_total", "fx"): 1,
    }


@pytest.mark.scenario("R1")
def test_breakers(metrics):
    """How often a breaker has opened, and how often its Redis could not be reached; its states are shown as well."""
    shared = SharedState(Redis("redis://127.0.0.1:1/0"), interval=3600)
    breaker = CircuitBreaker("payments", failure_threshold=1, shared=shared)
    metrics.watch(breaker)
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)
    shared.sync()
    seen = page(metrics)
    assert seen["circuit_breaker_opened_total", "payments"] == 1
    assert seen["circuit_breaker_backend_errors_total", "payments"] >= 1
    assert b'circuit_breaker_state{name="payments",state="open"} 1.0' in metrics.render()


def test_a_policy_shows_its_parts(metrics):
    """Watching a policy watches its parts, those of policies inside it too, each once; what has no figures is left."""
    inner = Policy(Timeout(1.0, name="t"), Bulkhead(3, name="b"))
    policy = Policy(Fallback(1), Retry(2, on=OSError, name="r"), inner)
    metrics.watch(policy, inner)
    metrics.watch(policy)
    assert page(metrics)["bulkhead_limit", "b"] == 3
    assert {key[1] for key in page(metrics)} == {"t", "b", "r"}


def test_parts_of_one_name_are_added_up(metrics):
    """Two parts of one name are one series: a page with a series twice is refused by Prometheus."""
    metrics.watch(Bulkhead(3, name="b"), Bulkhead(4, name="b"))
    assert page(metrics)["bulkhead_limit", "b"] == 7


def test_what_cannot_be_watched(metrics):
    """Anything else is refused, and nothing of what came with it is watched."""
    with pytest.raises(ConfigurationError, match="cannot be watched"):
        metrics.watch(Bulkhead(3), "payments")
    assert page(metrics) == {}


def test_nothing_is_lost_between_threads(metrics):
    """From eight threads every attempt and every refusal is counted."""
    retry, bulkhead = Retry(2, on=OSError, backoff=0), Bulkhead(1)
    limit = RateLimit("1/h; burst 1")
    metrics.watch(retry, bulkhead, limit)

    def work():
        for _ in range(200):
            with pytest.raises(OSError, match="down"):
                retry.call(fail)
            with pytest.raises(BulkheadFull):
                bulkhead.acquire()
            limit.acquire()

    with bulkhead:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    seen = page(metrics)
    assert seen["retry_attempts_total", "retry"] == seen["retry_given_up_total", "retry"] == 1600
    assert seen["bulkhead_rejected_total", "bulkhead"] == 1600
    assert seen["rate_limit_calls_total", limit.name, "allowed"] == 1
    assert seen["rate_limit_calls_total", limit.name, "limited"] == 1599
