"""The store against a dictionary that never forgets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf.cache._entry import Entry
from mestres_perf.cache._memory import Memory, Store

KEYS = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.sampled_from(["", "x", "y"])),
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("bump"), st.sampled_from(["x", "y"])),
        st.tuples(st.just("clear")),
        st.tuples(st.just("wait"), st.floats(0, 5)),
    ),
    max_size=120,
)


def put(store, key, value, *, ttl=60, tags=(), ticket=None):
    """As a load that ends just now would store it."""
    now = store.clock()
    entry = Entry(key, value, expires=now + ttl, stored=now)
    entry.tags = tuple(tags)
    return store.put(entry, ticket or store.ticket())


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, size=st.integers(1, 12))
def test_against_an_oracle(steps, size):
    """The store never holds more than its bound, and gives back the last value put, or nothing."""
    now = [0.0]
    store = Store(Memory(max_items=size), clock=lambda: now[0])
    oracle = {}
    for number, (step, *what) in enumerate(steps):
        if step == "put":
            key, tag = what
            tags = [tag] if tag else []
            assert put(store, key, number, ttl=3, tags=tags)
            oracle[key] = (number, now[0] + 3, tag)
        elif step == "get":
            entry = store.get(what[0])
            known = oracle.get(what[0])
            if entry is not None:
                assert known is not None
                assert known[0] == entry.value
                assert now[0] < known[1]
        elif step == "delete":
            store.delete(what[0])
            oracle.pop(what[0], None)
        elif step == "bump":
            store.bump(what)
            oracle = {key: value for key, value in oracle.items() if value[2] != what[0]}
        elif step == "clear":
            store.clear()
            oracle.clear()
        else:
            now[0] += what[0]
        assert len(store) <= size


@given(st.lists(KEYS, max_size=12, unique=True))
def test_nothing_is_lost_below_the_bound(keys):
    """As long as everything fits, everything stays."""
    store = Store(Memory(max_items=31))
    for key in keys:
        put(store, key, key)

    assert keys == [store.get(key).value for key in keys]


@pytest.mark.scenario(57)
def test_a_scan_does_not_wash_out_what_is_used():
    """Keys that are asked for again and again survive a thousand that are asked for once."""
    store = Store(Memory(max_items=100))
    hot = range(50)
    for key in hot:
        put(store, key, key)
    for _ in range(3):
        for key in hot:
            store.nodes[key].hits += 1
    for key in range(1000, 2000):
        put(store, key, key)

    assert sum(store.get(key) is not None for key in hot) >= 45


def test_deleted_keys_leave_no_waste():
    """Putting and deleting one key a million times does not make the queues grow."""
    store = Store(Memory(max_items=10))
    for _ in range(5000):
        put(store, "k", 1)
        store.delete("k")

    assert len(store._policy._small) + len(store._policy._main) < 200


def test_many_tags_do_not_fill_memory(monkeypatch):
    """When very many tags have been invalidated they are forgotten; no load from before may use one of them."""
    monkeypatch.setattr("mestres_perf.cache._memory._MOST_TAGS", 100)
    store = Store(Memory())
    ticket = store.ticket()
    put(store, "other", 1)
    for number in range(101):
        store.bump([f"t{number}"])

    assert len(store._bumped) <= 100
    assert not put(store, "k", "old", tags=["t0"], ticket=ticket)
    assert store.get("other").value == 1


def test_what_has_gone_is_not_true_for_who_holds_it():
    """A reader without a lock who held an entry finds it ended: its time first, its value after."""
    store = Store(Memory())
    for end in (lambda: store.bump(["t"]), lambda: store.delete("k"), store.clear):
        put(store, "k", "old", tags=["t"])
        entry = store.nodes["k"]
        end()
        assert (entry.soft, entry.value) == (float("-inf"), None)
        assert store.get("k") is None
    assert not store._tagged


def test_a_ticket_is_void_after_an_invalidation():
    """What was loaded before a deletion, a bump of one of its tags, or a clear, is not stored."""
    for end in (lambda store: store.bump(["t"]), lambda store: store.clear()):
        store = Store(Memory())
        ticket = store.ticket()
        end(store)
        assert not put(store, "k", "old", tags=["t"], ticket=ticket)
        assert put(store, "k", "new", tags=["t"])
