"""`mestres-perf slo check --prometheus` and a real Prometheus, which scrapes three small applications."""

import contextlib
import json
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mestres_perf import Metrics
from mestres_perf.assets._rules import prometheus_rules
from mestres_perf.cli import main
from servers.process import Unavailable, free_port
from servers.prometheus import running_prometheus

DETAIL = ("GET", "/api/v1/products/{ref}")
pytestmark = pytest.mark.process


class Page(ThreadingHTTPServer):
    """/metrics of an application of which, between two looks at it, `happens` to its Metrics."""

    daemon_threads = True

    def __init__(self, happens):
        super().__init__(("127.0.0.1", 0), Handler)
        self.metrics, self.happens, self.lock = Metrics(), happens, threading.Lock()
        happens(self.metrics)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            content = self.server.metrics.render()
            self.server.happens(self.server.metrics)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def _answered(metrics, times, *, failing=0):
    for seconds, count in times.items():
        for _ in range(count):
            metrics.duration.child(*DETAIL).observe(seconds)
    count = sum(times.values())
    metrics.requests.child(*DETAIL, "200").inc(count - failing)
    metrics.requests.child(*DETAIL, "500").inc(failing)


def good(metrics):
    """50 requests, of which 96 % are in time for each target."""
    _answered(metrics, {0.05: 49, 0.25: 1})


def bad(metrics):
    """94 % in time for 0.5 s, and 4 % of errors."""
    _answered(metrics, {0.05: 47, 0.9: 3}, failing=2)


def idle(_metrics):
    """Nothing."""


@pytest.fixture(scope="module")
def prometheus(require_part):
    """The address of one that has seen the jobs good, bad and idle for some seconds, and never the job down."""
    with contextlib.ExitStack() as stack:
        places = {}
        for happens in (good, bad, idle):
            page = Page(happens)
            stack.callback(page.server_close)
            stack.callback(page.shutdown)
            places[happens.__name__] = f"127.0.0.1:{page.server_port}"
        places["down"] = f"127.0.0.1:{free_port()}"
        rules = prometheus_rules().replace("interval: 60s", "interval: 500ms")
        try:
            url = stack.enter_context(running_prometheus(places.pop("good"), job="good", rules=rules, others=places))
        except Unavailable as error:
            require_part(None, str(error))
        deadline = time.monotonic() + 30
        asked = urllib.parse.urlencode({"query": "count(slo:error_budget:remaining_ratio >= -1e9) + count(up)"})
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"{url}/api/v1/query?{asked}") as answer:
                found = json.load(answer)["data"]["result"]
            if found and found[0]["value"][1] == "10":  # three budgets of two jobs, and four jobs
                break
            time.sleep(0.1)
        yield url


@pytest.fixture
def judged(prometheus, capsys):
    """`judged(job, *options)`: exit code, rows by target (limit, measured, count, verdict), and all that was said."""

    def judged(job, *options):
        code = main(["slo", "check", "--prometheus", prometheus, "--window", "1m", "--job", job, *options])
        said = capsys.readouterr().out
        rows = {line.split()[0]: line.split()[1:] for line in said.split("\n\n")[0].splitlines()[1:]}
        return code, rows, said

    return judged


def test_a_system_that_keeps_its_promises(judged):
    """Each target has limit, value, number of events and verdict; those that nobody used are said to have no data."""
    code, rows, said = judged("good")

    failed = {name for name, row in rows.items() if row[-1] == "FAIL"}
    assert failed <= {"availability.production"}, said  # on a very busy machine a look at it may take too long
    assert code == (1 if failed else 0)
    assert float(rows["availability.production"][3]) > 50
    for name in ("api.p50", "api.p95", "api.p99", "errors.http_5xx", "features.product_detail.response_time"):
        assert rows[name][-1] == "ok", said
        assert int(rows[name][-2]) >= 50
    assert rows["features.admin_operations.data_export"][-3:] == ["0", "no", "data"]
    assert rows["pages.cumulative_layout_shift"][-2:] == ["no", "data"]
    assert "error budget of errors.http_5xx, 30 days: 100.0% left, if all of them are as the 0.0" in said


def test_a_system_that_does_not(judged):
    """Errors and slow requests miss the targets that they break, and no others; the budgets are spent."""
    code, rows, said = judged("bad")

    assert code == 1
    assert rows["errors.http_5xx"][:5] == ["<", "0.1", "%", "4", "%"]
    found = {name: row[-1] for name, row in rows.items() if name != "availability.production"}
    assert {name for name, word in found.items() if word == "FAIL"} == {
        "api.p95",
        "errors.http_5xx",
        "features.product_detail.response_time",
    }
    assert (found["api.p50"], found["api.p99"], found["errors.http_4xx"]) == ("ok", "ok", "ok")
    assert "error budget of errors.http_5xx, 30 days: -3900.0% left" in said
    assert "error budget of api.p95, 30 days: -20.0% left" in said


@pytest.mark.parametrize("job", ["idle", "nobody"])
def test_without_data_nothing_is_met(judged, job):
    """A system of which nothing is known has no verdict but "no data", and that is no success."""
    code, rows, said = judged(job)

    assert code == {"idle": 1, "nobody": 2}[job]
    assert {" ".join(row[-2:]) for name, row in rows.items() if name.startswith(("api", "errors"))} == {"no data"}
    assert "0 missed" in said


def test_a_system_that_is_down(judged):
    """A system that nobody reaches is not available, though it has no failed requests."""
    code, rows, _said = judged("down")

    assert code == 1
    assert rows["availability.production"][-1] == "FAIL"


def test_only_some(judged):
    """With --only nothing else is judged, and what it names must have data."""
    code, rows, _said = judged("bad", "--only", "api.p?9", "--only", "errors.http_4xx")
    assert (code, set(rows)) == (0, {"api.p99", "errors.http_4xx"})

    code, rows, _said = judged("good", "--only", "pages.*")
    assert (code, len(rows)) == (1, 5)


def test_for_programs(judged):
    """The same as JSON, with a verdict of three words."""
    code, _rows, said = judged("bad", "--json")
    report = json.loads(said)
    found = {row["target"]: (row["met"], row["verdict"], row["measured"]) for row in report["targets"]}

    assert (code, report["met"], report["window"]) == (1, False, "1m")
    assert {row["verdict"] for row in report["targets"]} == {"met", "missed", "no data"}
    assert found["errors.http_5xx"] == (False, "missed", pytest.approx(0.04))
    assert found["api.p50"][:2] == (True, "met")
    assert found["features.admin_operations.data_export"] == (None, "no data", None)
    assert report["budgets"]["api.p95"] == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--job|say which one is meant"),
        (["--job", "good", "--window", "soon"], "window"),
        (["--job", "good", "--only", "apis.*"], "fits none"),
        (["--requests", "5"], "--requests"),
        (["http://127.0.0.1:8000"], "say where"),
    ],
)
def test_bad_input(prometheus, capsys, arguments, word):
    """What makes no sense is exit code 2 and one line that says what would."""
    assert main(["slo", "check", "--prometheus", prometheus, *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert any(one in said for one in word.split("|"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "nonsense"])
def test_nobody_there(capsys, address):
    """An address at which no Prometheus answers is exit code 2 and one line."""
    assert main(["slo", "check", "--prometheus", address]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_somebody_else_there(capsys):
    """So is one at which something else answers."""
    with contextlib.ExitStack() as stack:
        page = Page(idle)
        stack.callback(page.server_close)
        stack.callback(page.shutdown)
        assert main(["slo", "check", "--prometheus", f"http://127.0.0.1:{page.server_port}"]) == 2
    assert "not as a Prometheus does" in capsys.readouterr().err


def test_options_of_prometheus_without_one(capsys):
    """A window without a Prometheus is refused: nothing would look at it."""
    assert main(["slo", "check", "http://127.0.0.1:1", "--window", "1h"]) == 2
    assert main(["slo", "check"]) == 2
    assert "--window" in capsys.readouterr().err
