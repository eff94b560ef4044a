"""The store against a dictionary that never forgets."""

from hypothesis import given, settings
from hypothesis import strategies as st

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
            assert store.put(key, number, ttl=3, ticket=store.ticket(tags))
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
        store.put(key, key, ttl=60, ticket=store.ticket(()))

    assert keys == [store.get(key).value for key in keys]


def test_a_scan_does_not_wash_out_what_is_used():
    """Keys that are asked for again and again survive a thousand that are asked for once."""
    store = Store(Memory(max_items=100))
    hot = range(50)
    for key in hot:
        store.put(key, key, ttl=60, ticket=store.ticket(()))
    for _ in range(3):
        for key in hot:
            store.get(key)
    for key in range(1000, 2000):
        store.put(key, key, ttl=60, ticket=store.ticket(()))

    assert sum(store.get(key) is not None for key in hot) >= 45


def test_deleted_keys_leave_no_waste():
    """Putting and deleting one key a million times does not make the queues grow."""
    store = Store(Memory(max_items=10))
    for _ in range(5000):
        store.put("k", 1, ttl=60, ticket=store.ticket(()))
        store.delete("k")

    assert len(store._policy._small) + len(store._policy._main) < 200


def test_many_tags_do_not_fill_memory(monkeypatch):
    """When very many tags have been invalidated they are forgotten, and every value with them."""
    monkeypatch.setattr("mestres_perf.cache._memory._MOST_TAGS", 100)
    store = Store(Memory())
    ticket = store.ticket(["t0"])
    store.put("k", 1, ttl=60, ticket=store.ticket([]))
    for number in range(101):
        store.bump([f"t{number}"])

    assert len(store) == 0
    assert not store.put("k", "old", ttl=60, ticket=ticket)


def test_clearing_revives_nothing():
    """An entry that a tag has made untrue stays so for a reader who held it while everything was cleared."""
    store = Store(Memory())
    store.put("k", "old", ttl=60, ticket=store.ticket(["t"]))
    node = store._nodes["k"]
    entry = node.entry
    store.bump(["t"])
    store.clear()

    assert store._revalidate(node, entry) is None
    store.put("k", "new", ttl=60, ticket=store.ticket(["t"]))
    assert store._revalidate(node, entry) is None
    assert store.get("k").value == "new"
