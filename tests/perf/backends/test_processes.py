"""Several processes on one Redis."""

import json
import subprocess
import sys
import time

import pytest

WORKER = """
import json, sys, threading, time
from mestres_perf import Cache, Redis
import redis
url, callers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
counter = redis.Redis.from_url(url)
cache = Cache("herd", redis=Redis(url, timeout=5.0))
took = []

@cache.cached
def load(key):
    counter.incr("loads")
    time.sleep(seconds)
    return "v"

def call():
    began = time.perf_counter()
    assert load("k") == "v"
    took.append(time.perf_counter() - began)

threads = [threading.Thread(target=call) for _ in range(callers)]
cache.get("warm")
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(took), flush=True)
cache.close()
"""


def start(url, *, callers, seconds):
    command = [sys.executable, "-c", WORKER, url, str(callers), str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.scenario(2)
@pytest.mark.process
def test_one_load_for_four_processes(redis_db):
    """200 callers in four processes on a cold key: one load, and nobody waits much longer than it takes."""
    import redis

    seconds = 1.0
    workers = [start(redis_db, callers=50, seconds=seconds) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    took = [each for worker in workers for each in json.loads(worker.communicate()[0])]
    with redis.Redis.from_url(redis_db) as client:
        assert int(client.get("loads")) == 1
    assert len(took) == 200
    assert max(took) < seconds * 1.2


@pytest.mark.process
def test_a_killed_loader_holds_nobody_up(redis_db):
    """A process that is killed while it loads leaves a lease that ends by itself: the next one loads."""
    import redis

    victim = start(redis_db, callers=1, seconds=600)
    assert victim.stdout.readline() == "ready\n"
    victim.stdin.write("\n")
    victim.stdin.flush()
    with redis.Redis.from_url(redis_db) as client:
        deadline = time.monotonic() + 20
        while not client.exists("loads"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        victim.kill()
        victim.communicate()
        (lease,) = client.keys("{herd:*}:l")
        assert 0 < client.pttl(lease) <= 10_000
        client.pexpire(lease, 1)  # ten seconds later
    survivor = start(redis_db, callers=1, seconds=0)
    assert survivor.stdout.readline() == "ready\n"
    survivor.communicate("\n")
    assert survivor.returncode == 0
    with redis.Redis.from_url(redis_db) as client:
        assert int(client.get("loads")) == 2
