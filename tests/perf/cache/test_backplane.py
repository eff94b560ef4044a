"""What one process invalidates, heard by others."""

import gc
import statistics
import threading
import time

import pytest

from mestres_perf import MISS, Cache, Memory, Redis
from mestres_perf.cache._backplane import BUMP, CLEAR, DROP, Follower, Message
from mestres_perf.cache._entry import Entry
from mestres_perf.cache._flight import Flights
from mestres_perf.cache._memory import Store


def until(condition):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.0005)


class Node:
    """A follower on a memory of one value, `k`, known in Redis as `name`, with the tag `t`; and a clock."""

    def __init__(self):
        self.now = 100.0
        self.store = Store(Memory(), clock=lambda: self.now)
        self.flights = Flights(self.store)
        self.follower = Follower(self.flights, "me", trust=1.0, clock=self.store.clock)
        self.follower.begin("5-0", 5)
        self.fill()

    def fill(self):
        entry = Entry("k", 1, expires=1e9, stored=self.now)
        entry.name, entry.tags = "name", ("t",)
        self.store.put(entry, self.store.ticket())

    def hear(self, *numbers, kind=DROP, parts=("other",), origin="you", is_all=True):
        messages = [Message(f"{number}-0", number, origin, kind, tuple(parts)) for number in numbers]
        last = numbers[-1] if numbers else self.follower._number
        self.follower.hear(messages, asked_at=self.now, is_all=is_all, number=last)

    @property
    def holds(self):
        return self.store.get("k") is not None


@pytest.mark.parametrize(("kind", "parts"), [(DROP, ["name"]), (BUMP, ["t"]), (CLEAR, [])])
def test_each_kind_of_message(kind, parts):
    """A value is forgotten by its name, by its tag, and with everything; other names and tags leave it."""
    node = Node()
    node.hear(6, kind=kind, parts=parts)
    assert not node.holds
    node.fill()
    node.hear(7, kind=BUMP if kind == BUMP else DROP, parts=["another"])
    assert node.holds


def test_own_messages_change_nothing():
    """What this process has announced it has done before; but the number counts."""
    node = Node()
    node.hear(6, parts=["name"], origin="me")
    assert node.holds
    node.hear(7)
    assert node.holds
    assert node.follower.gaps == 0


@pytest.mark.scenario(20, 21)
@pytest.mark.parametrize("numbers", [[7], [6, 8], [5], [1]])
def test_a_gap_empties_memory(numbers):
    """A message that is missing, comes twice or has a lower number: nothing in memory is believed any more."""
    node = Node()
    node.hear(*numbers)
    assert not node.holds
    node.fill()
    node.hear(numbers[-1] + 1)
    assert node.holds


@pytest.mark.scenario(21)
def test_a_last_message_that_was_lost():
    """When there is nothing to hear, but the numbers have gone on, the last messages were lost."""
    node = Node()
    node.follower.hear([], asked_at=node.now, is_all=True, number=5)
    assert node.holds
    node.follower.hear([], asked_at=node.now, is_all=True, number=6)
    assert not node.holds


@pytest.mark.scenario(23)
def test_numbers_that_went_back():
    """After a failover that lost writes the stream ends earlier than it did: memory is emptied. Else one goes on."""
    node = Node()
    node.follower.begin("9-0", 9)
    assert node.holds
    assert node.follower.place == "5-0"
    node.follower.begin("3-0", 3)
    assert not node.holds
    assert node.follower.place == "3-0"


def test_trust_is_earned_by_answers():
    """Memory is trusted for `trust` seconds from the last question that was answered in full."""
    node = Node()
    assert node.follower.horizon(node.now) < node.now
    node.hear()
    assert node.follower.horizon(node.now) == node.now + 1
    node.now += 5
    node.hear(6, is_all=False)
    assert node.follower.horizon(node.now) < node.now


def test_what_was_read_before_listening_began_is_not_trusted_longer():
    """The horizon is for values that were true after one began to listen: of earlier ones a message may be missing."""
    node = Node()
    node.now += 1
    node.hear()
    assert node.follower.horizon(99.0) < node.now < node.follower.horizon(100.0)
    node.hear(9)  # a gap
    assert node.follower.horizon(100.0) < node.now <= node.follower.horizon(101.0)


def test_a_load_under_way_is_void():
    """A message about a key that is being loaded keeps what is loaded out of memory, and newcomers out of the load."""
    node = Node()
    for kind, parts in ((DROP, ["loading"]), (BUMP, ["u"]), (CLEAR, [])):
        flight = node.flights.join("new", ("u",), name="loading", is_async=False)
        assert flight.take()
        node.hear(node.follower._number + 1, kind=kind, parts=parts)
        assert flight.ticket.void
        assert not node.flights.has("new")


@pytest.fixture
def nodes(redis_db):
    """Two nodes that hear each other, with time to spare."""
    made = [Cache("shop", redis=Redis(redis_db, timeout=5.0), trust=20.0) for _ in range(2)]
    yield made
    for node in made:
        node.close()


def heard(node):
    """The node has begun to listen."""
    node.get("nothing")
    until(lambda: node.core.follower.horizon(time.monotonic()) > time.monotonic())


HOW = {
    "delete": lambda node: node.delete("k"),
    "set": lambda node: node.set("k", "new"),
    "tags": lambda node: node.invalidate_tags("t"),
    "clear": lambda node: node.clear(),
}


@pytest.mark.parametrize("how", HOW)
def test_others_hear_of_it(nodes, how):
    """Whatever makes a value untrue on one node removes it from the memory of another, and from nowhere else."""
    here, there = nodes
    heard(there)
    assert there.get_or_load("k", lambda: "old", tags=["t"]) == "old"
    assert there.get_or_load("other", lambda: 1) == 1
    HOW[how](here)
    until(lambda: there.peek("k") is MISS)
    assert there.peek("other") == (MISS if how == "clear" else 1)
    assert there.get_or_load("k", lambda: "new") == "new"


def test_memory_is_believed_without_asking(redis_db):
    """With a backplane a value stays in memory for all its TTL: nobody asks Redis for it again."""
    now = [1000.0]
    with Cache("shop", redis=Redis(redis_db, timeout=5.0), clock=lambda: now[0]) as cache:
        cache.get("nothing")
        until(lambda: cache.core.follower.horizon(now[0]) > now[0])
        cache.get_or_load("k", lambda: 1)
        backend = cache._redis.blocking
        backend.ask = lambda effect: pytest.fail(f"asked {effect}")
        for _ in range(5):
            now[0] += 0.9
            until(lambda: cache.core.follower.horizon(now[0]) > now[0] + 0.9)
            assert cache.get_or_load("k", lambda: 2) == 1


def test_a_value_is_gone_soon(nodes):
    """From the return of an invalidation on one node to its effect on another it is a matter of milliseconds."""
    here, there = nodes
    heard(there)
    times = []
    for number in range(300):
        there.get_or_load("k", lambda number=number: number)
        here.delete("k")
        began = time.perf_counter()
        while there.peek("k") is not MISS:
            time.sleep(0)
        times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.005


@pytest.mark.scenario(30)
def test_missed_messages_are_caught_up(nodes, redis_db):
    """10,000 invalidations while one node's connection is down: after its return nothing old is read."""
    import redis

    here, there = nodes
    keys = [f"k{number}" for number in range(200)]
    heard(there)
    for key in keys:
        there.get_or_load(key, lambda: "old")
    with redis.Redis.from_url(redis_db) as client:
        stop = threading.Event()

        def cut():
            while not stop.is_set():
                for each in client.client_list():
                    if each["cmd"].startswith("xread"):
                        client.client_kill_filter(_id=each["id"])

        thread = threading.Thread(target=cut)
        thread.start()
        for number in range(10_000):
            here.delete(keys[number % 200])
        stop.set()
        thread.join()
    until(lambda: all(there.peek(key) is MISS for key in keys))
    assert {there.get_or_load(key, lambda: "new") for key in keys} == {"new"}


@pytest.mark.scenario(21)
def test_messages_that_were_trimmed_are_missed(nodes, redis_db):
    """When the stream has been cut short meanwhile, the gap is seen and memory emptied."""
    import redis

    here, there = nodes
    heard(there)
    there.get_or_load("k", lambda: "old")
    with redis.Redis.from_url(redis_db) as client:
        gaps = there.core.follower.gaps
        with client.pipeline() as together:
            together.incr("{shop}:q", 5)
            together.xadd("{shop}:s", {"n": int(client.get("{shop}:q") or 0) + 6, "o": "x", "k": "d", "p": "nothing"})
            together.execute()
    until(lambda: there.core.follower.gaps > gaps)
    assert there.peek("k") is MISS
    here.delete("k")


@pytest.mark.scenario(31)
def test_a_silent_connection_is_not_believed(redis_db):
    """When no answer comes any more, memory is trusted for `trust` seconds and not longer: Redis is asked again."""
    now = [1000.0]
    with (
        Cache("shop", redis=Redis(redis_db, timeout=5.0), clock=lambda: now[0]) as there,
        Cache("shop", redis=Redis(redis_db, timeout=5.0), backplane=False) as here,
    ):
        there.get("nothing")
        until(lambda: there.core.follower.horizon(now[0]) > now[0])
        assert there.get_or_load("k", lambda: "old") == "old"
        there.core.follower.hear = lambda *_, **__: None  # deaf
        here.delete("k")
        assert there.get("k") == "old"
        now[0] += 1.1
        assert there.get("k") is MISS


def test_nothing_is_kept_alive(redis_db):
    """A cache that nobody holds any more stops listening."""
    cache = Cache("shop", redis=Redis(redis_db, timeout=5.0))
    heard(cache)
    thread, redis = cache._listener._thread, cache._redis
    del cache
    until(lambda: gc.collect() < 0 or not thread.is_alive())
    redis.close()
