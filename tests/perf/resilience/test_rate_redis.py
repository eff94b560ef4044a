"""The rate limit that all processes share, and what becomes of it while Redis is ill."""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as client_library

from mestres_perf import RateLimit, Redis
from perf.resilience.clocks import Clock
from servers.proxy import running_proxy


@pytest.fixture
def open_redis():
    made = []

    def make(url, **options):
        made.append(Redis(url, **({"timeout": 5.0} | options)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_one_count_for_all(each_redis, open_redis):
    """Two processes with eight threads each are admitted together what one would be, and are told how long to wait."""
    url, protocol = each_redis
    nodes = [RateLimit("1/h; burst 50", redis=open_redis(url, protocol=protocol)) for _ in range(2)]

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda number: nodes[number % 2].acquire("a"), range(200)))

    assert waits.count(0.0) == 50
    assert all(3590 < wait <= 3600 for wait in waits if wait)
    assert nodes[0].acquire("b") == 0.0


def test_tasks_share_it_too(each_redis, open_redis):
    """Async code is admitted by the same count, and says the same."""
    url, protocol = each_redis

    async def main():
        redis = Redis(url, timeout=5.0, protocol=protocol)
        limit = RateLimit("1/h; burst 5", redis=redis)
        waits = await asyncio.gather(*(limit.aacquire("a") for _ in range(20)))
        said = await limit.acheck("a")
        await redis.aclose()
        return waits, said

    waits, said = asyncio.run(main())
    assert waits.count(0.0) == 5
    assert (said.remaining, said.limit, said.is_admitted) == (0, 5, False)
    assert RateLimit("1/h; burst 5", redis=open_redis(url)).acquire("a") > 3000


def test_says_what_memory_says(redis_db, open_redis):
    """What remains, and what is to be waited, is in Redis what it is in memory."""
    there = RateLimit("6/min; burst 3", redis=open_redis(redis_db))
    here = RateLimit("6/min; burst 3", clock=Clock())
    for _ in range(5):
        one, other = there.check("k"), here.check("k")
        assert (one.remaining, one.limit) == (other.remaining, other.limit)
        assert one.reset == pytest.approx(other.reset, abs=5)
        assert one.retry_after == pytest.approx(other.retry_after, abs=5)
    assert not one.is_admitted


@pytest.mark.scenario("L4")
def test_clocks_of_processes_do_not_matter(redis_db, open_redis):
    """Processes whose clocks are hours apart share one count: only the clock of Redis is asked."""
    early, late = (RateLimit("1/h; burst 2", redis=open_redis(redis_db), clock=Clock(at)) for at in (0.0, 90_000.0))
    assert [early.acquire(), late.acquire()] == [0.0, 0.0]
    assert early.acquire() > 3000
    assert late.acquire() > 3000


@pytest.mark.scenario("L4")
def test_a_clock_that_was_set_back_locks_nobody_out(redis_db, open_redis):
    """A time far ahead, written before Redis's own clock was set back, counts as one full burst and no more."""
    limit = RateLimit("1/s; burst 5", redis=open_redis(redis_db))
    with client_library.Redis.from_url(redis_db) as client:
        client.set("rate:k", str((time.time() + 10**6) * 1e6))
        assert 0 < limit.acquire("k") <= 1.0
        client.set("rate:k", "no number")
        assert limit.acquire("k") == 0.0


@pytest.mark.scenario("L2")
def test_every_key_ends(redis_db, open_redis):
    """A key in Redis is there only until it is idle again."""
    limit = RateLimit("10/s; burst 3", redis=open_redis(redis_db), name="api")
    limit.acquire("client")
    with client_library.Redis.from_url(redis_db) as client:
        assert client.keys() == [b"api:client"]
        assert 0 < client.pttl("api:client") <= 100


@pytest.mark.scenario("L3")
def test_without_redis_each_process_has_its_share(open_redis):
    """While Redis does not answer, four workers admit a quarter each, in both colours, and nobody is given an error."""
    clock = Clock()
    redis = open_redis("redis://127.0.0.1:1/0", timeout=0.05)
    limit = RateLimit("40/s; burst 20", redis=redis, workers=4, clock=clock)

    assert [limit.acquire("k") for _ in range(7)] == [0.0] * 5 + [pytest.approx(0.1)] * 2
    clock.now += 0.1
    assert asyncio.run(limit.aacquire("k")) == 0.0
    said = asyncio.run(limit.acheck("k"))
    assert (said.limit, said.remaining, said.retry_after) == (5, 0, pytest.approx(0.1))


@pytest.mark.process
def test_processes_share_it(redis_db):
    """Three interpreters that ask at once are admitted what one would be."""
    program = (
        "import sys; from mestres_perf import RateLimit, Redis\n"
        "limit = RateLimit('1/h; burst 40', redis=Redis(sys.argv[1], timeout=10.0))\n"
        "print(sum(limit.acquire('k') == 0.0 for _ in range(30)))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, redis_db], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert sum(int(each.communicate(timeout=60)[0]) for each in running) == 40


CALLS = 1500


def asked(limit, failures):
    """How long each of so many calls took, in two threads at once."""
    took = []

    def ask():
        for number in range(CALLS):
            began = time.perf_counter()
            try:
                limit.acquire(number % 7)
            except Exception as error:  # noqa: BLE001 - there must be none at all
                failures.append(error)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


@pytest.mark.alone
@pytest.mark.scenario("R1")
def test_redis_killed_hung_and_restored_under_load(redis_db, open_redis):
    """No caller is given an exception; 99 of 100 calls lose less than 5 ms; afterwards Redis is asked again."""
    failures = []
    with running_proxy(redis_db) as proxy:
        redis = open_redis(proxy.url, timeout=0.5, rest=60.0)
        limit = RateLimit("1000/s", redis=redis)
        well = statistics.quantiles(asked(limit, failures), n=100)[98]

        proxy.stop()
        killed = statistics.quantiles(asked(limit, failures), n=100)[98]
        assert redis.down_until

        proxy.start()
        redis.ping()
        assert not redis.down_until
        proxy.is_silent = True
        hung = statistics.quantiles(asked(limit, failures), n=100)[98]
        assert redis.down_until

        proxy.is_silent = False
        redis.ping()
        heard = len(proxy.heard)
        restored = statistics.quantiles(asked(limit, failures), n=100)[98]
        assert len(proxy.heard) >= heard + CALLS

    assert failures == []
    assert max(killed, hung) < well + 0.005
    assert restored < 10 * well + 0.005


@pytest.mark.scenario("R8")
def test_a_hung_redis_does_not_hold_up_the_loop(redis_db):
    """While Redis is silent, other tasks of the loop go on: the loop turns many times during one call."""

    async def main():
        with running_proxy(redis_db) as proxy:
            proxy.is_silent = True
            redis = Redis(proxy.url, timeout=0.1)
            limit = RateLimit("10/s", redis=redis)
            turns, asking = 0, asyncio.create_task(limit.aacquire("k"))
            while not asking.done():
                await asyncio.sleep(0)
                turns += 1
            await redis.aclose()
            return turns, asking.result()

    turns, wait = asyncio.run(main())
    assert wait == 0.0
    assert turns > 50
