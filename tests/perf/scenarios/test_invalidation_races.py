"""Failure modes 15 to 29: an invalidation meets a load, a fill, a read, a set, a batch, a failover."""

import asyncio
import threading
import uuid

import pytest

from mestres_perf import MISS, Cache, Memory, Redis, loading
from mestres_perf._kernel.effects import Fetch
from mestres_perf.cache._backplane import DROP, Follower, Message
from mestres_perf.cache._entry import Entry
from mestres_perf.cache._flight import Flights
from mestres_perf.cache._memory import Store
from mestres_perf.errors import LoadTimeout
from perf.faces import Threads
from perf.scenarios.stage import Loader, Paused, Stop, begin, client_of, outcome, until

INVALIDATIONS = {
    "delete": lambda node: node.delete("k"),
    "tags": lambda node: node.invalidate_tags("t"),
    "clear": lambda node: node.clear(),
    "set": lambda node: node.set("k", "new", tags=["t"]),
}


@pytest.fixture(params=INVALIDATIONS)
def invalidate(request):
    """One way after another to make `k` untrue."""
    return INVALIDATIONS[request.param]


def hears(node):
    """The node hears what others invalidate from now on."""
    node.get("nothing")
    follower = node.cache.core.follower
    until(lambda: follower.horizon(node.cache.core.store.clock()) > node.cache.core.store.clock())


def everything_is_heard(*nodes):
    """What has been told by now has reached these nodes."""
    shared = nodes[0].cache.core.shared
    number = int(nodes[0].redis.blocking.ask(Fetch((("GET", shared.names.sequence),)))[0])
    until(lambda: all(node.cache.core.follower._number >= number for node in nodes))


@pytest.mark.scenario(15)
def test_a_load_does_not_put_back_what_was_invalidated(make):
    """A load that read the old value before an invalidation leaves it in no layer, and newcomers are given the new."""
    node = make()
    for invalidate in INVALIDATIONS.values():
        node.clear()
        database = {"k": "old"}
        loader = Loader(database)
        leader = begin(node.get_or_load, "k", loader, tags=["t"])
        loader.stop.wait()
        database["k"] = "new"
        invalidate(node)
        newcomer = begin(node.get_or_load, "k", lambda database=database: database["k"], tags=["t"])
        loader.stop.go.set()
        assert leader.result(30) == "old"  # it had begun before
        assert newcomer.result(30) == "new"
        assert node.get("k") == "new"
        assert node.get_or_load("k", lambda: "again", tags=["t"]) == "new"


STEPS = {
    "loader": None,
    "read": ("PTTL", "after"),
    "lease": ("lease", "after"),
    "before-fill": ("fill", "before"),
    "after-fill": ("fill", "after"),
}


@pytest.mark.scenario(15, 16)
@pytest.mark.parametrize("step", STEPS)
def test_another_node_invalidates_at_any_step_of_a_load(make_node, step):
    """Wherever a load is when another node invalidates its key, all three nodes read the new value afterwards."""
    loads, tells, asks = make_node(), make_node(), make_node()
    hears(loads)
    hears(asks)  # or it would hear of the invalidation during its own load, and keep nothing
    for invalidate in INVALIDATIONS.values():
        tells.clear()
        everything_is_heard(loads, asks)
        database = {"k": "old"}
        loader = Loader(database)
        stop = loader.stop if step == "loader" else loads.redis.stop(STEPS[step][0], when=STEPS[step][1])
        if step != "loader":
            loader.stop.go.set()
        leader = begin(loads.get_or_load, "k", loader, tags=["t"])
        stop.wait()
        database["k"] = "new"
        invalidate(tells)
        everything_is_heard(loads, asks)
        newcomer = begin(asks.get_or_load, "k", lambda database=database: database["k"], tags=["t"])
        stop.go.set()
        assert leader.result(30) in {"old", "new"}
        assert newcomer.result(30) == "new"
        for node in (loads, tells, asks):
            assert node.get_or_load("k", lambda: "again", tags=["t"]) == "new"
            assert node.peek("k") == "new"


@pytest.mark.scenario(17)
@pytest.mark.parametrize("who", ["same node", "another node"])
def test_nobody_waits_for_a_load_that_is_void(make_node, who):
    """Who comes after an invalidation has returned loads at once, on any node, beside the void load."""
    here = make_node()
    there = here if who == "same node" else make_node()
    hears(here)
    for how in (lambda: there.invalidate_tags("t"), there.clear, lambda: there.delete("k")):
        there.clear()
        everything_is_heard(here)
        stop = Stop()
        leader = begin(here.get_or_load, "k", stop.here, tags=["t"])
        stop.wait()
        how()
        everything_is_heard(here)
        for node in (make_node(), there, here):
            assert node.get_or_load("k", lambda: "new", tags=["t"]) == "new"
        assert not leader.done()
        stop.go.set()
        leader.result(30)


@pytest.mark.scenario(16)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("who", ["same node", "another node"])
def test_a_tag_that_the_loader_adds_is_invalidated_meanwhile(make_node, when, who):
    """A tag that only the loader knows keeps the value out when it is invalidated during the load."""
    here = make_node()
    there = here if who == "same node" else make_node()
    stop = Stop()

    def load():
        if when == "before":
            loading().tag("late")
        stop.here()
        if when == "after":
            loading().tag("late")
        return "old"

    leader = begin(here.get_or_load, "k", load)
    stop.wait()
    there.invalidate_tags("late")
    stop.go.set()
    assert leader.result(30) == "old"
    assert here.get_or_load("k", lambda: "new") == "new"
    assert make_node().get("k") == "new"


class Clock:
    """A clock that somebody moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.scenario(16)
@pytest.mark.parametrize("refresh", ["stale", "early"])
def test_a_renewal_does_not_put_back_what_was_invalidated(make, invalidate, refresh):
    """A renewal in the background is no other load: what is invalidated meanwhile it leaves out of every layer."""
    clock = Clock()
    options = {"stale_while_revalidate": 1000} if refresh == "stale" else {"early": 1e6}
    node = make(clock=clock, ttl=10, trust=1e9, **options)

    def first():
        clock.now += 1
        return "old"

    node.cache.core.dice = lambda: 1 - 1e-9
    assert node.get_or_load("k", first, tags=["t"]) == "old"
    clock.now += 11 if refresh == "stale" else 5
    loader = Loader({"k": "old"})
    assert node.get_or_load("k", loader, tags=["t"]) == "old"
    loader.stop.wait()
    node.cache.core.dice = lambda: 0.0
    invalidate(node)
    newcomer = begin(node.get_or_load, "k", lambda: "new", tags=["t"])
    loader.stop.go.set()
    assert newcomer.result(30) == "new"
    until(lambda: not node.cache.core.flights.has("k"))
    assert node.get_or_load("k", lambda: "again", tags=["t"]) == "new"


@pytest.mark.scenario(17)
def test_who_comes_after_the_invalidation_does_not_join(make):
    """Whoever joined before may be given the old value; whoever comes after `invalidate_tags` has returned is not.

    The tag is one that only the loader knows: nobody could tell from the load that it is concerned.
    """
    node, database = make(), {"k": "old"}
    loader = Loader(database)

    def load():
        loading().tag("late")
        return loader()

    leader = begin(node.get_or_load, "k", load)
    loader.stop.wait()
    database["k"] = "new"
    node.invalidate_tags("late")
    newcomers = [begin(node.get_or_load, "k", lambda: database["k"]) for _ in range(3)]
    until(lambda: len(newcomers) == 3 and node.cache.core.flights.has("k"))
    loader.stop.go.set()
    assert leader.result(30) == "old"
    assert [newcomer.result(30) for newcomer in newcomers] == ["new"] * 3
    assert node.get("k") == "new"


@pytest.mark.scenario(17)
def test_who_comes_after_does_not_join_a_read_either(make_node):
    """A value on its way from Redis whose tag is invalidated meanwhile is not given to whoever came after that."""
    writer, node = make_node(), make_node()
    writer.set("k", "old", tags=["t"])
    stop = node.redis.stop("GET", when="after")
    reader = begin(node.get_or_load, "k", lambda: "loaded")
    stop.wait()
    node.invalidate_tags("t")
    newcomer = begin(node.get_or_load, "k", lambda: "new")
    assert newcomer.result(30) == "new"
    stop.go.set()
    assert reader.result(30) in {"old", "new"}
    assert node.get("k") == "new"


@pytest.mark.scenario(18)
@pytest.mark.parametrize("reads", ["get", "get_or_load", "get_many"])
def test_an_invalidation_between_redis_and_memory(make_node, reads):
    """What another node invalidates after Redis has answered and before memory is filled does not stay in memory."""
    writer, node = make_node(), make_node()
    ask = {
        "get": lambda: node.get("k"),
        "get_or_load": lambda: node.get_or_load("k", lambda: "loaded", tags=["t"]),
        "get_many": lambda: node.get_many(["k"], lambda keys: dict.fromkeys(keys, "loaded"), tags=["t"]),
    }
    hears(node)
    for invalidate in INVALIDATIONS.values():
        writer.set("k", "old", tags=["t"])
        everything_is_heard(node)
        stop = node.redis.stop("PTTL", when="after")
        reader = begin(ask[reads])
        stop.wait()
        invalidate(writer)
        everything_is_heard(node)
        stop.go.set()
        reader.result(30)
        assert node.peek("k") != "old"
        assert node.get_or_load("k", lambda: "new", tags=["t"]) in {"new", "loaded"}
        assert node.peek("k") != "old"


@pytest.mark.scenario(19)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("who", ["same node", "another node"])
def test_of_two_sets_no_memory_keeps_the_first(make_node, moment, who):
    """When one set overtakes another between Redis and memory, both nodes end with what Redis has."""
    here = make_node()
    there = here if who == "same node" else make_node()
    hears(here)
    hears(there)
    stop = here.redis.stop("set", when=moment)
    first = begin(here.set, "k", "first")
    stop.wait()
    second = begin(there.set, "k", "second")
    second.result(30)
    everything_is_heard(here, there)
    stop.go.set()
    first.result(30)
    everything_is_heard(here, there)
    truth = make_node().get("k")
    assert truth == ("first" if moment == "before" else "second")
    assert here.get("k") == there.get("k") == truth


@pytest.mark.scenario(19)
def test_races_of_sets_converge(make_node):
    """Two nodes that set one key at once agree with Redis after each of 40 times: 200 on all kinds of Redis."""
    nodes, referee = [make_node(), make_node()], make_node(backplane=False, trust=1e-9)
    for node in nodes:
        hears(node)
    for turn in range(40):
        for each in [begin(node.set, "k", [turn, number]) for number, node in enumerate(nodes)]:
            each.result(30)
        everything_is_heard(*nodes)
        truth = referee.get("k")
        assert truth[0] == turn
        assert [node.get("k") for node in nodes] == [truth, truth]


@pytest.mark.scenario(19)
def test_a_set_that_a_delete_overtakes_is_not_kept(make_node):
    """A delete that comes between the two halves of a set leaves no value in memory that Redis has not."""
    here, there = make_node(), make_node()
    hears(here)
    stop = here.redis.stop("set", when="after")
    setting = begin(here.set, "k", 1)
    stop.wait()
    there.delete("k")
    everything_is_heard(here)
    stop.go.set()
    setting.result(30)
    everything_is_heard(here)
    assert here.get("k") == there.get("k")


@pytest.mark.scenario(19)
def test_threads_that_set_in_memory_alone_lose_nothing(face):
    """Without Redis there is but one place: of two sets at once the second stays."""
    node = face(Cache("alone"))
    for turn in range(100):
        for each in [begin(node.set, "k", (turn, number)) for number in range(2)]:
            each.result(30)
        assert node.get("k")[0] == turn
    node.close()


class Lonely:
    """A follower and its memory, without any Redis; `k` is `name` for others and has the tag `t`."""

    def __init__(self):
        self.store = Store(Memory(), clock=lambda: 100.0)
        self.flights = Flights(self.store)
        self.follower = Follower(self.flights, "me", trust=1.0, clock=self.store.clock)
        self.follower.begin("1000-5", 5)

    def fill(self):
        entry = Entry("k", 1, expires=1e9, stored=100.0)
        entry.name, entry.tags = "name", ("t",)
        self.store.put(entry, self.store.ticket())

    def hear(self, *numbers, parts=("other",), kind=DROP):
        messages = [Message(f"1000-{number}", number, "you", kind, parts) for number in numbers]
        self.follower.hear(messages, asked_at=100.0, is_all=True, number=max(numbers))


@pytest.mark.scenario(20)
@pytest.mark.parametrize("order", [(7, 6), (6, 8, 7), (8, 7, 6), (6, 6, 7)])
def test_messages_out_of_order(order):
    """Messages that do not come in their order leave nothing in memory that one of them may have been about."""
    node = Lonely()
    node.fill()
    node.hear(*order)
    assert node.store.get("k") is None
    node.fill()
    node.hear(node.follower._number + 1)
    assert node.store.get("k") is not None


@pytest.mark.scenario(21)
@pytest.mark.parametrize("lost", [1, 5])
def test_messages_that_are_lost(make_node, lost):
    """When messages are lost on the way, the next answer shows it: memory is empty before trust has run out."""
    here, there = make_node(), make_node()
    hears(here)
    here.get_or_load("k", lambda: "old", tags=["t"])
    follower = here.cache.core.follower
    hear, left = follower.hear, [lost]

    def loses(messages, **rest):
        while messages and left[0]:
            messages, left[0] = messages[1:], left[0] - 1
        hear(messages, **rest)

    follower.hear = loses
    for number in range(lost):
        there.invalidate_tags("t" if number == 0 else "other")
    until(lambda: here.peek("k") is MISS)
    until(lambda: left == [0])
    assert here.get_or_load("k", lambda: "new", tags=["t"]) == "new"


@pytest.mark.scenario(22)
@pytest.mark.parametrize("when", ["loader", "before-fill"])
def test_everything_is_lost_while_a_leader_loads(make_node, when):
    """When Redis is emptied during a load, the caller is given its value and no layer keeps it."""
    node = make_node()
    loader = Loader({"k": "v"})
    stop = loader.stop if when == "loader" else node.redis.stop("fill", when="before")
    if when != "loader":
        loader.stop.go.set()
    leader = begin(node.get_or_load, "k", loader, tags=["t"])
    stop.wait()
    with client_of(node) as client:
        client.flushall()
    stop.go.set()
    assert leader.result(30) == "v"
    assert node.peek("k") is MISS
    assert node.get("k") is MISS


@pytest.mark.scenario(23)
@pytest.mark.parametrize("told_since", [0, 3, 7])
def test_a_failover_that_has_lost_writes(make_single, told_since):
    """When Redis is what it was a while ago, memory is emptied, however many messages have come since."""
    here, there = make_single(), make_single()
    hears(here)
    with client_of(here) as client:
        name = here.cache.name
        before = {key: client.dump(key) for key in client.scan_iter(f"*{name}*")}
        for number in range(3):
            there.delete(f"other{number}")
        everything_is_heard(here)
        here.get_or_load("k", lambda: "old", tags=["t"])
        gaps = here.cache.core.follower.gaps
        with client.pipeline() as failover:  # the replica knows nothing of the last three messages, nor of the value
            failover.delete(*client.scan_iter(f"*{name}*"))
            for key, dump in before.items():
                failover.restore(key, 0, dump, replace=True)
            for number in range(told_since):
                failover.xadd(
                    f"{{{name}}}:s",
                    {"n": client_number(before, client, name) + number + 1, "o": "x", "k": "d", "p": "nothing"},
                )
            if told_since:
                failover.incr(f"{{{name}}}:q", told_since)
            failover.execute()
    until(lambda: here.cache.core.follower.gaps > gaps)
    assert here.peek("k") is MISS
    assert here.get_or_load("k", lambda: "new", tags=["t"]) == "new"


def client_number(before, client, name):
    """The number of the last message that the replica has."""
    client.restore("number", 0, before[f"{{{name}}}:q".encode()], replace=True)
    return int(client.getdel("number"))


@pytest.mark.scenario(23)
def test_a_stream_that_has_gone_back():
    """After a failover to a clock that is behind, the numbers may be as high again: the end of the stream tells."""
    node = Lonely()
    node.fill()
    node.follower.begin("1001-0", 5)
    assert node.store.get("k") is not None
    node.follower.begin("999-9", 5)
    assert node.store.get("k") is None


def tag_places(client, node):
    """Where the versions of tags, and how many there have been, are in Redis."""
    name = node.cache.name
    return [f"{name}:t:t", f"{name}:t:", f"{name}:n"]


@pytest.mark.scenario(24)
@pytest.mark.parametrize("lost", ["version of the tag", "version of everything", "count", "all"])
def test_evicted_versions(make_node, lost):
    """Metadata that Redis has evicted is not taken for unchanged: what is invalidated stays invalid."""
    here, there = make_node(), make_node()
    hears(there)
    here.set("k", "old", tags=["t"])
    assert there.get("k") == "old"
    with client_of(here) as client:
        places = tag_places(client, here)
        gone = {"version of the tag": places[:1], "version of everything": places[1:2], "count": places[2:]}
        for place in gone.get(lost, places):
            client.delete(place)
        here.invalidate_tags("t")
        everything_is_heard(there)
        assert here.get("k") is MISS
        assert there.get("k") is MISS
        here.set("other", 1, tags=["t"])  # begins the version anew
        assert make_node().get("k") is MISS
        assert there.get("other") == 1


@pytest.mark.scenario(24)
def test_versions_that_are_evicted_while_a_loader_adds_their_tag(make_node):
    """A count of invalidations that is lost and comes to where it was does not hide the one of the loader's own tag."""
    node = make_node()
    node.invalidate_tags("first")
    loader = Loader({"k": "old"})

    def load():
        value = loader()
        loading().tag("late")
        return value

    leader = begin(node.get_or_load, "k", load)
    loader.stop.wait()
    with client_of(node) as client:
        client.delete(*tag_places(client, node)[2:])
    make_node().invalidate_tags("late")
    loader.stop.go.set()
    assert leader.result(30) == "old"
    assert make_node().get("k") is MISS


@pytest.mark.scenario(25)
def test_a_tag_outlives_the_shortest_of_its_values(make):
    """A value that lives long goes with its tag, though another with that tag has gone long before."""
    clock = Clock()
    node = make(clock=clock, trust=1e9)
    node.set("long", 1, ttl=3600, tags=["t"])
    node.set("short", 2, ttl=0.01, tags=["t"])

    def has_gone():
        clock.now += 1
        return node.get("short") is MISS

    until(has_gone)
    assert node.get("long") == 1
    node.invalidate_tags("t")
    assert node.get("long") is MISS


@pytest.mark.scenario(28)
def test_what_was_cleared_is_no_fallback(make):
    """After `clear` a failing loader raises: nothing that was cleared is better than nothing."""
    clock = Clock()
    node = make(clock=clock, ttl=10, stale_if_error=1000, stale_while_revalidate=1000, trust=1e9)

    def fails():
        raise OSError("away")

    node.get_or_load("k", lambda: "old")
    clock.now += 11
    loader = Stop()
    failing = begin(node.get_or_load, "k", lambda: (loader.here(), fails()))
    assert failing.result(30) == "old"  # stale, and renewed meanwhile
    loader.wait()
    node.clear()
    loader.go.set()
    until(lambda: not node.cache.core.flights.has("k"))
    for _ in range(2):
        assert isinstance(outcome(begin(node.get_or_load, "k", fails)), OSError)
    assert node.get("k") is MISS


@pytest.mark.scenario(15, 28)
@pytest.mark.parametrize("who", ["same node", "another node"])
def test_a_batch_does_not_put_back_what_was_invalidated(make_node, who):
    """Of a batch that is under way the keys that are invalidated are left out, and the others kept."""
    here = make_node()
    there = here if who == "same node" else make_node()
    for invalidate in INVALIDATIONS.values():
        here.clear()
        stop = Stop()

        def load(keys, stop=stop):
            stop.here()
            return dict.fromkeys(keys, "old")

        batch = begin(here.get_many, ["k", "other"], load, tags=["t"])
        stop.wait()
        invalidate(there)
        stop.go.set()
        assert batch.result(30)["other"] == "old"
        assert here.get_or_load("k", lambda: "new") == "new"
        assert make_node().get("k") == "new"


@pytest.mark.scenario(15)
@pytest.mark.parametrize("word", ["DEL", "SET", "announce"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_invalidation_that_is_cancelled(redis_db, word, when):
    """A task that is cancelled while it invalidates leaves nobody with the old value for long: it is told again."""
    name = f"cancelled-{uuid.uuid4().hex}"
    redis = Paused(Redis(redis_db, timeout=10.0))
    here, there = Cache(name, redis=redis, trust=20.0), Cache(name, redis=Redis(redis_db, timeout=10.0), trust=20.0)
    with here, there:
        for node in (here, there):
            hears(Threads(node))
        for node in (here, there):
            assert node.get_or_load("k", lambda: "old", tags=["t"]) == "old"
        stop = redis.stop(word, when=when)

        async def main():
            deed = here.adelete("k") if word == "DEL" else here.ainvalidate_tags("t")
            if word == "announce":
                deed.close()
                deed = here.aset("k", "new", tags=["t"])
            task = asyncio.create_task(deed)
            await asyncio.to_thread(stop.wait)
            task.cancel()
            await asyncio.wait([task])
            stop.go.set()
            await redis.aclose()

        asyncio.run(main())
        assert here.get("k") != "old"
        until(lambda: there.peek("k") is MISS)
        assert there.get_or_load("k", lambda: "new") == "new"


@pytest.mark.scenario(15)
def test_many_threads_at_random(make):
    """While eight threads load, set and invalidate one key, nobody reads what was untrue before he asked."""
    node = make()
    truth, done, lock, wrong = {"k": 0}, {"k": 0}, threading.Lock(), []

    def read():
        for _ in range(60):
            with lock:
                least = done["k"]
            seen = node.get_or_load("k", lambda: truth["k"], tags=["t"])
            if seen < least:
                wrong.append((seen, least))

    def changer(number):
        for turn in range(30):
            with lock:
                truth["k"] += 1
                mine = truth["k"]
            (node.delete("k") if (turn + number) % 2 else node.invalidate_tags("t"))
            with lock:
                done["k"] = max(done["k"], mine)

    for future in [begin(changer, number) for number in range(3)] + [begin(read) for _ in range(5)]:
        future.result(60)
    assert not wrong


@pytest.mark.scenario(29)
def test_a_load_that_goes_on_after_its_time_limit(make, invalidate):
    """A load whose callers were given LoadTimeout goes on, and stores nothing that was invalidated meanwhile."""
    node, database = make(), {"k": "old"}
    loader = Loader(database)
    with pytest.raises(LoadTimeout):
        node.get_or_load("k", loader, tags=["t"], hard_timeout=0.05)
    loader.stop.wait()
    database["k"] = "new"
    invalidate(node)
    loader.stop.go.set()
    until(lambda: node.cache.stats().refused == 1)
    assert node.get_or_load("k", lambda: database["k"], tags=["t"]) == "new"
    assert node.get("k") == "new"
