"""track_performance on whatever can be called."""

import asyncio
import functools
import inspect
import pickle

import pytest

from mestres_perf import Metrics, track_performance


def counts(metrics):
    return {
        (sample.labels["function"], sample.labels["outcome"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "function_calls_total"
    }


def exceptions(metrics):
    return {
        sample.labels["exception"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "function_exceptions_total"
    }


def time_of(metrics, name):
    return metrics.registry.get_sample_value("function_duration_seconds_sum", {"function": name})


@pytest.fixture
def metrics():
    return Metrics()


@pytest.mark.scenario("D1")
@pytest.mark.scenario("D2")
def test_every_colour(metrics):
    """Plain, async, generator and async generator functions are counted once and timed to their end."""

    @track_performance("plain", metrics=metrics)
    def plain(x):
        return x

    @track_performance("async", metrics=metrics)
    async def slow():
        await asyncio.sleep(0.02)

    @track_performance("generator", metrics=metrics)
    def numbers():
        yield from (1, 2)

    @track_performance("async generator", metrics=metrics)
    async def anumbers():
        yield 1

    async def main():
        await slow()
        return [number async for number in anumbers()]

    assert plain(5) == 5
    assert list(numbers()) == [1, 2]
    assert asyncio.run(main()) == [1]
    assert {(name, "success"): 1.0 for name in ("plain", "async", "generator", "async generator")} == counts(metrics)
    assert time_of(metrics, "async") >= 0.02
    assert time_of(metrics, "async") > time_of(metrics, "plain")
    assert inspect.iscoroutinefunction(slow)
    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(anumbers)


@pytest.mark.scenario("D1")
def test_nothing_is_counted_before_the_end(metrics):
    """Calling an async function counts nothing, nor does the first item of a generator: only the end does."""

    @track_performance("f", metrics=metrics)
    async def later():
        return 1

    @track_performance("g", metrics=metrics)
    def items():
        yield 1
        yield 2

    running, reading = later(), items()
    next(reading)
    assert counts(metrics) == {}

    async def main():
        return await running

    assert asyncio.run(main()) == 1
    assert list(reading) == [2]
    assert counts(metrics) == {("f", "success"): 1, ("g", "success"): 1}


@pytest.mark.scenario("D2")
def test_class_methods_from_both_sides(metrics):
    """Above and below classmethod and staticmethod, on plain and async ones, and on methods."""

    class Service:
        @track_performance("one", metrics=metrics)
        @classmethod
        def above(cls, x):
            return cls, x

        @classmethod
        @track_performance("two", metrics=metrics)
        def below(cls, x):
            return cls, x

        @track_performance("three", metrics=metrics)
        @staticmethod
        async def plain(x):
            return x

        @track_performance("four", metrics=metrics)
        def method(self, x):
            return self, x

    service = Service()
    assert Service.above(1) == service.above(1) == Service.below(1) == (Service, 1)
    assert asyncio.run(service.plain(2)) == 2
    assert service.method(3) == (service, 3)
    expected = {("one", "success"): 2, ("two", "success"): 1, ("three", "success"): 1, ("four", "success"): 1}
    assert counts(metrics) == expected
    assert isinstance(vars(Service)["above"], classmethod)


@pytest.mark.scenario("D2")
def test_partials_objects_and_dispatch(metrics):
    """A partial, a callable object of either colour and a dispatched function; they are named without an address."""

    async def adds(x, y):
        return x + y

    class Adder:
        async def __call__(self, x, y):
            return x + y

    class Plain:
        def __call__(self, x):
            return x

    @functools.singledispatch
    async def kind(value):
        return "any"

    @kind.register
    async def _(value: int):
        return "int"

    track = track_performance(metrics=metrics)
    made = [track(functools.partial(functools.partial(adds), 1)), track(functools.partial(Adder(), 1)), track(kind)]

    assert all(inspect.iscoroutinefunction(each) for each in made)
    assert [asyncio.run(each(2)) for each in made] == [3, 3, "int"]
    assert track(Plain())(4) == 4
    names = {function.rpartition(".")[2] for function, _ in counts(metrics)}
    assert names == {"adds", "Adder", "kind", "Plain"}
    assert not any("0x" in function for function, _ in counts(metrics))


@pytest.mark.scenario("D2")
def test_recursion(metrics):
    """Each call of a function that calls itself is counted."""

    @track_performance("factorial", metrics=metrics)
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    assert factorial(5) == 120
    assert counts(metrics) == {("factorial", "success"): 6}


def signed(one: int, /, other: str = "b", *rest: int, named: bool = True, **more: float) -> str:
    """What it says of itself."""
    return other


@track_performance
def of_the_module(number: int) -> int:
    return number


@pytest.mark.scenario("D2")
def test_a_function_stays_itself():
    """Name, documentation, signature and annotations are kept, and a function of a module can be pickled."""
    tracked = track_performance("s")(signed)

    assert inspect.signature(tracked) == inspect.signature(signed)
    assert (tracked.__name__, tracked.__doc__, tracked.__annotations__) == (
        signed.__name__,
        signed.__doc__,
        signed.__annotations__,
    )
    assert tracked(1, "c", 3, named=False, x=1.0) == "c"
    assert pickle.loads(pickle.dumps(of_the_module)) is of_the_module


@pytest.mark.scenario("D2")
def test_what_goes_into_generators(metrics):
    """What is sent and thrown reaches generators of both colours; closing one early is a success."""

    @track_performance("g", metrics=metrics)
    def echo():
        got = None
        while True:
            try:
                got = yield got
            except KeyError:
                got = "caught"

    @track_performance("ag", metrics=metrics)
    async def aecho():
        got = None
        while True:
            try:
                got = yield got
            except KeyError:
                got = "caught"

    generator = echo()
    assert [next(generator), generator.send(1), generator.throw(KeyError())] == [None, 1, "caught"]
    generator.close()

    async def main():
        agenerator = aecho()
        said = [await anext(agenerator), await agenerator.asend(1), await agenerator.athrow(KeyError())]
        await agenerator.aclose()
        return said

    assert asyncio.run(main()) == [None, 1, "caught"]
    assert counts(metrics) == {("g", "success"): 1, ("ag", "success"): 1}


@pytest.mark.scenario("D2")
def test_errors_are_counted_and_raised_on(metrics):
    """What a function raises reaches the caller unchanged; the call is an error, and counted by the type of it."""
    original = OSError("down")

    @track_performance("fails", metrics=metrics)
    def fails(error):
        raise error

    for error in (original, original, ValueError()):
        with pytest.raises(type(error)) as caught:
            fails(error)
        assert caught.value is error
    with pytest.raises(KeyboardInterrupt):
        fails(KeyboardInterrupt())
    assert counts(metrics) == {("fails", "error"): 3.0, ("fails", "cancelled"): 1.0}
    assert exceptions(metrics) == {"OSError": 2, "ValueError": 1}


@pytest.mark.scenario("D2")
def test_types_of_exceptions_are_bounded(metrics):
    """Of types that are made while the program runs twenty are told apart; the others are counted together."""

    @track_performance("fails", metrics=metrics)
    def fails(kind):
        raise kind

    for number in range(50):
        kind = type(f"Error{number}", (Exception,), {})
        with pytest.raises(kind):
            fails(kind)
    found = exceptions(metrics)
    assert len(found) == 21
    assert found["__overflow__"] == 30


@pytest.mark.scenario("D2")
def test_a_cancelled_task_is_no_error(metrics):
    """A task that is cancelled in the middle is counted as that."""

    @track_performance("waits", metrics=metrics)
    async def waits(begun):
        begun.set()
        await asyncio.Event().wait()

    async def main():
        begun = asyncio.Event()
        task = asyncio.create_task(waits(begun))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert counts(metrics) == {("waits", "cancelled"): 1}


def test_bare():
    """Without arguments the name is the function's own, and the default metrics are used."""
    from mestres_perf.metrics import default_metrics

    @track_performance
    def mine():
        return 1

    assert mine() == 1
    assert any("mine" in function for function, _ in counts(default_metrics()))
