"""Equal for calls that mean the same, different for all others."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import combinations

import pytest

from mestres_perf.cache._keys import Key, binder, freeze, name_of, of_call
from mestres_perf.errors import KeyArgumentError

DIFFERENT = [
    (1,), ("1",), (True,), (1.0,), (Decimal(1),), (None,), ("",), (b"a",), ("a",), (b"",), ((1, 2),), ([1, 2],),
    ({1, 2},), (frozenset({1, 2}),), ({"a": 1},), ({"a": "1"},), ("x:y", "z"), ("x", "y:z"), ("x", "y", "z"),
    (((1,), 2),), ((1, (2,)),), (date(2026, 1, 1),), ("2026-01-01",), ("}{\r\n*",), ("\ud800",),
]  # fmt: skip


@pytest.mark.scenario(40)
def test_different_calls_have_different_keys():
    """No two of these argument lists share a key or a name in Redis."""
    bind = binder(lambda *arguments: None)
    same = [
        (one, other)
        for one, other in combinations(DIFFERENT, 2)
        if bind(one, {}) == bind(other, {}) or name_of(bind(one, {})) == name_of(bind(other, {}))
    ]

    assert same == []


@pytest.mark.scenario(40)
def test_the_same_call_has_one_key():
    """Defaults may be spelled out or not, keywords come in any order, and a dict's order does not matter."""

    def function(a, b=2, *, c=3, d=4):
        pass

    bind = binder(function)
    keys = {
        bind((1,), {}),
        bind((1, 2), {}),
        bind((), {"a": 1}),
        bind((1,), {"d": 4, "c": 3}),
        bind((1,), {"c": 3, "d": 4, "b": 2}),
    }

    assert len(keys) == 1
    assert freeze({"x": 1, "y": 2}) == freeze({"y": 2, "x": 1})


@pytest.mark.scenario(41)
def test_names_are_short_and_plain():
    """A key of ten megabytes has a name of 32 letters that means nothing to Redis."""
    name = name_of(freeze("}{*\r\n" * 2_000_000))

    assert len(name) == 32
    assert name.isalnum()


def test_what_cannot_be_a_key():
    """An argument that can be neither hashed nor taken apart gives a clear error; `__cache_key__` makes it a key."""

    class Strange:
        __hash__ = None

    class Named(Strange):
        def __cache_key__(self):
            return "me"

    with pytest.raises(KeyArgumentError, match="__cache_key__"):
        freeze(Strange())
    assert freeze(Named()) == freeze(Named())


def test_what_other_processes_cannot_know():
    """An object without a name of its own is a key in this process, and none in Redis."""
    key = freeze(object())

    with pytest.raises(KeyArgumentError, match="other processes"):
        name_of(key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=-3)))),
        (complex(0.0, -0.0), complex(0.0, 0.0)),
    ],
)
def test_equals_have_one_name_in_redis(one, other):
    """What is one key in memory is one in Redis, too: else an invalidation of one would leave the other."""
    keys = [of_call("f", [each]) for each in (one, other)]
    assert keys[0] == keys[1]
    assert name_of(keys[0]) == name_of(keys[1])
    assert name_of(Key((*keys[0], "x" * 300))) == name_of(Key((*keys[1], "x" * 300)))
