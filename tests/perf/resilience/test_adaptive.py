"""The adaptive limit, before a simulated server whose capacity it cannot know."""

import asyncio
import statistics

import pytest

from mestres_perf import AdaptiveLimit, Overloaded, Policy, Retry
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience._adaptive import RULES, Learner, Window
from mestres_perf.resilience._adaptive_limit import Outcome
from perf.resilience.clocks import Clock
from perf.resilience.queueing import Server

RULE = pytest.mark.parametrize("rule", sorted(RULES))
OFFERED = 500  # calls a second: 50 under way, were nothing refused and nothing waiting


def limit_of(rule, clock, **options):
    return AdaptiveLimit(rule, **{"min": 5, "max": 200, "clock": clock} | options)


@RULE
@pytest.mark.scenario("A1")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_settles_at_the_capacity(rule, seed):
    """A server of capacity 20 is offered 50: the limit settles between 15 and 30, and 90 % of its capacity is used."""
    server = Server(capacity=20, service=0.1, seed=seed)
    limit = limit_of(rule, server.clock)
    server.run(limit, seconds=30, arrivals=OFFERED)

    served, limits = server.run(limit, seconds=100, arrivals=OFFERED)

    assert 15 <= statistics.mean(limits) <= 30
    assert 15 <= statistics.median(limits) <= 30
    assert served >= 0.9 * 100 * 20 / 0.1


@RULE
@pytest.mark.scenario("A1")
def test_five_times_slower_and_back(rule):
    """When calls take five times as long the limit has fallen within three windows; later it is back."""
    server = Server(seed=5)
    limit = limit_of(rule, server.clock)
    server.run(limit, seconds=40, arrivals=OFFERED)
    settled = limit.limit
    server.service *= 5
    server.run(limit, seconds=3, arrivals=OFFERED)
    assert limit.limit < settled

    server.run(limit, seconds=30, arrivals=OFFERED)
    server.service /= 5
    server.run(limit, seconds=150, arrivals=OFFERED)
    served, limits = server.run(limit, seconds=60, arrivals=OFFERED)
    assert 15 <= statistics.mean(limits) <= 40
    assert served >= 0.9 * 60 * 20 / 0.1


@RULE
@pytest.mark.scenario("A2")
def test_calls_that_all_time_out_shrink_it(rule):
    """When every call ends in the same timeout their time says nothing; the limit falls to its least all the same."""
    clock = Clock()
    limit = limit_of(rule, clock, min=2, max=100)
    for _ in range(60):
        load(limit, clock, calls=1000, seconds=0.1, outcome=Outcome.SERVED)
    grown = limit.limit
    assert grown > 20
    for _ in range(60):
        load(limit, clock, calls=1000, seconds=1.0, outcome=Outcome.DROPPED)
    assert limit.limit == 2


@RULE
@pytest.mark.scenario("A3")
def test_idle_it_does_not_grow(rule):
    """A limit of which less than half is used is not raised: nothing is known of what is above."""
    clock = Clock()
    limit = limit_of(rule, clock, min=10)
    for _ in range(100):
        load(limit, clock, calls=4, seconds=0.1, outcome=Outcome.SERVED)
    assert limit.limit == 10


def load(limit, clock, *, calls, seconds, outcome):
    """Windows of so many calls at once, each of which takes so long."""
    for _ in range(12):
        began = [limit.acquire() for _ in range(min(calls, limit.limit))]
        clock.now += seconds
        for each in began:
            limit.release(each, outcome)


@RULE
def test_stays_within_its_bounds(rule):
    """Whatever is measured, the limit is never below `min` and never above `max`."""
    learner = Learner(RULES[rule], 3, 17)
    seen = set()
    for number in range(2000):
        latency = (0.0, 0.1, 0.1, 10.0, 0.05)[number * 7 % 5]
        learner.learn(Window(latency, 20, number % 40, 17))
        seen.add(learner.limit)
    assert 3 <= min(seen) <= max(seen) <= 17


def test_refuses_what_is_too_much():
    """Above the limit a call is refused and not made; whatever ends a call counts it out."""
    limit = limit_of("aimd", Clock(), min=1, name="shop", retry_after=2)
    called = []

    def nested(error=None):
        with pytest.raises(Overloaded, match="shop: overloaded") as refused:
            limit.call(called.append, 1)
        assert refused.value.retry_after == 2
        if error:
            raise error
        return "served"

    assert limit.call(nested) == "served"
    for error in (OSError(), TimeoutError(), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            limit(nested)(error)

    async def main():
        task = asyncio.create_task(limit.acall(asyncio.Event().wait))
        await asyncio.sleep(0)
        assert limit.under_way == 1
        with pytest.raises(Overloaded):
            await limit.acall(asyncio.sleep, 0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert (called, limit.under_way) == ([], 0)


def test_what_a_call_says():
    """An error that is no sign of load, and an early cancellation, teach nothing; a late one counts with its time."""
    clock = Clock()
    limit = limit_of("aimd", clock, min=4)
    load(limit, clock, calls=4, seconds=1.0, outcome=Outcome.SERVED)
    assert limit._learner.baseline == pytest.approx(1.0)
    noted = len(limit._took)
    for seconds, outcome, counts in (
        (0.001, Outcome.SILENT, 0),
        (0.5, Outcome.CANCELLED, 0),
        (9.0, Outcome.CANCELLED, 1),
    ):
        began = limit.acquire()
        clock.now += seconds
        limit.release(began, outcome)
        assert len(limit._took) == noted + counts
    assert limit.outcome_of(TimeoutError()) is Outcome.DROPPED
    assert limit.outcome_of(OSError()) is Outcome.SILENT


def test_in_a_policy():
    """It is a part like others, and is warned of where pauses between attempts would be measured as load."""
    limit = limit_of("gradient2", Clock())
    assert Policy(Retry(2, on=OSError), limit).call(lambda: 5) == 5
    with pytest.warns(UserWarning, match="pauses"):
        Policy(limit, Retry(2, on=OSError))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rule": "vegas"}, "must be one of 'aimd', 'gradient2'"),
        ({"min": 0}, "min=0"),
        ({"min": 9, "max": 8}, "max must not be below min"),
        ({"window": 0}, "window=0"),
        ({"drops": "x"}, "type of exception"),
    ],
)
def test_arguments_that_make_no_sense(arguments, says):
    """The message says what was wrong and what would be right."""
    with pytest.raises(ConfigurationError, match=says):
        AdaptiveLimit(**arguments)
