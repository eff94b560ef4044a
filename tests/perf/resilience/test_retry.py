"""Retry: what is tried again, how often, when, and what never is."""

import asyncio
import contextvars
import inspect
import random
from collections import Counter
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from mestres_perf import CircuitOpenError, DeadlineExceeded, RateLimited, Retry, RetryBudget, deadline
from mestres_perf.errors import ConfigurationError
from mestres_perf.resilience import repeatable_request
from mestres_perf.resilience._backoff import asked_pause, longest_pause
from perf.resilience.clocks import Clock


class Flaky:
    """Fails so many times and then answers; plain as `call`, async as `acall`."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.calls = 0

    def call(self):
        self.calls += 1
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, BaseException):
                raise failure
            return failure
        return "answer"

    async def acall(self):
        return self.call()


def plain(retry, flaky):
    return retry.call(flaky.call)


def awaited(retry, flaky):
    return asyncio.run(retry.acall(flaky.acall))


COLOURS = pytest.mark.parametrize("run", [plain, awaited])


def retry_of(clock, attempts=3, **options):
    options.setdefault("on", OSError)
    return Retry(attempts, sleep=clock.sleep, asleep=clock.asleep, now=lambda: clock.now, **options)


@COLOURS
def test_tries_again_what_it_was_told_to(run):
    """What fails twice with one of `on` is called three times, and its answer is the caller's."""
    clock, flaky = Clock(), Flaky(OSError("a"), OSError("b"))

    assert run(retry_of(clock), flaky) == "answer"
    assert (flaky.calls, len(clock.slept)) == (3, 2)


@COLOURS
def test_the_last_error_is_the_callers(run):
    """After the last attempt the caller has exactly what that attempt raised."""
    last = OSError("c")
    flaky = Flaky(OSError("a"), OSError("b"), last)

    with pytest.raises(OSError, match="c") as raised:
        run(retry_of(Clock()), flaky)
    assert raised.value is last
    assert flaky.calls == 3


@COLOURS
@pytest.mark.scenario("T5")
@pytest.mark.parametrize(
    "error", [CircuitOpenError("x", 1.0), DeadlineExceeded(""), ValueError(), KeyboardInterrupt(), SystemExit()]
)
def test_what_is_never_tried_again(run, error):
    """An open circuit, a deadline that is over, an interruption and what `on` does not name end it at once."""
    clock, flaky = Clock(), Flaky(error)

    with pytest.raises(type(error)) as raised:
        run(retry_of(clock, on=(OSError, CircuitOpenError, DeadlineExceeded)), flaky)
    assert raised.value is error
    assert (flaky.calls, clock.slept) == (1, [])


@pytest.mark.scenario("T5")
def test_a_cancelled_call_is_not_tried_again():
    """A task that is cancelled in an attempt, or between two, ends as cancelled."""
    calls = []

    async def main():
        began = asyncio.Event()

        async def hangs():
            calls.append(1)
            began.set()
            await asyncio.Event().wait()

        async def fails():
            calls.append(2)
            raise OSError

        async def waits(_):
            began.set()
            await asyncio.Event().wait()

        for function in (hangs, fails):
            began.clear()
            task = asyncio.create_task(Retry(3, on=Exception, asleep=waits).acall(function))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert calls == [1, 2]


@COLOURS
def test_a_result_can_be_a_failure(run):
    """A result that `on_result` calls a failure is tried again; the last one is returned as it is."""
    down = SimpleNamespace(status=503)
    retry = retry_of(Clock(), on_result=lambda answer: answer is down)

    assert run(retry, Flaky(down, down)) == "answer"
    flaky = Flaky(down, down, down, "too late")
    assert run(retry, flaky) is down
    assert flaky.calls == 3


@pytest.mark.scenario("T2")
def test_layers_do_not_multiply():
    """Three layers of three attempts each make three calls, and not 27; the outermost one repeats."""
    clock, flaky = Clock(), Flaky(*[OSError()] * 100)
    inner, middle, outer = (retry_of(clock) for _ in range(3))

    with pytest.raises(OSError):
        outer(middle(inner(flaky.call)))()
    assert flaky.calls == 3
    with pytest.raises(OSError):
        asyncio.run(outer(middle(inner(flaky.acall)))())
    assert flaky.calls == 6


@pytest.mark.scenario("T2")
def test_a_task_that_outlives_the_attempts_has_its_own():
    """A task begun inside an attempt counts as inside of it only until the outer call has ended."""
    clock, flaky = Clock(), Flaky(OSError(), OSError())

    async def main():
        over = asyncio.Event()

        async def later():
            await over.wait()
            return await retry_of(clock).acall(flaky.acall)

        async def begin():
            return asyncio.create_task(later())

        task = await retry_of(clock).acall(begin)
        over.set()
        return await task

    assert asyncio.run(main()) == "answer"


@pytest.mark.scenario("T2")
def test_a_context_that_outlives_the_attempts_has_its_own():
    """The same for plain code: a context that was copied inside an attempt counts as inside only until its end."""
    clock, flaky = Clock(), Flaky(OSError(), OSError())

    context = retry_of(clock).call(contextvars.copy_context)

    assert context.run(retry_of(clock).call, flaky.call) == "answer"


@pytest.mark.scenario("T3")
def test_a_budget_bounds_what_all_repeat():
    """A thousand calls that all fail, with a budget of 10 %, become at most 1,100 calls and the minimum."""
    clock = Clock()
    budget = RetryBudget(0.1, 3, clock=lambda: 0.0)
    retries = [retry_of(clock, attempts=5, budget=budget) for _ in range(4)]
    flaky = Flaky(*[OSError()] * 10_000)

    for number in range(1000):
        with pytest.raises(OSError):
            retries[number % 4].call(flaky.call)
    assert 1_090 <= flaky.calls <= 1_103


@pytest.mark.scenario("T3")
def test_a_budget_fills_up():
    """`min_per_s` comes back with time, calls that succeed are saved for later, and what is saved is bounded."""
    clock = Clock()
    budget = RetryBudget(0.5, 2, clock=clock)
    assert [budget.withdraw() for _ in range(3)] == [True, True, False]
    clock.now += 0.5
    assert [budget.withdraw() for _ in range(2)] == [True, False]
    for _ in range(1000):
        budget.deposit()
    assert budget.saved == 100
    clock.now -= 3600  # not that a monotonic clock would
    assert budget.saved == 100


@pytest.mark.scenario("T4")
@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("3", 3.0),
        (" 7 ", 7.0),
        ("3600", 10.0),
        (format_datetime(datetime.fromtimestamp(1_000_004, UTC), usegmt=True), 4.0),
        (format_datetime(datetime.fromtimestamp(900_000, UTC), usegmt=True), 0.0),
        ("Monday, 12-Jan-70 13:46:45 GMT", 5.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("٣", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_honoured_and_capped(asked, waited):
    """Seconds and dates are waited for, up to `max_retry_after`; nonsense asks for nothing."""
    clock = Clock(1_000_000.0)
    answer = SimpleNamespace(headers={"Retry-After": asked}, status=429)
    error = OSError()
    error.response = answer

    for flaky, options in ((Flaky(error), {}), (Flaky(answer), {"on_result": lambda it: it is answer})):
        assert plain(retry_of(clock, backoff=0, **options), flaky) == "answer"
        assert clock.slept.pop() == pytest.approx(waited)
        clock.now = 1_000_000.0


@pytest.mark.scenario("T4")
def test_errors_of_this_package_say_how_long():
    """`retry_after` of an error is seconds to wait for, if somebody wants to try again after it."""
    clock = Clock()
    assert plain(retry_of(clock, on=RateLimited), Flaky(RateLimited("1/s", 0.7))) == "answer"
    assert clock.slept == [0.7]
    assert asked_pause(SimpleNamespace(retry_after="x"), now=0.0) is None
    assert asked_pause(SimpleNamespace(retry_after=float("nan")), now=0.0) is None


@pytest.mark.scenario("T5")
@COLOURS
def test_only_what_may_be_repeated(run):
    """`repeatable` is asked with the call's own arguments, and only after a failure."""
    asked = []

    def may(method, headers=None):
        asked.append(method)
        return repeatable_request(method, headers)

    retry = retry_of(Clock(), repeatable=may)
    flaky = Flaky(*[OSError()] * 3)

    def send(method, headers=None):
        return flaky.call()

    async def asend(method, headers=None):
        return flaky.call()

    def post(**headers):
        return (
            retry.call(send, "POST", **headers) if run is plain else asyncio.run(retry.acall(asend, "POST", **headers))
        )

    with pytest.raises(OSError):
        post()
    assert flaky.calls == 1
    assert post(headers={"idempotency-key": "a"}) == "answer"
    assert asked == ["POST"] * 3


@pytest.mark.scenario("T5")
@pytest.mark.parametrize(("method", "expected"), [("get", True), ("PUT", True), ("POST", False), ("PATCH", False)])
def test_methods_that_may_be_repeated(method, expected):
    """The idempotent methods of HTTP may be sent twice, the others only with an Idempotency-Key."""
    assert repeatable_request(method) is expected
    assert repeatable_request(method, {"Idempotency-Key": "k"}) is True


@pytest.mark.scenario("T6")
def test_waits_are_spread():
    """A thousand waits after the same attempt fall evenly between 0 and the bound: no tenth has thrice its share."""
    clock = Clock()
    dice = random.Random(7)
    for _ in range(1000):
        plain(retry_of(clock, backoff=1.0, chance=dice.random), Flaky(OSError()))
    tenths = Counter(int(wait * 10) for wait in clock.slept)

    assert len(tenths) == 10
    assert max(tenths.values()) < 300
    assert min(tenths.values()) > 30


@pytest.mark.scenario("T6")
def test_attempt_five_thousand():
    """The bound doubles, stops at `max_backoff`, and no number of attempts overflows."""
    assert [longest_pause(n, base=0.1, most=0.5) for n in (1, 2, 3, 4, 5000)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert longest_pause(10**9, base=0.0, most=5.0) == 0.0
    clock, flaky = Clock(), Flaky(*[OSError()] * 5000)
    plain(retry_of(clock, attempts=5001, chance=lambda: 1.0), flaky)
    assert max(clock.slept) == clock.slept[-1] == 5.0


@COLOURS
@pytest.mark.scenario("T1")
def test_no_wait_beyond_the_deadline(run):
    """When the pause would end after the deadline the caller has the error now, and not a deadline's error later."""
    clock, flaky = Clock(), Flaky(*[OSError("down")] * 3)
    retry = retry_of(clock, backoff=1.0, chance=lambda: 1.0)

    with deadline(1.5, clock=clock), pytest.raises(OSError, match="down"):
        run(retry, flaky)
    assert (flaky.calls, clock.slept) == (2, [1.0])


@COLOURS
@pytest.mark.scenario("T1")
def test_no_attempt_after_the_deadline(run):
    """When the time is over before the first attempt, nothing is called."""
    clock, flaky = Clock(), Flaky()
    with deadline(1.0, clock=clock):
        clock.now += 1.0
        with pytest.raises(DeadlineExceeded):
            run(retry_of(clock), flaky)
    assert flaky.calls == 0


@pytest.mark.scenario("T1")
def test_an_async_attempt_is_cut_by_the_deadline():
    """An attempt that would take for ever ends with the deadline, and is not made again."""
    calls = []

    async def hangs():
        calls.append(1)
        await asyncio.Event().wait()

    async def main():
        with deadline(0.02):
            await Retry(3, on=Exception, backoff=0).acall(hangs)

    with pytest.raises(DeadlineExceeded):
        asyncio.run(main())
    assert calls == [1]


@pytest.mark.scenario("T1")
def test_a_plain_attempt_is_told_what_is_left():
    """A plain attempt asks `deadline.remaining()`; what earlier attempts used is gone."""
    clock, seen = Clock(), []

    def attempt():
        seen.append(deadline.remaining())
        clock.now += 0.1
        raise OSError

    with deadline(0.3, clock=clock), pytest.raises(OSError):
        retry_of(clock, backoff=0).call(attempt)
    assert seen == [pytest.approx(0.3), pytest.approx(0.2), pytest.approx(0.1)]


def test_decorates_methods_of_both_colours():
    """Methods, class methods and static methods keep their names, signatures and colours."""
    clock = Clock()

    class Shop:
        tries = 0

        @retry_of(clock)
        def plain(self, sku: str) -> str:
            """Doc."""
            self.tries += 1
            if self.tries < 3:
                raise OSError
            return sku

        @retry_of(clock)
        async def later(self, sku):
            return self.plain(sku)

        @retry_of(clock)
        @classmethod
        def made(cls, sku):
            return cls, sku

        @retry_of(clock)
        @staticmethod
        async def still(sku):
            return sku

    assert Shop().plain("a") == "a"
    assert (Shop.plain.__name__, Shop.plain.__doc__) == ("plain", "Doc.")
    assert inspect.iscoroutinefunction(Shop.later)
    assert Shop.made("b") == (Shop, "b")
    assert asyncio.run(Shop.still("c")) == "c"


def test_generators_are_refused():
    """A generator cannot be called again without giving its first values twice, so it is refused, with a reason."""

    def some():
        yield 1

    async def later():
        yield 1

    for each in (some, later):
        with pytest.raises(ConfigurationError, match="is a generator"):
            Retry(3, on=OSError)(each)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"attempts": 0}, "attempts=0: must be a whole number of at least 1"),
        ({"attempts": True}, "attempts=True"),
        ({"on": ()}, "must be a type of exception"),
        ({"on": (KeyboardInterrupt,)}, "must be a type of exception"),
        ({"on": "OSError"}, "must be a type of exception"),
        ({"backoff": -1}, "backoff=-1: must be a number of seconds of at least 0"),
        ({"max_backoff": float("inf")}, "max_backoff=inf"),
        ({"budget": 0.1}, "must be a RetryBudget"),
    ],
)
def test_arguments_that_make_no_sense(arguments, says):
    """The message says what was wrong and what would be right."""
    with pytest.raises(ConfigurationError, match=says):
        Retry(**({"on": OSError} | arguments))


@pytest.mark.parametrize("arguments", [(-0.1, 1), (0.1, -1), (0, 0), (float("nan"), 1), ("a", 1)])
def test_budgets_that_make_no_sense(arguments):
    """A budget of nothing, or of less, is a mistake."""
    with pytest.raises(ConfigurationError, match=r"must be (a number of at least|above) 0"):
        RetryBudget(*arguments)
