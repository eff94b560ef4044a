"""Processes that share a directory are one on the page, whoever of them comes, goes or is killed.

Most tests have several Metrics in one process: each has a file and a lock of its own, as those of processes do. One
that gives its lock back is, for the others, a process that is dead.
"""

import asyncio
import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import prometheus_client
import pytest

from mestres_perf import Cache, CircuitBreaker, PerformanceMiddleware
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import Health, Metrics, _directory
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics import _window as window
from mestres_perf.metrics._catalogue import OVERFLOW, Metric
from mestres_perf.metrics._cellfile import size_for, written
from perf.metrics.recycling import recycle

HISTOGRAM = Metric("took_seconds", "histogram", "Time", ("what",), (0.1, 1.0))


class Clock:
    now = 10_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def join(tmp_path, clock):
    """Makes one more process, which lives until the end of the test; all of them share a directory and a clock."""
    living = []

    def make(**options):
        living.append(Metrics(directory=tmp_path / "metrics", clock=clock, **options))
        return living[-1]

    return make


def die(metrics):
    """What the kernel does when a process ends, however it ends."""
    metrics._book.sheet.disown()


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "metrics").iterdir())


def value(metrics, sample, /, **labels):
    return metrics.registry.get_sample_value(sample, labels)


def called(metrics):
    return {labels: values[0] for labels, values in metrics.table()[catalogue.CALLS].items()}


def test_all_processes_are_on_the_page_of_each(join):
    """Counters, histograms and gauges of all processes are added up, and no label says which process it was."""
    processes = [join() for _ in range(3)]
    for number, process in enumerate(processes, 1):
        process.calls.child("f", "success").inc(number)
        process.series(HISTOGRAM).child("x").observe(0.1 * number)
        process.in_progress.inc(number)

    for process in processes:
        assert called(process) == {("f", "success"): 6}
        assert value(process, "took_seconds_bucket", what="x", le="0.1") == 1
        assert value(process, "took_seconds_count", what="x") == 3
        assert value(process, "took_seconds_sum", what="x") == pytest.approx(0.6, abs=3e-6)
        assert value(process, "http_requests_in_progress") == 6


@pytest.mark.scenario("M1")
def test_workers_that_are_replaced(join, tmp_path):
    """What the dead have counted stays, what they had in progress does not, and their files are one."""
    looks, before = join(), 0.0
    for number in range(30):
        worker = join()
        worker.calls.child("f", "success").inc()
        worker.series(HISTOGRAM).child("x").observe(0.5)
        worker.in_progress.inc()
        if number % 3:
            die(worker)
        now = value(looks, "function_calls_total", function="f", outcome="success")
        assert now == before + 1 == value(looks, "took_seconds_count", what="x")
        assert value(looks, "http_requests_in_progress") == number // 3 + 1
        before = now

    assert len(files(tmp_path)) == 1 + 10 + 2


def test_a_sum_does_not_fall_by_its_last_digit(join):
    """Sums are the same in whatever order processes die: for Prometheus a counter that falls a little begins again."""
    processes = [join() for _ in range(12)]
    for number, process in enumerate(processes, 1):
        for seconds in (0.1, 1 / 3, 1e-7, 7.7 * number, float(number)):
            process.series(HISTOGRAM).child("x").observe(seconds)
    looks, sums = join(), []
    for process in sorted(processes, key=lambda each: each._book.sheet.path.name[::-1]):
        sums.append(value(looks, "took_seconds_sum", what="x"))
        die(process)
    sums.append(value(looks, "took_seconds_sum", what="x"))

    assert set(sums) == {sums[0]}
    assert sums[0] == pytest.approx(12 * (0.1 + 1 / 3 + 1e-7) + 8.7 * sum(range(13)), abs=12e-6)


def test_a_new_worker_settles_what_the_dead_have_left(join, tmp_path):
    """Not only who shows a page cleans up: so does whoever begins."""
    for _ in range(5):
        dead = join()
        dead.calls.child("f", "success").inc()
        die(dead)
    last = join()

    assert len([name for name in files(tmp_path) if name.endswith(".cells")]) == 1
    assert called(last) == {("f", "success"): 5}


@pytest.mark.scenario("M2", "M3")
def test_pools_are_added_up(join):
    """Connections in use and those that may be opened are the sum over the processes that live."""

    class Pool:
        most = 50

        def active(self):
            return 3

    processes = [join() for _ in range(4)]
    for process in processes:
        process.watch_pool(Pool())
        process.publish()
    die(processes.pop())

    assert value(processes[0], "database_connections_active", pool="") == 9
    assert value(processes[0], "database_connections_max", pool="") == 150


@pytest.mark.scenario("M4")
def test_the_hit_rate_is_that_of_all(join):
    """It is the hits of all processes by their requests: not the mean of what each would say."""
    for hits in (0, 98):
        process, cache = join(), Cache("shop")
        process.watch_cache(cache)
        cache.get_or_load("k", lambda: 1)
        for _ in range(hits):
            cache.get("k")
        process.publish()
        die(process)

    assert value(join(), "cache_hit_rate") == 0.98


def test_breakers_are_counted_by_state(join):
    """The value of a state is how many processes have their breaker in it."""
    processes = [join() for _ in range(3)]
    for process in processes:
        breaker = CircuitBreaker("payments")
        process.watch_breaker(breaker)
        if process is processes[0]:
            breaker.force_open()
        process.publish()

    assert value(processes[1], "circuit_breaker_state", name="payments", state="closed") == 2
    assert value(processes[1], "circuit_breaker_state", name="payments", state="forced_open") == 1


def test_readings_are_published_once_a_second(join, clock):
    """While requests end, what a pool says is seen by the others after a second at most, at the cost of one look."""
    busy, looks, asked = join(), join(), []

    class Pool:
        most = 5

        def active(self):
            asked.append(1)
            return len(asked)

    busy.watch_pool(Pool())
    for _ in range(1000):
        clock.now += 0.01
        busy.tick(clock.now)

    assert 10 <= len(asked) <= 11
    assert value(looks, "database_connections_active", pool="") == len(asked)


class Unsteady:
    """A cache and a breaker, as far as metrics are concerned, that cannot always say what they have counted."""

    name, is_broken, most = "unsteady", False, 1

    def stats(self):
        if self.is_broken:
            raise RuntimeError("no connection")
        return SimpleNamespace(hits=3, misses=1)

    snapshot = active = stats


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_part_that_raises(tmp_path, clock, is_shared, caplog):
    """It says what it said last, so no sum falls; all others are on the page, requests are counted, errors too."""
    metrics = Metrics(directory=tmp_path / "metrics" if is_shared else None, clock=clock)
    broken, steady, asked = Unsteady(), Unsteady(), []
    metrics.watch_cache(broken, steady)
    assert value(metrics, "cache_requests_total", cache="unsteady", outcome="hit") == 6
    broken.is_broken = True
    metrics.watch_breaker(broken)
    metrics.watch_pool(broken)
    metrics.before_reading(broken.stats)
    metrics.before_reading(lambda: asked.append(1))
    clock.now += 60
    app = PerformanceMiddleware(answer, metrics=metrics)
    for path in ("/x", "/metrics", "/health/performance"):
        assert asyncio.run(ask(app, path))[0]["status"] == 200

    assert value(metrics, "http_requests_total", method="GET", endpoint="__unmatched__", status="200") == 1
    assert value(metrics, "cache_requests_total", cache="unsteady", outcome="hit") == 6
    assert value(metrics, "metrics_errors_total") >= 8
    assert len(asked) >= 3
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1


def test_a_request_is_counted_whatever_publishing_raises(clock, monkeypatch):
    """What happens to be due when a request ends may fail: the request is counted, and the error."""
    metrics = Metrics(clock=clock)
    monkeypatch.setattr(metrics._book, "tick", no_space)
    asyncio.run(ask(PerformanceMiddleware(answer, metrics=metrics), "/x"))

    assert value(metrics, "http_requests_total", method="GET", endpoint="__unmatched__", status="200") == 1
    assert value(metrics, "metrics_errors_total") == 1


async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def ask(app, path):
    sent = []

    async def send(message):
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": []}, None, send)
    return sent


@pytest.mark.parametrize("is_whole", [True, False], ids=["directory", "file"])
def test_what_is_deleted_is_made_again(join, tmp_path, clock, is_whole):
    """Without its file, alone or with the directory, a process shows all that it has, and soon so do the others."""
    one, other = join(), join()
    for process in (one, other):
        process.tick(clock.now)
        process.requests.child("GET", "/", "200").inc(5)
        process.duration.child("GET", "/").observe(0.02)
        process.in_progress.inc()
    if is_whole:
        shutil.rmtree(tmp_path / "metrics")
    else:
        one._book.sheet.path.unlink()
    one.requests.child("GET", "/", "200").inc()
    one.render()
    clock.now += 1.5
    other.tick(clock.now)
    kept = one.requests.child("GET", "/", "200")
    kept.inc()

    for process in (one, other):
        assert value(process, "http_requests_total", method="GET", endpoint="/", status="200") == 12
        assert value(process, "http_request_duration_seconds_count", method="GET", endpoint="/") == 2
        assert value(process, "http_requests_in_progress") == 2
        assert sum(map(sum, window.recent(process.counted().slices, clock.now).values())) == 2
    assert len([name for name in files(tmp_path) if name.endswith(".cells")]) == 2


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_was_read_first_is_not_written_last(tmp_path, is_shared):
    """Two threads that look at once never show less than what one of them has seen; a request waits for neither."""
    reading, go_on, counts = threading.Event(), threading.Event(), iter((1, 2, 3))

    class Slow:
        most = 5

        def active(self):
            now = next(counts)
            if now == 1:
                reading.set()
                go_on.wait(20)
            return now

    metrics = Metrics(directory=tmp_path / "metrics" if is_shared else None)
    metrics.watch_pool(Slow())
    first = threading.Thread(target=metrics.publish)
    first.start()
    assert reading.wait(20)
    metrics.tick(metrics.clock())
    second = threading.Thread(target=metrics.publish)
    second.start()
    second.join(0.05)
    go_on.set()
    first.join()
    second.join()

    assert metrics._book.sheet.row(catalogue.CONNECTIONS, ("",))[0] == 2


@pytest.mark.scenario("M5")
def test_a_process_id_that_is_used_again(join, tmp_path):
    """The dead are told by their lock: that a process with their id lives changes nothing, and nothing is inherited."""
    dead = join()
    dead.calls.child("f", "success").inc(5)
    dead.in_progress.inc()
    die(dead)
    again = join()

    assert dead._book.sheet.path.name.startswith(f"{os.getpid()}-")
    assert again._book.sheet.path.name.startswith(f"{os.getpid()}-")
    assert again.calls.child("f", "success")._values[0] == 0
    assert called(again) == {("f", "success"): 5}
    assert value(again, "http_requests_in_progress") == 0


@pytest.mark.scenario("M6")
@pytest.mark.parametrize("where", ["file/below", "file"])
def test_a_directory_that_cannot_be_used(tmp_path, where):
    """It is refused at start, by name, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=f"{where}.*may write"):
        Metrics(directory=tmp_path / where)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.scenario("M6")
def test_the_environment_names_the_directory(tmp_path, monkeypatch):
    """MESTRES_METRICS_DIR is the default; empty or absent, each process counts for itself."""
    monkeypatch.setenv("MESTRES_METRICS_DIR", str(tmp_path / "metrics"))
    first, second = Metrics(), Metrics()
    first.calls.child("f", "success").inc()
    assert called(second) == {("f", "success"): 1}
    monkeypatch.setenv("MESTRES_METRICS_DIR", "")

    assert called(Metrics()) == {}


def test_somebody_who_does_not_give_back_the_lock(join, tmp_path, monkeypatch):
    """A process that was stopped while it held the directory's lock costs the others a page, and holds up none."""
    metrics = join()
    monkeypatch.setattr(_directory, "PATIENCE", 0.01)
    with (tmp_path / "metrics" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="lock"):
            metrics.render()
        with pytest.raises(ConfigurationError, match="lock"):
            join()
        metrics.tick(metrics.clock())
        metrics.calls.child("f", "success").inc()

    assert called(metrics) == {("f", "success"): 1}


@pytest.mark.scenario("M7")
def test_collectors_of_the_users_own(join):
    """What a process has registered is beside what all have counted."""
    here, there = join(), join()
    prometheus_client.Counter("mine", "Mine", registry=here.registry).inc(2)
    there.calls.child("f", "success").inc()
    page = here.render().decode().splitlines()

    assert {"mine_total 2.0", 'function_calls_total{function="f",outcome="success"} 1.0'} <= set(page)


def test_no_more_label_sets_than_allowed_by_all_together(join):
    """Processes that each bring other labels share the limit; what is beyond it is counted as overflow."""
    for process in range(4):
        metrics = join(max_series=10)
        for number in range(10):
            metrics.calls.child(f"{process}-{number}", "success").inc()
        if process % 2:
            die(metrics)
    counted = called(join(max_series=10))

    assert len(counted) == 11
    assert sum(counted.values()) == 40
    assert counted[OVERFLOW, OVERFLOW] == 30


def test_no_page_says_less_than_one_before(join, monkeypatch):
    """Beyond the limit a label set is overflow for ever, whoever dies, comes or is read first; the others never are."""
    names = iter(range(99, 0, -1))  # who comes later is read before
    monkeypatch.setattr(_directory.secrets, "token_hex", lambda _: f"{next(names):02}")
    looks, seen = join(max_series=3), {}
    processes = []

    def look():
        now = called(looks)
        assert {labels: count for labels, count in seen.items() if now.get(labels, 0) < count} == {}
        seen.update(now)

    for turn, functions in enumerate(("abc", "def", "cde", "xyz")):
        processes.append(join(max_series=3))
        for function in functions:
            processes[-1].calls.child(function, "success").inc(10 ** (turn + 1))
        look()
    for process in (processes[1], processes[3], processes[0], processes[2]):
        die(process)
        look()
    late = join(max_series=3)
    late.calls.child("d", "success").inc()
    look()

    assert seen == {(name, "success"): count for name, count in (("a", 10), ("b", 10), ("c", 1010))} | {
        (OVERFLOW, OVERFLOW): 32_301
    }


def test_the_class_of_a_status_in_the_overflow_of_all(join):
    """Errors that are too many label sets are errors on the page of all processes, of the dead, too."""
    for number in range(3):
        process = join(max_series=2)
        for each in range(4):
            process.requests.child("GET", f"/{number}/{each}", "503").inc()
        if number:
            die(process)
    rows = join(max_series=2).table()[catalogue.REQUESTS]

    assert sum(values[0] for values in rows.values()) == 12
    assert rows[OVERFLOW, OVERFLOW, "5xx"][0] == 10
    assert len(rows) == 3


def test_files_are_small(join, tmp_path):
    """A file is as large as a multiple of `max_series`, and takes no more of the disk than its series need."""
    metrics = join(max_series=500)
    for number in range(2000):
        for series in (metrics.requests, metrics.duration, metrics.first_byte):
            labels = ("GET", f"/{number}", "200")
            series.child(*labels[: len(series._metric.labels)])
    (file,) = (tmp_path / "metrics").glob("*.cells")

    assert file.stat().st_size == size_for(500)
    assert 512 * file.stat().st_blocks < 500 * 1000


def no_space(*_):
    raise OSError(errno.ENOSPC, "no space left on device")


@pytest.mark.parametrize(("pwrite", "name"), [(os.pwrite, "x" * 10_000), (no_space, "x")], ids=["size", "disk"])
def test_when_there_is_no_more_room(join, monkeypatch, pwrite, name):
    """In a file that may not grow, or cannot, new label sets are overflow; what there was goes on."""
    metrics = join(max_series=2000)
    first = metrics.calls.child("first", "success")
    monkeypatch.setattr(os, "pwrite", pwrite)
    for number in range(1500):
        metrics.calls.child(f"{name}{number}", "success").inc()
    first.inc()
    counted = called(metrics)

    assert counted["first", "success"] == 1
    assert sum(counted.values()) == 1501
    assert 0 < counted[OVERFLOW, OVERFLOW] < 1500
    assert len(counted) + counted[OVERFLOW, OVERFLOW] == 1502


def test_a_damaged_file_costs_nobody_the_page(join, tmp_path, caplog):
    """What cannot be read is left out, said in the log, and cleared away."""
    metrics = join()
    metrics.calls.child("f", "success").inc()
    (tmp_path / "metrics" / "1-a.cells").write_bytes(b"")
    (tmp_path / "metrics" / "1-b.cells").write_bytes(b"something else, of some length")

    assert called(metrics) == {("f", "success"): 1}
    assert {"1-a.cells", "1-b.cells"} <= set(caplog.text.replace(":", " ").split())
    assert len([name for name in files(tmp_path) if name.endswith(".cells")]) == 1


@pytest.mark.parametrize("fault", [errno.EMFILE, errno.ENOMEM, errno.EACCES], ids=["files", "memory", "right"])
@pytest.mark.parametrize("name", ["settled", ".cells"])
def test_what_cannot_be_read_now_is_not_lost(join, tmp_path, monkeypatch, fault, name):
    """For want of descriptors or memory there is no page; nothing is settled or deleted, the next one has it all."""
    first, second = join(), join()
    first.calls.child("f", "success").inc(1)
    second.calls.child("f", "success").inc(2)
    die(first)
    looks = join()
    die(second)
    before, opened = files(tmp_path), Path.open

    def starved(path, *arguments, **options):
        if path.name.endswith(name):
            raise OSError(fault, os.strerror(fault))
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", starved)
        with pytest.raises(OSError, match=re.escape(os.strerror(fault))):
            looks.render()
        join().calls.child("g", "success").inc()

    assert set(before) < set(files(tmp_path))
    assert called(looks) == {("f", "success"): 3, ("g", "success"): 1}


def test_a_file_of_somebody_else(join, tmp_path, caplog, monkeypatch):
    """One that may not be opened, as root has left it, costs its own counts: whoever starts or looks says so once."""
    metrics, other = join(), join()
    metrics.calls.child("f", "success").inc()
    other.calls.child("f", "success").inc(10)
    die(other)
    theirs, may = other._book.sheet.path, os.access
    with monkeypatch.context() as patched:  # root may open everything
        patched.setattr(os, "access", lambda path, *rest, **options: path != theirs and may(path, *rest, **options))
        assert called(metrics) == called(metrics) == called(join()) == {("f", "success"): 1}

    assert [record.getMessage().count(theirs.name) for record in caplog.records] == [1, 1]
    assert called(metrics) == {("f", "success"): 11}


def test_another_version_of_a_metric(join):
    """A series that another version of the application makes otherwise is left out: one page has one sort of each."""
    other = Metric("took_seconds", "histogram", "Time", ("what",), (0.5,))
    for metric in (other, HISTOGRAM):
        old = join()
        old.series(metric).child("x").observe(0.2)
        die(old)
    new = join()
    new.series(HISTOGRAM).child("x").observe(0.2)

    assert value(new, "took_seconds_count", what="x") == 2
    assert new.render().count(b"# TYPE took_seconds ") == 1


@pytest.mark.parametrize("is_dead", [False, True])
def test_the_minute_of_another_version(join, clock, is_dead):
    """What another version notes of its last minute, in other buckets, is left out, and is on no page."""
    other, looks = join(), join()
    other._book.sheet.row(Metric("window", "ring", window.RING.help, (), (1.0,)), (), 40)[0] = 1.0
    other.calls.child("f", "success").inc()
    if is_dead:
        die(other)

    assert called(looks) == {("f", "success"): 1}
    assert b"window" not in looks.render()
    assert Health(looks).report()["status"] == "healthy"


def test_the_settled_minute(join, clock):
    """Health is judged by the requests of all processes of the last minute, also of those that are dead by now."""
    slow, quick = join(), join()
    for process, seconds in ((slow, 3.0), (quick, 0.01)):
        for _ in range(50):
            process.tick(clock.now)
            process.requests.child("GET", "/", "200").inc()
            process.duration.child("GET", "/").observe(seconds)
    die(slow)
    clock.now += 30
    quick.table()
    assert Health(quick).report()["status"] == "degraded"
    clock.now += 31

    assert Health(quick).report()["status"] == "healthy"
    assert Health(quick).report()["metrics"]["response_time_p95"] is None


PROCESS = """
import os, pathlib, signal, sys
from mestres_perf.metrics import Metrics

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

metrics = Metrics(directory=sys.argv[1])
metrics.calls.child("f", "success").inc(2)
metrics.in_progress.inc()
"""


def run(tmp_path, then):
    """Run a process until its end; its exit code and what it has printed."""
    command = [sys.executable, "-c", PROCESS + then, str(tmp_path / "metrics")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


TWO_ARE_DEAD = """
dead = [Metrics(directory=sys.argv[1]) for _ in range(2)]
for one in dead:
    one.calls.child("f", "success").inc(10)
    one._book.sheet.disown()
"""
KILLED_AT = {
    "before it is written": "pathlib.Path.write_bytes = killed",
    "half written": "whole = pathlib.Path.write_bytes\n"
    "pathlib.Path.write_bytes = lambda path, content: (whole(path, content[:100]), killed())",
    "before it is in its place": "pathlib.Path.replace = killed",
    "before the first is deleted": "pathlib.Path.unlink = killed",
    "before the second is deleted": "one = pathlib.Path.unlink\n"
    "pathlib.Path.unlink = lambda path, **options: (one(path, **options), killed())",
}


@pytest.mark.process
@pytest.mark.scenario("M1")
@pytest.mark.parametrize("step", KILLED_AT)
def test_killed_while_it_settles(tmp_path, join, step):
    """Whoever is killed at any step of adding up what the dead have left loses nothing and doubles nothing."""
    code, _ = run(tmp_path, f"{TWO_ARE_DEAD}\n{KILLED_AT[step]}\nmetrics.render()")
    looks = join()

    assert code == -signal.SIGKILL
    assert called(looks) == {("f", "success"): 22}
    assert called(looks) == {("f", "success"): 22}
    assert value(looks, "http_requests_in_progress") == 0
    assert len([name for name in files(tmp_path) if name.endswith(".cells")]) == 1


FORKED = """
import time
from mestres_perf import CircuitBreaker

breaker, parent = CircuitBreaker("payments"), os.getpid()
metrics.watch_breaker(breaker)
breaker.call(int)
metrics.publish()
kept, parents = metrics.calls.child("f", "success"), metrics._book.sheet
if os.fork():
    signal.pause()
kept.inc(3)
for _ in range(3):
    breaker.call(int)
os.kill(parent, signal.SIGKILL)
while os.getppid() == parent:
    time.sleep(0.01)
print(metrics.render().decode())
"""


@pytest.mark.process
def test_a_child_counts_for_itself(tmp_path):
    """A forked child counts from zero where its cells were, and does not keep its parent alive for the others."""
    code, page = run(tmp_path, FORKED)
    lines = page.splitlines()

    assert code == -signal.SIGKILL
    assert 'function_calls_total{function="f",outcome="success"} 5.0' in lines
    assert 'circuit_breaker_calls_total{name="payments",outcome="successes"} 4.0' in lines
    assert "http_requests_in_progress 0.0" in lines


WATCHED_LATE = """
from types import SimpleNamespace

class Warm:
    name, hits = "warm", 1000

    def stats(self):
        return SimpleNamespace(hits=self.hits, misses=0)

warm = Warm()
for number in range(3):
    child = os.fork()
    if not child:
        own = Metrics(directory=sys.argv[1]) if number == 2 else metrics
        own.watch_cache(warm)
        warm.hits += 10 * (number + 1)
        own.publish()
        os._exit(0)
    os.waitpid(child, 0)
print(metrics.render().decode())
"""


@pytest.mark.process
def test_what_is_watched_after_the_fork(tmp_path):
    """What a cache has counted before the fork is no child's, whenever the child watches it, and with what Metrics."""
    _, page = run(tmp_path, WATCHED_LATE)

    assert 'cache_requests_total{cache="warm",outcome="hit"} 60.0' in page.splitlines()


FORKED_IN_C = """
import ctypes, threading

kept, held, go_on = metrics.calls.child("f", "success"), threading.Event(), threading.Event()
ended = []

def hold():
    with metrics._lock, metrics._book._asking, metrics._book.sheet.lock:
        held.set()
        go_on.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
for is_told in (True, False):
    child = ctypes.PyDLL(None).fork()
    if not child:
        signal.alarm(20)
        if is_told:
            ctypes.pythonapi.PyOS_AfterFork_Child()
        metrics.tick(metrics.clock())
        kept.inc(10)
        metrics.calls.child("g", "success").inc()
        os._exit(0 if metrics._book.sheet.path.name.startswith(f"{os.getpid()}-") else 1)
    ended.append(os.waitpid(child, 0)[1])
go_on.set()
assert ended == [0, 0], ended
kept.inc()
print(metrics.render().decode())
"""


@pytest.mark.process
def test_a_fork_that_is_not_pythons(tmp_path):
    """A server that forks in C, and tells the child or not, has a file for each; a lock held then holds up none."""
    _, page = run(tmp_path, FORKED_IN_C)

    assert 'function_calls_total{function="f",outcome="success"} 23.0' in page.splitlines()
    assert 'function_calls_total{function="g",outcome="success"} 2.0' in page.splitlines()


@pytest.mark.process
def test_a_process_that_ends_in_order_publishes_what_it_has_read(tmp_path, join):
    """What a cache has counted since it was last looked at is there after its process has ended."""
    run(
        tmp_path,
        "from mestres_perf import Cache\ncache = Cache('shop')\nmetrics.watch_cache(cache)\n"
        "cache.get_or_load('k', lambda: 1)",
    )

    assert value(join(), "cache_requests_total", cache="shop", outcome="miss") == 1


@pytest.mark.scenario("H19")
def test_leftovers_do_not_hold_up_the_loop(tmp_path, join):
    """While a page is made out of what four hundred dead workers have left, the loop goes on going round."""
    rows = [(HISTOGRAM, (f"/{number}",), [1.0, 2.0, 3.0, 4.0]) for number in range(50)]
    looks = join()
    for number in range(400):
        (tmp_path / "metrics" / f"1-{number}.cells").write_bytes(written(rows))

    async def main():
        async def beat():
            rounds = 0
            while True:
                await asyncio.sleep(0)
                rounds += 1
                beats.append(rounds)

        beats = []
        beating = asyncio.create_task(beat())
        app = PerformanceMiddleware(None, metrics=looks)
        sent = []

        async def send(message):
            sent.append(message)

        await app({"type": "http", "method": "GET", "path": "/metrics", "headers": []}, None, send)
        beating.cancel()
        return sent, len(beats)

    sent, rounds = asyncio.run(main())

    assert rounds > 10
    assert b'took_seconds_count{what="/49"} 2400.0' in sent[1]["body"]
    assert files(tmp_path) == sorted(["lock", "settled", looks._book.sheet.path.name])


@pytest.mark.process
@pytest.mark.stress
@pytest.mark.scenario("M1")
def test_gunicorn_replaces_its_workers():
    """Under load no counter falls, no answered request is missing but the killed worker's last, and files are few."""
    workers, replaced = (8, 400) if os.environ.get("MESTRES_STRESS") == "long" else (2, 4)
    seen = recycle(
        workers=workers, replaced=replaced, max_requests=20, clients=workers, pause=0.005, patience=60 + replaced
    )

    assert len(seen.workers) >= workers + replaced
    assert seen.killed == 1
    assert seen.fell == []
    assert seen.answered - seen.counted("http_requests_total") <= seen.killed
    assert seen.counted("http_requests_in_progress") == 0
    assert seen.most_files <= workers + 4  # the master's, that of the dead, the lock, and one that is being written
