"""The faults that an application's own tests may ask for."""

import asyncio
import time

import pytest

from mestres_perf import MISS, Cache
from mestres_perf._kernel.effects import Fetch
from mestres_perf.errors import BackendUnavailable, ConfigurationError
from mestres_perf.testing import Faulty, MemoryRedis

ASK = Fetch((("GET", "k"),))


def fails(redis, times=1):
    """Which of so many calls fail."""
    answers = []
    for _ in range(times):
        try:
            redis.blocking.ask(ASK)
        except BackendUnavailable:
            answers.append(True)
        else:
            answers.append(False)
    return answers


def test_a_failing_layer_reaches_nobody_until_it_is_healed():
    """While every call fails the loader serves; afterwards all is well."""
    inside = MemoryRedis()
    redis = Faulty(inside)
    cache = Cache("shop", redis=redis)
    redis.fail()
    assert cache.get_or_load("k", lambda: 1) == 1
    assert (inside.calls, redis.failed) == (0, redis.calls)
    assert redis.failed > 0
    redis.heal()
    assert fails(redis) == [False]


def test_answers_can_be_lost():
    """What was asked is done although its answer never comes."""
    redis = Faulty(MemoryRedis())
    redis.lose_answers()
    with pytest.raises(BackendUnavailable):
        redis.blocking.ask(Fetch((("SET", "k", b"v"),)))
    redis.heal()
    assert redis.blocking.ask(ASK) == [b"v"]


def test_each_third_call_fails():
    """`fail_every` counts from now on."""
    redis = Faulty(MemoryRedis())
    fails(redis, 2)
    redis.fail_every(3)
    assert fails(redis, 6) == [False, False, True] * 2


def test_chance_follows_the_seed():
    """The same seed fails the same calls, another seed others."""
    told = []
    for seed in (1, 1, 2):
        redis = Faulty(MemoryRedis(), seed=seed)
        redis.fail_some(0.5)
        told.append(fails(redis, 50))
    assert told[0] == told[1] != told[2]
    assert 0 < sum(told[0]) < 50


@pytest.mark.parametrize(("how", "is_answered"), [("hang", False), ("slow", True)])
def test_calls_take_their_time(how, is_answered):
    """A slow layer answers late, one that hangs fails late; for threads and for tasks."""
    redis = Faulty(MemoryRedis())
    getattr(redis, how)(0.05)
    began = time.perf_counter()
    assert fails(redis) == [not is_answered]

    async def main():
        try:
            await redis.awaiting.ask(ASK)
        except BackendUnavailable:
            return False
        return True

    assert asyncio.run(main()) is is_answered
    assert time.perf_counter() - began >= 0.1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda redis: redis.hang(-1),
        lambda redis: redis.slow("1"),
        lambda redis: redis.fail_every(0),
        lambda redis: redis.fail_some(2),
        lambda redis: redis.drop_messages(True),
    ],
)
def test_faults_that_make_no_sense_are_refused(wrong):
    """A fault is asked for with numbers that mean something; else nothing is changed."""
    redis = Faulty(MemoryRedis())
    with pytest.raises(ConfigurationError):
        wrong(redis)
    assert fails(redis) == [False]


def pair(redis):
    """Two caches that would believe their memory for an hour."""
    here, there = (Cache("shop", redis=redis, trust=3600) for _ in range(2))
    for cache in (here, there):
        assert cache.get_or_load("k", lambda: "old", tags=["t"]) == "old"
    return here, there


def test_caches_on_a_redis_in_memory_hear_each_other():
    """An invalidation has reached the other cache when it returns."""
    here, there = pair(MemoryRedis())
    here.invalidate_tags("t")
    assert there.peek("k") is MISS
    assert there.get_or_load("k", lambda: "new") == "new"


@pytest.mark.parametrize("how", ["repeat_messages", "shuffle_messages"])
def test_messages_that_come_twice_or_in_another_order(how):
    """What was invalidated is gone all the same."""
    redis = Faulty(MemoryRedis())
    here, there = pair(redis)
    getattr(redis, how)()
    here.delete("k")
    assert there.peek("k") is MISS


def test_messages_can_be_held_and_lost():
    """What was held is heard after `heal()`; what was lost shows as a gap with the next message, and empties memory."""
    redis = Faulty(MemoryRedis())
    here, there = pair(redis)
    redis.hold_messages()
    here.delete("k")
    assert there.peek("k") == "old"
    redis.heal()
    assert there.peek("k") is MISS

    here, there = pair(Faulty(MemoryRedis()))
    redis = there._redis
    redis.hold_messages()
    redis.drop_messages()
    here.delete("k")
    redis.heal()
    here.delete("another")
    assert there.peek("k") is MISS
