"""What users of a cache care for, each as a check that runs on any library: it holds or it does not.

Races are made by loaders that stop in the middle, never by luck. What must happen is given `DEADLINE` seconds, and
what must not happen is watched for `QUIET` seconds.
"""

import asyncio
import gc
import os
import pickle
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from perf.peers.library import MISSING, TASKS, THREADS
from perf.peers.room import DEADLINE, QUIET, Held, Node, Room, eventually

CALLERS = 6


@dataclass(frozen=True)
class Claim:
    """One row of the table. It is absent where a need is; with `once` it is tried once, not for each colour."""

    check: Callable[[Room], bool]
    title: str
    needs: tuple[str, ...]
    once: bool
    pending: str | None
    conceded: str | None

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def rule(self) -> str:
        """The sentence that the check decides."""
        return " ".join((self.check.__doc__ or "").split())


CLAIMS: dict[str, Claim] = {}


def claim(
    title: str, *needs: str, once: bool = False, pending: str | None = None, conceded: str | None = None
) -> Callable[[Callable[[Room], bool]], Callable[[Room], bool]]:
    """`pending`: why it is not decided yet for any library. `conceded`: why our own column says no."""

    def register(check: Callable[[Room], bool]) -> Callable[[Room], bool]:
        CLAIMS[check.__name__] = Claim(check, title, needs, once, pending, conceded)
        return check

    return register


def call(room: Room, function: Callable[..., Any], *arguments: Any) -> Any:
    return room.do(function, *arguments)


def counted(value: Callable[[Any], Any] = lambda key: key) -> tuple[Callable[..., Any], list[Any]]:
    """A loader, and the keys it was called with."""
    calls: list[Any] = []

    def load(key: Any) -> Any:
        calls.append(key)
        return value(key)

    return load, calls


def loader_of(held: Held) -> Callable[..., Any]:
    def load(key: Any) -> Any:
        return held.run()

    return load


# What can be decorated, and what comes back


@claim("plain and async functions with one object", once=True)
def both_colours(room: Room) -> bool:
    """One cache object decorates a plain function, which stays plain, and an async one, which is awaited as before."""
    cache = room.node().cache
    loads: list[str] = []

    def plain(key: str) -> str:
        loads.append(key)
        return key

    async def awaited(key: str) -> str:
        loads.append(key)
        return key

    one, other = cache.decorate(plain), cache.decorate(awaited)

    async def both() -> list[str]:
        return [one("a"), one("a"), await other("b"), await other("b")]

    return asyncio.run(both()) == ["a", "a", "b", "b"] and sorted(loads) == ["a", "b"]


@claim("`None` is a value")
def none(room: Room) -> bool:
    """A function that returns None is not called again."""
    load, calls = counted(lambda _: None)
    function = room.node().decorate(load)
    return [call(room, function, 1), call(room, function, 1)] == [None, None] and len(calls) == 1


@claim("keys do not collide")
def keys(room: Room) -> bool:
    """Calls with different arguments never share a value: 1, "1", True, 1.0, None, "", b"a" and texts with colons."""

    def load(a: Any, b: Any) -> str:
        return repr((a, b))

    function = room.node().decorate(load)
    calls = [(each, 0) for each in (1, "1", True, 1.0, None, "None", "", b"a", "a", "b'a'", (1, 2), "(1, 2)")]
    calls += [("x:y", "z"), ("x", "y:z"), ("x b", "y"), ("x", "b y"), ("x", "y,z"), ("x,y", "z"), ("x:b:y", "z")]
    return all(call(room, function, *each) == repr(each) for each in calls)


@claim("a caller who changes a list changes only his own", "protected")
def mutable_values(room: Room) -> bool:
    """With the library's option for it, a returned list can be changed without changing what the next caller gets."""
    node = room.node("protected")
    function = node.decorate(lambda key: [1, [2]], "copying")
    first = call(room, function, 1)
    first.append(3)
    first[1].append(3)
    return call(room, function, 1) == [1, [2]]


# Memory


@claim("memory is bounded")
def bounded(room: Room) -> bool:
    """Of 1,000 values in a cache for 100, at least 850 are gone; the last one is there."""
    load, calls = counted()
    function = room.node("memory", items=100).decorate(load)
    for key in range(1000):
        call(room, function, key)
    call(room, function, 999)
    remembers = len(calls) == 1000
    calls.clear()
    for key in reversed(range(1000)):
        call(room, function, key)
    return remembers and len(calls) >= 850


@claim("bounded in bytes too", "bytes_bound")
def bytes_bound(room: Room) -> bool:
    """Of 100 values of 100 kB in a cache for 1 MB, at least 85 are gone."""
    load, calls = counted(lambda key: bytes([key]) * 100_000)
    function = room.node("bytes_bound", size=1_000_000).decorate(load)
    for _ in range(2):
        for key in range(100):
            call(room, function, key)
    return len(calls) >= 185


@claim("a scan does not wash out what is used", "scanproof")
def scan(room: Room) -> bool:
    """In a cache for 100, of 50 values read ten times at least 40 survive 1,000 others that are read once and go."""
    load, calls = counted()
    function = room.node("scanproof", items=100).decorate(load)
    for _ in range(10):
        for key in range(50):
            call(room, function, key)
    for key in range(1000, 2000):
        call(room, function, key)
    calls.clear()
    for key in (*range(50), *range(1000, 2000)):
        call(room, function, key)
    lost = [key for key in calls if key < 50]
    return len(lost) <= 10 and len(calls) - len(lost) >= 850


@claim("each value its own TTL", "put", "get")
def ttl_per_value(room: Room) -> bool:
    """Two values of one cache: the one put in for a second goes, the one put in for longer stays."""
    node = room.node("each_its_ttl" if hasattr(room.library, "each_its_ttl") else "memory")
    node.put("short", "s", 1)
    node.put("long", "l", 1000)
    held = node.get("short") == "s"
    return held and eventually(lambda: node.get("short") is MISSING) and node.get("long") == "l"


@claim("TTLs do not follow the wall clock", "put", "get")
def wall_clock(room: Room) -> bool:
    """A value put in for 1,000 seconds is there when the wall clock is set forward by a day."""
    node = room.node("each_its_ttl" if hasattr(room.library, "each_its_ttl") else "memory")
    node.put("key", "value", 1000)
    with mock.patch("time.time", return_value=time.time() + 86_400):
        return node.get("key") == "value"


# Herds


def _herd(room: Room, function: Callable[..., Any], held: Held) -> list["Future[Any]"]:
    """Callers who all ask for the same while the loader stands in the middle."""
    callers = [room.start(function, 1)]
    held.wait()
    callers += [room.start(function, 1) for _ in range(CALLERS - 1)]
    eventually(lambda: held.calls > 1, QUIET)
    return callers


def _one_load(room: Room) -> bool:
    held = Held("value")
    function = room.node().decorate(loader_of(held))
    callers = _herd(room, function, held)
    held.go.set()
    return [each.result(DEADLINE) for each in callers] == ["value"] * CALLERS and held.calls == 1


@claim("one load for a herd of threads", THREADS)
def one_load_threads(room: Room) -> bool:
    """Threads that ask for the same value while it is loaded wait for that one load."""
    return room.is_async or _one_load(room)


@claim("one load for a herd of tasks", TASKS)
def one_load_tasks(room: Room) -> bool:
    """Tasks that ask for the same value while it is loaded wait for that one load."""
    return not room.is_async or _one_load(room)


@claim("one load over processes", "herd", once=True)
def one_load_processes(room: Room) -> bool:
    """Three processes ask an empty Redis for the same value at the same time: one of them loads it."""
    import redis

    client = redis.Redis.from_url(room.url)
    children = [_forked(lambda: _ask_with_others(room)) for _ in range(3)]
    met = eventually(lambda: int(client.get("loads") or 0) > 0)
    eventually(lambda: int(client.get("loads") or 0) > 1, 2 * QUIET)
    client.set("go", 1)
    ended = [_ended_well(child) for child in children]
    return met and all(ended) and int(client.get("loads") or 0) == 1


def _ask_with_others(room: Room) -> bool:
    import redis

    own = redis.Redis.from_url(room.url)

    def load(key: Any) -> str:
        own.incr("loads")
        eventually(lambda: bool(own.get("go")), 2 * DEADLINE)
        return "value"

    fresh = Room(room.library, room.colour, room.url)
    function = fresh.node("herd").decorate(load)
    own.incr("ready")
    eventually(lambda: int(own.get("ready") or 0) == 3)
    return fresh.do(function, 1, seconds=2 * DEADLINE) == "value"


def _forked(work: Callable[[], bool]) -> int:
    """A child process that does the work; it ends well when the work says so."""
    child = os.fork()
    if child:
        return child
    try:
        os._exit(0 if work() else 1)
    except BaseException:  # noqa: BLE001 - the parent hears of it by the exit code
        os._exit(2)


def _ended_well(child: int) -> bool:
    status: list[int] = []

    def ended() -> bool:
        found, code = os.waitpid(child, os.WNOHANG)
        if found:
            status.append(code)
        return bool(found)

    if not eventually(ended, 2 * DEADLINE):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return False
    return status == [0]


@claim("a failing load is one load, and leaves nothing")
def failed_load(room: Room) -> bool:
    """All who wait for a loader that raises get its error from that one call; the next caller loads."""
    held = Held(LookupError("none"), "value")
    function = room.node().decorate(loader_of(held))
    callers = _herd(room, function, held)
    held.go.set()
    errors = [each.exception(DEADLINE) for each in callers]
    told = all(isinstance(each, LookupError) for each in errors) and held.calls == 1
    return told and call(room, function, 1) == "value"


@claim("a cancelled caller hurts nobody else", TASKS)
def cancelled_leader(room: Room) -> bool:
    """When the task that loads is cancelled, those who wait get a value."""
    if not room.is_async:
        return True
    cache = room.node().cache

    async def scenario() -> bool:
        entered, calls = asyncio.Event(), 0

        async def load(key: int) -> str:
            nonlocal calls
            calls += 1
            entered.set()
            await (asyncio.sleep(0) if calls > 1 else asyncio.sleep(DEADLINE))
            return "value"

        function = cache.decorate(load)

        async def ask() -> Any:
            return await function(1)

        leader = asyncio.ensure_future(ask())
        await entered.wait()
        waiter = asyncio.ensure_future(ask())
        for _ in range(10):
            await asyncio.sleep(0)
        leader.cancel()
        return await asyncio.wait_for(waiter, DEADLINE / 2) == "value"

    return bool(room.do(scenario))


@claim("a loader may ask for its own value")
def reentrant(room: Room) -> bool:
    """A loader that calls its own function with the same arguments gets an answer or an error; it does not hang."""
    depth = 0

    def load(key: Any) -> Any:
        nonlocal depth
        depth += 1
        return "inner" if depth > 1 else function(key)

    async def aload(key: Any) -> Any:
        nonlocal depth
        depth += 1
        return "inner" if depth > 1 else await function(key)

    function = room.node().decorate(aload if room.is_async else load)
    try:
        room.do(function, 1, seconds=DEADLINE / 2)
    except TimeoutError:
        return False
    except Exception:  # noqa: BLE001 - an error is an answer
        return True
    return True


# Invalidation


def _no_stale_fill(room: Room, function: Callable[..., Any], held: Held, invalidate: Callable[[], object]) -> bool:
    loading = room.start(function, 1)
    held.wait()
    told = room.start(invalidate)
    eventually(told.done, QUIET)  # a library may let it wait for the load
    held.go.set()
    loading.result(DEADLINE)
    told.result(DEADLINE)
    return call(room, function, 1) == "new"


@claim("no stale fill after an invalidation by key", "invalidate")
def no_stale_fill(room: Room) -> bool:
    """What a loader read before an invalidation is not remembered after it."""
    held = Held("old", "new")
    node = room.node()
    function = node.decorate(loader_of(held))
    return _no_stale_fill(room, function, held, lambda: node.cache.invalidate(function, 1))


@claim("no stale fill after an invalidation by tag", "tagged")
def no_stale_fill_by_tag(room: Room) -> bool:
    """The same, when the tag of the value is invalidated."""
    held = Held("old", "new")
    node = room.node()
    function = node.decorate(loader_of(held), "tagged", tag="things")
    return _no_stale_fill(room, function, held, lambda: node.cache.invalidate_tag("things"))


@claim("... nor when another process invalidates", "redis", "invalidate")
def no_stale_fill_elsewhere(room: Room) -> bool:
    """The same through Redis: one node loads, another invalidates meanwhile, and both then read the new value."""
    held = Held("old", "new")
    load = loader_of(held)
    here, there = room.node("redis"), room.node("redis")
    function, other = here.decorate(load), there.decorate(load)
    fine = _no_stale_fill(room, function, held, lambda: there.cache.invalidate(other, 1))
    return fine and call(room, other, 1) == "new"


@claim("tags", "tagged")
def tags(room: Room) -> bool:
    """Invalidating a tag forgets the values that have it, and no others."""
    node = room.node()

    def first(key: int) -> int:
        loads.append("first")
        return key

    def second(key: int) -> int:
        loads.append("second")
        return key

    loads: list[str] = []
    one, other = node.decorate(first, "tagged", tag="one"), node.decorate(second, "tagged", tag="other")
    for function in (one, other):
        call(room, function, 1)
    node.invalidate_tag("one")
    for function in (one, other):
        call(room, function, 1)
    return loads == ["first", "second", "first"]


@claim("invalidation follows a database commit", "follow_commits")
def commits(room: Room) -> bool:
    """With SQLAlchemy, a commit invalidates what it made untrue, before it returns; a rollback does not."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

    class Base(DeclarativeBase): ...

    class Thing(Base):
        __tablename__ = "thing"
        id: Mapped[int] = mapped_column(primary_key=True)

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    node = room.node()
    node.cache.follow_commits(sessions, Thing, "things")
    load, calls = counted()
    function = node.decorate(load, "tagged", tag="things")
    loads = []
    call(room, function, 1)
    for end in ("rollback", "commit"):
        with sessions() as session:
            session.add(Thing())
            session.flush()
            getattr(session, end)()
            call(room, function, 1)
            loads.append(len(calls))
    engine.dispose()
    return loads == [1, 2]


# Slow and failing loaders


@claim("stale while revalidating", "renewing")
def stale_while_revalidate(room: Room) -> bool:
    """After its TTL a value is given out at once while one load renews it; then the new one is given out."""
    held = Held("old", "new")
    held.go.set()
    function = room.node().decorate(loader_of(held), "renewing", ttl=1)
    call(room, function, 1)
    held.wait()
    held.go.clear()
    time.sleep(1.1)
    try:
        at_once = [room.do(function, 1, seconds=DEADLINE / 2) for _ in range(3)]
        held.wait()
    finally:
        held.go.set()
    renewed = eventually(lambda: call(room, function, 1) == "new")
    return at_once == ["old"] * 3 and renewed and held.calls == 2


@claim("stale when the loader fails", "forgiving")
def stale_if_error(room: Room) -> bool:
    """After its TTL a value is given out when the loader raises."""
    held = Held("old", OSError("away"))
    held.go.set()
    function = room.node().decorate(loader_of(held), "forgiving", ttl=1)
    call(room, function, 1)
    time.sleep(1.1)
    return call(room, function, 1) == "old" and held.calls == 2


@claim("a time limit for loaders", "timed")
def loader_timeout(room: Room) -> bool:
    """A caller of a loader that does not end gets an error in time; what the loader returns at last is remembered."""
    held = Held("late", "again")
    function = room.node().decorate(loader_of(held), "timed", seconds=0.2)
    in_time = room.start(function, 1).exception(DEADLINE / 2) is not None
    held.go.set()
    return in_time and eventually(lambda: call(room, function, 1) == "late") and held.calls == 1


@claim("many keys, one load for what is missing", "many")
def batches(room: Room) -> bool:
    """Of several keys those that are missing come from one call of the loader; the others do not reach it."""
    node = room.node()
    asked: list[list[str]] = []

    def load(missing: list[str]) -> dict[str, str]:
        asked.append(sorted(missing))
        return {key: key.upper() for key in missing}

    first, second = node.many(["a", "b"], load), node.many(["a", "b", "c", "d"], load)
    return (first, second) == ({"a": "A", "b": "B"}, {key: key.upper() for key in "abcd"}) and asked == [
        ["a", "b"],
        ["c", "d"],
    ]


# Redis


@claim("memory in front of Redis, as one cache", "layered")
def layers(room: Room) -> bool:
    """What one node loads another need not load, and what it has read once it reads again without asking Redis."""
    import redis

    load, calls = counted()
    here, there = room.node("layered"), room.node("layered")
    function, other = here.decorate(load), there.decorate(load)
    call(room, function, 1)
    call(room, other, 1)
    client = redis.Redis.from_url(room.url)

    def quiet() -> bool:  # followers ask Redis too, now and then
        before = client.info("stats")["total_commands_processed"]
        for _ in range(100):
            call(room, other, 1)
        return client.info("stats")["total_commands_processed"] - before < 50

    return len(calls) == 1 and quiet()


@claim("memory elsewhere follows an invalidation", "layered", "invalidate")
def invalidation_elsewhere(room: Room) -> bool:
    """A value in the memory of one node goes soon after another node has invalidated it."""
    load, calls = counted(lambda _: len(calls))
    here, there = room.node("layered"), room.node("layered")
    function, other = here.decorate(load), there.decorate(load)
    for key in range(20):
        call(room, function, key)
        held = call(room, other, key)
        call(room, other, key)
        here.invalidate(function, key)
        if not eventually(lambda: call(room, other, key) != held, DEADLINE / 2):  # noqa: B023 - called at once
            return False
    return True


@claim("a Redis that does not answer costs a moment", "impatient")
def dead_redis(room: Room) -> bool:
    """With a Redis that accepts connections and never answers, a call gets the loader's value within two seconds."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as dead:
        there = Room(room.library, room.colour, f"redis://127.0.0.1:{dead.getsockname()[1]}/0")
        load, _ = counted()
        function = there.node("impatient").decorate(load)
        return there.do(function, 1, seconds=2) == 1


class _Bomb:
    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self._path,)


@claim("what is read from Redis cannot run code", "redis")
def no_forged_payload(room: Room) -> bool:
    """Whoever can write to Redis can change values, but has nothing executed in those who read them."""
    import redis

    client = redis.Redis.from_url(room.url)
    node = room.node("safest" if hasattr(room.library, "safest") else "redis")
    load, _ = counted(lambda key: {"key": str(key)})
    with tempfile.TemporaryDirectory() as folder:
        ran = Path(folder, "ran")
        function = node.decorate(load)
        call(room, function, 0)
        bomb = pickle.dumps(_Bomb(str(ran)))
        names = [key for key in client.keys("*") if client.type(key) == b"string"]
        stored = {name: client.get(name) for name in names}
        for name, value in stored.items():
            forge = getattr(room.library, "forgeries", None)
            for forged in (bomb, _replaced(value, bomb), *(forge(name, bomb) if forge else ())):
                client.set(name, forged)
                _attempt(room, function)
                if ran.exists():
                    return False
        return True


def _replaced(value: bytes, bomb: bytes) -> bytes:
    """A stored value whose pickle is another one."""
    before, mark, _ = value.partition(b"\x80")
    return before + bomb if mark else bomb


def _attempt(room: Room, function: Callable[..., Any]) -> None:
    with suppress(Exception):  # whether it raises is not the question
        call(room, function, 0)


@claim("`clear` leaves other keys in Redis alone", "redis", "clear")
def clear_only_own(room: Room) -> bool:
    """After `clear` the cache has nothing, and what others keep in the same database is there."""
    import redis

    client = redis.Redis.from_url(room.url)
    client.set("somebody else's", "value")
    load, calls = counted()
    node = room.node("redis")
    function = node.decorate(load)
    call(room, function, 1)
    node.clear()
    call(room, function, 1)
    return len(calls) == 2 and client.get("somebody else's") == b"value"


@claim("any object goes through Redis", "redis")
def any_object(room: Room) -> bool:
    """An object of the user's own class is stored in Redis and comes back."""
    load, calls = counted(Point)
    node = room.node("objects" if hasattr(room.library, "objects") else "redis")
    function = node.decorate(load)
    return call(room, function, 1) == call(room, function, 1) == Point(1) and len(calls) == 1


@dataclass
class Point:
    """An object of the user's own class."""

    x: int


@claim("values in files", "file", conceded="values that survive a restart are kept in Redis")
def keeps_in_files(room: Room) -> bool:
    """A value is kept in a file, and is there for the next cache on the same file."""
    load, calls = counted()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            function = room.node("file", folder=folder).decorate(load)
            call(room, function, 1)
            gc.collect()
    return len(calls) == 1


# Where it runs


@claim("works over several event loops", TASKS, once=True)
def event_loops(room: Room) -> bool:
    """One decorated function works in three runs of `asyncio.run` and loads in the first; with Redis if it can."""
    kind = "memory" if room.library.lack("redis") else "redis"
    cache = getattr(room.library, kind)(room)
    calls: list[int] = []

    async def load(key: int) -> int:
        calls.append(key)
        await asyncio.sleep(0)
        return key

    function = cache.decorate(load)

    async def ask() -> list[int]:
        async def one(key: int) -> int:
            return await function(key)

        return await asyncio.gather(one(1), one(1), one(1))

    answers = [asyncio.run(ask())]
    loaded = len(calls)  # how many, is for the claims about herds
    answers += [asyncio.run(ask()) for _ in range(2)]
    return answers == [[1, 1, 1]] * 3 and len(calls) == loaded


@claim("memory works after a fork", once=True)
def fork(room: Room) -> bool:
    """A cache in memory that was used before a fork works in parent and child."""
    node = room.node()
    load, calls = counted()
    function = _without_threads(node, load)
    function(0)

    def child() -> bool:
        calls.clear()
        return [function(key) for key in (*range(100), *range(100))] == [*range(100)] * 2 and len(calls) == 99

    pid = _forked(child)
    fine = all(function(key) == key for key in range(1000, 1100))
    return _ended_well(pid) and fine and function(0) == 0


def _without_threads(node: Node, load: Callable[..., Any]) -> Callable[[Any], Any]:
    """A decorated function that needs no thread of the test's own, since threads do not live on in a child."""
    if not node.room.is_async:
        return node.decorate(load)

    async def later(key: Any) -> Any:
        return load(key)

    function = node.cache.decorate(later)

    async def ask(key: Any) -> Any:
        return await function(key)

    loops: dict[int, asyncio.AbstractEventLoop] = {}  # one for each process

    def run(key: Any) -> Any:
        if os.getpid() not in loops:
            loops[os.getpid()] = asyncio.new_event_loop()
        return loops[os.getpid()].run_until_complete(ask(key))

    return run


# What can be seen


@claim("reading statistics changes nothing", "stats")
def statistics(room: Room) -> bool:
    """After one miss and two hits the statistics say so, however often they are read."""
    node = room.node()
    load, _ = counted()
    function = node.decorate(load)
    for _ in range(3):
        call(room, function, 1)
    return [node.stats(function) for _ in range(5)] == [(2, 1)] * 5


@claim("metrics for Prometheus", "exposition")
def metrics(room: Room) -> bool:
    """After one miss and two hits the exposition has a sample of 1 for misses and of 2 for hits."""
    node = room.node("measured" if hasattr(room.library, "measured") else "memory")
    load, _ = counted()
    function = node.decorate(load)
    for _ in range(3):
        call(room, function, 1)
    lines = [line for line in node.exposition().splitlines() if not line.startswith("#")]
    hits = [line for line in lines if '"hit' in line and float(line.rpartition(" ")[2]) == 2]
    misses = [line for line in lines if '"miss' in line and float(line.rpartition(" ")[2]) == 1]
    return bool(hits) and bool(misses)


@claim("explains where a value is, its age, what is left", "explain")
def explained(room: Room) -> bool:
    """For a call it is told which layer has the value, how old it is and what is left of it; nothing is loaded."""
    node = room.node()
    load, calls = counted()
    function = node.decorate(load)
    empty = node.explain(function, 1)
    call(room, function, 1)
    layer, age, left = node.explain(function, 1)
    return empty[0] is None and len(calls) == 1 and layer == "memory" and 0 <= age < 100 and 900 < left <= 1000


@claim("HTTP responses for WSGI and ASGI", "http")
def http(room: Room) -> bool:
    """A second GET is answered without the application, with `Age`; `If-None-Match` gets 304; WSGI and ASGI alike."""
    node = room.node()
    asked: list[str] = []
    for face in ("wsgi", "asgi"):
        get = node.cache.http(face, lambda: asked.append(face))  # noqa: B023 - called at once
        first, second = get({}), get({})
        again = get({"If-None-Match": second.headers["ETag"]})
        if [first.status, second.status, again.status] != [200, 200, 304] or "Age" not in second.headers:
            return False
    return asked == ["wsgi", "asgi"]
