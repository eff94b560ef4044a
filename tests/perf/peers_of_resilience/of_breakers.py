"""The rules of circuit breakers. What stands in the middle of a call waits for an event, and time passes by hand."""

import asyncio
import contextlib
import functools
import inspect
import itertools
import pickle
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perf.peers_of_resilience.breakers import BREAKERS, OPEN_FOR, Breaker
from perf.peers_of_resilience.clocks import Clocks, clocks_of
from perf.peers_of_resilience.rules import SUBJECTS, Rule, register

DEADLINE = 60.0
_MANY = 300
_ONLY_ASYNC, _ONLY_PLAIN = "for async functions only", "for plain functions only"


class Trial:
    """A breaker of one library, and its clocks."""

    def __init__(self, kind: type[Breaker], clocks: Clocks) -> None:
        self.kind = kind
        self.clocks = clocks

    def make(self, **options) -> Breaker:
        return self.kind(self.clocks, **options)


def _holds(check: Callable[[Trial], bool], library: str) -> Callable[[str], bool]:
    def holds(_url: str) -> bool:
        kind = BREAKERS[library]
        with clocks_of(kind.package) as clocks:
            return check(Trial(kind, clocks))

    return holds


def of_breakers(scenario: str, title: str, *, colour: str = "any", name: str | None = None):
    """Try it on every breaker that has this colour."""

    def add(check):
        trials = {}
        for library in SUBJECTS["breakers"]:
            kind = BREAKERS[library]
            lacks = kind.lacks.get(name or scenario)
            if colour == "threads" and not kind.has_threads:
                lacks = _ONLY_ASYNC
            if colour == "tasks" and not kind.has_tasks:
                lacks = _ONLY_PLAIN
            trials[library] = lacks or _holds(check, library)
        sentence = " ".join(check.__doc__.split())
        register(Rule(check.__name__, scenario, "breakers", title, sentence, trials))
        return check

    return add


def down() -> None:
    raise OSError("down")


async def adown() -> None:
    raise OSError("down")


def nothing() -> None:
    """A call that is fine."""


async def anothing() -> None:
    """The same."""


def trip(breaker: Breaker, times: int = 2) -> None:
    for _ in range(times):
        with contextlib.suppress(OSError, breaker.refusal):
            breaker.decorate(down)()


async def atrip(breaker: Breaker, times: int = 2) -> None:
    for _ in range(times):
        with contextlib.suppress(OSError, breaker.refusal):
            await breaker.decorate(adown)()


def has_ended(thread: threading.Thread) -> bool:
    """Whether a thread ends while hundreds of others begin and end beside it: what waits for a lock does not."""
    for _ in range(_MANY):
        other = threading.Thread(target=thread.join, args=(0.001,))
        other.start()
        other.join()
        if not thread.is_alive():
            return True
    return False


@contextmanager
def held(breaker: Breaker) -> Iterator[None]:
    """A call stands in the middle, in a thread of its own."""
    inside, go = threading.Event(), threading.Event()

    def hold():
        inside.set()
        go.wait(DEADLINE)

    thread = threading.Thread(target=breaker.decorate(hold))
    thread.start()
    try:
        assert inside.wait(DEADLINE)
        yield
    finally:
        go.set()
        thread.join(DEADLINE)


@of_breakers("B1", "calls run side by side", colour="threads")
def side_by_side(trial: Trial) -> bool:
    """While one call is under way in a thread, one in another thread begins and ends."""
    breaker = trial.make()
    with held(breaker):
        other = threading.Thread(target=breaker.decorate(nothing))
        other.start()
        fine = has_ended(other)
    other.join(DEADLINE)
    return fine


@of_breakers("B2", "async functions trip it")
def async_trips(trial: Trial) -> bool:
    """After as many failures of an async function as it takes, the next call is refused before it begins."""
    breaker, calls = trial.make(), []

    async def fail():
        calls.append(1)
        raise OSError("down")

    async def main():
        guarded = breaker.decorate(fail)
        for _ in range(2):
            with contextlib.suppress(OSError, breaker.refusal):
                await guarded()
        try:
            await guarded()
        except breaker.refusal:
            return len(calls) == 2
        except OSError:
            return False

    return asyncio.run(main())


@of_breakers("B3", "one probe among threads", colour="threads")
def one_probe_among_threads(trial: Trial) -> bool:
    """While the probe of a half-open breaker is out, calls in other threads are refused."""
    breaker, refused = trial.make(), []
    trip(breaker)
    trial.clocks.passed += OPEN_FOR + 1
    guarded = breaker.decorate(nothing)

    def ask():
        try:
            guarded()
        except breaker.refusal:
            refused.append(1)

    with held(breaker):
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        fine = all(has_ended(thread) for thread in threads)
    for thread in threads:
        thread.join(DEADLINE)
    return fine and len(refused) == 4


@of_breakers("B3", "one probe among tasks", colour="tasks")
def one_probe_among_tasks(trial: Trial) -> bool:
    """Of fifty tasks that call a half-open breaker at the same time, one gets through."""
    breaker, ran = trial.make(), []

    async def main():
        go = asyncio.Event()

        async def probe():
            ran.append(1)
            await go.wait()

        await atrip(breaker)
        trial.clocks.passed += OPEN_FOR + 1
        tasks = [asyncio.create_task(breaker.decorate(probe)()) for _ in range(50)]
        for _ in range(20):
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(ran) == 1

    return asyncio.run(main())


@of_breakers("B4", "late results change nothing", colour="tasks", name="B4")
def late_results(trial: Trial) -> bool:
    """A call that began before the breaker opened, and ends, well or not, while a probe is out, moves nothing."""

    async def state_after(fails: bool) -> str:
        breaker = trial.make()
        begun, end, probing, end_probe = (asyncio.Event() for _ in range(4))

        async def late():
            begun.set()
            await end.wait()
            if fails:
                raise OSError("down")

        async def probe():
            probing.set()
            await end_probe.wait()

        old = asyncio.create_task(breaker.decorate(late)())
        await begun.wait()
        await atrip(breaker)
        trial.clocks.passed += OPEN_FOR + 1
        new = asyncio.create_task(breaker.decorate(probe)())
        await probing.wait()
        end.set()
        await asyncio.gather(old, return_exceptions=True)
        state = breaker.state()
        end_probe.set()
        await asyncio.gather(new, return_exceptions=True)
        return state

    return [asyncio.run(state_after(fails)) for fails in (False, True)] == ["half_open"] * 2


@of_breakers("B6", "excluded errors count neither way")
def excluded_errors(trial: Trial) -> bool:
    """An excluded error between two failures does not part them, and as a probe it does not close the breaker."""
    breaker = trial.make(ignore=(ValueError,))

    async def refuse():
        raise ValueError("not the dependency's fault")

    def refuse_plainly():
        raise ValueError("not the dependency's fault")

    def plain():
        trip(breaker, 1)
        with contextlib.suppress(ValueError):
            breaker.decorate(refuse_plainly)()
        trip(breaker, 1)
        is_open = breaker.state() == "open"
        trial.clocks.passed += OPEN_FOR + 1
        with contextlib.suppress(ValueError):
            breaker.decorate(refuse_plainly)()
        return is_open and breaker.state() != "closed"

    async def main():
        await atrip(breaker, 1)
        with contextlib.suppress(ValueError):
            await breaker.decorate(refuse)()
        await atrip(breaker, 1)
        is_open = breaker.state() == "open"
        trial.clocks.passed += OPEN_FOR + 1
        with contextlib.suppress(ValueError):
            await breaker.decorate(refuse)()
        return is_open and breaker.state() != "closed"

    return plain() if trial.kind.has_threads else asyncio.run(main())


@of_breakers("B7", "Ctrl-C passes and counts neither way", colour="threads")
def interruption(trial: Trial) -> bool:
    """KeyboardInterrupt reaches the caller as it is, opens nothing, and as a probe closes nothing."""
    breaker = trial.make()

    def interrupted():
        raise KeyboardInterrupt

    def passes() -> bool:
        try:
            breaker.decorate(interrupted)()
        except KeyboardInterrupt:
            return True
        except BaseException:  # noqa: BLE001 - whatever it is, it is not what was raised
            return False
        return False

    passed = [passes(), passes()]
    opened_nothing = breaker.state() == "closed"
    trip(breaker)
    trial.clocks.passed += OPEN_FOR + 1
    passed.append(passes())
    return all(passed) and opened_nothing and breaker.state() != "closed"


@of_breakers("B7", "a cancelled probe leaves its place", colour="tasks")
def cancelled_probe(trial: Trial) -> bool:
    """A probe that is cancelled has found nothing out, and the next call may be one; tried as a decorated call, and in
    `async with` where there is one.
    """

    async def cancelled(make_call) -> bool:
        breaker = trial.make()
        await atrip(breaker)
        trial.clocks.passed += OPEN_FOR + 1
        begun = asyncio.Event()

        async def probe():
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(make_call(breaker, probe))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return breaker.state() == "half_open"

    async def decorated(breaker, probe):
        await breaker.decorate(probe)()

    async def within(breaker, probe):
        async with breaker.breaker:
            await probe()

    ways = [decorated]
    if hasattr(getattr(trial.make(), "breaker", None), "__aenter__"):
        ways.append(within)
    return all(asyncio.run(cancelled(way)) for way in ways)


@of_breakers("B8", "setting the clock changes nothing")
def wall_clock(trial: Trial) -> bool:
    """The wall clock, set back by an hour, keeps no breaker open; set forward by an hour, it ends no open time."""
    guarded_by, clocks = trial.make(), trial.clocks

    async def main():
        await atrip(guarded_by)
        clocks.wall_is_off = 3600
        forward = await passes()
        clocks.wall_is_off = -3600
        clocks.passed += OPEN_FOR + 1
        return not forward and await passes()

    async def passes():
        try:
            await guarded_by.decorate(anothing)()
        except guarded_by.refusal:
            return False
        return True

    def plain():
        trip(guarded_by)
        clocks.wall_is_off = 3600
        forward = plainly_passes()
        clocks.wall_is_off = -3600
        clocks.passed += OPEN_FOR + 1
        return not forward and plainly_passes()

    def plainly_passes():
        try:
            guarded_by.decorate(nothing)()
        except guarded_by.refusal:
            return False
        return True

    return plain() if trial.kind.has_threads else asyncio.run(main())


@of_breakers("B12", "a generator counts once, when it ends", colour="threads")
def generators(trial: Trial) -> bool:
    """A failure at the second item counts; what is sent in arrives, and what it returns comes back."""
    breaker = trial.make(threshold=1)

    @breaker.decorate
    def echo():
        got = yield 1
        yield got
        return "end"

    @breaker.decorate
    def broken():
        yield 1
        raise OSError("down")

    generator = echo()
    heard = [next(generator), generator.send("sent")]
    try:
        next(generator)
    except StopIteration as stop:
        heard.append(stop.value)
    with contextlib.suppress(OSError, breaker.refusal):
        list(broken())
    return heard == [1, "sent", "end"] and breaker.state() == "open"


@of_breakers("B12", "so does an async generator", colour="tasks")
def async_generators(trial: Trial) -> bool:
    """The same for async generators."""
    breaker = trial.make(threshold=1)

    async def echo():
        got = yield 1
        yield got

    async def broken():
        yield 1
        raise OSError("down")

    async def main():
        breaker.decorate(adown)  # a library with a class for each colour is told which it is
        generator = breaker.decorate(echo)()
        heard = [await anext(generator), await generator.asend("sent")]
        await generator.aclose()
        with contextlib.suppress(OSError, breaker.refusal):
            _ = [item async for item in breaker.decorate(broken)()]
        return heard == [1, "sent"] and breaker.state() == "open"

    return asyncio.run(main())


@of_breakers("B13", "a listener that raises changes nothing", colour="threads", name="B13")
def listeners(trial: Trial) -> bool:
    """When the listener of a transition raises, the caller sees what the function raised, and the breaker is open."""
    breaker = trial.make(threshold=1)
    breaker.listen(lambda: 1 / 0)
    try:
        breaker.decorate(down)()
    except (OSError, breaker.refusal):
        return breaker.state() == "open"
    except ZeroDivisionError:
        return False
    return False


_modules = itertools.count()


@of_breakers("B16", "what is decorated can be pickled", colour="threads")
def pickled(trial: Trial) -> bool:
    """A decorated function of a module is pickled by its name, as Celery and multiprocessing do it."""
    module = types.ModuleType(f"module_of_peers_{next(_modules)}")
    sys.modules[module.__name__] = module
    try:
        exec("def function():\n    return 1\n", vars(module))
        module.function = trial.make().decorate(module.function)
        return pickle.loads(pickle.dumps(module.function)) is module.function
    finally:
        del sys.modules[module.__name__]


@of_breakers("B17", "decorates whatever can be called")
def decorates_everything(trial: Trial) -> bool:
    """Async functions stay such to `inspect`, also as partials and callable objects; `classmethod` may stand below."""
    breaker = trial.make()

    async def add(one, other):
        return one + other

    class Adder:
        async def __call__(self, one, other):
            return one + other

    class Service:
        @breaker.decorate
        @classmethod
        async def name(cls):
            return cls.__name__

    made = [breaker.decorate(each) for each in (add, functools.partial(add), Adder())]
    return (
        all(inspect.iscoroutinefunction(each) for each in made)
        and [asyncio.run(each(1, 2)) for each in made] == [3, 3, 3]
        and asyncio.run(Service.name()) == "Service"
    )


@of_breakers("B19", "the caller sees the error itself")
def the_error_itself(trial: Trial) -> bool:
    """The call that opens the breaker raises what the function raised."""
    breaker, original = trial.make(threshold=1), OSError("down")

    def fail():
        raise original

    async def afail():
        raise original

    try:
        if trial.kind.has_threads:
            breaker.decorate(fail)()
        else:
            asyncio.run(breaker.decorate(afail)())
    except Exception as error:  # noqa: BLE001 - which one it is is the question
        return error is original
    return False
