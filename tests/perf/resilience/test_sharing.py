"""Breakers of several processes that advise each other through Redis, and go on alone without it."""

import asyncio
import gc
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time

import pytest
import redis as client

from mestres_perf import CircuitBreaker, CircuitOpenError, RateLimit, Redis
from mestres_perf._kernel.effects import Ask
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import SharedState, State
from mestres_perf.testing import MemoryRedis
from servers.proxy import running_proxy

NEVER = 3600.0  # an interval that does not end within a test: only what is done by hand, or at once, is done


@pytest.fixture
def here(each_redis):
    url, protocol = each_redis

    def joined(name="payments", *, interval=NEVER, quorum=0.5, **options):
        shared = SharedState(Redis(url, timeout=5.0, protocol=protocol), interval=interval, quorum=quorum)
        breaker = CircuitBreaker(name, shared=shared, **{"failure_threshold": 1, "reset_timeout": 600, **options})
        breaker.shared = shared
        return breaker

    return joined


@pytest.fixture
def hung():
    """A Redis that takes connections and never answers; what waits for it has ended when the test has."""
    before = followers()
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    until(lambda: gc.collect() is not None and followers() <= before)


def followers():
    return {thread for thread in threading.enumerate() if thread.name == "mestres-breakers"}


def fail():
    raise OSError("down")


def trip(breaker):
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)
    assert breaker.state is State.OPEN


def until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def sync(breakers, times=1):
    for _ in range(times):
        for breaker in breakers:
            breaker.shared.sync()


@pytest.mark.scenario("R5")
def test_a_quorum_opens_the_others(here):
    """One of four that is open opens no other, however often it says so; with two of four the others open too."""
    breakers = [here() for _ in range(4)]
    for breaker in breakers:
        breaker.call(int)
    sync(breakers)
    trip(breakers[0])
    sync(breakers, 3)
    assert [breaker.state for breaker in breakers[1:]] == [State.CLOSED] * 3

    trip(breakers[1])
    sync(breakers, 2)
    assert {breaker.state for breaker in breakers} == {State.OPEN}
    assert 0 < breakers[3].snapshot().retry_after <= 600
    assert breakers[3].snapshot().failures == 0


@pytest.mark.scenario("R5")
def test_what_was_opened_by_others_is_not_reported_again(here):
    """Two of four open two others; when the first two are well again nobody keeps the rest open as a quorum."""
    breakers = [here() for _ in range(4)]
    for breaker in breakers:
        breaker.call(int)
    sync(breakers)
    for breaker in breakers[:2]:
        trip(breaker)
    sync(breakers, 2)
    assert {breaker.state for breaker in breakers} == {State.OPEN}
    for some in (breakers[:2], breakers[2:]):
        for breaker in some:
            breaker.reset()
        sync(some)
    sync(breakers, 2)
    assert {breaker.state for breaker in breakers} == {State.CLOSED}


@pytest.mark.scenario("R2")
def test_a_closed_call_asks_nobody(here, each_redis):
    """A thousand calls of a closed breaker send Redis no command at all."""
    breaker = here()
    server = client.Redis.from_url(each_redis[0])
    sync([breaker])

    def scripts():
        stats = server.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("eval", "evalsha"))

    before = scripts()
    for _ in range(1000):
        breaker.call(int)
    assert scripts() == before
    sync([breaker])
    assert scripts() == before + 1
    server.close()


@pytest.mark.scenario("R4")
def test_nothing_of_the_rules_is_kept(here):
    """A breaker of the same name with another threshold, as after a deployment, follows its own."""
    old = here(failure_threshold=50)
    old.call(int)
    sync([old])
    new = here(failure_threshold=1)
    trip(new)
    assert old.state is State.CLOSED


@pytest.mark.scenario("R6")
def test_every_key_ends(here, each_redis):
    """After openings, probes and healings every key has a time to live."""
    breakers = [here(reset_timeout=0.05, probe_timeout=30) for _ in range(2)]
    server = client.Redis.from_url(each_redis[0])
    seen = {}

    def look():
        for key in server.scan_iter("mestres:breaker:*"):
            seen.setdefault(key.rpartition(b":")[2], []).append(server.pttl(key))

    trip(breakers[0])
    sync(breakers)
    look()
    until(lambda: _probes(breakers[0], look))
    sync(breakers)
    look()

    assert {b"reporters", b"healed", b"lease"} <= set(seen)
    assert all(left > 0 or left == -2 for lefts in seen.values() for left in lefts)  # -2: it ended meanwhile
    server.close()


def _probes(breaker, look):
    try:
        breaker.call(look)
    except CircuitOpenError:
        return False
    return breaker.state is State.CLOSED


@pytest.mark.scenario("R7")
def test_clocks_of_nodes_do_not_matter(here, monkeypatch):
    """Nodes whose clocks are hours apart open for the time that is left, not for the difference."""
    skewed = [here(clock=lambda: time.monotonic() + 3600), here(clock=lambda: time.monotonic() - 3600), here()]
    monkeypatch.setattr(time, "time", lambda: 2e10)
    for breaker in skewed:
        breaker.call(int)
    sync(skewed)
    for breaker in skewed[:2]:
        trip(breaker)
    sync(skewed)

    assert skewed[2].state is State.OPEN
    assert 500 < skewed[2].snapshot().retry_after <= 600


def test_what_one_finds_out_closes_the_others(here):
    """One process probes and succeeds; the others close without a probe of their own."""
    breakers = [here(reset_timeout=0.05, probe_timeout=60) for _ in range(3)]
    moves = []
    for breaker in breakers:
        breaker.on_transition(lambda _, before, after: moves.append(after))
        trip(breaker)
    sync(breakers)
    until(lambda: _probes(breakers[0], int))
    until(lambda: sync(breakers) or all(breaker.state is State.CLOSED for breaker in breakers))

    assert moves.count(State.HALF_OPEN) == 1


_PROCESS = """
import sys, time
from mestres_perf import CircuitBreaker, CircuitOpenError, Redis
from mestres_perf.resilience import SharedState, State

url, probe_timeout, hangs = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "hangs"
shared = SharedState(Redis(url, timeout=5.0), interval=0.05, ttl=60)
breaker = CircuitBreaker("payments", failure_threshold=1, reset_timeout=1, probe_timeout=probe_timeout, shared=shared)
probes = []
breaker.on_transition(lambda _, before, after: probes.append(1) if after is State.HALF_OPEN else None)
try:
    breaker.call(lambda: 1 / 0)
except (ZeroDivisionError, CircuitOpenError):  # or the others have opened it already
    print("open", flush=True)
sys.stdin.readline()

def probe():
    print("probing", flush=True)
    time.sleep(600 if hangs else 0.3)

while breaker.state is not State.CLOSED:
    try:
        breaker.call(probe)
    except CircuitOpenError:
        time.sleep(0.002)
print("probes", len(probes), flush=True)
"""


@pytest.fixture
def start():
    """Begin processes; those that are still there are killed after the test."""
    begun = []
    yield lambda *arguments: begin(begun, *arguments)
    for process in begun:
        process.kill()
        process.communicate()


def begin(begun, url, probe_timeout, how="ends"):
    process = subprocess.Popen(
        [sys.executable, "-c", _PROCESS, url, str(probe_timeout), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    begun.append(process)
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.process
@pytest.mark.scenario("R3")
def test_processes_probe_together_once(redis_db, start):
    """Of eight processes that are open and have calls one probes, once; the others close by what it finds."""
    processes = [start(redis_db, 60) for _ in range(8)]
    heard = [process.communicate("go\n", timeout=60)[0] for process in processes]

    assert sorted(each.splitlines()[-1] for each in heard) == ["probes 0"] * 7 + ["probes 1"]


@pytest.mark.process
@pytest.mark.scenario("R3")
def test_a_lease_ends_with_its_holder(redis_db, start):
    """When the process that probes is killed, another one probes after the probe time."""
    holder = start(redis_db, 3, "hangs")
    holder.stdin.write("go\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "probing\n"
    holder.kill()
    holder.communicate()

    other = start(redis_db, 3)
    assert other.communicate("go\n", timeout=60)[0].splitlines() == ["probing", "probes 1"]


@pytest.mark.scenario("R1")
def test_no_call_waits_for_a_redis_that_hangs(hung):
    """Opening, refusing and asking to probe return while Redis does not answer for a minute."""
    shared = SharedState(Redis(hung, timeout=60.0), interval=0.01)
    breaker = CircuitBreaker("n", failure_threshold=1, reset_timeout=0.01, shared=shared)
    began = time.monotonic()
    trip(breaker)
    for _ in range(200):
        with pytest.raises(CircuitOpenError):
            breaker.call(int)
        if breaker._machine.clock() >= breaker._machine.current.until:
            break
        time.sleep(0.001)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)  # the open time is over, and whose turn it is cannot be known yet
    assert time.monotonic() - began < 30


@pytest.mark.scenario("R8")
def test_no_event_loop_waits_for_redis(hung):
    """While Redis hangs a loop goes on: a task beside the breaker's calls has its turns."""

    async def main():
        shared = SharedState(Redis(hung, timeout=60.0), interval=0.01)
        breaker = CircuitBreaker("n", failure_threshold=1, reset_timeout=0.01, shared=shared)

        async def afail():
            raise OSError("down")

        with pytest.raises(OSError, match="down"):
            await breaker.acall(afail)
        for _ in range(50):
            await asyncio.sleep(0.001)
            with pytest.raises(CircuitOpenError):
                await breaker.acall(asyncio.sleep, 0)

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 30


@pytest.mark.scenario("R1")
def test_without_redis_it_decides_alone(caplog):
    """With Redis gone a breaker opens and probes by itself; there is one warning, and a count of what failed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with caplog.at_level(logging.WARNING):
        shared = SharedState(Redis(f"redis://127.0.0.1:{port}/0", rest=0.001), interval=0.01)
        breaker = CircuitBreaker("n", failure_threshold=1, reset_timeout=0.01, shared=shared)
        trip(breaker)
        until(lambda: breaker.snapshot().shared_errors >= 3)
        until(lambda: _probes(breaker, int))

    assert [record.message.partition(",")[0] for record in caplog.records] == ["breakers decide alone"]


def test_the_thread_ends_with_its_breakers(redis_db):
    """A shared state that nobody holds any more leaves no thread behind."""
    before = followers()
    shared = SharedState(Redis(redis_db), interval=NEVER)
    breaker = CircuitBreaker("n", shared=shared)
    begun = followers() - before
    assert len(begun) == 1
    del shared, breaker
    until(lambda: not any(thread.is_alive() for thread in begun))


@pytest.mark.parametrize("wrong", [{"quorum": 0}, {"quorum": 1.5}, {"interval": 0}, {"interval": 5, "ttl": 5}])
def test_bad_input(wrong):
    """A share or a time that makes no sense is refused."""
    with pytest.raises(ConfigurationError):
        SharedState(Redis("redis://localhost"), **wrong)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system, Windows for one, cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_reports_for_itself(redis_db):
    """After a fork the child has a thread and a name of its own: two children that are open are a quorum of three."""
    shared = SharedState(Redis(redis_db, timeout=5.0), interval=0.02)
    breaker = CircuitBreaker("n", failure_threshold=1, reset_timeout=600, shared=shared)
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                trip(breaker)
                time.sleep(60)
            finally:
                os._exit(1)
        children.append(child)
    try:

        def opens():
            if breaker.state is State.CLOSED:
                breaker.call(int)
            return breaker.state is State.OPEN

        until(opens)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    assert breaker.snapshot().failures == 0


def test_closing_says_what_was_found(here):
    """What was found last is told before `close` returns; then the thread is gone, and breakers decide alone."""
    before = followers()
    finder, other = here(reset_timeout=0.02, probe_timeout=60), here(reset_timeout=600)
    for breaker in (finder, other):
        trip(breaker)
    sync([finder, other])
    until(lambda: _probes(finder, int))
    begun = followers() - before
    finder.shared.close()
    until(lambda: len([thread for thread in begun if thread.is_alive()]) == 1)
    sync([other])
    assert other.state is State.CLOSED

    trip(finder)
    until(lambda: _probes(finder, int))  # nobody is asked for a lease
    with pytest.raises(ConfigurationError, match="closed"):
        CircuitBreaker("late", shared=finder.shared)


def test_closing_does_not_wait_for_a_redis_that_hangs(hung):
    """With news that Redis will not hear for a minute, `close` gives up after its time."""
    shared = SharedState(Redis(hung, timeout=60.0), interval=NEVER)
    breaker = CircuitBreaker("n", failure_threshold=1, shared=shared)
    trip(breaker)
    began = time.monotonic()
    assert not shared.flush(0.01)
    shared.close(0.01)
    assert time.monotonic() - began < 30
    assert shared.has_news


def test_breakers_share_a_memory():
    """`MemoryRedis` takes the place of Redis in the tests of applications: a quorum opens, a healing closes."""
    redis = MemoryRedis()
    states = [SharedState(redis, interval=NEVER) for _ in range(3)]
    breakers = [CircuitBreaker("n", failure_threshold=1, reset_timeout=600, shared=state) for state in states]
    for breaker, state in zip(breakers, states, strict=True):
        breaker.shared = state
        breaker.call(int)
    sync(breakers)
    for breaker in breakers[:2]:
        trip(breaker)
    sync(breakers)
    assert breakers[2].state is State.OPEN

    limit = RateLimit("10/s; burst 2", redis=redis)
    assert [limit.acquire("k") > 0 for _ in range(3)] == [False, False, True]
    redis.is_down = True
    assert breakers[2].state is State.OPEN
    sync(breakers)
    assert all(state.is_down for state in states)


def test_memory_says_what_redis_says(redis_db):
    """Of any history of reports `MemoryRedis` gives the answers that the script gives."""
    now = [1000.0]
    chance, memory, redis = random.Random(7), MemoryRedis(lambda: now[0]), Redis(redis_db, timeout=5.0)
    keys = tuple(f"mestres:breaker:{{n}}:{what}" for what in ("reporters", "open", "healed", "lease"))
    known = {}
    for _ in range(400):
        who = chance.choice("abc")
        arguments = (
            who,
            10**7,
            chance.choice([0, 1]),
            chance.choice([0, 0, 10**6]),
            chance.choice(["", "", "", "healed", "failed"]),
            known.get(who, 0) if chance.random() < 0.8 else 0,
            chance.choice([0, 10**6]),
        )
        one, other = (layer.ask(Ask("breaker_sync", keys, arguments)) for layer in (memory, redis.blocking))
        assert [*one[:2], *one[3:]] == [*other[:2], *other[3:]], arguments
        assert one[2] == pytest.approx(other[2], abs=120_000)
        known[who] = one[3]
    redis.close()


class Load:
    """A thread calls one breaker and a task another, for as long as the block lasts."""

    def __init__(self, threads, tasks):
        self.wrong, self.calls = [], [0, 0]
        self._ends = threading.Event()
        self._callers = [
            threading.Thread(target=self._thread, args=(threads,)),
            threading.Thread(target=lambda: asyncio.run(self._task(tasks))),
        ]

    def _thread(self, breaker):
        while not self._ends.is_set():
            try:
                breaker.call(time.sleep, 0.001)
                self.calls[0] += 1
            except BaseException as error:  # noqa: BLE001 - there must be none at all
                self.wrong.append(error)

    async def _task(self, breaker):
        while not self._ends.is_set():
            try:
                await breaker.acall(asyncio.sleep, 0.001)
                self.calls[1] += 1
            except BaseException as error:  # noqa: BLE001 - as above
                self.wrong.append(error)

    def goes_on(self):
        before = list(self.calls)
        until(lambda: all(now > then + 5 for now, then in zip(self.calls, before, strict=True)))

    def __enter__(self):
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        for caller in self._callers:
            caller.join(30)


@pytest.mark.scenario("R1")
@pytest.mark.scenario("R8")
@pytest.mark.parametrize("illness", ["killed", "hung"])
def test_redis_falls_ill_under_load(redis_db, caplog, illness):
    """While threads and tasks call, Redis goes and comes: nobody is given an error of it, calls go on, each process
    warns once and counts what failed; back again, the breakers hear each other.
    """
    with running_proxy(redis_db) as proxy, caplog.at_level(logging.WARNING):
        shared = [SharedState(Redis(proxy.url, timeout=0.05, rest=0.01), interval=0.01) for _ in range(2)]
        breakers = [CircuitBreaker("n", failure_threshold=3, reset_timeout=600, shared=state) for state in shared]
        with Load(*breakers) as load:
            load.goes_on()
            proxy.is_silent = illness == "hung"
            if illness == "killed":
                proxy.stop()
            # A connection that was just being made when it stopped is cut with the next try.
            until(lambda: (illness == "killed" and proxy.cut()) or all(state.errors >= 3 for state in shared))
            load.goes_on()
            proxy.is_silent = False
            proxy.start() if illness == "killed" else proxy.cut()
            until(lambda: not any(state.is_down for state in shared))
            load.goes_on()
        assert load.wrong == []
        assert [breaker.snapshot().shared_errors >= 3 for breaker in breakers] == [True, True]
        assert sum("decide alone" in record.message for record in caplog.records) == 2

        for breaker in breakers:
            for _ in range(3):
                with pytest.raises(OSError, match="down"):
                    breaker.call(fail)
        third = SharedState(Redis(redis_db, timeout=5.0), interval=NEVER)
        late = CircuitBreaker("n", shared=third)
        late.call(int)
        until(lambda: third.sync() or late.state is State.OPEN)
        for state in (*shared, third):
            state.close()


def test_the_next_minute_warns_again(caplog):
    """While Redis stays away there is one warning in each minute."""
    now = [0.0]
    with caplog.at_level(logging.WARNING):
        redis = MemoryRedis()
        shared = SharedState(redis, interval=NEVER, clock=lambda: now[0])
        redis.is_down = True
        breaker = CircuitBreaker("n", shared=shared)
        for now[0] in (0.0, 1.0, 59.0, 60.5, 61.0, 119.0, 121.0):
            shared.sync()
    assert sum("decide alone" in record.message for record in caplog.records) == 3
    assert breaker.snapshot().shared_errors >= 7


_ENDS = """
import time
from mestres_perf import CircuitBreaker
from mestres_perf.resilience import SharedState, _sharing
from mestres_perf.testing import MemoryRedis

class Slow(MemoryRedis):
    def ask(self, effect):
        time.sleep(0.3)  # longer than it takes to end
        reply = super().ask(effect)
        print("told", flush=True)
        return reply

_sharing._LAST_WORD = 60.0
shared = SharedState(Slow(), interval=3600)
breaker = CircuitBreaker("n", failure_threshold=1, shared=shared)
try:
    breaker.call(lambda: 1 / 0)
except ZeroDivisionError:
    print("open", flush=True)
"""


@pytest.mark.process
def test_a_process_that_ends_says_its_last_word():
    """What was found a moment before the end of the program is told before it has ended."""
    ended = subprocess.run([sys.executable, "-c", _ENDS], capture_output=True, text=True, timeout=120, check=True)
    assert (set(ended.stdout.split()), ended.stderr) == ({"open", "told"}, "")
