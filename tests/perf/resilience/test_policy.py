"""A policy: parts in one order, which is checked, told and kept."""

import asyncio
import inspect
import math
import pickle
import warnings

import pytest

from mestres_perf import (
    Bulkhead,
    BulkheadFull,
    CallTimeout,
    CircuitBreaker,
    CircuitOpenError,
    DeadlineExceeded,
    Fallback,
    Overloaded,
    Policy,
    RateLimited,
    Refused,
    Retry,
    Timeout,
    deadline,
)
from mestres_perf.errors import ConfigurationError
from perf.resilience.clocks import Clock


class Loud:
    """A part of the user's own: writes down when it is passed."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def __repr__(self):
        return f"Loud({self.name})"

    def call(self, function, *arguments, **named):
        self.log.append(f"+{self.name}")
        try:
            return function(*arguments, **named)
        finally:
            self.log.append(f"-{self.name}")

    async def acall(self, function, *arguments, **named):
        self.log.append(f"+{self.name}")
        try:
            return await function(*arguments, **named)
        finally:
            self.log.append(f"-{self.name}")


def breaker():
    return CircuitBreaker("fx")


def test_the_outermost_comes_first():
    """The first part is passed first and left last, in both colours, as call and as decorator."""
    log = []
    policy = Policy(Loud("a", log), Loud("b", log))

    def plain(x, *, y):
        log.append("f")
        return x + y

    async def later(x, *, y):
        return plain(x, y=y)

    assert policy.call(plain, 1, y=2) == 3
    assert policy(plain)(1, y=2) == 3
    assert asyncio.run(policy.acall(later, 1, y=2)) == 3
    assert asyncio.run(policy(later)(1, y=2)) == 3
    assert log == ["+a", "+b", "f", "-b", "-a"] * 4


def test_methods():
    """A policy decorates methods; the instance arrives, names and signatures stay."""
    policy = Policy(Retry(2, on=OSError, backoff=0), Timeout(1.0))

    class Rates:
        base = 5

        @policy
        def now(self, currency):
            """Doc."""
            return self.base, currency

        @policy
        async def later(self, currency):
            return self.base, currency

    assert Rates().now("BRL") == (5, "BRL")
    assert asyncio.run(Rates().later("BRL")) == (5, "BRL")
    assert (Rates.now.__name__, Rates.now.__doc__) == ("now", "Doc.")
    assert inspect.iscoroutinefunction(Rates.later)


def test_the_parts_work_together():
    """Attempts count for the breaker one by one; once it is open nothing is repeated and the fallback answers."""
    clock, calls = Clock(), []
    circuit = CircuitBreaker("fx", failure_threshold=3, clock=clock)
    policy = Policy(Fallback("cached"), Retry(5, on=Exception, sleep=clock.sleep), circuit, Timeout(1.0), Bulkhead(2))

    @policy
    def rate():
        calls.append(1)
        raise OSError

    assert rate() == "cached"
    assert len(calls) == 3
    assert rate() == "cached"
    assert len(calls) == 3
    assert circuit.snapshot().rejections >= 1


def test_a_timeout_is_tried_again():
    """An attempt that took too long is a failure like others: the next one has its own time."""
    calls = []

    async def slow_once():
        calls.append(deadline.remaining())
        if len(calls) == 1:
            await asyncio.Event().wait()
        return "answer"

    policy = Policy(Retry(2, on=CallTimeout, backoff=0), Timeout(0.05))
    assert asyncio.run(policy.acall(slow_once)) == "answer"
    assert len(calls) == 2
    assert calls[1] > 0.02


def test_explain_tells_order_and_time():
    """One line a part, the outermost first, and the longest time: attempts, pauses and waits together."""
    policy = Policy(
        Fallback(0),
        Retry(3, on=OSError, backoff=0.1, max_retry_after=0),
        breaker(),
        Timeout(1.0),
        Bulkhead(10, queue=20, wait=0.1),
        name="fx",
    )

    text = policy.explain()

    assert str(policy) == text
    first, *lines = text.splitlines()
    assert first == "policy 'fx', outermost first; at most 3.3 s"
    assert [line.split(". ")[1].split("(")[0] for line in lines[:5]] == [
        "Fallback", "Retry", "CircuitBreaker", "Timeout", "Bulkhead",
    ]  # fmt: skip
    assert "is not stopped" in lines[5]


@pytest.mark.parametrize(
    ("parts", "longest"),
    [
        ([Timeout(2)], 2),
        ([Retry(3, on=OSError)], math.inf),
        ([Retry(3, on=OSError, max_retry_after=1, backoff=0.2), Timeout(2)], 8),
        ([Retry(3, on=OSError, max_retry_after=0, backoff=1, max_backoff=1.5), Timeout(2)], 8.5),
        ([Timeout(5), Retry(3, on=OSError), Timeout(2)], 5),
        ([Bulkhead(1, queue=1, wait=0.5), Timeout(2)], 2.5),
        ([Timeout(2), Bulkhead(1, queue=1, wait=0.5)], 2),
        ([Policy(Timeout(1)), Timeout(3)], 1),
    ],
)
def test_the_longest_time(parts, longest):
    """What is outside counts what is inside, as often as it calls it."""
    assert Policy(*parts).longest(math.inf) == pytest.approx(longest)
    promise = f"at most {longest:.3g} s" if longest < math.inf else "no time is promised"
    assert promise in str(Policy(*parts))


SHARED = Bulkhead(1)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([Retry(2, on=OSError), Fallback(0)], "and no failure"),
        ([breaker(), Timeout(1), Fallback(0)], "and no failure"),
        ([Retry(2, on=OSError), Retry(2, on=OSError)], "multiply"),
        ([Retry(2, on=OSError), Policy(Timeout(1), Retry(2, on=OSError))], "multiply"),
        ([SHARED, Timeout(1), SHARED], "twice"),
        ([], "at least one part"),
        ([Retry], "is no part"),
        ([lambda: 1], "is no part"),
        (["retry"], "is no part"),
    ],
)
def test_orders_that_cannot_work(parts, why):
    """An order in which a part can do nothing is refused with the reason."""
    with pytest.raises(ConfigurationError, match=why):
        Policy(*parts)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([breaker(), Retry(2, on=OSError)], "one failure for all attempts"),
        ([Bulkhead(1), Timeout(1), Retry(2, on=OSError)], "a place is held"),
    ],
)
def test_orders_that_are_hardly_meant(parts, why):
    """An order that works, and hardly as it was meant, is warned of where it was written."""
    with pytest.warns(UserWarning, match=why) as warned:
        Policy(*parts)
    assert warned[0].filename == __file__


def test_the_usual_order_is_silent():
    """The order that the documentation shows is neither refused nor warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Policy(Timeout(5), Fallback(0), Retry(3, on=OSError), breaker(), Timeout(1), Bulkhead(1))


def test_does_not_change():
    """What a policy is made of stays as it is."""
    policy = Policy(Timeout(1), name="fx")
    for change in ({"name": "x"}, {"parts": ()}, {"more": 1}):
        with pytest.raises(AttributeError):
            setattr(policy, *next(iter(change.items())))
    assert (policy.name, len(policy.parts)) == ("fx", 1)


def test_refusals_reach_the_caller():
    """Without a fallback the caller is told what refused him."""
    circuit, bulkhead = breaker(), Bulkhead(1)
    policy = Policy(Retry(3, on=OSError), circuit, bulkhead)
    with bulkhead, pytest.raises(BulkheadFull):
        policy.call(int)
    circuit.force_open()
    with pytest.raises(CircuitOpenError):
        policy.call(int)


def test_a_refusal_is_no_failure_of_what_is_called():
    """A breaker that ignores Refused does not open because of what a bulkhead inside of it turns away."""
    circuit, bulkhead = CircuitBreaker("fx", failure_threshold=1, ignore=(Refused,)), Bulkhead(1)
    policy = Policy(circuit, bulkhead)
    with bulkhead:
        for _ in range(3):
            with pytest.raises(BulkheadFull):
                policy.call(int)
    assert policy.call(lambda: 5) == 5


@pytest.mark.parametrize(
    "error",
    [BulkheadFull("a", 3), RateLimited("1/s", 0.5), Overloaded("a", 3, 1.5), CallTimeout(0.25), DeadlineExceeded("x")],
)
def test_errors_go_between_processes(error):
    """What a part raises arrives in another process as it was."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
