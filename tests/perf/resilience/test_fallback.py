"""Fallback: an answer when there is none."""

import asyncio

import pytest

from mestres_perf import Fallback
from mestres_perf.errors import ConfigurationError


def rate(currency):
    raise OSError("down")


async def arate(currency):
    raise OSError("down")


async def acached(currency):
    return f"cached {currency}"


def test_a_value_or_a_function_answers():
    """A value is returned as it is; a function is called with the arguments of the call that failed."""
    assert Fallback(5.0)(rate)("BRL") == 5.0
    assert Fallback(None)(rate)("BRL") is None
    assert Fallback(lambda currency: f"old {currency}")(rate)(currency="BRL") == "old BRL"
    assert asyncio.run(Fallback(lambda currency: f"old {currency}")(arate)("BRL")) == "old BRL"
    assert asyncio.run(Fallback(acached)(arate)("BRL")) == "cached BRL"


def test_only_for_what_it_names():
    """What `on` does not name, an interruption and a cancellation pass."""
    with pytest.raises(OSError, match="down"):
        Fallback(0, on=ValueError)(rate)("BRL")

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Fallback(0).call(interrupted)

    async def main():
        async def cancelled():
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await Fallback(0).acall(cancelled)

    asyncio.run(main())
    assert Fallback(0).call(lambda: 1) == 1


def test_a_failing_fallback_shows_both():
    """What the fallback raises reaches the caller, with what it was to answer for as its context."""

    def broken(currency):
        raise LookupError("never seen")

    with pytest.raises(LookupError) as raised:
        Fallback(broken)(rate)("BRL")
    assert isinstance(raised.value.__context__, OSError)


def test_what_cannot_answer_is_refused():
    """An async fallback for a plain function and a generator are mistakes, told before anything is called."""
    called = []
    with pytest.raises(ConfigurationError, match="cannot answer for a plain function"):
        Fallback(acached).call(called.append, 1)
    assert called == []

    def some():
        yield 1

    with pytest.raises(ConfigurationError, match="generator"):
        Fallback(some)
    with pytest.raises(ConfigurationError, match="type of exception"):
        Fallback(0, on="OSError")
