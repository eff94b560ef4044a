"""track_performance on callables of every colour."""

import asyncio
import inspect

import pytest

from mestres_perf import Metrics, track_performance


def counts(metrics):
    return {
        (sample.labels["function"], sample.labels["outcome"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "function_calls_total"
    }


def time_of(metrics, name):
    return metrics.registry.get_sample_value("function_duration_seconds_sum", {"function": name})


def test_every_colour():
    """Plain, async, generator and async generator functions are counted once and timed to their end."""
    metrics = Metrics()

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
    assert inspect.iscoroutinefunction(slow)


def test_errors_are_counted_and_raised_on():
    """What a function raises reaches the caller; the call is counted as an error."""
    metrics = Metrics()

    @track_performance("fails", metrics=metrics)
    def fails():
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        fails()
    assert counts(metrics) == {("fails", "error"): 1.0}


def test_bare():
    """Without arguments the name is the function's own, and the default metrics are used."""
    from mestres_perf.metrics import default_metrics

    @track_performance
    def mine():
        return 1

    assert mine() == 1
    assert any("mine" in function for function, _ in counts(default_metrics()))
