"""Functions that look their key up before anything else."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf import Cache
from mestres_perf.cache._compile import compiled
from mestres_perf.cache._keys import binder


class Asked(Exception):
    """Carries the key that was looked up."""


class Entries(dict):
    """Tells with which key it was asked."""

    def __missing__(self, key):
        raise Asked(key)


def nothing(value):
    return value


def make(signature):
    scope = {}
    exec(f"def function({signature}): pass", scope)
    return scope["function"]


SIGNATURES = [
    "", "a", "a, b", "a, b=2", "a, /, b=2", "a, *, c", "a, b=2, *, d=4, c=3", "*rest", "a, *rest", "a, *rest, z=1, c",
    "_get, _now, entry, value=1", "type, str, dict, len", "a=None, *, _prefix=5", "a, b=2, /",
]  # fmt: skip
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=2))


@settings(max_examples=400, deadline=None)
@given(data=st.data(), signature=st.sampled_from(SIGNATURES))
def test_the_key_is_the_one_that_binding_gives(data, signature):
    """Whatever the signature, a call with plain arguments looks up the key that everything else uses."""
    function = make(signature)
    call = compiled(function, is_async=False, copies=False, entries=Entries(), now=None, slow=None, copy=nothing)
    assert call is not None
    by_place, by_name = [], {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            by_place += data.draw(st.lists(VALUES, max_size=3)) if not by_name else []
        elif parameter.kind is parameter.KEYWORD_ONLY or (
            by_name and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ):
            if parameter.default is parameter.empty or data.draw(st.booleans()):
                by_name[parameter.name] = data.draw(VALUES)
        elif parameter.default is parameter.empty or not by_name:
            by_place.append(data.draw(VALUES))
    expected = binder(function)(tuple(by_place), by_name)
    with pytest.raises(Asked) as caught:
        call(*by_place, **by_name)
    assert caught.value.args[0] == expected
    assert [type(part) for part in caught.value.args[0]] == [type(part) for part in expected]


def test_what_cannot_be_hashed_is_remembered_too():
    """Lists and dicts as arguments take the longer way, and wrong arguments get Python's own error."""
    cache, calls = Cache(), []

    @cache.cached
    def function(items, *, by=None):
        calls.append(1)
        return len(items)

    assert [function([1, 2]), function([1, 2]), function([True, 2]), function([1, 2], by={"a": [1]})] == [2] * 4
    assert len(calls) == 3
    with pytest.raises(TypeError, match="positional"):
        function()


def test_it_is_the_function_to_everybody():
    """Name, documentation, signature, colour and annotations are those of the function."""
    cache = Cache()

    @cache.cached
    async def function(a: int, *, b: str = "x") -> int:
        """What it does."""
        return a

    assert (function.__name__, function.__doc__) == ("function", "What it does.")
    assert str(inspect.signature(function)) == "(a: 'int', *, b: 'str' = 'x') -> 'int'" or "(a: int" in str(
        inspect.signature(function)
    )
    assert inspect.iscoroutinefunction(function)
    assert inspect.isfunction(function)


def test_keyword_arguments_of_any_name():
    """A function with `**` keeps working, in whatever order its keywords come."""
    cache, calls = Cache(), []

    @cache.cached
    def function(first, *rest, **named):
        calls.append(1)
        return first

    assert [function(1, x=1, y=2), function(1, y=2, x=1), function(1, "x", 1), function(1, x=1)] == [1] * 4
    assert len(calls) == 3
