"""Several processes on one Redis."""

import json
import signal
import subprocess
import sys
import time

import pytest

from mestres_perf import Cache, Redis

WORKER = """
import json, sys, threading, time
from mestres_perf import Cache, Redis
import redis
url, callers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
counter = redis.Redis.from_url(url)
cache = Cache("herd", redis=Redis(url, timeout=5.0), lease=float(sys.argv[4]))
took, loads = [], []

@cache.cached
def load(key):
    counter.incr("loads")
    began = time.perf_counter()
    time.sleep(seconds)
    loads.append(time.perf_counter() - began)
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
print(json.dumps([took, loads]), flush=True)
cache.close()
"""


def start(url, *, callers, seconds, lease=10.0):
    command = [sys.executable, "-c", WORKER, url, str(callers), str(seconds), str(lease)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.scenario(2)
@pytest.mark.process
def test_one_load_for_four_processes(redis_db):
    """200 callers in four processes on a cold key: one load, and nobody waits much longer than it takes.

    `make cache-herd` measures how much longer on a quiet machine.
    """
    import redis

    workers = [start(redis_db, callers=50, seconds=1.0) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    told = [json.loads(worker.communicate()[0]) for worker in workers]
    took, loads = [each for part, _ in told for each in part], [each for _, part in told for each in part]
    with redis.Redis.from_url(redis_db) as client:
        assert int(client.get("loads")) == 1
    assert len(took) == 200
    assert len(loads) == 1
    assert max(took) < loads[0] * 3


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


def until(condition):
    """Wait for something that another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.process
def test_a_killed_process_loses_its_lease_by_itself(redis_db):
    """Nobody renews the lease of a process that is killed: the next one loads after `lease` seconds, without help."""
    import redis

    victim = start(redis_db, callers=1, seconds=600, lease=1.0)
    assert victim.stdout.readline() == "ready\n"
    victim.stdin.write("\n")
    victim.stdin.flush()
    with redis.Redis.from_url(redis_db) as client:
        until(lambda: client.exists("loads"))
        time.sleep(1.5)  # longer than the lease: it has been renewed
        (lease,) = client.keys("{herd:*}:l")
        assert 0 < client.pttl(lease) <= 1000
        victim.kill()
        victim.communicate()
        survivor = start(redis_db, callers=1, seconds=0, lease=1.0)
        assert survivor.stdout.readline() == "ready\n"
        survivor.communicate("\n", timeout=60)
        assert survivor.returncode == 0
        assert int(client.get("loads")) == 2


STOPPED = """
import sys
from mestres_perf import Cache, Redis
cache = Cache("herd", redis=Redis(sys.argv[1], timeout=5.0), lease=1.0, backplane=False)

def load():
    print("loading", flush=True)
    sys.stdin.readline()
    return "old"

print(cache.get_or_load("k", load), flush=True)
"""


@pytest.mark.process
def test_a_stopped_process_fills_nothing_when_it_comes_back(redis_db):
    """Its lease has run out and another has filled: its own caller is given what it loaded, and nobody else is."""
    import redis

    command = [sys.executable, "-c", STOPPED, redis_db]
    victim = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert victim.stdout.readline() == "loading\n"
    victim.send_signal(signal.SIGSTOP)
    try:
        with redis.Redis.from_url(redis_db) as client:
            until(lambda: not client.keys("{herd:*}:l"))
        with Cache("herd", redis=Redis(redis_db, timeout=5.0), trust=1e-9) as cache:
            assert cache.get_or_load("k", lambda: "new") == "new"
            victim.send_signal(signal.SIGCONT)
            assert victim.communicate("\n")[0] == "old\n"
            assert victim.returncode == 0
            assert cache.get("k") == "new"
    finally:
        victim.kill()
