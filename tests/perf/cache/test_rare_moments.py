"""Moments so short that only a plan of them shows what would be wrong."""

import asyncio
import threading

import pytest

from mestres_perf import MISS, Cache, Redis
from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.backends.redis._client import _unknown
from mestres_perf.backends.redis._wire import ReplyError
from mestres_perf.cache._debts import Debts
from mestres_perf.cache._entry import Entry
from mestres_perf.cache._flight import Flights
from mestres_perf.cache._memory import Memory, Store


def test_what_is_put_while_a_message_is_applied():
    """A look that ends between two steps of applying a message leaves nothing old in memory."""
    store = Store(Memory())
    flights, look = Flights(store), store.glance()

    def put_now(name):
        """Where the key of a name is looked up, somebody who has looked before puts it in."""
        entry = Entry("k", "old", expires=store.clock() + 60, stored=store.clock())
        entry.name = name
        store.put(entry, look)
        # as it was before the put

    store.key_of = put_now
    flights.forget(["name of k"])
    assert store.get("k") is None


def test_a_newcomer_does_not_lead_in_place_of_who_began():
    """Of two threads the one that has begun a load leads it, also when the other one asks who does before it has."""
    flights, leads = Flights(Store(Memory())), []
    begun = flights.join("k", (), is_async=False)

    def newcomer():
        """Comes between the two steps of the first."""
        joined = flights.join("k", (), is_async=False)
        leads.append((joined is begun, joined.take()))

    thread = threading.Thread(target=newcomer)
    thread.start()
    thread.join()
    assert leads == [(True, False)]
    assert begun.take()
    assert not begun.take()


def test_what_follows_an_unknown_script_is_announced_again():
    """Others hear of a value after it is stored, also when Redis knew the one script and not the other."""
    stored, told, read = Ask("set", ("v", "l"), ("frame", 1)), Ask("announce", ("q", "s"), ()), ("GET", "v")
    replies = [ReplyError("NOSCRIPT no matching script"), 7, None]
    assert _unknown([stored, told, read], replies) == {0: stored, 1: told}
    assert _unknown([told, read], [7, None]) == {}


def test_a_debt_that_is_made_again_while_it_is_paid():
    """What could not be told while the same was being told is still owed afterwards."""
    debts = Debts()
    debts.owe(keys=["k", "j"], tags=["t"])

    def tell(keys, tags, _everything):
        yield Fetch((("DEL", *keys),))

    paying = debts.pay(tell)
    next(paying)
    debts.owe(keys=["k"])
    with pytest.raises(StopIteration):
        paying.send([1])
    assert debts.is_due
    assert debts.covers("k", ())
    assert not debts.covers("j", ("t",))


def test_a_renewal_that_is_cancelled_before_it_began():
    """A background task that never took its first step leaves no load behind that others would wait for."""

    async def go():
        clock = [0.0]
        cache = Cache("shop", clock=lambda: clock[0])

        async def load():
            return "new"

        await cache.aset("k", "old", ttl=1, stale_while_revalidate=60)
        clock[0] = 2.0
        assert await cache.aget_or_load("k", load, ttl=1, stale_while_revalidate=60) == "old"
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        assert len(cache.core.flights) == 0
        clock[0] = 100.0
        assert await asyncio.wait_for(cache.aget_or_load("k", load), 10) == "new"

    asyncio.run(go())


def test_no_more_threads(monkeypatch):
    """Where no thread can be begun a stale value is given all the same, and no load is left to be waited for."""
    import threading

    clock = [0.0]
    cache = Cache("shop", clock=lambda: clock[0])
    cache.set("k", "old", ttl=1, stale_while_revalidate=60)
    clock[0] = 2.0

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    from mestres_perf._kernel import background

    monkeypatch.setattr(background, "THREADS", background.Threads(8))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert cache.get_or_load("k", lambda: "new", ttl=1, stale_while_revalidate=60) == "old"
        assert len(cache.core.flights) == 0
        clock[0] = 100.0
        with pytest.raises(RuntimeError):
            cache.get_or_load("k", lambda: "new", hard_timeout=5)
        assert len(cache.core.flights) == 0
    assert cache.get_or_load("k", lambda: "new", hard_timeout=5) == "new"


def test_an_interrupted_invalidation_is_told_later(redis_db):
    """An invalidation whose caller is interrupted in the middle holds here at once, and in Redis before it is read."""

    class Interrupted(Exception):
        pass

    with Cache("shop", redis=Redis(redis_db, timeout=5.0), backplane=False) as cache:
        cache.set("k", "old", tags=["t"])
        ask = cache._redis.blocking.ask

        def interrupt(effect):
            raise Interrupted

        cache._redis.blocking.ask = interrupt
        with pytest.raises(Interrupted):
            cache.invalidate_tags("t")
        cache._redis.blocking.ask = ask
        assert cache.peek("k") is MISS
        assert cache.get("k") is MISS
