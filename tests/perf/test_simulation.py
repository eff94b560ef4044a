"""A simulation that tries to find stale values, and finds those that are planted."""

import multiprocessing
import os

import pytest

from mestres_perf import Cache
from mestres_perf.cache._backplane import Follower
from mestres_perf.cache._core import Core
from mestres_perf.cache._debts import Debts
from mestres_perf.cache._flight import Flights
from mestres_perf.cache._leases import Leases
from mestres_perf.testing import MemoryRedis, simulate

SEEDS = 100_000 if os.environ.get("MESTRES_STRESS") == "long" else 10_000


def some(seeds):
    """What goes wrong in these histories, how many values were read, and how many loaded."""
    outcomes = [simulate(seed) for seed in seeds]
    wrong = [outcome.story for outcome in outcomes if not outcome.is_fine]
    return wrong, sum(each.reads for each in outcomes), sum(each.loads for each in outcomes)


@pytest.mark.timeout(600)
def test_no_history_has_a_stale_value():
    """Ten thousand histories with failures of every kind: nothing stale is given out, nothing is left over."""
    parts = [range(start, start + 250) for start in range(0, SEEDS, 250)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.map(some, parts, chunksize=1)
    wrong = [story for stories, _, _ in results for story in stories]
    assert not wrong, wrong[0]
    assert sum(reads for _, reads, _ in results) > SEEDS
    assert sum(loads for _, _, loads in results) > SEEDS


def finds(redis=MemoryRedis, first=0, seeds=3000):
    """Whether one of so many histories goes wrong. `first` may be where one is known to: the search is shorter."""
    return any(not simulate(seed, redis=redis).is_fine for seed in range(first, first + seeds))


class WithoutLeases(MemoryRedis):
    """A Redis that takes a value without looking at the lease."""

    def _run_fill(self, value, lease, token, frame, milliseconds):
        self._del(lease)
        self._set(value, frame, "PX", milliseconds)
        return 1


def test_a_missing_lease_check_is_found():
    """Without the check of the lease in `fill` a stale value is found."""
    assert finds(WithoutLeases, first=170)


class Quiet(MemoryRedis):
    """A Redis that loses every message, and the count of them."""

    def _run_announce(self, *_):
        return 0


def test_lost_messages_are_found():
    """Without messages memory is believed for too long, and that is found."""
    assert finds(Quiet)


def finds_doubles(seeds=1000):
    """Whether one of so many histories has a load beside another that should have held the lease."""
    return any(each.rule == "two loads" for seed in range(seeds) for each in simulate(seed).violations)


class Generous(MemoryRedis):
    """A Redis that gives the lease to whoever asks."""

    def _run_lease(self, value, lease, token, milliseconds, _stamp):
        if self._get(value):
            return 1
        self._set(lease, token, "PX", milliseconds)
        return 2


def test_two_leases_at_once_are_found():
    """Where everybody is given the lease, two loads at once are found."""
    assert finds(Generous)


def _nothing(*_):
    yield from ()


def test_loaders_that_outlive_their_leases_are_found(monkeypatch):
    """Without renewal a second load is found beside one that takes longer than the lease."""
    assert not finds_doubles(seeds=50)
    monkeypatch.setattr(Leases, "renew", _nothing)
    assert finds_doubles()


def test_a_failing_history_can_be_read():
    """The story of a history names its seed, and says what was loaded, written and given, with the seconds."""
    outcome = next(
        each for each in (simulate(seed, redis=WithoutLeases) for seed in range(170, 3000)) if not each.is_fine
    )
    story = outcome.story.splitlines()
    assert story[0] == f"seed {outcome.seed}"
    assert "stale" in story[-1]
    for what in ("loads", "wrote", "has invalidated", "was given"):
        assert what in outcome.story


def _start_again(self, place, number):
    """A gap is no reason for anything. To empty memory and to distrust what is older each do alone."""
    if self._number < 0:
        self._since = self.clock()
    self.place, self._number = place, number


@pytest.mark.parametrize(
    ("where", "name", "wrong", "first"),
    [
        (Debts, "owe", lambda _self, **_: None, 1203),
        (Flights, "bump", lambda *_: None, 585),
        (Flights, "forget", lambda *_: (), 15),
        (Follower, "_start_again", _start_again, 1570),
        (Core, "is_trusted", lambda *_: True, 17),
    ],
)
def test_other_bugs_are_found(monkeypatch, where, name, wrong, first):
    """Each of these takes a safeguard away."""
    assert not finds(seeds=50)
    monkeypatch.setattr(where, name, wrong)
    assert finds(first=first)


def test_the_same_seed_gives_the_same_history():
    """Every history can be looked at again."""
    assert [simulate(seed) for seed in range(20)] == [simulate(seed) for seed in range(20)]


def test_a_redis_in_memory():
    """An application's tests need no Redis: a shared layer in memory, which can be switched off."""
    redis = MemoryRedis()
    here, there = (Cache("shop", redis=redis, trust=1e-9) for _ in range(2))
    assert here.get_or_load("k", lambda: 1, tags=["t"]) == 1
    assert there.get("k") == 1
    here.invalidate_tags("t")
    assert there.get_or_load("k", lambda: 2) == 2
    redis.is_down = True
    assert here.get_or_load("k", lambda: 3) == 3
    assert not here.settle() or not here.core.shared.owes
