"""Failure modes 1 to 7 and 12 to 14: many want what is not there, and the loader is slow, fails, or asks for itself."""

import asyncio
import collections
import itertools
import random
import threading
import time
import traceback

import pytest

from mestres_perf import Cache, Memory, Redis
from mestres_perf._kernel.effects import Load, Spawn
from mestres_perf.errors import LoadTimeout, RecursiveLoadError
from perf.scenarios.stage import Loader, Stop, begin, outcome, until


def crowd(node, size, load, **options):
    """So many who ask for `k` at once: threads, or tasks of one loop; futures, in order."""
    if node.name == "threads":
        return [begin(node.get_or_load, "k", load, **options) for _ in range(size)]

    async def later():
        return await asyncio.to_thread(load)

    ask = node.cache.aget_or_load
    return [asyncio.run_coroutine_threadsafe(ask("k", later, **options), node.loop) for _ in range(size)]


class Busy:
    """How many are in a loader at the same time, at most, and how often it was called."""

    def __init__(self):
        self.calls = self.most = self._now = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.calls += 1
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_):
        with self._lock:
            self._now -= 1


@pytest.mark.scenario(1)
def test_a_cold_key_is_loaded_once(make):
    """200 who ask for a cold key at once cause one load, and all are given the same object."""
    node, value = make(), ["v"]
    loader = Loader({"k": value})
    futures = crowd(node, 200, loader)
    loader.stop.wait()
    loader.stop.go.set()
    assert all(future.result(30) is value for future in futures)
    assert loader.calls == 1
    assert len(node.cache.core.flights) == 0


@pytest.mark.scenario(3, 4)
def test_an_error_reaches_all_who_wait(make):
    """Of a failing load all who wait are told, each by a traceback of his own; the next caller loads anew."""
    node, stop, calls = make(), Stop(), []

    def load():
        calls.append(1)
        stop.here()
        raise OSError("away")

    leader, *_ = crowd(node, 1, load)
    stop.wait()
    waiters = crowd(node, 19, load)
    until(lambda: waiting_for(node) >= 1)
    time.sleep(0)
    stop.go.set()
    errors = [outcome(future) for future in (leader, *waiters)]
    assert all(type(error) is OSError and error.args == ("away",) for error in errors)
    assert len({id(error) for error in errors}) == 20
    lengths = {len(traceback.extract_tb(error.__traceback__)) for error in errors}
    assert max(lengths) < 40
    assert len(node.cache.core.flights) == 0
    assert node.get_or_load("k", lambda: 7) == 7


def waiting_for(node):
    """How many loads under way somebody waits for."""
    return sum(flight.future is not None for flight in list(node.cache.core.flights._flights.values()))


@pytest.mark.scenario(4)
def test_a_failing_loader_is_called_once_for_all(make):
    """Twenty callers of a failing loader cost one call while the error is remembered; tracebacks do not grow."""
    node, stop, calls = make(errors={OSError: 60}), Stop(), []

    def load():
        calls.append(1)
        stop.here()
        raise OSError("away")

    futures = crowd(node, 20, load)
    stop.wait()
    stop.go.set()
    assert all(isinstance(outcome(future), OSError) for future in futures)
    again = [outcome(begin(node.get_or_load, "k", load)) for _ in range(5)]
    assert len({len(traceback.extract_tb(error.__traceback__)) for error in again}) == 1
    assert len(calls) == 1


@pytest.mark.scenario(1, 4)
@pytest.mark.parametrize("ends", ["with an error", "with a value"])
@pytest.mark.parametrize("policy", ["s3fifo", "tinylfu", "lru"])
def test_what_came_between_a_look_and_a_load_is_taken(make, policy, ends):
    """Who saw nothing, and begins to load when another's load has just ended, is given what that came to."""
    node, calls = make(errors={OSError: 60}, memory=Memory(policy=policy)), []

    def load():
        calls.append(1)
        if ends == "with an error":
            raise OSError("away")
        return 7

    flights = node.cache.core.flights
    join = flights.join

    def later(*arguments, **named):
        flights.join = join
        begin(node.cache.get_or_load, "k", load).exception(30)
        return join(*arguments, **named)

    flights.join = later
    answer = outcome(begin(node.get_or_load, "k", load))
    assert isinstance(answer, OSError) if ends == "with an error" else answer == 7
    assert len(calls) == 1


class PoorError(OSError):
    """Keeps what it was given to itself."""

    __slots__ = ("why",)

    def __init__(self, why):
        super().__init__()
        self.why = why


@pytest.mark.scenario(4)
@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ImportError("no", name="module", path="here"),
        FileNotFoundError(2, "no such file", "name"),
        ExceptionGroup("two", [ValueError(1), KeyError(2)]),
        PoorError("slow"),
        KeyError("k"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_remembered_says_what_the_first_said(error):
    """Whatever an error keeps, in its arguments or beside them, the copies that are raised later have too."""
    cache = Cache("errors", errors={Exception: 60})

    def load():
        raise error

    told = [outcome(begin(cache.get_or_load, "k", load)) for _ in range(2)]
    assert told[1] is not error
    for name in ("args", "reason", "object", "name", "path", "filename", "errno", "exceptions", "why"):
        assert getattr(told[1], name, None) == getattr(error, name, None)
    assert str(told[1]) == str(error)


@pytest.mark.scenario(5)
@pytest.mark.parametrize("who", ["leader", "waiter", "all"])
def test_tasks_that_are_cancelled(redis_db, who):
    """A cancelled leader is replaced, a waiter missed by nobody; with the last of them the loader is cancelled."""
    ended, calls = [], []

    async def main(cache):
        go = asyncio.Event()

        async def load():
            calls.append(1)
            try:
                await go.wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            return "v"

        tasks = [asyncio.create_task(cache.aget_or_load("k", load)) for _ in range(6)]
        await asyncio.to_thread(until, lambda: len(calls) == 1)
        await asyncio.sleep(0)
        for task in {"leader": tasks[:1], "waiter": tasks[3:4], "all": tasks}[who]:
            task.cancel()
        if who == "all":
            await asyncio.wait(tasks)
        go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await cache.aclose()
        return answers

    cache = Cache("cancelled", redis=Redis(redis_db, timeout=10.0))
    answers = asyncio.run(main(cache))
    gone = {"leader": 1, "waiter": 1, "all": 6}[who]
    assert sum(isinstance(answer, asyncio.CancelledError) for answer in answers) == gone
    assert answers.count("v") == 6 - gone
    assert (len(calls), len(ended)) == {"leader": (2, 1), "waiter": (1, 0), "all": (1, 1)}[who]
    assert len(cache.core.flights) == 0
    with Cache("cancelled", redis=Redis(redis_db, timeout=10.0)) as other:
        assert other.get_or_load("k", lambda: "v") == "v"


@pytest.mark.scenario(6)
def test_a_loader_that_asks_for_itself(make, face):
    """A loader that asks for its own key, itself, by way of another cache, or after a deletion, is told so."""
    one, two = make(), face(Cache("other"))
    f = one.decorate(lambda key: one.call(g, key))
    g = two.decorate(lambda key: one.call(f, key))
    assert isinstance(outcome(begin(one.call, f, "a")), RecursiveLoadError)

    def direct():
        return one.get_or_load("k", direct)

    def deletes():
        one.delete("k")
        return one.get_or_load("k", deletes)

    assert isinstance(outcome(begin(one.get_or_load, "k", direct)), RecursiveLoadError)
    assert isinstance(outcome(begin(one.get_or_load, "k", deletes)), RecursiveLoadError)
    assert one.get_or_load("k", lambda: one.get("k", "nothing")) == "nothing"
    two.close()


@pytest.mark.scenario(6)
def test_loads_side_by_side_may_need_each_other():
    """What one loader loads side by side is no recursion: one of them may wait for another, and it is loaded once."""
    cache, calls = Cache("siblings"), []

    async def rate():
        calls.append(1)
        await asyncio.sleep(0)
        return 2

    async def price():
        return 10 * await cache.aget_or_load("rate", rate)

    async def page():
        found = await asyncio.gather(
            cache.aget_or_load("rate", rate),
            cache.aget_or_load("price", price),
            cache.aget_or_load("price", price),
        )
        return sum(found)

    assert asyncio.run(cache.aget_or_load("page", page)) == 42
    assert len(calls) == 1


COLOURS = list(itertools.product(("thread", "task"), repeat=2))


@pytest.mark.scenario(6)
@pytest.mark.parametrize("colours", COLOURS, ids="-".join)
@pytest.mark.parametrize("moment", ["asked", "about to wait"])
def test_two_that_need_each_other(colours, moment):
    """f(a) needs g(b) while g(b) needs f(a), in threads, tasks or one of each, over two caches: both end."""
    one, two = Cache("one"), Cache("two")
    under_way, both = threading.Barrier(2), threading.Barrier(2)
    if moment == "about to wait":  # both have asked whether they may wait, and neither has begun to
        for cache in (one, two):
            core = cache.core
            wait = core.wait

            def meet(flight, request, wait=wait):
                both.wait(30)
                return (yield from wait(flight, request))

            core.wait = meet

    def thread(mine, other, key, needs):
        def load():
            under_way.wait(30)
            return other.get_or_load(needs, lambda: "alone") and key

        return mine.get_or_load(key, load)

    def task(mine, other, key, needs):
        async def alone():
            return "alone"

        async def load():
            await asyncio.to_thread(under_way.wait, 30)
            return await other.aget_or_load(needs, alone) and key

        return asyncio.run(mine.aget_or_load(key, load))

    kinds = {"thread": thread, "task": task}
    first = begin(kinds[colours[0]], one, two, "a", "b")
    second = begin(kinds[colours[1]], two, one, "b", "a")
    assert (first.result(30), second.result(30)) == ("a", "b")


@pytest.mark.scenario(7)
def test_never_two_loaders_at_once(make):
    """However often a loader fails while some wait and others arrive, on two nodes, no two run at the same time."""
    nodes, busy = [make()], Busy()
    if nodes[0].redis is not None:
        nodes.append(make())

    def load():
        with busy:
            time.sleep(0.0005)
            raise OSError("away")

    def ask(node):
        for _ in range(8):
            outcome(begin(node.get_or_load, "k", load))

    for future in [begin(ask, node) for node in nodes for _ in range(5)]:
        future.result(60)
    assert busy.most == 1
    assert busy.calls > len(nodes)


@pytest.mark.scenario(12)
@pytest.mark.parametrize("leader", ["thread", "task"])
def test_threads_and_tasks_wait_for_one_load(leader):
    """A thread and a task that want the same key share one load, and a loop whose task waits for a thread goes on."""
    cache, loader = Cache("mixed"), Loader({"k": "v"})

    async def later():
        return await asyncio.to_thread(loader)

    async def main():
        if leader == "thread":
            first = asyncio.wrap_future(begin(cache.get_or_load, "k", loader))
            await asyncio.to_thread(loader.stop.wait)
            second = asyncio.create_task(cache.aget_or_load("k", later))
        else:
            first = asyncio.create_task(cache.aget_or_load("k", later))
            await asyncio.to_thread(loader.stop.wait)
            second = asyncio.wrap_future(begin(cache.get_or_load, "k", loader))
        turns = 0
        while turns < 50:  # were the loop blocked by the load, the load would never be let go
            await asyncio.sleep(0.001)
            turns += 1
        loader.stop.go.set()
        return await asyncio.gather(first, second)

    assert asyncio.run(asyncio.wait_for(main(), 30)) == ["v", "v"]
    assert loader.calls == 1


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.scenario(13)
def test_a_stale_value_while_the_loader_takes_long(make):
    """Whatever colour asks during a slow load is given the stale value; there is one load, and it is kept."""
    clock = Clock()
    node = make(clock=clock, ttl=10, stale_if_error=100, soft_timeout=0.02, trust=1e9)
    node.set("k", "old")
    clock.now += 11
    loader = Loader({"k": "new"})

    async def later():
        return await asyncio.to_thread(loader)

    assert node.get_or_load("k", loader) == "old"
    assert node.cache.get_or_load("k", loader) == "old"
    if node.name == "tasks":
        assert node.wait(node.cache.aget_or_load("k", later)) == "old"
    loader.stop.go.set()
    until(lambda: node.peek("k") == "new")
    assert loader.calls == 1


@pytest.mark.scenario(13)
def test_a_stale_value_that_is_invalidated_meanwhile(make):
    """Whoever counted on a stale value that is invalidated meanwhile waits for the load, without LoadTimeout."""
    clock = Clock()
    node = make(clock=clock, ttl=10, stale_if_error=100, soft_timeout=0.05, trust=1e9)
    node.set("k", "old", tags=["t"])
    clock.now += 11
    loader = Loader({"k": "new"})
    asking = begin(node.get_or_load, "k", loader, tags=["t"])
    loader.stop.wait()
    node.cache.core.flights.bump(["t"])
    with pytest.raises(TimeoutError):
        asking.result(0.3)
    loader.stop.go.set()
    assert asking.result(30) == "new"


@pytest.mark.scenario(13)
def test_time_limits_within_time_limits(face):
    """Twelve slow loads with a time limit, each of which needs another with one, end."""
    node = face(Cache("nested", hard_timeout=60))
    together = threading.Barrier(12)

    def outer(number):
        together.wait(30)
        return inner(number) + 1

    def inner(number):
        return node.cache.get_or_load(("inner", number), lambda: number)

    ask = [begin(node.cache.get_or_load, number, lambda number=number: outer(number)) for number in range(12)]
    assert [future.result(30) for future in ask] == list(range(1, 13))
    node.close()


@pytest.mark.scenario(13)
def test_a_time_limit_holds_for_who_joins(make):
    """Who joins a load with a time limit of his own is told LoadTimeout by it, whoever leads."""
    node, loader = make(), Loader({"k": "v"})
    leader = begin(node.get_or_load, "k", loader)
    loader.stop.wait()
    assert isinstance(outcome(begin(node.get_or_load, "k", loader, hard_timeout=0.02)), LoadTimeout)
    loader.stop.go.set()
    assert leader.result(30) == "v"


@pytest.mark.scenario(14)
def test_what_comes_together_does_not_go_together():
    """10,000 values that are set at once with a jitter of a tenth go evenly: in no second more than twice the mean."""
    clock = Clock()
    cache = Cache(ttl=60, jitter=0.1, clock=clock)
    for number in range(10_000):
        cache.set(number, number)
    seconds = collections.Counter(int(cache.explain(number).ttl_left) for number in range(10_000))
    assert max(seconds.values()) < 2 * 10_000 / 6


class Simulated:
    """One key, its callers and its slow loader on a clock of their own: plans are performed step by step."""

    def __init__(self, seed, took, **options):
        self.clock, self.took = Clock(), took
        self.core = Cache("simulated", clock=self.clock, **options).core
        self.core.dice = random.Random(seed).random
        self.loads = self.blocked = 0
        self.due = []

    def ask(self, request):
        """A caller comes."""
        if self.core.store.get("k") is not None:
            return
        effect, plan = None, self.core.answer(request)
        try:
            effect = next(plan)
            while isinstance(effect, Spawn):
                self._begin(effect.plan)
                effect = plan.send(None)
        except StopIteration:
            return
        self.blocked += 1
        assert isinstance(effect, Load)
        self.loads += 1
        self.due.append((self.clock.now + self.took, plan))

    def _begin(self, plan):
        assert isinstance(next(plan), Load)
        self.loads += 1
        self.due.append((self.clock.now + self.took, plan))

    def tick(self, seconds):
        """Time passes; loads end."""
        self.clock.now += seconds
        for when, plan in [each for each in self.due if each[0] <= self.clock.now]:
            self.due.remove((when, plan))
            with pytest.raises(StopIteration):
                plan.send("v")


@pytest.mark.scenario(14)
def test_hot_values_are_renewed_before_they_expire():
    """At 100 requests a second for a key with a TTL of 60 s and a load of 0.5 s XFetch costs at most 3 loads per TTL.

    Once the value is there nobody waits for it again.
    """
    ttls, play = 25, Simulated(14, took=0.5, ttl=60, early=1.0)
    request = Cache("simulated", ttl=60, early=1.0)._request("k", is_async=False)
    play.ask(request)
    play.tick(0.5)
    for _ in range(ttls * 60 * 100):
        play.ask(request)
        play.tick(0.01)
    assert play.blocked == 1
    assert ttls <= play.loads <= 3 * ttls
