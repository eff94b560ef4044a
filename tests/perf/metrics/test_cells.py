"""Cells count everything, whoever counts; there are never more of them than allowed."""

import sys
import threading
import weakref

import pytest

from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import Metrics
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import OVERFLOW, Metric
from mestres_perf.metrics._cells import LOCKED, UNLOCKED, width
from mestres_perf.metrics._sheet import Sheet

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
HISTOGRAM = Metric("h", "histogram", "", (), (0.1, 0.5, 1.0))
COUNTER = Metric("c_total", "counter", "")
GAUGE = Metric("g", "gauge", "")
THREADS, TIMES = 8, 4_000


@pytest.fixture
def impatient():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def everywhere():
    """Each sort of cell, counting in a list and in a view of bytes."""
    for name, kinds in (("locked", LOCKED), ("unlocked", UNLOCKED)):
        if kinds is LOCKED or HAS_GIL:
            yield pytest.param(kinds, lambda size: [0.0] * size, id=f"{name}-list")
            yield pytest.param(kinds, lambda size: memoryview(bytearray(8 * size)).cast("d"), id=f"{name}-view")


@pytest.mark.parametrize(("kinds", "place"), list(everywhere()))
def test_no_update_is_lost(kinds, place, impatient):
    """Threads that count in one counter, gauge and histogram at once are all counted."""
    values = {metric: place(width(metric)) for metric in (COUNTER, GAUGE, HISTOGRAM)}
    counter, gauge, histogram = (kinds[metric.kind](metric, values[metric]) for metric in values)
    together = threading.Barrier(THREADS)

    def count():
        together.wait()
        for _ in range(TIMES):
            counter.inc()
            gauge.inc()
            histogram.observe(0.25)
            gauge.dec()

    threads = [threading.Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(values[COUNTER]) == [THREADS * TIMES]
    assert list(values[GAUGE]) == [0]
    assert list(values[HISTOGRAM]) == [0, THREADS * TIMES, 0, 0, THREADS * TIMES * 0.25]


def test_a_bound_belongs_to_its_bucket():
    """A value is counted in the first bucket whose bound it does not exceed, and beyond the last in one more."""
    values = [0.0] * width(HISTOGRAM)
    cell = LOCKED["histogram"](HISTOGRAM, values)
    for value in (-1, 0.1, 0.11, 0.5, 1.0, 1.01, float("inf")):
        cell.observe(value)

    assert values == [2, 2, 1, 2, float("inf")]


@pytest.mark.parametrize("kinds", [LOCKED, UNLOCKED], ids=["locked", "unlocked"])
def test_nan_is_no_value(kinds):
    """What is no number is in no bucket, and does not spoil the sum."""
    values = [0.0] * width(HISTOGRAM)
    cell = kinds["histogram"](HISTOGRAM, values)
    for value in (float("nan"), 0.25, float("nan")):
        cell.observe(value)

    assert values == [0, 1, 0, 0, 0.25]


@pytest.mark.parametrize("metric", [COUNTER, GAUGE, HISTOGRAM], ids=lambda metric: metric.kind)
def test_a_lock_that_somebody_held_when_the_process_was_forked(metric):
    """A cell that is moved counts, whoever still holds the lock that it had; a finalizer may count within a count."""
    cell, held, go_on, done = LOCKED[metric.kind](metric, [0.0] * width(metric)), *(threading.Event() for _ in "123")

    def hold():
        with cell._lock:
            held.set()
            go_on.wait(20)

    def count():
        with cell._lock:
            (cell.observe if metric is HISTOGRAM else cell.inc)(1.0)
        done.set()

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(20)
    cell.move([0.0] * width(metric))
    threading.Thread(target=count, daemon=True).start()
    counted = done.wait(2)
    go_on.set()

    assert counted
    assert sum(cell._values) == (2.0 if metric is HISTOGRAM else 1.0)


@pytest.mark.scenario("H20")
def test_ten_thousand_label_sets():
    """Of 10,000 label sets 500 have a series of their own; the others are one, and it is said how many they are."""
    metrics = Metrics(max_series=500)
    for number in range(10_000):
        metrics.calls.child(f"function{number}", "success").inc()
    counted = metrics.table()[catalogue.CALLS]

    assert len(counted) == 501
    assert list(counted[OVERFLOW, OVERFLOW]) == [9_500]
    assert list(metrics.table()[catalogue.DROPPED]["function_calls_total",]) == [9_500]
    assert sum(values[0] for values in counted.values()) == 10_000


@pytest.mark.scenario("H22")
def test_a_cell_is_never_taken_away():
    """Whoever holds a cell from before the overflow goes on counting where everybody sees it."""
    metrics = Metrics(max_series=2)
    first = metrics.calls.child("first", "success")
    for number in range(100):
        metrics.calls.child(f"function{number}", "success").inc()
    first.inc()

    assert metrics.calls.child("first", "success") is first
    assert list(metrics.table()[catalogue.CALLS]["first", "success"]) == [1]


def test_even_one_series_is_enough():
    """With room for one series the dropped ones are still told apart by metric."""
    metrics = Metrics(max_series=1)
    for number in "123":
        metrics.calls.child(number, "success").inc()
        metrics.requests.child("GET", number, "200").inc()

    assert {labels[0] for labels in metrics.table()[catalogue.DROPPED]} == {
        "function_calls_total",
        "http_requests_total",
    }


def test_threads_that_ask_for_new_label_sets_at_once(impatient):
    """However many threads ask, there is one cell for a label set, and not one more than allowed."""
    metrics = Metrics(max_series=50)
    together = threading.Barrier(THREADS)

    def ask():
        together.wait()
        for number in range(200):
            metrics.calls.child(f"function{number % 100}", "success").inc()

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = metrics.table()[catalogue.CALLS]

    assert len(counted) == 51
    assert sum(values[0] for values in counted.values()) == THREADS * 200


def test_a_finalizer_that_counts(monkeypatch):
    """Counting from a finalizer, which may run in the midst of a series being made, ends and is counted."""
    metrics, place, done = Metrics(), Sheet._place, threading.Event()
    late = [lambda: metrics.calls.child("late", "success").inc()]

    class Dying:
        pass

    def interrupted(*arguments):
        if late:
            weakref.finalize(Dying(), late.pop())
        return place(*arguments)

    def ask():
        metrics.calls.child("early", "success").inc()
        done.set()

    monkeypatch.setattr(Sheet, "_place", interrupted)
    threading.Thread(target=ask, daemon=True).start()

    assert done.wait(20)
    assert list(metrics.table()[catalogue.CALLS]["late", "success"]) == [1]


@pytest.mark.parametrize("labels", [(), ("only one",), ("one", "too", "many")])
def test_labels_must_be_as_many_as_the_metric_has(labels):
    """Another number of labels is refused, and makes no series."""
    metrics = Metrics()
    with pytest.raises(ConfigurationError, match="function, outcome"):
        metrics.calls.child(*labels)

    assert not metrics.table()[catalogue.CALLS]


@pytest.mark.parametrize("most", [0, -1])
def test_there_must_be_room_for_a_series(most):
    """A limit without room for anything is refused."""
    with pytest.raises(ConfigurationError, match="max_series"):
        Metrics(max_series=most)
