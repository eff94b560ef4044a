"""Failure modes 50 to 59: clocks that jump or stop, forks, loops, the end of the program, many threads at once."""

import asyncio
import collections
import gc
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from decimal import Decimal

import pytest

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf._kernel.background import _tasks as background_tasks
from mestres_perf.cache._backplane import Follower
from mestres_perf.cache._flight import Flights
from mestres_perf.cache._keys import binder, freeze
from mestres_perf.cache._memory import Store
from perf.faces import FACES

LONG = os.environ.get("MESTRES_STRESS") == "long"


def until(condition):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.002)


# 50, 51: clocks


@pytest.mark.scenario(50)
@pytest.mark.parametrize("jump", [3600, -3600])
@pytest.mark.parametrize("face", FACES)
def test_the_wall_clock_jumps(each_redis, monkeypatch, face, jump):
    """An hour forward or back on this machine's wall clock makes nothing expire, live longer, or be distrusted."""
    url, protocol = each_redis
    now = [1000.0]
    alone = face(Cache("alone", clock=lambda: now[0], ttl=10))
    node = face(Cache("shop", redis=Redis(url, timeout=5.0, protocol=protocol), ttl=60))
    there = Cache("shop", redis=Redis(url, timeout=5.0, protocol=protocol), ttl=60)
    for each in (alone, node):
        each.set("k", "v", tags=["t"], stale_if_error=60)
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + jump)
    assert [alone.get("k"), node.get("k"), there.get("k")] == ["v"] * 3
    assert 50 < there.explain("k").ttl_left <= 60
    now[0] += 10.1
    assert alone.get("k") is MISS
    node.invalidate_tags("t")
    assert node.get("k") is MISS
    until(lambda: there.get("k") is MISS)
    for each in (alone, node, there):
        each.close()


@pytest.mark.scenario(51)
def test_a_suspended_machine_forgets(each_redis):
    """While a machine sleeps its clock stands and that of Redis does not: what memory holds is older than it seems, and
    is forgotten with the first answer."""
    url, protocol = each_redis
    with Cache("shop", redis=Redis(url, timeout=5.0, protocol=protocol), trust=2.0) as cache:
        cache.get("nothing")
        until(lambda: cache.core.follower.horizon(now := cache.core.store.clock()) > now)
        assert cache.get_or_load("k", lambda: "old", ttl=60) == "old"
        follower, notice = cache.core.follower, cache.core.follower.notice
        assert cache.peek("k") == "old"
        # The seconds in which this process did not run, as the clock of Redis shows them.
        follower.notice = lambda there, *, asked_at: notice(there + 3600, asked_at=asked_at)
        until(lambda: cache.peek("k") is MISS)
        assert len(cache.core.store) == 0


@pytest.mark.scenario(51)
def test_what_a_suspension_is():
    """More time there than here, by more than trust, between one question and the answer to the next: a slow answer, a
    clock there that goes back, and time that passes alike are none."""
    now = [100.0]
    store = Store(Memory(), clock=lambda: now[0])
    follower = Follower(Flights(store), "me", trust=1.0, clock=store.clock)
    follower.begin("5-0", 5)

    def ask(there, *, here=0.0):
        asked_at = now[0]
        now[0] += here
        follower.notice(there, asked_at=asked_at)
        return follower.gaps

    assert ask(5000.0) == 0
    assert ask(5010.0, here=10.0) == 0
    assert ask(5020.0, here=20.0) == 0
    assert ask(4000.0) == 0
    assert ask(4000.9) == 0
    assert ask(4002.0) == 1


# 52: forks


FORK = """
import json, os, sys, threading, time
from mestres_perf import MISS, Cache, Redis

url, protocol, loading = sys.argv[1], int(sys.argv[2]), threading.Event()
cache = Cache("forked", redis=Redis(url, timeout=5.0, protocol=protocol), trust=20.0)
alone = Cache("alone")
alone.set("k", "warm")
cache.set("k", "warm", tags=["t"])
cache.get_or_load("swr", lambda: "stale", ttl=0.001, stale_while_revalidate=60)
while not cache.core.follower.horizon(time.monotonic()) > time.monotonic():
    cache.get("nothing")

def slow():
    loading.set()
    time.sleep(60)

def busy():
    number = 0
    while True:
        number += 1
        cache.set(f"b{number % 50}", number, tags=["busy"])
        alone.set(number % 50, number)
        alone.get_or_load(("b", number % 50), lambda: number)
        alone.invalidate_tags("x")

for work in (lambda: cache.get_or_load("held", slow), lambda: alone.get_or_load("held", slow), busy, busy):
    threading.Thread(target=work, daemon=True).start()
loading.wait()
cache.get_or_load("swr", lambda: time.sleep(60), stale_while_revalidate=60)  # a thread that renews, and is not forked

def sockets():
    places = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    found = {os.readlink(place) for place in places if os.path.lexists(place)}
    return {each for each in found if each.startswith("socket:")}

shared = sockets()
parent = cache.core.shared.origin
children = []
for number in range(4):
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        children.append((child, reading))
        continue
    try:
        told = {"origin": cache.core.shared.origin, "parent": parent, "warm": alone.get("k")}
        told["flights"] = len(cache.core.flights) + len(alone.core.flights)
        told["alone"] = alone.get_or_load("held", lambda: "mine")
        key = f"of {number}"
        told["loaded"] = cache.get_or_load(key, lambda: number)
        cache.set(key, number, tags=[f"mine of {number}"])
        told["read"] = cache.get(key)
        cache.invalidate_tags(f"mine of {number}")
        told["gone"] = cache.get(key) is MISS
        for turn in range(200):
            cache.set(f"c{number}", turn)
            assert cache.get(f"c{number}") == turn
        deadline = time.monotonic() + 20
        while cache.core.follower.horizon(time.monotonic()) < time.monotonic() < deadline:
            cache.get("nothing")
        told["listens"] = cache._listener._thread.is_alive()
        told["own"] = len(sockets() - shared)
        told["background"] = []
        alone.get_or_load("swr", lambda: 1, ttl=0.001, stale_while_revalidate=60)
        time.sleep(0.01)
        alone.get_or_load("swr", lambda: told["background"].append(1), stale_while_revalidate=60)
        while not told["background"] and time.monotonic() < deadline:
            time.sleep(0.01)
        cache.close()
        os.write(writing, json.dumps(told).encode())
    except BaseException as error:
        os.write(writing, json.dumps({"error": repr(error)}).encode())
    os._exit(0)
print(json.dumps([json.loads(os.read(reading, 65536)) for child, reading in children]))
for child, _ in children:
    os.waitpid(child, 0)
assert cache.get("k") == "warm"
os._exit(0)
"""


@pytest.mark.scenario(52)
@pytest.mark.process
def test_four_children(each_redis):
    """Forked in the middle of everything, a child has its own name, connections and threads, holds no lock, waits for
    no load of its parent's, and keeps what memory held."""
    url, protocol = each_redis
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, url, str(protocol)],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert not [each["error"] for each in told if "error" in each]
    assert len({each["origin"] for each in told} | {told[0]["parent"]}) == 5
    for number, each in enumerate(told):
        assert (each["warm"], each["flights"], each["alone"]) == ("warm", 0, "mine")
        assert (each["loaded"], each["read"], each["gone"]) == (number, number, True)
        assert each["listens"]
        assert each["own"] >= 2  # one for questions, one for the listener
        assert each["background"] == [1]


HEAR = """
import os, sys, time
from mestres_perf import MISS, Cache, Redis

cache = Cache("heard", redis=Redis(sys.argv[1], timeout=5.0), trust=20.0)

def listening():
    while not cache.core.follower.horizon(time.monotonic()) > time.monotonic():
        cache.get("nothing")

def gone(value):
    deadline = time.monotonic() + 10
    while cache.peek("k") == value and time.monotonic() < deadline:
        time.sleep(0.001)
    return cache.peek("k") is MISS

listening()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    listening()
    cache.get_or_load("k", lambda: "child")
    os.write(writing, b"1")
    fine = gone("child")
    os._exit(0 if fine else 1)
os.read(reading, 1)
cache.delete("k")
fine = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
cache.get_or_load("k", lambda: "parent")
child = os.fork()
if child == 0:
    cache.delete("k")
    os._exit(0)
os.waitpid(child, 0)
sys.exit(0 if fine and gone("parent") else 1)
"""


@pytest.mark.scenario(52)
@pytest.mark.process
def test_parent_and_child_hear_each_other(redis_db):
    """What the parent invalidates is gone in the child's memory, and the other way round."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAR, redis_db], check=False, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr


# 53: loops


@pytest.mark.scenario(53)
def test_a_loop_for_each_test(each_redis):
    """A cache that outlives its loops works in each of them, closed properly or not, and keeps none of them alive."""
    url, protocol = each_redis
    cache = Cache("loops", redis=Redis(url, timeout=5.0, protocol=protocol))
    loops = []

    async def use(number):
        async def load():
            return number

        assert await cache.aget_or_load(f"k{number}", load, ttl=60) == number
        await cache.aset("k", number)
        assert await cache.aget("k") == number
        await cache._redis.aclose()

    for number in range(6):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(use(number))
        loop.close()
        loops.append(weakref.ref(loop))
        del loop
    for number in range(6, 9):
        asyncio.run(use(number))
    gc.collect()
    assert [each() for each in loops] == [None] * 6
    cache.close()


@pytest.mark.scenario(53)
def test_two_loops_in_two_threads(each_redis):
    """Tasks of two loops share loads and values, each over its own loop's connection."""
    url, protocol = each_redis
    cache = Cache("loops", redis=Redis(url, timeout=5.0, protocol=protocol))
    loads, wrong = [], []
    both = threading.Barrier(2)

    async def use():
        async def load():
            loads.append(1)
            await asyncio.sleep(0.05)
            return "v"

        both.wait(10)
        for turn in range(20):
            values = await asyncio.gather(*(cache.aget_or_load(f"k{turn}", load) for _ in range(10)))
            wrong.extend(value for value in values if value != "v")
        await cache._redis.aclose()

    threads = [threading.Thread(target=lambda: asyncio.run(use())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(loads) == 20
    cache.close()


async def renew_all(cache, now, of):
    """A hundred renewals in the background of this loop, all to their end."""

    async def load():
        await asyncio.sleep(0)
        return 1

    for number in range(100):
        await cache.aset((of, number), 0)
    now[0] += 10
    for number in range(100):
        await cache.aget_or_load((of, number), load)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


@pytest.mark.scenario(53)
def test_renewals_in_two_loops_at_once():
    """Loops in several threads that all renew in the background do not disturb each other, and leave no task behind."""
    now, wrong = [0.0], []
    cache = Cache("renew", clock=lambda: now[0], ttl=1, stale_while_revalidate=1e9)

    def run(of):
        try:
            for _ in range(3):
                asyncio.run(renew_all(cache, now, of))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(of,)) for of in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert cache.stats().refreshes > 300
    assert not [task for task in background_tasks if not task.done()]
    assert len(cache.core.flights) == 0


@pytest.mark.scenario(53)
@pytest.mark.parametrize("background", [False, True])
def test_a_loop_that_is_closed_in_the_middle_of_a_load(background):
    """A load whose loop was closed before it had ended is nothing to wait for: the next caller loads."""
    now = [0.0]
    cache = Cache("loops", clock=lambda: now[0], ttl=10, stale_while_revalidate=10)
    loop = asyncio.new_event_loop()

    async def never():
        await asyncio.sleep(3600)

    async def begin():
        if background:
            await cache.aset("k", "stale")
            now[0] += 15
            assert await cache.aget_or_load("k", never) == "stale"
        else:
            keep.append(asyncio.ensure_future(cache.aget_or_load("k", never)))
        await asyncio.sleep(0.01)

    keep = []
    loop.run_until_complete(begin())
    assert len(cache.core.flights) == 1
    loop.close()
    now[0] += 15
    results = []
    thread = threading.Thread(target=lambda: results.append(cache.get_or_load("k", lambda: "new")), daemon=True)
    thread.start()
    thread.join(10)
    assert results == ["new"]
    assert len(cache.core.flights) == 0
    for task in [*keep, *(task for task in background_tasks if task.get_loop() is loop)]:
        task._log_destroy_pending = False
        background_tasks.discard(task)
    keep.clear()
    del task
    gc.collect()


# 54: the end of the program


END = """
import asyncio, sys, threading, time
from mestres_perf import Cache, Redis

redis = Redis(sys.argv[2], timeout=5.0) if len(sys.argv) > 2 else None
cache = Cache("end", redis=redis, stale_while_revalidate=60)
began = threading.Event()

def renew():
    began.set()
    while True:
        time.sleep(0.001)

async def arenew():
    began.set()
    while True:
        await asyncio.sleep(0.001)

async def main():
    await cache.aset("k", 1, ttl=0.001)
    await asyncio.sleep(0.01)
    assert await cache.aget_or_load("k", arenew) == 1
    await asyncio.sleep(0.05)

if sys.argv[1] == "Tasks":
    asyncio.run(main())
else:
    cache.set("k", 1, ttl=0.001)
    time.sleep(0.01)
    assert cache.get_or_load("k", renew) == 1
assert began.wait(10)
print(time.monotonic(), flush=True)
"""


@pytest.mark.scenario(54)
@pytest.mark.process
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("face", [face.__name__ for face in FACES])
def test_a_program_ends_while_a_value_is_renewed(redis_db, face, shared):
    """A renewal under way, and a listener, hold nobody up at the end of a program, and leave nothing on stderr."""
    command = [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "-c", END, face]
    run = subprocess.run(
        [*command, redis_db] if shared else command, check=False, capture_output=True, text=True, timeout=60
    )
    ended = time.monotonic()
    assert (run.returncode, run.stderr) == (0, "")
    assert ended - float(run.stdout) < 2.0


# 55, 56: many threads at once


@pytest.fixture
def hasty():
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Many:
    """Eight threads at everything a cache does. `wrong` are the broken promises."""

    def __init__(self, memory, seconds):
        self.cache = Cache("many", memory=memory, ttl=60)
        self.bound = memory.max_items
        self.until = time.monotonic() + seconds
        self.wrong = []
        self.requests = collections.Counter()

    def run(self):
        threads = [threading.Thread(target=self.guard, args=(each,)) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def guard(self, number):
        try:
            while time.monotonic() < self.until and not self.wrong:
                self.turn(number)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
            self.wrong.append(error)

    def turn(self, number):
        cache, mine, version = self.cache, f"mine{number}", time.monotonic_ns()
        for other in range(40):
            cache.get_or_load(("shared", other * (number + 1) % 97), lambda: version, tags=["all", f"t{other % 7}"])
        self.requests[number] += 40
        cache.set(mine, version, tags=[mine])
        self.expect(cache.get(mine), version, MISS)
        cache.delete(mine)
        self.expect(cache.get(mine), MISS)
        self.expect(cache.get_or_load(mine, lambda: version, tags=[mine]), version)
        cache.invalidate_tags(mine, f"t{number % 7}")
        self.expect(cache.get(mine), MISS)
        self.requests[number] += 4
        if version % 50 == 0:
            cache.clear()
            self.expect(cache.get(mine), MISS)
            self.requests[number] += 1
        if len(cache.core.store) > self.bound:
            self.wrong.append("more values than places")

    def expect(self, value, *right):
        if value not in right:
            self.wrong.append((value, right))


@pytest.mark.stress
@pytest.mark.scenario(55)
@pytest.mark.scenario(56)
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("policy", ["s3fifo", "lru", "tinylfu"])
def test_eight_threads_at_everything(policy):
    """Whoever deletes, invalidates or clears never sees the old value again; there are never too many values; queues,
    tags and dictionary agree at the end; requests are counted."""
    many = Many(Memory(max_items=50, policy=policy), 60 if LONG else 2)
    many.run()
    assert not many.wrong
    core, stats = many.cache.core, many.cache.stats()
    asked = sum(many.requests.values())
    # Who is kept from counting while 64 other entries end is not counted: only so hasty a switch makes that happen.
    assert 0.99 * asked <= stats.hits + stats.misses <= asked
    assert len(core.flights) == 0
    entries = set(core.store.nodes.values())
    assert set().union(*core.store._tagged.values(), set()) <= entries
    assert set(core.store._named.values()) <= entries
    policy_ = core.store._policy
    queues = (policy_._order.values(),) if policy == "lru" else (policy_._small, policy_._main)
    queued = [node for queue in queues for node in queue if node.alive]
    assert collections.Counter(queued) == collections.Counter(entries)
    assert all(node.key == key and node.alive for key, node in core.store.nodes.items())
    waste = sum(not node.alive for queue in queues for node in queue)
    assert waste == getattr(policy_, "_waste", 0)
    core.flights.clear()
    assert not core.store.nodes
    assert not core.store._tagged


@pytest.mark.stress
@pytest.mark.scenario(55)
@pytest.mark.usefixtures("hasty")
def test_an_index_is_not_left_behind(redis_db):
    """With Redis the names by which others invalidate are there for what memory holds and for nothing else."""
    cache = Cache("many", memory=Memory(max_items=20), redis=Redis(redis_db, timeout=5.0), backplane=False)

    def work(number):
        for turn in range(60):
            key = f"k{(turn * (number + 1)) % 40}"
            cache.get_or_load(key, lambda: 1, tags=[key])
            if turn % 5 == number:
                cache.invalidate_tags(key)
            if turn % 7 == number:
                cache.delete(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = cache.core.store
    assert {entry.key for entry in store._named.values()} == set(store.nodes)
    assert set().union(*store._tagged.values(), set()) <= set(store.nodes.values())
    assert not cache.core.shared.owes
    import redis

    with redis.Redis.from_url(redis_db) as client:
        assert not client.keys("*:l")
    cache.close()


@pytest.mark.scenario(56)
@pytest.mark.parametrize("face", FACES)
def test_reading_statistics_changes_nothing(face):
    """Statistics, `peek` and `explain` count nothing, renew nothing, and keep nothing from being forgotten."""
    node = face(Cache("stats", memory=Memory(max_items=10)))
    for number in range(10):
        node.set(number, number)
    before = node.cache.stats()
    hits = [entry.hits for entry in node.cache.core.store.nodes.values()]
    for number in range(12):
        node.cache.peek(number)
        node.cache.explain(number)
        assert node.cache.stats() == before
        node.cache.hit_rate  # noqa: B018 - reading it is the point
    assert [entry.hits for entry in node.cache.core.store.nodes.values()] == hits
    node.close()


# 57: keys that were chosen to be slow


PRIME = sys.hash_info.modulus
CRAFTED = {
    "int": lambda number: 7 + (number + 1) * PRIME,
    "negative": lambda number: -7 - (number + 1) * PRIME,
    "power of two": lambda number: number << 64,
    "Decimal": lambda number: Decimal(7 * pow(10, number + 20, PRIME) % PRIME).scaleb(-number - 20),
}


@pytest.mark.scenario(57)
@pytest.mark.parametrize("kind", CRAFTED)
def test_numbers_chosen_for_their_hashes(kind):
    """Whoever may choose numbers as keys cannot give many of them one hash: each is found at once."""
    numbers = {CRAFTED[kind](number) for number in range(2000)}
    assert len(numbers) > 1500
    bind = binder(lambda number: None)
    for keys in (map(freeze, numbers), (bind((number,), {}) for number in numbers)):
        assert max(collections.Counter(map(hash, keys)).values()) <= 3


@pytest.mark.scenario(57)
@pytest.mark.parametrize("face", FACES)
def test_chosen_numbers_are_remembered(face):
    """Such numbers are keys like any other for what is decorated, too."""
    node = face(Cache("flood"))
    calls = []

    def load(number):
        calls.append(number)
        return number

    function = node.decorate(load)
    numbers = [CRAFTED["int"](number) for number in range(50)]
    for _ in range(2):
        assert [node.call(function, number) for number in numbers] == numbers
    assert calls == numbers
    assert node.get(function.key(numbers[3])) == numbers[3]
    node.close()


# 58, 59: what a hit and a look at the figures cost


class Watch:
    """What is called in C while the block runs: the acquisitions of locks, the tasks and futures that are made."""

    NAMES = ("acquire", "__enter__", "create_task", "call_soon", "call_soon_threadsafe", "create_future", "start")

    def __enter__(self):
        self.seen = []
        sys.setprofile(self._look)
        return self.seen

    def __exit__(self, *_):
        sys.setprofile(None)

    def _look(self, frame, event, argument):
        if event == "c_call" and getattr(argument, "__name__", "") in self.NAMES:
            self.seen.append((argument.__qualname__, frame.f_code.co_name))
        elif event == "call" and frame.f_code.co_name in self.NAMES:
            self.seen.append((frame.f_code.co_name, frame.f_back.f_code.co_name))


@pytest.fixture
def warm():
    cache = Cache("hits")
    cache.set("k", 1, tags=["t"])
    return cache


def test_the_watch_sees_locks_and_tasks():
    """The two tests below would see a lock that is taken and a task that is made."""
    lock = threading.Lock()

    async def main():
        with Watch() as seen:
            with lock:
                pass
            task = asyncio.create_task(asyncio.sleep(0))
        await task
        return seen

    names = [name for name, _ in asyncio.run(main())]
    assert any("create_task" in name for name in names)
    with Watch() as seen:
        lock.acquire()
    assert seen
    lock.release()
    slow = Cache("lru", memory=Memory(policy="lru"))
    slow.set("k", 1)
    slow.core.store.lock.acquire()
    done = []
    thread = threading.Thread(target=lambda: done.append(slow.get("k")))
    thread.start()
    thread.join(0.05)
    assert not done
    slow.core.store.lock.release()
    thread.join()


def held(cache):
    """Every lock of the cache, held: whoever needs one would wait for ever."""
    locks = cache.core.locks()
    for lock in locks:
        lock.acquire()
    return locks


@pytest.mark.scenario(58)
def test_a_hit_needs_no_lock_and_no_task(warm):
    """A hit in memory, of each kind and colour, is given while every lock is held, and makes no task."""

    @warm.cached
    def function(number):
        return number

    @warm.cached
    async def afunction(number):
        return number

    async def fill():
        return await afunction(1)

    function(1)
    asyncio.run(fill())

    async def hits():
        made = []
        asyncio.get_running_loop().set_task_factory(lambda loop, work, **_: made.append(work))
        with Watch() as seen:
            values = [await warm.aget("k"), await warm.aget_or_load("k", fill), await afunction(1)]
        asyncio.get_running_loop().set_task_factory(None)
        return values, seen, made

    locks = held(warm)
    try:
        assert asyncio.run(hits()) == ([1, 1, 1], [], [])
        with Watch() as seen:
            assert [warm.get("k"), warm.get_or_load("k", int), function(1)] == [1, 1, 1]
        assert seen == []
    finally:
        for lock in locks:
            lock.release()


@pytest.mark.scenario(58)
def test_a_look_at_the_figures_needs_no_lock(warm):
    """Statistics are read while every lock is held, and have the same few figures however many keys there are."""
    locks = held(warm)
    try:
        few = warm.stats()
        assert warm.hit_rate is None
    finally:
        for lock in locks:
            lock.release()
    for number in range(5000):
        warm.get_or_load(number, lambda: 1)
    many = warm.stats()
    assert type(many).__slots__ == type(few).__slots__
    assert many.misses == 5000


@pytest.mark.scenario(59)
def test_hits_do_not_yield(warm):
    """A hit is no place where others get their turn, as documented: a task that wants them to says so itself."""
    turns = []

    async def main():
        asyncio.get_running_loop().call_soon(turns.append, 1)
        for _ in range(1000):
            await warm.aget("k")
        assert turns == []
        await asyncio.sleep(0)
        assert turns == [1]

    asyncio.run(main())


@pytest.mark.scenario(59)
def test_nothing_is_swept(warm):
    """What has expired goes when it is asked for or its place is needed: no thread and no timer goes through memory."""
    before = threading.active_count()
    now = [0.0]
    cache = Cache("sweep", memory=Memory(max_items=1000), clock=lambda: now[0], ttl=1)
    for number in range(1000):
        cache.set(number, number)
    now[0] += 10
    assert threading.active_count() == before
    assert len(cache.core.store) == 1000
    assert cache.get(1) is MISS
    for number in range(1000, 2000):
        cache.set(number, number)
    assert len(cache.core.store) == 1000
